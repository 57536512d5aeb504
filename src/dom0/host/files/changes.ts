/**
 * What changed in the file tree, as one record of its journal: all of it counts after a cut, or none.
 *
 *   record   length n of the list (4, little endian), the list as JSON (n), the contents of its files one behind another
 */
import { StoreDamaged } from '../storage/index.ts';

/** What is there belongs to one run of the host: devices, what it tells of itself, guests that can be fetched again, scratch files. */
const NOT_KEPT = /^\/(?:dev|proc|srv\/guests|tmp)(?:\/|$)/;
export const isKept = (path: string): boolean => !NOT_KEPT.test(path);

/** A record of the journal has at most 64 MiB, and names and modes need some of it. Larger things belong on the host's disk. */
export const MOST_FILE_BYTES = 60 * 2 ** 20;

export type Change =
  /** The path, and what is below it, is gone. */
  | { kind: 'gone'; path: string }
  /** `mode` is stat's, `mtimeMs` of the host's wall clock. */
  | { kind: 'folder'; path: string; mode: number; mtimeMs: number }
  | { kind: 'file'; path: string; mode: number; mtimeMs: number; bytes: Uint8Array }
  | { kind: 'link'; path: string; target: string };

export function encodeChanges(changes: readonly Change[]): Uint8Array {
  const contents = changes.map(change => (change.kind === 'file' ? change.bytes : new Uint8Array()));
  const list = new TextEncoder().encode(
    JSON.stringify(
      changes.map(change => (change.kind === 'file' ? { ...change, bytes: change.bytes.length } : change)),
    ),
  );
  const record = new Uint8Array(4 + list.length + contents.reduce((sum, { length }) => sum + length, 0));
  new DataView(record.buffer).setUint32(0, list.length, true);
  record.set(list, 4);
  let at = 4 + list.length;
  for (const bytes of contents) {
    record.set(bytes, at);
    at += bytes.length;
  }
  return record;
}

/** @throws StoreDamaged */
export function decodeChanges(record: Uint8Array, where: string): Change[] {
  const damaged = (): StoreDamaged =>
    new StoreDamaged(`A record of the files in ${where} cannot be read. Put back a copy of files.0 and files.1.`);
  if (record.length < 4) throw damaged();
  const end = 4 + new DataView(record.buffer, record.byteOffset).getUint32(0, true);
  let list: unknown;
  try {
    list = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(record.subarray(4, end)));
  } catch {
    throw damaged();
  }
  if (!Array.isArray(list)) throw damaged();
  let at = end;
  return list.map((entry): Change => {
    const { kind, path, mode, mtimeMs, bytes, target } = (entry ?? {}) as Record<string, unknown>;
    if (typeof path !== 'string' || !path.startsWith('/')) throw damaged();
    if (kind === 'gone') return { kind, path };
    if (kind === 'link' && typeof target === 'string') return { kind, path, target };
    if (typeof mode !== 'number' || typeof mtimeMs !== 'number') throw damaged();
    if (kind === 'folder') return { kind, path, mode, mtimeMs };
    if (kind !== 'file' || typeof bytes !== 'number' || !(bytes >= 0) || at + bytes > record.length) throw damaged();
    at += bytes;
    return { kind, path, mode, mtimeMs, bytes: record.slice(at - bytes, at) };
  });
}
