/**
 * Which guest frames of a domain were written since somebody last asked: what live migration, incremental snapshots and checkpoints copy again. The words are
 * Xen's (XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, PEEK, CLEAN and OFF in xen/include/public/domctl.h).
 *
 * Processors, device models and back ends note frames of machine memory in one log (cpu/architecture/write-log.ts); here is what one domain's second stage
 * makes of it. A frame that somebody else may write through a mapping of his own, or that the hypervisor itself writes, counts as written each time.
 */
import { WRITE_LOG_HEAD } from '../../cpu/architecture/index.ts';
import { FRAME } from '../layout/layout.ts';
import type { DomainRecord, Machine } from './machine.ts';
import { mfnOf, type SecondStage } from './second-stage.ts';

export interface DirtyLogParts {
  machine: Machine;
  record: DomainRecord;
  /** Returns when the domain's processor uses no translation any more that it had before the call. */
  flush(): void;
  /** Machine frames that the hypervisor writes for the guest by itself: its time, its events. */
  ownWrites?(): Iterable<number>;
}

export class DirtyLog {
  private readonly parts: DirtyLogParts;
  private readonly stage: SecondStage;
  /** The second stage as it was at the last `clean`: another frame is another content. */
  private seen: SecondStage;
  /** A table that nobody looks at any more: one of 4 MiB that is made each time has the engine collect garbage while a guest is paused. */
  private spare: SecondStage | undefined;
  private isOn = true;

  /** Begins to keep it; nothing counts as written yet. */
  constructor(parts: DirtyLogParts) {
    this.parts = parts;
    const { machine, record } = parts;
    this.stage = machine.secondStage(record);
    this.seen = this.stage.copy();
    Atomics.add(machine.words, machine.writeLogAt, 1);
    this.clean();
  }

  /** A bit a guest frame: it was written, or has come, since the last `clean`; what comes meanwhile may count. */
  peek(): Uint8Array<ArrayBuffer> {
    this.spare = this.stage.copy(this.spare);
    return this.writtenOf(this.spare);
  }

  /** `stage`: a copy, where the second stage may change meanwhile. */
  private writtenOf(stage: SecondStage): Uint8Array<ArrayBuffer> {
    const { machine, ownWrites } = this.parts;
    const { words } = machine;
    const written = new Uint8Array(Math.ceil(stage.frames / 8));
    for (const mfn of ownWrites?.() ?? []) if (mfn >= 0) machine.writeLog.note(mfn);
    const log = this.wordOf(0),
      is = stage.words,
      was = this.seen.words;
    // A guest is paused for this walk over all of its memory: it makes nothing for each frame, and calls little.
    for (let gfn = stage.next(0); gfn < is.length; gfn++) {
      const entry = is[gfn]!;
      if (entry === 0) {
        gfn = stage.next(gfn) - 1;
        continue;
      }
      const mfn = mfnOf(entry);
      if (
        mfn >= 0 &&
        // Who writes by a mapping notes that before he lets it go: where nobody is found, the bit is looked at behind that.
        (words[machine.frameEntry(mfn) + FRAME.SHARED]! > 0 ||
          words[log + (mfn >>> 5)]! & (1 << (mfn & 31)) ||
          (was[gfn] !== entry && mfnOf(was[gfn]!) !== mfn))
      )
        written[gfn >>> 3]! |= 1 << (gfn & 7);
    }
    return written;
  }

  /**
   * The same, and from now on what is written counts again. Who copies a frame afterwards gets all that was written before; a write during the copy counts
   * for the next time.
   */
  clean(): Uint8Array<ArrayBuffer> {
    const { machine, flush } = this.parts;
    const stage = this.stage.copy(this.spare);
    const written = this.writtenOf(stage);
    // Only what was found is cleared: a bit that has come meanwhile stays.
    for (const gfn of framesIn(written)) {
      const mfn = mfnOf(stage.words[gfn]!);
      Atomics.and(machine.words, this.wordOf(mfn), ~(1 << (mfn & 31)));
    }
    this.spare = this.seen;
    this.seen = stage;
    flush();
    return written;
  }

  /** The same, for the last time, of a domain that is paused: nothing is copied for a next one, and nothing is kept any more. */
  last(): Uint8Array<ArrayBuffer> {
    const written = this.writtenOf(this.stage);
    this.end();
    return written;
  }

  /** Nothing is kept any more. */
  end(): void {
    if (!this.isOn) return;
    this.isOn = false;
    Atomics.sub(this.parts.machine.words, this.parts.machine.writeLogAt, 1);
  }

  private wordOf(mfn: number): number {
    return this.parts.machine.writeLogAt + WRITE_LOG_HEAD + (mfn >>> 5);
  }
}

/** The guest frames whose bits are set. */
export function* framesIn(written: Uint8Array): Generator<number> {
  // Of a table for 4 GiB that a guest of 128 MiB has, most is empty.
  const words = new Int32Array(written.buffer, written.byteOffset, written.length >>> 2);
  for (let word = 0; word < words.length; word++)
    for (let bits = words[word]!; bits !== 0; bits &= bits - 1) yield 32 * word + 31 - Math.clz32(bits & -bits);
  for (let at = words.length << 2; at < written.length; at++)
    for (let bits = written[at]!; bits !== 0; bits &= bits - 1) yield 8 * at + 31 - Math.clz32(bits & -bits);
}

/** How many bits are set. */
export function countOf(written: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < written.length; at++) for (let bits = written[at]!; bits !== 0; bits &= bits - 1) count++;
  return count;
}
