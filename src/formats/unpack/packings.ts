/**
 * What packs a file, recognized by how it begins.
 * Sources: RFC 1952 (gzip), The .xz File Format 1.2.0, RFC 8878 (zstd), the manuals of bzip2 and lzip, PKWARE's APPNOTE (zip), 7zFormat.txt of the LZMA SDK,
 * the RAR 5.0 archive format, lz4's frame format, compress(1).
 * A tar archive is none of them: small systems read their files from one as it is, on a disk.
 */
import { isGzip, isXz, isZstd, XZ_MAGIC, ZSTD_MAGIC } from './magic.ts';

export interface Packing {
  /** What people call it: "gzip". */
  name: string;
  /** Names of such files end so. */
  suffix: string;
  /** The program that unpacks a file of that name. */
  command: string;
  /** Files in it have names of their own. */
  archive?: true;
}

const PACKINGS: readonly (Packing & { at?: number; magic: string | number[] })[] = [
  { name: 'gzip', suffix: '.gz', command: 'gunzip', magic: [0x1f, 0x8b, 8] },
  { name: 'xz', suffix: '.xz', command: 'unxz', magic: XZ_MAGIC },
  { name: 'zstd', suffix: '.zst', command: 'unzstd', magic: ZSTD_MAGIC },
  // Behind "BZh" and the block size begins the first block: with the digits of pi.
  { name: 'bzip2', suffix: '.bz2', command: 'bunzip2', at: 4, magic: [0x31, 0x41, 0x59, 0x26, 0x53, 0x59] },
  { name: 'lzip', suffix: '.lz', command: 'lzip -d', magic: 'LZIP' },
  { name: 'lz4', suffix: '.lz4', command: 'unlz4', magic: [0x04, 0x22, 0x4d, 0x18] },
  { name: 'compress', suffix: '.Z', command: 'uncompress', magic: [0x1f, 0x9d, 0x90] },
  { name: 'zip', suffix: '.zip', command: 'unzip', archive: true, magic: 'PK\x03\x04' },
  { name: '7-Zip', suffix: '.7z', command: '7z x', archive: true, magic: [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c] },
  { name: 'RAR', suffix: '.rar', command: 'unrar x', archive: true, magic: 'Rar!\x1a\x07' },
];

/** Whether the bytes from `at` on are these. */
export function has(bytes: Uint8Array, at: number, what: number[] | string): boolean {
  if (at + what.length > bytes.length) return false;
  for (let i = 0; i < what.length; i++) {
    const wanted = typeof what === 'string' ? what.charCodeAt(i) : what[i];
    if (bytes[at + i] !== wanted) return false;
  }
  return true;
}

/** What a file that begins so is packed with; undefined: with nothing that is known here. */
export const packingOf = (head: Uint8Array): Packing | undefined =>
  PACKINGS.find(({ at = 0, magic }) => has(head, at, magic));

/** Whether it is unpacked here. */
export const unpacksHere = (head: Uint8Array): boolean => isGzip(head) || isXz(head) || isZstd(head);

/** The name of what is in a packed file: disk.img in disk.img.gz. */
export const nameInside = (name: string, { suffix }: Packing): string =>
  name.toLowerCase().endsWith(suffix.toLowerCase()) ? name.slice(0, -suffix.length) : name;
