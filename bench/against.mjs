/**
 * npm run -s bench:against -- REVISION [--pairs N] [--ms N] [--only ROWS]
 *
 * This checkout against another revision of it, in interleaved pairs. A ratio is the revision's time divided by this checkout's, so 1.05 means 5 % faster than
 * it was; behind it is the 95 % interval of the pairs' mean. The revision is put into .cache/against/, with this checkout's packages. Rows:
 *   alu, fib …       of the micro benchmark (`bench:cpu` says what each does)
 *   port, ipi …      of `bench:hypervisor`, those that tell a time in microseconds
 *   ide, rings …     configurations of `bench:io --minipv`, CPU time of each of their rows
 *   load, lessons …  of `bench:page`, each with its own revision's script: seconds to the first prompt, speed that inspectors leave to a guest, CPU time of
 *                    a lesson's reset, seconds to a saved guest's prompt, and how busy the main thread is
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { at } from '../scripts/lib.mjs';
import { MICRO_PILOT } from './guests.mjs';
import { IO_CONFIGURATIONS, minipvRatios } from './io-minipv.mjs';
import { geometricMean, median, need, options, ratio, short } from './lib.mjs';
import { explain } from '../scripts/usage.mjs';

explain(import.meta.url);

/** A run's chunks: the first half of them is warm-up. */
const CHUNKS = 6;
/** MiB and packets of the rows of `bench:io`. */
const IO_AMOUNTS = { mib: 64, packets: 1000, bulk: 64 };

const revision = process.argv.splice(2, 1)[0];
need(
  revision && !revision.startsWith('--'),
  'Name a revision to compare with: npm run -s bench:against -- HEAD~1 [--pairs N].',
);
const { pairs, ms, only } = options({ pairs: 9, ms: 250, only: '' });

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

const runIn = (folder, words) =>
  execFileSync(process.execPath, words, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** TSC ticks that each chunk of a row took, in the checkout `folder`. */
function chunks(folder, row, rounds, count) {
  const cmdline = `${row}:${rounds}*${count}`;
  const boot = ['boot', '--kernel', 'guests/micro/micro.elf', '--cmdline', cmdline, '--until', 'ALL-DONE'];
  return [...runIn(folder, ['bin/ringside.mjs', ...boot]).matchAll(/tsc=([0-9a-f]+)/g)].map(([, ticks]) =>
    Number.parseInt(ticks, 16),
  );
}
const steady = ticks => median(ticks.slice(ticks.length >> 1));

/** Ratios of `pairs` pairs by title; each side begins every other one. `times` measures one side: times by title. */
function measured(sides, times) {
  const ratios = new Map();
  for (let pair = 0; pair < pairs; pair++) {
    const taken = [];
    for (const side of pair % 2 === 0 ? [0, 1] : [1, 0]) taken[side] = times(sides[side]);
    for (const [title, time] of Object.entries(taken[0])) {
      need(time > 0 && taken[1][title] > 0, `${title} tells no time in one of the two.`);
      ratios.set(title, [...(ratios.get(title) ?? []), time / taken[1][title]]);
    }
  }
  return ratios;
}

function micro(sides, row) {
  // Ticks are nanoseconds at the rate that every host has here (tsc.ts).
  const pilot = MICRO_PILOT[row] * 10;
  const rounds = Math.max(1, Math.round((pilot * ms * 1e6) / steady(chunks(at(), row, pilot, 4))));
  return measured(sides, folder => ({ [row]: steady(chunks(folder, row, rounds, CHUNKS)) }));
}

function hypervisor(sides, row) {
  const json = join(scratch, `${row}.json`);
  return measured(sides, folder => {
    const words = ['--only', row, '--runs', '1', '--seconds', String(ms / 1000), '--json', json];
    runIn(folder, ['bench/hypervisor.mjs', ...words]);
    return { [row]: JSON.parse(readFileSync(json, 'utf8'))[0].values.us };
  });
}

async function io(sides, row) {
  writeFileSync(join(scratch, 'disk.img'), Buffer.alloc(IO_AMOUNTS.mib << 20, 'Ringside measures what a disk gives. '));
  return minipvRatios(scratch, sides, row, { pairs, ...IO_AMOUNTS });
}

/** Rows of `bench:page` that tell how busy the main thread is. */
const TASK_ROWS = ['spin', 'three', 'boot', 'words'];
/** What a run's lines of `bench:page` tell: a name and a number. */
const PAGE_ROWS = {
  load: /(prompt) after ([\d.]+) s/g,
  inspectors: /([A-Z][\w/ ,]*?) (-?[\d.]+) %/g,
  saved: /(prompt) ([\d.]+) s/g,
  lessons: /([\w-]+) (\d+) ms/g,
  ...Object.fromEntries(TASK_ROWS.map(row => [row, /^\| (\w+) \|.* ([\d.]+) \|$/gm])),
};

function page(sides, row) {
  return measured(sides, folder => {
    const text = runIn(folder, ['bench/page.mjs', '--only', row, '--runs', '1', '--pairs', '1']);
    // What an inspector costs may be nothing: the time that the guest then takes for its work.
    const time = value => (row === 'inspectors' ? 1 / (1 - value / 100) : value);
    const told = TASK_ROWS.includes(row) ? text : text.slice(0, text.indexOf('\n'));
    return Object.fromEntries(
      [...told.matchAll(PAGE_ROWS[row])].map(([, name, value]) => [`${row}, ${name}`, time(Number(value))]),
    );
  });
}

/** Ways to measure, each with its rows. */
const KINDS = [
  [micro, Object.keys(MICRO_PILOT)],
  [hypervisor, ['port', 'ipi', 'hypercall', 'vcpus']],
  [io, IO_CONFIGURATIONS],
  [page, Object.keys(PAGE_ROWS)],
];
const all = KINDS.flatMap(([, rows]) => rows);
const wanted = only === '' ? all : only.split(',');
for (const row of wanted) need(all.includes(row), `There is no row ${row}; there are ${all.join(', ')}.`);

const means = [];
function tell(row, ratios) {
  const { mean, low, high } = ratio(ratios);
  means.push(mean);
  console.log(`${row.padEnd(40)} ${mean.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`);
}

const sides = [checkout(), at()];
const scratch = mkdtempSync(join(tmpdir(), 'ringside-against-'));
try {
  for (const [measure, rows] of KINDS)
    for (const row of rows.filter(each => wanted.includes(each)))
      for (const [title, ratios] of await measure(sides, row)) tell(title, ratios);
} finally {
  rmSync(scratch, { recursive: true });
}
console.log(`${'mean'.padEnd(40)} ${short(geometricMean(means))}`);
