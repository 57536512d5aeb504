/**
 * npm run -s fuzz:programs -- [--programs N] [--seed S] [--within SECONDS]
 *
 * Draws N programs (10,000 by default), one for each seed from S (1) on, and runs each of them on the interpreter alone, with regions compiled at once, and with
 * regions at a random threshold on processors that are saved and restored in the middle. It passes if registers, memory, exits and the number of retired
 * instructions are the same at every deadline. To run one seed alone: --programs 1.
 */
import { setFlagsFromString } from 'node:v8';
import { Comparison } from './fuzz/programs/compare.ts';
import { number, within } from './harness/options.ts';
import { program } from './harness/program.ts';

/** Failures that are looked at. */
const MOST_FAILURES = 20;

export const main = program({
  name: 'fuzz:programs',
  options: { programs: number(10_000, { least: 1 }), seed: number(1), within: within() },
  run: ({ programs, seed: first, within }, write) => {
    // Regions live for some thousand instructions here: nothing is gained by compiling them twice.
    setFlagsFromString('--no-sparkplug');
    const comparison = new Comparison();
    let failed = 0,
      seed = first;
    for (; seed < first + programs && failed < MOST_FAILURES && !within.isOver(); seed++) {
      let difference: string | null;
      try {
        difference = comparison.run(seed);
      } catch (error) {
        difference = `JavaScript exception: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
      }
      if (difference === null) continue;
      failed++;
      write(`seed ${seed}: ${difference}\n`);
    }
    const { instructions, inRegions, regions, saved } = comparison.totals;
    write(
      `${seed - first} programs, up to ${instructions} instructions, ${inRegions} more in ${regions} regions, ${saved} saved and restored; ${failed} failed\n`,
    );
    return failed === 0 ? 0 : 1;
  },
});
