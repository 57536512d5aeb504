import { describe, expect, it } from 'vitest';
import { LEASE_TIMING } from '../dom0/pool/leases/index.ts';
import { picker } from './harness/pick.ts';
import { main } from './fuzz-leases.ts';
import { runAtRandom } from './leases/at-random.ts';

describe('fuzz:leases', () => {
  it('finds no guest that runs twice, as it was before, or not at all', async () => {
    let text = '';
    expect(await main(['--runs', '60', '--seed', '1'], more => void (text += more))).toBe(0);
    expect(text).toMatch(/^60 runs from seed 1: \d+ writes, \d+ moves, .*\n0 failed\n$/);
  });

  it('would find two owners of leases that run out before their holder stops', () => {
    const timing = { ...LEASE_TIMING, fenceMs: 12_000, takeOverMs: 6000 };
    const problems = Array.from({ length: 40 }, (_each, seed) => runAtRandom(picker(seed), timing).problem);
    expect(problems.filter(problem => / run g\d|its disk/.test(problem ?? '')).length).toBeGreaterThan(0);
  });

  it('runs alike with the same seed', () => {
    expect(runAtRandom(picker(7))).toEqual(runAtRandom(picker(7)));
  });

  it('tells of wrong words', async () => {
    expect(await main(['--runs', 'many'], undefined, () => {})).toBe(2);
  });
});
