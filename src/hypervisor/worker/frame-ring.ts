/**
 * Frames from one worker to another, or to itself: a ring of bytes in machine memory with one writer and one reader. Each frame has its length and its number before
 * it (tracing/io-trace.ts; 0: nobody follows it) and begins at a word. A full ring takes nothing more, so that nobody can make another hold more than the ring does.
 */
import { FRAME_RING, FRAME_RING_BYTES, WIRE } from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';

const MASK = FRAME_RING_BYTES - 1;
const HEAD_BYTES = 8;
/** Longest frame that a ring takes, in bytes: room for jumbo frames, and far less than the ring. */
export const LONGEST_FRAME = 9216;

const padded = (length: number): number => (length + 3) & ~3;

export class FrameRing {
  private readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly head: number;
  private readonly data: number;
  /** Of the frame that was taken last. */
  number = 0;

  /** `head`: index of its head in `machine.words`; `data`: byte offset of its FRAME_RING_BYTES. */
  constructor(machine: Pick<Machine, 'words' | 'bytes'>, head: number, data: number) {
    this.words = machine.words;
    this.bytes = machine.bytes;
    this.head = head;
    this.data = data;
  }

  private get used(): number {
    return (
      (Atomics.load(this.words, this.head + FRAME_RING.WRITTEN) -
        Atomics.load(this.words, this.head + FRAME_RING.READ)) >>>
      0
    );
  }

  get isEmpty(): boolean {
    return this.used === 0;
  }

  /** Whether a frame of any length that the wire knows finds room. */
  get hasRoom(): boolean {
    return this.used + HEAD_BYTES + LONGEST_FRAME <= FRAME_RING_BYTES;
  }

  /** Frames that found no room. */
  get dropped(): number {
    return this.words[this.head + FRAME_RING.DROPPED] >>> 0;
  }

  /** Writer. False: there is no room, or the frame is too long; it is lost and counted. */
  put(frame: Uint8Array, number = 0): boolean {
    const { words, head } = this;
    const size = HEAD_BYTES + padded(frame.length);
    if (frame.length > LONGEST_FRAME || this.used + size > FRAME_RING_BYTES) {
      words[head + FRAME_RING.DROPPED]++;
      return false;
    }
    const written = Atomics.load(words, head + FRAME_RING.WRITTEN);
    words[(this.data + (written & MASK)) >>> 2] = frame.length;
    words[(this.data + ((written + 4) & MASK)) >>> 2] = number;
    const at = (written + HEAD_BYTES) & MASK;
    const first = Math.min(frame.length, FRAME_RING_BYTES - at);
    this.bytes.set(frame.subarray(0, first), this.data + at);
    if (first < frame.length) this.bytes.set(frame.subarray(first), this.data);
    Atomics.store(words, head + FRAME_RING.WRITTEN, (written + size) | 0);
    return true;
  }

  /** Reader. The next frame, in memory of its own; undefined: there is none. A ring that its writer left broken is emptied. */
  take(): Uint8Array | undefined {
    const { words, head } = this;
    const { used } = this;
    if (used === 0) return undefined;
    const read = Atomics.load(words, head + FRAME_RING.READ);
    const length = words[(this.data + (read & MASK)) >>> 2] >>> 0;
    const size = HEAD_BYTES + padded(length);
    if (length > LONGEST_FRAME || used > FRAME_RING_BYTES || size > used) {
      this.clear();
      return undefined;
    }
    this.number = words[(this.data + ((read + 4) & MASK)) >>> 2];
    const frame = new Uint8Array(length);
    const at = (read + HEAD_BYTES) & MASK;
    const first = Math.min(length, FRAME_RING_BYTES - at);
    frame.set(this.bytes.subarray(this.data + at, this.data + at + first));
    if (first < length) frame.set(this.bytes.subarray(this.data, this.data + length - first), first);
    Atomics.store(words, head + FRAME_RING.READ, (read + size) | 0);
    return frame;
  }

  /** Reader. What is in it is lost. */
  clear(): void {
    Atomics.store(this.words, this.head + FRAME_RING.READ, Atomics.load(this.words, this.head + FRAME_RING.WRITTEN));
  }
}

/** Both rings of a domain's card; undefined: it has none. */
export function wireOf(machine: Machine, record: DomainRecord): { fromCard: FrameRing; toCard: FrameRing } | undefined {
  const { wireOffset } = record;
  if (wireOffset === 0) return undefined;
  const head = wireOffset >>> 2,
    data = wireOffset + WIRE.FRAMES * 4;
  return {
    fromCard: new FrameRing(machine, head + WIRE.FROM_CARD, data),
    toCard: new FrameRing(machine, head + WIRE.TO_CARD, data + FRAME_RING_BYTES),
  };
}
