import { beforeEach, describe, expect, it } from 'vitest';
import { testPc, type TestPc } from '../testing.ts';

// Promises are those of the Intel SDM vol. 3, chapter 11, and of the 82093AA datasheet.
const LAPIC = 0xfee00000,
  IOAPIC = 0xfec00000;
let t: TestPc;
const get = (offset: number) => t.pc.bus.readMemory(LAPIC + offset, 4);
const set = (offset: number, value: number) => t.pc.bus.writeMemory(LAPIC + offset, value, 4);
const io = (index: number) => {
  t.pc.bus.writeMemory(IOAPIC, index, 4);
  return t.pc.bus.readMemory(IOAPIC + 0x10, 4);
};
const setIo = (index: number, value: number) => {
  t.pc.bus.writeMemory(IOAPIC, index, 4);
  t.pc.bus.writeMemory(IOAPIC + 0x10, value, 4);
};
/** An IPI to oneself. */
const self = (vector: number) => set(0x300, 0x40000 | vector);
let calls: string[];

beforeEach(() => {
  calls = [];
  t = testPc({
    apic: true,
    processors: 2,
    tscDeadlineNs: (low, high) => (high * 2 ** 32 + low) / 2,
    onNmi: cpu => calls.push(`nmi ${cpu}`),
    onInit: cpu => calls.push(`init ${cpu}`),
    onStartup: (cpu, vector) => calls.push(`start ${cpu} ${vector.toString(16)}`),
  });
  set(0xf0, 0x1ff);
});

describe('local APIC', () => {
  it('has the reset values of an xAPIC', () => {
    t.pc.reset();
    expect([0x20, 0x80, 0xd0, 0xe0, 0xf0, 0x320, 0x370, 0x380].map(get)).toEqual([
      0, 0, 0, 0xffffffff, 0xff, 0x10000, 0x10000, 0,
    ]);
    expect(get(0x30) & 0xff).toBe(0x14);
    // The bootstrap processor comes up as firmware would leave it: the 8259A on LINT0.
    expect(get(0x350)).toBe(0x700);
    t.pc.currentProcessor = 1;
    expect(get(0x20)).toBe(0x01000000);
    expect(get(0x350)).toBe(0x10000);
  });

  it('IA32_APIC_BASE moves its registers, and switches it off with all they held (SDM vol. 3, 11.4.3-11.4.4)', () => {
    const { pc } = t;
    const elsewhere = 0xfed40000;
    pc.setApicBase(elsewhere | 0x900, 0);
    expect([pc.bus.readMemory(elsewhere + 0xf0, 4), get(0xf0)]).toEqual([0x1ff, 0xffffffff]);
    // The other processor's is where it was.
    pc.currentProcessor = 1;
    expect([get(0x20), pc.bus.readMemory(elsewhere + 0x20, 4)]).toEqual([0x01000000, 0xffffffff]);
    pc.currentProcessor = 0;
    pc.setApicBase(LAPIC | 0x100, 0);
    expect(get(0x30)).toBe(0xffffffff);
    // The 8259A has the processor's pin for itself.
    pc.bus.writePort(0x21, 0xfd, 1);
    expect(pc.intr).toBe(false);
    pc.setApicBase(LAPIC | 0x900, 0);
    expect([get(0xf0), get(0x30) & 0xff]).toEqual([0xff, 0x14]);
  });

  it('delivers the highest vector first and holds what is not of a higher class', () => {
    self(0x41);
    self(0x51);
    expect(t.pc.acknowledge()).toBe(0x51);
    expect(t.pc.intr).toBe(false);
    self(0x55);
    expect(t.pc.intr).toBe(false);
    self(0x61);
    expect(t.pc.intr).toBe(true);
    expect(t.pc.acknowledge()).toBe(0x61);
    set(0xb0, 0);
    expect(t.pc.intr).toBe(false);
    set(0xb0, 0);
    expect(t.pc.acknowledge()).toBe(0x55);
  });

  it('the task priority holds its class and those below', () => {
    set(0x80, 0x50);
    self(0x5f);
    expect(t.pc.intr).toBe(false);
    expect(get(0xa0)).toBe(0x50);
    self(0x60);
    expect(t.pc.acknowledge()).toBe(0x60);
    set(0xb0, 0);
    set(0x80, 0);
    expect(t.pc.acknowledge()).toBe(0x5f);
  });

  it('gives the spurious vector when the request went below the priority', () => {
    self(0x41);
    set(0x80, 0xf0);
    expect(t.pc.acknowledge()).toBe(0xff);
    expect(get(0x200 + 0x20) & 2).toBe(2);
  });

  it('a vector below 16 is an error of the sender', () => {
    set(0x300, 0x40000 | 5);
    set(0x280, 0);
    expect(get(0x280)).toBe(0x20);
    set(0x280, 0);
    expect(get(0x280)).toBe(0);
  });

  it('an error entry with an illegal vector adds that error and interrupts nobody (10.5.3)', () => {
    set(0x370, 0x0f);
    self(0x0f);
    set(0x280, 0);
    expect(get(0x280)).toBe(0x60);
    expect([0x200, 0x210].map(get)).toEqual([0, 0]);
  });

  it('software-disabled: masks stay set, fixed interrupts are not accepted', () => {
    set(0xf0, 0xff);
    set(0x320, 0x30);
    expect(get(0x320)).toBe(0x10030);
    self(0x50);
    expect(t.pc.intr).toBe(false);
  });
});

describe('local APIC timer', () => {
  beforeEach(() => set(0x3e0, 0x0b));

  it('one-shot at 100 MHz divided by 1', () => {
    set(0x320, 0x30);
    set(0x380, 100_000);
    t.timers.advanceNs(400_000);
    expect(get(0x390)).toBe(60_000);
    t.timers.advanceNs(599_999);
    expect(t.pc.intr).toBe(false);
    t.timers.advanceNs(1);
    expect(t.pc.acknowledge()).toBe(0x30);
    expect(get(0x390)).toBe(0);
    set(0xb0, 0);
    t.timers.advanceMs(100);
    expect(t.pc.intr).toBe(false);
  });

  it('that came to 0 stays there in periodic mode, until an initial count is written', () => {
    set(0x320, 0x40);
    set(0x380, 1000);
    t.timers.advanceNs(20_000);
    set(0x320, 0x20040);
    expect(get(0x390)).toBe(0);
  });
  it('periodic, divided by 16', () => {
    set(0x3e0, 0x03);
    set(0x320, 0x20030);
    set(0x380, 62_500);
    let count = 0;
    for (let i = 0; i < 100; i++) {
      t.timers.advanceMs(1);
      if (!t.pc.intr) continue;
      count++;
      t.pc.acknowledge();
      set(0xb0, 0);
    }
    expect(count).toBe(10);
  });

  it('makes up for periods that came while the processor took none', () => {
    set(0x320, 0x20030);
    set(0x380, 400_000);
    let served = 0;
    for (let i = 0; i < 10000; i++) {
      t.timers.advanceNs(100_000);
      if (i % 200 < 100 || !t.pc.intr) continue;
      t.pc.acknowledge();
      set(0xb0, 0);
      served++;
    }
    expect(Math.abs(served - 250)).toBeLessThanOrEqual(3);
    // A host that sleeps for a tenth of a second.
    t.timers.test.ns += 100_000_000;
    for (let i = 0; i < 9000; i++) {
      t.timers.advanceNs(100_000);
      if (!t.pc.intr) continue;
      t.pc.acknowledge();
      set(0xb0, 0);
      served++;
    }
    expect(Math.abs(served - 500)).toBeLessThanOrEqual(3);
  });

  it('TSC-deadline: fires when the TSC is there, reads 0 afterwards; 0 disarms; the count registers are dead', () => {
    set(0x320, 0x40030);
    set(0x380, 1000);
    expect(get(0x380)).toBe(0);
    t.pc.writeMsr(0x6e0, 4_000_000, 0);
    expect(t.pc.readMsr(0x6e0)).toEqual([4_000_000, 0]);
    t.timers.advanceMs(1.9);
    expect(t.pc.intr).toBe(false);
    t.timers.advanceMs(0.1);
    expect(t.pc.intr).toBe(true);
    expect(t.pc.readMsr(0x6e0)).toEqual([0, 0]);
    t.pc.acknowledge();
    set(0xb0, 0);
    t.pc.writeMsr(0x6e0, 40_000_000, 0);
    t.pc.writeMsr(0x6e0, 0, 0);
    t.timers.advanceMs(100);
    expect(t.pc.intr).toBe(false);
  });

  it('a masked entry counts and does not interrupt; a change of mode disarms', () => {
    set(0x320, 0x10030);
    set(0x380, 1000);
    t.timers.advanceMs(1);
    expect(t.pc.intr).toBe(false);
    set(0x320, 0x30);
    set(0x380, 100_000);
    set(0x320, 0x40030);
    t.timers.advanceMs(10);
    expect(t.pc.intr).toBe(false);
  });
});

describe('interprocessor interrupts', () => {
  it('fixed, by physical destination, to another processor', () => {
    t.pc.currentProcessor = 1;
    set(0xf0, 0x1ff);
    t.pc.currentProcessor = 0;
    set(0x310, 0x01000000);
    set(0x300, 0x000040f1);
    expect(t.pc.intrOf(1)).toBe(true);
    expect(t.pc.intr).toBe(false);
    expect(t.pc.acknowledge(1)).toBe(0xf1);
  });

  it('INIT, then STARTUP with its page; de-assertion does nothing', () => {
    set(0x310, 0x01000000);
    set(0x300, 0x0000c500);
    set(0x300, 0x00008500);
    set(0x300, 0x00004699);
    expect(calls).toEqual(['init 1', 'start 1 99']);
  });

  it('shorthands: all including and all excluding self', () => {
    set(0x300, 0x000c4400);
    expect(calls).toEqual(['nmi 1']);
    set(0x300, 0x00084400);
    expect(calls).toEqual(['nmi 1', 'nmi 0', 'nmi 1']);
  });

  it('logical destinations: flat and cluster model', () => {
    set(0xd0, 0x01000000);
    t.pc.currentProcessor = 1;
    set(0xf0, 0x1ff);
    set(0xd0, 0x02000000);
    set(0x310, 0x03000000);
    set(0x300, 0x00004850);
    expect([t.pc.intr, t.pc.intrOf(1)]).toEqual([true, true]);
    t.pc.acknowledge(0);
    t.pc.acknowledge(1);
    set(0xe0, 0x0fffffff);
    set(0xd0, 0x12000000);
    t.pc.currentProcessor = 0;
    set(0x310, 0x12000000);
    set(0x300, 0x00004861);
    expect(t.pc.intrOf(1)).toBe(true);
  });
});

describe('I/O APIC', () => {
  it('has 24 masked inputs', () => {
    expect(io(1)).toBe(0x00170020);
    for (let pin = 0; pin < 24; pin++) expect(io(0x10 + 2 * pin)).toBe(0x10000);
    setIo(0x11 + 2 * 4, 0xff000000);
    expect(io(0x11 + 2 * 4)).toBe(0xff000000);
  });

  it('has as many as its board wants, and takes the state of one with fewer', () => {
    const before = testPc({ apic: true }).pc;
    before.bus.writeMemory(IOAPIC, 0x10 + 2 * 23, 4);
    before.bus.writeMemory(IOAPIC + 0x10, 0xa023, 4);
    const state = before.save() as { ioapic: { highLines?: number } };
    delete state.ioapic.highLines;
    t = testPc({ apic: true, ioApicPins: 48 });
    t.pc.restore(state);
    expect([io(1), io(0x10 + 2 * 23), io(0x10 + 2 * 47), io(0x10 + 2 * 48)]).toEqual([0x002f0020, 0xa023, 0x10000, 0]);
    // Level-triggered to vector 51h: what is asserted is delivered as soon as it is unmasked, from either half.
    set(0xf0, 0x1ff);
    for (const pin of [20, 47]) {
      t.pc.signals.setIoApicPin?.(pin, true);
      expect(t.pc.intrOf(0)).toBe(false);
      setIo(0x10 + 2 * pin, 0x8051);
      expect(t.pc.intrOf(0)).toBe(true);
      expect(t.pc.acknowledge()).toBe(0x51);
      t.pc.signals.setIoApicPin?.(pin, false);
      set(0xb0, 0);
      expect(t.pc.intrOf(0)).toBe(false);
    }
  });

  it('carries the timer from IRQ 0 to input 2, edge-triggered', () => {
    setIo(0x14, 0x30);
    t.out(0x43, 0x34);
    t.out(0x40, 0x9c);
    t.out(0x40, 0x2e);
    let count = 0;
    for (let i = 0; i < 1000; i++) {
      t.timers.advanceMs(1);
      if (!t.pc.intr) continue;
      count++;
      expect(t.pc.acknowledge()).toBe(0x30);
      set(0xb0, 0);
    }
    expect(Math.abs(count - 100)).toBeLessThanOrEqual(1);
  });

  it.each([
    ['a PC', 1, 0],
    ['a guest of Xen', 2, 1],
  ])('of %s has the identifier that the tables name', (_, apicIdStep, id) => {
    t = testPc({ apic: true, apicIdStep });
    t.pc.installTables();
    const { bytes } = t.memory,
      entry = bytes.findIndex((_, at) => bytes[at] === 1 && bytes[at + 1] === 12 && bytes[at + 7] === IOAPIC >>> 24);
    expect([bytes[entry + 2], io(0) >>> 24]).toEqual([id, id]);
  });

  it('ignores edges while masked', () => {
    t.pc.keyboard.key('KeyA', true);
    t.timers.advanceMs(2);
    setIo(0x12, 0x31);
    expect(t.pc.intr).toBe(false);
  });

  it('level: remote IRR is set until the EOI, and the interrupt comes again while the line stays', () => {
    t.pc.installTables();
    t.out(0x21, 0xff);
    t.out(0xb2, 0xf1);
    setIo(0x10 + 18, 0x8039);
    t.out(0x602, 0x100, 2);
    t.pc.pressPowerButton();
    expect(t.pc.acknowledge()).toBe(0x39);
    expect(io(0x10 + 18) & 0x4000).toBe(0x4000);
    expect(get(0x180 + 0x10) >>> 25).toBe(1);
    set(0xb0, 0);
    expect(t.pc.intr).toBe(true);
    expect(t.pc.acknowledge()).toBe(0x39);
    t.out(0x600, 0x100, 2);
    set(0xb0, 0);
    expect(t.pc.intr).toBe(false);
    expect(io(0x10 + 18) & 0x4000).toBe(0);
  });
});

describe('virtual wire', () => {
  it('the 8259A reaches the processor through LINT0 as ExtINT, and not once that is masked', () => {
    t.pc.reset();
    t.pc.installTables();
    t.pc.keyboard.key('KeyA', true);
    t.timers.advanceMs(2);
    t.pc.acknowledge();
    t.out(0x20, 0x20);
    expect(t.in(0x60)).toBe(0x1e);
    set(0xf0, 0x1ff);
    set(0x350, 0x10700);
    t.pc.keyboard.key('KeyB', true);
    t.timers.advanceMs(2);
    expect(t.pc.intr).toBe(false);
    set(0x350, 0x700);
    expect(t.pc.intr).toBe(true);
  });
});
