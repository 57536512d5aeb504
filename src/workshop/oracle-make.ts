/**
 * npm run -s oracle:make -- [--bits 32|64] --seed TEXT --out FOLDER [--states N] [--only REGEX]
 *
 * Has the host's processor make fixtures for `npm run -s oracle`: random instructions and short blocks, the same ones for the same seed, in one file of
 * gzipped JSON lines for each group (src/workshop/oracle/make/gen.py describes them). It needs Linux on an x86-64 processor, gcc and python3.
 */
import { parseArgs } from 'node:util';
import { generate, NoHost } from './oracle/make.ts';

const USAGE = `usage: npm run -s oracle:make -- [--bits 32|64] --seed TEXT --out FOLDER [--states N] [--only REGEX]
  --bits N      32 (default): 32- and 16-bit code; 64: 64-bit code
  --seed TEXT   whatever; the same text makes the same cases
  --out FOLDER  gets GROUP.jsonl.gz
  --states N    cases for a form of weight 1 (default 12)
  --only REGEX  only the forms whose GROUP:NAME it finds`;

/** Returns the exit status: 0, 1 if the host cannot be asked, 2 for wrong use. */
export function main(argv: string[]): number {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        bits: { type: 'string', default: '32' },
        seed: { type: 'string' },
        out: { type: 'string' },
        states: { type: 'string', default: '12' },
        only: { type: 'string', default: '' },
      },
    });
    const { bits, seed, out, states, only } = values;
    if (bits !== '32' && bits !== '64') throw new Error(`--bits ${bits}: there are 32 (with 16) and 64`);
    if (seed === undefined || out === undefined) throw new Error(`--${seed === undefined ? 'seed' : 'out'} is missing`);
    if (!/^[1-9]\d*$/.test(states)) throw new Error(`--states ${states}: not a whole number above 0`);
    return generate(['--bits', bits, '--seed', seed, '--out', out, '--states', states, '--only', only]);
  } catch (error) {
    const here = error instanceof NoHost;
    process.stderr.write(`oracle:make: ${(error as Error).message}${here ? '' : `\n${USAGE}`}\n`);
    return here ? 1 : 2;
  }
}
