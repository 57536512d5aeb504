/** The rows of /bench.html, and what the guest's lines say of them. */

/** How often a row runs: its first time is fresh, the last half of them steady. */
export const CHUNKS = 8;

/** Rounds of the first pilot run (as in bench/cpu.mjs). */
export const ROWS: Readonly<Record<string, number>> = {
  alu: 1,
  sieve: 4,
  fib: 4,
  mix: 2,
  copyloop: 10,
  sha256: 2,
  lz: 1,
  repmovs: 20,
  mandel: 1,
  nbody: 2,
  sse2: 20,
  smc: 2,
  smcdata: 5,
  int80: 10,
  cpuid: 10,
  memtlb: 10,
  cr3: 5,
  pgswitch: 5,
  invlpg: 10,
  pgfault: 10,
  outb: 10,
};

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

/** Milliseconds a round of each chunk. @throws Error where the guest told of none */
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
