/**
 * npm run -s bench:io [-- --runs N --mib N --bulk N --packets N --json FILE --only NAMES --phases NAMES --profile --profiles DIR --minipv]
 *
 * Disk and network in Linux: `dd` from and to a disk, and `ping` of the gateway as fast as answers come, alternately on Ringside (IDE by DMA and PCNet; blkfront
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
import { createServer as createWebServer } from 'node:http';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildProgram } from '../scripts/build.mjs';
import { cpioFile } from './cpio.mjs';
import { debianGuest, needDebian } from './guests.mjs';
import { judgePair, judgeRows, minipvRows } from './io-minipv.mjs';
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
  phases: 'read,write,read64,write64,receive,send,small,large',
});
if (!minipv) needDebian('686');
need(minipv || firmware(), 'v86 needs the images of the seabios package: run `npm run guests` first.');
await buildProgram('ringside');

/** What the guest does: its own init, in an archive behind the initramfs that replaces the one there. */
const INIT = `#!/bin/sh
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev 2>/dev/null
echo 3 > /proc/sys/kernel/printk
for w in $(cat /proc/cmdline); do case $w in load=*) load=\${w#load=};; disk=*) disk=\${w#disk=};; own=*) own=\${w#own=};; peer=*) peer=\${w#peer=};; web=*) web=\${w#web=};; host=*) host=\${w#host=};; sink=*) sink=\${w#sink=};; esac; done
while read group ko; do case ,$load, in *,$group,*) insmod /lib/modules/$ko 2>/dev/null;; esac; done < /lib/modules/list
i=0; while [ ! -b /dev/$disk ] && [ $i -lt 50 ]; do usleep 100000; i=$((i+1)); done
ip link set eth0 up; ip addr add $own/24 dev eth0
ping -c 1 -W 5 $peer > /dev/null; ping -c 1 -W 5 $peer | grep received
irqs() { awk '/virtio|ata|eth0|pcnet|ne2k|blkif/ { n += $2 } END { print "IO-INTERRUPTS", n + 0 }' /proc/interrupts; }
begin() { irqs; echo IO-BEGIN $1; }
end() { echo IO-END $1; irqs; }
stty -echo 2>/dev/null
# nc itself writes 1 KiB at a time, and Nagle's algorithm then waits for each to be acknowledged.
echo 'dd if=/dev/zero bs=64k count=${bulk * 16} 2>/dev/null; read done' > /send
irqs; echo IO-READY
while read phase; do
  echo 3 > /proc/sys/vm/drop_caches
  case $phase in
  read) begin read; dd if=/dev/$disk of=/dev/null bs=256k count=${mib * 4} 2>/dev/null; end read;;
  write) begin write; dd if=/dev/zero of=/dev/$disk bs=256k count=${mib * 4} conv=fsync 2>/dev/null; end write;;
  read64) begin read64; dd if=/dev/$disk of=/dev/null bs=64k count=${mib * 16} iflag=direct 2>/dev/null; end read64;;
  write64) begin write64; dd if=/dev/zero of=/dev/$disk bs=64k count=${mib * 16} oflag=direct 2>/dev/null; end write64;;
  receive) begin receive; wget -q -O - --header "Host: $host" http://$web/ | wc -c | grep -qx ${bulk << 20} || echo IO-SHORT; end receive;;
  send) begin send; nc \${sink%:*} \${sink#*:} -e sh /send; end send;;
  small) begin small; ping -A -q -c ${packets} -s 56 $peer | grep received; end small;;
  large) begin large; ping -A -q -c ${packets} -s 1400 $peer | grep received; end large;;
  look*) echo IO-LOOK $phase; continue;;
  off) break;;
  esac
  echo IO-READY
done
echo IO-DONE
poweroff -f
`;

/** What has a floor: bulk of 64 KiB and more. */
const BULK = ['read', 'write', 'read64', 'write64', 'receive', 'send'];

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

/** A machine waits while the others work. */
const LIMIT_S = 3000;
const GATEWAY = 'own=10.0.2.15 peer=10.0.2.2';
const IDE = 'load=ata_piix,sd_mod';
/** Programs with their devices: what the guest loads, its parameters, and for QEMU what it is started with. */
const MACHINES = {
  ringside: { title: 'Ringside, IDE DMA and PCNet', peer: 'ringside', cmdline: `${IDE},pcnet32 disk=sda ${GATEWAY}` },
  'ringside-rings': {
    title: 'Ringside, blkfront and netfront',
    peer: 'definition',
    flavour: '686-pae',
    console: 'hvc0',
    cmdline: `load=xen-blkfront,xen-netfront disk=xvda ${GATEWAY}`,
    // event_channel_op (xen/include/public/xen.h): nearly all of them are EVTCHNOP_send.
    kicks: ({ hypercalls }) => hypercalls[32] ?? 0,
    settings: disk => `type = "pvh"\ndisk = [ '${disk},raw,xvda,w' ]\nvif = [ '' ]`,
  },
  'ringside-virtio': {
    title: 'Ringside, virtio',
    peer: 'definition',
    flavour: '686-pae',
    cmdline: `load=virtio_pci,virtio_blk,virtio_net disk=vda ${GATEWAY}`,
    kicks: ({ virtqueues }) => virtqueues.reduce((sum, { kicks }) => sum + kicks, 0),
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
  read64: ['disk read, 64 KiB, direct', mib, mib * 16],
  write64: ['disk write, 64 KiB, direct', mib, mib * 16],
  receive: ['TCP to the guest', bulk, (bulk * 2 ** 20) / 1460],
  send: ['TCP from the guest', bulk, (bulk * 2 ** 20) / 1460],
  small: ['ping, 56 bytes', (packets * 2 * 56) / 2 ** 20, packets * 2],
  large: ['ping, 1400 bytes', (packets * 2 * 1400) / 2 ** 20, packets * 2],
};

/** One of the machines, at its prompt between two phases: it does one when it is asked to. */
class Machine {
  constructor(name) {
    this.name = name;
    this.rounds = Object.fromEntries(phasesOf(name).map(phase => [phase, []]));
    this.interrupts = 0;
    this.whole = job(name);
    this.heard = new Promise(resolve => (this.hear = resolve));
    this.over = runGuest(
      MACHINES[name].peer,
      this.whole,
      'IO-DONE',
      (line, ms, pid) => this.line(line, ms, pid),
      child => {
        this.child = child;
      },
    );
    void this.over.then(({ seconds, why }) => {
      if (!seconds) {
        console.log(`${name} did not finish: ${why}`);
        this.isGone = true;
      }
      this.hear();
    });
  }

  line(line, ms, pid) {
    const [, kind, what] = /IO-(READY|BEGIN|END|INTERRUPTS)(?: (\w+))?\s*$/.exec(line) ?? [];
    if (kind === 'BEGIN') this.begun = { ms, cpuMs: ran(pid) };
    else if (kind === 'END') this.round = { wallMs: ms - this.begun.ms, cpuMs: ran(pid) - this.begun.cpuMs };
    else if (kind === 'INTERRUPTS') {
      if (this.round) this.round.interrupts = Number(what) - this.interrupts;
      this.interrupts = Number(what);
    }
    const [, sent, received] = /(\d+) packets transmitted, (\d+)/.exec(line) ?? [];
    if (sent && sent !== received) console.log(`${this.name}: ${line}`);
    if (kind === 'READY') this.hear();
  }

  /** What it took for a phase; undefined where the machine has gone. `counted`: with the kicks of its driver. */
  async do(phase, counted = false) {
    this.round = undefined;
    const before = counted ? await this.kicks() : undefined;
    this.heard = new Promise(resolve => (this.hear = resolve));
    if (!this.isGone) this.child.stdin.write(`${phase}\n`);
    await this.heard;
    if (counted && this.round) this.round.kicks = (await this.kicks()) - before;
    return this.round;
  }

  /** Kicks of virtqueues, or notifications of Xen's event channels, so far; NaN: they cannot be counted there. */
  async kicks() {
    const { peer, kicks } = MACHINES[this.name];
    if (peer === 'qemu' && this.whole.trace) return readFileSync(this.whole.trace, 'latin1').split('\n').length - 1;
    if (peer !== 'definition') return Number.NaN;
    this.looks = (this.looks ?? 0) + 1;
    this.child.stdin.write(`look${this.looks}\n`);
    const path = join(folder, `${this.name}-${this.looks}.json`);
    for (let i = 0; i < 600; i++) {
      await sleep(100);
      try {
        return kicks(JSON.parse(readFileSync(path, 'utf8')));
      } catch {
        // Not written yet, or not all of it.
      }
    }
    return Number.NaN;
  }

  async end() {
    if (!this.isGone) this.child.stdin.write('off\n');
    await this.over;
  }
}

const ran = pid => [...threadTimes(pid).values()].reduce((sum, ms) => sum + ms, 0);
const phasesOf = name => phases.split(',').filter(phase => phase !== 'send' || MACHINES[name].peer !== 'v86');

/** Rows of all machines for the table: each phase of a round on one after the other, in the other order every other round, after one that only counts. */
async function debianRows() {
  const there = [];
  for (const name of machines) {
    const machine = new Machine(name);
    await machine.heard;
    there.push(machine);
    console.log(`${name} ${machine.isGone ? 'is not there' : 'is ready'}`);
  }
  const kicks = new Map();
  for (let round = -1; round < runs; round++) {
    for (const phase of phases.split(','))
      for (const machine of round % 2 === 0 ? there : there.toReversed()) {
        if (machine.isGone || !phasesOf(machine.name).includes(phase)) continue;
        const took = await machine.do(phase, round < 0);
        if (round < 0) kicks.set(`${machine.name} ${phase}`, took?.kicks);
        else if (took) machine.rounds[phase].push(took);
      }
    console.log(`round ${round + 1} of ${runs}`);
  }
  for (const machine of there) await machine.end();
  return there.flatMap(({ name, rounds }) =>
    Object.entries(rounds).map(([phase, taken]) => {
      const [title, amount, requests] = WHAT[phase];
      return {
        machine: name,
        phase,
        title: `${MACHINES[name].title}: ${title}`,
        amount,
        requests,
        rounds: taken,
        notifications: kicks.get(`${name} ${phase}`) / amount,
      };
    }),
  );
}

/** What guests have on this machine's loopback: a file by HTTP, and a port that takes as much, and says so. */
async function serve() {
  const file = Buffer.alloc(bulk << 20, 'Ringside measures what a card gives. ');
  const web = createWebServer((_, answer) => answer.end(file));
  const sink = createServer({ allowHalfOpen: true }, socket => {
    let left = bulk << 20;
    socket.on('error', () => {});
    socket.on('data', ({ length }) => (left -= length) <= 0 && socket.end('done\n'));
  });
  for (const server of [web, sink]) await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  return [web, sink];
}

/** Where a guest finds them; v86's network passes on HTTP alone, to hosts by names of its own (its docs/networking.md). */
function serversOf(name) {
  const [web, sink] = servers.map(server => server.address().port);
  const there = MACHINES[name].peer === 'v86' ? '192.168.86.1' : `10.0.2.2:${web}`;
  return `web=${there} host=${web}.external sink=10.0.2.2:${sink}`;
}

function job(name) {
  const { flavour = '686', console: device = 'ttyS0,115200', cmdline, more, settings, nic = true } = MACHINES[name];
  const whole = {
    ...debianGuest(flavour),
    words: ['--net', 'nat'],
    initrd: initrdOf(flavour),
    memory: 128,
    limitS: LIMIT_S,
    disk,
    nic,
    jit: true,
    jitThreshold: 8,
    more,
    // QEMU on a busy computer fails the kernel's test of its timer.
    cmdline: `console=${device} cryptomgr.notests no_timer_check ${cmdline} ${serversOf(name)}`,
  };
  if (name === 'qemu-virtio') {
    const trace = join(folder, `${name}.trace`);
    return { ...whole, trace, more: [...more, '-trace', 'virtio_queue_notify', '-D', trace] };
  }
  if (MACHINES[name].peer !== 'definition') return whole;
  // Before and behind each phase of the round that counts.
  const script = join(folder, `${name}.script`);
  const looks = Array.from({ length: 2 * phasesOf(name).length }, (_, i) => i + 1);
  writeFileSync(
    script,
    `${looks.map(i => `expect IO-LOOK look${i}\nstats ${join(folder, `${name}-${i}.json`)}\n`).join('')}expect IO-DONE\n`,
  );
  const definition = join(folder, `${name}.cfg`);
  writeFileSync(
    definition,
    `name = "io"\nmemory = 128\nkernel = "${whole.kernel}"\nramdisk = "${whole.initrd}"\ncmdline = "${whole.cmdline}"\n${settings(disk)}\n`,
  );
  return { ...whole, definition, words: ['--net', 'nat', '--script', script] };
}

const chosen = only ? only.split(',') : [];
const machines = Object.keys(MACHINES).filter(
  name =>
    (chosen.length === 0 || chosen.includes(name)) &&
    (MACHINES[name].peer !== 'qemu' || qemu()) &&
    debianGuest(MACHINES[name].flavour ?? '686'),
);
const servers = await serve();
try {
  if (profile) await showProfile();
  else await compare();
} finally {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
}

async function compare() {
  const rows = [];
  const embedded = chosen.filter(name => !Object.hasOwn(MACHINES, name));
  if (minipv || chosen.length === 0 || embedded.length > 0)
    rows.push(...(await minipvRows(folder, { mib, packets, runs, bulk, only: embedded, profile: profiles })));
  const ours = rows.length;
  if (!minipv) rows.push(...(await debianRows()));
  const version = JSON.parse(
    readFileSync(new URL('../node_modules/v86/package.json', import.meta.url), 'utf8'),
  ).version;
  console.log(`
minipv in the first ${ours} rows, Debian in the others; ${mib} MiB, ${bulk} MiB from guest to guest, ${packets} pings, median of ${runs} (node ${process.version},
${cpus().length} processors); v86 ${version} with its compiler; - is what cannot be counted there`);
  printTable(rows);
  judgeRows(rows);
  judgeDebian(rows);
  if (json) writeFileSync(json, JSON.stringify({ mib, packets, bulk, rows }, null, 1));
}

/** Our virtio compared with our rings, QEMU's virtio and v86's, phase by phase. */
function judgeDebian(rows) {
  const of = (name, phase) => rows.find(row => row.machine === name && row.phase === phase);
  for (const other of ['ringside-rings', 'qemu-virtio', 'v86-virtio'])
    for (const phase of phases.split(',')) {
      const [ours, theirs] = [of('ringside-virtio', phase), of(other, phase)];
      if (!ours || !theirs) continue;
      const floor = other === 'ringside-rings' && BULK.includes(phase);
      judgePair(ours.title, ours, MACHINES[other].title, theirs, floor);
    }
}

/** Self time of our run by function, from V8's sampling profiler: interpreter or device? */
async function showProfile() {
  const profiles = join(folder, 'profiles');
  mkdirSync(profiles);
  const name = chosen[0] ?? 'ringside';
  let child;
  const words = [...phasesOf(name), 'off'];
  const result = await runGuest(
    MACHINES[name].peer,
    { ...job(name), wait: true, node: ['--cpu-prof', `--cpu-prof-dir=${profiles}`] },
    'IO-DONE',
    line => line.includes('IO-READY') && child.stdin.write(`${words.shift()}\n`),
    each => (child = each),
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
