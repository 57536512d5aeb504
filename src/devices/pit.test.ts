import { beforeEach, describe, expect, it } from 'vitest';
import { Pit, PIT_HZ } from './pit.ts';
import { TestLine, TestTimers } from './testing.ts';
import { nsOfCycle } from './timers.ts';

// Quotations are from the Intel 8254 datasheet (231164).
let timers: TestTimers;
let irq: TestLine;
let pit: Pit;
const out = (port: number, value: number) =>
  (port === 0x61 ? pit.portBPorts : pit.ports).write(port === 0x61 ? 0 : port - 0x40, value, 1);
const inp = (port: number) => (port === 0x61 ? pit.portBPorts : pit.ports).read(port === 0x61 ? 0 : port - 0x40, 1);
/** Moves to a cycle of the counter's clock. */
const toCycle = (cycle: number) => timers.advanceNs(nsOfCycle(cycle, PIT_HZ) - timers.test.ns);
const latched = (channel: number) => {
  out(0x43, channel << 6);
  return inp(0x40 + channel) | (inp(0x40 + channel) << 8);
};
const outPin = (channel: number) => {
  out(0x43, 0xe0 | (2 << channel));
  return inp(0x40 + channel) >> 7;
};

beforeEach(() => {
  timers = new TestTimers();
  irq = new TestLine();
  pit = new Pit(timers, irq);
});

function program(channel: number, mode: number, count: number, bcd = 0): void {
  out(0x43, (channel << 6) | 0x30 | (mode << 1) | bcd);
  out(0x40 + channel, count & 0xff);
  out(0x40 + channel, count >> 8);
}

describe('8254', () => {
  it('mode 0: "OUT will remain low until the counter reaches zero", N + 1 clocks after the count is written, and stays high', () => {
    program(0, 0, 5);
    toCycle(5);
    expect(irq.level).toBe(false);
    toCycle(6);
    expect(irq.level).toBe(true);
    toCycle(70000);
    expect(irq.rises).toBe(1);
  });

  it('mode 0: "writing the first byte disables counting, OUT is set low immediately"', () => {
    program(0, 0, 5);
    toCycle(10);
    out(0x40, 3);
    expect(irq.level).toBe(false);
    toCycle(100);
    expect(irq.level).toBe(false);
    out(0x40, 0);
    toCycle(104);
    expect(irq.level).toBe(true);
  });

  it('mode 2: one rise a period; a new count takes over "at the end of the current counting cycle"', () => {
    program(0, 2, 100);
    const before = irq.rises;
    toCycle(1001);
    expect(irq.rises - before).toBe(10);
    out(0x40, 50);
    out(0x40, 0);
    toCycle(1100);
    expect(irq.rises - before).toBe(10);
    toCycle(1101);
    expect(irq.rises - before).toBe(11);
    toCycle(1151);
    expect(irq.rises - before).toBe(12);
  });

  it('mode 3: "OUT will be high for half the count and low for the other half"; odd counts: (N + 1) / 2 high', () => {
    out(0x61, 1);
    program(2, 3, 5);
    const wave = [];
    for (let cycle = 1; cycle <= 10; cycle++) {
      toCycle(cycle);
      wave.push(outPin(2));
    }
    expect(wave).toEqual([1, 1, 1, 0, 0, 1, 1, 1, 0, 0]);
  });

  it('mode 3 decrements by two', () => {
    program(0, 3, 100);
    toCycle(1 + 10);
    expect(latched(0)).toBe(80);
    toCycle(1 + 60);
    expect(latched(0)).toBe(80);
  });

  it('mode 4: OUT is low for one clock when the count expires, once', () => {
    program(0, 4, 7);
    const before = irq.rises;
    toCycle(8);
    expect(outPin(0)).toBe(0);
    toCycle(9);
    expect(outPin(0)).toBe(1);
    toCycle(200000);
    expect(irq.rises - before).toBeLessThanOrEqual(1);
  });

  it('mode 4 on channel 0 interrupts one clock after the strobe', () => {
    program(0, 4, 7);
    irq.level = false;
    irq.rises = 0;
    toCycle(8);
    expect(irq.rises).toBe(0);
    toCycle(9);
    expect(irq.rises).toBe(1);
  });

  it('mode 1: the gate’s rising edge starts the one-shot; it can be retriggered', () => {
    program(2, 1, 10);
    expect(outPin(2)).toBe(1);
    out(0x61, 1);
    toCycle(5);
    expect(outPin(2)).toBe(0);
    out(0x61, 0);
    out(0x61, 1);
    toCycle(14);
    expect(outPin(2)).toBe(0);
    toCycle(16);
    expect(outPin(2)).toBe(1);
  });

  it('mode 5: the strobe comes N + 1 clocks after the trigger', () => {
    program(2, 5, 10);
    out(0x61, 1);
    toCycle(10);
    expect(outPin(2)).toBe(1);
    toCycle(11);
    expect(outPin(2)).toBe(0);
    toCycle(12);
    expect(outPin(2)).toBe(1);
  });

  it('mode 0: "GATE = 0 disables counting"', () => {
    out(0x61, 1);
    program(2, 0, 1000);
    toCycle(101);
    out(0x61, 0);
    toCycle(500);
    expect(latched(2)).toBe(900);
    out(0x61, 1);
    toCycle(600);
    expect(latched(2)).toBe(800);
    expect(inp(0x61) & 0x20).toBe(0);
    toCycle(1400);
    expect(inp(0x61) & 0x20).toBe(0x20);
  });

  it('mode 2: the gate’s rising edge reloads', () => {
    out(0x61, 1);
    program(2, 2, 1000);
    toCycle(301);
    out(0x61, 0);
    expect(outPin(2)).toBe(1);
    toCycle(400);
    out(0x61, 1);
    toCycle(501);
    expect(latched(2)).toBe(900);
  });

  it('latches hold until read; a second latch command is ignored', () => {
    program(0, 2, 0);
    toCycle(101);
    out(0x43, 0x00);
    toCycle(201);
    out(0x43, 0x00);
    expect(inp(0x40) | (inp(0x40) << 8)).toBe(65536 - 100);
    expect(inp(0x40) | (inp(0x40) << 8)).toBe(65536 - 200);
  });

  it('read-back: status first, then the count', () => {
    program(0, 2, 1000);
    toCycle(11);
    out(0x43, 0xc2);
    // OUT high, count loaded, both bytes, mode 2, binary.
    expect(inp(0x40)).toBe(0x80 | 0x34);
    expect(inp(0x40) | (inp(0x40) << 8)).toBe(990);
  });

  it('null count is set until the count has reached the counting element', () => {
    out(0x43, 0x34);
    out(0x43, 0xe2);
    expect(inp(0x40) & 0x40).toBe(0x40);
    out(0x40, 10);
    out(0x40, 0);
    toCycle(2);
    out(0x43, 0xe2);
    expect(inp(0x40) & 0x40).toBe(0);
  });

  it('counts four decades in BCD', () => {
    program(0, 2, 0x1000, 1);
    toCycle(1 + 1);
    expect(latched(0)).toBe(0x0999);
  });

  it('a count of 0 is 65536 (10000 in BCD)', () => {
    program(0, 2, 0);
    const before = irq.rises;
    toCycle(65536 * 3 + 1);
    expect(irq.rises - before).toBe(3);
    program(0, 2, 0, 1);
    const then = irq.rises;
    toCycle(65536 * 3 + 1 + 20001);
    expect(irq.rises - then).toBe(2);
  });

  it('reads least significant, most significant byte alone as programmed', () => {
    out(0x43, 0x14);
    out(0x40, 200);
    toCycle(51);
    expect(inp(0x40)).toBe(150);
    out(0x43, 0x24);
    out(0x40, 2);
    toCycle(52 + 256);
    expect(inp(0x40)).toBe(1);
  });

  it('port 0x61 bit 4 toggles every 15.085 µs', () => {
    let toggles = 0;
    let last = inp(0x61) & 0x10;
    for (let i = 0; i < 1000; i++) {
      timers.advanceNs(1000);
      const now = inp(0x61) & 0x10;
      if (now !== last) toggles++;
      last = now;
    }
    expect(toggles).toBe(Math.floor(1e6 / 15085));
  });

  it('makes up for periods during which nobody served it, one by one, and is on time again', () => {
    program(0, 2, 4773);
    const before = irq.rises;
    // 250 Hz for a second, of which the host slept 300 ms.
    toCycle(4773 * 100 + 1);
    expect(irq.rises - before).toBe(100);
    timers.test.ns = nsOfCycle(4773 * 175 + 5, PIT_HZ);
    timers.run();
    expect(irq.rises - before).toBe(101);
    toCycle(4773 * 250 + 1);
    expect(irq.rises - before).toBe(250);
    toCycle(4773 * 251 + 1);
    expect(irq.rises - before).toBe(251);
  });

  it('owes nothing once it is programmed anew', () => {
    program(0, 2, 4773);
    timers.test.ns = nsOfCycle(4773 * 175 + 5, PIT_HZ);
    timers.run();
    program(0, 0, 0xffff);
    const before = irq.rises;
    timers.advanceMs(40);
    expect(irq.rises).toBe(before);
  });
});
