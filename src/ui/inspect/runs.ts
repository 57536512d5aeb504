/** Who had a processor, from the scheduler's decisions; what credit each had meanwhile; and what the weights alone would give. */
import type { Accounting, Decision } from '../../hypervisor/view/index.ts';

/** A unit pays this many credits for a millisecond (hypervisor/scheduler/credit.ts). */
const CREDITS_PER_MS = 10;
const BOOST = 0,
  UNDER = -1,
  OVER = -2;
/** PRIORITY of the run queue (hypervisor/scheduler/block.ts) as Xen names it. */
export const PRIORITIES: Readonly<Record<number, string>> = {
  [BOOST]: 'BOOST',
  [UNDER]: 'UNDER',
  [OVER]: 'OVER',
  [-64]: 'IDLE',
};

export interface Run {
  pcpu: number;
  unit: number;
  /** PRIORITY of the credit scheduler, as it was given the processor. */
  priority: number;
  /** Credit that it had then; undefined: it had the processor before, and nobody counted. */
  credit?: number;
  fromNs: number;
  toNs: number;
  /** How long it had waited for it. */
  waitedNs: number;
}

/** Between the decisions that somebody has kept and those that the run queue has now others were overwritten. */
export const isGap = (kept: readonly Decision[], now: readonly Decision[]): boolean =>
  kept.length > 0 && now.length > 0 && now[0]!.timeNs > kept.at(-1)!.timeNs;

/** The run queue went back in virtual time: what was kept has not been. */
export const isBack = (kept: readonly { timeNs: number }[], now: readonly { timeNs: number }[]): boolean =>
  kept.length > 0 && (now.at(-1)?.timeNs ?? -1) < kept.at(-1)!.timeNs;

/** Those kept and the newer ones. In a gap nobody is known to have had a processor. */
export function withNewer(kept: readonly Decision[], now: readonly Decision[], pcpus: number): Decision[] {
  if (isBack(kept, now)) return [...now];
  const last = kept.at(-1),
    newer = now.filter(({ timeNs }) => timeNs > (last?.timeNs ?? -1));
  const nobody =
    last && isGap(kept, now)
      ? Array.from(
          { length: pcpus },
          (_, pcpu): Decision => ({ ...last, pcpu, why: 'IDLE', from: -1, to: -1, waiting: 0, waitedNs: 0 }),
        )
      : [];
  return [...kept, ...nobody, ...newer];
}

/** From decisions: who had a pCPU from when to when. */
export function runsOf(decisions: readonly Decision[], fromNs: number, nowNs: number): Run[] {
  const runs: Run[] = [];
  const open = new Map<number, Run>();
  for (const { pcpu, to, timeNs, priority, credit, waitedNs } of decisions) {
    const before = open.get(pcpu);
    if (before) before.toNs = timeNs;
    open.delete(pcpu);
    if (to < 0) continue;
    // The same one goes on: its priority may be another.
    const run: Run = {
      pcpu,
      unit: to,
      priority,
      ...(before?.unit === to ? {} : { credit }),
      fromNs: timeNs,
      toNs: nowNs,
      waitedNs: before?.unit === to ? 0 : waitedNs,
    };
    runs.push(run);
    open.set(pcpu, run);
  }
  return runs
    .filter(({ toNs }) => toNs > fromNs)
    .map(run => ({ ...run, fromNs: Math.max(fromNs, run.fromNs), toNs: Math.min(nowNs, run.toNs) }))
    .filter(run => run.toNs > run.fromNs);
}

/** Runs cut where the priority of who runs changes: a tick ends BOOST, an accounting sets it by the credit. `everyNs`: from a tick to the next. */
export function byPriority(runs: readonly Run[], accountings: readonly Accounting[], everyNs: number): Run[] {
  const phaseNs = accountings.at(-1)?.timeNs ?? 0;
  const cut = runs.flatMap(run => {
    const changes = accountings.flatMap(({ timeNs, credits }) =>
      timeNs > run.fromNs && timeNs < run.toNs ? [{ ns: timeNs, priority: credits[run.unit]! < 0 ? OVER : UNDER }] : [],
    );
    const tickNs = phaseNs + (Math.floor((run.fromNs - phaseNs) / everyNs) + 1) * everyNs;
    if (
      run.priority === BOOST &&
      tickNs < run.toNs &&
      accountings.length > 0 &&
      !changes.some(({ ns }) => ns <= tickNs)
    )
      changes.unshift({ ns: tickNs, priority: UNDER });
    const ends = [...changes.map(({ ns }) => ns), run.toNs];
    return [
      { ...run, toNs: ends[0]! },
      ...changes.map(({ ns, priority }, i) => ({ ...run, priority, fromNs: ns, toNs: ends[i + 1]!, waitedNs: 0 })),
    ];
  });
  return joined(cut, (one, other) => one.priority === other.priority);
}

/** Of one that goes on is one slice, whatever was decided meanwhile; `isSame` may part what is of one unit. */
export function joined(runs: readonly Run[], isSame: (one: Run, other: Run) => boolean = () => true): Run[] {
  const slices: Run[] = [];
  const last = new Map<number, Run>();
  for (const run of runs) {
    const before = last.get(run.pcpu);
    if (before && before.toNs === run.fromNs && before.unit === run.unit && isSame(before, run)) {
      before.toNs = run.toNs;
      continue;
    }
    const slice = { ...run };
    slices.push(slice);
    last.set(run.pcpu, slice);
  }
  return slices;
}

/** Turns of a processor that are too short to be drawn each by itself. */
export interface Turns {
  pcpu: number;
  fromNs: number;
  toNs: number;
  /** How many of each unit. */
  of: ReadonlyMap<number, number>;
}

/** From this many short turns on they are shown as one. */
const FEWEST_TURNS = 3;

/** Of slices, oldest first: those that follow each other on a processor and take less than `leastNs` each, three or more of them, as one; the others as they are. */
export function gathered(slices: readonly Run[], leastNs: number): { wide: Run[]; short: Turns[] } {
  const wide: Run[] = [],
    short: Turns[] = [],
    rows = new Map<number, Run[]>();
  const end = (row: Run[]): void => {
    const first = row[0],
      last = row.at(-1);
    if (!first || !last || row.length < FEWEST_TURNS) {
      wide.push(...row);
      return;
    }
    const of = new Map<number, number>();
    for (const { unit } of row) of.set(unit, 1 + (of.get(unit) ?? 0));
    short.push({ pcpu: first.pcpu, fromNs: first.fromNs, toNs: last.toNs, of });
  };
  for (const slice of slices) {
    const row = rows.get(slice.pcpu) ?? [],
      before = row.at(-1),
      isShort = slice.toNs - slice.fromNs < leastNs;
    if (isShort && (!before || slice.fromNs - before.toNs < leastNs)) {
      rows.set(slice.pcpu, [...row, slice]);
      continue;
    }
    end(row);
    rows.set(slice.pcpu, isShort ? [slice] : []);
    if (!isShort) wide.push(slice);
  }
  for (const row of rows.values()) end(row);
  return { wide, short };
}

/** How long each unit had a processor, in nanoseconds. */
export function timesOf(runs: readonly Run[]): Map<number, number> {
  const times = new Map<number, number>();
  for (const { unit, fromNs, toNs } of runs) times.set(unit, toNs - fromNs + (times.get(unit) ?? 0));
  return times;
}

export interface Credit {
  ns: number;
  credit: number;
}

/** A unit's credit over time: what it had whenever it was given a processor and after each accounting, and between them what it paid for running. */
export function creditOf(
  unit: number,
  runs: readonly Run[],
  accountings: readonly Accounting[],
  toNs: number,
): Credit[] {
  const events = [
    ...runs
      .filter(run => run.unit === unit)
      .flatMap(({ fromNs, toNs: endNs, credit }) => [
        { ns: fromNs, runs: true, credit },
        { ns: endNs, runs: false, credit: undefined },
      ]),
    ...accountings.map(({ timeNs, credits }) => ({ ns: timeNs, runs: undefined, credit: credits[unit] })),
    { ns: toNs, runs: undefined, credit: undefined },
  ]
    .filter(({ ns }) => ns <= toNs)
    .sort((a, b) => a.ns - b.ns || Number(a.runs ?? 2) - Number(b.runs ?? 2));
  const line: Credit[] = [];
  let credit: number | undefined,
    isRunning = false,
    lastNs = 0;
  for (const event of events) {
    if (credit !== undefined) {
      if (isRunning) credit -= ((event.ns - lastNs) * CREDITS_PER_MS) / 1e6;
      line.push({ ns: event.ns, credit });
    }
    if (event.credit !== undefined && event.credit !== credit)
      line.push({ ns: event.ns, credit: (credit = event.credit) });
    isRunning = event.runs ?? isRunning;
    lastNs = event.ns;
  }
  return line;
}

/** The part of a line from `fromNs` on. */
export function lineFrom(line: readonly Credit[], fromNs: number): Credit[] {
  const next = line.findIndex(({ ns }) => ns >= fromNs),
    after = line[next],
    before = line[next - 1];
  if (!after) return [];
  if (!before || after.ns === fromNs) return line.slice(next);
  return [
    {
      ns: fromNs,
      credit: before.credit + ((after.credit - before.credit) * (fromNs - before.ns)) / (after.ns - before.ns),
    },
    ...line.slice(next),
  ];
}

/** How those that always have work share what there is, by weight: who cannot use its part (`most`) leaves the rest to the others. All in the same unit. */
export function sharesByWeight(
  among: readonly { unit: number; weight: number; most: number }[],
  available: number,
): Map<number, number> {
  const shares = new Map<number, number>();
  let left = available,
    rest = [...among];
  for (;;) {
    const weights = rest.reduce((sum, { weight }) => sum + weight, 0),
      limited = rest.filter(({ weight, most }) => (left * weight) / weights > most);
    if (limited.length === 0) {
      for (const { unit, weight } of rest) shares.set(unit, (left * weight) / weights);
      return shares;
    }
    for (const { unit, most } of limited) {
      shares.set(unit, most);
      left -= most;
    }
    rest = rest.filter(each => !limited.includes(each));
  }
}
