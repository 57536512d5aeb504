/**
 * A script for `sfdisk`: a line a partition, each placed behind the one before it where the line says nothing else.
 * Source: sfdisk(8) of util-linux 2.38, "Input formats", "Default values", "Unit and alignment".
 */
import { type Partition, TYPE } from '../../formats/file-systems/index.ts';

const SECTOR_BYTES = 512;
/** Partitions begin at whole MiB. */
const GRAIN = 2048;
/** Partitions that a master boot record has. */
export const MOST = 4;
const MOST_SECTOR = 2 ** 32 - 1;
const EXTENDED = [0x05, 0x0f, 0x85];
const SHORTCUTS = new Map<string, number>([
  ['L', TYPE.LINUX],
  ['linux', TYPE.LINUX],
  ['S', TYPE.SWAP],
  ['swap', TYPE.SWAP],
  ['V', TYPE.LVM],
  ['lvm', TYPE.LVM],
  ['E', 0x05],
  ['extended', 0x05],
  ['X', 0x85],
  ['U', 0xef],
  ['uefi', 0xef],
  ['R', 0xfd],
  ['raid', 0xfd],
]);
const UNITS = 'KMGT';
const HEADERS = [
  'label',
  'label-id',
  'device',
  'unit',
  'first-lba',
  'last-lba',
  'grain',
  'sector-size',
  'table-length',
];

/** In sfdisk's words, with a step to take behind them where they name none. */
export class ScriptError extends Error {}

interface Line {
  text: string;
  number: number;
}

export class PartitionScript {
  /** The disk's identifier, where the script has one. */
  readonly labelId: number | undefined;
  /** Lines about the disk itself. */
  readonly headers: number = 0;
  private readonly lines: Line[] = [];
  private readonly sectors: number;
  private readonly made: Partition[] = [];

  /** @throws ScriptError */
  constructor(text: string, sectors: number) {
    this.sectors = Math.min(Math.floor(sectors), MOST_SECTOR);
    for (const [i, line] of text.split('\n').entries()) {
      const words = line.replace(/#.*/, '').trim();
      if (words === '') continue;
      const [, name, value = ''] = /^([a-z-]+)\s*:\s*(.*)$/.exec(words) ?? [];
      if (name !== undefined && HEADERS.includes(name)) {
        if (this.lines.length > 0)
          throw new ScriptError(`line ${i + 1}: unsupported command\n${name}: is before the first partition.`);
        this.headers++;
        if (name === 'label-id') this.labelId = this.identifier(value, i + 1);
        else this.mustBe(name, value, i + 1);
      } else this.lines.push({ text: words, number: i + 1 });
    }
  }

  private identifier(value: string, line: number): number {
    if (!/^(0x)?[\da-f]{1,8}$/i.test(value))
      throw new ScriptError(`line ${line}: unsupported command\nlabel-id: takes a number such as 0x12345678.`);
    return Number.parseInt(value.replace(/^0x/i, ''), 16);
  }

  private mustBe(name: string, value: string, line: number): void {
    const only: Record<string, string> = { label: 'dos', unit: 'sectors', 'sector-size': String(SECTOR_BYTES) };
    if (name in only && value !== only[name])
      throw new ScriptError(`line ${line}: unsupported ${name} '${value.slice(0, 40)}'\nWrite ${name}: ${only[name]}.`);
  }

  /** The next partition; undefined: that was all. @throws ScriptError */
  next(): Partition | undefined {
    const line = this.lines.shift();
    if (!line) return undefined;
    const { named, fields } = this.fieldsOf(line);
    const taken = this.made.map(({ number }) => number);
    const number = named ?? [1, 2, 3, 4].find(each => !taken.includes(each)) ?? MOST + 1;
    const no = (why: string): ScriptError =>
      new ScriptError(`${why}\nFailed to add #${number} partition: Numerical result out of range`);
    if (number < 1 || number > MOST) throw no('A disk has at most four primary partitions here.');
    if (taken.includes(number)) throw no(`Partition ${number} is there already.`);
    const type = this.type(fields.type, line);
    if (EXTENDED.includes(type))
      throw no(
        'An extended partition holds others, and those are read and not made here: four primary ones can be made.',
      );
    const given = this.size(fields.start, line);
    const start = given ?? this.firstFree();
    if (start === undefined) throw no('There is no free space on the disk.');
    const room = this.roomAt(start);
    if (room <= 0) throw no(`Start sector ${start} out of range.`);
    const sectors = this.size(fields.size, line) ?? room;
    if (sectors <= 0 || sectors > room)
      throw no(`${sectors} sectors from sector ${start} on: there is room for ${room}.`);
    const partition = { number, active: fields.active, type, firstSector: start, sectors };
    this.made.push(partition);
    return partition;
  }

  private fieldsOf({ text, number }: Line): {
    named: number | undefined;
    fields: { start?: string; size?: string; type?: string; active: boolean };
  } {
    const [, named, rest = text] = /^\S*?(\d+)\s*:\s*(.*)$/.exec(text) ?? [];
    const fields: { start?: string; size?: string; type?: string; active: boolean } = { active: false };
    const words = rest.includes('=') || /[,;]/.test(rest) ? rest.split(/[,;]/) : rest.split(/\s+/);
    const inOrder = ['start', 'size', 'type', 'bootable'];
    for (const [i, word] of words.entries()) {
      if (word.trim() === '') continue;
      const [, key, value = ''] = /^([a-z]+)\s*=\s*(.*)$/i.exec(word.trim()) ?? [];
      const name =
        key === undefined
          ? word.trim() === 'bootable'
            ? 'bootable'
            : inOrder[i]
          : key.toLowerCase() === 'id'
            ? 'type'
            : key;
      const what = key === undefined ? word.trim() : value.replace(/^"(.*)"$/, '$1');
      if (name === 'bootable') fields.active = what === 'bootable' || what === '*';
      else if (name === 'start' || name === 'size' || name === 'type') fields[name] = what;
      else
        throw new ScriptError(
          `line ${number}: unsupported command\n${(key ?? word.trim()).slice(0, 40)}: write start=, size=, type= or bootable.`,
        );
    }
    return { named: named === undefined ? undefined : Number(named), fields };
  }

  private type(text: string | undefined, { number }: Line): number {
    if (text === undefined || text === '' || text === '-') return TYPE.LINUX;
    const known = SHORTCUTS.get(text);
    if (known !== undefined) return known;
    const value = /^(0x)?[\da-f]{1,2}$/i.test(text) ? Number.parseInt(text.replace(/^0x/i, ''), 16) : 0;
    if (value === 0)
      throw new ScriptError(
        `line ${number}: failed to parse partition type '${text.slice(0, 40)}'\nWrite a number such as 83 or 82, or L, S, V, U or R.`,
      );
    return value;
  }

  /** Sectors, from a number of them or of bytes with a unit; undefined: what there is. */
  private size(text: string | undefined, { number }: Line): number | undefined {
    if (text === undefined || text === '' || text === '-' || text === '+') return undefined;
    const [, digits, unit] = /^\+?(\d{1,15})(?:([KMGT])(?:i?B)?)?$/i.exec(text) ?? [];
    if (digits === undefined)
      throw new ScriptError(
        `line ${number}: failed to parse size '${text.slice(0, 40)}'\nWrite a number of sectors, or one with K, M, G or T.`,
      );
    return unit === undefined
      ? Number(digits)
      : (Number(digits) * 1024 ** (UNITS.indexOf(unit.toUpperCase()) + 1)) / SECTOR_BYTES;
  }

  private overlaps(sector: number): Partition | undefined {
    return this.made.find(({ firstSector, sectors }) => sector >= firstSector && sector < firstSector + sectors);
  }

  /** At a whole MiB. */
  private firstFree(): number | undefined {
    for (const from of [0, ...this.made.map(({ firstSector, sectors }) => firstSector + sectors)].sort(
      (a, b) => a - b,
    )) {
      const at = Math.max(GRAIN, Math.ceil(from / GRAIN) * GRAIN);
      if (at < this.sectors && !this.overlaps(at)) return at;
    }
    return undefined;
  }

  /** Sectors from this one on that are nobody's; the table itself has the first. */
  private roomAt(sector: number): number {
    if (!(sector >= 1) || this.overlaps(sector)) return 0;
    return (
      Math.min(this.sectors, ...this.made.map(({ firstSector }) => firstSector).filter(first => first > sector)) -
      sector
    );
  }
}
