/**
 * How a journal lies in its two files: a list of records in one, and in the other how far that list was flushed. All numbers are little endian.
 *
 *   list     header, then records, with a mark before each batch that was flushed together
 *   header   twice the same 32 bytes: magic "RSJ2" (4), identity of the state (4), generation (8), bytes of the list that were durable before the header was
 *            (8), CRC-32 of these 24 bytes (4), 0 (4)
 *   record   length n (4), CRC-32 (4), n bytes
 *   mark     0xffffffff (4), CRC-32 (4), its own offset (8), check sum of the record before it (4): all before it was durable when it was written
 *   flushed  at 0 and at 512, written alternately: magic "RSJF" (4), identity (4), generation (8), bytes of the list that are durable (8), CRC-32 of these
 *            24 (4)
 *
 * The identity is one number in all journals of a state (state/identity.ts), or 0: none was given yet. A record's check sum covers that of the record before it (the first: the header's), its length and its bytes; a mark's covers the generation. Lists of
 * earlier versions ("RSJ1") have one header of 32 bytes, magic, 0, generation, CRC-32 of these 16 bytes, and no marks; nothing says how far they were flushed.
 */
import { crc32 } from '../../../formats/unpack/index.ts';
import type { StoreFile } from './store.ts';

const OLD_MAGIC = 0x314a5352,
  MAGIC = 0x324a5352,
  FLUSHED_MAGIC = 0x464a5352;
const OLD_HEADER_BYTES = 32,
  HALF_BYTES = 32;
export const HEADER_BYTES = 2 * HALF_BYTES,
  RECORD_HEAD_BYTES = 8,
  MARK_BYTES = 20;
/** In place of a record's length. */
export const MARK = 0xffffffff;
/** More is no record of ours. */
export const MOST_RECORD_BYTES = 2 ** 26;
/** Two sectors: a write that is torn harms one place. */
const PLACE_BYTES = 512,
  FLUSHED_BYTES = 28;

export interface Header {
  /** 1: without marks. */
  version: 1 | 2;
  generation: number;
  identity: number;
  /** Where the first record is. */
  bytes: number;
  /** Bytes of the list that were durable before it was. */
  durable: number;
  crc: number;
  /** Its two halves say the same. */
  isWhole: boolean;
}

/** How far a list was flushed. */
export interface Flushed {
  generation: number;
  identity: number;
  bytes: number;
}

/** Magic, identity, two numbers, and the check sum of these. */
function sealed(length: number, magic: number, { identity, generation, bytes }: Flushed): Uint8Array {
  const made = new Uint8Array(length);
  const view = new DataView(made.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, identity, true);
  view.setBigUint64(8, BigInt(generation), true);
  view.setBigUint64(16, BigInt(bytes), true);
  view.setUint32(24, crc32(made, 0, 24), true);
  return made;
}

function unsealed(bytes: Uint8Array, magic: number): (Flushed & { crc: number }) | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const crc = view.getUint32(24, true);
  if (view.getUint32(0, true) !== magic || crc !== crc32(bytes, 0, 24)) return undefined;
  const [generation, count] = [8, 16].map(at => Number(view.getBigUint64(at, true)));
  return { identity: view.getUint32(4, true), generation, bytes: count, crc };
}

/** `durable`: its `bytes`. */
export function headerBytes(durable: Flushed): { bytes: Uint8Array; crc: number } {
  const half = sealed(HALF_BYTES, MAGIC, durable);
  const bytes = new Uint8Array(HEADER_BYTES);
  bytes.set(half);
  bytes.set(half, HALF_BYTES);
  return { bytes, crc: new DataView(half.buffer).getUint32(24, true) };
}

/** That of a list of an earlier version. */
export function oldHeader(generation: number): Header {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, OLD_MAGIC, true);
  view.setBigUint64(8, BigInt(generation), true);
  return {
    version: 1,
    generation,
    identity: 0,
    bytes: OLD_HEADER_BYTES,
    durable: OLD_HEADER_BYTES,
    crc: crc32(bytes),
    isWhole: true,
  };
}

/** undefined: the file has none that can be read. */
export function readHeader(file: StoreFile): Header | undefined {
  const bytes = new Uint8Array(HEADER_BYTES);
  file.read(0, bytes);
  const view = new DataView(bytes.buffer);
  if (file.bytes >= OLD_HEADER_BYTES && view.getUint32(0, true) === OLD_MAGIC) {
    const header = oldHeader(Number(view.getBigUint64(8, true)));
    if (header.crc === view.getUint32(16, true) && view.getUint32(4, true) === 0) return header;
  }
  const halves = [0, HALF_BYTES].map(at => unsealed(bytes.subarray(at, at + HALF_BYTES), MAGIC));
  const half = halves[0] ?? halves[1];
  if (!half) return undefined;
  const { generation, identity, crc } = half;
  const isWhole = halves[0]?.crc === halves[1]?.crc;
  return { version: 2, generation, identity, bytes: HEADER_BYTES, durable: half.bytes, crc, isWhole };
}

/** Whether a power cut while the first header of a journal was written can have left this: nothing, or parts of that header. */
export function isUnborn(file: StoreFile): boolean {
  if (file.bytes > HEADER_BYTES) return false;
  const bytes = new Uint8Array(file.bytes);
  file.read(0, bytes);
  const first = headerBytes({ generation: 1, identity: 0, bytes: HEADER_BYTES }).bytes;
  return bytes.every((byte, i) => byte === 0 || byte === first[i]);
}

/** A record as it lies in the file, behind one with the check sum `before`. */
export function frame(payload: Uint8Array, before: number): { bytes: Uint8Array; crc: number } {
  const bytes = new Uint8Array(RECORD_HEAD_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set(payload, RECORD_HEAD_BYTES);
  view.setUint32(0, payload.length, true);
  view.setUint32(4, before, true);
  const crc = crc32(bytes);
  view.setUint32(4, crc, true);
  return { bytes, crc };
}

/** The check sum of a record of this length and content. */
export function recordCrc(payload: Uint8Array, before: number, length = payload.length): number {
  const head = new DataView(new ArrayBuffer(RECORD_HEAD_BYTES));
  head.setUint32(0, length, true);
  head.setUint32(4, before, true);
  return crc32(payload, 0, payload.length, crc32(new Uint8Array(head.buffer)));
}

/** The mark at `at` of a list, behind a record with the check sum `before`. */
export function markBytes(generation: number, at: number, before: number): Uint8Array {
  const bytes = new Uint8Array(MARK_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MARK, true);
  view.setUint32(4, generation >>> 0, true);
  view.setBigUint64(8, BigInt(at), true);
  view.setUint32(16, before, true);
  view.setUint32(4, crc32(bytes), true);
  return bytes;
}

/** The check sum that a mark at `at` names, where these bytes are one. */
export function markAt(bytes: Uint8Array, generation: number, at: number): number | undefined {
  if (bytes.length < MARK_BYTES) return undefined;
  const before = new DataView(bytes.buffer, bytes.byteOffset).getUint32(16, true);
  return markBytes(generation, at, before).every((byte, i) => byte === bytes[i]) ? before : undefined;
}

export function readFlushed(file: StoreFile): Flushed | undefined {
  let last: Flushed | undefined;
  for (const place of [0, PLACE_BYTES]) {
    const bytes = new Uint8Array(FLUSHED_BYTES);
    file.read(place, bytes);
    const found = unsealed(bytes, FLUSHED_MAGIC);
    if (!found || (last && (last.generation - found.generation || last.bytes - found.bytes) > 0)) continue;
    last = { generation: found.generation, identity: found.identity, bytes: found.bytes };
  }
  return last;
}

/** `turn`: counts these writes. */
export function writeFlushed(file: StoreFile, turn: number, flushed: Flushed): void {
  file.write((turn & 1) * PLACE_BYTES, sealed(FLUSHED_BYTES, FLUSHED_MAGIC, flushed));
}
