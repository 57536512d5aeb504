/**
 * What its thread really had of the time that a domain's slices took. No browser tells a worker its processor time (getrusage, clock_gettime of a thread),
 * so it is judged by what can be seen from inside: the clock is looked at every half millisecond of work, and a look that comes much later than the
 * instructions since the last one explain means that the host gave the processor to others meanwhile (Xen's word for such time is stolen).
 *
 * Shorter gaps count as the domain's own, and so does a slow instruction mix once it has gone on for some looks. A pause of the engine's own (collecting
 * garbage) counts as stolen: the guest had no processor then. `npm run -s bench:thread` holds the estimate against what Linux says of the thread.
 */
import { DOUBLE_ZERO } from '../../cpu/architecture/index.ts';

/** Work between two looks at the clock. */
const LOOK_NS = 500e3;
/** Exits between two looks: they take longer than instructions, each as long as it likes. */
const LOOK_EXITS = 32;
/** A gap is so much more than expected, and this many times as much: a host's scheduler takes a processor away for no less. */
const GAP_NS = 300e3,
  GAP_TIMES = 2;
/** How far one look may change what instructions are thought to take. */
const MOST_SLOWER = 4,
  WEIGHT = 1 / 8;

export class ThreadTime {
  /** Nanoseconds, all three: the domain's thread ran; it was paused in the middle of a slice; it had something to do and no slot. */
  ranNs = DOUBLE_ZERO;
  stolenNs = DOUBLE_ZERO;
  waitedNs = DOUBLE_ZERO;
  /** Since the slice began, as of the latest look. */
  sliceMs = DOUBLE_ZERO;
  private beganMs = -0.5;
  private readonly hostMs: () => number;
  private nsPerInstruction = 8.5;
  private lastMs = -0.5;
  private lastRetired = DOUBLE_ZERO;
  private lookAt = DOUBLE_ZERO;
  private exitsLeft = 0;
  private waitsSinceMs = -0.5;

  /** `hostMs`: monotonic milliseconds with a fraction. */
  constructor(hostMs: () => number) {
    this.hostMs = hostMs;
  }

  /** A slice begins. */
  begin(retired: number): void {
    this.lastMs = this.beganMs = this.hostMs();
    this.sliceMs = DOUBLE_ZERO;
    this.lastRetired = retired;
    this.plan(retired);
  }

  /** Instructions until the next look, at least 1. */
  instructionsLeft(retired: number): number {
    return Math.max(1, this.lookAt - retired);
  }

  /** Between two runs of the processor. */
  pass(retired: number): void {
    if (retired >= this.lookAt || --this.exitsLeft <= 0) this.look(retired);
  }

  /** Looks at the clock; also where a slice ends. */
  look(retired: number): void {
    const ms = this.hostMs();
    this.sliceMs = ms - this.beganMs;
    const ns = (ms - this.lastMs) * 1e6,
      instructions = retired - this.lastRetired;
    this.plan(retired);
    // A clock that has not moved on has a coarse grain: its next change is judged by all that was done since the last one.
    if (ns <= 0) return;
    const expected = instructions * this.nsPerInstruction;
    if (ns - expected > GAP_NS && ns > GAP_TIMES * expected) {
      this.ranNs += expected;
      this.stolenNs += ns - expected;
    } else this.ranNs += ns;
    if (instructions > 0)
      this.nsPerInstruction +=
        (Math.min(MOST_SLOWER * this.nsPerInstruction, ns / instructions) - this.nsPerInstruction) * WEIGHT;
    this.lastMs = ms;
    this.lastRetired = retired;
  }

  private plan(retired: number): void {
    this.lookAt = retired + Math.ceil(LOOK_NS / this.nsPerInstruction);
    this.exitsLeft = LOOK_EXITS;
  }

  /** It has something to do and got no slot, or has one now. */
  setSlot(held: boolean): void {
    const ms = this.hostMs();
    if (!held) this.waitsSinceMs = ms;
    else if (this.waitsSinceMs >= 0) {
      this.waitedNs += (ms - this.waitsSinceMs) * 1e6;
      this.waitsSinceMs = -0.5;
    }
  }

  /** Microseconds on the clock of all this. */
  get nowUs(): number {
    return Math.floor(this.hostMs() * 1e3);
  }
}
