/** IA-PC HPET Specification 1.0a, chapter 2, with Xen's numbers. */
import { beforeEach, describe, expect, it } from 'vitest';
import { Hpet } from './hpet.ts';
import { TestLine, testPc, TestTimers } from './testing.ts';

const CONFIGURATION = 0x10,
  STATUS = 0x20,
  COUNTER = 0xf0;
const TIMER = (n: number): number => 0x100 + 0x20 * n;
const COMPARATOR = (n: number): number => TIMER(n) + 8;
const ENABLE = 1,
  LEGACY = 2,
  LEVEL = 2,
  INTERRUPTS = 4,
  PERIODIC = 8,
  VALUE_SET = 0x40,
  NARROW = 0x100;
const ROUTE = (pin: number): number => pin << 9;
const TICK_NS = 16;

let timers: TestTimers, irq0: TestLine, irq8: TestLine, pins: TestLine[], hpet: Hpet;
const read = (offset: number, size = 4): number => hpet.memoryRanges[0].read(offset, size);
const write = (offset: number, value: number, size = 4): void => hpet.memoryRanges[0].write(offset, value, size);
const build = (): Hpet => new Hpet(timers, { irq0, irq8, pin: (pin, level) => pins[pin].set(level) });

beforeEach(() => {
  timers = new TestTimers();
  irq0 = new TestLine();
  irq8 = new TestLine();
  pins = Array.from({ length: 32 }, () => new TestLine());
  hpet = build();
});

describe('the HPET', () => {
  it('is Xen’s: three timers of 64 bits with periods, 62.5 MHz, pins 20 to 23', () => {
    expect([read(0), read(4)]).toEqual([0x8086a201, 16_000_000]);
    expect([0, 1, 2].map(n => [read(TIMER(n)), read(TIMER(n) + 4)])).toEqual(Array(3).fill([0x30, 0x00f00000]));
    expect([read(COMPARATOR(0)), read(COMPARATOR(0) + 4), read(TIMER(3)), read(0x300)]).toEqual([
      0xffffffff, 0xffffffff, 0, 0,
    ]);
  });

  it('counts while it is enabled, stands still and is set while it is not', () => {
    timers.advanceNs(1000);
    expect(read(COUNTER)).toBe(0);
    write(CONFIGURATION, ENABLE);
    timers.advanceNs(100 * TICK_NS);
    expect([read(COUNTER), read(COUNTER, 2), read(COUNTER, 1)]).toEqual([100, 100, 100]);
    write(CONFIGURATION, 0);
    timers.advanceNs(1000);
    expect(read(COUNTER)).toBe(100);
    write(COUNTER, 0xfffffff0);
    write(COUNTER + 4, 7);
    write(CONFIGURATION, ENABLE);
    timers.advanceNs(0x20 * TICK_NS);
    expect([read(COUNTER), read(COUNTER + 4)]).toEqual([0x10, 8]);
  });

  it('interrupts once by an edge when the counter comes to the comparator, by the pin that it is led to', () => {
    write(CONFIGURATION, ENABLE);
    write(TIMER(2), INTERRUPTS | ROUTE(21));
    write(COMPARATOR(2), 50);
    write(COMPARATOR(2) + 4, 0);
    timers.advanceNs(49 * TICK_NS);
    expect(pins[21].rises).toBe(0);
    timers.advanceNs(TICK_NS);
    expect([pins[21].rises, read(STATUS)]).toEqual([1, 0]);
    timers.advanceMs(100);
    expect(pins[21].rises).toBe(1);
    // What the counter has passed waits for it to come round, with 32 bits after 69 s.
    write(TIMER(2), INTERRUPTS | NARROW | ROUTE(21));
    const before = read(COUNTER);
    write(COMPARATOR(2), before - 1);
    timers.advanceNs((2 ** 32 - 2) * TICK_NS);
    expect(pins[21].rises).toBe(1);
    timers.advanceNs(TICK_NS);
    expect(pins[21].rises).toBe(2);
  });

  it('has periods: the first value after VAL_SET is where they begin, the second how long they are', () => {
    write(CONFIGURATION, ENABLE);
    write(TIMER(0), INTERRUPTS | PERIODIC | VALUE_SET | NARROW | ROUTE(20));
    write(COMPARATOR(0), 1000);
    expect(read(TIMER(0)) & VALUE_SET).toBe(0);
    write(COMPARATOR(0), 100);
    timers.advanceNs(999 * TICK_NS);
    expect([pins[20].rises, read(COMPARATOR(0))]).toEqual([0, 1000]);
    timers.advanceNs(TICK_NS);
    expect([pins[20].rises, read(COMPARATOR(0))]).toEqual([1, 1100]);
    timers.advanceNs(1000 * TICK_NS);
    expect([pins[20].rises, read(COMPARATOR(0))]).toEqual([11, 2100]);
  });

  it('by level: a bit of the status until a one is written there', () => {
    write(CONFIGURATION, ENABLE);
    write(TIMER(1), LEVEL | INTERRUPTS | NARROW | ROUTE(23));
    write(COMPARATOR(1), 10);
    timers.advanceNs(10 * TICK_NS);
    expect([pins[23].level, read(STATUS)]).toEqual([true, 2]);
    write(STATUS, 1);
    expect(pins[23].level).toBe(true);
    write(STATUS, 2);
    expect([pins[23].level, read(STATUS)]).toEqual([false, 0]);
  });

  it('takes the place of the 8254 and of the clock, and gives it back', () => {
    hpet.timerLine.set(true);
    expect(irq0.level).toBe(true);
    write(TIMER(0), INTERRUPTS | NARROW);
    write(COMPARATOR(0), 10);
    write(CONFIGURATION, ENABLE | LEGACY);
    expect(irq0.level).toBe(false);
    hpet.timerLine.set(false);
    hpet.timerLine.set(true);
    hpet.clockLine.set(true);
    expect([irq0.rises, irq8.rises]).toEqual([1, 0]);
    timers.advanceNs(10 * TICK_NS);
    expect(irq0.rises).toBe(2);
    write(CONFIGURATION, ENABLE);
    expect([irq0.level, irq8.level]).toEqual([true, true]);
  });

  it('goes on from a saved state', () => {
    write(CONFIGURATION, ENABLE | LEGACY);
    write(TIMER(0), INTERRUPTS | PERIODIC | VALUE_SET | NARROW);
    write(COMPARATOR(0), 100);
    write(COMPARATOR(0), 100);
    timers.advanceNs(50 * TICK_NS);
    const state = hpet.save();
    hpet.reset();
    expect(read(COUNTER)).toBe(0);
    const rises = irq0.rises;
    hpet = build();
    hpet.restore(state);
    expect(read(COUNTER)).toBe(50);
    timers.advanceNs(150 * TICK_NS);
    expect(irq0.rises).toBe(rises + 1 + 1);
    hpet.timerLine.set(true);
    expect(hpet.save()).toMatchObject({ legacy: [true, false] });
  });

  it('is on a board that asks for it, with its ACPI table, and goes without in states from before', () => {
    const options = { apic: true, xenPlatform: true };
    const { pc, memory } = testPc({ ...options, hpet: true });
    expect(pc.bus.readMemory(0xfed00000, 4)).toBe(0x8086a201);
    pc.installTables();
    expect(new TextDecoder('latin1').decode(memory.bytes.subarray(0xe0000, 0xf0000))).toContain('HPET');
    const without = testPc(options).pc;
    expect(without.bus.isMemoryMapped(0xfed00000)).toBe(false);
    const state = without.save();
    expect('hpet' in state).toBe(false);
    pc.restore(state);
    expect(pc.bus.readMemory(0xfed00010, 4)).toBe(0);
  });
});
