/**
 * npm run -s bench:deopts [-- --only sha256,cr3 --seconds 12 --check]
 *
 * Counts what V8 takes back: each row of `guests/micro` runs for --seconds with the second tier and `--trace-deopt`, and its optimised functions
 * that were thrown away are counted, in the first five seconds and after. After five seconds a steady load should lose none (issue "The engine", 5).
 * --check: status 1 where it does, or where fewer than three seconds were looked at after the first five.
 */
import { microElf } from './guests.mjs';
import { need, options, runGuest } from './lib.mjs';
import { buildProgram } from '../scripts/build.mjs';

/** Seconds that a row has to warm up, how long its chunks are, and seconds after it that --check wants to have seen. */
const WARM_S = 5,
  CHUNK_S = 0.5,
  LEAST_S = 3;
/** Rows, and rounds of a pilot run. */
const ROWS = {
  alu: 20,
  sieve: 100,
  fib: 100,
  mix: 500,
  copyloop: 1000,
  sha256: 100,
  lz: 100,
  mandel: 10,
  nbody: 100,
  sse2: 2000,
  int80: 500,
  memtlb: 2000,
  cr3: 500,
  pgswitch: 1000,
  invlpg: 1000,
  pgfault: 500,
  outb: 500,
};
const JIT_THRESHOLD = 8;

const { only, seconds, check } = options({ only: '', seconds: 12, check: false });
const rows = only ? only.split(',') : Object.keys(ROWS);
need(
  rows.every(row => row in ROWS),
  `rows: ${Object.keys(ROWS).join(' ')}`,
);
need(!check || seconds >= WARM_S + LEAST_S, `--check needs --seconds ${WARM_S + LEAST_S} or more`);
await buildProgram('ringside');

const job = words => ({
  kernel: microElf,
  cmdline: words,
  memory: 64,
  jitThreshold: JIT_THRESHOLD,
  node: ['--trace-deopt'],
});
/** Runs a row; calls `onChunk` with the milliseconds of each chunk and `onDeopt` with what V8 says. */
async function run(words, onChunk, onDeopt) {
  let begun = 0;
  const { seconds: took, why } = await runGuest('ringside', job(words), 'ALL-DONE', (line, now) => {
    const deopt = /\[bailout \(kind: ([\w-]+), reason: ([^)]*)\).*<JSFunction ?([\w$.]*)/.exec(line);
    if (deopt) onDeopt(now, deopt[3] || 'a region', deopt[2]);
    else if (/BEGIN \w+ \d/.test(line)) begun = now;
    else if (/RESULT \w+ \d/.test(line)) onChunk(begun, now);
  });
  need(took, `the guest did not come to its end: ${why}`);
}

let bad = 0;
console.log('| row | thrown away in the first five seconds | after | which |\n| --- | ---: | ---: | --- |');
for (const row of rows) {
  let perRound = 0;
  await run(
    `${row}:${ROWS[row]}*4`,
    (from, to) => {
      perRound = (to - from) / ROWS[row];
    },
    () => {},
  );
  const rounds = Math.max(1, Math.round((CHUNK_S * 1000) / perRound)),
    chunks = Math.ceil(seconds / CHUNK_S);
  const deopts = [];
  let first = 0,
    last = 0;
  await run(
    `${row}:${rounds}*${chunks}`,
    from => {
      first ||= from;
      last = from;
    },
    (now, name, reason) => deopts.push({ now, name, reason }),
  );
  // The guest's end shows before the last chunk's line arrives: that chunk does not count.
  const warm = deopts.filter(({ now }) => now >= first && now < first + WARM_S * 1000),
    after = deopts.filter(({ now }) => now >= first + WARM_S * 1000 && now < last);
  // A row that gets faster than its pilot run was ends earlier.
  const lookedS = Math.max(0, (last - first) / 1000 - WARM_S);
  if (after.length > 0 || lookedS < LEAST_S) bad++;
  console.log(
    `| ${row} | ${warm.length} | ${after.length} in ${lookedS.toFixed(1)} s${lookedS < LEAST_S ? ' (too short)' : ''} | ${after.map(({ name, reason }) => `${name}: ${reason}`).join('; ')} |`,
  );
}
if (check && bad) process.exitCode = 1;
