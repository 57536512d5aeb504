/**
 * What the balancer goes by. The plans are Xen Orchestra's (github.com/vatesfr/xen-orchestra, packages/xo-server-load-balancer/src, 9ef53890): its minutes are
 * scaled to a lesson's seconds, its mebibytes to hosts of a page.
 */

/**
 *   performance  hosts that are too busy, or short of memory, give guests away
 *   density      hosts with little to do are emptied
 *   off          nothing
 */
export const MODES = ['performance', 'density', 'off'] as const;
export type Mode = (typeof MODES)[number];

/** Shares of a host's slots that are busy. */
export interface BusyLines {
  /** Above this guests wait for each other. */
  critical: number;
  /** From here on a host is relieved, */
  high: number;
  /** until it is below this; nobody is made busier than this to relieve another. */
  calm: number;
  /** Below this a host is worth emptying. */
  low: number;
}

/** Shares of a host's memory that are free. */
export interface FreeLines {
  critical: number;
  high: number;
  calm: number;
  low: number;
}

export interface Settings {
  mode: Mode;
  /** Moves are made, not only advised. */
  automatic: boolean;
  busy: BusyLines;
  free: FreeLines;
  /** The average that is gone by: `recentWeight` × that of the last `recentMs` and the rest × that of the last `longMs`. */
  recentMs: number;
  longMs: number;
  recentWeight: number;
  /** A guest that was moved stays for this long, and the load is taken to stay as it is for this long. */
  restMs: number;
  /** A host that was not heard for this long is taken for lost. */
  lostMs: number;
  /** What a copy takes of a slot, on each of the two hosts. */
  copySlots: number;
  /** A move that stops the guest for longer is not made. */
  longestStopMs: number;
}

const CRITICAL_BUSY = 0.9;
/** Of 64 GiB, a common server's memory, Xen Orchestra's 1000 MiB are about this. */
const CRITICAL_FREE = 1 / 64;

/**
 * plan.js: DEFAULT_CRITICAL_THRESHOLD_CPU, HIGH_THRESHOLD_FACTOR, LOW_THRESHOLD_FACTOR and the same of memory. Its low thresholds were 0.25 and 20 in the
 * beginning, which tell hosts that are worth emptying; now they are 0.65 and 1.5, which tell where relief ends. Both are of use.
 */
export const DEFAULTS: Settings = {
  mode: 'performance',
  automatic: false,
  busy: { critical: CRITICAL_BUSY, high: 0.85 * CRITICAL_BUSY, calm: 0.65 * CRITICAL_BUSY, low: 0.25 * CRITICAL_BUSY },
  free: { critical: CRITICAL_FREE, high: 1.25 * CRITICAL_FREE, calm: 1.5 * CRITICAL_FREE, low: 20 * CRITICAL_FREE },
  recentMs: 10_000,
  longMs: 60_000,
  recentWeight: 0.75,
  restMs: 60_000,
  lostMs: 10_000,
  copySlots: 0.25,
  longestStopMs: 1000,
};
