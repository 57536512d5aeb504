/**
 * npm run -s fuzz:cpu -- [--instructions N] [--seed S]… [--mode real|protected|pae|v86]… [--threshold N]
 *
 * Runs random bytes as code. Each mode gets N instructions (20 million unless told), shared among the seeds; every seed runs twice on processors of
 * its own. It passes if there was no JavaScript exception, no write outside of the domain's memory, and the same final state both times.
 */
import { setFlagsFromString } from 'node:v8';
import { FuzzMachine, type Mode, MODES } from './fuzz/machine.ts';

const USAGE = 'usage: fuzz:cpu [--instructions N] [--seed S]… [--mode real|protected|pae|v86]…\n';

interface Options {
  instructions: number;
  seeds: number[];
  modes: Mode[];
  /** The second run compiles regions from so many samples on; it must end as the first did, which has the interpreter alone. 0: neither compiles. */
  threshold: number;
}

function parse(argv: string[]): Options | string {
  const options: Options = { instructions: 20_000_000, seeds: [], modes: [], threshold: 0 };
  for (let i = 0; i < argv.length; i += 2) {
    const name = argv[i]!,
      value = argv[i + 1];
    if (value === undefined) return `${name} needs a value`;
    const number = Number(value);
    if (name === '--instructions' && Number.isSafeInteger(number) && number > 0) options.instructions = number;
    else if (name === '--threshold' && Number.isSafeInteger(number) && number >= 0) options.threshold = number;
    else if (name === '--seed' && Number.isSafeInteger(number)) options.seeds.push(number);
    else if (name === '--mode' && (MODES as readonly string[]).includes(value)) options.modes.push(value as Mode);
    else return `${name} ${value} is not understood`;
  }
  if (options.seeds.length === 0) options.seeds = [1, 2, 3, 4];
  if (options.modes.length === 0) options.modes = [...MODES];
  return options;
}

/** Status 0: all passed, 1: something failed, 2: the command line is wrong. */
export function main(argv: string[], write: (text: string) => void = text => process.stdout.write(text)): number {
  const options = parse(argv);
  if (typeof options === 'string') {
    process.stderr.write(`fuzz:cpu: ${options}\n${USAGE}`);
    return 2;
  }
  // Nearly every second random instruction faults; unwinding through the interpreter's switch in V8's baseline tier walks all of its bytecode each time.
  setFlagsFromString('--no-sparkplug');
  let passed = 0,
    failed = 0;
  const each = Math.ceil(options.instructions / options.seeds.length);
  for (const mode of options.modes) {
    for (const seed of options.seeds) {
      const first = new FuzzMachine(mode, seed).run(each);
      const again = new FuzzMachine(mode, seed, options.threshold);
      const second = first.problem === undefined ? again.run(each) : first;
      const problem =
        first.problem ??
        second.problem ??
        (first.checksum === second.checksum && first.retired === second.retired
          ? undefined
          : 'the second run ended in another state');
      if (problem === undefined) passed++;
      else failed++;
      write(
        `${mode} seed ${seed}: ${first.retired} instructions, ${first.exits} exits, ${first.restarts} restarts, state ${first.checksum.toString(16).padStart(8, '0')}${
          again.regions === null ? '' : `, ${again.regions.retired} in ${again.regions.compiled} regions`
        }${problem === undefined ? '' : ` FAILED: ${problem}`}\n`,
      );
    }
  }
  write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}
