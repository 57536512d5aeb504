/**
 * The clock by which a holder's leases run out. The monotonic clock of Linux is paused while the machine sleeps (CLOCK_MONOTONIC, clock_gettime(2)), and so does
 * performance.now() in node and in Chromium there: a host that slept for an hour would believe its leases. So this clock takes the larger advance of the monotonic
 * clock and of others that go on. A wall clock that is set forward ends a lease too early, which is safe: the holder asks again. One that is set back may hide a
 * sleep, so it counts as one. A coordinator must not use this clock, since it may run too fast for the others.
 */

export interface OtherClock {
  nowMs(): number;
  /** Milliseconds by which its readings may be off against the monotonic clock though both ran alike. */
  grainMs: number;
}

/** Date.now() has whole milliseconds. NTP slews a clock by less than this between two looks, and steps it by more than 128 ms (ntpd(8), -x). */
export const WALL_GRAIN_MS = 100;
/** Two clocks cannot be read at once: a reading that took longer than this is taken again, this often. */
const MOST_READING_MS = 20,
  MOST_READINGS = 5;

/** `setBackMs`: what a clock that was set back counts as. */
export function leaseClock(monotonicMs: () => number, others: readonly OtherClock[], setBackMs: number): () => number {
  /** How far each was ahead of the monotonic clock, at least, since it last jumped. */
  const aheadMs = others.map(({ nowMs }) => readAhead(monotonicMs, nowMs).most);
  let missedMs = 0;
  return () => {
    let jumpMs = 0;
    for (const [index, { nowMs, grainMs }] of others.entries()) {
      const before = aheadMs[index]!;
      const ahead = readAhead(monotonicMs, nowMs);
      if (ahead.least > before + grainMs) jumpMs = Math.max(jumpMs, ahead.most - before);
      else if (ahead.most < before - grainMs) jumpMs = Math.max(jumpMs, setBackMs);
      else {
        aheadMs[index] = Math.min(before, ahead.most);
        continue;
      }
      aheadMs[index] = ahead.most;
    }
    missedMs += jumpMs;
    return monotonicMs() + missedMs;
  };
}

/** How far a clock is ahead of the monotonic one lies between these. */
function readAhead(monotonicMs: () => number, nowMs: () => number): { least: number; most: number } {
  for (let readings = 1; ; readings++) {
    const before = monotonicMs();
    const now = nowMs();
    const after = monotonicMs();
    if (after - before <= MOST_READING_MS || readings === MOST_READINGS)
      return { least: now - after, most: now - before };
  }
}
