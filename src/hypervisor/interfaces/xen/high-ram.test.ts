/** RAM behind a hole below 4 GiB: a 64-bit guest that writes, reads and runs there, at once and from a saved state; and what it is told of it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadLevel } from '../../../cpu/index.ts';
import { memoryMap } from '../../../devices/index.ts';
import type { Domain } from '../../domain/domain.ts';
import { longProgram, program, runToEnd } from '../../domain/program.test-support.ts';
import { audit, createDomain, Machine } from '../../memory/index.ts';
import { areaEnds, setArea } from './areas.ts';
import { MachineView } from '../../view/machine-view.ts';
import { assembleDomain } from '../assemble.ts';
import { HYPERCALL, XENMEM } from './abi.ts';
import { hvmInfo } from './hvm/hvm-info.ts';
import { firmwareMemoryMap, firmwareTables } from './hvm/hvmloader-info.ts';
import { hypercall } from './hypercalls.ts';
import { pvhMemoryMap } from './memory/memory-map.ts';
import { XEN_VCPU } from './layout.ts';
import { xenOf } from './of-domain.ts';
import { ownWrites } from './own-writes.ts';
import { memoryOf, pvhKernel } from './pvh-program.test-support.ts';
import { XEN_RECORDS } from './records.ts';
import { readState, saveDomain, type SavedState } from './stream/state.ts';

const MEMORY_MIB = 8,
  LOW_MIB = 4;
const GIB4 = 2 ** 32;
const TABLES = 0x200000,
  RESULTS = 0x8000;
/** The first byte that is written, and the last quadword of RAM. */
const FIRST = GIB4 + 0x3000,
  LAST = GIB4 + (MEMORY_MIB - LOW_MIB) * 2 ** 20 - 8;
/** One more page of 1 GiB, at 4 GiB; what is written there is read, and called, after a long time. */
const kernel = longProgram([
  'mov rax, cr3; mov dword [rax + 0x1020], 0x83; mov dword [rax + 0x1024], 1',
  `mov rsi, ${FIRST}; mov rax, 0x1122334455667788; mov [rsi], rax; mov [rsi + ${LAST - FIRST}], rax`,
  // Bytes of: mov eax, 0x5a5a; ret.
  'mov rcx, 0x9090c300005a5ab8; mov [rsi + 0x2000], rcx; mov ecx, 10000; again: dec ecx; jnz again',
  `mov esp, 0x9000; lea rdx, [rsi + 0x2000]; call rdx; mov rbx, [rsi]; mov rbp, [rsi + ${LAST - FIRST}]`,
  `mov [${RESULTS}], rax; mov [${RESULTS + 8}], rbx; mov [${RESULTS + 16}], rbp; hlt`,
]);
/** The same without a header, which begins where it is loaded. */
const forPvh = kernel.slice();
forPvh.set([0xeb, 0x1e]);

type Kind = 'pc' | 'hvm' | 'pvh';

/** `populateMiB`: less than all, so that RAM comes with its first use. */
function make(kind: Kind, saved?: SavedState, populateMiB = MEMORY_MIB, runs = kernel): Domain {
  const machine = Machine.create(new SharedArrayBuffer(32 * 2 ** 20));
  const record = createDomain(machine, saved?.about.memoryMiB ?? MEMORY_MIB, saved?.about.p2mFrames, {
    lowMiB: saved ? (saved.about.lowMiB ?? saved.about.memoryMiB) : LOW_MIB,
    populateMiB,
    ...(kind === 'pc' ? {} : { guest: XEN_RECORDS[kind] }),
  });
  return assembleDomain(
    {
      machine,
      record,
      memoryMiB: record.ramFrames / 256,
      boot: saved?.boot ?? {
        kind: 'kernel',
        kernel: kind === 'pvh' ? pvhKernel(forPvh) : runs,
        name: 'program',
        cmdline: '',
      },
      startEpochMs: 0,
      onReset: 'end',
      onTripleFault: 'end',
      apic: kind !== 'pc',
      serial: () => {},
      cpuLevel: 'x86-64',
    },
    saved,
  );
}

const double = (domain: Domain, address: number): bigint => {
  const bytes = new Uint8Array(8);
  domain.memory.read(address, bytes);
  return new DataView(bytes.buffer).getBigUint64(0, true);
};
const PATTERN = 0x1122334455667788n;
function expectDone(domain: Domain): void {
  runToEnd(domain);
  const addresses = [RESULTS, RESULTS + 8, RESULTS + 16, FIRST, LAST];
  expect(addresses.map(at => double(domain, at))).toEqual([0x5a5an, PATTERN, PATTERN, PATTERN, PATTERN]);
  expect(audit(domain.options.machine)).toEqual([]);
}

beforeAll(() => loadLevel('x86-64'));

describe.each<Kind>(['pc', 'hvm', 'pvh'])('RAM above 4 GiB of a guest of 64 bits (%s)', kind => {
  it('is there, to its last byte and no further', () => {
    const domain = make(kind);
    expectDone(domain);
    expect([LAST + 8, LOW_MIB * 2 ** 20].map(at => domain.memory.machineOffset(at))).toEqual([-1, -1]);
  });

  it('is saved and restored', () => {
    const domain = make(kind);
    domain.stopAtInstruction = 5000;
    domain.runSlice();
    const state = readState(
      Buffer.concat(saveDomain(domain, { name: 'program', program: 'test', definition: '' })),
      'program',
    );
    expect(state.about).toMatchObject({ memoryMiB: MEMORY_MIB, lowMiB: LOW_MIB });
    // As core files want their frames, too.
    const pfns = state.pages.flatMap(page => [...page.pfns]);
    expect(pfns).toEqual(pfns.toSorted((a, b) => a - b));
    const restored = make(kind, state);
    expect([double(restored, FIRST), double(restored, LAST)]).toEqual([PATTERN, PATTERN]);
    expectDone(restored);
  });
});

it('is reached by a guest of 32 bits, through PAE’s pages of both sizes and by PSE-36', () => {
  const [directory, table, other] = [1, 2, 3].map(page => TABLES + page * 0x1000);
  const domain = make(
    'pc',
    undefined,
    MEMORY_MIB,
    program([
      // PAE: the first 4 MiB where they are, 4 MiB leads to the page at 4 GiB + 0x3000, 6 MiB to the 2 MiB at 4 GiB.
      `mov dword [${TABLES}], ${directory! + 1}; mov dword [${directory}], 0x83; mov dword [${directory! + 8}], 0x200083`,
      `mov dword [${directory! + 16}], ${table! + 3}; mov dword [${table}], 0x3003; mov dword [${table! + 4}], 1`,
      `mov dword [${directory! + 24}], 0x83; mov dword [${directory! + 28}], 1`,
      `mov eax, ${TABLES}; mov cr3, eax; mov eax, 0x20; mov cr4, eax; mov eax, cr0; or eax, 0x80000000; mov cr0, eax`,
      'mov dword [0x400010], 0x12345678; mov eax, [0x603010]; mov ebx, cr0; and ebx, 0x7fffffff; mov cr0, ebx',
      // PSE-36: bit 13 of an entry for 4 MiB is bit 32 of the address.
      `mov dword [${other}], 0x83; mov dword [${other! + 4}], 0x2083; mov ecx, ${other}; mov cr3, ecx`,
      'mov ecx, 0x10; mov cr4, ecx; or ebx, 0x80000000; mov cr0, ebx; mov ecx, [0x403010]',
      `mov [${RESULTS}], eax; mov [${RESULTS + 4}], ecx; hlt`,
    ]),
  );
  runToEnd(domain);
  expect([RESULTS, FIRST + 16].map(at => double(domain, at))).toEqual([0x1234567812345678n, 0x12345678n]);
});

it('holds page tables of PAE, which those who look at a vCPU find there', () => {
  const directory = TABLES + 0x1000;
  const domain = make(
    'pc',
    undefined,
    MEMORY_MIB,
    program([
      `mov dword [${TABLES}], ${directory + 1}; mov dword [${directory}], 0x83`,
      `mov dword [${directory + 8}], 0x5003; mov dword [${directory + 12}], 1`,
      `mov eax, ${TABLES}; mov cr3, eax; mov eax, 0x20; mov cr4, eax; mov eax, cr0; or eax, 0x80000000; mov cr0, eax; hlt`,
    ]),
  );
  runToEnd(domain);
  const { machine, record } = domain.options,
    frames = [TABLES, directory, GIB4 + 0x5000].map(at => domain.memory.machineOffset(at) >>> 12);
  const [vcpu] = new MachineView(machine.memory).domain(record.id)!.vcpus();
  expect(vcpu!.look().tables()).toEqual(new Set(frames));
});

it('a reset empties it', () => {
  const domain = make('pc');
  runToEnd(domain);
  domain.power.reset();
  expect([double(domain, FIRST), double(domain, LAST)]).toEqual([0n, 0n]);
});

it('is populated on demand, and the exits for that say where', () => {
  const domain = make('pvh', undefined, 5);
  const xen = xenOf(domain)!;
  expectDone(domain);
  expect(xen.frames.pod.entries).toBeGreaterThan(512);
  const { machine, record } = domain.options;
  const [vcpu] = new MachineView(machine.memory).domain(record.id)!.vcpus();
  expect(vcpu!.lastExits().exits.map(({ detail }) => detail)).toContain(FIRST);
});

it('comes and goes by hypercalls of its guest', () => {
  const domain = make('pvh'),
    { put } = memoryOf(domain);
  const reserve = (command: number, gfn: number): number =>
    hypercall(xenOf(domain)!, HYPERCALL.MEMORY_OP, [command, put(0x7000, put(0x7100, gfn), 1, 0, 0, 0x7ff0), 0, 0, 0]);
  const gfn = 0x100010;
  expect(reserve(XENMEM.DECREASE_RESERVATION, gfn)).toBe(1);
  expect(domain.memory.machineOffset(gfn * 4096)).toBe(-1);
  expect(reserve(XENMEM.POPULATE_PHYSMAP, gfn)).toBe(1);
  expect(domain.memory.machineOffset(gfn * 4096)).toBeGreaterThan(0);
  expect([0x100400, 0x1000000].map(beyond => reserve(XENMEM.POPULATE_PHYSMAP, beyond))).toEqual([0, 0]);
});

it('holds what Xen writes of its own accord, which counts as written', () => {
  const domain = make('pvh'),
    { machine, record } = domain.options,
    vcpu = xenOf(domain)!.ports.vcpu(0);
  const ends = [FIRST + 4092, LAST - 4096] as const;
  setArea(machine.words, vcpu, XEN_VCPU.RUNSTATE_AREA, ...ends);
  setArea(machine.words, vcpu, XEN_VCPU.TIME_AREA, 0x8000, 0x801f);
  expect(areaEnds(machine.words, vcpu, XEN_VCPU.RUNSTATE_AREA)).toEqual(ends);
  expect(areaEnds(machine.words, vcpu, XEN_VCPU.TIME_AREA)).toEqual([0x8000, 0x801f]);
  const written = [...ownWrites(machine, record)];
  for (const end of ends) expect(written).toContain(domain.memory.machineOffset(end) >>> 12);
});

describe('what a guest is told of RAM above 4 GiB', () => {
  const ram = { memoryMiB: 1536, lowMiB: 1024 };
  const HIGH = { base: GIB4, length: 512 * 2 ** 20, type: 1 };

  it('stands in the map of each kind of board, and the rest ends at the hole', () => {
    for (const map of [memoryMap(ram), pvhMemoryMap(ram), firmwareMemoryMap(ram)]) {
      expect(map.at(-1)).toEqual(HIGH);
      const low = map.filter(({ base, type }) => type === 1 && base < 2 ** 30);
      expect(Math.max(...low.map(({ base, length }) => base + length))).toBeGreaterThan(2 ** 30 - 2 ** 17);
      expect(Math.max(...low.map(({ base, length }) => base + length))).toBeLessThanOrEqual(2 ** 30);
    }
    expect(firmwareTables(ram).acpi).toBe(2 ** 30 - 0x10000);
  });

  it('stands in the table that the domain builder leaves for hvmloader', () => {
    const view = new DataView(hvmInfo(1, { ramFrames: 0x60000, lowFrames: 0x40000 }).buffer);
    expect([view.getUint32(20, true), view.getUint32(28, true)]).toEqual([0x40000, 0x120000]);
  });

  it('is told by XENMEM_memory_map', () => {
    const domain = make('pvh'),
      { put, get } = memoryOf(domain);
    expect(hypercall(xenOf(domain)!, HYPERCALL.MEMORY_OP, [XENMEM.MEMORY_MAP, put(0x7000, 64, 0x7100), 0, 0, 0])).toBe(
      0,
    );
    const last = 0x7100 + 20 * (get(0x7000) - 1);
    expect([0, 4, 8, 12, 16].map(at => get(last + at))).toEqual([0, 1, 4 * 2 ** 20, 0, 1]);
  });
});
