/**
 * npm run -s bench:against -- REVISION [--pairs N] [--ms N] [--only alu,fib,…] [--hypervisor port,ipi,hypercall,vcpus]
 *
 * This checkout against another revision of it, in interleaved pairs: rows of the micro benchmark (`bench:cpu` says what each does), and of
 * `bench:hypervisor` those that tell a time in microseconds. A ratio is the revision's time divided by this checkout's, so 1.05 means 5 % faster than
 * it was; behind it is the 95 % interval of the pairs' mean. The revision is put into .cache/against/, with this checkout's packages.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { at } from '../scripts/lib.mjs';
import { MICRO_PILOT } from './guests.mjs';
import { geometricMean, median, need, options, ratio, short } from './lib.mjs';

/** A run's chunks: the first half of them is warm-up. */
const CHUNKS = 6;

const revision = process.argv.splice(2, 1)[0];
need(
  revision && !revision.startsWith('--'),
  'Name a revision to compare with: npm run -s bench:against -- HEAD~1 [--pairs N].',
);
const { pairs, ms, only, hypervisor } = options({
  pairs: 9,
  ms: 250,
  only: '',
  hypervisor: 'port,ipi,hypercall,vcpus',
});
const listed = words => words.split(',').filter(Boolean);
const rows = only === '' ? Object.keys(MICRO_PILOT) : listed(only);
for (const row of rows)
  need(row in MICRO_PILOT, `There is no row ${row}; there are ${Object.keys(MICRO_PILOT).join(', ')}.`);

const git = (...words) =>
  execFileSync('git', words, { cwd: at(), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
const commitOf = name => {
  try {
    return git('rev-parse', '--verify', `${name}^{commit}`);
  } catch {
    need(false, `There is no revision ${name}: git log lists them.`);
  }
};
/** A checkout of the revision, made once. */
function checkout() {
  const commit = commitOf(revision);
  const folder = at('.cache', 'against', commit.slice(0, 12));
  if (!existsSync(folder)) {
    git('worktree', 'prune');
    git('worktree', 'add', '--detach', folder, commit);
    symlinkSync(at('node_modules'), join(folder, 'node_modules'));
  }
  return folder;
}
const sides = [checkout(), at()];

/** TSC ticks that each chunk of a row took, in the checkout `folder`. */
function chunks(folder, row, rounds, count) {
  const cmdline = `${row}:${rounds}*${count}`;
  const boot = ['boot', '--kernel', 'guests/micro/micro.elf', '--cmdline', cmdline, '--until', 'ALL-DONE'];
  const text = execFileSync(process.execPath, ['bin/ringside.mjs', ...boot], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return [...text.matchAll(/tsc=([0-9a-f]+)/g)].map(([, ticks]) => Number.parseInt(ticks, 16));
}
const steady = ticks => median(ticks.slice(ticks.length >> 1));

/** Ratios of `pairs` pairs; each side begins every other one. `time` measures one side. */
function measured(time) {
  return Array.from({ length: pairs }, (_, pair) => {
    const order = pair % 2 === 0 ? [0, 1] : [1, 0];
    const taken = [];
    for (const side of order) taken[side] = time(sides[side]);
    return taken[0] / taken[1];
  });
}

const means = [];
function tell(row, ratios) {
  const { mean, low, high } = ratio(ratios);
  means.push(mean);
  console.log(`${row.padEnd(10)} ${mean.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`);
}

for (const row of rows) {
  // Ticks are nanoseconds at the rate that every host has here (tsc.ts).
  const pilot = MICRO_PILOT[row] * 10;
  const rounds = Math.max(1, Math.round((pilot * ms * 1e6) / steady(chunks(at(), row, pilot, 4))));
  tell(
    row,
    measured(folder => steady(chunks(folder, row, rounds, CHUNKS))),
  );
}
const scratch = mkdtempSync(join(tmpdir(), 'ringside-against-'));
for (const row of listed(hypervisor)) {
  const json = join(scratch, `${row}.json`);
  tell(
    row,
    measured(folder => {
      const words = [
        'bench/hypervisor.mjs',
        '--only',
        row,
        '--runs',
        '1',
        '--seconds',
        String(ms / 1000),
        '--json',
        json,
      ];
      execFileSync(process.execPath, words, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
      const { us } = JSON.parse(readFileSync(json, 'utf8'))[0].values;
      need(us > 0, `${row} tells no time in microseconds.`);
      return us;
    }),
  );
}
rmSync(scratch, { recursive: true });
if (means.length > 0) console.log(`${'mean'.padEnd(10)} ${short(geometricMean(means))}`);
