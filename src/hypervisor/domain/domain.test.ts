import { beforeEach, describe, expect, it } from 'vitest';
import { EPT_FETCH, EPT_READ, EPT_WRITE, ExitReason, IO_IN } from '../../cpu/architecture/edge.ts';
import { Pc } from '../../devices/index.ts';
import type { Boot } from './booted.ts';
import { Domain } from './domain.ts';
import type { DomainOptions } from './domain-options.ts';
import { PLAIN_PC } from '../interfaces/none/plain-pc.ts';
import { FakeProcessor, type Step } from './fake-processor.test-support.ts';
import { COUNTERS } from '../layout/layout.ts';
import { createDomain } from '../memory/domain-table.ts';
import { type DomainRecord, Machine } from '../memory/machine.ts';
import { Mailbox } from '../worker/mailbox.ts';
import { readState, restoreInto, saveDomain } from '../interfaces/xen/stream/state.ts';
import { SavedStateError } from './saved-state-error.ts';
import { statsOf } from './stats.test-support.ts';

/** A multiboot 1 kernel without any code that runs here: the fake processor has its own. */
function kernel(): Uint8Array {
  const bytes = new Uint8Array(4096);
  const view = new DataView(bytes.buffer);
  const words = [0x1badb002, 0x10000, -(0x1badb002 + 0x10000), 0x100000, 0x100000, 0, 0, 0x100020];
  words.forEach((word, i) => view.setInt32(i * 4, word | 0, true));
  return bytes;
}
const boot: Boot = { kind: 'kernel', kernel: kernel(), name: 'kernel', cmdline: '' };

let machine: Machine, record: DomainRecord, printed: string, processor: FakeProcessor;
beforeEach(() => {
  machine = Machine.create(new SharedArrayBuffer(8 * 2 ** 20));
  record = createDomain(machine, 2);
  printed = '';
});

function make(steps: Step[], change: Partial<DomainOptions> = {}, restore?: (domain: Domain) => void): Domain {
  return new Domain(
    {
      machine,
      record,
      memoryMiB: 2,
      boot,
      startEpochMs: 0,
      onReset: 'restart',
      onTripleFault: 'end',
      serial: byte => {
        printed += String.fromCharCode(byte);
      },
      createProcessor: options => (processor = new FakeProcessor(options, steps)),
      guest: PLAIN_PC,
      createPlatform: options => new Pc(options),
      ...change,
    },
    restore,
  );
}

const out = (port: number, value: number, size = 1): Step => ({
  exit: ExitReason.IO,
  info: { qualification: (port << 16) | (size - 1), value },
});
const input = (port: number, size = 1): Step => ({
  exit: ExitReason.IO,
  info: { qualification: (port << 16) | IO_IN | (size - 1) },
});
const state = (): string => String.fromCharCode(new Int32Array(machine.memory, record.countersOffset)[COUNTERS.STATE]);
const EOI = out(0x20, 0x20);
/** The timer's line unmasked, the tick that the firmware left behind taken; then channel 0 in mode 2 with this many ticks, interrupts on. */
const timer = (ticks: number): Step[] => [
  out(0x43, 0x34),
  out(0x21, 0xfe),
  { flags: 0x202 },
  { run: 1 },
  EOI,
  { flags: 2 },
  out(0x40, ticks & 255),
  out(0x40, ticks >> 8),
  { flags: 0x202 },
];
/** What was delivered after that. */
const ticks = (): [vector: number, retired: number][] => processor.delivered.slice(1);

describe('VM exits', () => {
  it('bring port accesses to the devices and answers back', () => {
    const domain = make([out(0x3f8, 0x48), out(0x3f8, 0x69), input(0x3fd), input(0x1234, 2)]);
    domain.runSlice();
    expect(printed).toBe('Hi');
    expect(processor.answers.slice(2)).toEqual([0x60, 0xffff]);
    expect(statsOf(domain).exitsByReason).toMatchObject({ IO: 4, HLT: 1 });
  });

  it('answer accesses outside RAM: the VGA window, nobody, and a fetch from nowhere', () => {
    const access = (kind: number, guestPhysical: number, value = 0): Step => ({
      exit: ExitReason.EPT_VIOLATION,
      info: { qualification: kind, guestPhysical, value, size: 1 },
    });
    make([
      access(EPT_WRITE, 0xb8000, 0x41),
      access(EPT_READ, 0xb8000),
      access(EPT_READ, 0xfffff000),
      access(EPT_FETCH, 0xfffff000),
      { run: 1 },
    ]).runSlice();
    expect(processor.answers).toEqual([0, 0x41, 0xff]);
    expect(processor.delivered).toEqual([[6, 3]]);
  });

  it('give #GP for an unknown MSR and #UD for VMCALL', () => {
    make([{ exit: ExitReason.RDMSR }, { run: 1 }, { exit: ExitReason.VMCALL }, { run: 1 }]).runSlice();
    expect(processor.delivered.map(([vector]) => vector)).toEqual([13, 6]);
  });
});

describe('interrupts and time', () => {
  it('a halted processor in virtual time jumps to the next tick', () => {
    const domain = make([...timer(11932), { exit: ExitReason.HLT }, { run: 10 }, out(0xf4, 3)]);
    const before = domain.clock.nowNs();
    expect(domain.runSlice()).toMatchObject({ state: 'ended', ending: { kind: 'debug-exit', value: 3 } });
    // Real-mode vectors as a BIOS leaves them: IRQ 0 is vector 8. 11932 ticks of 1.193182 MHz are 10 ms.
    expect(ticks().map(([vector]) => vector)).toEqual([8]);
    expect(domain.clock.nowNs() - before).toBeGreaterThan(10e6);
    expect(statsOf(domain).idleNs).toBeGreaterThan(9.9e6);
  });

  it('a halted processor in virtual time waits for its company: for what Domain 0 has to do, and where the others have yet to come', () => {
    let wanted = false,
      horizonNs = Infinity;
    const domain = make([...timer(11932), { exit: ExitReason.HLT }, { run: 10 }, out(0xf4, 3)], {
      company: { wanted: () => wanted, horizonNs: () => horizonNs },
    });
    horizonNs = 2e6;
    const result = domain.runSlice();
    expect(result).toMatchObject({ state: 'parked' });
    expect([ticks().length, domain.clock.nowNs()]).toEqual([0, 2e6]);
    wanted = true;
    horizonNs = Infinity;
    expect(domain.runSlice()).toEqual(result);
    expect(domain.clock.nowNs()).toBe(2e6);
    wanted = false;
    horizonNs = 3e6;
    domain.runSlice();
    expect(domain.clock.nowNs()).toBe(3e6);
    horizonNs = 1e6;
    domain.runSlice();
    expect(domain.clock.nowNs()).toBe(3e6);
    horizonNs = Infinity;
    expect(domain.runSlice()).toMatchObject({ state: 'ended' });
    expect(ticks()).toHaveLength(1);
  });

  it('a deadline falls on the same instruction however the run is cut', () => {
    const arrivals = (slice: number): number[] => {
      machine = Machine.create(new SharedArrayBuffer(8 * 2 ** 20));
      record = createDomain(machine, 2);
      const steps: Step[] = [...timer(1000)];
      for (let i = 0; i < 20; i++) steps.push({ run: 250_000 }, EOI);
      const domain = make(steps);
      for (let stop = slice; domain.instructions < 4_000_000; stop += slice) {
        domain.stopAtInstruction = Math.min(stop, 4_000_000);
        while (domain.instructions < domain.stopAtInstruction) domain.runSlice();
      }
      return ticks().map(([, retired]) => retired);
    };
    const whole = arrivals(4_000_000);
    expect(whole.length).toBeGreaterThan(3);
    expect(arrivals(77_777)).toEqual(whole);
  });

  it('waits for the interrupt window while the guest has interrupts off', () => {
    const domain = make([...timer(100), { flags: 2 }, { run: 100_000 }, { flags: 0x202 }, { run: 5 }]);
    domain.runSlice();
    expect(ticks()).toEqual([[8, 6 + 100_000]]);
    expect(statsOf(domain).exitsByReason.INTERRUPT_WINDOW).toBe(2);
  });

  it('parks on the host clock until the next deadline', () => {
    let ms = 0;
    const domain = make([...timer(11932), { exit: ExitReason.HLT }, { run: 3 }], { hostMs: () => ms });
    const result = domain.runSlice();
    expect(result).toMatchObject({ state: 'parked' });
    expect(state()).toBe('b');
    const { untilNs } = result as { untilNs: number };
    expect(untilNs).toBeGreaterThan(9.9e6);
    ms = untilNs / 1e6 + 1;
    domain.runSlice();
    expect(ticks()).toHaveLength(1);
    expect(statsOf(domain).idleNs).toBeGreaterThanOrEqual(untilNs);
  });

  it('says when nothing can wake it', () => {
    const domain = make([...timer(100), { flags: 2 }]);
    expect(domain.runSlice()).toEqual({ state: 'parked', untilNs: Infinity, latestNs: Infinity });
    expect(domain.slices.stuck).toBe(true);
  });

  it('stands still while paused', () => {
    let ms = 0;
    const domain = make([{ run: 1e9 }], { hostMs: () => ms });
    domain.runSlice();
    domain.pause();
    const { instructions } = domain,
      ns = domain.clock.nowNs();
    ms = 1000;
    expect(domain.runSlice()).toEqual({ state: 'paused' });
    expect([domain.instructions, domain.clock.nowNs(), state()]).toEqual([instructions, ns, 'p']);
    domain.unpause();
    expect(domain.runSlice().state).toBe('running');
    expect(domain.clock.nowNs()).toBeLessThan(ns + 1e6);
  });

  it('keeps what is typed until the guest waits for it', () => {
    const domain = make([
      { run: 100 },
      out(0x3fa, 7),
      input(0x3f8),
      out(0x3fc, 8),
      out(0x3f9, 1),
      { exit: ExitReason.HLT },
      input(0x3f8),
      input(0x3f8),
    ]);
    domain.serialInput(Uint8Array.of(104, 105));
    domain.runSlice();
    // Opened and idle: now the line has brought both, and raised its interrupt; the fake processor reads them once it is woken.
    expect(processor.answers).toEqual([0, 0, 0, 0]);
    expect(domain.serialFeed.waiting).toBe(0);
    expect((domain.platform as Pc).bus.readPort(0x3f8, 1)).toBe(104);
  });

  it('a doorbell ends the slice', () => {
    const domain = make([{ run: 1e9 }]);
    const mailbox = new Mailbox(machine, record);
    mailbox.post(mailbox.messages('pause', [])[0]!);
    domain.runSlice();
    expect(domain.instructions).toBe(0);
    domain.runSlice();
    expect(domain.instructions).toBeGreaterThan(0);
  });
});

describe('ends', () => {
  it('powers off through ACPI', () => {
    // PM1a control block of the PIIX4 at 0xB004 or wherever the tables put it: SLP_TYP 5 is ours to read from the device, so use its own answer.
    const domain = make([]);
    (domain.platform as Pc).bus.writePort(0xcf8, 0, 4);
    expect(domain.runSlice().state).toBe('parked');
  });

  it('a reset starts the kernel again, with memory as it was and time that goes on', () => {
    let restarts = 0;
    const domain = make([{ run: 1000 }, out(0xcf9, 6), { run: 7 }, out(0xf4, 0)], { onRestart: () => restarts++ });
    domain.memory.write(0x1f0000, Uint8Array.of(1));
    const result = domain.runSlice();
    expect(result.state).toBe('running');
    expect(restarts).toBe(1);
    const byte = new Uint8Array(1);
    domain.memory.read(0x1f0000, byte);
    expect(byte[0]).toBe(1);
    domain.memory.read(0x100000, byte);
    expect(byte[0]).toBe(0x02);
    domain.runSlice();
    expect(domain.instructions).toBe(1000 + 1 + 7 + 1);
    expect(domain.ending).toMatchObject({ kind: 'debug-exit', value: 0 });
  });

  it('a reset ends the domain where that was asked for', () => {
    expect(make([out(0xcf9, 6)], { onReset: 'end' }).runSlice()).toMatchObject({
      state: 'ended',
      ending: { kind: 'reset' },
    });
    expect(state()).toBe('s');
  });

  it('a triple fault gives a readable report', () => {
    const result = make([{ run: 5 }, { exit: ExitReason.TRIPLE_FAULT }]).runSlice();
    expect(result).toMatchObject({ state: 'ended', ending: { kind: 'crash' } });
    const { report } = (result as { ending: { report: string } }).ending;
    expect(report).toMatch(/^Triple fault/);
    expect(report).toContain('eip 00100020');
    expect(report).toContain('instructions 5');
    expect(report).toContain('code at 00100020');
    expect(report).toContain('TRIPLE_FAULT');
    expect(state()).toBe('c');
  });

  it('a triple fault resets the PC where that was asked for, and leaves its report', () => {
    let report: string | undefined;
    const domain = make([{ exit: ExitReason.TRIPLE_FAULT }, { run: 3 }, out(0xf4, 1)], {
      onTripleFault: 'restart',
      onReset: 'end',
      onRestart: text => (report = text),
    });
    expect(domain.runSlice().state).toBe('running');
    expect(report).toContain('Triple fault');
    expect(domain.runSlice()).toMatchObject({ ending: { kind: 'debug-exit', value: 1 } });
  });
});

describe('saved states', () => {
  const name = { name: 'guest', program: 'test', definition: 'name = "guest"\n' };
  const whole = (chunks: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(chunks));

  it('go on in another machine', () => {
    const steps: Step[] = [...timer(5000), { run: 3000 }];
    const first = make(steps);
    first.stopAtInstruction = 2000;
    first.runSlice();
    first.memory.write(0x12345, Uint8Array.of(1, 2, 3));
    const file = whole(saveDomain(first, name));
    expect(file.length).toBeLessThan(600_000);
    const ns = first.clock.nowNs();

    machine = Machine.create(new SharedArrayBuffer(8 * 2 ** 20));
    createDomain(machine, 1);
    record = createDomain(machine, 2);
    const saved = readState(file, 'f');
    expect(saved.about).toMatchObject({ name: 'guest', memoryMiB: 2, virtualTime: true, instructions: 2000 });
    const second = make([{ run: 2_000_000 }], {}, domain => restoreInto(domain, saved));
    expect([second.clock.nowNs(), second.instructions]).toEqual([ns, 2000]);
    const bytes = new Uint8Array(4);
    second.memory.read(0x12344, bytes);
    expect([...bytes]).toEqual([0, 1, 2, 3]);
    for (let i = 0; i < 10; i++) second.runSlice();
    // 5000 ticks are 4.19 ms, and an instruction takes 4 ns of virtual time.
    expect(processor.delivered).toEqual([[8, expect.closeTo(4.19e6 / 4, -3)]]);
  });

  it('that are cut, changed or foreign are refused with the place', () => {
    const file = whole(saveDomain(make([]), name));
    const message = (bytes: Uint8Array): string => {
      try {
        readState(bytes, 'f.state');
      } catch (error) {
        if (error instanceof SavedStateError) return error.message;
        throw error;
      }
      return 'accepted';
    };
    expect(message(file)).toBe('accepted');
    expect(message(new Uint8Array(100))).toBe('f.state is no saved domain: it does not start with "Xen saved domain".');
    for (const cut of [16, 20, 50, 5000, file.length - 1, file.length - 20])
      expect(message(file.subarray(0, cut)), `${cut}`).toMatch(/^f\.state is cut short: .*at byte \d+/);
    expect(message(Uint8Array.from(Buffer.from('RINGSAVE\x01\0\0\0')))).toContain(
      'before its saved states were libxc images',
    );
    // The configuration, and nothing that would notice by itself.
    const changed = file.slice();
    changed[Buffer.from(file).indexOf('"program":"test"') + 12] ^= 1;
    expect(message(changed)).toMatch(/is damaged: the checksum of xl's header at byte 0 is wrong/);
    const longer = new Uint8Array(file.length + 1);
    longer.set(file);
    expect(message(longer)).toContain('1 bytes follow');
  });
});
