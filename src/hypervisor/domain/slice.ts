/** A slice: the guest code that runs between two looks of the domain's caller, what came of it, and how long it lasts. */
import type { Ending } from './ending.ts';

export type SliceResult =
  /** More to do: call again soon. `callsDomain0`: in the middle of its slice, which goes on once Domain 0 has been served. */
  | { state: 'running'; callsDomain0?: true }
  /** The processor is halted until `untilNs` of the domain's clock (Infinity: until an input comes); `latestNs` is early enough while no domain computes. */
  | { state: 'parked'; untilNs: number; latestNs: number }
  | { state: 'paused' }
  | { state: 'ended'; ending: Ending };

/** A slice should last about this long, so that inputs and other domains in the same worker wait no longer. */
const SLICE_NS = 2e6;
const FIRST_INSTRUCTIONS = 50_000,
  MIN_INSTRUCTIONS = 5_000,
  MAX_INSTRUCTIONS = 5_000_000;
/** In virtual time slices are cut where a multiple of this has been retired, so that those of a restored guest end where they would have. */
const VIRTUAL_INSTRUCTIONS = 250_000;

/** How long slices are, in instructions: in host time by the speed of those before. */
export class SliceLength {
  private instructions = FIRST_INSTRUCTIONS;

  /** Of the one that begins where the domain has retired this many. */
  from(retired: number, isVirtual: boolean): number {
    return isVirtual ? VIRTUAL_INSTRUCTIONS - (retired % VIRTUAL_INSTRUCTIONS) : this.instructions;
  }

  /** In host time this many were retired in this long. */
  took(ns: number, retired: number): void {
    if (retired < MIN_INSTRUCTIONS || ns <= 0) return;
    const fitting = (retired * SLICE_NS) / ns;
    this.instructions = Math.min(
      MAX_INSTRUCTIONS,
      Math.max(MIN_INSTRUCTIONS, Math.round((this.instructions * 3 + fitting) / 4)),
    );
  }
}
