/** Reports of campaigns: a line for each, with what failed, then the counts. */
import type { Deadline } from './options.ts';
import type { Write } from './program.ts';

export interface Outcome {
  /** What was done, with its counts. */
  text: string;
  /** What failed; undefined: nothing. */
  problem?: string | undefined;
}

interface Campaign {
  name: string;
  run(): Outcome | Promise<Outcome>;
}

/** A campaign for each kind and each seed. */
export const ofEach = <Kind extends string>(
  kinds: readonly Kind[],
  seeds: readonly number[],
  run: (kind: Kind, seed: number) => Outcome | Promise<Outcome>,
): Campaign[] =>
  kinds.flatMap(kind => seeds.map(seed => ({ name: `${kind} seed ${seed}`, run: () => run(kind, seed) })));

/** Runs them one after the other. Returns the exit status. */
export async function report(campaigns: readonly Campaign[], write: Write, deadline: Deadline): Promise<number> {
  const count = { passed: 0, failed: 0 };
  for (const { name, run } of campaigns) {
    if (deadline.isOver()) break;
    const { text, problem } = await run();
    count[problem === undefined ? 'passed' : 'failed']++;
    write(`${name}: ${text}${problem === undefined ? '' : ` FAILED: ${problem}`}\n`);
  }
  const left = campaigns.length - count.passed - count.failed;
  write(`${count.passed} passed, ${count.failed} failed${left > 0 ? `, ${left} not begun in time` : ''}\n`);
  return count.failed === 0 ? 0 : 1;
}
