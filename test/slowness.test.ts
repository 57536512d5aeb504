import { expect, it } from 'vitest';
// @ts-expect-error: scripts have no types.
import { measureSlowness } from '../scripts/slowness.mjs';

/** A clock that gives these readings. */
const clock =
  (...readings: number[]) =>
  () =>
    readings.shift()!;

it('is how many times longer the work took than 200 ms, and never less than 1', () => {
  expect(measureSlowness(clock(1000, 1800))).toBe(4);
  expect(measureSlowness(clock(0, 50))).toBe(1);
  expect(measureSlowness()).toBeGreaterThanOrEqual(1);
});
