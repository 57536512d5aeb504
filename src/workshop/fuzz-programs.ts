/**
 * npm run -s fuzz:programs -- [--programs N] [--seed S]
 *
 * Draws N programs (10,000 unless told), from seed S (1) on one each, and runs each on the interpreter alone, with regions compiled at once, and with regions
 * at a random threshold on processors that are saved and restored in the middle. It passes if registers, memory, exits and the number of retired instructions
 * are the same at every deadline. A seed that failed runs alone with --programs 1.
 */
import { setFlagsFromString } from 'node:v8';
import { Comparison } from './fuzz/programs/compare.ts';

const USAGE = 'usage: fuzz:programs [--programs N] [--seed S]\n';

/** Status 0: all passed, 1: a program ended differently, 2: the command line is wrong. */
export function main(argv: string[], write: (text: string) => void = text => process.stdout.write(text)): number {
  const options = { programs: 10_000, seed: 1 };
  for (let i = 0; i < argv.length; i += 2) {
    const name = argv[i]!,
      number = Number(argv[i + 1] ?? NaN);
    if (name === '--programs' && Number.isSafeInteger(number) && number > 0) options.programs = number;
    else if (name === '--seed' && Number.isSafeInteger(number) && number >= 0) options.seed = number;
    else {
      process.stderr.write(
        `fuzz:programs: ${argv[i + 1] === undefined ? `${name} needs a value` : `${name} ${argv[i + 1]} is not understood`}\n${USAGE}`,
      );
      return 2;
    }
  }
  // Regions live for some thousand instructions here: nothing is gained by compiling them twice.
  setFlagsFromString('--no-sparkplug');
  const comparison = new Comparison();
  let failed = 0;
  for (let seed = options.seed; seed < options.seed + options.programs; seed++) {
    let difference: string | null;
    try {
      difference = comparison.run(seed);
    } catch (error) {
      difference = `JavaScript exception: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    }
    if (difference === null) continue;
    failed++;
    write(`seed ${seed}: ${difference}\n`);
    if (failed === 20) break;
  }
  const { instructions, inRegions, regions, saved } = comparison.totals;
  write(
    `${options.programs} programs, up to ${instructions} instructions, ${inRegions} more in ${regions} regions, ${saved} saved and restored; ${failed} failed\n`,
  );
  return failed === 0 ? 0 : 1;
}
