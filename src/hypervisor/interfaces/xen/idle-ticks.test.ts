import { describe, expect, it } from 'vitest';
import { IdleTicks } from './idle-ticks.ts';

const MS = 1e6;

/** A vCPU that sets its timer every `everyMs` for this long and retires so much each time; the slack that it got last. */
function ticking(
  seconds: number,
  { everyMs = 4, instructions = 4800, ticks = new IdleTicks(), from = 1e9, retired = 0 } = {},
): number {
  let slack = 0;
  for (let now = from; now < from + seconds * 1e9; now += everyMs * MS) {
    retired += instructions;
    slack = ticks.slackNs(now, now + everyMs * MS, retired);
  }
  return slack;
}

describe('ticks of an idle vCPU', () => {
  it('are exact until it has done nothing else for a second, then late by a part of that time', () => {
    expect(ticking(0.99)).toBe(0);
    expect(ticking(2) / 1e9).toBeCloseTo(2 / 32, 2);
    expect(ticking(60)).toBe(500 * MS);
  });

  it('are exact while it works between them', () => {
    expect(ticking(10, { instructions: 20_000 })).toBe(0);
  });

  it('are exact again as soon as it works', () => {
    const ticks = new IdleTicks();
    ticking(20, { ticks });
    expect(ticks.slackNs(21.5e9, 21.504e9, 30_000_000)).toBe(0);
  });

  it('are those of a kernel without tickless idle: a timer that is set further ahead is exact', () => {
    expect(ticking(60, { everyMs: 10 })).toBe(0);
    const ticks = new IdleTicks();
    ticking(20, { ticks });
    expect(ticks.slackNs(21.01e9, 22e9, 24_000_000 + 5000)).toBe(0);
  });
});
