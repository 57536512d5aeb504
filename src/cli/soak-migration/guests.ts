/** Guests that move while they write, sum up what they wrote, and look at their clock; what they say of it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from '../repository.ts';

export interface SoakGuest {
  name: string;
  /** Of `npm run guests`, in .cache/guests; absent: minipv, which is here. */
  folder?: string;
  type: 'hvm' | 'pvh' | 'pv';
  console: string;
  memoryMiB: number;
  /** Of its card, where it has a network: what xl calls it, and the module that drives it. */
  card: { vif: string; module?: string };
}

/** By how they know Xen: not at all, with its drivers in a whole PC, without a PC; and by nothing but its drivers and its page tables. */
export const GUESTS: readonly SoakGuest[] = [
  {
    name: 'hvm',
    folder: 'debian-686',
    type: 'hvm',
    console: 'ttyS0,115200',
    memoryMiB: 96,
    card: { vif: 'model=pcnet', module: 'pcnet32' },
  },
  {
    name: 'pvhvm',
    folder: 'debian-686-pae',
    type: 'hvm',
    console: 'ttyS0,115200',
    memoryMiB: 96,
    card: { vif: 'type=vif', module: 'xen-netfront' },
  },
  {
    name: 'pvh',
    folder: 'debian-686-pae',
    type: 'pvh',
    console: 'hvc0',
    memoryMiB: 96,
    card: { vif: 'type=vif', module: 'xen-netfront' },
  },
  {
    name: 'amd64',
    folder: 'debian-amd64',
    type: 'hvm',
    console: 'ttyS0,115200',
    memoryMiB: 160,
    card: { vif: 'type=vif', module: 'xen-netfront' },
  },
  { name: 'pv', type: 'pv', console: '', memoryMiB: 16, card: { vif: 'type=vif' } },
];

const fileOf = (folder: string, name: string): string => join(repository(), '.cache', 'guests', folder, name);
export const isHere = ({ folder }: SoakGuest): boolean => folder === undefined || existsSync(fileOf(folder, 'vmlinuz'));

/** The definition, and the files that it names. `hasNetwork`: it has a card, and an address by DHCP. */
export function filesOf(guest: SoakGuest, hasNetwork = false): { name: string; data: Blob }[] {
  const { name, folder, type, console, memoryMiB, card } = guest;
  const file = (given: string, path: string) => ({ name: given, data: new Blob([readFileSync(path)]) });
  const initrd = hasNetwork ? 'initrd-modules' : 'initrd';
  const [boot, files] =
    folder === undefined
      ? ['kernel = "minipv.elf"\n', [file('minipv.elf', join(repository(), 'guests', 'minipv', 'minipv.elf'))]]
      : [
          `kernel = "vmlinuz"\nramdisk = "initrd"\ncmdline = "console=${console} cryptomgr.notests${hasNetwork ? ` mods=${card.module} dhcp=1` : ''}"\n`,
          [file('vmlinuz', fileOf(folder, 'vmlinuz')), file('initrd', fileOf(folder, initrd))],
        ];
  const vif = hasNetwork ? `vif = [ "${card.vif}" ]\n` : '';
  const definition = `name = "${name}"\ntype = "${type}"\nmemory = ${memoryMiB}\n${boot}${vif}`;
  return [{ name: `${name}.cfg`, data: new Blob([definition]) }, ...files];
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

/** Ports that a guest connects to, and is connected to at. minipv knows one: what comes to it is discarded (RFC 863), and summed up. */
export const PORTS = { out: 7001, in: 7002 },
  MINIPV_PORTS = { out: 9, in: 9 };

/** The numbers that come out of a guest, each with one that follows from it. */
export const lineOf = (n: number): string => `${n} ${(n * 7919) % 100003}`;

/** Beside that, as long as it runs: it sends lines to 10.0.2.2, and sends back whatever comes to it. */
export const TALK = `${[
  'mkfifo /f; cat /f | nc -l -p 7002 >/f &',
  '(i=0; while :; do i=$((i+1)); echo "$i $((i*7919%100003))"; usleep 20000; done) | nc 10.0.2.2 7001 >/dev/null &',
].join(' ')}\n`;

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
