/** Which vCPU had which pCPU when, what each took of it and what the weights give, and which decision is explained. */

import type { Accounting, Decision, Periods, Unit } from '../../../hypervisor/view/index.ts';
import type { Shown } from '../inspector.ts';
import { byPriority, creditOf, lineFrom, type Run, runsOf, sharesByWeight, timesOf } from '../runs.ts';
import type { Lane } from './schedule.tsx';
import { schedulerWords } from './words.ts';

/** This long a time decides who always has work. */
export const LOOK_NS = 1e9;
/** Of decisions before the picture: who runs is looked at again each slice. */
const BEFORE_NS = 200e6,
  /** A vCPU that has run or wanted to for this much of the time always has work. */
  ALWAYS = 0.85,
  /** Where in the picture the decision is looked for that is explained at first: between two accountings of the shorter ones. */
  TELLING = 0.38,
  /** The same is of a slice that can be seen: of so much of the picture at least. */
  SEEN = 1 / 60;

/** Of a moment: nanoseconds that a unit has run and waited for a processor, ever. */
export interface Look {
  ns: number;
  running: number;
  runnable: number;
}
/** Of the picture, in nanoseconds. */
export interface Share {
  /** It had a processor. */
  ran: number;
  /** It always had work. */
  isHungry: boolean;
  /** What the weights give it, of those that always have work; undefined: it takes what it needs. */
  byWeight?: number;
}
export interface Data {
  decisions: Decision[];
  accountings: Accounting[];
  units: (Unit & { id: number; name: string })[];
  /** The picture begins and ends at accountings, where there are any. */
  fromNs: number;
  toNs: number;
  pcpus: number;
  periods: Periods;
  shares: ReadonlyMap<number, Share>;
}

/** It has run, or wanted to, for nearly all of the last second. `looks`: at one unit, oldest first. */
export function isHungry(looks: readonly Look[]): boolean {
  const last = looks.at(-1)!,
    first = looks.findLast(({ ns }) => last.ns - ns >= LOOK_NS) ?? looks[0]!;
  return last.running - first.running + last.runnable - first.runnable > ALWAYS * Math.max(1, last.ns - first.ns);
}

/** Decisions that tell who runs in the picture. */
const toldOf = ({ decisions, fromNs }: Pick<Data, 'decisions' | 'fromNs'>): Decision[] =>
  decisions.filter(({ timeNs }) => timeNs >= fromNs - BEFORE_NS);

/** What each unit had of the picture, and of those that always have work what the weights give them. */
export function sharesOf(
  seen: Pick<Data, 'decisions' | 'units' | 'fromNs' | 'toNs' | 'pcpus'>,
  hungry: (unit: number) => boolean,
): Map<number, Share> {
  const { units, fromNs, toNs, pcpus } = seen,
    times = timesOf(runsOf(toldOf(seen), fromNs, toNs)),
    span = toNs - fromNs;
  const shares = new Map(
    units.map(({ unit }): [number, Share] => [unit, { ran: times.get(unit) ?? 0, isHungry: hungry(unit) }]),
  );
  const others = units.reduce((sum, { unit }) => sum + (shares.get(unit)!.isHungry ? 0 : shares.get(unit)!.ran), 0);
  const byWeight = sharesByWeight(
    units
      .filter(({ unit }) => shares.get(unit)!.isHungry)
      .map(({ unit, weight, cap }) => ({
        unit,
        weight,
        most: cap > 0 ? Math.min(span, (span * cap) / 100) : span,
      })),
    pcpus * span - others,
  );
  for (const [unit, share] of byWeight) shares.get(unit)!.byWeight = share;
  return shares;
}

/** A lane for each unit, and what ran on each pCPU. */
export function pictureOf(data: Data): { runs: Run[]; lanes: Lane[] } {
  const { accountings, units, fromNs, toNs } = data,
    own = schedulerWords(),
    told = toldOf(data),
    all = runsOf(told, 0, toNs),
    inPicture = runsOf(told, fromNs, toNs),
    runs = byPriority(inPicture, accountings, data.periods.tickNs);
  return {
    runs: inPicture,
    lanes: units.map(({ unit, id, name, weight, cap }) => ({
      unit,
      id,
      name,
      says: `${own.weight} ${weight}${cap > 0 ? `, ${own.cap} ${cap}` : ''}`,
      runs: runs.filter(run => run.unit === unit),
      credit: lineFrom(creditOf(unit, all, accountings, toNs), fromNs),
    })),
  };
}

/** What a decision is chosen by. */
export const keyOf = ({ timeNs, pcpu, to }: Pick<Decision, 'timeNs' | 'pcpu' | 'to'>): string =>
  `${timeNs} ${pcpu} ${to}`;

/** What can be chosen: switches within the picture, oldest first. */
export const switchesOf = ({ decisions, fromNs, toNs }: Data): Decision[] =>
  decisions.filter(({ timeNs, from, to }) => from !== to && timeNs >= fromNs && timeNs <= toNs);

/** The decision of which the table and the line in the picture are: the chosen one, or one that put a woken unit before another. */
export function pickedOf({ data, chosen }: Pick<Shown<Data>, 'data' | 'chosen'>): Decision | undefined {
  const kept = data.decisions.find(each => keyOf(each) === chosen);
  if (kept) return kept;
  const { decisions, fromNs, toNs } = data,
    all = switchesOf(data),
    telling = all.filter(({ priority, from, to }) => priority === 0 && from >= 0 && to >= 0),
    aimNs = fromNs + TELLING * (toNs - fromNs);
  const lastsNs = ({ pcpu, timeNs }: Decision): number =>
      (decisions.find(next => next.pcpu === pcpu && next.timeNs > timeNs)?.timeNs ?? toNs) - timeNs,
    off = ({ timeNs }: Decision): number => Math.abs(timeNs - aimNs);
  const among =
    [telling.filter(each => lastsNs(each) >= SEEN * (toNs - fromNs)), telling, all].find(some => some.length > 0) ?? [];
  return among.reduce<Decision | undefined>(
    (nearest, each) => (nearest && off(nearest) <= off(each) ? nearest : each),
    undefined,
  );
}
