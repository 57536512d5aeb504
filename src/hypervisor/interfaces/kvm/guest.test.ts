/** What Documentation/virt/kvm/x86 of Linux promises guests of KVM: cpuid.rst, msr.rst, hypercalls.rst. */
import { describe, expect, it } from 'vitest';
import { registers as R, TSC_HZ } from '../../../cpu/architecture/index.ts';
import { asm, asm16, type Code } from '../../../cpu/test-support/asm.ts';
import { loadVirtio } from '../../../devices/index.ts';
import type { Domain } from '../../domain/domain.ts';
import { program, programDomain, runToEnd } from '../../domain/program.test-support.ts';
import { putPages } from '../xen/stream/memory.ts';
import { encodeDelta } from '../xen/stream/page-delta.ts';
import { readState, saveDomain } from '../xen/stream/state.ts';
import { FEATURES, MSR } from './abi.ts';
import { audit } from '../../memory/audit.ts';
import { framesWord } from './layout.ts';
import { KVM_RECORDS } from './records.ts';

const OUT = 0x180000,
  RECORD = 0x181000,
  STEAL = 0x182000,
  EOI = 0x183000;
const START_MS = 1_700_000_000_123;
const HALT: Code = ['cli; hlt'];

type Options = Parameters<typeof programDomain>[1];
const boot = (code: Code, saved?: Parameters<typeof programDomain>[2], options: Options = {}): Domain =>
  programDomain(program(code), { startEpochMs: START_MS, ...options }, saved, undefined, { guest: KVM_RECORDS });
const saved = (domain: Domain) => {
  const parts = saveDomain(domain, { name: 'kvm', program: 'test', definition: '' });
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((at, part) => (bytes.set(part, at), at + part.length), 0);
  return readState(bytes, 'kvm');
};

function run(code: Code): { domain: Domain; state: string; word(at: number): number; view: DataView } {
  const domain = boot([...code, ...HALT]);
  const { state } = runToEnd(domain);
  return { domain, state, ...memoryOf(domain) };
}

function memoryOf(domain: Domain): { word(at: number): number; view: DataView } {
  const bytes = new Uint8Array(0x10000);
  domain.memory.read(OUT, bytes);
  const view = new DataView(bytes.buffer);
  return { word: at => view.getUint32(at - OUT, true), view };
}

const keep = (at: number, ...registers: string[]): string =>
  registers.map((register, i) => `mov [${OUT + at + 4 * i}], ${register}`).join('; ');
const cpuid = (leaf: number, at: number): string =>
  `mov eax, ${leaf}; xor ecx, ecx; cpuid; ${keep(at, 'eax', 'ebx', 'ecx', 'edx')}`;
const wrmsr = (index: number, low: number, high = 0): string =>
  `mov ecx, ${index}; mov eax, ${low}; mov edx, ${high}; wrmsr`;
const vmcall = (number: number, at: number, instruction = 'vmcall'): string =>
  `mov eax, ${number}; ${instruction}; ${keep(at, 'eax')}`;

describe('CPUID', () => {
  it('says KVM, once, with the features that there are', () => {
    const { view, word } = run([
      cpuid(0x40000000, 0),
      cpuid(0x40000001, 16),
      cpuid(1, 32),
      cpuid(0x40000100, 48),
      cpuid(0x40000010, 64),
      cpuid(0x80000007, 80),
    ]);
    expect(new TextDecoder().decode(view.buffer.slice(4, 16))).toBe('KVMKVMKVM\0\0\0');
    expect([word(OUT), word(OUT + 16)]).toEqual([0x40000010, FEATURES >>> 0]);
    // Clock, old and new and stable; no delays for I/O; steal time; ends of interrupts; kicks, interrupts to many, yields. No asynchronous page faults (4, 10, 14).
    expect(FEATURES).toBe((1 << 24) | (1 << 13) | (1 << 11) | 0b11101011);
    expect(word(OUT + 40) >>> 31).toBe(1);
    expect([0, 4, 8, 12].map(at => word(OUT + 48 + at))).toEqual([0, 0, 0, 0]);
    expect(word(OUT + 64)).toBe(TSC_HZ / 1000);
    // No invariant TSC, with which Linux would leave kvmclock alone.
    expect(word(OUT + 92) & 0x100).toBe(0);
  });
});

describe('the clock', () => {
  it.each([
    ['new', MSR.SYSTEM_TIME, MSR.WALL_CLOCK],
    ['old', MSR.SYSTEM_TIME_OLD, MSR.WALL_CLOCK_OLD],
  ])('by the %s registers: a record of the TSC, and the wall clock when its time was 0', (_, system, wall) => {
    const { domain, view } = run([
      wrmsr(system, RECORD + 1),
      wrmsr(wall, RECORD + 64),
      `mov ecx, ${system}; rdmsr; ${keep(0, 'eax', 'edx')}`,
    ]);
    expect([view.getUint32(0, true), view.getUint32(4, true)]).toEqual([RECORD + 1, 0]);
    const at = RECORD - OUT;
    expect(view.getUint32(at, true) & 1).toBe(0);
    const ticks = Number(view.getBigUint64(at + 8, true)),
      ns = Number(view.getBigUint64(at + 16, true));
    expect(ns).toBeGreaterThan(0);
    expect(ns).toBeLessThanOrEqual(domain.clock.nowNs());
    const shift = view.getInt8(at + 28);
    const perTick = (view.getUint32(at + 24, true) / 2 ** 32) * 2 ** shift;
    expect(perTick).toBeCloseTo(1e9 / TSC_HZ, 6);
    expect(Math.abs(ticks * perTick - ns)).toBeLessThan(2);
    // All TSCs agree.
    expect(view.getUint8(at + 29)).toBe(1);
    expect([view.getUint32(at + 68, true), view.getUint32(at + 72, true)]).toEqual([
      Math.floor(START_MS / 1000),
      123_000_000,
    ]);
    expect(view.getUint32(at + 64, true) & 1).toBe(0);
  });

  it('is not written where it is off, nor where there is no memory', () => {
    const { state, word } = run([wrmsr(MSR.SYSTEM_TIME, RECORD), wrmsr(MSR.SYSTEM_TIME, 0xf0000001, 7)]);
    expect([state, word(RECORD + 24)]).toEqual(['parked', 0]);
  });
});

describe('registers', () => {
  it.each([
    ['of features that are not offered', 'mov ecx, 0x4b564d05; rdmsr'],
    ['that are none', wrmsr(0x4b564d77, 0)],
    ['with bits that must be zero', wrmsr(MSR.STEAL_TIME, STEAL + 0x21)],
  ])('%s are a general protection fault', (_, code) => {
    // Without an IDT that is a triple fault.
    expect(run([code]).state).not.toBe('parked');
  });
});

describe('steal time', () => {
  it('is what a vCPU was runnable for and did not run', () => {
    const { domain } = run([wrmsr(MSR.STEAL_TIME, STEAL + 1)]);
    const steal = (): { ns: number; version: number; preempted: number } => {
      const { view } = memoryOf(domain);
      const at = STEAL - OUT;
      return {
        ns: Number(view.getBigUint64(at, true)),
        version: view.getUint32(at + 8, true),
        preempted: view.getUint8(at + 16),
      };
    };
    const before = steal();
    expect(before.version % 2).toBe(0);
    const { onState } = domain.vcpus;
    const to = (state: 'running' | 'runnable'): void => onState!(0, state);
    to('running');
    to('runnable');
    expect(steal().preempted).toBe(1);
    domain.clock.idleTo(domain.clock.nowNs() + 5000);
    to('running');
    const after = steal();
    expect([after.ns - before.ns, after.preempted, after.version % 2]).toEqual([5000, 0, 0]);
    expect(domain.guest.tellsStolenTime).toBe(true);
  });
});

describe('ends of interrupts', () => {
  it('may be left out where the guest has said where, and are taken when it clears the bit', () => {
    const { domain } = run([wrmsr(MSR.PV_EOI, EOI + 1)]);
    const local = domain.platform.localApic!(0)!;
    const word = (): number => memoryOf(domain).word(EOI);
    local.write(0xf0, 0x1ff, 4);
    local.post(0x61);
    expect([local.acknowledge(), word()]).toEqual([0x61, 1]);
    // The guest clears the bit: the next one comes though nobody wrote to EOI.
    domain.memory.write(EOI, Uint8Array.of(0));
    local.post(0x51);
    expect([local.intr, local.acknowledge()]).toEqual([true, 0x51]);
    // It writes to EOI instead.
    expect(word()).toBe(1);
    local.write(0xb0, 0, 4);
    expect(word()).toBe(0);
  });

  it('that were left out have come when the guest takes the place away, as Linux does before it starts again', () => {
    const { domain } = run([wrmsr(MSR.PV_EOI, EOI + 1)]);
    const local = domain.platform.localApic!(0)!;
    local.write(0xf0, 0x1ff, 4);
    local.post(0x61);
    local.acknowledge();
    domain.memory.write(EOI, Uint8Array.of(0));
    domain.guest.writeMsr(MSR.PV_EOI, 0, 0);
    local.post(0x51);
    expect([local.intr, local.acknowledge()]).toEqual([true, 0x51]);
    // Where it has not been left out it is to come.
    domain.guest.writeMsr(MSR.PV_EOI, EOI + 1, 0);
    local.write(0xb0, 0, 4);
    local.post(0x61);
    local.acknowledge();
    domain.guest.writeMsr(MSR.PV_EOI, 0, 0);
    local.post(0x51);
    expect(local.intr).toBe(false);
    local.write(0xb0, 0, 4);
    expect(local.intr).toBe(true);
  });
});

describe('hypercalls', () => {
  it('change EAX alone: 0, or what is wrong', () => {
    const { word, domain, view } = run([
      'mov ebx, 0x11111111; mov ecx, 0; mov edx, 0x33333333; mov esi, 0x44444444',
      vmcall(1, 0),
      vmcall(999, 4),
      vmcall(999, 8, 'vmmcall'),
      vmcall(11, 12),
      `mov ebx, ${RECORD}`,
      vmcall(9, 16),
      'mov ecx, 1',
      vmcall(9, 20),
      'mov ecx, 0; mov ebx, 0xf0000000',
      vmcall(9, 24),
      keep(28, 'ebx', 'ecx', 'edx', 'esi'),
    ]);
    const results = [0, 4, 8, 12, 16, 20, 24].map(at => word(OUT + at) | 0);
    expect(results).toEqual([0, -1000, -1000, 0, 0, -95, -14]);
    expect([28, 32, 36, 40].map(at => word(OUT + at))).toEqual([0xf0000000, 0, 0x33333333, 0x44444444]);
    // The wall clock and the TSC of one moment.
    const at = RECORD - OUT;
    const wallMs = Number(view.getBigInt64(at, true)) * 1000 + Number(view.getBigInt64(at + 8, true)) / 1e6;
    expect(wallMs).toBeGreaterThanOrEqual(START_MS);
    expect(wallMs).toBeLessThanOrEqual(START_MS + domain.clock.nowNs() / 1e6);
    expect(view.getBigUint64(at + 16, true)).toBeGreaterThan(0n);
    expect(domain.processor.regs[R.EAX]).toBe(-14);
  });
});

describe('vCPUs to each other', () => {
  it('end a HLT with interrupts off, also one that has not begun', () => {
    const { state, word } = run([
      'cli; mov ecx, 0',
      vmcall(5, 0),
      `hlt; mov dword [${OUT + 4}], 1`,
      // Nobody has this identifier.
      'mov ecx, 9',
      vmcall(5, 8),
      `hlt; mov dword [${OUT + 4}], 2`,
    ]);
    expect([state, word(OUT), word(OUT + 4), word(OUT + 8)]).toEqual(['parked', 0, 1, 0]);
  });

  it('wake each other as often as they wait, with interrupts off', () => {
    const START = 0x8000,
      READY = 0x9000,
      ANSWERS = 0x9004,
      ROUNDS = 200;
    const other = asm16(`cli; mov byte [${READY}], 1; again: hlt; inc dword [${ANSWERS}]; jmp again`);
    const code = [
      ...other.map((byte, i) => `mov byte [${START + i}], ${byte}`),
      'mov dword [0xfee000f0], 0x1ff; mov dword [0xfee00310], 1 << 24',
      `mov dword [0xfee00300], 0x4500; mov dword [0xfee00300], ${0x4600 | (START >> 12)}`,
      ...asm(`ready: pause; cmp byte [${READY}], 1; jne ready; mov esi, 0
        round: mov ebx, [${ANSWERS}]; mov eax, 5; mov ecx, 1; vmcall
        answer: pause; cmp ebx, [${ANSWERS}]; je answer; inc esi; cmp esi, ${ROUNDS}; jb round; mov [${OUT}], esi`),
      ...HALT,
    ];
    const domain = programDomain(program(code), { startEpochMs: START_MS }, undefined, undefined, {
      guest: KVM_RECORDS,
      vcpus: 2,
    });
    runToEnd(domain);
    expect(memoryOf(domain).word(OUT)).toBe(ROUNDS);
    // A round is a hypercall, a HLT and some instructions of each, not a turn.
    expect(domain.instructions).toBeLessThan(ROUNDS * 1000);
  });

  it('send one interrupt to many', () => {
    const { word, domain } = run([
      `mov eax, 0x1ff; mov [0xfee000f0], eax`,
      'mov ebx, 3; mov ecx, 0; mov edx, 0; mov esi, 0x51',
      vmcall(10, 0),
      'mov esi, 0x500',
      vmcall(10, 4),
      'mov ebx, 1; mov edx, 40; mov esi, 0x61',
      vmcall(10, 8),
    ]);
    expect([0, 4, 8].map(at => word(OUT + at) | 0)).toEqual([1, -22, 0]);
    expect(domain.platform.localApic!(0)!.acknowledge()).toBe(0x51);
  });
});

describe('memory that the guest does without', () => {
  const PAGE = 0x300;
  const domainOf = (code: Code = HALT, state?: Parameters<typeof programDomain>[2], populateMiB = 4): Domain => {
    const domain = programDomain(program(code), { startEpochMs: START_MS }, state, undefined, {
      guest: KVM_RECORDS,
      ...(populateMiB < 4 ? { populateMiB } : {}),
    });
    return domain;
  };
  const bytesAt = (domain: Domain, gfn: number): number => {
    const bytes = new Uint8Array(1);
    domain.memory.read(gfn << 12, bytes);
    return bytes[0]!;
  };
  const have = ({ options: { machine, record } }: Domain): number => machine.words[framesWord(record)]!;

  it('is the host’s, and comes back as zeroes with its first use: by a device, and by the guest', () => {
    const domain = domainOf([`mov byte [${(PAGE + 1) << 12}], 7; cli; hlt`]);
    const { machine, record } = domain.options;
    runToEnd(domain);
    domain.memory.write(PAGE << 12, Uint8Array.of(5));
    const [free, had] = [machine.freeFrames, have(domain)];
    domain.guest.release!([PAGE, PAGE + 1, PAGE + 2, PAGE, PAGE + 2]);
    expect([machine.freeFrames - free, have(domain) - had]).toEqual([3, -3]);
    expect(machine.secondStage(record).isOnDemand(PAGE)).toBe(true);
    expect([bytesAt(domain, PAGE), bytesAt(domain, PAGE + 1)]).toEqual([0, 0]);
    expect([machine.freeFrames - free, have(domain) - had, audit(machine)]).toEqual([1, -1, []]);
    domain.power.reset();
    runToEnd(domain);
    expect([bytesAt(domain, PAGE + 1), audit(machine)]).toEqual([7, []]);
  });

  it('is none below 1 MiB, behind the end, of a device, or seen at two places', () => {
    const domain = domainOf();
    const { machine } = domain.options;
    runToEnd(domain);
    const free = machine.freeFrames;
    domain.guest.release!([0, 0x9f, 0xa0, 0xff, 0x400, 0xfffff, 2 ** 32 - 1]);
    expect(machine.freeFrames).toBe(free);
    // A closed A20 gate shows even MiBs at odd ones.
    domain.platform.modelBus!.writePort(0x92, 0, 1);
    domain.guest.release!([0x200, 0x300]);
    expect(machine.freeFrames).toBe(free);
    domain.platform.modelBus!.writePort(0x92, 2, 1);
    domain.guest.release!([0x200, 0x300]);
    expect([machine.freeFrames, audit(machine)]).toEqual([free + 2, []]);
  });

  it('that the host does not have any more ends the guest, with why', () => {
    const domain = domainOf([`jmp $`]);
    const { machine } = domain.options;
    domain.guest.release!([PAGE]);
    const taken = machine.allocate(machine.freeFrames, 0)!;
    bytesAt(domain, PAGE);
    const result = runToEnd(domain);
    expect(result).toMatchObject({ state: 'ended', ending: { kind: 'crash' } });
    expect(JSON.stringify(result)).toContain('(guest frame 0x300), and the host has none left');
    for (const mfn of taken) machine.release(mfn);
  });

  it('is as little in a domain that goes on from a saved state', () => {
    const domain = domainOf();
    runToEnd(domain);
    domain.memory.write((PAGE + 8) << 12, Uint8Array.of(9));
    domain.guest.release!(Array.from({ length: 256 }, (_, i) => 0x200 + i));
    const state = saved(domain);
    expect(state.about.populatedMiB).toBe(3);
    const other = domainOf(HALT, state, 3);
    expect(have(other)).toBeLessThanOrEqual(have(domain));
    expect([bytesAt(other, PAGE + 8), audit(other.options.machine)]).toEqual([9, []]);
    // What was all zeroes when it came may come again, as what of it is not so any more.
    const delta = encodeDelta(
      new Uint8Array(4096),
      Uint8Array.from({ length: 4096 }, (_, i) => (i === 0 ? 6 : 0)),
    )!;
    expect(other.options.machine.secondStage(other.options.record).isOnDemand(PAGE)).toBe(true);
    putPages(other, [
      { pfns: Uint32Array.of(PAGE), types: Uint8Array.of(0), bytes: delta, deltas: Uint32Array.of(delta.length) },
    ]);
    expect([bytesAt(other, PAGE), audit(other.options.machine)]).toEqual([6, []]);
    // With all of its memory from the start it keeps that.
    expect(have(domainOf(HALT, state))).toBe(1024 - 32);
  });
});

describe('a saved state', () => {
  it('has what the guest had of KVM, and tells the guest that it stood still', () => {
    const code = [wrmsr(MSR.SYSTEM_TIME, RECORD + 1), wrmsr(MSR.STEAL_TIME, STEAL + 1), ...HALT];
    const domain = boot(code);
    runToEnd(domain);
    const state = saved(domain);
    expect(state.about.kind).toBe('kvm');
    const other = boot(code, state);
    expect([other.guest.name, other.guest.saveRest()]).toEqual(['kvm', expect.objectContaining({})]);
    const { vcpus } = other.guest.saveRest() as { vcpus: { systemTime: Uint32Array; steal: Uint32Array }[] };
    expect([[...vcpus[0]!.systemTime], [...vcpus[0]!.steal]]).toEqual([
      [RECORD + 1, 0],
      [STEAL + 1, 0],
    ]);
    expect(memoryOf(other).view.getUint8(RECORD - OUT + 29)).toBe(3);
    const { kvm: _gone, ...without } = state.domain;
    expect(() => boot(code, { ...state, domain: without })).toThrow();
  });

  it('has its devices of virtio, where they are there again', async () => {
    const virtio = { items: ['console', 'rng'], seed: 5 };
    await loadVirtio(virtio.items);
    // A doubleword of configuration space: what is in slots 13 and 14.
    const config = (slot: number): string =>
      `mov dx, 0xcf8; mov eax, ${0x80000000 + slot * 0x800}; out dx, eax; mov dx, 0xcfc; in eax, dx`;
    const code = [config(13), keep(0, 'eax'), config(14), keep(4, 'eax'), ...HALT];
    const domain = boot(code, undefined, { virtio });
    runToEnd(domain);
    const { word } = memoryOf(domain);
    expect([word(OUT), word(OUT + 4)]).toEqual([0x10031af4, 0x10051af4]);
    const state = saved(domain);
    const again = saved(boot(code, state, { virtio }));
    for (const name of ['virtio-console', 'virtio-rng'])
      expect(again.emulator.devices[name]).toEqual(state.emulator.devices[name]);
    expect(state.emulator.devices['virtio-rng']).toBeDefined();
  });
});
