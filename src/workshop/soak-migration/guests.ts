/** Guests that move while they write, sum up what they wrote, and look at their clock; what they say of it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../../cli/repository.ts';

export interface SoakGuest {
  name: string;
  /** Of `npm run guests`, in .cache/guests; absent: minipv, which is here. */
  folder?: string;
  type: 'hvm' | 'pvh' | 'pv';
  console: string;
  memoryMiB: number;
  /** Of its card, where it has a network: what xl calls it, and the module that drives it. */
  card: { vif: string; module?: string };
  /** Of its disk, where it has one: what xl and the guest call it, and the modules that drive it. */
  disk: { vdev: string; device: string; modules?: string };
}

/** Linux 6.1's netfront keeps its 256 receive buffers at each resume: it destroys their page pool, but does not tell XDP, which has it, too. */
const KEPT_MIB = 100;

/** By how they know Xen: not at all, with its drivers in a whole PC, without a PC; and by nothing but its drivers and its page tables. */
export const GUESTS: readonly SoakGuest[] = [
  {
    name: 'hvm',
    folder: 'debian-686',
    type: 'hvm',
    console: 'ttyS0,115200',
    memoryMiB: 96,
    card: { vif: 'model=pcnet', module: 'pcnet32' },
    disk: { vdev: 'hda', device: '/dev/sda', modules: 'ata_piix,sd_mod' },
  },
  {
    name: 'pvhvm',
    folder: 'debian-686-pae',
    type: 'hvm',
    console: 'ttyS0,115200',
    memoryMiB: 96 + KEPT_MIB,
    card: { vif: 'type=vif', module: 'xen-netfront' },
    disk: { vdev: 'xvda', device: '/dev/xvda', modules: 'xen-blkfront' },
  },
  {
    name: 'pvh',
    folder: 'debian-686-pae',
    type: 'pvh',
    console: 'hvc0',
    memoryMiB: 96 + KEPT_MIB,
    card: { vif: 'type=vif', module: 'xen-netfront' },
    disk: { vdev: 'xvda', device: '/dev/xvda', modules: 'xen-blkfront' },
  },
  {
    name: 'amd64',
    folder: 'debian-amd64',
    type: 'hvm',
    console: 'ttyS0,115200',
    memoryMiB: 160 + KEPT_MIB,
    card: { vif: 'type=vif', module: 'xen-netfront' },
    disk: { vdev: 'xvda', device: '/dev/xvda', modules: 'xen-blkfront' },
  },
  {
    name: 'pv',
    type: 'pv',
    console: '',
    memoryMiB: 16,
    card: { vif: 'type=vif' },
    disk: { vdev: 'xvda', device: 'xvda' },
  },
];

const fileOf = (folder: string, name: string): string => join(repository(), '.cache', 'guests', folder, name);
export const isHere = ({ folder }: SoakGuest): boolean => folder === undefined || existsSync(fileOf(folder, 'vmlinuz'));

/** What lies in each host's files under the guest's disk, and is the same in all. */
export const DISK = { name: 'disk.img', bytes: 4 << 20 };
export const diskImage = (): Uint8Array => Uint8Array.from({ length: DISK.bytes }, (_, at) => (at * 2654435761) >>> 24);

/** What it has next to memory and a console. */
export interface Has {
  /** A card, and an address by DHCP. */
  network?: boolean;
  disk?: boolean;
}

/** The definition, and the files that it names. */
export function filesOf(guest: SoakGuest, has: Has = {}): { name: string; data: Blob }[] {
  const { name, folder, type, console, memoryMiB, card, disk } = guest;
  const file = (given: string, path: string) => ({ name: given, data: new Blob([readFileSync(path)]) });
  const modules = [...(has.network ? [card.module] : []), ...(has.disk ? [disk.modules] : [])];
  const words = [
    `console=${console} cryptomgr.notests`,
    ...(modules.length > 0 ? [`mods=${modules.join(',')}`] : []),
    ...(has.network ? ['dhcp=1'] : []),
  ];
  const [boot, files] =
    folder === undefined
      ? ['kernel = "minipv.elf"\n', [file('minipv.elf', join(repository(), 'guests', 'minipv', 'minipv.elf'))]]
      : [
          `kernel = "vmlinuz"\nramdisk = "initrd"\ncmdline = "${words.join(' ')}"\n`,
          [
            file('vmlinuz', fileOf(folder, 'vmlinuz')),
            file('initrd', fileOf(folder, modules.length > 0 ? 'initrd-modules' : 'initrd')),
          ],
        ];
  if (has.disk) files.push({ name: DISK.name, data: new Blob([diskImage() as BlobPart]) });
  const devices = [
    ...(has.network ? [`vif = [ "${card.vif}" ]\n`] : []),
    ...(has.disk ? [`disk = [ "${DISK.name},raw,${disk.vdev},w" ]\n`] : []),
  ];
  const definition = `name = "${name}"\ntype = "${type}"\nmemory = ${memoryMiB}\n${boot}${devices.join('')}`;
  return [{ name: `${name}.cfg`, data: new Blob([definition]) }, ...files];
}

/** It writes this many blocks of 4 KiB a turn, in this many places of its disk one after the other. */
const BLOCKS = 50,
  PLACES = 20;

/** What the disk has where it was written this time and the last, read from it and from no cache. */
const ON_DISK = (device: string): string[] => [
  `p=$((n%${PLACES}*${BLOCKS})); dd if=/a of=${device} bs=4096 seek=$p conv=notrunc,fsync 2>/dev/null; echo 3 >/proc/sys/vm/drop_caches`,
  `d() { dd if=${device} bs=4096 skip=$1 count=${BLOCKS} 2>/dev/null | md5sum; }`,
  '[ "$x" = "$(d $p)" ] || echo "LO""ST $n"; [ "$w" = "" ] || [ "$w" = "$(d $o)" ] || echo "LO""ST $((n-1))"; w=$x; o=$p',
];

/**
 * What busybox' shell does again and again: turn-N, with N one more each time, where nothing is wrong. `device`: its disk, if it has one. Words are split so that
 * their echo is not taken for them.
 */
export const turns = (device?: string): string =>
  `${[
    'dmesg -n 1; n=0; l=0; w=; while :',
    `do dd if=/dev/urandom of=/a bs=4096 count=${BLOCKS} 2>/dev/null; cp /a /b; x=$(md5sum </a); y=$(md5sum </b)`,
    ...(device ? ON_DISK(device) : []),
    'read u r </proc/uptime; u=$(echo $u | tr -d .)',
    '[ "$x" = "$y" ] || echo "LO""ST $n"; [ $u -ge $l ] || echo "BA""CK $l $u"',
    'l=$u; n=$((n+1)); echo "turn""-$n"',
    'done',
  ].join('; ')}\n`;

/** Ports that a guest connects to, and is connected to at. minipv knows one: what comes to it is discarded (RFC 863), and summed up. */
export const PORTS = { out: 7001, in: 7002 },
  MINIPV_PORTS = { out: 9, in: 9 };

/** The numbers that come out of a guest, each with one that follows from it. */
export const lineOf = (n: number): string => `${n} ${(n * 7919) % 100003}`;

/** Next to that, as long as it runs: it sends lines to 10.0.2.2, and sends back whatever comes to it. */
export const TALK = `${[
  'mkfifo /f; cat /f | nc -l -p 7002 >/f &',
  '(i=0; while :; do i=$((i+1)); echo "$i $((i*7919%100003))"; usleep 20000; done) | nc 10.0.2.2 7001 >/dev/null &',
].join(' ')}\n`;

/** What is wrong with a guest, by what it has shown; undefined: nothing. */
export function problemIn(shown: string): string | undefined {
  const lost = /LOST \d+|BACK \d+ \d+|Call Trace|Kernel panic|md5sum: .*|I\/O error.*|clocksource: .*unstable.*/.exec(
    shown,
  );
  if (lost) return lost[0];
  let before = 0;
  // A line may be on its way.
  for (const [, turn] of shown.matchAll(/turn-(\d+)\r?\n/g)) {
    if (Number(turn) !== before + 1 && before > 0) return `turn ${turn} follows turn ${before}`;
    before = Number(turn);
  }
  return undefined;
}

export const lastTurn = (shown: string): number => Number([...shown.matchAll(/turn-(\d+)\r?\n/g)].at(-1)?.[1] ?? 0);
