/** The commands for volumes as LVM2 has them, sfdisk -l and disk-path. Sources: lvcreate(8), lvs(8), lvremove(8), lvextend(8), vgs(8), sfdisk(8). */
import type { Place } from '../../devices/ide/index.ts';
import { PE_BYTES } from './lvm.ts';
import { SECTOR_BYTES } from './medium.ts';
import { TYPE } from './partitions.ts';
import { GROUP, type Storage, StorageError } from './storage.ts';

export interface Answer {
  status: number;
  out: string;
  err: string;
}

/** Of LVM2's commands: 3 wrong use, 5 not done. */
const GOOD = 0,
  WRONG_USE = 3,
  NOT_DONE = 5;

class WrongUse extends Error {}

type Command = { usage: string; about: string; run(storage: Storage, args: string[]): string };

const UNITS: Record<string, number> = { b: 1, s: 512, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** A size as LVM2 takes it: MiB where there is no unit. @throws WrongUse */
function sizeOf(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([bskmgt]?)(?:i?b)?$/i.exec(text);
  if (!match || Number(match[1]) === 0) throw new WrongUse(`Invalid argument for --size: ${text.slice(0, 40)}`);
  return Math.ceil(Number(match[1]) * UNITS[match[2].toLowerCase() || 'm']);
}

const human = (bytes: number): string => {
  const unit = (['t', 'g', 'm', 'k'] as const).find(each => bytes >= UNITS[each]) ?? 'b';
  return `${(bytes / UNITS[unit]).toFixed(2)} ${unit === 'b' ? 'B' : `${unit.toUpperCase()}iB`}`;
};
const short = (bytes: number): string => human(bytes).replace(/ (.).*/, (_, unit: string) => unit.toLowerCase());

/** Words of a command line: options with a value, in either spelling, and the rest. @throws WrongUse */
function words(args: readonly string[], known: Record<string, string>, flags: readonly string[] = []): { options: Map<string, string>; rest: string[] } {
  const options = new Map<string, string>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const equals = args[i].startsWith('--') ? args[i].indexOf('=') : -1;
    const name = equals > 0 ? args[i].slice(0, equals) : args[i];
    if (!name.startsWith('-')) rest.push(name);
    else if (flags.includes(name)) continue;
    else if (!Object.hasOwn(known, name)) throw new WrongUse(`unrecognized option '${name}'`);
    else {
      const value = equals > 0 ? args[i].slice(equals + 1) : args[++i];
      if (value === undefined) throw new WrongUse(`option '${name}' requires an argument`);
      options.set(known[name], value);
    }
  }
  return { options, rest };
}

/** NAME of vg0/NAME or /dev/vg0/NAME. @throws StorageError, WrongUse */
function volumeName(path: string | undefined): string {
  if (path === undefined) throw new WrongUse('Please give one or more logical volume paths.');
  const match = /^(?:\/dev\/)?([^/]+)\/([^/]+)$/.exec(path);
  if (!match) throw new WrongUse(`"${path}": Invalid path for Logical Volume.`);
  if (match[1] !== GROUP) throw new StorageError(`Volume group "${match[1]}" not found`);
  return match[2];
}

const SIZE = { '-L': 'size', '--size': 'size', '-l': 'extents', '--extents': 'extents', '-n': 'name', '--name': 'name' };

function bytesOf(storage: Storage, options: Map<string, string>): number {
  const extents = options.get('extents');
  if (extents === '100%FREE') return storage.freeExtents * PE_BYTES;
  if (extents !== undefined) {
    if (!/^\d+$/.test(extents)) throw new WrongUse(`Invalid argument for --extents: ${extents.slice(0, 40)}`);
    return Number(extents) * PE_BYTES;
  }
  const size = options.get('size');
  if (size === undefined) throw new WrongUse('Please specify either size or extents.');
  return sizeOf(size);
}

const rounded = (bytes: number): string =>
  bytes % PE_BYTES === 0 ? '' : `  Rounding up size to full physical extent ${human(Math.ceil(bytes / PE_BYTES) * PE_BYTES)}\n`;

/** Columns as LVM2's reports have them: two spaces in front, one between. */
function table(heads: string[], rows: string[][], right: readonly number[]): string {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map(row => row[i].length)));
  return [heads, ...rows].map(row => `  ${row.map((cell, i) => (right.includes(i) && row !== heads ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' ')}\n`).join('');
}

const PARTITION_TYPES: Record<number, string> = { [TYPE.SWAP]: 'Linux swap / Solaris', [TYPE.LINUX]: 'Linux', [TYPE.LVM]: 'Linux LVM' };

/** A way to the host's file, a line a step. */
export function formatPlace(way: readonly Place[]): string {
  return way
    .map(({ layer, at, unit }) => {
      if (at === undefined) return `${layer}: not written yet, reads as zeros\n`;
      const where = layer.startsWith('file ') ? `byte ${at}` : `sector ${Math.floor(at / SECTOR_BYTES)}`;
      return `${layer}: ${where}${unit ? ` (${unit.name} ${unit.number})` : ''}\n`;
    })
    .join('');
}

export const COMMANDS: Record<string, Command> = {
  lvcreate: {
    usage: 'lvcreate -L SIZE[bskmgt] -n NAME vg0',
    about: 'make a volume, /dev/vg0/NAME',
    run: (storage, args) => {
      const { options, rest } = words(args, SIZE, ['-y', '--yes']);
      const name = options.get('name');
      if (rest.length !== 1 || name === undefined) throw new WrongUse('Please provide a volume group name and a name for the volume');
      if (rest[0] !== GROUP) throw new StorageError(`Volume group "${rest[0]}" not found`);
      const bytes = bytesOf(storage, options);
      storage.createVolume(name, bytes);
      return `${rounded(bytes)}  Logical volume "${name}" created.\n`;
    },
  },
  lvs: {
    usage: 'lvs',
    about: 'list the volumes',
    run: ({ volumes }) =>
      volumes.length === 0
        ? ''
        : table(
            ['LV', 'VG', 'Attr', 'LSize', 'Pool', 'Origin', 'Data% ', 'Meta% ', 'Move', 'Log', 'Cpy%Sync', 'Convert'],
            volumes.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, bytes, open }) => [name, GROUP, `-wi-a${open ? 'o' : '-'}----`, short(bytes), '', '', '', '', '', '', '', '']),
            [3],
          ),
  },
  vgs: {
    usage: 'vgs',
    about: 'show the volume group',
    run: storage =>
      table(
        ['VG', '#PV', '#LV', '#SN', 'Attr', 'VSize', 'VFree'],
        [[GROUP, '1', String(storage.volumes.length), '0', 'wz--n-', short(storage.extents * PE_BYTES), short(storage.freeExtents * PE_BYTES)]],
        [1, 2, 3, 5, 6],
      ),
  },
  lvextend: {
    usage: 'lvextend -L [+]SIZE[bskmgt] vg0/NAME',
    about: 'make a volume larger',
    run: (storage, args) => {
      const { options, rest } = words(args, SIZE);
      const name = volumeName(rest[0]);
      const old = storage.volumes.find(each => each.name === name)?.bytes ?? 0;
      const size = options.get('size');
      const bytes = size?.startsWith('+') ? old + sizeOf(size.slice(1)) : bytesOf(storage, options);
      const { before, after } = storage.extendVolume(name, bytes);
      const what = (extents: number): string => `${human(extents * PE_BYTES)} (${extents} extents)`;
      return `${rounded(bytes)}  Size of logical volume ${GROUP}/${name} changed from ${what(before)} to ${what(after)}.\n  Logical volume ${GROUP}/${name} successfully resized.\n`;
    },
  },
  lvremove: {
    usage: 'lvremove vg0/NAME…',
    about: 'remove volumes, with what is in them',
    run: (storage, args) => {
      const { rest } = words(args, {}, ['-f', '--force', '-y', '--yes']);
      if (rest.length === 0) volumeName(undefined);
      return rest
        .map(volumeName)
        .map(name => (storage.removeVolume(name), `  Logical volume "${name}" successfully removed\n`))
        .join('');
    },
  },
  sfdisk: {
    usage: 'sfdisk -l|-d [/dev/sda]',
    about: 'list the partitions of /dev/sda, or dump them as a script',
    run: ({ disk, partitions }, args) => {
      const { rest } = words(args, {}, ['-l', '--list', '-d', '--dump']);
      if (rest[0] !== undefined && rest[0] !== '/dev/sda') throw new StorageError(`cannot open ${rest[0]}: the host's disk with partitions is /dev/sda`);
      const total = disk.bytes;
      if (args.includes('-d') || args.includes('--dump')) {
        const sector = new Uint8Array(SECTOR_BYTES);
        disk.read(0, sector);
        const id = new DataView(sector.buffer).getUint32(440, true);
        const lines = partitions.map(({ number, active, type, firstSector, sectors }) =>
          `/dev/sda${number} : start=${String(firstSector).padStart(12)}, size=${String(sectors).padStart(12)}, type=${type.toString(16)}${active ? ', bootable' : ''}\n`);
        return `label: dos\nlabel-id: 0x${id.toString(16).padStart(8, '0')}\ndevice: /dev/sda\nunit: sectors\nsector-size: ${SECTOR_BYTES}\n\n${lines.join('')}`;
      }
      if (!args.some(arg => arg === '-l' || arg === '--list'))
        throw new StorageError('This disk is currently in use - repartitioning is probably a bad idea.\n  Its partitions are the host\'s own: make volumes with lvcreate. sfdisk -l lists them, -d dumps them.');
      const rows = partitions.map(({ number, active, type, firstSector, sectors }) => [
        `/dev/sda${number}`, active ? '*' : ' ', String(firstSector), String(firstSector + sectors - 1), String(sectors),
        short(sectors * SECTOR_BYTES).toUpperCase().replace(/\.00/, ''), type.toString(16), PARTITION_TYPES[type] ?? 'Unknown',
      ]);
      const head = `Disk /dev/sda: ${human(total)}, ${total} bytes, ${Math.floor(total / SECTOR_BYTES)} sectors\nUnits: sectors of 1 * 512 = 512 bytes\nDisklabel type: dos\n\n`;
      return head + table(['Device', 'Boot', 'Start', 'End', 'Sectors', 'Size', 'Id', 'Type'], rows, [2, 3, 4, 5, 6]).replace(/^ {2}/gm, '');
    },
  },
  'disk-path': {
    usage: 'disk-path DEVICE SECTOR',
    about: "tell a sector's way to the host's file",
    run: (storage, args) => {
      if (args.length !== 2 || !/^\d+$/.test(args[1])) throw new WrongUse('It takes a device and the number of a sector.');
      return formatPlace(storage.diskPath(args[0], Number(args[1])));
    },
  },
};

/** Runs a command that is durable when it returns. @throws Error of the store */
export function runStorageCommand(storage: Storage, [name, ...args]: string[]): Answer {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) return { status: WRONG_USE, out: '', err: `${name}: there is no such command. There are ${Object.keys(COMMANDS).join(', ')}.\n` };
  try {
    return { status: GOOD, out: command.run(storage, args), err: '' };
  } catch (error) {
    if (error instanceof WrongUse) return { status: WRONG_USE, out: '', err: `${name}: ${error.message}\nUsage: ${command.usage}\n` };
    if (error instanceof StorageError) return { status: NOT_DONE, out: '', err: `  ${error.message}\n` };
    throw error;
  }
}
