import { describe, expect, it } from 'vitest';
import { runsOf } from './runs.ts';

const decision = (timeNs: number, pcpu: number, from: number, to: number) => ({ timeNs, pcpu, from, to, why: 'TURN', left: 'NOBODY', priority: -1, credit: 5, waiting: 0, waitedNs: 3 }) as const;

describe('runs of a timeline', () => {
  it('last from one decision of a processor to the next, or to now, and are cut where the picture begins', () => {
    const runs = runsOf([decision(0, 0, -1, 1), decision(5, 1, -1, 2), decision(10, 0, 1, -1), decision(20, 0, -1, 3)], 2, 30);
    expect(runs.map(({ pcpu, unit, fromNs, toNs }) => [pcpu, unit, fromNs, toNs])).toEqual([[0, 1, 2, 10], [1, 2, 5, 30], [0, 3, 20, 30]]);
  });

  it('have not waited where the same one goes on', () => {
    expect(runsOf([decision(0, 0, -1, 1), decision(10, 0, 1, 1)], 0, 20).map(({ waitedNs }) => waitedNs)).toEqual([3, 0]);
  });

  it('are none where nobody could run', () => {
    expect(runsOf([decision(0, 0, -1, -1)], 0, 20)).toEqual([]);
  });
});
