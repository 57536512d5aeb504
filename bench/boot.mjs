/**
 * npm run -s bench:boot [-- --runs N --flavour 686|686-pae --memory MIB --json FILE --check]
 *
 * Debian's kernel with a busybox initramfs, from the start of the process to the first line of its init: `ringside boot` and v86 with its compiler
 * off, in turn, on the same images. --check: status 1 if we take more than 0.6 of v86's time.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { buildProgram } from '../scripts/build.mjs';
import { firmware, median, need, options, runGuest, short } from './lib.mjs';
import { debianGuest } from './guests.mjs';

const GOAL = 0.6;

const { runs, flavour, memory, json, check } = options({
  runs: 3,
  flavour: '686',
  memory: 256,
  json: '',
  check: false,
});
const guest = debianGuest(flavour);
need(guest, `The Debian ${flavour} guest is not here: run \`npm run guests\` first.`);
need(firmware(), 'v86 needs the images of the seabios package: run `npm run guests` first.');
await buildProgram('ringside');

const job = { ...guest, memory };
const seconds = { ringside: [], v86: [] };
for (let run = 1; run <= runs; run++)
  for (const peer of Object.keys(seconds)) {
    const result = await runGuest(peer, job, guest.until);
    need(result.seconds, `${peer} did not boot: ${result.why}`);
    seconds[peer].push(result.seconds);
    console.log(`run ${run}, ${peer}: ${result.seconds.toFixed(2)} s`);
  }

const ratio = median(seconds.ringside) / median(seconds.v86);
const best = Math.min(...seconds.ringside) / Math.min(...seconds.v86);
const v86Version = JSON.parse(
  readFileSync(new URL('../node_modules/v86/package.json', import.meta.url), 'utf8'),
).version;
console.log(`
Debian ${flavour}, ${memory} MiB, seconds to "${guest.until}", ${runs} runs in turn (node ${process.version}, ${cpus().length} processors)
| | median | best |
| --- | ---: | ---: |
| ringside | ${short(median(seconds.ringside))} | ${short(Math.min(...seconds.ringside))} |
| v86 ${v86Version}, disable_jit | ${short(median(seconds.v86))} | ${short(Math.min(...seconds.v86))} |
| ringside / v86 | ${short(ratio)} | ${short(best)} |
goal: at most ${GOAL}`);
if (json) writeFileSync(json, JSON.stringify({ flavour, memory, seconds, ratio, best }, null, 1));
if (check && Math.min(ratio, best) > GOAL) process.exitCode = 1;
