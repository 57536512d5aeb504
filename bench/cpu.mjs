/**
 * npm run -s bench [-- --peers v86,qemu --runs N --ms N --only alu,fib,boot --json FILE]
 * npm run -s bench:cpu [-- --check --busy …]
 *
 * Small programs, one row each, wide code, and Debian's Linux: `ringside boot` and its peers, alternately, on the same guests. A peer is v86 (with its
 * compiler), v86-nojit, or qemu (Debian's, TCG). A ratio is a peer's time divided by ours, so 2 means twice as fast as the peer.
 *
 * With --chunks N a row runs N times for --ms each: its figure is the median of the last half of them (steady), and the first is printed by itself (fresh: what a
 * new program finds). Without, a fifth of the rounds goes before as warm-up. --jit-threshold N: of ringside; 0: its interpreter alone. --check: status 1
 * where a goal against v86-nojit is missed. --busy: for a machine with other work on it; what counts is the time that the thread with the guest ran (Linux),
 * not what the clock on the wall says. `--json bench/results/VERSION.json` keeps a release's figures.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { buildProgram } from '../scripts/build.mjs';
import { buildReal, buildWide, cannotBuild, MICRO_PILOT, microElf, needDebian } from './guests.mjs';
import {
  busiest,
  firmware,
  geometricMean,
  MEANS,
  median,
  need,
  options,
  qemu,
  ratio as ratioOfPairs,
  runGuest,
  short,
  threadTimes,
} from './lib.mjs';

/** Rounds of the first pilot run of the rows of bench/guests/real.S: 16-bit code, the VGA's planes, a port. A BIOS image: not for QEMU, whose VGA is set up otherwise. */
const REAL_PILOT = {
  sieve16: 4,
  fib16: 40,
  far16: 40,
  int16: 40,
  gcc16: 40,
  vgamov: 2,
  vgastos: 2,
  vgamovs: 2,
  vgarmw: 2,
  in8: 4,
};
const REAL_MEANS = {
  '16-bit': ['sieve16', 'fib16', 'far16', 'int16', 'gcc16'],
  VGA: ['vgamov', 'vgastos', 'vgamovs', 'vgarmw'],
};
/** Seconds to the first line of Linux's init, as it is and without the kernel's own tests of its ciphers; of programs that the same boot then runs. */
const LINUX_PROGRAMS = ['dd', 'sha', 'gzip', 'shloop', 'fork'];
const LINUX = ['boot', 'boot-notests', ...LINUX_PROGRAMS];
/** Least ratio to v86-nojit asked of a row; the others are only printed. */
const GOALS = {
  ...Object.fromEntries(MEANS.integer.map(row => [row, 1])),
  wide: 1.6,
  smc: 0.3,
  smcdata: 0.3,
  mandel: 0.7,
  nbody: 0.7,
};
const INTEGER_MEAN_GOAL = 2.5;
const MEMORY_MIB = 64,
  LINUX_MEMORY_MIB = 256,
  LINUX_SCALE = 2;

const given = options({
  runs: 3,
  ms: 600,
  chunks: 1,
  peers: 'v86-nojit',
  only: '',
  json: '',
  linux: false,
  check: false,
  busy: false,
  'jit-threshold': 8,
});
const { runs, ms, chunks, only, json, linux, check, busy } = given;
const jitThreshold = given['jit-threshold'];
const known = { v86: { peer: 'v86', jit: true }, 'v86-nojit': { peer: 'v86' }, qemu: { peer: 'qemu' } };
const asked = given.peers.split(',');
need(
  asked.every(name => name in known),
  `--peers ${given.peers}: the peers are ${Object.keys(known).join(', ')}.`,
);
const why = cannotBuild();
const rowsHere = [
  ...Object.keys(MICRO_PILOT),
  ...(why ? [] : [...Object.keys(REAL_PILOT), 'wide']),
  ...(linux || only ? LINUX : []),
];
const names = only ? only.split(',') : rowsHere;
need(
  names.every(name => rowsHere.includes(name)),
  `rows: ${rowsHere.join(' ')}${why ? ` (${why})` : ''}`,
);
if (why) console.error(`Skipped: 16-bit and wide code. ${why}`);
const theirs = asked.filter(name => {
  const here = known[name].peer === 'qemu' ? qemu() : firmware();
  if (!here)
    console.error(
      `Skipped: ${name}. ${name === 'qemu' ? 'qemu-system-i386 is not installed (Debian: qemu-system-x86).' : 'Its BIOS images are fetched by `npm run guests`.'}`,
    );
  return here;
});
need(theirs.length, 'No peer is here: nothing was measured.');
const micro = names.filter(name => name in MICRO_PILOT);
const real = names.filter(name => name in REAL_PILOT);
const boots = names.filter(name => LINUX.includes(name));
const debian = boots.length ? needDebian('686') : undefined;
await buildProgram('ringside');

const peersHere = ['ringside', ...theirs];
/** Runs a guest on a peer by the name that it has here. */
const start = (name, job, until, onLine) => {
  const { peer, ...more } = known[name] ?? { peer: 'ringside', jitThreshold };
  return runGuest(peer, { ...job, ...more }, until, onLine);
};

/** Milliseconds a round of each row from one boot of the guest, a list for each row. */
async function measure(name, guest) {
  const perRound = {};
  let begun;
  const result = await start(name, { memory: MEMORY_MIB, ...guest }, 'ALL-DONE', (line, now, pid) => {
    const [, verb, row, rounds] = /^(BEGIN|RESULT) (\w+) (\d+)/.exec(line) ?? [];
    if (!verb) return;
    const time = busy ? threadTimes(pid) : now;
    if (verb === 'BEGIN') begun = time;
    else (perRound[row] ??= []).push((busy ? busiest(begun, time) : time - begun) / Number(rounds));
  });
  need(result.seconds, `${name} did not come to its end: ${result.why}`);
  return perRound;
}

const multiboot = (kernel, cmdline) => ({ kernel, multiboot: true, cmdline });
/** `times`: how often each row runs. */
async function suite(name, rounds, times) {
  const words = micro.flatMap(row =>
    times > 1 ? [`${row}:${rounds[row]}*${times}`] : [`${row}:${Math.ceil(rounds[row] / 5)}`, `${row}:${rounds[row]}`],
  );
  const perRound = micro.length ? await measure(name, multiboot(microElf, words.join(' '))) : {};
  if (real.length && name !== 'qemu') {
    const wanted = Object.fromEntries(Object.keys(REAL_PILOT).map(row => [row, real.includes(row) ? rounds[row] : 0]));
    Object.assign(perRound, await measure(name, { bios: buildReal(wanted) }));
  }
  return perRound;
}

/** One boot with what its init then runs, or one without the kernel's tests: seconds by row, and the most memory that the process had. */
async function bootLinux(name, words, rows) {
  const found = {};
  let begun = performance.now();
  const job = { ...debian, memory: LINUX_MEMORY_MIB, cmdline: `${debian.cmdline} ${words}` };
  const result = await start(name, job, 'INIT-DONE', (line, now) => {
    if (line.includes('BOOT-OK')) found[rows[0]] = (now - begun) / 1000;
    else if (line.startsWith('BENCH-BEGIN')) begun = now;
    else if (line.startsWith('BENCH-END')) found[line.split(' ')[1]] = (now - begun) / 1000;
  });
  need(result.seconds, `${name} did not boot: ${result.why}`);
  return { found, rssMiB: result.rssMiB };
}

const rounds = {};
for (const name of peersHere) {
  rounds[name] = { ...MICRO_PILOT, ...REAL_PILOT };
  for (const goal of micro.length || real.length ? [ms / 10, ms / 2, ms] : []) {
    // As often as what is measured: the first run of a row that is in the guest's first half second is mostly V8's warm-up, and would leave too few rounds.
    const perRound = await suite(name, rounds[name], chunks);
    for (const row of Object.keys(perRound))
      rounds[name][row] = Math.max(1, Math.min(rounds[name][row] * 100, Math.round(goal / perRound[row].at(-1))));
  }
}

const byPeer = () => Object.fromEntries(peersHere.map(name => [name, Object.fromEntries(names.map(row => [row, []]))]));
/** Milliseconds a round (Linux: seconds): steady, and of the first chunk; peak memory of the process that ran Linux, MiB. */
const times = byPeer(),
  fresh = byPeer(),
  rssMiB = Object.fromEntries(peersHere.map(name => [name, []]));
/** 16 rounds of 20 million instructions: what is asked is the time of the first 300 million. */
const wide = names.includes('wide') ? buildWide({ repetitions: 16 }) : undefined;
for (let run = 1; run <= runs; run++)
  for (const name of peersHere) {
    for (const [row, list] of Object.entries(await suite(name, rounds[name], chunks))) {
      times[name][row]?.push(chunks > 1 && row in MICRO_PILOT ? median(list.slice(list.length >> 1)) : list.at(-1));
      if (chunks > 1 && row in MICRO_PILOT) fresh[name][row].push(list[0]);
    }
    if (wide) {
      const { wide: list } = await measure(name, multiboot(wide, ''));
      times[name].wide.push(list.reduce((sum, each) => sum + each, 0) / list.length);
      fresh[name].wide.push(list[0]);
    }
    const wants = boots.filter(row => row !== 'boot-notests');
    if (wants.length) {
      const programs = LINUX_PROGRAMS.filter(row => wants.includes(row));
      const { found, rssMiB: peak } = await bootLinux(
        name,
        programs.length ? `bench=${programs.join(',')} scale=${LINUX_SCALE}` : '',
        ['boot'],
      );
      for (const row of wants) times[name][row].push(found[row]);
      rssMiB[name].push(peak);
    }
    if (boots.includes('boot-notests'))
      times[name]['boot-notests'].push(
        (await bootLinux(name, 'cryptomgr.notests', ['boot-notests'])).found['boot-notests'],
      );
    console.error(`run ${run}, ${name}: done`);
  }

/** Of a row: median, best, and spread (worst less best, as a share of the median). */
const figures = list => ({
  median: median(list),
  best: Math.min(...list),
  spread: (Math.max(...list) - Math.min(...list)) / median(list),
});
/** A peer's time divided by ours, for a table of times; `low` and `high`: 95 % interval of the mean of pairs, where there are several. */
const ratios = (of, row, name) => {
  const theirs = of[name][row],
    ours = of.ringside[row];
  if (theirs.length === 0 || ours.length === 0) return undefined;
  const all = { ratio: median(theirs) / median(ours), best: Math.min(...theirs) / Math.min(...ours) };
  if (ours.length === 1 || theirs.length !== ours.length) return all;
  const { low, high } = ratioOfPairs(ours.map((time, i) => theirs[i] / time));
  return { ...all, low, high };
};
const rows = names.map(row => ({
  row,
  figures: Object.fromEntries(
    peersHere.filter(name => times[name][row].length).map(name => [name, figures(times[name][row])]),
  ),
  against: Object.fromEntries(theirs.map(name => [name, ratios(times, row, name)])),
  freshAgainst: Object.fromEntries(theirs.map(name => [name, ratios(fresh, row, name)])),
}));
/** Geometric means of ratios over groups of rows, where all of a group were measured. */
const means = Object.fromEntries(
  theirs.map(name => [
    name,
    Object.fromEntries(
      Object.entries({ ...MEANS, ...REAL_MEANS, 'first chunk, all': micro }).flatMap(([group, members]) => {
        const from = group.startsWith('first') ? 'freshAgainst' : 'against';
        const those = members.map(member => rows.find(({ row }) => row === member)?.[from][name]);
        return those.length && those.every(Boolean)
          ? [
              [
                group,
                {
                  ratio: geometricMean(those.map(each => each.ratio)),
                  best: geometricMean(those.map(each => each.best)),
                },
              ],
            ]
          : [];
      }),
    ),
  ]),
);

const unit = row => (LINUX.includes(row) ? 1 : 1000);
const cell = (row, each) =>
  each
    ? `${short(each.median * unit(row))} (${short(each.best * unit(row))}, ${Math.round(100 * each.spread)} %)`
    : '-';
const pair = each =>
  each
    ? `${short(each.ratio)} (${short(each.best)})${each.low === undefined ? '' : `, ${short(each.low)} to ${short(each.high)}`}`
    : '-';
const hasFresh = rows.some(({ freshAgainst }) => Object.values(freshAgainst).some(Boolean));
console.log(
  `\nmicroseconds a round (Linux: seconds), median (best, spread) of ${runs} runs in turn, ${chunks > 1 ? `the last half of ${chunks} times` : 'after a fifth as warm-up,'} ${ms} ms a row ` +
    `(node ${process.version}, ${cpus().length} processors); ratio: a peer's time / ours, of medians (of the best), 95 % interval of the pairs' mean`,
);
console.log(
  `| row | ${peersHere.join(' | ')} | ${theirs.map(name => `${name} / ringside${hasFresh ? ` | first ${ms} ms` : ''}`).join(' | ')} |`,
);
console.log(`| --- |${' ---: |'.repeat(peersHere.length + theirs.length * (hasFresh ? 2 : 1))}`);
for (const { row, figures: each, against, freshAgainst } of rows)
  console.log(
    `| ${row} | ${peersHere.map(name => cell(row, each[name])).join(' | ')} | ${theirs.map(name => `${pair(against[name])}${hasFresh ? ` | ${pair(freshAgainst[name])}` : ''}`).join(' | ')} |`,
  );
for (const name of theirs)
  for (const [group, each] of Object.entries(means[name]))
    console.log(`geometric mean, ${group}, ${name} / ringside: ${pair(each)}`);
for (const name of peersHere)
  if (rssMiB[name].length)
    console.log(`peak memory of a ${LINUX_MEMORY_MIB}-MiB Linux, ${name}: ${median(rssMiB[name])} MiB`);

const nojit = theirs.includes('v86-nojit');
const most = ({ ratio, best }) => Math.max(ratio, best);
const missed = nojit
  ? rows
      .filter(({ row, against }) => GOALS[row] && against['v86-nojit'] && most(against['v86-nojit']) < GOALS[row])
      .map(({ row }) => row)
  : [];
const integer = means['v86-nojit']?.integer;
if (integer && integer.ratio < INTEGER_MEAN_GOAL) missed.push('integer mean');
if (missed.length) console.log(`below the goal against v86-nojit: ${missed.join(', ')}`);
if (json) {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const v86 = JSON.parse(readFileSync(new URL('../node_modules/v86/package.json', import.meta.url), 'utf8')).version;
  const about = {
    date: new Date().toISOString().slice(0, 10),
    version,
    v86,
    node: process.version,
    processors: cpus().length,
    runs,
    ms,
    chunks,
    busy,
    jitThreshold,
  };
  writeFileSync(json, `${JSON.stringify({ ...about, rows, means, rssMiB, times, fresh, missed }, null, 1)}\n`);
}
if (check && missed.length) process.exitCode = 1;
