import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { testPc } from './testing.ts';

/** Initializes both 8259As for vectors 0x20 and 0x28, all unmasked. */
function initializePics(t: ReturnType<typeof testPc>): void {
  for (const [port, words] of [
    [0x20, [0x11, 0x20, 4, 1, 0]],
    [0xa0, [0x11, 0x28, 2, 1, 0]],
  ] as const) {
    words.forEach((word, i) => t.out(i === 0 ? port : port + 1, word));
  }
}

describe('the assembled PC', () => {
  it('prints on COM1', () => {
    const t = testPc();
    for (const c of 'hi') t.out(0x3f8, c.charCodeAt(0));
    expect(t.sent[0]).toEqual([0x68, 0x69]);
  });

  it('interrupts by the timer at 100 Hz for a count of 11932 in mode 2', () => {
    const t = testPc();
    initializePics(t);
    let rises = 0;
    t.pc.onIntr = () => rises++;
    t.out(0x43, 0x34);
    t.out(0x40, 11932 & 0xff);
    t.out(0x40, 11932 >> 8);
    const vectors: number[] = [];
    for (let i = 0; i < 1000; i++) {
      t.timers.advanceMs(1);
      if (!t.pc.intr) continue;
      vectors.push(t.pc.acknowledge());
      t.out(0x20, 0x20);
    }
    // The 100th period of 11932 cycles ends 13 µs after the second; the programming itself raised OUT once.
    expect(vectors.length).toBe(100);
    expect(new Set(vectors)).toEqual(new Set([0x20]));
    expect(rises).toBe(100);
  });

  it('makes up for timer interrupts that came while the processor took none', () => {
    const t = testPc();
    initializePics(t);
    t.out(0x43, 0x34);
    t.out(0x40, 4773 & 0xff);
    t.out(0x40, 4773 >> 8);
    let served = 0;
    for (let i = 0; i < 10000; i++) {
      t.timers.advanceNs(100_000);
      // Interrupts are off for half of every 20 ms.
      if (i % 200 < 100 || !t.pc.intr) continue;
      t.pc.acknowledge();
      t.out(0x20, 0x20);
      served++;
    }
    expect(Math.abs(served - 250)).toBeLessThanOrEqual(3);
  });

  it('takes a key from the page to IRQ 1 as scan code set 1', () => {
    const t = testPc();
    initializePics(t);
    t.pc.keyboard.key('KeyA', true);
    t.timers.advanceMs(2);
    expect(t.pc.intr).toBe(true);
    expect(t.pc.acknowledge()).toBe(0x21);
    expect(t.in(0x64) & 1).toBe(1);
    expect(t.in(0x60)).toBe(0x1e);
    t.pc.keyboard.key('KeyA', false);
    t.timers.advanceMs(2);
    expect(t.in(0x60)).toBe(0x9e);
  });

  it('powers off through PM1a control as \\_S5 says', () => {
    const t = testPc();
    t.pc.installTables();
    t.out(0xb2, 0xf1);
    expect(t.in(0x604, 2) & 1).toBe(1);
    t.out(0x604, 0x2000 | 1, 2);
    expect(t.events).toEqual(['power off']);
  });

  it('resets by 0xCF9, the keyboard controller and port 0x92', () => {
    const t = testPc();
    t.out(0xcf9, 2);
    t.out(0xcf9, 6);
    t.out(0x64, 0xfe);
    t.out(0x92, 3);
    expect(t.events).toEqual(['reset', 'reset', 'reset']);
  });

  it('reports isa-debug-exit values', () => {
    const t = testPc();
    t.out(0xf4, 0x10, 4);
    t.out(0x501, 3);
    expect(t.events).toEqual(['exit 16', 'exit 3']);
  });

  it('gives all ones where nobody answers, on every width', () => {
    const t = testPc();
    expect(t.in(0x300)).toBe(0xff);
    expect(t.in(0x300, 2)).toBe(0xffff);
    expect(t.in(0x300, 4)).toBe(0xffffffff);
    expect(t.pc.bus.readMemory(0xf0000000, 4)).toBe(0xffffffff);
    expect(t.pc.bus.isMemoryMapped(0xf0000000)).toBe(false);
    expect(t.pc.bus.isMemoryMapped(0xb8000)).toBe(true);
  });

  it('saves and restores into another machine that goes on', () => {
    const a = testPc();
    a.pc.installTables();
    initializePics(a);
    a.out(0x43, 0x34);
    a.out(0x40, 0);
    a.out(0x40, 0x10);
    a.timers.advanceMs(5);
    a.pc.keyboard.key('KeyB', true);
    const state = structuredClone(a.pc.save());
    const b = testPc();
    b.timers.test.ns = a.timers.test.ns;
    b.pc.restore(state);
    expect(isDeepStrictEqual(b.pc.save(), a.pc.save())).toBe(true);
    for (const t of [a, b]) t.timers.advanceMs(20);
    expect(isDeepStrictEqual(b.pc.save(), a.pc.save())).toBe(true);
    expect(b.pc.acknowledge()).toBe(a.pc.acknowledge());
  });

  it('refuses a state without one of its devices, by name', () => {
    const { pc } = testPc();
    const state = pc.save();
    delete state.pit;
    expect(() => testPc().pc.restore(state)).toThrow('pit is missing');
  });
});
