/**
 * The commands for volumes as LVM2 has them, and disk-path. Sources: lvcreate(8), lvs(8), lvremove(8), lvextend(8), vgs(8); what is refused is refused in the
 * words, and with the status, of lvm 2.03.16.
 */
import { type Place, SECTOR_BYTES } from '../../../formats/blocks/index.ts';
import { GOOD_NAME, GROUP, PE_BYTES } from './device-names.ts';
import type { Storage } from './storage.ts';
import { StorageError } from './store.ts';

export interface Answer {
  status: number;
  out: string;
  err: string;
}

/** Of LVM2's commands: 3 wrong use, 5 not done. */
const GOOD = 0,
  WRONG_USE = 3,
  NOT_DONE = 5;

const PHYSICAL_VOLUME = '/dev/sda4';

class WrongUse extends Error {}

/** Below what LVM2 says of words that it cannot read, and of words that make no command. */
const PARSING = 'Error during parsing of command line.';
const noSyntax = (name: string): WrongUse =>
  new WrongUse(`  No command with matching syntax recognised.  Run '${name} --help' for more information.`);
const seeHelp = (name: string, why: string): WrongUse =>
  new WrongUse(`  ${why}\n  Run \`${name} --help' for more information.`);

type Command = { usage: string; about: string; run(storage: Storage, args: string[]): string };

const MOST_BYTES = 2 ** 64;
const UNITS: Record<string, number> = { b: 1, s: 512, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** A size as LVM2 takes it: MiB where there is no unit. @throws WrongUse */
function sizeOf(text: string): number {
  const wrong = (why: string): WrongUse =>
    new WrongUse(`${why}  Invalid argument for --size: ${text.slice(0, 40)}\n  ${PARSING}`);
  if (text.startsWith('-')) throw wrong('  Size may not be negative.\n');
  if (!/^\.?\d/.test(text)) throw wrong('  Size requires number argument.\n');
  const match = /^(\d+(?:\.\d+)?)([bskmgt]?)(?:i?b)?$/i.exec(text);
  if (!match) throw wrong('');
  const bytes = Math.ceil(Number(match[1]) * UNITS[match[2].toLowerCase() || 'm']);
  if (bytes >= MOST_BYTES) throw wrong('  Size is too big (>=16EiB).\n');
  return bytes;
}

const human = (bytes: number): string => {
  const unit = (['t', 'g', 'm', 'k'] as const).find(each => bytes >= UNITS[each]) ?? 'b';
  return `${(bytes / UNITS[unit]).toFixed(2)} ${unit === 'b' ? 'B' : `${unit.toUpperCase()}iB`}`;
};
const short = (bytes: number): string => human(bytes).replace(/ (.).*/, (_, unit: string) => unit.toLowerCase());

/** Words of a command line: options with a value, in either spelling, and the rest. @throws WrongUse */
function words(
  command: string,
  args: readonly string[],
  known: Record<string, string>,
  flags: readonly string[] = [],
): { options: Map<string, string>; rest: string[] } {
  const options = new Map<string, string>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const equals = args[i].startsWith('--') ? args[i].indexOf('=') : -1;
    const name = equals > 0 ? args[i].slice(0, equals) : args[i];
    if (!name.startsWith('-')) rest.push(name);
    else if (flags.includes(name)) continue;
    else if (!Object.hasOwn(known, name))
      throw new WrongUse(
        `${command}: ${name.startsWith('--') ? `unrecognized option '${name}'` : `invalid option -- '${name[1] ?? ''}'`}\n  ${PARSING}`,
      );
    else {
      const value = equals > 0 ? args[i].slice(equals + 1) : args[++i];
      if (value === undefined)
        throw new WrongUse(
          `${command}: option ${name.startsWith('--') ? `'${name}' requires an argument` : `requires an argument -- '${name[1]}'`}\n  ${PARSING}`,
        );
      options.set(known[name], value);
    }
  }
  return { options, rest };
}

/** @throws StorageError */
function mustBeGroup(name: string): void {
  if (name !== GROUP) throw new StorageError(`Volume group "${name}" not found\n  Cannot process volume group ${name}`);
}

/** NAME of vg0/NAME or /dev/vg0/NAME. @throws StorageError */
function volumeName(path: string): string {
  const match = /^(?:\/dev\/)?([^/]+)\/([^/]+)$/.exec(path);
  if (!match) throw new StorageError(`"${path}": Invalid path for Logical Volume.`);
  mustBeGroup(match[1]);
  return match[2];
}

const SIZE = {
  '-L': 'size',
  '--size': 'size',
  '-l': 'extents',
  '--extents': 'extents',
  '-n': 'name',
  '--name': 'name',
};

function bytesOf(command: string, storage: Storage, options: Map<string, string>): number {
  const extents = options.get('extents');
  const part = /^(\d{1,10})%(FREE|VG)$/.exec(extents ?? '');
  if (part) {
    const whole = part[2] === 'FREE' ? storage.freeExtents : storage.extents;
    const asked = Math.floor((Number(part[1]) * whole) / 100);
    if (asked === 0) throw new StorageError('Calculated size of logical volume is 0 extents. Needs to be larger.');
    return asked * PE_BYTES;
  }
  if (extents !== undefined) {
    const sign = extents.startsWith('-') ? '  Extents may not be negative.\n' : '';
    if (!/^\d{1,10}$/.test(extents))
      throw new WrongUse(`${sign}  Invalid argument for --extents: ${extents.slice(0, 40)}\n  ${PARSING}`);
    if (Number(extents) === 0) throw seeHelp(command, '--extents may not be zero.');
    return Number(extents) * PE_BYTES;
  }
  const size = options.get('size');
  if (size === undefined) throw noSyntax(command);
  const bytes = sizeOf(size);
  if (bytes === 0) throw seeHelp(command, '--size may not be zero.');
  return bytes;
}

/** lvm(8): what a volume may be called. @throws WrongUse */
function mustBeName(command: string, name: string): void {
  const reserved = /^(?:snapshot|pvmove)/.exec(name)?.[0];
  if (reserved) throw seeHelp(command, `Names starting "${reserved}" are reserved. Please choose a different LV name.`);
  if (name.includes('/'))
    throw seeHelp(
      command,
      `Inconsistent volume group names given: "${name.slice(0, name.indexOf('/'))}" and "${GROUP}"`,
    );
  if (!GOOD_NAME.test(name)) throw seeHelp(command, `Logical volume name "${name.slice(0, 60)}" is invalid.`);
}

const rounded = (bytes: number): string =>
  bytes % PE_BYTES === 0
    ? ''
    : `  Rounding up size to full physical extent ${human(Math.ceil(bytes / PE_BYTES) * PE_BYTES)}\n`;

/** Columns as LVM2's reports have them: two spaces in front, one between. */
function table(heads: string[], rows: string[][], right: readonly number[]): string {
  const widths = heads.map((head, i) => Math.max(head.length, ...rows.map(row => row[i].length)));
  return [heads, ...rows]
    .map(
      row =>
        `  ${row.map((cell, i) => (right.includes(i) && row !== heads ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' ')}\n`,
    )
    .join('');
}

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

function mustBePhysicalVolume(paths: readonly string[]): void {
  const missing = paths.find(path => path !== PHYSICAL_VOLUME);
  if (missing !== undefined) throw new StorageError(`Failed to find physical volume "${missing.slice(0, 60)}".`);
}

/** Those of the volumes that are named, all where none is or the group is; by name. @throws StorageError where one is missing */
function chosen(volumes: Storage['volumes'], paths: readonly string[]): Storage['volumes'] {
  const wanted = paths.filter(path => path.includes('/')).map(volumeName);
  for (const path of paths) if (!path.includes('/')) mustBeGroup(path);
  const missing = wanted.find(name => !volumes.some(each => each.name === name));
  if (missing !== undefined) throw new StorageError(`Failed to find logical volume "${GROUP}/${missing}"`);
  const isAll = paths.length === 0 || wanted.length < paths.length;
  return volumes.filter(({ name }) => isAll || wanted.includes(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** A paragraph of vgdisplay and its like. */
const paragraph = (what: string, rows: readonly (readonly [name: string, value: string])[]): string =>
  `  --- ${what} ---\n${rows.map(([name, value]) => `  ${name.padEnd(21)} ${value}\n`).join('')}   \n`;

export const COMMANDS: Record<string, Command> = {
  lvcreate: {
    usage: 'lvcreate -L SIZE[bskmgt] -n NAME vg0',
    about: 'make a volume, /dev/vg0/NAME',
    run: (storage, args) => {
      const { options, rest } = words('lvcreate', args, SIZE, ['-y', '--yes']);
      if (rest.length !== 1) throw noSyntax('lvcreate');
      const bytes = bytesOf('lvcreate', storage, options);
      const name = options.get('name') ?? storage.freeName();
      mustBeName('lvcreate', name);
      mustBeGroup(rest[0]);
      storage.createVolume(name, bytes);
      return `${rounded(bytes)}  Logical volume "${name}" created.\n`;
    },
  },
  lvs: {
    usage: 'lvs [vg0|vg0/NAME…]',
    about: 'list the volumes',
    run: ({ volumes }, args) => {
      const shown = chosen(volumes, words('lvs', args, {}).rest);
      if (shown.length === 0) return '';
      return table(
        ['LV', 'VG', 'Attr', 'LSize', 'Pool', 'Origin', 'Data% ', 'Meta% ', 'Move', 'Log', 'Cpy%Sync', 'Convert'],
        shown.map(({ name, bytes, open }) => [
          name,
          GROUP,
          `-wi-a${open ? 'o' : '-'}----`,
          short(bytes),
          '',
          '',
          '',
          '',
          '',
          '',
          '',
          '',
        ]),
        [3],
      );
    },
  },
  vgs: {
    usage: 'vgs [vg0]',
    about: 'show the volume group',
    run: (storage, args) => {
      for (const name of words('vgs', args, {}).rest) mustBeGroup(name);
      return table(
        ['VG', '#PV', '#LV', '#SN', 'Attr', 'VSize', 'VFree'],
        [
          [
            GROUP,
            '1',
            String(storage.volumes.length),
            '0',
            'wz--n-',
            short(storage.extents * PE_BYTES),
            short(storage.freeExtents * PE_BYTES),
          ],
        ],
        [1, 2, 3, 5, 6],
      );
    },
  },
  pvs: {
    usage: 'pvs [/dev/sda4]',
    about: 'show the physical volume',
    run: (storage, args) => {
      mustBePhysicalVolume(words('pvs', args, {}).rest);
      return table(
        ['PV', 'VG', 'Fmt', 'Attr', 'PSize', 'PFree'],
        [
          [
            PHYSICAL_VOLUME,
            GROUP,
            'lvm2',
            'a--',
            short(storage.extents * PE_BYTES),
            short(storage.freeExtents * PE_BYTES),
          ],
        ],
        [4, 5],
      );
    },
  },
  lvdisplay: {
    usage: 'lvdisplay [vg0|vg0/NAME…]',
    about: 'tell of each volume',
    run: ({ volumes }, args) => {
      return chosen(volumes, words('lvdisplay', args, {}).rest)
        .map(({ name, uuid, bytes, open }) =>
          paragraph('Logical volume', [
            ['LV Path', `/dev/${GROUP}/${name}`],
            ['LV Name', name],
            ['VG Name', GROUP],
            ['LV UUID', uuid],
            ['LV Write Access', 'read/write'],
            ['LV Status', 'available'],
            ['# open', open ? '1' : '0'],
            ['LV Size', human(bytes)],
            ['Current LE', String(bytes / PE_BYTES)],
          ]),
        )
        .join('');
    },
  },
  vgdisplay: {
    usage: 'vgdisplay [vg0]',
    about: 'tell of the volume group',
    run: (storage, args) => {
      for (const name of words('vgdisplay', args, {}).rest) mustBeGroup(name);
      const { extents, freeExtents, volumes } = storage;
      const part = (count: number): string => `${count} / ${human(count * PE_BYTES)}`;
      return paragraph('Volume group', [
        ['VG Name', GROUP],
        ['Format', 'lvm2'],
        ['Metadata Sequence No', String(storage.seqno)],
        ['VG Access', 'read/write'],
        ['VG Status', 'resizable'],
        ['Cur LV', String(volumes.length)],
        ['Open LV', String(volumes.filter(({ open }) => open).length)],
        ['Cur PV', '1'],
        ['Act PV', '1'],
        ['VG Size', human(extents * PE_BYTES)],
        ['PE Size', human(PE_BYTES)],
        ['Total PE', String(extents)],
        ['Alloc PE / Size', part(extents - freeExtents)],
        ['Free  PE / Size', part(freeExtents)],
      ]);
    },
  },
  pvdisplay: {
    usage: 'pvdisplay [/dev/sda4]',
    about: 'tell of the physical volume',
    run: (storage, args) => {
      mustBePhysicalVolume(words('pvdisplay', args, {}).rest);
      const { extents, freeExtents } = storage;
      return paragraph('Physical volume', [
        ['PV Name', PHYSICAL_VOLUME],
        ['VG Name', GROUP],
        ['PV Size', human(extents * PE_BYTES)],
        ['Allocatable', freeExtents > 0 ? 'yes' : 'yes (but full)'],
        ['PE Size', human(PE_BYTES)],
        ['Total PE', String(extents)],
        ['Free PE', String(freeExtents)],
        ['Allocated PE', String(extents - freeExtents)],
      ]);
    },
  },
  lvextend: {
    usage: 'lvextend -L [+]SIZE[bskmgt] vg0/NAME',
    about: 'make a volume larger',
    run: (storage, args) => {
      const { options, rest } = words('lvextend', args, SIZE);
      if (rest.length !== 1) throw noSyntax('lvextend');
      if (!rest[0].includes('/')) throw seeHelp('lvextend', 'Please specify a logical volume path.');
      // lvextend(8): + is how much more.
      const isMore = [...options.values()].some(size => size.startsWith('+'));
      const sizes = new Map([...options].map(([option, size]) => [option, size.replace(/^\+/, '')]));
      const given = bytesOf('lvextend', storage, sizes);
      const name = volumeName(rest[0]);
      const had = storage.volumes.find(each => each.name === name)?.bytes ?? 0;
      const bytes = isMore ? had + given : given;
      const { before, after } = storage.extendVolume(name, bytes);
      const what = (extents: number): string => `${human(extents * PE_BYTES)} (${extents} extents)`;
      return `${rounded(bytes)}  Size of logical volume ${GROUP}/${name} changed from ${what(before)} to ${what(after)}.\n  Logical volume ${GROUP}/${name} successfully resized.\n`;
    },
  },
  lvremove: {
    usage: 'lvremove vg0/NAME…',
    about: 'remove volumes, with what is in them',
    run: (storage, args) => {
      const { rest } = words('lvremove', args, {}, ['-f', '--force', '-y', '--yes']);
      if (rest.length === 0) throw noSyntax('lvremove');
      return rest
        .map(volumeName)
        .map(name => (storage.removeVolume(name), `  Logical volume "${name}" successfully removed\n`))
        .join('');
    },
  },
  'disk-path': {
    usage: 'disk-path DEVICE SECTOR',
    about: "tell a sector's way to the host's file",
    run: (storage, args) => {
      if (args.length !== 2 || !/^\d+$/.test(args[1]))
        throw new WrongUse('disk-path: It takes a device and the number of a sector.\nUsage: disk-path DEVICE SECTOR');
      return formatPlace(storage.diskPath(args[0], Number(args[1])));
    },
  },
};

/** Runs a command that is durable when it returns. @throws Error of the store */
export function runStorageCommand(storage: Storage, [name, ...args]: string[]): Answer {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command)
    return {
      status: WRONG_USE,
      out: '',
      err: `${name}: there is no such command. There are ${Object.keys(COMMANDS).join(', ')}.\n`,
    };
  try {
    return { status: GOOD, out: command.run(storage, args), err: '' };
  } catch (error) {
    if (error instanceof WrongUse) return { status: WRONG_USE, out: '', err: `${error.message}\n` };
    if (error instanceof StorageError) return { status: NOT_DONE, out: '', err: `  ${error.message}\n` };
    throw error;
  }
}
