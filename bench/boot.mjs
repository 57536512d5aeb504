/**
 * npm run -s bench:boot [-- --runs N --flavour 686|686-pae|amd64 --peer v86|qemu --memory MIB --json FILE --check]
 *
 * Debian's kernel with a busybox initramfs, from the start of the process to the first line of its init: `ringside boot` and v86 with its compiler
 * off, alternately, on the same images; or QEMU's TCG, which a kernel of 64 bits gets. --check: status 1 if we take more than 0.6 of v86's time.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { buildProgram } from '../scripts/build.mjs';
import { firmware, median, need, options, qemu, runGuest, short } from './lib.mjs';
import { needDebian } from './guests.mjs';

const GOAL = 0.6;

const { runs, flavour, memory, json, check, peer } = options({
  runs: 3,
  flavour: '686',
  peer: '',
  memory: 256,
  json: '',
  check: false,
});
const guest = needDebian(flavour);
/** v86 has no 64-bit mode. */
const other = peer || (flavour === 'amd64' ? 'qemu' : 'v86');
need(other === 'v86' || other === 'qemu', `--peer ${other}: write v86 or qemu.`);
const program = flavour === 'amd64' ? 'qemu-system-x86_64' : undefined;
if (other === 'v86') need(firmware(), 'v86 needs the images of the seabios package: run `npm run guests` first.');
else need(qemu(program), 'QEMU is not installed (Debian: qemu-system-x86).');
await buildProgram('ringside');

const job = { ...guest, memory, program };
const seconds = { ringside: [], [other]: [] };
for (let run = 1; run <= runs; run++)
  for (const each of Object.keys(seconds)) {
    const result = await runGuest(each, job, guest.until);
    need(result.seconds, `${each} did not boot: ${result.why}`);
    seconds[each].push(result.seconds);
    console.log(`run ${run}, ${each}: ${result.seconds.toFixed(2)} s`);
  }

const ratio = median(seconds.ringside) / median(seconds[other]);
const best = Math.min(...seconds.ringside) / Math.min(...seconds[other]);
const v86Version = JSON.parse(
  readFileSync(new URL('../node_modules/v86/package.json', import.meta.url), 'utf8'),
).version;
console.log(`
Debian ${flavour}, ${memory} MiB, seconds to "${guest.until}", ${runs} runs in turn (node ${process.version}, ${cpus().length} processors)
| | median | best |
| --- | ---: | ---: |
| ringside | ${short(median(seconds.ringside))} | ${short(Math.min(...seconds.ringside))} |
| ${other === 'v86' ? `v86 ${v86Version}, disable_jit` : 'QEMU, TCG'} | ${short(median(seconds[other]))} | ${short(Math.min(...seconds[other]))} |
| ringside / ${other} | ${short(ratio)} | ${short(best)} |
${other === 'v86' ? `goal: at most ${GOAL}` : 'no goal'}`);
if (json) writeFileSync(json, JSON.stringify({ flavour, memory, seconds, ratio, best }, null, 1));
if (check && other === 'v86' && Math.min(ratio, best) > GOAL) process.exitCode = 1;
