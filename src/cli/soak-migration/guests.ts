/** Guests that move while they write, sum up what they wrote, and look at their clock; what they say of it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../repository.ts';

export interface SoakGuest {
  name: string;
  /** Of `npm run guests`, in .cache/guests. */
  folder: string;
  type: 'hvm' | 'pvh';
  console: string;
  memoryMiB: number;
}

/** By how they know Xen: not at all, with its drivers in a whole PC, and without a PC. */
export const GUESTS: readonly SoakGuest[] = [
  { name: 'hvm', folder: 'debian-686', type: 'hvm', console: 'ttyS0,115200', memoryMiB: 96 },
  { name: 'pvhvm', folder: 'debian-686-pae', type: 'hvm', console: 'ttyS0,115200', memoryMiB: 96 },
  { name: 'pvh', folder: 'debian-686-pae', type: 'pvh', console: 'hvc0', memoryMiB: 96 },
  { name: 'amd64', folder: 'debian-amd64', type: 'hvm', console: 'ttyS0,115200', memoryMiB: 128 },
];

const fileOf = ({ folder }: SoakGuest, name: string): string => join(repository(), '.cache', 'guests', folder, name);
export const isHere = (guest: SoakGuest): boolean => existsSync(fileOf(guest, 'vmlinuz'));

/** The definition, and the files that it names. */
export function filesOf(guest: SoakGuest): { name: string; data: Blob }[] {
  const { name, type, console, memoryMiB } = guest;
  const cmdline = `console=${console} cryptomgr.notests`;
  const definition = `name = "${name}"\ntype = "${type}"\nmemory = ${memoryMiB}\nkernel = "vmlinuz"\nramdisk = "initrd"\ncmdline = "${cmdline}"\n`;
  return [
    { name: `${name}.cfg`, data: new Blob([definition]) },
    ...['vmlinuz', 'initrd'].map(each => ({ name: each, data: new Blob([readFileSync(fileOf(guest, each))]) })),
  ];
}

/** What busybox' shell does again and again: turn-N, with N one more each time, where nothing is wrong. Words are split so that their echo is not taken for them. */
export const TURNS = `${[
  'dmesg -n 1; n=0; l=0; while :',
  'do dd if=/dev/urandom of=/a bs=4096 count=50 2>/dev/null; cp /a /b; x=$(md5sum </a); y=$(md5sum </b)',
  'read u r </proc/uptime; u=$(echo $u | tr -d .)',
  '[ "$x" = "$y" ] || echo "LO""ST $n"; [ $u -ge $l ] || echo "BA""CK $l $u"',
  'l=$u; n=$((n+1)); echo "turn""-$n"',
  'done',
].join('; ')}\n`;

/** What is wrong with a guest, by what it has shown; undefined: nothing. */
export function problemIn(shown: string): string | undefined {
  const lost = /LOST \d+|BACK \d+ \d+|Call Trace|Kernel panic|md5sum: .*|clocksource: .*unstable.*/.exec(shown);
  if (lost) return lost[0];
  let before = 0;
  for (const [, turn] of shown.matchAll(/turn-(\d+)/g)) {
    if (Number(turn) !== before + 1 && before > 0) return `turn ${turn} follows turn ${before}`;
    before = Number(turn);
  }
  return undefined;
}

export const lastTurn = (shown: string): number => Number([...shown.matchAll(/turn-(\d+)\r?\n/g)].at(-1)?.[1] ?? 0);
