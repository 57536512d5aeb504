/** Reads a domain's counters block (src/hypervisor/layout.ts) and turns two readings into rates. */

import { EXIT_COUNTERS, reasonOf } from '../hypervisor/exit-reasons.ts';
import { COUNTERS, COUNTER_WORDS } from '../hypervisor/layout.ts';
import { HYPERCALLS } from '../hypervisor/xen/abi.ts';

export interface Sample {
  /** When it was read, milliseconds of the page's clock. */
  at: number;
  /** Letter as `xl list` prints it. */
  state: string;
  retired: number;
  runNs: number;
  idleNs: number;
  exits: number;
  nowNs: number;
  /** Requests to the device model. */
  ioreqs: number;
  /** A counter a reason, in the block's order. */
  byReason: Uint32Array;
  /** Hypercalls by number. */
  hypercalls: Uint32Array;
}

export interface Rates {
  instructionsPerSecond: number;
  exitsPerSecond: number;
  ioreqsPerSecond: number;
  /** Share of the time that guest code ran, 0-1. */
  running: number;
  reasons: (Count & { reason: number })[];
  hypercalls: (Count & { number: number })[];
}

export interface Count {
  perSecond: number;
  total: number;
}

/** A consistent copy; the last try is taken as it is, so that a busy writer cannot starve the reader. */
export function readCounters(words: Int32Array, at: number): Sample {
  let copy = words.slice(0, COUNTER_WORDS);
  for (let tries = 0; tries < 4; tries++) {
    const before = Atomics.load(words, COUNTERS.SEQUENCE);
    copy = words.slice(0, COUNTER_WORDS);
    if (!(before & 1) && Atomics.load(words, COUNTERS.SEQUENCE) === before) break;
  }
  const u = new Uint32Array(copy.buffer, 0, COUNTER_WORDS);
  const wide = (at: number) => u[at]! + u[at + 1]! * 2 ** 32;
  const letter = u[COUNTERS.STATE]!;
  return {
    at,
    state: letter > 32 && letter < 127 ? String.fromCharCode(letter) : '',
    retired: wide(COUNTERS.RETIRED),
    runNs: wide(COUNTERS.RUN_NS),
    idleNs: wide(COUNTERS.IDLE_NS),
    exits: wide(COUNTERS.EXITS_TOTAL),
    nowNs: wide(COUNTERS.NOW_NS),
    ioreqs: wide(COUNTERS.IOREQS),
    byReason: u.slice(COUNTERS.EXITS, COUNTERS.EXITS + EXIT_COUNTERS),
    hypercalls: u.slice(COUNTERS.HYPERCALLS, COUNTERS.HYPERCALLS + HYPERCALLS),
  };
}

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
  return {
    instructionsPerSecond: Math.max(0, to.retired - from.retired) / seconds,
    exitsPerSecond: Math.max(0, to.exits - from.exits) / seconds,
    ioreqsPerSecond: Math.max(0, to.ioreqs - from.ioreqs) / seconds,
    running: Math.min(1, Math.max(0, to.runNs - from.runNs) / 1e9 / seconds),
    reasons: counts(from.byReason, to.byReason, seconds).map(({ index, ...count }) => ({ reason: reasonOf(index), ...count })),
    hypercalls: counts(from.hypercalls, to.hypercalls, seconds).map(({ index, ...count }) => ({ number: index, ...count })),
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
