/**
 * npm run -s fuzz:hypercalls -- [--calls N] [--seed S]… [--type hvm|pvh|pv]… [--others running|paused]…
 *
 * A hostile domain makes random hypercalls: forged page tables, other domains' frames, stale grants and handles, indices out of range, while its frames
 * are ballooned and granted, and dies and comes back at random moments. Each type gets N calls (2 million unless told), shared among the seeds; of an even
 * seed three self-checking guests stand still beside it, of an odd one they run (`--others`: as told). It passes if there was no JavaScript exception, all
 * counts of frames, grants and ports agree with what is counted anew, the others' memory is what it was or what they say it is, and all frames come back,
 * empty, when the hostile one dies.
 */
import { loadEverything } from '../dom0/service/index.ts';
import { Campaign } from './fuzz/hypercalls/campaign.ts';
import type { HostileType } from './fuzz/hypercalls/hostile.ts';

const USAGE = 'usage: fuzz:hypercalls [--calls N] [--seed S]… [--type hvm|pvh|pv]… [--others running|paused]…\n';
const TYPES: readonly HostileType[] = ['hvm', 'pvh', 'pv'];

interface Options {
  calls: number;
  seeds: number[];
  types: HostileType[];
  running: boolean[];
}

function parse(argv: string[]): Options | string {
  const options: Options = { calls: 2_000_000, seeds: [], types: [], running: [] };
  for (let i = 0; i < argv.length; i += 2) {
    const [name, value] = [argv[i], argv[i + 1]];
    if (value === undefined) return `${name} needs a value`;
    const number = Number(value);
    if (name === '--calls' && Number.isSafeInteger(number) && number > 0) options.calls = number;
    else if (name === '--seed' && Number.isSafeInteger(number)) options.seeds.push(number);
    else if (name === '--type' && (TYPES as readonly string[]).includes(value))
      options.types.push(value as HostileType);
    else if (name === '--others' && ['running', 'paused'].includes(value)) options.running.push(value === 'running');
    else return `${name} ${value} is not understood`;
  }
  if (options.seeds.length === 0) options.seeds = [1, 2, 3, 4];
  if (options.types.length === 0) options.types = [...TYPES];
  return options;
}

/** Status 0: all passed, 1: something failed, 2: the command line is wrong. */
export async function main(
  argv: string[],
  write: (text: string) => void = text => process.stdout.write(text),
): Promise<number> {
  const options = parse(argv);
  if (typeof options === 'string') {
    process.stderr.write(`fuzz:hypercalls: ${options}\n${USAGE}`);
    return 2;
  }
  await loadEverything();
  let passed = 0,
    failed = 0;
  const each = Math.ceil(options.calls / options.seeds.length);
  for (const type of options.types) {
    for (const seed of options.seeds) {
      for (const running of options.running.length > 0 ? options.running : [seed % 2 !== 0]) {
        const campaign = new Campaign({ type, seed, running });
        const problem = campaign.run(each) ?? campaign.end();
        if (problem === undefined) passed++;
        else failed++;
        const what = `${type} seed ${seed}, others ${running ? 'running' : 'paused'}: ${each} calls, ${campaign.succeeded} taken, ${campaign.lives} lives`;
        write(`${what}${problem === undefined ? '' : ` FAILED: ${problem}`}\n`);
      }
    }
  }
  write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}
