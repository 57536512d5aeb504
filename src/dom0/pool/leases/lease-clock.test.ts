import { describe, expect, it } from 'vitest';
import { leaseClock, WALL_GRAIN_MS } from './lease-clock.ts';

const SET_BACK_MS = 12_000;

/** A monotonic clock, a wall clock, and what runs on them. */
function clocks() {
  const at = { monotonicMs: 5000, wallMs: 1.7e12 };
  const nowMs = leaseClock(
    () => at.monotonicMs,
    [{ nowMs: () => Math.floor(at.wallMs), grainMs: WALL_GRAIN_MS }],
    SET_BACK_MS,
  );
  const pass = (monotonicMs: number, wallMs = monotonicMs): number => {
    const before = nowMs();
    at.monotonicMs += monotonicMs;
    at.wallMs += wallMs;
    return nowMs() - before;
  };
  return { at, nowMs, pass };
}

describe('the clock of a holder’s leases', () => {
  it('runs as both clocks do, though the wall clock has whole milliseconds alone', () => {
    const { nowMs, pass } = clocks();
    const begin = nowMs();
    for (let i = 0; i < 10_000; i++) pass(0.37);
    expect(nowMs() - begin).toBeCloseTo(3700, 6);
  });

  it('goes on while the monotonic clock stands still, as in a machine that sleeps', () => {
    const { pass } = clocks();
    expect(pass(0, 3_600_000)).toBe(3_600_000);
    // Again, and by steps that each could be taken for a difference in reading.
    expect(pass(0, 9000)).toBe(9000);
    let sum = 0;
    for (let i = 0; i < 100; i++) sum += pass(10, 100);
    expect(sum).toBeGreaterThan(10_000 - 2 * WALL_GRAIN_MS);
  });

  it('goes on while the wall clock stands still', () => {
    const { pass } = clocks();
    for (let i = 0; i < 80; i++) pass(100, 0);
    expect(pass(1000, 0)).toBeGreaterThanOrEqual(1000);
  });

  it('takes a wall clock that is set back for a sleep, also where it hides one', () => {
    const { pass } = clocks();
    expect(pass(500, -3_600_000)).toBe(500 + SET_BACK_MS);
    // From then on it is measured by what it shows now: an hour of sleep takes it to where it was.
    expect(pass(0, 3_600_000)).toBe(3_600_000);
  });

  it('does not take a reading that was interrupted for a jump', () => {
    let nowMs = 0,
      interrupted = false;
    const monotonicMs = (): number => nowMs;
    const wallMs = (): number => {
      const shown = nowMs + 1e12;
      // The process does not run between two readings.
      if (interrupted) nowMs += 5000;
      interrupted = false;
      return shown;
    };
    const clock = leaseClock(monotonicMs, [{ nowMs: wallMs, grainMs: WALL_GRAIN_MS }], SET_BACK_MS);
    for (let i = 0; i < 3; i++) {
      interrupted = true;
      expect(clock()).toBe(nowMs);
      expect(clock()).toBe(nowMs);
    }
  });

  it('never goes back, and takes the larger advance of several clocks', () => {
    let [monotonicMs, wallMs, bootMs] = [0, 1e12, 0];
    const clock = leaseClock(
      () => monotonicMs,
      [
        { nowMs: () => wallMs, grainMs: WALL_GRAIN_MS },
        { nowMs: () => bootMs, grainMs: WALL_GRAIN_MS },
      ],
      SET_BACK_MS,
    );
    const before = clock();
    // An hour of sleep, behind which the wall clock is set to what it showed before.
    bootMs += 3_600_000;
    expect(clock() - before).toBe(3_600_000);
    monotonicMs += 10;
    [wallMs, bootMs] = [wallMs + 10, bootMs + 10];
    expect(clock() - before).toBe(3_600_010);
  });
});
