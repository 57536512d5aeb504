/**
 * All that outlives a host as one file: its disk, as far as it was written, Domain 0's files, and what the page remembers. Numbers are little-endian.
 *
 *   "Ringside state 1"
 *   records: kind (4), bytes n (4), n bytes, CRC-32 of all that (4)
 *     HEAD   JSON: what is in it, for people and the page        PART   JSON { name, bytes }: what follows is of this part
 *     DATA   offset in the part (8), bytes; all others are zeros  END    how many records there were before (4)
 */
import { crc32 } from '../../../formats/unpack/index.ts';
import { ExtentDisk, type Store, type StoreFile } from '../storage/index.ts';

/** Parts of a state: files of its store with Domain 0's file tree, and what its disk holds, however that is stored. */
export const TREE_FILES = ['files.0', 'files.1'] as const,
  DISK = 'disk',
  PARTS: readonly string[] = [...TREE_FILES, DISK];
/** Files of a store that hold a state. */
export const STATE_FILES = [...TREE_FILES, 'disk.0', 'disk.1', 'disk.data'] as const;
/** First bytes of such a file. */
export const STATE_MAGIC = 'Ringside state 1';
const HEAD = 1,
  PART = 2,
  DATA = 3,
  END = 4;
/** Zeros of this length are left out; a record of data has at most so much. */
const HOLE_BYTES = 16 * 1024,
  MOST_DATA = 2 ** 20;
/** Of any record; and of a part (a host's disk has 500 GB). */
const MOST_RECORD = 4 * 2 ** 20,
  MOST_PART = 2 ** 41;
const FRAME_BYTES = 8,
  CRC_BYTES = 4;

/** What is in it. */
export interface StateHead {
  /** Of Ringside, that wrote it. */
  version: string;
  /** Milliseconds since 1970. */
  savedMs: number;
  /** Definitions, by name. */
  guests: string[];
  volumes: { name: string; bytes: number }[];
  /** What the page remembers, as the page reports it. */
  page?: unknown;
}

/** Why a file is no state: a sentence. */
export class StateFileError extends Error {
  override name = 'StateFileError';
}

function record(kind: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(FRAME_BYTES + payload.length + CRC_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, kind, true);
  view.setUint32(4, payload.length, true);
  bytes.set(payload, FRAME_BYTES);
  view.setUint32(FRAME_BYTES + payload.length, crc32(bytes.subarray(0, FRAME_BYTES + payload.length)), true);
  return bytes;
}

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}

/** A part that is written. */
export interface StatePart {
  name: string;
  bytes: number;
  read(at: number, into: Uint8Array): void;
  /** Of these bytes, whether any may be something else than zero; absent: any may. */
  holds?(at: number, bytes: number): boolean;
}

/** Where a part may hold something, in pieces of MOST_DATA: what holds nothing is left out in large steps. */
function* held(
  { bytes, holds }: StatePart,
  at = 0,
  count = 2 ** Math.ceil(Math.log2(Math.max(bytes, MOST_DATA))),
): Generator<number> {
  if (at >= bytes || (holds && !holds(at, Math.min(count, bytes - at)))) return;
  if (count <= MOST_DATA) return void (yield at);
  yield* held({ bytes, holds } as StatePart, at, count / 2);
  yield* held({ bytes, holds } as StatePart, at + count / 2, count / 2);
}

/** The file in pieces of a megabyte at most, in the order of PARTS. */
export function* writeState(head: StateHead, parts: readonly StatePart[]): Generator<Uint8Array> {
  let records = 0;
  const count = (bytes: Uint8Array): Uint8Array => (records++, bytes);
  yield new TextEncoder().encode(STATE_MAGIC);
  yield count(record(HEAD, json(head)));
  for (const part of parts) {
    const { name, bytes } = part;
    yield count(record(PART, json({ name, bytes })));
    for (const at of held(part)) {
      const all = new Uint8Array(Math.min(MOST_DATA, bytes - at));
      part.read(at, all);
      for (const [from, to] of runs(all)) {
        const payload = new Uint8Array(8 + to - from);
        new DataView(payload.buffer).setBigUint64(0, BigInt(at + from), true);
        payload.set(all.subarray(from, to), 8);
        yield count(record(DATA, payload));
      }
    }
  }
  const end = new Uint8Array(4);
  new DataView(end.buffer).setUint32(0, records, true);
  yield record(END, end);
}

/** Where something is that is not zeros, in units of HOLE_BYTES. */
function* runs(bytes: Uint8Array): Generator<[from: number, to: number]> {
  let begin = -1;
  for (let at = 0; at < bytes.length; at += HOLE_BYTES) {
    const isHole = isZero(bytes.subarray(at, at + HOLE_BYTES));
    if (isHole && begin >= 0) yield [begin, at];
    if (isHole) begin = -1;
    else if (begin < 0) begin = at;
  }
  if (begin >= 0) yield [begin, bytes.length];
}

/** Reads a blob from its beginning, with room for some records at a time. */
class Reader {
  at = 0;
  private readonly data: Blob;
  private window = new Uint8Array(0);
  private windowAt = 0;

  constructor(data: Blob) {
    this.data = data;
  }

  get isOver(): boolean {
    return this.at >= this.data.size;
  }

  /** The next bytes. @throws StateFileError where there are not this many */
  async take(bytes: number): Promise<Uint8Array> {
    if (this.at + bytes > this.data.size) throw this.cut();
    if (this.at + bytes > this.windowAt + this.window.length) {
      const part = this.data.slice(this.at, this.at + Math.max(bytes, 2 * MOST_RECORD));
      this.window = new Uint8Array(
        await part.arrayBuffer().catch(() => {
          throw new StateFileError(
            `The file cannot be read any more at byte ${this.at}: it was changed or moved. Drop it again.`,
          );
        }),
      );
      this.windowAt = this.at;
      if (this.window.length < bytes) throw this.cut();
    }
    const from = this.at - this.windowAt;
    this.at += bytes;
    return this.window.subarray(from, from + bytes);
  }

  private cut(): StateFileError {
    return new StateFileError(
      `The file ends at byte ${this.data.size}, in the middle of a record: it was cut off. Export it again, or take another copy.`,
    );
  }
}

const text = (value: unknown): value is string => typeof value === 'string' && value.length > 0 && value.length <= 255;
const size = (value: unknown, most: number): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= most;

function parsed(payload: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
    return value && typeof value === 'object' ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function headOf(payload: Uint8Array): StateHead | undefined {
  const { version, savedMs, guests, volumes, page } = parsed(payload) ?? {};
  const good =
    text(version) &&
    size(savedMs, 8.64e15) &&
    Array.isArray(guests) &&
    guests.every(text) &&
    Array.isArray(volumes) &&
    volumes.every(each => text(each?.name) && size(each?.bytes, MOST_PART));
  if (!good) return undefined;
  return {
    version,
    savedMs,
    guests: [...guests],
    volumes: volumes.map(({ name, bytes }) => ({ name, bytes })),
    ...(page === undefined ? {} : { page }),
  };
}

/** The receiver of what is read: the parts one after the other, and their bytes. */
export interface StateSink {
  part(name: string, bytes: number): Promise<void> | void;
  data(at: number, bytes: Uint8Array): void;
}

/** Reads it all, and checks each byte of it. @throws StateFileError: what is wrong, where, and what to do; what `sink` throws */
export async function readState(data: Blob, sink: StateSink = { part: () => {}, data: () => {} }): Promise<StateHead> {
  const reader = new Reader(data);
  const magic =
    data.size < STATE_MAGIC.length ? '' : new TextDecoder('latin1').decode(await reader.take(STATE_MAGIC.length));
  if (magic !== STATE_MAGIC)
    throw new StateFileError(
      'This is no exported host: its first bytes are others. Take a file that “Export everything” has made.',
    );
  const damaged = (at: number, what: string): StateFileError =>
    new StateFileError(`The record at byte ${at} ${what}. The file is damaged: take another copy of it.`);
  let head: StateHead | undefined, part: { name: string; bytes: number } | undefined;
  let next = 0;
  const seen = new Set<string>();
  for (let records = 0; ; records++) {
    const at = reader.at;
    const frame = (await reader.take(FRAME_BYTES)).slice();
    const view = new DataView(frame.buffer);
    const kind = view.getUint32(0, true),
      length = view.getUint32(4, true);
    if (length > MOST_RECORD) throw damaged(at, `says that it has ${length} bytes, which is more than any has`);
    const rest = await reader.take(length + CRC_BYTES);
    const payload = rest.subarray(0, length);
    const check = new DataView(rest.buffer, rest.byteOffset + length).getUint32(0, true);
    const whole = new Uint8Array(FRAME_BYTES + length);
    whole.set(frame);
    whole.set(payload, FRAME_BYTES);
    if (check !== crc32(whole) >>> 0) throw damaged(at, 'does not fit its check sum');
    if (records === 0 ? kind !== HEAD : kind === HEAD || kind > END || kind === 0)
      throw damaged(at, `is of kind ${kind}, which is not what comes here`);
    if (kind === HEAD) {
      head = headOf(payload);
      if (!head) throw damaged(at, 'does not say what the file holds');
    } else if (kind === PART) {
      const { name, bytes } = parsed(payload) ?? {};
      if (
        !text(name) ||
        !PARTS.includes(name) ||
        seen.has(name) ||
        !size(bytes, MOST_PART) ||
        (name === DISK && (bytes === 0 || bytes % 512 !== 0))
      )
        throw damaged(at, 'names a part that no state has');
      part = { name, bytes };
      seen.add(name);
      next = 0;
      await sink.part(name, bytes);
    } else if (kind === DATA) {
      const offset = length < 8 ? -1 : Number(new DataView(payload.buffer, payload.byteOffset).getBigUint64(0, true));
      const bytes = payload.subarray(8);
      if (!part || offset < next || offset + bytes.length > part.bytes)
        throw damaged(at, 'has data for a place that there is not');
      next = offset + bytes.length;
      sink.data(offset, bytes);
    } else {
      if (length !== 4 || new DataView(payload.buffer, payload.byteOffset).getUint32(0, true) !== records)
        throw damaged(at, 'counts other records than there are');
      if (!reader.isOver) throw damaged(reader.at, 'comes after the end');
      if (seen.size !== PARTS.length) throw damaged(at, 'is the end, and parts are missing');
      return head as StateHead;
    }
  }
}

/** Puts what a file holds into a store without such files. @throws StateFileError, StoreDamaged, Error of the store */
export async function unpackState(data: Blob, store: Store): Promise<StateHead> {
  let target: Pick<StoreFile, 'write' | 'flush' | 'close'> | undefined;
  const done = (): void => {
    const last = target;
    target = undefined;
    try {
      last?.flush();
    } finally {
      last?.close();
    }
  };
  try {
    const head = await readState(data, {
      part: async (name, bytes) => {
        done();
        target = name === DISK ? await ExtentDisk.open(store, DISK, { bytes }) : await store.open(name);
      },
      data: (at, bytes) => target?.write(at, bytes),
    });
    done();
    return head;
  } catch (error) {
    try {
      done();
    } catch {
      // The first error says more.
    }
    throw error;
  }
}
