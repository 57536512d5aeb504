/**
 * Reads tar archives: ustar with GNU long names and pax paths.
 * Source: POSIX.1-2008, pax, "ustar Interchange Format" and "pax Extended Header"; GNU tar manual, "Basic Tar Format".
 */

const BLOCK = 512;

export interface TarEntry {
  /** Without a leading "./". */
  path: string;
  type: 'file' | 'folder' | 'link' | 'other';
  /** A file's content, a view into the archive. */
  data: Uint8Array;
  /** A link's target. */
  target: string;
  /** A second name of the file `target`, which is a path within the archive. */
  isHardLink: boolean;
  permissions: number;
  /** Numbers of the user and the group that it belongs to. */
  owner: number;
  group: number;
}

export function* readTar(archive: Uint8Array): Generator<TarEntry> {
  let longPath: string | undefined;
  let longTarget: string | undefined;
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every(byte => byte === 0)) return;
    if (checksum(header) !== octal(header, 148, 8)) throw new Error(`damaged tar archive: header check sum at byte ${at}`);
    const size = octal(header, 124, 12);
    const start = at + BLOCK;
    if (start + size > archive.length) throw new Error(`truncated tar archive: ${start + size} bytes wanted, ${archive.length} there`);
    const data = archive.subarray(start, start + size);
    at = start + Math.ceil(size / BLOCK) * BLOCK;
    const type = String.fromCharCode(header[156]);
    if (type === 'L') longPath = string(data, 0, size);
    else if (type === 'K') longTarget = string(data, 0, size);
    else if (type === 'x') {
      const records = paxRecords(data);
      longPath = records.get('path') ?? longPath;
      longTarget = records.get('linkpath') ?? longTarget;
    } else if (type !== 'g') {
      const prefix = string(header, 257, 6) === 'ustar' ? string(header, 345, 155) : '';
      const path = longPath ?? (prefix ? `${prefix}/${string(header, 0, 100)}` : string(header, 0, 100));
      yield {
        path: path.replace(/^\.\//, ''),
        type: type === '0' || type === '\0' ? 'file' : type === '5' ? 'folder' : type === '1' || type === '2' ? 'link' : 'other',
        data,
        target: longTarget ?? string(header, 157, 100),
        isHardLink: type === '1',
        permissions: octal(header, 100, 8) & 0o7777,
        owner: octal(header, 108, 8),
        group: octal(header, 116, 8),
      };
      longPath = longTarget = undefined;
    }
  }
}

function string(bytes: Uint8Array, offset: number, length: number): string {
  const field = bytes.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

/** A number field: octal digits, or big-endian binary when the top bit is set (GNU). */
function octal(bytes: Uint8Array, offset: number, length: number): number {
  if (bytes[offset] & 0x80) {
    let value = bytes[offset] & 0x7f;
    for (let i = 1; i < length; i++) value = value * 256 + bytes[offset + i];
    return value;
  }
  return Number.parseInt(string(bytes, offset, length).trim() || '0', 8);
}

/** Sum of the header's bytes with the check-sum field taken as blanks. */
function checksum(header: Uint8Array): number {
  let sum = 8 * 32;
  for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += header[i];
  return sum;
}

/** "LENGTH KEY=VALUE\n" records. */
function paxRecords(data: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < data.length; ) {
    const blank = data.indexOf(32, at);
    const length = Number(string(data, at, blank - at));
    if (blank < 0 || !(length > 0)) throw new Error('damaged tar archive: pax header');
    const [key, ...value] = string(data, blank + 1, at + length - blank - 2).split('=');
    records.set(key, value.join('='));
    at += length;
  }
  return records;
}
