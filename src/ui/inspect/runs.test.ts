import { describe, expect, it } from 'vitest';
import {
  byPriority,
  creditOf,
  gathered,
  lineFrom,
  type Run,
  runsOf,
  sharesByWeight,
  timesOf,
  withNewer,
} from './runs.ts';

const decision = (timeNs: number, pcpu: number, from: number, to: number) =>
  ({ timeNs, pcpu, from, to, why: 'TURN', left: 'NOBODY', priority: -1, credit: 5, waiting: 0, waitedNs: 3 }) as const;

describe('runs of a timeline', () => {
  it('last from one decision of a processor to the next, or to now, and are cut where the picture begins', () => {
    const runs = runsOf(
      [decision(0, 0, -1, 1), decision(5, 1, -1, 2), decision(10, 0, 1, -1), decision(20, 0, -1, 3)],
      2,
      30,
    );
    expect(runs.map(({ pcpu, unit, fromNs, toNs }) => [pcpu, unit, fromNs, toNs])).toEqual([
      [0, 1, 2, 10],
      [1, 2, 5, 30],
      [0, 3, 20, 30],
    ]);
  });

  it('end where decisions after them were overwritten before somebody looked', () => {
    const kept = [decision(0, 0, -1, 1), decision(5, 1, -1, 2)];
    expect(
      runsOf(withNewer(kept, [decision(20, 0, 3, 4)], 2), 0, 30).map(({ unit, fromNs, toNs }) => [unit, fromNs, toNs]),
    ).toEqual([
      [1, 0, 5],
      [4, 20, 30],
    ]);
    // None is missing where one that was kept is still there.
    expect(
      runsOf(withNewer(kept, [kept[1]!, decision(20, 0, 1, 4)], 2), 0, 30).map(({ unit, fromNs, toNs }) => [
        unit,
        fromNs,
        toNs,
      ]),
    ).toEqual([
      [1, 0, 20],
      [2, 5, 30],
      [4, 20, 30],
    ]);
  });

  it('have not been where the host went back', () => {
    const kept = [decision(0, 0, -1, 1), decision(5, 0, 1, 2), decision(20, 0, 2, 3)];
    expect(withNewer(kept, kept.slice(0, 2), 1)).toEqual(kept.slice(0, 2));
    expect(withNewer(kept, kept, 1)).toEqual(kept);
  });

  it('have not waited where the same one goes on', () => {
    expect(runsOf([decision(0, 0, -1, 1), decision(10, 0, 1, 1)], 0, 20).map(({ waitedNs }) => waitedNs)).toEqual([
      3, 0,
    ]);
  });

  it('are none where nobody could run', () => {
    expect(runsOf([decision(0, 0, -1, -1)], 0, 20)).toEqual([]);
  });
});

const MS = 1e6;
const run = (fromMs: number, toMs: number, more: Partial<Run> = {}): Run => ({
  pcpu: 0,
  unit: 1,
  priority: -1,
  credit: 50,
  fromNs: fromMs * MS,
  toNs: toMs * MS,
  waitedNs: 0,
  ...more,
});

describe('the priority of who runs', () => {
  it('is BOOST until the next tick, and after an accounting what the credit says', () => {
    const accountings = [
      { timeNs: 0, credits: [0, 60] },
      { timeNs: 30 * MS, credits: [0, -5] },
    ];
    expect(
      byPriority([run(4, 40, { priority: 0 })], accountings, 10 * MS).map(({ priority, fromNs, toNs }) => [
        priority,
        fromNs / MS,
        toNs / MS,
      ]),
    ).toEqual([
      [0, 4, 10],
      [-1, 10, 30],
      [-2, 30, 40],
    ]);
    // One that goes on with the same priority is one slice.
    expect(byPriority([run(4, 6), run(6, 8)], accountings, 10 * MS)).toHaveLength(1);
  });
});

describe('short turns', () => {
  it('in a row are one, with how many of each unit; two, one alone, and what idle time parts stay what they are', () => {
    const many = [
      run(0, 10),
      run(10, 11, { unit: 2 }),
      run(11, 12),
      run(12, 13, { unit: 2 }),
      run(13, 30),
      run(30, 31, { unit: 2 }),
      run(31, 50),
      run(60, 61),
      run(70, 71, { unit: 2 }),
    ];
    const { wide, short } = gathered(many, 2 * MS);
    expect(short.map(({ fromNs, toNs, of }) => [fromNs / MS, toNs / MS, [...of]])).toEqual([
      [
        10,
        13,
        [
          [2, 2],
          [1, 1],
        ],
      ],
    ]);
    expect(wide).toHaveLength(6);
    // On two processors they are two rows.
    expect(
      gathered(
        many.map((each, i) => ({ ...each, pcpu: i % 2 })),
        2 * MS,
      ).short,
    ).toEqual([]);
  });

  it('count for how long each unit had a processor', () => {
    expect([...timesOf([run(0, 10), run(10, 11, { unit: 2 }), run(11, 12, { pcpu: 1 })])]).toEqual([
      [1, 11 * MS],
      [2, 1 * MS],
    ]);
  });
});

describe('the credit of a unit', () => {
  it('falls by ten in a millisecond while it runs, stands while it does not, and is what an accounting made it', () => {
    const line = creditOf(
      1,
      [run(10, 20), run(40, 45, { credit: 77 })],
      [{ timeNs: 30 * MS, credits: [0, 80] }],
      60 * MS,
    );
    expect(line.map(({ ns, credit }) => [ns / MS, credit])).toEqual([
      [10, 50],
      [20, -50],
      [30, -50],
      [30, 80],
      [40, 80],
      [40, 77],
      [45, 27],
      [60, 27],
    ]);
    expect(lineFrom(line, 15 * MS)[0]).toEqual({ ns: 15 * MS, credit: 0 });
    expect(lineFrom(line, 70 * MS)).toEqual([]);
  });
});

describe('what weights give', () => {
  it('is shared in their proportion; who can use no more leaves the rest to the others', () => {
    expect([
      ...sharesByWeight(
        [
          { unit: 1, weight: 512, most: 100 },
          { unit: 2, weight: 256, most: 100 },
          { unit: 3, weight: 256, most: 100 },
        ],
        160,
      ),
    ]).toEqual([
      [1, 80],
      [2, 40],
      [3, 40],
    ]);
    expect([
      ...sharesByWeight(
        [
          { unit: 1, weight: 512, most: 50 },
          { unit: 2, weight: 256, most: 100 },
          { unit: 3, weight: 256, most: 100 },
        ],
        160,
      ),
    ]).toEqual([
      [1, 50],
      [2, 55],
      [3, 55],
    ]);
    expect([...sharesByWeight([{ unit: 1, weight: 256, most: 100 }], 180)]).toEqual([[1, 100]]);
    expect([...sharesByWeight([], 180)]).toEqual([]);
  });
});
