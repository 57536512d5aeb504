/**
 * Reads the list of a journal's file, and tells a torn tail from damage. Only what was never flushed may be missing or torn: a record that does not check is
 * damage where the list was flushed beyond it. Of lists of earlier versions nothing says how far they were flushed: there a bad record is damage where one
 * behind it checks, and where it is right but for one bit, as no write looks that lost whole sectors.
 */
import { crc32 } from '../../../formats/unpack/index.ts';
import {
  type Header,
  MARK,
  MARK_BYTES,
  markAt,
  markBytes,
  MOST_RECORD_BYTES,
  RECORD_HEAD_BYTES,
  recordCrc,
} from './journal-format.ts';
import type { StoreFile } from './store.ts';

const READ_BYTES = 2 ** 16;
/** Bits of a mark that may be wrong, of 160, for it to be one still. */
const MOST_MARK_BITS = 16;
/** Longer records are not tried bit by bit. */
const MOST_TRIED_BYTES = 2 ** 24;
/** Bytes that are summed up at most in the search for a record, so that it ends. */
const SEARCH_BYTES = 2 ** 28;

/** A part of a list that cannot be read as it is. */
export interface Bad {
  at: number;
  /** Where what can be read goes on; the end of the file where nothing does. */
  to: number;
  why: string;
  /** The bit of the file that is the only wrong one: byte and number. With it the record is right. */
  bit?: { at: number; bit: number };
}

export interface ListReading {
  /** Behind the last record that counts, and its check sum. */
  end: number;
  crc: number;
  records: number;
  /** Bytes behind that which were never flushed. */
  torn: number;
  damage: Bad[];
}

interface Whole {
  payload?: Uint8Array;
  crc: number;
  to: number;
}

/** Takes bytes of a file, which it reads in larger pieces. */
function reader(file: StoreFile): (at: number, count: number) => Uint8Array {
  const size = file.bytes;
  let buffer = new Uint8Array(0),
    start = 0;
  return (at, count) => {
    if (at < start || at + count > start + buffer.length) {
      start = at;
      buffer = new Uint8Array(Math.min(size - at, Math.max(count, READ_BYTES)));
      file.read(at, buffer);
    }
    return buffer.subarray(at - start, at - start + count);
  };
}

const word = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);

/**
 * Gives each record to `apply`. `flushed`: bytes of the list that are known to be durable. Reading ends at the first damage, or goes on behind it (`salvage`):
 * records in which one bit is wrong are read with that bit put right then.
 */
export function readList(
  file: StoreFile,
  header: Header,
  flushed: number,
  apply: (payload: Uint8Array) => void,
  { salvage = false } = {},
): ListReading {
  const size = file.bytes;
  const take = reader(file);
  const durable = Math.max(header.durable, flushed);
  const found: ListReading = { end: header.bytes, crc: header.crc, records: 0, torn: 0, damage: [] };
  let at = header.bytes;
  const goOn = ({ payload, crc, to }: Whole): void => {
    if (payload) {
      apply(payload);
      found.records++;
      found.end = to;
    }
    found.crc = crc;
    at = to;
  };
  while (at < size) {
    const whole = wholeAt(take, at, size, header, found.crc);
    if (whole) {
      goOn(whole);
      continue;
    }
    const rest = new Uint8Array(size - at);
    file.read(at, rest);
    const fixed = oneBit(rest, at, header, found.crc);
    const next = header.version === 2 ? markBehind(rest, at, header.generation) : (fixed ?? recordBehind(rest, at));
    const later = fixed ?? next;
    if (at >= durable && !next) {
      found.torn = size - found.end;
      return found;
    }
    found.damage.push({
      at,
      to: later?.to ?? size,
      why: fixed ? 'one bit is wrong' : 'its check sum does not fit',
      ...(fixed ? { bit: fixed.bit } : {}),
    });
    if (!salvage || !later) return found;
    goOn(later);
    // What lay between is lost; what follows is there.
    found.end = Math.max(found.end, at);
  }
  if (found.end < durable)
    found.damage.push({ at: size, to: size, why: `the file ends there, and ${durable} bytes of it were flushed` });
  // A mark and nothing behind it: its batch was never flushed.
  else found.torn = size - found.end;
  return found;
}

function wholeAt(
  take: (at: number, count: number) => Uint8Array,
  at: number,
  size: number,
  { version, generation }: Header,
  before: number,
): Whole | undefined {
  if (at + RECORD_HEAD_BYTES > size) return undefined;
  const head = take(at, RECORD_HEAD_BYTES);
  const length = word(head, 0),
    crc = word(head, 4);
  if (version === 2 && length === MARK) {
    if (at + MARK_BYTES > size || markAt(take(at, MARK_BYTES), generation, at) !== before) return undefined;
    return { crc: before, to: at + MARK_BYTES };
  }
  const to = at + RECORD_HEAD_BYTES + length;
  if (length > MOST_RECORD_BYTES || to > size) return undefined;
  const payload = take(at, RECORD_HEAD_BYTES + length).slice(RECORD_HEAD_BYTES);
  return recordCrc(payload, before) === crc ? { payload, crc, to } : undefined;
}

type Fixed = Whole & { bit: { at: number; bit: number } };

/** What lies at the beginning of `rest` if one bit of it is another. `at`: of `rest`, in its file. */
function oneBit(rest: Uint8Array, at: number, { version, generation }: Header, before: number): Fixed | undefined {
  if (version === 2 && rest.length >= MARK_BYTES) {
    const differs = differing(markBytes(generation, at, before), rest);
    if (differs.length <= MOST_MARK_BITS)
      return { crc: before, to: at + MARK_BYTES, bit: { at: at + (differs[0] >> 3), bit: differs[0] & 7 } };
  }
  if (rest.length < RECORD_HEAD_BYTES) return undefined;
  const length = word(rest, 0),
    crc = word(rest, 4);
  for (let bit = 0; bit < 32; bit++) {
    const other = (length ^ (1 << bit)) >>> 0;
    const to = RECORD_HEAD_BYTES + other;
    if (other > MOST_RECORD_BYTES || to > rest.length) continue;
    const payload = rest.slice(RECORD_HEAD_BYTES, to);
    if (recordCrc(payload, before) === crc)
      return { payload, crc, to: at + to, bit: { at: at + (bit >> 3), bit: bit & 7 } };
  }
  const to = RECORD_HEAD_BYTES + length;
  if (length > MOST_TRIED_BYTES || to > rest.length) return undefined;
  const payload = rest.slice(RECORD_HEAD_BYTES, to);
  const is = recordCrc(payload, before);
  const syndrome = (is ^ crc) >>> 0;
  if ((syndrome & (syndrome - 1)) === 0) {
    const bit = 31 - Math.clz32(syndrome);
    return { payload, crc: is, to: at + to, bit: { at: at + 4 + (bit >> 3), bit: bit & 7 } };
  }
  const wrong = flipped(syndrome, length);
  if (wrong === undefined) return undefined;
  payload[wrong >> 3] ^= 1 << (wrong & 7);
  return { payload, crc, to: at + to, bit: { at: at + RECORD_HEAD_BYTES + (wrong >> 3), bit: wrong & 7 } };
}

/** Numbers of the bits in which `bytes` begin otherwise than `must`. */
function differing(must: Uint8Array, bytes: Uint8Array): number[] {
  const found: number[] = [];
  must.forEach((byte, i) => {
    for (let bit = 0; bit < 8; bit++) if (((byte ^ bytes[i]) >> bit) & 1) found.push(8 * i + bit);
  });
  return found;
}

/** What a byte changes in a CRC-32, which is linear. */
const ofByte = Uint32Array.from({ length: 256 }, (_, byte) => crc32(Uint8Array.of(byte)) ^ crc32(Uint8Array.of(0)));

/** The bit of `bytes` bytes that changes their CRC-32 so; from the last one on, for each byte behind it moves the change on by eight bits. */
function flipped(syndrome: number, bytes: number): number | undefined {
  const changes = Uint32Array.from({ length: 8 }, (_, bit) => ofByte[1 << bit]);
  for (let byte = bytes - 1; byte >= 0; byte--) {
    for (let bit = 0; bit < 8; bit++) {
      const change = changes[bit];
      if (change === syndrome) return 8 * byte + bit;
      changes[bit] = (change >>> 8) ^ ofByte[change & 0xff];
    }
  }
  return undefined;
}

/** Of what lies behind something that cannot be read: where reading goes on. */
function markBehind(rest: Uint8Array, at: number, generation: number): Whole | undefined {
  for (let i = rest.indexOf(0xff, 1); i >= 0 && i + MARK_BYTES <= rest.length; i = rest.indexOf(0xff, i + 1)) {
    const crc = markAt(rest.subarray(i, i + MARK_BYTES), generation, at + i);
    if (crc !== undefined) return { crc, to: at + i };
  }
  return undefined;
}

/** Where the first mark of a list is. */
export function firstMark(file: StoreFile, generation: number): number | undefined {
  const bytes = new Uint8Array(file.bytes);
  file.read(0, bytes);
  return markBehind(bytes, 0, generation)?.to;
}

/** A record names no place. It is one where the record behind it, or it itself behind the bad one, has the check sum that follows. */
function recordBehind(rest: Uint8Array, at: number): Whole | undefined {
  if (rest.length < RECORD_HEAD_BYTES) return undefined;
  const view = new DataView(rest.buffer, rest.byteOffset, rest.length);
  const last = rest.length - RECORD_HEAD_BYTES;
  let left = SEARCH_BYTES;
  const checks = (i: number, before: number): boolean => {
    if (i > last) return false;
    const length = view.getUint32(i, true);
    if (length > MOST_RECORD_BYTES || i + length > last) return false;
    left -= length + RECORD_HEAD_BYTES;
    const from = i + RECORD_HEAD_BYTES;
    return recordCrc(rest.subarray(from, from + length), before) === view.getUint32(i + 4, true);
  };
  const stored = view.getUint32(4, true);
  for (let i = 1; i <= last && left > 0; i++) {
    if (checks(i, stored)) return { crc: stored, to: at + i };
    const next = i + RECORD_HEAD_BYTES + view.getUint32(i, true);
    const crc = view.getUint32(i + 4, true);
    if (checks(next, crc)) return { crc, to: at + next };
  }
  return undefined;
}
