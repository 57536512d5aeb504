/**
 * When a word of a guest's memory changed, as a thread next to it sees (watch-word.ts): the guest itself cannot tell how long it was paused, since its clock did,
 * too. Milliseconds are those of CLOCK_MONOTONIC, the same in all processes.
 */
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** Where the word lies: in a host's memory, or in a file that is a guest's. */
export type Source = { memory: SharedArrayBuffer } | { file: string; offset: number };

/** Words that both threads know: it is to end; the word's index in the host's memory, -1: nowhere now. */
export const CONTROL = { ENDS: 0, WORD: 1, WORDS: 2 } as const;
/** The last changes: how many there were, then a time and a value each. */
export const KEPT = 8192;

/** How often a change is looked for that is to come, and after how long again. */
const MOST_LOOKS = 1000,
  LOOK_MS = 10;

export interface Change {
  ms: number;
  value: number;
}

export interface WatchedWord {
  source: Source;
  control: Int32Array;
  changes: Float64Array;
}

export class Beats {
  private readonly control = new Int32Array(new SharedArrayBuffer(4 * CONTROL.WORDS));
  private readonly changes = new Float64Array(new SharedArrayBuffer(8 * (1 + 2 * KEPT)));

  constructor(source: Source) {
    this.control[CONTROL.WORD] = -1;
    const workerData: WatchedWord = { source, control: this.control, changes: this.changes };
    new Worker(join(dirname(process.argv[1]!), 'watch-word.js'), { workerData }).unref();
  }

  /** From now on it is this word of the host's memory; -1: none. */
  watch(word: number): void {
    Atomics.store(this.control, CONTROL.WORD, word);
  }

  /**
   * The first one that is kept, from the oldest on, or (`backwards`) from the newest; what is given back is zeroes, and no beat. An engine that collects garbage
   * of ours would do so while the guest is paused.
   */
  private find(is: (value: number) => boolean, backwards = false): Change | undefined {
    const { changes } = this;
    const count = changes[0]!,
      oldest = Math.max(0, count - KEPT);
    for (let i = oldest; i < count; i++) {
      const at = 1 + 2 * ((backwards ? oldest + count - 1 - i : i) % KEPT);
      const value = changes[at + 1]!;
      if (value !== 0 && is(value)) return { ms: changes[at]!, value };
    }
    return undefined;
  }

  get last(): Change | undefined {
    return this.find(() => true, true);
  }

  /** The first one to a later value than this. */
  private firstAfter(before: number): Change | undefined {
    return this.find(value => ((value - before) | 0) > 0);
  }

  /** That one, looked for until it is there; undefined: it does not come. */
  async comesAfter(value: number, pause: (ms: number) => Promise<void>): Promise<Change | undefined> {
    for (let tries = 0; tries < MOST_LOOKS; tries++) {
      const change = this.firstAfter(value);
      if (change) return change;
      await pause(LOOK_MS);
    }
    return undefined;
  }

  end(): void {
    Atomics.store(this.control, CONTROL.ENDS, 1);
    Atomics.notify(this.control, CONTROL.ENDS);
  }
}
