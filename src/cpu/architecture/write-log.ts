/**
 * Which frames of machine memory were written, while somebody keeps count: a word that is not 0 then, and a bit a frame. It lies in machine memory, so any
 * thread notes what it writes and any thread reads it. A processor notes a frame when a write entry of its TLB begins to lead there, as Intel's page-modification
 * log does at the dirty bit (SDM vol. 3, 29.3.6): nothing more is asked at a store, and a reader that wants to see the next one has the entries flushed.
 */

/** Words before the first bit: the count has a cache line of its own. */
export const WRITE_LOG_HEAD = 16;

export class WriteLog {
  private readonly words: Int32Array;
  private readonly at: number;

  /** `at`: index of the log in `words`; -1: there is none. */
  constructor(words: Int32Array, at = -1) {
    this.words = at < 0 ? new Int32Array(1) : words;
    this.at = Math.max(at, 0);
  }

  get isKept(): boolean {
    return this.words[this.at] !== 0;
  }

  /** A frame is written, now or next; before, so that a reader who finds no bit has copied what was there. */
  note(mfn: number): void {
    if (this.words[this.at] !== 0) Atomics.or(this.words, this.at + WRITE_LOG_HEAD + (mfn >>> 5), 1 << (mfn & 31));
  }
}
