/** The time of pools in tests, which runs faster than the wall's. */
import type { Later } from '../host/index.ts';

/**
 * Time of pools goes on by so much at each tick of the wall's clock, so that on a slow machine it is slow, too: a host that is busy for a second has not been
 * silent for one to the others, who are in the same process.
 */
const STEP_MS = 100,
  TICK_MS = 5;

/** The time of all pools here. */
class PoolClock {
  nowMs = 0;
  private readonly timers = new Set<{ atMs: number; callback: () => void }>();
  private isTicking = false;

  readonly later: Later = (ms, callback) => {
    const timer = { atMs: this.nowMs + ms, callback };
    this.timers.add(timer);
    this.tickOn();
    return () => void this.timers.delete(timer);
  };

  private tickOn(): void {
    if (this.isTicking || this.timers.size === 0) return;
    this.isTicking = true;
    setTimeout(() => {
      this.isTicking = false;
      this.nowMs += STEP_MS;
      for (const timer of [...this.timers].sort((one, other) => one.atMs - other.atMs))
        if (timer.atMs <= this.nowMs && this.timers.delete(timer)) timer.callback();
      this.tickOn();
    }, TICK_MS);
  }
}
const clock = new PoolClock();
export const poolLater = clock.later;
/** The time of pools. */
export const poolMs = (): number => clock.nowMs;
/** So much of the pools' time has gone by. */
export const poolTime = (ms: number): Promise<void> => new Promise(resolve => void clock.later(ms, resolve));
