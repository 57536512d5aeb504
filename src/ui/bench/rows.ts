/** The rows of /bench.html, and what the guest's lines say of them. */

import rows from '../../../guests/micro/rows.json' with { type: 'json' };

/** How often a row runs: its first time is fresh, the last half of them steady. */
export const CHUNKS = 8;

/** The guest's rows, with the rounds of a first pilot run. */
export const ROWS: Readonly<Record<string, number>> = rows;

/** Microseconds a round. */
export interface Row {
  row: string;
  rounds: number;
  steadyUs: number;
  freshUs: number;
}

/** A line of the guest's console, and when its end arrived, milliseconds. */
export interface Line {
  text: string;
  ms: number;
}

/** Bytes in, lines out. */
export function linesOf(line: (line: Line) => void): (bytes: Uint8Array, ms: number) => void {
  let rest = '';
  return (bytes, ms) => {
    const lines = (rest + String.fromCharCode(...bytes)).split('\n');
    rest = lines.pop()!;
    for (const text of lines) line({ text: text.replace(/\r/g, ''), ms });
  };
}

/** Milliseconds a round of each chunk. @throws Error where the guest printed none */
export function readRow(lines: readonly Line[]): number[] {
  const chunks: number[] = [];
  let begun = 0;
  for (const { text, ms } of lines) {
    const [, verb, rounds] = /^(BEGIN|RESULT) \w+ (\d+)/.exec(text) ?? [];
    if (verb === 'BEGIN') begun = ms;
    else if (verb === 'RESULT') chunks.push((ms - begun) / Number(rounds));
  }
  if (chunks.length === 0) throw new Error(`the guest said ${lines.at(-1)?.text ?? 'nothing'}`);
  return chunks;
}

/** Rounds that take about `goalMs`, from what one took; never a hundred times as many at once. */
export const roundsFor = (rounds: number, msPerRound: number, goalMs: number): number =>
  Math.max(1, Math.min(rounds * 100, Math.round(goalMs / Math.max(msPerRound, 1e-6))));
