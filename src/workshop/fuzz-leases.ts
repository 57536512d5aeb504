/**
 * npm run -s fuzz:leases -- [--runs N] [--seed S] [--within SECONDS]
 *
 * The owner of a guest (src/dom0/pool/leases, the protocol's own code): N runs (10,000 by default) of three minutes in virtual time, with four hosts, three model
 * guests and a network that delays, reorders, loses and is cut, while hosts end and sleep. It passes if no guest ever runs twice or in an old state, and every
 * guest runs in the end.
 */
import { number, within } from './harness/options.ts';
import { picker } from './harness/pick.ts';
import { program } from './harness/program.ts';
import { type RandomRun, runAtRandom } from './leases/at-random.ts';

export const main = program({
  name: 'fuzz:leases',
  options: { runs: number(10_000), seed: number(1), within: within() },
  run: ({ runs, seed, within }, write) => {
    const counts: Partial<RandomRun['counts']> = {};
    let done = 0,
      failed = 0;
    for (let run = seed; run < seed + runs && !within.isOver(); run++) {
      const { problem, counts: more } = runAtRandom(picker(run));
      done++;
      for (const [name, count] of Object.entries(more) as [keyof typeof more, number][])
        counts[name] = (counts[name] ?? 0) + count;
      if (problem === undefined) continue;
      failed++;
      write(`seed ${run}: ${problem}\n`);
    }
    const numbers = Object.entries(counts).map(([name, count]) => `${count} ${name}`);
    write(`${done} runs from seed ${seed}: ${numbers.join(', ')}\n${failed} failed\n`);
    return failed === 0 ? 0 : 1;
  },
});
