/**
 * Block requests and packets on their way: while somebody watches, each has a number of the host's own, and every place that it passes writes a record with
 * it into the trace of its own worker (trace.ts). Where nobody watches, a place costs a look.
 */
import { COUNTERS, DOMAIN_TRACE, DRIVE_COUNTS, DRIVE_PLACES, DRIVE_WORDS, XENHEAP } from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import { type Trace, TRACE_KIND } from './trace.ts';

/** The places, with the two words of their records. */
export const IO_HOP = {
  /** The front end's own number for it (low word), the slot of its ring. */
  FRONT_END: 1,
  /** What announced it: the event channel port of the front end, or -1: the last request to the device model; the records of its domain's trace until then. */
  EXIT: 2,
  /** A drive of the device model: its place on the IDE channels, IO_OP. */
  DRIVE: 3,
  /** The back end of a disk: the number of its device, IO_OP. */
  DISK_BACK_END: 4,
  /** Sectors of the guest's disk: the first one, how many. */
  SECTORS: 5,
  /** A logical volume of the host: the number that its storage gave it, the logical extent. */
  VOLUME: 6,
  /** A partition of the host's disk: its number, the first sector in it. */
  PARTITION: 7,
  /** The host's disk: the first sector, how many. */
  DISK: 8,
  /** The file that the host's disk is stored in: slot, sector in it; slot -1: nowhere yet. */
  STORED: 9,
  /** An image file: the first sector, 1 where what the guest wrote lies in memory above it. */
  IMAGE: 10,
  /** It is answered: 0, or below 0 an error. */
  DONE: 11,
  /** The back end of a card: the number of its device, 1 where the guest sends. */
  CARD_BACK_END: 12,
  /** An emulated card: bytes, 1 where the guest sends. */
  CARD: 13,
  /** It comes into the bridge, and goes out: the port's number, bytes. */
  PORT_IN: 14,
  PORT_OUT: 15,
  /** The controller of the host's disk: command, sectors. */
  CONTROLLER: 16,
  /** Memory that its data go to, or come from: bytes, 1 where that is the guest's own, 0 where a drive's buffer is between them. */
  DATA: 17,
  /** What this program runs on is asked for a part of a file: the first byte, how many. */
  FILE: 18,
  /** A chain of a virtqueue: its first descriptor, its place in the driver's ring. */
  VIRTQUEUE: 19,
} as const;
/** What is asked of a disk. */
export const IO_OP = { READ: 0, WRITE: 1, FLUSH: 2, DISCARD: 3 } as const;

/** What this worker is carrying out: a call goes from a drive or a back end down to the medium and comes back, and names it nowhere. */
let carried: { by: HopWriter; request: number } | undefined;

/** Takes down the places that requests pass. */
export interface HopWriter {
  /** See IoTrace.hop. */
  hop(request: number, hop: number, domid: number, a: number, b: number): void;
}

/** Places of a request that is carried out for another worker, which gets them with the answer. */
export class KeptHops implements HopWriter {
  /** IO_HOP and its two words, place by place. */
  readonly words: number[] = [];

  hop(_request: number, hop: number, _domid: number, a: number, b: number): void {
    this.words.push(hop, a, b);
  }
}

/** Carries out a part of a request (0: of one that is not followed); `by` takes down what it passes. */
export function within(by: HopWriter, request: number, work: () => void): void {
  if (request === 0) return work();
  const before = carried;
  carried = { by, request };
  try {
    work();
  } finally {
    carried = before;
  }
}

/** What is being carried out passes a place; nothing where it is not followed. */
export function passes(hop: number, a: number, b: number): void {
  if (carried !== undefined) carried.by.hop(carried.request, hop, 0, a, b);
}

/** The number of what is being carried out; 0: nobody follows it. */
export const carriedRequest = (): number => carried?.request ?? 0;

/** Work that is put off belongs to the request that is being carried out now. */
export function partOfRequest(work: () => void): () => void {
  if (carried === undefined) return work;
  const { by, request } = carried;
  return () => within(by, request, work);
}

/** Whether somebody watches this domain. */
export const isWatched = (
  { words }: Pick<Machine, 'words'>,
  { traceOffset }: Pick<DomainRecord, 'traceOffset'>,
): boolean => Atomics.load(words, (traceOffset >>> 2) + DOMAIN_TRACE.WATCHERS) !== 0;

/** Follows requests in one worker, and writes into the trace of one domain. */
export class IoTrace implements HopWriter {
  private readonly machine: Machine;
  private readonly trace: Trace;

  constructor(machine: Machine, trace: Trace) {
    this.machine = machine;
    this.trace = trace;
  }

  get on(): boolean {
    return this.trace.on;
  }

  /** Whether requests of this domain are followed: a neighbour that nobody watches leaves the trace to those who are. */
  follows(record: Pick<DomainRecord, 'traceOffset'>): boolean {
    return this.trace.on && isWatched(this.machine, record);
  }

  /** A number for a request that begins; ask `follows` first, or where it is nobody's `on`. */
  begin(): number {
    const number = (Atomics.add(this.machine.words, XENHEAP.LAST_REQUEST, 1) + 1) & 0x7fffffff;
    return number === 0 ? this.begin() : number;
  }

  /** `domid`: whose request it is there, 0 where that is not known. Nothing for the number 0. */
  hop(request: number, hop: number, domid: number, a: number, b: number): void {
    if (request !== 0 && this.trace.on) this.trace.add(TRACE_KIND.IO, hop | (domid << 8), request, a, b);
  }

  /** A request of an emulated drive has moved this many bytes. Who answers for the drive is the only one that counts there. */
  countDrive(record: Pick<DomainRecord, 'countersOffset'>, place: number, op: 'read' | 'write', bytes: number): void {
    if (place < 0 || place >= DRIVE_PLACES) return;
    const at = (record.countersOffset >>> 2) + COUNTERS.DRIVES + place * DRIVE_WORDS,
      isRead = op === 'read';
    Atomics.add(this.machine.words, at + (isRead ? DRIVE_COUNTS.READS : DRIVE_COUNTS.WRITES), 1);
    Atomics.add(
      this.machine.words,
      at + (isRead ? DRIVE_COUNTS.READ_SECTORS : DRIVE_COUNTS.WRITTEN_SECTORS),
      Math.ceil(bytes / 512),
    );
  }

  /** What announced a request of that domain. */
  told(request: number, record: Pick<DomainRecord, 'id' | 'traceOffset'>, port: number): void {
    this.hop(
      request,
      IO_HOP.EXIT,
      record.id,
      port,
      Atomics.load(this.machine.words, (record.traceOffset >>> 2) + DOMAIN_TRACE.WRITTEN),
    );
  }

  /** Which memory a request's data go to, or come from. */
  data(request: number, domid: number, pieces: readonly Uint8Array[]): void {
    if (request === 0) return;
    const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    const isGuests = pieces.every(({ buffer }) => buffer === this.machine.words.buffer);
    this.hop(request, IO_HOP.DATA, domid, bytes, isGuests ? 1 : 0);
  }

  /** Carries out a part of a request (0: of one that is not followed). */
  within(request: number, work: () => void): void {
    within(this, request, work);
  }
}
