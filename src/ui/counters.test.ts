import { describe, expect, it } from 'vitest';
import { COUNTERS, COUNTER_WORDS } from '../hypervisor/layout/layout.ts';
import { guestNs, isContinuous, rates, readCounters } from './counters.ts';

describe('counters of a domain', () => {
  it('reads 64-bit counters as low and high word', () => {
    const words = new Int32Array(COUNTER_WORDS);
    words[COUNTERS.RETIRED] = -1;
    words[COUNTERS.RETIRED + 1] = 2;
    words[COUNTERS.STATE] = 'b'.charCodeAt(0);
    const sample = readCounters(words, 0);
    expect(sample.retired).toBe(2 * 2 ** 32 + 0xffffffff);
    expect(sample.state).toBe('b');
  });

  it('tells the time of a guest that sleeps on, and leaves it where it is in one that is paused', () => {
    const at = (state: string) => {
      const words = new Int32Array(COUNTER_WORDS);
      words[COUNTERS.STATE] = state.charCodeAt(0);
      words[COUNTERS.NOW_NS] = 95e6;
      words[COUNTERS.HOST_US] = 1e6;
      return guestNs(readCounters(words, 21_000, 0));
    };
    expect(at('b')).toBe(20_095e6);
    expect(at('p')).toBe(95e6);
  });

  it('gives rates by reason over the time between two readings, across a wrap of the 32-bit counter', () => {
    const words = new Int32Array(COUNTER_WORDS);
    words[COUNTERS.EXITS + 30] = -10;
    words[COUNTERS.EXITS + 12] = 3;
    const first = readCounters(words, 1000);
    words[COUNTERS.EXITS + 30] = 10;
    words[COUNTERS.EXITS + 12] = 4;
    words[COUNTERS.RETIRED] = 5_000_000;
    words[COUNTERS.IOREQS] = 7;
    const { reasons, instructionsPerSecond, ioreqsPerSecond } = rates(first, readCounters(words, 1500));
    expect(ioreqsPerSecond).toBe(14);
    expect(reasons).toEqual([
      { reason: 30, perSecond: 40, total: 10 },
      { reason: 12, perSecond: 2, total: 4 },
    ]);
    expect(instructionsPerSecond).toBe(10_000_000);
  });

  it('gives the share of instructions that compiled code ran between two readings, and none where there were none', () => {
    const words = new Int32Array(COUNTER_WORDS);
    words[COUNTERS.TIER] = 1;
    words[COUNTERS.TIER_RETIRED] = 1000;
    words[COUNTERS.RETIRED] = 1000;
    const first = readCounters(words, 1000);
    expect(first.tier).toMatchObject({ state: 'on', retired: 1000 });
    expect(rates(first, readCounters(words, 1500)).compiled).toBeUndefined();
    words[COUNTERS.TIER_RETIRED] = 1750;
    words[COUNTERS.RETIRED] = 2000;
    expect(rates(first, readCounters(words, 1500)).compiled).toBe(0.75);
  });

  it('gives shares of the time that lies between the ends of two slices, so that none is more than there was', () => {
    /** A domain that runs, and wrote so at `ms`. */
    const written = (state: string, ms: number, runMs: number, at: number) => {
      const words = new Int32Array(COUNTER_WORDS);
      words[COUNTERS.STATE] = state.charCodeAt(0);
      words[COUNTERS.HOST_US] = ms * 1000;
      words[COUNTERS.RUN_NS] = runMs * 1e6;
      return readCounters(words, at, 0);
    };
    // Read at 1000 and 1250; its slices ended at 992 and 1249.
    const [from, to] = [written('r', 992, 100, 1000), written('r', 1249, 357, 1250)];
    expect(rates(from, to).running).toBe(1);
    // It was parked since 300, and woke at 1010.
    const [slept, woke] = [written('b', 300, 50, 1000), written('r', 1250, 290, 1250)];
    expect(rates(slept, woke).running).toBe(240 / 250);
  });

  it('gives shares of the guest’s own time in virtual time, in which no other is written', () => {
    /** It has run for so much of its time, in a slice that ended or before it went to sleep. */
    const written = (state: string, nowMs: number, runMs: number, at: number) => {
      const words = new Int32Array(COUNTER_WORDS);
      words[COUNTERS.STATE] = state.charCodeAt(0);
      words[COUNTERS.NOW_NS] = nowMs * 1e6;
      words[COUNTERS.RUN_NS] = runMs * 1e6;
      return readCounters(words, at);
    };
    expect(rates(written('r', 1000, 500, 9000), written('r', 1200, 650, 9250)).running).toBe(0.75);
    expect(rates(written('r', 1000, 500, 9000), written('b', 1100, 510, 9250)).running).toBe(0.1);
    // Time stands.
    expect(rates(written('r', 1000, 500, 9000), written('r', 1000, 500, 9250)).running).toBe(0);
  });

  it('takes what a saved state brought along for no rate', () => {
    const words = new Int32Array(COUNTER_WORDS);
    const fresh = readCounters(words, 1000);
    words[COUNTERS.RETIRED] = 1_000_000;
    words[COUNTERS.NOW_NS] = 250_000_000;
    const later = readCounters(words, 1250);
    expect(isContinuous(fresh, later)).toBe(true);
    words[COUNTERS.NOW_NS + 1] = 40;
    const restored = readCounters(words, 1500);
    expect(isContinuous(later, restored)).toBe(false);
    expect(isContinuous(restored, later)).toBe(false);
  });
});
