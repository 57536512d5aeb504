/** `ringside experiment NAME`: a claim of the textbook, measured here: the table, whether the claim held, and how it was measured. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  type Cells,
  cellsOf,
  COSTS,
  csvOf,
  type Experiment,
  EXPERIMENTS,
  headOf,
  runExperiment,
  short,
  timeExperiment,
} from '../lessons/experiments/index.ts';
import { Output } from './boot/terminal.ts';
import { UsageError } from './boot/usage-error.ts';
import { fileBytesLater } from './file-bytes.ts';
import { later, sharedMs, soon } from './node-clock.ts';
import { repository } from './repository.ts';

const WRONG_USE = 2;

const experimentHelp = (): string => `Usage: ringside experiment NAME [options]

Tests a claim of the textbook with guests that really run. In virtual time the same seed always gives the same table.

${EXPERIMENTS.map(({ id, title }) => `  ${id.padEnd(22)}${title}`).join('\n')}

  --csv         print the raw numbers, as a table of comma-separated values
  --real-time   by this computer's clock: warmed up, repeated, interleaved, with minimum and maximum
  --seed N      seed of random numbers (1)

Status: 0 measured, ${WRONG_USE} wrong use or a guest that failed.
`;

function ask(argv: string[]) {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: {
      csv: { type: 'boolean', default: false },
      'real-time': { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const [name, ...others] = positionals,
    experiment = EXPERIMENTS.find(({ id }) => id === name);
  if (name === undefined || others.length > 0) throw new UsageError('write ringside experiment NAME, or --help.');
  if (!experiment)
    throw new UsageError(`there is no experiment ${name}. There are ${EXPERIMENTS.map(({ id }) => id).join(', ')}.`);
  if (!/^\d{1,9}$/.test(values.seed)) throw new UsageError(`--seed ${values.seed}: write a whole number.`);
  if (values['real-time'] && !experiment.mayBeTimed)
    throw new UsageError(`${name} does not run in real time: ${experiment.untimed} Leave --real-time out.`);
  return { experiment, csv: values.csv, isTimed: values['real-time'], seed: Number(values.seed) };
}

/** Columns below each other. */
function textOf({ columns, rows }: Cells): string {
  const lines = [
      columns.map(headOf),
      ...rows.map(row =>
        columns.map(({ id }) => {
          const value = row[id];
          return typeof value === 'number' ? short(value) : (value ?? '');
        }),
      ),
    ],
    widths = columns.map((_, i) => Math.max(...lines.map(line => line[i]!.length)));
  return lines
    .map(
      line =>
        `${line
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

const costsText = (): string =>
  Object.values(COSTS)
    .map(({ says, ns, source }) => `  ${short(ns)} ns  ${says} (${source})\n`)
    .join('');

const HELD = { yes: 'The claim held here.', partly: 'The claim held in part.', no: 'The claim did not hold here.' };

function reportOf({ title, claim, how, columns, verdict }: Experiment, cells: Cells, isTimed: boolean): string {
  const { held, text } = verdict(cells.rows);
  return `${title}\nClaim: ${claim}\n\n${textOf(cells)}\n${HELD[held]} ${text}\n\nHow it was measured\n${how.map(part => `${part}\n`).join('')}${
    columns.some(({ cost }) => cost) && !isTimed ? `\nCosts\n${costsText()}` : ''
  }`;
}

export async function experiment(argv: string[]): Promise<number> {
  const stdout = new Output(1),
    stderr = new Output(2);
  try {
    const asked = ask(argv);
    if (!asked) return (stdout.text(experimentHelp()), 0);
    const guests = join(repository(), 'guests'),
      parts = { read: (path: string) => fileBytesLater(join(guests, path)), soon, later },
      { seed, isTimed } = asked;
    const rows = isTimed
      ? await timeExperiment(asked.experiment, parts, { seed, nowMs: sharedMs })
      : await runExperiment(asked.experiment, parts, { seed });
    const cells = cellsOf(asked.experiment, rows);
    stdout.text(asked.csv ? csvOf(cells) : reportOf(asked.experiment, cells, isTimed));
    return 0;
  } catch (error) {
    stderr.text(`ringside experiment: ${(error as Error).message}\n`);
    return WRONG_USE;
  }
}
