/**
 * npm run -s fuzz:leases -- [--runs N] [--seed S]
 *
 * Who owns a guest (src/dom0/pool/leases), the protocol's own code: N runs (10,000 unless told) of three minutes in virtual time, of four hosts, three model guests and
 * a network that delays, reorders, loses and is cut, while hosts end and sleep. It passes if no guest ever runs twice or as it was before, and each runs in the end.
 */
import { type RandomRun, runAtRandom } from './leases/at-random.ts';
import { picker } from './fuzz/pick.ts';
import { numbersOf } from './numbers.ts';

const WRONG_USE = 2;

export async function main(argv: string[], write = (text: string) => void process.stdout.write(text)): Promise<number> {
  let runs: number;
  let seed: number;
  try {
    ({ runs, seed } = numbersOf(argv, { runs: 10_000, seed: 1 }));
  } catch (error) {
    process.stderr.write(`fuzz:leases: ${(error as Error).message}\n`);
    return WRONG_USE;
  }
  const counts: Partial<RandomRun['counts']> = {};
  let failed = 0;
  for (let run = seed; run < seed + runs; run++) {
    const { problem, counts: more } = runAtRandom(picker(run));
    for (const [name, count] of Object.entries(more) as [keyof typeof more, number][])
      counts[name] = (counts[name] ?? 0) + count;
    if (problem === undefined) continue;
    failed++;
    write(`seed ${run}: ${problem}\n`);
  }
  const told = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
  write(`${runs} runs from seed ${seed}: ${told.join(', ')}\n${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}
