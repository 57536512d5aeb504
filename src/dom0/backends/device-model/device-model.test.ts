/** A guest with its device model in Domain 0, next to the same guest with the one in its own worker: the guest must not be able to tell. */
import { MemoryDisk } from '../../../formats/blocks/index.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { asm, d } from '../../../cpu/test-support/asm.ts';
import { assembleDomain } from '../../../hypervisor/interfaces/assemble.ts';
import { audit } from '../../../hypervisor/memory/audit.ts';
import type { Domain } from '../../../hypervisor/domain/domain.ts';
import { readState, saveDomain, type SavedState } from '../../../hypervisor/interfaces/xen/stream/state.ts';
import { SCREEN } from '../../../hypervisor/layout/layout.ts';
import { MODEL, XEN_MODEL } from '../../../hypervisor/interfaces/xen/layout.ts';
import { createDomain, destroyDomain } from '../../../hypervisor/memory/domain-table.ts';
import { type DomainRecord, Machine } from '../../../hypervisor/memory/machine.ts';
import { OverlayDisk } from '../../../hypervisor/disks/overlay-disk.ts';
import { interruptGate, LOAD, program, startPics } from '../../../hypervisor/domain/program.test-support.ts';
import { EVTCHNSTAT, HVM_PARAM } from '../../../hypervisor/interfaces/xen/abi.ts';
import { states } from '../../toolstack/parts.ts';
import { Services, WHOLE_P2M } from '../../toolstack/services.ts';
import { IN_DOMAIN_0 } from '../../toolstack/kinds/model-place.ts';
import type { DeviceModel } from './device-model.ts';
import { modelOf } from './saved-model.ts';
import { XEN_HVM } from '../../../hypervisor/interfaces/xen/records.ts';
import { modelAccount } from '../../../hypervisor/interfaces/xen/view/index.ts';
import { MachineView } from '../../../hypervisor/view/index.ts';

const MIB = 4;
const UUID = '00000000-0000-0000-0000-000000000001';
const out = (port: number, value: number): string => `mov dx, ${port}; mov al, ${value}; out dx, al`;
const HANDLER = 0x600,
  IDTR = 0x700,
  IDT = 0x1000,
  VECTORS = 0x20,
  IRQ_14 = VECTORS + 14;
/** Where the guest leaves what it saw. */
const SEEN = 0x201000,
  BUFFER = 0x200000;
const store = (at: number): string => `mov [${SEEN + at}], eax`;
const command = (sector: number, code: number): string[] => [
  out(0x1f2, 1),
  out(0x1f3, sector),
  out(0x1f4, 0),
  out(0x1f5, 0),
  out(0x1f6, 0xe0),
  out(0x1f7, code),
];
/** DRQ. */
const AWAIT_DATA = asm('again: in al, dx; test al, 8; jz again');

/** Reads sector 3 by REP INSW, writes it to sector 5 by REP OUTSW, with interrupts; looks into configuration space, the screen, the keyboard controller. */
const kernelOf = (turns: number): Uint8Array =>
  program(
    [
      `lidt [${LOAD + IDTR}]`,
      startPics(0xfb, 0xbf),
      'sti; cld',
      out(0x3f6, 0),
      ...command(3, 0x20),
      AWAIT_DATA,
      `mov dx, 0x1f0; mov ecx, 256; mov edi, ${BUFFER}; rep insw`,
      ...command(5, 0x30),
      AWAIT_DATA,
      `mov dx, 0x1f0; mov ecx, 256; mov esi, ${BUFFER}; rep outsw`,
      // BSY goes.
      'mov dx, 0x1f7; busy: in al, dx; test al, al; js busy',
      // Configuration space of 1.1: dword 0, then the class byte at 0xB.
      'mov dx, 0xcf8; mov eax, 0x80000900; out dx, eax; mov dx, 0xcfc; in eax, dx',
      store(0),
      'mov dx, 0xcf8; mov eax, 0x80000908; out dx, eax; mov dx, 0xcff; xor eax, eax; in al, dx',
      store(4),
      // A word of the text screen, and back.
      'mov word [0xb8000], 0x1f41; xor eax, eax; mov ax, [0xb8000]',
      store(8),
      // Keyboard controller: self test (0xAA), its answer.
      out(0x64, 0xaa),
      'empty: in al, 0x64; test al, 1; jz empty',
      'xor eax, eax; in al, 0x60',
      store(12),
      // The time of the PM timer's owner: the PIT's port B is the hypervisor's.
      'xor eax, eax; in al, 0x61',
      store(16),
      // Past the screen's next refresh, then isa-debug-exit.
      `mov ecx, ${turns}; again: dec ecx; jne again; mov al, 7; out 0xf4, al; hlt`,
    ].flat(),
    {
      // EOI to both.
      [HANDLER]: [`inc dword [${SEEN + 20}]; push eax; mov al, 0x20; out 0xa0, al; out 0x20, al; pop eax; iret`],
      [IDTR]: [[0xff, 0x07], d(LOAD + IDT)],
      [IDT + 8 * IRQ_14]: interruptGate(HANDLER),
    },
  );

const KERNEL = kernelOf(1000),
  LONG_KERNEL = kernelOf(2_500_000);

const IMAGE = Uint8Array.from({ length: 64 * 512 }, (_, i) => (i * 7 + (i >> 9)) & 255);
const CONTENT = new MemoryDisk(IMAGE, { readOnly: true });

/** Reads and writes of all widths, strings and memory accesses, at ports of many devices, with what was read stored. */
function randomAccesses(seed: number): Uint8Array {
  let state = seed * 0x9e3779b9;
  const pick = (n: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) | 0;
    return ((state ^ (state >>> 13)) >>> 0) % n;
  };
  const PORTS = [
    0x60, 0x64, 0x80, 0x1ce, 0x1cf, 0x1f1, 0x1f2, 0x1f3, 0x1f6, 0x1f7, 0x3b4, 0x3c0, 0x3c4, 0x3c5, 0x3ce, 0x3cf, 0x3d4,
    0x3d5, 0x3da, 0x3f6, 0x3f8, 0x3fb, 0x3fd, 0x378, 0x510, 0x511, 0xcf8, 0xcfc, 0xcfd, 0x300, 0x61, 0x40, 0x21,
  ];
  const code: (string | number[])[] = ['cld'];
  for (let i = 0; i < 200; i++) {
    const port = PORTS[pick(PORTS.length)],
      value =
        port === 0xcf8
          ? 0x80000000 + (pick(0x20) << 8) + (pick(16) << 2)
          : port === 0x64
            ? [0x20, 0xaa, 0xab, 0xad, 0xae][pick(5)]
            : pick(256) | (pick(256) << 8);
    code.push(`mov dx, ${port}`);
    switch (pick(6)) {
      case 0:
      case 1:
        code.push('xor eax, eax', ['in al, dx', 'in ax, dx', 'in eax, dx'][pick(3)], `mov [${SEEN + 4 * i}], eax`);
        break;
      case 2:
      case 3:
        // A keyboard controller takes bytes alone, and the address of configuration space is written whole.
        code.push(
          `mov eax, ${value}`,
          port === 0xcf8
            ? 'out dx, eax'
            : ['out dx, al', 'out dx, ax', port === 0x64 ? 'out dx, al' : 'out dx, eax'][port === 0x64 ? 0 : pick(3)],
        );
        break;
      case 4:
        // Across a page's end now and then.
        code.push(
          `mov ecx, ${1 + pick(40)}; mov edi, ${BUFFER + (pick(3) === 0 ? 0xff0 : pick(0x800))}`,
          ['rep insb', 'rep insw', 'rep insd'][pick(3)],
        );
        break;
      default:
        code.push(`
          mov [${0xa0000 + pick(0x1fff0)}], al; mov eax, [${0xa0000 + pick(0x1fff0)}]
          mov [${SEEN + 4 * i}], eax
        `);
    }
  }
  return program([...code, 'mov al, 1; out 0xf4, al; hlt']);
}

interface Made {
  machine: Machine;
  services: Services;
  record: DomainRecord;
  domain: Domain;
  model: DeviceModel | undefined;
  disk: OverlayDisk;
  failures: string[];
}

function make(inDomain0: boolean, kernel = KERNEL, saved?: SavedState): Made {
  const machine = Machine.create(new SharedArrayBuffer(32 * 2 ** 20));
  const services = new Services(machine);
  const record = createDomain(machine, MIB, WHOLE_P2M, { guest: XEN_HVM });
  services.prepare(record, UUID);
  if (inDomain0) IN_DOMAIN_0.prepare!(machine, record);
  const disk = new OverlayDisk(CONTENT, { sectorBytes: 512, readOnly: false, label: 'disk.img' });
  const ide = [{ place: 0, kind: 'disk' as const, disk }];
  const boot = { kind: 'kernel' as const, kernel, name: 'kernel', cmdline: '' };
  const domain = assembleDomain(
    {
      machine,
      record,
      memoryMiB: MIB,
      boot,
      startEpochMs: 0,
      onReset: 'end',
      onTripleFault: 'end',
      serial: () => {},
      ...(inDomain0 ? {} : { ide }),
    },
    saved,
  );
  const failures: string[] = [];
  const alarm = domain.timers.create('device-model', () => domain.state.stop());
  services.attach(
    record,
    {
      uuid: UUID,
      name: 'guest',
      type: 'hvm',
      memoryMiB: MIB,
      maxMemoryMiB: MIB,
      vcpus: 1,
      maxVcpus: 1,
      startEpochMs: 0,
    },
    () => {},
    saved?.toolstack,
  );
  const model = inDomain0
    ? services.attachModel({
        record,
        boot,
        ide,
        clock: domain.clock,
        wakeAt: ns => alarm.set(ns),
        serial: () => {},
        failed: sentence => failures.push(sentence),
        saved: saved && modelOf(saved),
      })
    : undefined;
  return { machine, services, record, domain, model, disk, failures };
}

/** Slices and Domain 0's turns, until the domain ends or nothing moves any more. */
function run({ domain, services }: Made, slices = 2000): ReturnType<Domain['runSlice']> {
  let result = domain.runSlice();
  for (let i = 0; i < slices && result.state !== 'ended'; i++) {
    const worked = services.poll();
    if (!worked && result.state === 'parked' && result.untilNs === Infinity) break;
    result = domain.runSlice();
  }
  return result;
}

const seen = ({ machine, record }: Made, words: number): number[] => {
  const mfn = machine.secondStage(record).mfn(SEEN >>> 12);
  return [...machine.words.subarray(mfn * 1024, mfn * 1024 + words)].map(word => word >>> 0);
};

/** As xl save and xl restore between two slices, whatever is under way. */
function saved({ domain, services, record }: Made): SavedState {
  const toolstack = services.save(record.id);
  const chunks = saveDomain(domain, { name: 'guest', program: 'test', definition: '' }, toolstack);
  return readState(new Uint8Array(Buffer.concat(chunks)), 'guest.save');
}

/** What the guest did, and where it came to. */
function outcome(each: Made): {
  seen: number[];
  instructions: number;
  nowNs: number;
  screen: number[];
  disk: number[];
} {
  const { machine, record, domain, disk } = each;
  const screen = machine.words.subarray(record.screenOffset >>> 2, (record.screenOffset >>> 2) + SCREEN.FONT);
  const sector = new Uint8Array(512);
  disk.read(5 * 512, sector);
  return {
    seen: seen(each, 6),
    instructions: domain.instructions,
    nowNs: domain.clock.nowNs(),
    screen: [screen[SCREEN.MODE], screen[SCREEN.WIDTH], screen[SCREEN.HEIGHT], screen[SCREEN.DATA]],
    disk: [...sector],
  };
}

beforeAll(states.load);

describe('a device model in Domain 0', () => {
  it('gives the guest what the one beside its processor gives: ports, strings, configuration space, memory, interrupts, time', () => {
    const made = [make(false, LONG_KERNEL), make(true, LONG_KERNEL)];
    const results = made.map(each => {
      expect(run(each)).toMatchObject({ state: 'ended', ending: { kind: 'debug-exit', value: 7 } });
      return {
        ...outcome(each),
        requests: modelAccount(new MachineView(each.machine.memory).at(each.record.index)!).requests,
      };
    });
    expect(results[1]).toEqual(results[0]);
    const [{ seen: words, disk, screen }] = results;
    // PIIX3 IDE, mass storage, what was written, the controller's self test, two interrupts of the disk.
    expect([words[0], words[1], words[2], words[3], words[5]]).toEqual([0x70108086, 0x01, 0x1f41, 0x55, 2]);
    expect(disk.slice(0, 3)).toEqual([0, 1, 2].map(i => ((3 * 512 + i) * 7 + 3) & 255));
    expect(screen.slice(0, 3)).toEqual([1, 80, 25]);
    expect(screen[3] & 0xffff).toBe(0x1f41);
  });

  it.each([1, 10])('answers random accesses as the one beside the processor: seed %i', seed => {
    const kernel = randomAccesses(seed);
    const [stub, dom0] = [make(false, kernel), make(true, kernel)].map(each => {
      const result = run(each, 10_000);
      return { ...outcome(each), state: result.state, seen: seen(each, 256), screen: undefined };
    });
    expect(stub.state).toBe('ended');
    expect(dom0).toEqual(stub);
  });

  it('answers at any moment, also between two looks of the domain: an interrupt that came meanwhile waits for the instruction under way', () => {
    const TURNS = 300,
      VECTOR = 0x40;
    const kernel = program(
      [
        `lidt [${LOAD + IDTR}]`,
        out(0x21, 0xff),
        out(0xa1, 0xff),
        out(0x1f2, 0x5a),
        `sti; xor ebx, ebx; mov ecx, ${TURNS}`, // mov edx, 0x1f2; xor eax, eax; in al, dx; add ebx, eax; dec ecx; jnz back
        'again: mov edx, 0x1f2; xor eax, eax; in al, dx; add ebx, eax; dec ecx; jne again; mov eax, ebx',
        store(0),
        'mov al, 7; out 0xf4, al; hlt',
      ].flat(),
      {
        [HANDLER]: [`push eax; push ebx; mov eax, ${-1}; inc dword [${SEEN + 4}]; pop ebx; pop eax; iret`],
        [IDTR]: [[0xff, 0x07], d(LOAD + IDT)],
        [IDT + 8 * VECTOR]: interruptGate(HANDLER),
      },
    );
    const made = make(true, kernel);
    const { vcpus, processor } = made.domain,
      { turns } = vcpus;
    // The domain finds nothing to do; then Domain 0, which has a thread of its own, answers, and an event comes by the callback's vector.
    let due = false;
    const { schedule } = turns,
      { inject } = processor;
    turns.schedule = () => {
      const can = schedule.call(turns);
      if (!can) due = made.services.poll();
      return can;
    };
    vcpus.directVector = () => (due ? VECTOR : -1);
    processor.inject = (...given) => {
      due = false;
      inject.apply(processor, given);
    };
    expect(run(made)).toMatchObject({ state: 'ended', ending: { kind: 'debug-exit', value: 7 } });
    const [sum, interrupts] = seen(made, 2);
    expect([sum, interrupts > TURNS / 2]).toEqual([TURNS * 0x5a, true]);
  });

  it('has its pages out of the reach of the guest, and its ports, too', () => {
    const made = make(true);
    const { machine, record, services } = made;
    for (const param of [HVM_PARAM.IOREQ_PFN, HVM_PARAM.BUFIOREQ_PFN])
      expect(machine.secondStage(record).entry(services.dom0.getHvmParam(record.id, param))).toBe(0);
    const ports = services.dom0.portsOf(record.id);
    // The store's and the console's come first; then one for the buffered page, and one a vCPU.
    expect([1, 2, 3, 4].map(port => ports.isOfXen(port))).toEqual([false, false, true, true]);
    expect([ports.send(3), ports.state(4)]).toEqual([false, EVTCHNSTAT.INTERDOMAIN]);
    ports.closeAll(false);
    expect([1, 2, 3, 4].map(port => ports.state(port) === EVTCHNSTAT.CLOSED)).toEqual([true, true, false, false]);
  });

  it('is saved with its guest, also in the middle of a request, and both go on elsewhere', () => {
    const whole = make(true);
    run(whole);
    // After this many slices: before the disk's command, in it, behind it, and some way on.
    for (const slices of [1, 12, 19, 25]) {
      const before = make(true);
      if (slices > 1) run(before, slices - 2);
      // Its last request waits for an answer.
      before.domain.runSlice();
      const after = make(true, KERNEL, saved(before));
      expect(run(after)).toMatchObject({ state: 'ended', ending: { kind: 'debug-exit', value: 7 } });
      // The screen is drawn again, as soon as there is time for that.
      const { screen: _drawn, ...left } = outcome(after);
      expect(outcome(whole)).toMatchObject(left);
    }
  });

  it('lets everything go when the domain is destroyed, whatever it was doing', () => {
    for (const slices of [0, 1, 5, 40]) {
      const made = make(true);
      const { machine, services, record } = made;
      if (slices > 0) run(made, slices);
      expect(audit(machine, services.dom0.held)).toEqual([]);
      services.detach(record.id);
      expect(destroyDomain(machine, record)).toBe(true);
      expect(audit(machine, services.dom0.held)).toEqual([]);
      services.poll();
      expect(services.pending).toBe(false);
    }
  });

  it('that has gone ends the guest that waits for it, with a sentence', () => {
    const made = make(true);
    made.domain.runSlice();
    made.model!.close();
    expect(run(made)).toMatchObject({ state: 'ended', ending: { kind: 'crash' } });
    expect(made.domain.ending?.sentence).toContain('The device model in Domain 0 has gone');
  });

  it('that finds nonsense in a slot ends, and Domain 0 goes on', () => {
    const made = make(true);
    const { machine, record, domain, services, failures } = made;
    domain.runSlice();
    const block = (record.guestOffset >>> 2) + XEN_MODEL;
    // Eight thousand elements, where a request has a page of them at most.
    machine.words[machine.words[block + MODEL.IOREQ_MFN] * 1024 + 4] = 8000;
    expect(services.poll()).toBe(true);
    expect(failures).toEqual([expect.stringContaining('8000 elements')]);
    expect(run(made)).toMatchObject({ state: 'ended', ending: { kind: 'crash' } });
    expect(services.poll()).toBe(false);
  });

  it('whose response is no response ends the guest', () => {
    const made = make(true);
    const { machine, record, domain, services } = made;
    domain.runSlice();
    services.poll();
    domain.runSlice();
    const block = (record.guestOffset >>> 2) + XEN_MODEL;
    const flags = machine.words[block + MODEL.IOREQ_MFN] * 1024 + 7;
    services.poll();
    // In process for ever: the guest waits, and nothing else does.
    machine.words[flags] = (machine.words[flags] & ~0xf0000) | (2 << 16);
    expect(domain.runSlice().state).toBe('parked');
    services.detach(record.id);
    expect(run(made)).toMatchObject({ state: 'ended', ending: { kind: 'crash' } });
  });

  it('tells the processor of code that a disk has brought', () => {
    // Calls a routine at 0x200000 (zeroes are harmless additions up to the RET at its end), reads sector 3 over it, calls it again.
    const CODE = 0x200000;
    const routine = new DataView(Uint8Array.from(asm('mov eax, 1; ret; nop; nop')).buffer);
    const kernel = program(
      [
        'cld',
        out(0x3f6, 2),
        `mov dword [${CODE}], ${routine.getInt32(0, true)}; mov dword [${CODE + 4}], ${routine.getInt32(4, true)}`,
        `mov eax, ${CODE}; call eax; mov [${SEEN}], eax`,
        ...command(3, 0x20),
        AWAIT_DATA,
        `
          mov dx, 0x1f0; mov ecx, 256; mov edi, ${CODE}; rep insw; mov eax, ${CODE}; call eax
          mov [${SEEN + 4}], eax; mov al, 1; out 0xf4, al; hlt
        `,
      ].flat() as (string | number[])[],
    );
    for (const inDomain0 of [false, true]) {
      const made = make(inDomain0, kernel);
      made.disk.write(
        3 * 512,
        Uint8Array.from({ length: 512 }, (_, i) => asm('mov eax, 2; ret')[i] ?? 0x90),
      );
      expect(run(made).state).toBe('ended');
      expect(seen(made, 2)).toEqual([1, 2]);
    }
  });
});
