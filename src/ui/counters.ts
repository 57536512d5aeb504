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
  /** Time that it waited for a slot, and that the host took from its thread. */
  waitNs: number;
  stolenNs: number;
  /** Until when these are all that it did, microseconds on the clock of all workers: of one that runs, the end of its last slice. */
  asOfUs: number;
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
  /** Shares of the time, 0-1, as Xen's runstates part it: it had a processor, it waited for a slot, the host took the processor away. The rest it was blocked. */
  running: number;
  runnable: number;
  stolen: number;
  reasons: (Count & { reason: number })[];
  hypercalls: (Count & { number: number })[];
}

export interface Count {
  perSecond: number;
  total: number;
}

const RUNNING = 'r'.charCodeAt(0);

/**
 * A consistent copy, read at `at` (milliseconds since `sharedOriginMs`); the last try is taken as it is, so that a busy writer cannot starve the reader.
 */
export function readCounters(words: Int32Array, at: number, sharedOriginMs = performance.timeOrigin): Sample {
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
    waitNs: wide(COUNTERS.WAIT_NS),
    stolenNs: wide(COUNTERS.STOLEN_NS),
    asOfUs: letter === RUNNING ? wide(COUNTERS.HOST_US) : (sharedOriginMs + at) * 1e3,
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
  const share = (before: number, after: number): number => Math.max(0, after - before) / 1e3 / Math.max(1, to.asOfUs - from.asOfUs);
  return {
    instructionsPerSecond: Math.max(0, to.retired - from.retired) / seconds,
    exitsPerSecond: Math.max(0, to.exits - from.exits) / seconds,
    ioreqsPerSecond: Math.max(0, to.ioreqs - from.ioreqs) / seconds,
    running: share(from.runNs, to.runNs),
    runnable: share(from.waitNs, to.waitNs),
    stolen: share(from.stolenNs, to.stolenNs),
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

/** Processors that these domains had together, never more than there are slots: what they ran, over all of the time in which they ran it. */
export function hostLoad(spans: readonly { from: Sample; to: Sample }[]): number {
  const us = Math.max(...spans.map(({ to }) => to.asOfUs)) - Math.min(...spans.map(({ from }) => from.asOfUs));
  return spans.length === 0 ? 0 : spans.reduce((sum, { from, to }) => sum + Math.max(0, to.runNs - from.runNs), 0) / 1e3 / Math.max(1, us);
}
