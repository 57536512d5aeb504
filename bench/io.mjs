/**
 * npm run -s bench:io [-- --runs N --mib N --packets N --json FILE --profile --minipv]
 *
 * Disk and network in Linux: `dd` from and to an IDE disk by DMA, and `ping` as fast as answers come, on Ringside with its PCNet and on v86 as
 * shipped (compiler on) with its ne2k, in turn, with the same kernel, initramfs and disk. Times are the host's, from the guest's lines on its serial port.
 * Then the embedded guest minipv: IDE PIO, IDE DMA (its device model in the guest's worker, and in Domain 0), blkfront, PCNet and netfront, with exits,
 * notifications and CPU time a MiB (`io-minipv.mjs`), judged by counts;
 * --minipv: that alone, which needs no fetched guest.
 * --profile: where a run of ours spends its time, by function.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { buildProgram } from '../scripts/build.mjs';
import { cpioFile } from './cpio.mjs';
import { debianGuest } from './guests.mjs';
import { minipvRows } from './io-minipv.mjs';
import { firmware, median, need, options, runGuest, short } from './lib.mjs';

const { runs, mib, packets, bulk, json, profile, profiles, minipv, only } = options({
  runs: 3,
  mib: 64,
  packets: 1000,
  bulk: 64,
  json: '',
  profile: false,
  profiles: '',
  minipv: false,
  only: '',
});
const guest = debianGuest('686');
need(minipv || guest, 'The Debian 686 guest is not here: run `npm run guests` first.');
need(minipv || firmware(), 'v86 needs the images of the seabios package: run `npm run guests` first.');
await buildProgram('ringside');

/** What the guest does: its own init, in an archive behind the initramfs that replaces the one there. */
const INIT = `#!/bin/sh
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null
echo 3 > /proc/sys/kernel/printk
for w in $(cat /proc/cmdline); do case $w in nic=*) nic=\${w#nic=};; own=*) own=\${w#own=};; peer=*) peer=\${w#peer=};; esac; done
while read group ko; do case $group in ata_piix|sd_mod|$nic) insmod /lib/modules/$ko 2>/dev/null;; esac; done < /lib/modules/list
i=0; while [ ! -b /dev/sda ] && [ $i -lt 50 ]; do usleep 100000; i=$((i+1)); done
ip link set eth0 up; ip addr add $own/24 dev eth0
ping -c 1 -W 5 $peer > /dev/null; ping -c 1 -W 5 $peer | grep received
echo IO-READY
for run in $(seq ${runs}); do
  echo 3 > /proc/sys/vm/drop_caches
  echo IO-BEGIN read; dd if=/dev/sda of=/dev/null bs=256k count=${mib * 4} 2>/dev/null; echo IO-END read
  echo IO-BEGIN write; dd if=/dev/zero of=/dev/sda bs=256k count=${mib * 4} conv=fsync 2>/dev/null; echo IO-END write
  echo IO-BEGIN small; ping -A -q -c ${packets} -s 56 $peer | grep received; echo IO-END small
  echo IO-BEGIN large; ping -A -q -c ${packets} -s 1400 $peer | grep received; echo IO-END large
done
echo IO-DONE
poweroff -f
`;

const folder = mkdtempSync(join(tmpdir(), 'ringside-io-'));
const initrd = join(folder, 'initrd');
if (!minipv) writeFileSync(initrd, Buffer.concat([readFileSync(`${guest.initrd}-modules`), cpioFile('init', INIT)]));
const disk = join(folder, 'disk.img');
writeFileSync(disk, Buffer.alloc(mib << 20, 'Ringside measures what a disk gives. '));

const networks = { ringside: 'nic=pcnet32 own=10.0.2.15 peer=10.0.2.2', v86: 'nic=ne2k-pci own=192.168.86.100 peer=192.168.86.1' };
const WHAT = { read: ['disk read', 'MiB/s', mib], write: ['disk write', 'MiB/s', mib] };
for (const [name, bytes] of [
  ['small', 56],
  ['large', 1400],
])
  WHAT[name] = [`ping ${bytes} bytes`, 'packets/s', packets * 2];

/** Seconds of each measurement of one start. */
async function measure(peer, job) {
  const seconds = { read: [], write: [], small: [], large: [] };
  let begin = 0;
  const result = await runGuest(peer, job, 'IO-DONE', (line, ms) => {
    const [, kind, name] = /^IO-(BEGIN|END) (\w+)/.exec(line) ?? [];
    if (kind === 'BEGIN') begin = ms;
    else if (kind === 'END') seconds[name].push((ms - begin) / 1000);
    const [, sent, received] = /^(\d+) packets transmitted, (\d+)/.exec(line) ?? [];
    if (sent && sent !== received) console.log(`${peer}: ${line}`);
  });
  need(result.seconds, `${peer} did not finish: ${result.why}`);
  return seconds;
}

const job = peer => ({
  ...guest,
  initrd,
  memory: 128,
  disk,
  nic: true,
  jit: true,
  cmdline: `console=ttyS0,115200 cryptomgr.notests ${networks[peer]}`,
});
try {
  if (minipv) await compareMinipv();
  else if (profile) await showProfile();
  else await compare();
} finally {
  rmSync(folder, { recursive: true });
}

function embedded() {
  return minipvRows(folder, { mib, packets, runs, bulk, only: only ? only.split(',') : [], profile: profiles });
}

async function compareMinipv() {
  const rows = await embedded();
  if (json) writeFileSync(json, JSON.stringify({ mib, packets, bulk, minipv: rows }, null, 1));
}

async function compare() {
  const seconds = {};
  for (const peer of Object.keys(networks)) {
    seconds[peer] = await measure(peer, job(peer));
    console.log(`${peer} done`);
  }
  const version = JSON.parse(readFileSync(new URL('../node_modules/v86/package.json', import.meta.url), 'utf8')).version;
  console.log(`
Debian 686, ${mib} MiB, ${packets} pings, median of ${runs} (node ${process.version}, ${cpus().length} processors); v86 ${version} with its compiler
| | unit | ringside | v86 | ringside / v86 |
| --- | --- | ---: | ---: | ---: |`);
  const ratios = {};
  for (const [name, [title, unit, amount]] of Object.entries(WHAT)) {
    const [ours, theirs] = ['ringside', 'v86'].map(peer => amount / median(seconds[peer][name]));
    ratios[name] = ours / theirs;
    console.log(`| ${title} | ${unit} | ${short(ours)} | ${short(theirs)} | ${short(ratios[name])} |`);
  }
  const rows = await embedded();
  if (json) writeFileSync(json, JSON.stringify({ mib, packets, bulk, seconds, ratios, minipv: rows }, null, 1));
}

/** Self time of our run by function, from V8's sampling profiler: interpreter or device? */
async function showProfile() {
  const profiles = join(folder, 'profiles');
  mkdirSync(profiles);
  const own = job('ringside');
  const result = await runGuest('ringside', { ...own, wait: true, node: ['--cpu-prof', `--cpu-prof-dir=${profiles}`] }, 'IO-DONE');
  need(result.seconds, `the run did not finish: ${result.why}`);
  const byFunction = new Map();
  let total = 0;
  for (const name of readdirSync(profiles)) {
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(profiles, name), 'utf8'));
    const places = new Map(
      nodes.map(({ id, callFrame }) => [id, `${callFrame.functionName || '(anonymous)'} ${basename(callFrame.url)}:${callFrame.lineNumber + 1}`]),
    );
    samples.forEach((id, i) => {
      const source = places.get(id);
      byFunction.set(source, (byFunction.get(source) ?? 0) + timeDeltas[i] / 1e6);
      total += timeDeltas[i] / 1e6;
    });
  }
  console.log(`seconds of ${short(total)} by function`);
  for (const [source, seconds] of [...byFunction].sort((a, b) => b[1] - a[1]).slice(0, 30))
    console.log(`${seconds.toFixed(2).padStart(8)}  ${source}`);
}
