/**
 * Runs an experiment: in virtual time each of its conditions once, on a host of its own, so that everybody's rows are equal; in real time all of them side by
 * side, warmed, repeated and interleaved, with the caller's clock.
 */
import type { HeadlessParts } from '../headless.ts';
import { type Condition, type Experiment, type Row, TIMES } from './form.ts';
import { openLab } from './open-lab.ts';

export interface Progress {
  /** Of the condition that is under way. */
  name: string;
  /** 0 to 1, of the whole. */
  part: number;
}

export interface Told {
  progress(now: Progress): void;
  /** Rows that are there so far. */
  rows(rows: readonly Row[]): void;
}

/** How often everything is done before it is timed, and how often it is timed: an odd number has a middle one. */
export const WARM = 3,
  TIMED = 7;

/** All rows, one condition after the other. @throws Error with a sentence */
export async function runExperiment(
  { conditions }: Experiment,
  parts: HeadlessParts,
  { seed, told }: { seed: number; told?: Told },
): Promise<readonly Row[]> {
  const rows: Row[] = [],
    all = conditions(seed);
  for (const [i, { name, xen, prepare }] of all.entries()) {
    told?.progress({ name, part: i / all.length });
    const work = await prepare(await openLab(parts, seed, xen));
    rows.push(...measured(name, await work()));
    told?.rows(rows);
  }
  return rows;
}

/**
 * The same in real time: each condition's work is done some times to warm up, when what is hot is compiled; then the conditions take turns, and each round
 * begins with another one, so that what this computer does meanwhile meets all of them. `nowMs`: a monotonic clock. @throws Error with a sentence
 */
export async function timeExperiment(
  { conditions }: Experiment,
  parts: HeadlessParts,
  { seed, told, nowMs }: { seed: number; told?: Told; nowMs(): number },
): Promise<readonly Row[]> {
  const all = conditions(seed),
    steps = all.length * (1 + WARM + TIMED);
  let done = 0;
  const step = ({ name }: Condition): void => told?.progress({ name, part: done++ / steps });
  const ready = [];
  for (const condition of all) {
    step(condition);
    const lab = await openLab(parts, seed, condition.xen);
    lab.wallMs = nowMs;
    ready.push({ condition, lab, work: await condition.prepare(lab), times: [] as number[] });
  }
  let rows: readonly Row[] = [];
  for (let round = 0; round < WARM + TIMED; round++) {
    const counted = new Map<Condition, readonly Row[]>();
    for (let i = 0; i < ready.length; i++) {
      const { condition, lab, work, times } = ready[(round + i) % ready.length]!;
      step(condition);
      lab.spentMs = 0;
      counted.set(condition, measured(condition.name, await work()));
      if (round >= WARM) times.push(lab.spentMs);
    }
    if (round < WARM) continue;
    rows = ready.flatMap(({ condition, times }) => counted.get(condition)!.map(row => ({ ...row, ...spread(times) })));
    told?.rows(rows);
  }
  return rows;
}

/** @throws Error with a sentence: a cell is no finite number, so that nothing was measured there */
export function measured(condition: string, rows: readonly Row[]): readonly Row[] {
  for (const row of rows)
    for (const [column, value] of Object.entries(row))
      if (typeof value === 'number' && !Number.isFinite(value))
        throw new Error(
          `${condition}: “${column}” came to ${value}, so nothing was measured there. That is a fault of Ringside.`,
        );
  return rows;
}

function spread(times: readonly number[]): Row {
  const sorted = [...times].sort((a, b) => a - b);
  return { [TIMES.ms]: sorted[sorted.length >> 1]!, [TIMES.least]: sorted[0]!, [TIMES.most]: sorted.at(-1)! };
}
