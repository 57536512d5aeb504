/**
 * Where the file systems of a disk lie, and what they are: partitions of a PC's master boot record, with those inside an extended one, or of a GPT.
 * Source: UEFI specification 2.9, 5 (GPT); the PC's master boot record.
 */
import { type BlockDevice, deviceOf, SECTOR_BYTES } from '../blocks/index.ts';
import { isCd, openCd } from './iso9660.ts';
import { isExt, openExt } from './ext.ts';
import { openFat } from './fat.ts';
import { type Effort, FileSystemError, type FileTree } from './file-tree.ts';
import { bytesAt, tableEntries, TYPE } from './partitions.ts';

const EXTENDED = new Set([0x05, 0x0f, 0x85]);
const MOST_LOGICAL = 64,
  MOST_GPT = 256;

/** A part of a disk. */
export interface DiskPart {
  /** As in sda1; 0: the whole disk. */
  number: number;
  isActive: boolean;
  /** Bytes from the disk's start on. */
  start: number;
  from: BlockDevice;
}

/** As much of a part as the disk has. */
function part(from: BlockDevice, start: number, bytes: number): BlockDevice {
  const length = Math.max(0, Math.min(bytes, from.bytes - start));
  return deviceOf(length, (at, into) => from.read(start + at, into));
}

/** The partitions of a disk, in their order; the disk itself where it has none, and before them where it is a CD, too. */
export function partsOf(from: BlockDevice): DiskPart[] {
  const whole: DiskPart = { number: 0, isActive: false, start: 0, from };
  const parts = tableOf(from);
  return parts.length === 0 || isCd(from) ? [whole, ...parts] : parts;
}

/** Entries of a master boot record, or of a table in the chain of an extended partition, in bytes. */
const entriesOf = (sector: DataView) =>
  tableEntries(sector).map(({ firstSector, sectors, ...entry }) => ({
    ...entry,
    start: firstSector * SECTOR_BYTES,
    bytes: sectors * SECTOR_BYTES,
  }));

function tableOf(from: BlockDevice): DiskPart[] {
  const sector = bytesAt(from, 0, SECTOR_BYTES);
  const primary = sector ? entriesOf(sector) : [];
  // A file system's boot sector ends so, too.
  if (primary.some(({ state }) => (state & 0x7f) !== 0)) return [];
  if (primary.some(({ type }) => type === TYPE.PROTECTIVE)) return gptOf(from);
  const parts: DiskPart[] = [];
  for (const { number, state, type, start, bytes } of primary) {
    if (type === 0 || bytes === 0 || start === 0 || start >= from.bytes) continue;
    if (!EXTENDED.has(type)) parts.push({ number, isActive: state === 0x80, start, from: part(from, start, bytes) });
    else parts.push(...logicalOf(from, start));
  }
  return parts.sort((a, b) => a.number - b.number);
}

/** A chain of tables, each with one partition and the place of the next one. */
function logicalOf(from: BlockDevice, start: number): DiskPart[] {
  const parts: DiskPart[] = [];
  const seen = new Set<number>();
  for (let at: number | undefined = start; at !== undefined && !seen.has(at) && seen.size < MOST_LOGICAL; ) {
    seen.add(at);
    const view = bytesAt(from, at, SECTOR_BYTES);
    const [own, next] = view ? entriesOf(view) : [];
    if (!own || !next) break;
    if (own.type !== 0 && own.bytes > 0 && at + own.start < from.bytes)
      parts.push({
        number: 5 + parts.length,
        isActive: false,
        start: at + own.start,
        from: part(from, at + own.start, own.bytes),
      });
    at = EXTENDED.has(next.type) && next.start > 0 ? start + next.start : undefined;
  }
  return parts;
}

function gptOf(from: BlockDevice): DiskPart[] {
  const head = bytesAt(from, SECTOR_BYTES, 92);
  if (!head || head.getBigUint64(0, true) !== 0x5452415020494645n) return [];
  const table = Number(head.getBigUint64(72, true)) * SECTOR_BYTES,
    count = Math.min(head.getUint32(80, true), MOST_GPT),
    bytes = head.getUint32(84, true);
  if (bytes < 128 || bytes > 4096) return [];
  const parts: DiskPart[] = [];
  for (let i = 0; i < count; i++) {
    const entry = bytesAt(from, table + i * bytes, 128);
    if (!entry) break;
    if (entry.getBigUint64(0, true) === 0n && entry.getBigUint64(8, true) === 0n) continue;
    const start = Number(entry.getBigUint64(32, true)) * SECTOR_BYTES,
      end = (Number(entry.getBigUint64(40, true)) + 1) * SECTOR_BYTES;
    if (start > 0 && end > start && start < from.bytes)
      parts.push({
        number: i + 1,
        isActive: (entry.getUint32(48, true) & 4) !== 0,
        start,
        from: part(from, start, end - start),
      });
  }
  return parts;
}

/** Of what is not read: where it says so, and with which bytes. */
const OTHERS: readonly (readonly [name: string, at: number, magic: string])[] = [
  ['a physical volume of LVM', 512, 'LABELONE'],
  ['XFS', 0, 'XFSB'],
  ['btrfs', 0x10040, '_BHRfS_M'],
  ['NTFS', 3, 'NTFS    '],
  ['ReiserFS', 0x10034, 'ReIsEr'],
  ['encrypted by LUKS', 0, 'LUKS\xba\xbe'],
  ['swap', 0xff6, 'SWAPSPACE2'],
];

/** The file system on a part of a disk. `effort`: what may be looked at for all that is read of it. @throws FileSystemError that says what is there instead, or what is wrong with it */
export function openFileSystem(from: BlockDevice, effort: Effort): FileTree & { readonly needsRecovery?: boolean } {
  if (isExt(from)) return openExt(from, effort);
  if (isCd(from)) return openCd(from, effort);
  for (const [name, at, magic] of OTHERS) {
    const found = bytesAt(from, at, magic.length);
    if (found && String.fromCharCode(...new Uint8Array(found.buffer)) === magic)
      throw new FileSystemError(`It is ${name}, and ext2 to ext4, ISO 9660 and FAT are read here.`);
  }
  return openFat(from, effort);
}
