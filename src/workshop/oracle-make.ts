/**
 * npm run -s oracle:make -- [--bits 32|64] --seed TEXT --out FOLDER [--states N] [--only REGEX]
 *
 * Lets the host's processor make fixtures for `npm run -s oracle`: random instructions and short blocks, the same ones for the same seed, in one file of gzipped
 * JSON lines for each group (src/workshop/oracle/make/gen.py describes them). Needs Linux on an x86-64 processor, gcc and python3. `--bits`: 32 (the default) for
 * 32- and 16-bit code, or 64. `--seed`: any text. `--out`: the folder for GROUP.jsonl.gz. `--states`: cases of a form of weight 1 (12 by default). `--only`: the
 * forms whose GROUP:NAME it matches.
 */
import { number, oneOf, required, text } from './harness/options.ts';
import { program } from './harness/program.ts';
import { generate, NoHost } from './oracle/make.ts';

export const main = program({
  name: 'oracle:make',
  options: {
    bits: oneOf(['32', '64']),
    seed: required(text('TEXT')),
    out: required(text('FOLDER')),
    states: number(12, { least: 1 }),
    only: text('REGEX'),
  },
  run: ({ bits = '32', seed, out, states, only = '' }, _write, _none, complain) => {
    try {
      return generate(['--bits', bits, '--seed', seed, '--out', out, '--states', String(states), '--only', only]);
    } catch (error) {
      if (!(error instanceof NoHost)) throw error;
      complain(`oracle:make: ${error.message}\n`);
      return 1;
    }
  },
});
