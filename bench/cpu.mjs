/**
 * npm run -s bench:cpu [-- --runs N --ms N --only alu,fib --json FILE --check --busy]
 *
 * Small programs, one row each, and wide code: `ringside boot` and v86 with its compiler off, in turn. A cell is the time of a round on v86
 * divided by ours, so 2 means twice as fast. --check: status 1 where a goal is missed. --busy: for a machine with other work on it; what counts is
 * the time that the thread with the guest ran (Linux), not what the clock on the wall says.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { buildProgram } from '../scripts/build.mjs';
import { buildMicro, buildReal, buildWide, cannotBuild } from './guests.mjs';
import { busiest, firmware, geometricMean, median, need, options, runGuest, short, threadTimes } from './lib.mjs';

/** Rounds of the first pilot run: a few hundredths of a second each. */
const PILOT = {
  alu: 1,
  sieve: 4,
  fib: 4,
  mix: 2,
  copyloop: 10,
  sha256: 2,
  lz: 1,
  repmovs: 20,
  mandel: 1,
  nbody: 2,
  sse2: 20,
  smc: 2,
  smcdata: 5,
  int80: 10,
  cpuid: 10,
  memtlb: 10,
  cr3: 5,
  pgswitch: 5,
  invlpg: 10,
  pgfault: 10,
  outb: 10,
};
/** The same of the rows of bench/guests/real.S: 16-bit code, the VGA's planes, a port. */
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
const INTEGER = ['alu', 'sieve', 'fib', 'mix', 'copyloop', 'sha256', 'lz'];
/** Least ratio asked of a row; the others are only printed. */
const GOALS = { ...Object.fromEntries(INTEGER.map(row => [row, 1])), wide: 1.6, smc: 0.3, smcdata: 0.3, mandel: 0.7, nbody: 0.7 };
const INTEGER_MEAN_GOAL = 2.5;

const { runs, ms, only, json, check, busy } = options({ runs: 3, ms: 600, only: '', json: '', check: false, busy: false });
const why = cannotBuild();
need(!why, `${why} Nothing was measured.`);
need(firmware(), 'v86 needs the images of the seabios package: run `npm run guests` first.');
const all = [...Object.keys(PILOT), ...Object.keys(REAL_PILOT), 'wide'];
const names = only ? only.split(',') : all;
const micro = names.filter(name => name in PILOT);
const real = names.filter(name => name in REAL_PILOT);
need(
  names.every(name => all.includes(name)),
  `rows: ${all.join(' ')}`,
);
await buildProgram('ringside');

/** Milliseconds a round of each row, from one boot of the guest; a fifth of the rounds goes before as warm-up (in BIOS images as many again). */
async function measure(peer, guest) {
  const perRound = {};
  let begun;
  const result = await runGuest(peer, { memory: 64, ...guest }, 'ALL-DONE', (line, now, pid) => {
    const [, verb, name, rounds] = /^(BEGIN|RESULT) (\w+) (\d+)/.exec(line) ?? [];
    if (!verb) return;
    const time = busy ? threadTimes(pid) : now;
    if (verb === 'BEGIN') begun = time;
    else (perRound[name] ??= []).push((busy ? busiest(begun, time) : time - begun) / Number(rounds));
  });
  need(result.seconds, `${peer} did not come to its end: ${result.why}`);
  return perRound;
}

const elf = micro.length ? buildMicro() : '';
const multiboot = (kernel, cmdline) => ({ kernel, multiboot: true, cmdline });
const suite = async (peer, rounds) => {
  const words = micro.flatMap(name => [`${name}:${Math.ceil(rounds[name] / 5)}`, `${name}:${rounds[name]}`]);
  const perRound = micro.length ? await measure(peer, multiboot(elf, words.join(' '))) : {};
  if (real.length) {
    const wanted = Object.fromEntries(Object.keys(REAL_PILOT).map(name => [name, real.includes(name) ? rounds[name] : 0]));
    Object.assign(perRound, await measure(peer, { bios: buildReal(wanted) }));
  }
  return Object.fromEntries([...micro, ...real].map(name => [name, perRound[name].at(-1)]));
};

const peersHere = ['ringside', 'v86'];
const rounds = {};
for (const peer of peersHere) {
  rounds[peer] = { ...PILOT, ...REAL_PILOT };
  for (const goal of [ms / 10, ms]) {
    const perRound = await suite(peer, rounds[peer]);
    for (const name of [...micro, ...real]) rounds[peer][name] = Math.max(1, Math.min(rounds[peer][name] * 100, Math.round(goal / perRound[name])));
  }
}

const times = Object.fromEntries(peersHere.map(peer => [peer, Object.fromEntries(names.map(name => [name, []]))]));
const wide = names.includes('wide') ? buildWide() : undefined;
for (let run = 1; run <= runs; run++)
  for (const peer of peersHere) {
    for (const [name, value] of Object.entries(await suite(peer, rounds[peer]))) times[peer][name].push(value);
    // The first repetition is cold.
    if (wide) times[peer].wide.push(median((await measure(peer, multiboot(wide, ''))).wide.slice(1)));
    console.error(`run ${run}, ${peer}: done`);
  }

const rows = names.map(name => {
  const [ours, theirs] = peersHere.map(peer => times[peer][name]);
  return {
    name,
    ours: median(ours),
    theirs: median(theirs),
    ratio: median(theirs) / median(ours),
    best: Math.min(...theirs) / Math.min(...ours),
    goal: GOALS[name],
  };
});
console.log(
  `\nmicroseconds a round, median of ${runs} runs in turn, ${ms} ms a row (node ${process.version}, ${cpus().length} processors); ratio: v86 (disable_jit) / ringside`,
);
console.log('| row | ringside | v86 | ratio | of the best runs | goal |\n| --- | ---: | ---: | ---: | ---: | ---: |');
for (const { name, ours, theirs, ratio, best, goal } of rows)
  console.log(`| ${name} | ${short(ours * 1000)} | ${short(theirs * 1000)} | ${short(ratio)} | ${short(best)} | ${goal ?? ''} |`);
const integer = rows.filter(({ name }) => INTEGER.includes(name));
const mean = integer.length ? geometricMean(integer.map(({ ratio }) => ratio)) : Number.NaN;
if (integer.length)
  console.log(
    `| *geometric mean of ${integer.map(({ name }) => name).join(' ')}* | | | ${short(mean)} | ${short(geometricMean(integer.map(({ best }) => best)))} | ${INTEGER_MEAN_GOAL} |`,
  );
const missed = rows.filter(({ ratio, best, goal }) => goal && Math.max(ratio, best) < goal).map(({ name }) => name);
if (integer.length === INTEGER.length && mean < INTEGER_MEAN_GOAL) missed.push('integer mean');
if (missed.length) console.log(`below the goal: ${missed.join(', ')}`);
if (json) writeFileSync(json, JSON.stringify({ runs, ms, times, mean, missed }, null, 1));
if (check && missed.length) process.exitCode = 1;
