/**
 * npm run -s fuzz:native -- [--cases N] [--seed S]… [--limit N] [--bits 16|32|64]
 *
 * Runs random instructions, one at a time, on the host's processor in ring 3 and on ours, from the same registers and memory, and compares how they end.
 * N cases (100,000 unless told) are shared among the seeds; half of them are of 64-bit code, a tenth of 16-bit code, unless all are to be of one kind. It passes if nothing differs but what src/workshop/fuzz/native/differences.ts lists. It needs
 * Linux on an x86-64 processor and gcc; elsewhere it says so and passes.
 */
import { judge } from './fuzz/native/compare.ts';
import { type Bits, Drawer } from './fuzz/native/cases.ts';
import { findHost, type Host, NoHost, runNatively } from './fuzz/native/host.ts';
import { NativeMachine } from './fuzz/native/machine.ts';

const USAGE = 'usage: fuzz:native [--cases N] [--seed S]… [--limit N] [--bits 16|32|64]\n';
/** Cases of one run of the runner: some 10 MB each way. */
const BATCH = 5_000;

interface Options {
  cases: number;
  seeds: number[];
  /** Differences printed. */
  limit: number;
  /** Of all cases. */
  bits?: Bits;
}

function parse(argv: string[]): Options | string {
  const options: Options = { cases: 100_000, seeds: [], limit: 20 };
  for (let i = 0; i < argv.length; i += 2) {
    const name = argv[i]!,
      value = argv[i + 1];
    if (value === undefined) return `${name} needs a value`;
    const number = Number(value);
    if (name === '--cases' && Number.isSafeInteger(number) && number > 0) options.cases = number;
    else if (name === '--seed' && Number.isSafeInteger(number)) options.seeds.push(number);
    else if (name === '--limit' && Number.isSafeInteger(number) && number >= 0) options.limit = number;
    else if (name === '--bits' && (number === 16 || number === 32 || number === 64)) options.bits = number;
    else return `${name} ${value} is not understood`;
  }
  if (options.seeds.length === 0) options.seeds = [1, 2, 3, 4];
  return options;
}

/** Status 0: nothing differs, or the host cannot be asked; 1: something does; 2: the command line is wrong. */
export function main(argv: string[], write: (text: string) => void = text => process.stdout.write(text)): number {
  const options = parse(argv);
  if (typeof options === 'string') {
    process.stderr.write(`fuzz:native: ${options}\n${USAGE}`);
    return 2;
  }
  try {
    return compareAll(findHost(), options, write);
  } catch (error) {
    if (!(error instanceof NoHost)) throw error;
    write(`fuzz:native was skipped: ${error.message}.\n`);
    return 0;
  }
}

function compareAll(host: Host, { cases, seeds, limit, bits }: Options, write: (text: string) => void): number {
  write(`against ${host.name} (${host.vendor})\n`);
  const machine = new NativeMachine();
  const each = Math.ceil(cases / seeds.length);
  const known = new Map<string, number>();
  let same = 0,
    differ = 0;
  for (const seed of seeds) {
    const drawer = new Drawer(seed, bits);
    for (let done = 0; done < each; done += BATCH) {
      const settings = Array.from({ length: Math.min(BATCH, each - done) }, () => drawer.next());
      const ends = runNatively(host, settings);
      for (const [i, setting] of settings.entries()) {
        const judgement = judge(host, setting, ends[i], machine.run(setting), machine);
        for (const { why } of judgement.known) known.set(why, (known.get(why) ?? 0) + 1);
        if (judgement.bad.length === 0) {
          same++;
          continue;
        }
        if (differ++ < limit)
          write(
            `DIFFERS seed ${seed} case ${done + i}, ${setting.bits}-bit code: ${judgement.text}: ${judgement.bad.slice(0, 4).join('; ')}\n`,
          );
      }
    }
  }
  for (const [why, count] of known) write(`${count} cases were compared in part: ${why}\n`);
  write(`${same} passed, ${differ} failed\n`);
  return differ === 0 ? 0 : 1;
}
