/**
 * What a disk, or a part of one, is said to be by its first bytes, in the tags of blkid: names, UUIDs, types. Nothing is followed and nothing is judged.
 * Source: the superblocks of util-linux 2.38's libblkid (ext, vfat, iso9660, swap, lvm; dos and gpt of its partition tables) for which fields become which tags.
 */
import { type BlockDevice, SECTOR_BYTES } from '../blocks/index.ts';
import { bytesAt, tableEntries, TYPE } from './partitions.ts';

/** `LABEL`, `UUID`, `TYPE` … in the order in which blkid prints them. */
export type Tags = [name: string, value: string][];

const HEAD_BYTES = 4096;
const EXT_AT = 1024,
  EXT_MAGIC = 0xef53,
  HAS_JOURNAL = 0x4;
/** Features that ext3 knows, of those that a reader must know and of those that a writer must. */
const EXT3_INCOMPATIBLE = 0x2 | 0x4 | 0x10,
  EXT3_READ_ONLY = 0x1 | 0x2 | 0x4;
const CD_AT = 32768,
  CD_SECTOR = 2048;
const SWAP_MAGIC = 'SWAPSPACE2';
const LVM_LABEL = 'LABELONE',
  LVM_TYPE = 'LVM2 001';
/** Letters of a UUID of LVM's, grouped. */
const LVM_GROUPS = /^(.{0,6})(.{0,4})(.{0,4})(.{0,4})(.{0,4})(.{0,4})(.{0,6})/s;

const textAt = (view: DataView, at: number, length: number): string =>
  new TextDecoder('utf-8')
    .decode(new Uint8Array(view.buffer, view.byteOffset + at, length))
    .replace(/[\0 ]+$/, '')
    .replace(/\0.*$/s, '');
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');
const hexAt = (view: DataView, at: number, length: number): string =>
  Array.from({ length }, (_, i) => hex(view.getUint8(at + i), 2)).join('');
const uuidOf = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
const some = (name: string, value: string): Tags => (value === '' ? [] : [[name, value]]);

function ext(head: DataView): Tags | undefined {
  const at = EXT_AT;
  if (head.byteLength < 2 * EXT_AT || head.getUint16(at + 0x38, true) !== EXT_MAGIC) return undefined;
  const [compatible, incompatible, readOnly] = [0x5c, 0x60, 0x64].map(field => head.getUint32(at + field, true));
  const isExt4 = (incompatible & ~EXT3_INCOMPATIBLE) !== 0 || (readOnly & ~EXT3_READ_ONLY) !== 0;
  const type = isExt4 ? 'ext4' : compatible & HAS_JOURNAL ? 'ext3' : 'ext2';
  return [
    ...some('LABEL', textAt(head, at + 0x78, 16)),
    ['UUID', uuidOf(hexAt(head, at + 0x68, 16))],
    ...(type === 'ext3' ? some('SEC_TYPE', 'ext2') : []),
    ['BLOCK_SIZE', String(1024 << head.getUint32(at + 0x18, true))],
    ['TYPE', type],
  ];
}

/** The label of the boot sector; blkid tells that of the root folder, too, where there is one. */
function fat(from: BlockDevice, head: DataView): Tags | undefined {
  const sectorBytes = head.getUint16(11, true),
    clusterSectors = head.getUint8(13);
  if (head.getUint16(510, true) !== 0xaa55 || ![512, 1024, 2048, 4096].includes(sectorBytes)) return undefined;
  if (clusterSectors === 0 || (clusterSectors & (clusterSectors - 1)) !== 0) return undefined;
  const isFat32 = head.getUint16(22, true) === 0;
  const at = isFat32 ? 64 : 36;
  if (!/^FAT/.test(textAt(head, at + 18, 8))) return undefined;
  const serial = hex(head.getUint32(at + 3, true), 8).toUpperCase();
  const written = textAt(head, at + 7, 11);
  const label = written === 'NO NAME' ? '' : written;
  return [
    ...(isFat32 ? [] : some('SEC_TYPE', 'msdos')),
    ...some('LABEL_FATBOOT', label),
    ...some('LABEL', labelInRoot(from, head, isFat32)),
    ['UUID', `${serial.slice(0, 4)}-${serial.slice(4)}`],
    ['BLOCK_SIZE', String(sectorBytes)],
    ['TYPE', 'vfat'],
  ];
}

/** The entry of a volume's label, among the first of the root folder. */
function labelInRoot(from: BlockDevice, head: DataView, isFat32: boolean): string {
  const sectorBytes = head.getUint16(11, true),
    tables = head.getUint8(16) * (isFat32 ? head.getUint32(36, true) : head.getUint16(22, true));
  const data = head.getUint16(14, true) + tables;
  const root = isFat32 ? data + (head.getUint32(44, true) - 2) * head.getUint8(13) : data;
  const folder = bytesAt(from, root * sectorBytes, SECTOR_BYTES);
  for (let at = 0; folder && at < SECTOR_BYTES && folder.getUint8(at) !== 0; at += 32)
    if (folder.getUint8(at) !== 0xe5 && (folder.getUint8(at + 11) & 0x3f) === 0x08) return textAt(folder, at, 11);
  return '';
}

function cd(from: BlockDevice): Tags | undefined {
  const volume = bytesAt(from, CD_AT, CD_SECTOR);
  if (!volume || textAt(volume, 1, 5) !== 'CD001') return undefined;
  // When it was changed, else made: sixteen digits, hundredths the last two.
  const [changed, made] = [830, 813].map(at => textAt(volume, at, 16));
  const digits = /^\d{16}$/.test(changed) && !/^0+$/.test(changed) ? changed : made;
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(digits) ?? [];
  return [
    ['BLOCK_SIZE', String(CD_SECTOR)],
    ...some('UUID', parts.join('-')),
    ...some('LABEL', textAt(volume, 40, 32)),
    ['TYPE', 'iso9660'],
  ];
}

function swap(head: DataView): Tags | undefined {
  if (head.byteLength < HEAD_BYTES || textAt(head, HEAD_BYTES - 10, 10) !== SWAP_MAGIC) return undefined;
  return [...some('LABEL', textAt(head, 1052, 16)), ['UUID', uuidOf(hexAt(head, 1036, 16))], ['TYPE', 'swap']];
}

/** A physical volume's label is in one of the first four sectors, its UUID where the label says. */
function lvm(head: DataView): Tags | undefined {
  for (let at = 0; at + SECTOR_BYTES <= Math.min(head.byteLength, 4 * SECTOR_BYTES); at += SECTOR_BYTES) {
    if (head.getUint32(at + 8, true) * SECTOR_BYTES !== at) continue;
    if (textAt(head, at, 8) !== LVM_LABEL || textAt(head, at + 24, 8) !== LVM_TYPE) continue;
    const header = at + head.getUint32(at + 20, true);
    if (header + 32 > head.byteLength) return undefined;
    const [, ...groups] = LVM_GROUPS.exec(textAt(head, header, 32))!;
    return [
      ['UUID', groups.join('-')],
      ['TYPE', 'LVM2_member'],
    ];
  }
  return undefined;
}

function partitionTable(from: BlockDevice, head: DataView): Tags | undefined {
  const entries = tableEntries(new DataView(head.buffer, 0, SECTOR_BYTES)).filter(({ type }) => type !== 0);
  if (entries.length === 0 || entries.some(({ state }) => (state & 0x7f) !== 0)) return undefined;
  const gpt = entries.some(({ type }) => type === TYPE.PROTECTIVE)
    ? bytesAt(from, SECTOR_BYTES, SECTOR_BYTES)
    : undefined;
  if (gpt && textAt(gpt, 0, 8) === 'EFI PART')
    return [
      ['PTUUID', guidAt(gpt, 56)],
      ['PTTYPE', 'gpt'],
    ];
  return [...some('PTUUID', hex(head.getUint32(440, true), 8)), ['PTTYPE', 'dos']];
}

/** A GUID has its first three fields with their low bytes first. */
const guidAt = (view: DataView, at: number): string =>
  [
    hex(view.getUint32(at, true), 8),
    hex(view.getUint16(at + 4, true), 4),
    hex(view.getUint16(at + 6, true), 4),
    hexAt(view, at + 8, 2),
    hexAt(view, at + 10, 6),
  ].join('-');

/** None: nothing that is known here. */
export function tagsOf(from: BlockDevice): Tags {
  const head = bytesAt(from, 0, Math.min(HEAD_BYTES, from.bytes));
  if (!head || head.byteLength < SECTOR_BYTES) return [];
  const table = partitionTable(from, head) ?? [];
  return [
    ...(lvm(head) ?? ext(head) ?? swap(head) ?? cd(from) ?? (table.length > 0 ? [] : fat(from, head)) ?? []),
    ...table,
  ];
}
