/** Turns two readings of a domain's counters into rates. */

import { reasonOf } from '../hypervisor/view/index.ts';
import { type Counters, readCounters as readBlock } from '../hypervisor/view/index.ts';

export interface Sample extends Counters {
  /** When it was read, milliseconds of the page's clock. */
  at: number;
  /** Until when these are all that it did, microseconds on the clock of all workers: of one that runs, the end of its last slice. In virtual time: on its own. */
  asOfUs: number;
}

export interface Rates {
  instructionsPerSecond: number;
  exitsPerSecond: number;
  ioreqsPerSecond: number;
  /** Shares of the time, 0-1, as Xen's runstates part it: it had a processor, it waited for a slot, the host took the processor away. The rest it was blocked. */
  running: number;
  runnable: number;
  stolen: number;
  /** Share of its instructions that compiled code ran, 0-1; undefined: it retired none. */
  compiled: number | undefined;
  reasons: (Count & { reason: number })[];
  hypercalls: (Count & { number: number })[];
}

export interface Count {
  perSecond: number;
  total: number;
}

/** `words`: the counters block, in machine memory or as it was posted, read at `at` (milliseconds since `sharedOriginMs`). */
export function readCounters(words: Int32Array, at: number, sharedOriginMs = performance.timeOrigin): Sample {
  const counters = readBlock(words);
  return { ...counters, at, asOfUs: asOfUs(counters, (sharedOriginMs + at) * 1e3) };
}

function asOfUs({ state, hostUs, nowNs }: Counters, readUs: number): number {
  // The clock of all workers is not written in virtual time.
  if (hostUs === 0 && nowNs > 0) return nowNs / 1e3;
  return state === 'r' ? hostUs : readUs;
}

/** A guest's own time at a reading: one that sleeps has not written it since it fell asleep. Guests that sleep write virtual time, too. */
export const guestNs = ({ state, nowNs, hostUs, asOfUs }: Sample): number =>
  state === 'b' && hostUs > 0 ? nowNs + Math.max(0, asOfUs - hostUs) * 1e3 : nowNs;

/** A clock that is this far off its pace between two readings was set: the domain was restored. */
const JUMP_NS = 2e9;

/** Whether the difference of two samples is something that happened between them, and not a state that was put there. */
export function isContinuous(from: Sample, to: Sample): boolean {
  const passed = to.nowNs - from.nowNs;
  return passed >= 0 && passed <= (to.at - from.at) * 1e6 + JUMP_NS && to.retired >= from.retired;
}

/** What happened from one sample to a later one. */
export function rates(from: Sample, to: Sample): Rates {
  const seconds = Math.max((to.at - from.at) / 1000, 1e-3);
  const share = (before: number, after: number): number =>
    Math.max(0, after - before) / 1e3 / Math.max(1, to.asOfUs - from.asOfUs);
  return {
    instructionsPerSecond: Math.max(0, to.retired - from.retired) / seconds,
    exitsPerSecond: Math.max(0, to.exits - from.exits) / seconds,
    ioreqsPerSecond: Math.max(0, to.ioreqs - from.ioreqs) / seconds,
    running: share(from.runNs, to.runNs),
    runnable: share(from.waitNs, to.waitNs),
    stolen: share(from.stolenNs, to.stolenNs),
    compiled:
      to.retired > from.retired
        ? Math.max(0, to.tier.retired - from.tier.retired) / (to.retired - from.retired)
        : undefined,
    reasons: counts(from.byReason, to.byReason, seconds).map(({ index, ...count }) => ({
      reason: reasonOf(index),
      ...count,
    })),
    hypercalls: counts(from.hypercalls, to.hypercalls, seconds).map(({ index, ...count }) => ({
      number: index,
      ...count,
    })),
  };
}

/** Those of a row of 32-bit counters that ever counted, most frequent in total first. */
function counts(from: Uint32Array, to: Uint32Array, seconds: number): (Count & { index: number })[] {
  const seen: (Count & { index: number })[] = [];
  to.forEach((total, index) => {
    if (total > 0) seen.push({ index, perSecond: ((total - from[index]!) >>> 0) / seconds, total });
  });
  return seen.sort((a, b) => b.total - a.total);
}
