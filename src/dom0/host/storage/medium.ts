/** What disks, partitions, volumes and images have in common: bytes with random access, asked for at once or to be answered later. */
import type { Place } from '../../../devices/ide/index.ts';
import { IO_HOP, passes } from '../../../hypervisor/tracing/index.ts';

export const SECTOR_BYTES = 512;

/** What is asked of a medium that may answer later; whole sectors. */
export type MediumRequest =
  | { op: 'read'; at: number; pieces: Uint8Array[] }
  | { op: 'write'; at: number; pieces: Uint8Array[] }
  | { op: 'flush' }
  | { op: 'discard'; at: number; bytes: number };

/** With what `read`, `write`, `flush` and `discard` throw; undefined: it is done. */
export type Answer = (error?: Error) => void;

/** A run of a volume on the physical volume, in physical extents. */
export interface Segment {
  first: number;
  count: number;
}

/** How a partition or a volume lies on the host's disk; empty: it is the whole disk. */
export interface Layout {
  partition?: { start: number; bytes: number; number: number };
  volume?: {
    name: string;
    segments: readonly Segment[];
    number: number /** Where it ends within its last extent. */;
    bytes?: number;
  };
}

/** What disks, partitions, volumes and images have in common: bytes with random access, moved when the call returns. */
export interface Medium {
  readonly bytes: number;
  /** Of what lies on the host's disk as it is: whoever has the disk can make the same medium (`mediumOf`). */
  readonly layout?: Layout;
  /** Fills `into` from byte `at` on; both lie within. @throws Error that says why it cannot be read */
  read(at: number, into: Uint8Array): void;
  /** @throws StoreFull: nothing is lost, and it may be tried again; any other Error that says why it cannot be written */
  write(at: number, from: Uint8Array): void;
  /** All that was written is durable when it returns. @throws as write */
  flush(): void;
  /** These bytes are not needed any more: they read as zeros, or as they were where that is not a whole unit of storage. @throws as write */
  discard(at: number, bytes: number): void;
  /** Asks for the same and does not wait: `done` is called once, at once or in a later turn of Domain 0. Absent: all is done when a call returns. */
  start?(request: MediumRequest, done: Answer): void;
  /** Where a byte lies, from here down to the host's file; of what lies nowhere yet as far as it goes. */
  place(at: number): Place[];
}

/** Asks a medium of either kind. */
export function startOn(medium: Medium, request: MediumRequest, done: Answer): void {
  if (request.op !== 'flush' && !(request.at >= 0 && request.at + lengthOf(request) <= medium.bytes))
    return done(new RangeError(`${lengthOf(request)} bytes at ${request.at} do not lie within ${medium.bytes} bytes.`));
  if (medium.start) return medium.start(request, done);
  try {
    carryOut(medium, request);
  } catch (error) {
    return done(error as Error);
  }
  done();
}

function carryOut(medium: Medium, request: MediumRequest): void {
  if (request.op === 'flush') return medium.flush();
  if (request.op === 'discard') return medium.discard(request.at, request.bytes);
  let { at } = request;
  for (const piece of request.pieces) {
    if (request.op === 'read') medium.read(at, piece);
    else medium.write(at, piece);
    at += piece.length;
  }
}

/** Bytes that a request is about. */
export const lengthOf = (request: MediumRequest): number =>
  request.op === 'flush'
    ? 0
    : request.op === 'discard'
      ? request.bytes
      : request.pieces.reduce((sum, { length }) => sum + length, 0);

/** A partition. */
export class Part implements Medium {
  readonly bytes: number;
  private readonly whole: Medium;
  private readonly first: number;
  private readonly number: number;

  /** `number`: of the partition. @throws RangeError where it is not within the whole */
  constructor(whole: Medium, start: number, bytes: number, number: number) {
    this.number = number;
    if (start < 0 || bytes < 0 || start + bytes > whole.bytes)
      throw new RangeError(`${this.layer} does not lie within its disk.`);
    this.whole = whole;
    this.first = start;
    this.bytes = bytes;
  }

  get layout(): Layout | undefined {
    const { whole, first: start, bytes, number } = this;
    return whole.layout && !whole.layout.partition ? { partition: { start, bytes, number } } : undefined;
  }

  private get layer(): string {
    return `partition sda${this.number}`;
  }

  read(at: number, into: Uint8Array): void {
    within(this, at, into.length, this.layer);
    passes(IO_HOP.PARTITION, this.number, at / SECTOR_BYTES);
    this.whole.read(this.first + at, into);
  }

  write(at: number, from: Uint8Array): void {
    within(this, at, from.length, this.layer);
    passes(IO_HOP.PARTITION, this.number, at / SECTOR_BYTES);
    this.whole.write(this.first + at, from);
  }

  flush(): void {
    this.whole.flush();
  }

  discard(at: number, bytes: number): void {
    within(this, at, bytes, this.layer);
    this.whole.discard(this.first + at, bytes);
  }

  start(request: MediumRequest, done: Answer): void {
    if (request.op === 'flush') return startOn(this.whole, request, done);
    passes(IO_HOP.PARTITION, this.number, request.at / SECTOR_BYTES);
    startOn(this.whole, { ...request, at: this.first + request.at }, done);
  }

  place(at: number): Place[] {
    return [{ layer: this.layer, at }, ...this.whole.place(this.first + at)];
  }
}

/** @throws RangeError where an access leaves the medium: whoever asks has checked, so this is a defect of ours and no way out of a guest's disk */
export function within(medium: Medium, at: number, length: number, what: string): void {
  if (!(at >= 0 && length >= 0 && at + length <= medium.bytes))
    throw new RangeError(`${length} bytes at ${at} do not lie within ${what}.`);
}
