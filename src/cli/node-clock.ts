/** Time and chance in node, as hosts want them handed in. */
import { closeSync, openSync, readSync } from 'node:fs';
export { sharedMs } from '../hypervisor/worker/index.ts';

/** As soon as the event loop had its turn. */
export const soon = (callback: () => void): void => void setImmediate(callback);

/** After some milliseconds, at most the longest that node knows; the result takes it back. */
export const later = (ms: number, callback: () => void): (() => void) => {
  const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1));
  return () => clearTimeout(timer);
};

/** What a host's state is opened with. */
export const nodeState = {
  epochMs: () => Date.now(),
  random: (below: number) => Math.floor(Math.random() * below),
  later,
};

/** Hundredths of a second (proc_uptime(5)). */
const UPTIME_GRAIN_MS = 100;
/** It is not read more often, by the monotonic clock: the wall clock is asked each time. */
const UPTIME_EACH_MS = 50;

/**
 * How long this machine has been on, those milliseconds among them in which it slept: Linux's CLOCK_BOOTTIME, which node cannot read, is the first number of
 * /proc/uptime. Nobody sets it. Undefined: there is no such file.
 */
export function upClock(path = '/proc/uptime'): { nowMs(): number; grainMs: number } | undefined {
  const bytes = Buffer.alloc(64);
  const read = (): number => {
    const file = openSync(path, 'r');
    try {
      return 1000 * Number.parseFloat(bytes.toString('latin1', 0, readSync(file, bytes)));
    } finally {
      closeSync(file);
    }
  };
  try {
    if (Number.isNaN(read())) return undefined;
  } catch {
    return undefined;
  }
  let [readMs, shownMs] = [-Infinity, 0];
  const nowMs = (): number => {
    const now = performance.now();
    if (now - readMs < UPTIME_EACH_MS) return shownMs + (now - readMs);
    [readMs, shownMs] = [now, read()];
    return shownMs;
  };
  return { nowMs, grainMs: UPTIME_GRAIN_MS };
}
