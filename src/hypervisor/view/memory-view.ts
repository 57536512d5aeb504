/**
 * Machine memory as a reader sees it. Nothing is changed, no lock is taken, and no index is trusted: what names a place may be what a dead worker left, so
 * a word outside memory reads as 0.
 */
import { FRAME_BYTES } from '../layout/layout.ts';

/** A record that a writer may have changed while it was copied says so; it is shown all the same. */
export interface Copy {
  words: Int32Array;
  torn: boolean;
}

/** How often a copy is tried before it is shown as torn: a writer that never rests does not keep a reader. */
const MOST_TRIES = 8;
const NONE = new Int32Array(0);

export class MemoryView {
  readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly doubles: Float64Array;

  constructor(memory: SharedArrayBuffer | ArrayBuffer) {
    this.words = new Int32Array(memory, 0, memory.byteLength >>> 2);
    this.bytes = new Uint8Array(memory);
    this.doubles = new Float64Array(memory, 0, memory.byteLength >>> 3);
  }

  /** The word at an index. */
  word(at: number): number {
    return at >= 0 && at < this.words.length ? Atomics.load(this.words, at) : 0;
  }

  unsigned(at: number): number {
    return this.word(at) >>> 0;
  }

  /** Low word, high word. */
  pair(at: number): number {
    return this.unsigned(at) + this.unsigned(at + 1) * 2 ** 32;
  }

  /** The double at an (even) word index. */
  double(at: number): number {
    return this.doubles[at >>> 1] ?? 0;
  }

  byte(offset: number): number {
    return this.bytes[offset] ?? 0;
  }

  /** Copies this many bytes from a byte offset; where memory ends, `to` stays as it was. */
  read(offset: number, to: Uint8Array, at: number, count: number): void {
    to.set(this.bytes.subarray(offset, offset + count), at);
  }

  /** Index of the first word of a frame; -1: there is no such frame. */
  frame(mfn: number): number {
    return mfn >= 0 && (mfn + 1) * FRAME_BYTES <= this.bytes.length ? mfn * (FRAME_BYTES / 4) : -1;
  }

  /** The words themselves of a record at a byte offset; none where it does not lie in memory. */
  block(offset: number, count: number): Int32Array {
    const at = offset >>> 2;
    return at > 0 && count >= 0 && at + count <= this.words.length ? this.words.subarray(at, at + count) : NONE;
  }

  /**
   * A copy of words that have no sequence counter: taken until two on end are equal. A writer that is paused in the middle (it has died, or its thread
   * does not run) is not noticed.
   */
  copy(at: number, count: number): Copy {
    let words = this.words.slice(at, at + count);
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const again = this.words.slice(at, at + count);
      if (again.every((word, i) => word === words[i])) return { words, torn: words.length < count };
      words = again;
    }
    return { words, torn: true };
  }
}

/** A copy of a block whose word `sequence` is odd while its writer changes it. */
export function copyBySequence(block: Int32Array, sequence: number): Copy {
  let words = block.slice();
  if (words.length === 0) return { words, torn: true };
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const before = Atomics.load(block, sequence);
    words = block.slice();
    if (!(before & 1) && Atomics.load(block, sequence) === before) return { words, torn: false };
  }
  return { words, torn: true };
}

/**
 * Of a ring whose writer fills an entry in and then counts it: the numbers of the entries that are still whole, among those from `from` that were written
 * when the reader began; `before` and `after`: the writer's count before and after the reader copied them.
 */
export function wholeEntries(
  from: number,
  before: number,
  after: number,
  entries: number,
): { first: number; missed: number } {
  // The entry under way overwrites the oldest one.
  const oldest = (after + 1 - entries) | 0;
  const first = ((oldest - from) | 0) > 0 ? (((oldest - before) | 0) > 0 ? before : oldest) : from;
  return { first, missed: (first - from) | 0 };
}
