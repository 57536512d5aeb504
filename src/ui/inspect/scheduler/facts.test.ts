import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../hypervisor/view/index.ts';
import { type Data, isHungry, keyOf, pickedOf, pictureOf, sharesOf, switchesOf } from './facts.ts';
import { why } from './why.ts';
import { reasonOf } from './words.ts';

const decision = (ms: number, pcpu: number, from: number, to: number, more: Partial<Decision> = {}): Decision =>
  ({
    timeNs: 1e6 * ms,
    pcpu,
    from,
    to,
    why: 'TURN',
    left: 'SLICE',
    priority: -1,
    credit: 50,
    waiting: 1,
    waitedNs: 2e6,
    ...more,
  }) as Decision;
const unit = (number: number, name: string, weight: number, cap = 0) =>
  ({ unit: number, id: number, name, weight, cap, priority: -1, credit: 0, dispatches: 3 }) as Data['units'][number];
/** Two that always have work share a processor by 2 to 1; the third wakes for 10 ms. */
const boost = decision(60, 0, 1, 3, { priority: 0, why: 'PRIORITY' }),
  decisions = [decision(0, 0, -1, 1), decision(40, 0, 1, 2), boost, decision(70, 0, 3, 1), decision(100, 0, 1, -1)];
const seen = {
  decisions,
  accountings: [],
  units: [unit(1, 'web', 512), unit(2, 'db', 256), unit(3, 'idler', 256)],
  fromNs: 0,
  toNs: 100e6,
  pcpus: 1,
  periods: { tickNs: 10e6, accountingNs: 30e6, credits: 300 },
};
const data: Data = { ...seen, shares: sharesOf(seen, number => number !== 3) };
const shown = (chosen: string, of = data) => ({ data: of, chosen, choose: () => {}, target: {} });

describe('the schedule in a picture', () => {
  it('has what each took, and by weight what the others of those that always have work left', () => {
    expect(
      [...data.shares].map(([number, { ran, byWeight }]) => [number, ran / 1e6, byWeight && byWeight / 1e6]),
    ).toEqual([
      [1, 70, 60],
      [2, 20, 30],
      [3, 10, undefined],
    ]);
    expect(sharesOf({ ...seen, units: [unit(1, 'web', 512, 25), seen.units[1]!] }, () => true).get(1)!.byWeight).toBe(
      25e6,
    );
  });

  it('has a lane for each unit with its weight, and its cap where it has one', () => {
    const { lanes, runs } = pictureOf({ ...data, units: [unit(1, 'web', 512, 25), ...data.units.slice(1)] });
    expect(lanes.map(({ says }) => says)).toEqual(['weight 512, cap 25', 'weight 256', 'weight 256']);
    expect(runs.map(run => run.unit)).toEqual([1, 2, 3, 1]);
  });

  it('tells at first of a decision that put a woken unit before another, in the middle of the picture', () => {
    expect(pickedOf(shown(''))).toBe(boost);
    expect(pickedOf(shown(keyOf(decisions[1]!)))).toBe(decisions[1]);
    expect(switchesOf({ ...data, fromNs: 50e6 })).toHaveLength(3);
  });
});

it('knows who always has work by the last second alone', () => {
  const looks = (...running: number[]) => running.map((ran, i) => ({ ns: 0.5e9 * i, running: 1e9 * ran, runnable: 0 }));
  expect([isHungry(looks(0, 0.5, 1)), isHungry(looks(0, 0.5, 0.5)), isHungry(looks(0, 0, 0, 0.5, 1))]).toEqual([
    true,
    false,
    true,
  ]);
});

describe('why', () => {
  it('a decision fell is told by what had become of the one before, and why this one came', () => {
    const name = (number: number) => ['', 'web', 'db'][number]!;
    expect(reasonOf(decisions[1]!, name)).toBe('web’s slice is over; first in line of equals');
    expect(reasonOf(decision(0, 0, -1, 1, { why: 'WOKEN', priority: 0 }), name)).toBe(
      'woke, and the processor was idle',
    );
    expect(reasonOf(decision(0, 0, 2, 1, { left: 'BLOCKED', priority: 0 }), name)).toBe(
      'db sleeps; woke: BOOST goes first',
    );
  });

  it('one has what it has is told in the numbers of the picture', () => {
    expect(why(shown('')).answer).toBe(
      'idler woke with BOOST and took 10 ms first. The other 90 ms of the processor go by weight to those that always have work: 60 and 30 ms to web and db. Measured: 70 and 20 ms.',
    );
    expect(why(shown(keyOf(boost))).question).toBe('Why BOOST?');
    expect(why(shown(keyOf(decisions[4]!))).question).toBe('Why idle?');
  });
});
