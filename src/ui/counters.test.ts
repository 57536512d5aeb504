import { describe, expect, it } from 'vitest';
import { COUNTERS, COUNTER_WORDS } from '../hypervisor/layout.ts';
import { isContinuous, rates, readCounters } from './counters.ts';

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
    expect(reasons).toEqual([{ reason: 30, perSecond: 40, total: 10 }, { reason: 12, perSecond: 2, total: 4 }]);
    expect(instructionsPerSecond).toBe(10_000_000);
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
