import { beforeEach, describe, expect, it } from 'vitest';
import { Rtc } from './rtc.ts';
import { TestClock, TestLine, TestTimers } from './testing.ts';

// Quotations are from the Motorola MC146818A datasheet.
let timers: TestTimers;
let irq: TestLine;
let rtc: Rtc;
const write = (index: number, value: number) => {
  rtc.ports.write(0, index, 1);
  rtc.ports.write(1, value, 1);
};
const read = (index: number) => {
  rtc.ports.write(0, index, 1);
  return rtc.ports.read(1, 1);
};
const time = () => [9, 8, 7, 4, 2, 0].map(index => read(index).toString(16).padStart(2, '0')).join(' ');

beforeEach(() => {
  timers = new TestTimers();
  irq = new TestLine();
  rtc = new Rtc(timers, irq, { startEpochMs: Date.UTC(2026, 10, 20, 9, 59, 58, 250), memoryMiB: 64 });
});

describe('MC146818 and CMOS', () => {
  it('tells the time it was started with, in BCD and 24 hours, and goes on', () => {
    expect(time()).toBe('26 11 20 09 59 58');
    expect(read(0x32)).toBe(0x20);
    // 20 November 2026 is a Friday; Sunday is 1.
    expect(read(6)).toBe(6);
    timers.advanceMs(750);
    expect(time()).toBe('26 11 20 09 59 59');
    timers.advanceMs(1000);
    expect(time()).toBe('26 11 20 10 00 00');
  });

  it('12-hour format has PM in bit 7; binary mode', () => {
    timers.advanceMs(5 * 3600_000);
    write(0x0b, 0x00);
    expect(read(4)).toBe(0x80 | 0x02);
    write(0x0b, 0x06);
    expect(read(4)).toBe(14);
    expect(read(2)).toBe(59);
  });

  it('UIP rises 244 µs before the update cycle', () => {
    timers.advanceMs(700);
    expect(read(0x0a) & 0x80).toBe(0);
    timers.advanceMs(48);
    expect(read(0x0a) & 0x80).toBe(0x80);
    timers.advanceMs(2);
    expect(read(0x0a) & 0x80).toBe(0);
  });

  it('SET "aborts any update cycle in progress": the program initializes the time bytes without an update between', () => {
    write(0x0b, 0x82);
    for (const [index, value] of [
      [9, 0x99],
      [8, 0x12],
      [7, 0x31],
      [4, 0x23],
      [2, 0x59],
      [0, 0x58],
      [6, 6],
      [0x32, 0x19],
    ])
      write(index, value);
    timers.advanceMs(5000);
    expect(time()).toBe('99 12 31 23 59 58');
    write(0x0b, 0x02);
    timers.advanceMs(2000);
    expect(time()).toBe('00 01 01 00 00 00');
    expect(read(0x32)).toBe(0x20);
  });

  it('the first update comes half a second after the divider leaves reset', () => {
    write(0x0a, 0x70);
    write(0, 0x10);
    timers.advanceMs(3000);
    expect(read(0)).toBe(0x10);
    write(0x0a, 0x26);
    timers.advanceMs(499);
    expect(read(0)).toBe(0x10);
    timers.advanceMs(2);
    expect(read(0)).toBe(0x11);
  });

  it('periodic interrupt at 1024 Hz; the line stays until register C is read', () => {
    write(0x0b, 0x42);
    let interrupts = 0;
    for (let i = 0; i < 10000; i++) {
      timers.advanceNs(100_000);
      if (!irq.level) continue;
      interrupts++;
      expect(read(0x0c) & 0xc0).toBe(0xc0);
      expect(irq.level).toBe(false);
    }
    expect(interrupts).toBeGreaterThanOrEqual(1023);
    expect(interrupts).toBeLessThanOrEqual(1025);
  });

  it('a period that ends while register C is read raises the line anew: the interrupt controller waits for an edge', () => {
    /** Each look at the clock comes a microsecond after the one before. */
    class PassingClock extends TestClock {
      override nowNs(): number {
        return (this.ns += 1000);
      }
    }
    timers = new TestTimers(new PassingClock());
    rtc = new Rtc(timers, irq, { startEpochMs: 0, memoryMiB: 64 });
    write(0x0b, 0x42);
    for (let reads = 0; reads < 3000; reads++) {
      timers.advanceNs(300_000 + (reads % 977) * 1000);
      if (!irq.level) continue;
      const { rises } = irq;
      read(0x0c);
      expect(irq.rises - rises, `read ${reads}`).toBe(irq.level ? 1 : 0);
    }
  });

  it('whose line is high when it is restored tells of no interrupt anew', () => {
    write(0x0b, 0x42);
    timers.advanceNs(2_000_000);
    expect(irq.level).toBe(true);
    const state = rtc.save();
    let told = 0;
    rtc = new Rtc(timers, irq, { startEpochMs: 0, memoryMiB: 64 }, () => told++);
    rtc.restore(state);
    write(0x0b, 0x42);
    expect(told).toBe(0);
    read(0x0c);
    timers.advanceNs(2_000_000);
    expect(told).toBe(1);
  });

  it('rate 3 gives 8192 Hz, rates 1 and 2 256 and 128 Hz', () => {
    for (const [rate, hz] of [
      [3, 8192],
      [15, 2],
      [1, 256],
      [2, 128],
    ]) {
      write(0x0a, 0x20 | rate);
      write(0x0b, 0x42);
      read(0x0c);
      irq.rises = 0;
      const end = timers.test.ns + 1e9;
      while (timers.nextDeadlineNs <= end) {
        timers.advanceNs(timers.nextDeadlineNs - timers.test.ns);
        read(0x0c);
      }
      timers.test.ns = end;
      expect(Math.abs(irq.rises - hz), `rate ${rate}`).toBeLessThanOrEqual(1);
    }
  });

  it('update-ended interrupt each second', () => {
    write(0x0b, 0x12);
    timers.advanceMs(749);
    expect(irq.level).toBe(false);
    timers.advanceMs(2);
    expect(irq.level).toBe(true);
    expect(read(0x0c)).toBe(0xd0 | (read(0x0c) & 0));
  });

  it('flags are set without their enables, and a read of C clears them', () => {
    timers.advanceMs(1000);
    expect(read(0x0c)).toBe(0x50);
    expect(read(0x0c)).toBe(0);
    expect(irq.rises).toBe(0);
  });

  it('alarm at 10:00:01; "don’t care" codes match any', () => {
    write(5, 0x10);
    write(3, 0x00);
    write(1, 0x01);
    write(0x0b, 0x22);
    timers.advanceMs(2700);
    expect(irq.level).toBe(false);
    timers.advanceMs(100);
    expect(irq.level).toBe(true);
    expect(read(0x0c) & 0xa0).toBe(0xa0);
    for (const index of [1, 3, 5]) write(index, 0xff);
    timers.advanceMs(1000);
    expect(irq.level).toBe(true);
  });

  it('sleeps while no interrupt is enabled', () => {
    expect(timers.nextDeadlineNs).toBe(Infinity);
  });

  it('reset clears the enables and keeps the time', () => {
    write(0x0b, 0x72);
    timers.advanceMs(1000);
    rtc.reset();
    expect(irq.level).toBe(false);
    expect(read(0x0b)).toBe(0x02);
    expect(time()).toBe('26 11 20 09 59 59');
  });

  it('tells the memory size where BIOSes look', () => {
    expect(read(0x15) | (read(0x16) << 8)).toBe(640);
    expect(read(0x30) | (read(0x31) << 8)).toBe(63 * 1024);
    expect(read(0x34) | (read(0x35) << 8)).toBe(48 * 16);
    let sum = 0;
    for (let i = 0x10; i <= 0x2d; i++) sum += read(i);
    expect((read(0x2e) << 8) | read(0x2f)).toBe(sum & 0xffff);
  });
});
