/**
 * npm run -s bench:io [-- --runs N --mib N --bulk N --packets N --json FILE --only NAMES --phases NAMES --profile --profiles DIR --minipv]
 *
 * Disk and network in Linux: `dd` from and to a disk, and `ping` of the gateway as fast as answers come, in turn on Ringside (IDE by DMA and PCNet; blkfront
 * and netfront; virtio, as a guest of KVM), on v86 as shipped (compiler on, IDE, ne2k and its virtio-net) and, where it is installed, on QEMU's TCG (IDE and PCNet; virtio): the same kernel,
 * initramfs and disk, of Debian's PAE flavour where that alone has the drivers. Clock times are the host's, from the guest's lines on its serial port; CPU
 * time is that of all threads of the program. In the same table the embedded guest minipv: IDE PIO, IDE DMA (its device model in the guest's worker, and in Domain 0),
 * blkfront, PCNet and netfront, also from guest to guest, with exits, notifications and CPU time a MiB (`io-minipv.mjs`), judged by counts;
 * --minipv: that alone, with none of the others in the table, which needs no fetched guest. --only: names of machines (MACHINES below) or minipv's configurations.
 * --phases: what of WHAT below they do.
 * --profile: where a run of ours spends its time, by function (the first of --only, or the first there is); --profiles: V8's profiles of minipv's threads, by configuration.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { buildProgram } from '../scripts/build.mjs';
import { cpioFile } from './cpio.mjs';
import { debianGuest, needDebian } from './guests.mjs';
import { judgeRows, minipvRows } from './io-minipv.mjs';
import { printTable } from './io-table.mjs';
import { firmware, need, options, qemu, runGuest, short, threadTimes } from './lib.mjs';

const { runs, mib, packets, bulk, json, profile, profiles, minipv, only, phases } = options({
  runs: 3,
  mib: 64,
  packets: 1000,
  bulk: 64,
  json: '',
  profile: false,
  profiles: '',
  minipv: false,
  only: '',
  phases: 'read,write,small,large',
});
if (!minipv) needDebian('686');
need(minipv || firmware(), 'v86 needs the images of the seabios package: run `npm run guests` first.');
await buildProgram('ringside');

/** What the guest does: its own init, in an archive behind the initramfs that replaces the one there. */
const INIT = `#!/bin/sh
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null
echo 3 > /proc/sys/kernel/printk
for w in $(cat /proc/cmdline); do case $w in load=*) load=\${w#load=};; disk=*) disk=\${w#disk=};; own=*) own=\${w#own=};; peer=*) peer=\${w#peer=};; esac; done
while read group ko; do case ,$load, in *,$group,*) insmod /lib/modules/$ko 2>/dev/null;; esac; done < /lib/modules/list
i=0; while [ ! -b /dev/$disk ] && [ $i -lt 50 ]; do usleep 100000; i=$((i+1)); done
ip link set eth0 up; ip addr add $own/24 dev eth0
ping -c 1 -W 5 $peer > /dev/null; ping -c 1 -W 5 $peer | grep received
irqs() { awk '/virtio|ata|eth0|pcnet|ne2k|blkif/ { n += $2 } END { print "IO-INTERRUPTS", n + 0 }' /proc/interrupts; }
in_phase() { case ,${phases}, in *,$1,*) return 0;; esac; return 1; }
begin() { irqs; echo IO-BEGIN $1; }
end() { echo IO-END $1; irqs; }
echo IO-READY
for run in $(seq ${runs}); do
  echo 3 > /proc/sys/vm/drop_caches
  in_phase read && { begin read; dd if=/dev/$disk of=/dev/null bs=256k count=${mib * 4} 2>/dev/null; end read; }
  in_phase write && { begin write; dd if=/dev/zero of=/dev/$disk bs=256k count=${mib * 4} conv=fsync 2>/dev/null; end write; }
  in_phase small && { begin small; ping -A -q -c ${packets} -s 56 $peer | grep received; end small; }
  in_phase large && { begin large; ping -A -q -c ${packets} -s 1400 $peer | grep received; end large; }
done
echo IO-DONE
poweroff -f
`;

const folder = mkdtempSync(join(tmpdir(), 'ringside-io-'));
const disk = join(folder, 'disk.img');
writeFileSync(disk, Buffer.alloc(mib << 20, 'Ringside measures what a disk gives. '));
const initrds = new Map();
/** The initramfs of a flavour, with our init. */
function initrdOf(flavour) {
  if (!initrds.has(flavour)) {
    initrds.set(flavour, join(folder, `initrd-${flavour}`));
    const base = readFileSync(`${debianGuest(flavour).initrd}-modules`);
    writeFileSync(initrds.get(flavour), Buffer.concat([base, Buffer.alloc(-base.length & 3), cpioFile('init', INIT)]));
  }
  return initrds.get(flavour);
}

const GATEWAY = 'own=10.0.2.15 peer=10.0.2.2';
const IDE = 'load=ata_piix,sd_mod';
/** Programs with their devices: what the guest loads and is told, and for QEMU what it is started with. */
const MACHINES = {
  ringside: { title: 'Ringside, IDE DMA and PCNet', peer: 'ringside', cmdline: `${IDE},pcnet32 disk=sda ${GATEWAY}` },
  'ringside-rings': {
    title: 'Ringside, blkfront and netfront',
    peer: 'definition',
    flavour: '686-pae',
    console: 'hvc0',
    cmdline: `load=xen-blkfront,xen-netfront disk=xvda ${GATEWAY}`,
    settings: disk => `type = "pvh"\ndisk = [ '${disk},raw,xvda,w' ]\nvif = [ '' ]`,
  },
  'ringside-virtio': {
    title: 'Ringside, virtio',
    peer: 'definition',
    flavour: '686-pae',
    cmdline: `load=virtio_pci,virtio_blk,virtio_net disk=vda ${GATEWAY}`,
    settings: disk => `type = "hvm"\nkvm = 1\ndisk = [ '${disk},raw,vda,w' ]\nvif = [ 'model=virtio' ]`,
  },
  v86: {
    title: 'v86, IDE and ne2k',
    peer: 'v86',
    cmdline: `${IDE},ne2k-pci disk=sda own=192.168.86.100 peer=192.168.86.1`,
  },
  'v86-virtio': {
    title: 'v86, IDE and virtio-net',
    peer: 'v86',
    nic: 'virtio',
    cmdline: `${IDE},virtio_pci,virtio_net disk=sda own=192.168.86.100 peer=192.168.86.1`,
  },
  qemu: {
    title: 'QEMU TCG, IDE and PCNet',
    peer: 'qemu',
    cmdline: `${IDE},pcnet32 disk=sda ${GATEWAY}`,
    more: ['-drive', `file=${disk},format=raw,if=ide,snapshot=on`, '-nic', 'user,model=pcnet'],
  },
  'qemu-virtio': {
    title: 'QEMU TCG, virtio',
    peer: 'qemu',
    cmdline: `load=virtio_pci,virtio_blk,virtio_net disk=vda ${GATEWAY}`,
    more: ['-drive', `file=${disk},format=raw,if=virtio,snapshot=on`, '-nic', 'user,model=virtio-net-pci'],
  },
};
/** What each does: a row's title, MiB and requests. */
const WHAT = {
  read: ['disk read, 256 KiB', mib, mib * 4],
  write: ['disk write, 256 KiB', mib, mib * 4],
  small: ['ping, 56 bytes', (packets * 2 * 56) / 2 ** 20, packets * 2],
  large: ['ping, 1400 bytes', (packets * 2 * 1400) / 2 ** 20, packets * 2],
};

/** Rows of one start for the table. */
async function measure(name) {
  const rounds = { read: [], write: [], small: [], large: [] };
  const ran = pid => [...threadTimes(pid).values()].reduce((sum, ms) => sum + ms, 0);
  let begin = 0,
    before = 0,
    interrupts = 0,
    row = '';
  const result = await runGuest(MACHINES[name].peer, job(name), 'IO-DONE', (line, ms, pid) => {
    const [, kind, what] = /^IO-(BEGIN|END|INTERRUPTS) (\w+)/.exec(line) ?? [];
    if (kind === 'BEGIN') {
      begin = ms;
      before = ran(pid);
    } else if (kind === 'END') {
      row = what;
      rounds[row].push({ wallMs: ms - begin, cpuMs: ran(pid) - before });
    } else if (kind) {
      // Before a round, and behind it.
      if (row) rounds[row].at(-1).interrupts = Number(what) - interrupts;
      row = '';
      interrupts = Number(what);
    }
    const [, sent, received] = /^(\d+) packets transmitted, (\d+)/.exec(line) ?? [];
    if (sent && sent !== received) console.log(`${name}: ${line}`);
  });
  if (!result.seconds) console.log(`${name} did not finish: ${result.why}`);
  return Object.entries(WHAT)
    .filter(([row]) => phases.split(',').includes(row))
    .map(([row, [title, amount, requests]]) => ({
      title: `${MACHINES[name].title}: ${title}`,
      amount,
      requests,
      rounds: rounds[row],
    }));
}

function job(name) {
  const { flavour = '686', console: device = 'ttyS0,115200', cmdline, more, settings, nic = true } = MACHINES[name];
  const whole = {
    ...debianGuest(flavour),
    initrd: initrdOf(flavour),
    memory: 128,
    disk,
    nic,
    jit: true,
    jitThreshold: 8,
    more,
    // QEMU on a busy computer fails the kernel's test of its timer.
    cmdline: `console=${device} cryptomgr.notests no_timer_check ${cmdline}`,
  };
  if (MACHINES[name].peer !== 'definition') return whole;
  const definition = join(folder, `${name}.cfg`);
  writeFileSync(
    definition,
    `name = "io"\nmemory = 128\nkernel = "${whole.kernel}"\nramdisk = "${whole.initrd}"\ncmdline = "${whole.cmdline}"\n${settings(disk)}\n`,
  );
  return { ...whole, definition };
}

const chosen = only ? only.split(',') : [];
const machines = Object.keys(MACHINES).filter(
  name =>
    (chosen.length === 0 || chosen.includes(name)) &&
    (MACHINES[name].peer !== 'qemu' || qemu()) &&
    debianGuest(MACHINES[name].flavour ?? '686'),
);
try {
  if (profile) await showProfile();
  else await compare();
} finally {
  rmSync(folder, { recursive: true });
}

async function compare() {
  const rows = [];
  const embedded = chosen.filter(name => !Object.hasOwn(MACHINES, name));
  if (minipv || chosen.length === 0 || embedded.length > 0)
    rows.push(...(await minipvRows(folder, { mib, packets, runs, bulk, only: embedded, profile: profiles })));
  const ours = rows.length;
  if (!minipv)
    for (const name of machines) {
      rows.push(...(await measure(name)));
      console.log(`${name} done`);
    }
  const version = JSON.parse(
    readFileSync(new URL('../node_modules/v86/package.json', import.meta.url), 'utf8'),
  ).version;
  console.log(`
minipv in the first ${ours} rows, Debian in the others; ${mib} MiB, ${bulk} MiB from guest to guest, ${packets} pings, median of ${runs} (node ${process.version},
${cpus().length} processors); v86 ${version} with its compiler; - is what cannot be counted there`);
  printTable(rows);
  judgeRows(rows);
  if (json) writeFileSync(json, JSON.stringify({ mib, packets, bulk, rows }, null, 1));
}

/** Self time of our run by function, from V8's sampling profiler: interpreter or device? */
async function showProfile() {
  const profiles = join(folder, 'profiles');
  mkdirSync(profiles);
  const name = chosen[0] ?? 'ringside';
  const result = await runGuest(
    MACHINES[name].peer,
    { ...job(name), wait: true, node: ['--cpu-prof', `--cpu-prof-dir=${profiles}`] },
    'IO-DONE',
  );
  need(result.seconds, `the run did not finish: ${result.why}`);
  const byFunction = new Map();
  let total = 0;
  for (const name of readdirSync(profiles)) {
    const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(join(profiles, name), 'utf8'));
    const places = new Map(
      nodes.map(({ id, callFrame }) => [
        id,
        `${callFrame.functionName || '(anonymous)'} ${basename(callFrame.url)}:${callFrame.lineNumber + 1}`,
      ]),
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
