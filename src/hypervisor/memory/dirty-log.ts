/**
 * Which guest frames of a domain were written since somebody last asked: what live migration, incremental snapshots and checkpoints copy again. The words are
 * Xen's (XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, PEEK, CLEAN and OFF in xen/include/public/domctl.h).
 *
 * Processors, device models and back ends note frames of machine memory in one log (cpu/architecture/write-log.ts); here stands what one domain's second stage
 * makes of it. A frame that somebody else may write through a mapping of his own, or that the hypervisor itself writes, counts as written each time.
 */
import { P2M_ON_DEMAND, WRITE_LOG_HEAD } from '../../cpu/architecture/index.ts';
import { FRAME, FRAME_SHIFT } from '../layout/layout.ts';
import type { DomainRecord, Machine } from './machine.ts';

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
  private readonly p2m: Int32Array;
  /** The second stage as it was at the last `clean`: another frame is another content. */
  private readonly seen: Int32Array;
  private isOn = true;

  /** Begins to keep it; nothing counts as written yet. */
  constructor(parts: DirtyLogParts) {
    this.parts = parts;
    const { machine, record } = parts;
    this.p2m = machine.p2m(record);
    this.seen = new Int32Array(this.p2m.length);
    Atomics.add(machine.words, machine.writeLogAt, 1);
    this.clean();
  }

  /** A bit a guest frame: it was written, or has come, since the last `clean`. Changes nothing. */
  peek(): Uint8Array<ArrayBuffer> {
    return this.writtenOf(this.p2m.slice());
  }

  /** `p2m`: the second stage as it is now, which may change meanwhile. */
  private writtenOf(p2m: Int32Array): Uint8Array<ArrayBuffer> {
    const { seen } = this;
    const { machine, ownWrites } = this.parts;
    const { words } = machine;
    const written = new Uint8Array(Math.ceil(p2m.length / 8));
    const own = new Set(ownWrites?.());
    for (let gfn = 0; gfn < p2m.length; gfn++) {
      if (!isMemory(p2m[gfn]!)) continue;
      const mfn = p2m[gfn]! >>> FRAME_SHIFT;
      if (
        Atomics.load(words, this.wordOf(mfn)) & (1 << (mfn & 31)) ||
        (p2m[gfn]! ^ seen[gfn]!) >>> FRAME_SHIFT !== 0 ||
        Atomics.load(words, machine.frameEntry(mfn) + FRAME.SHARED) > 0 ||
        own.has(mfn)
      )
        written[gfn >>> 3]! |= 1 << (gfn & 7);
    }
    return written;
  }

  /**
   * The same, and from now on what is written counts anew. Who copies a frame afterwards gets all that was written before; a write during the copy counts
   * for the next time.
   */
  clean(): Uint8Array<ArrayBuffer> {
    const { machine, flush } = this.parts;
    const p2m = this.p2m.slice();
    const written = this.writtenOf(p2m);
    // Only what was found is cleared: a bit that has come meanwhile stays.
    for (let gfn = 0; gfn < p2m.length; gfn++) {
      if (!(written[gfn >>> 3]! & (1 << (gfn & 7)))) continue;
      const mfn = p2m[gfn]! >>> FRAME_SHIFT;
      Atomics.and(machine.words, this.wordOf(mfn), ~(1 << (mfn & 31)));
    }
    this.seen.set(p2m);
    flush();
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

const isMemory = (entry: number): boolean => entry !== 0 && entry !== P2M_ON_DEMAND;
