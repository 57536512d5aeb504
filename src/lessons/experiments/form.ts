/**
 * What an experiment is: a claim of the textbook, guests that try it, what is counted of them, and what the counts say of the claim. One file of this folder
 * each, and one line in list.ts.
 */
import type { CostId } from './costs.ts';
import type { Lab } from './lab.ts';

/** A line of the table: values by the ids of its columns. */
export type Row = Readonly<Record<string, string | number>>;

export interface Column {
  id: string;
  /** In the table's head. */
  name: string;
  /** Of its numbers. */
  unit?: string;
  /** What one of them costs by the published table: the microseconds of a row are the sum. */
  cost?: CostId;
}

/** How the rows are drawn: by the ids of columns. `theory`: what was predicted, drawn next to it. */
export type Drawing =
  /** A group of bars for each word of `group`, a bar for each of `series`. `isLog`: by powers of ten. */
  | { kind: 'bars'; group: string; series: string; value: string; theory?: string; isLog?: boolean }
  /** A line for each word of `series`. */
  | { kind: 'lines'; x: string; series: string; value: string; theory?: string };

/** Whether the claim held here; `text` says by what factor, and why reality differs. */
export interface Verdict {
  held: 'yes' | 'partly' | 'no';
  text: string;
}

/** A part of an experiment, on a host of its own. */
export interface Condition {
  /** Short, for who waits. */
  name: string;
  /** Xen's command line there. */
  xen?: string;
  /** Makes the guests, and what they need before anything is measured; the result does the work once and gives its rows. The work can be done again. */
  prepare(lab: Lab): Promise<() => Promise<readonly Row[]>>;
}

export interface Experiment {
  id: string;
  title: string;
  /** As the textbook has it. */
  claim: string;
  /** How it is measured; a paragraph each. */
  how: readonly string[];
  columns: readonly Column[];
  drawing: Drawing;
  /** `seed`: of what is drawn. */
  conditions(seed: number): readonly Condition[];
  /** From the rows alone. */
  verdict(rows: readonly Row[]): Verdict;
  /** The time that this computer takes for it means something: it may be run in real time. */
  mayBeTimed?: boolean;
  /** Of one that may not: why, in a sentence for the caller. */
  untimed?: string;
  /** Something is drawn from the seed. */
  isDrawn?: boolean;
}

/** A number of a row. @throws Error where there is none */
export function numberOf(row: Row | undefined, column: string): number {
  const value = row?.[column];
  if (typeof value !== 'number') throw new Error(`there is no ${column} in ${JSON.stringify(row)}`);
  return value;
}

/** The number of the row that has these words. @throws Error where there is none */
export const numberWhere = (rows: readonly Row[], words: Row, column: string): number =>
  numberOf(
    rows.find(row => Object.entries(words).every(([id, word]) => row[id] === word)),
    column,
  );

/** What is in the rows of a run in real time: the middle of the times, the least and the greatest. */
export const TIMES = { ms: 'hereMs', least: 'hereLeastMs', most: 'hereMostMs' } as const;
