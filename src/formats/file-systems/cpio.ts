/**
 * Writes cpio archives in the "newc" format, as the kernel unpacks an initramfs.
 * Source: Linux's Documentation/driver-api/early-userspace/buffer-format.rst.
 */

export interface CpioEntry {
  path: string;
  /** File type and permissions, as in st_mode. */
  mode: number;
  data?: Uint8Array;
  /** Device nodes. */
  major?: number;
  minor?: number;
}

export const FOLDER = 0o040755;
export const FILE = 0o100644;
export const PROGRAM = 0o100755;
export const LINK = 0o120777;
export const CHARACTER_DEVICE = 0o020600;

/** The archive; owner root, time 0, inodes counted up: the same entries give the same bytes. Folders come before what lies in them. */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const push = (part: Uint8Array) => {
    parts.push(part);
    length += part.length;
  };
  const pad = () => push(new Uint8Array(-length & 3));
  [...entries, { path: 'TRAILER!!!', mode: 0 }].forEach((entry: CpioEntry, i) => {
    const name = new TextEncoder().encode(`${entry.path}\0`);
    const data = entry.data ?? new Uint8Array();
    const links = (entry.mode & 0o170000) === 0o040000 ? 2 : 1;
    const inode = entry.mode === 0 ? 0 : i + 1;
    const fields = [
      inode,
      entry.mode,
      0,
      0,
      links,
      0,
      data.length,
      0,
      0,
      entry.major ?? 0,
      entry.minor ?? 0,
      name.length,
      0,
    ];
    push(new TextEncoder().encode(`070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}`));
    push(name);
    pad();
    push(data);
    pad();
  });
  const archive = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    archive.set(part, at);
    at += part.length;
  }
  return archive;
}
