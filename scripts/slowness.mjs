import { performance } from 'node:perf_hooks';

/** Rounds of `work` in a millisecond on one of the two processors that the tests' limits were set on (an AMD EPYC of 2 cores, with nothing else to do). */
const ROUNDS_IN_MS = 500_000;
const PIECE_MS = 25,
  PIECES = 8;

/** Integer arithmetic that no compiler leaves out: the sum is used. */
function work(rounds) {
  let sum = 1;
  for (let i = 0; i < rounds; i++) sum = (Math.imul(sum, 1664525) + 1013904223) ^ (i >>> 3);
  return sum;
}

/**
 * How many times longer than on a quiet machine of the usual kind a fixed piece of work takes now, by the clock: other programs count as a slow processor does.
 * 1 and more. It takes 0.2 s of processor time.
 */
export function measureSlowness(now = () => performance.now()) {
  // Compiled code from here on.
  let sum = work(ROUNDS_IN_MS * PIECE_MS);
  const begin = now();
  for (let i = 0; i < PIECES; i++) sum ^= work(ROUNDS_IN_MS * PIECE_MS);
  const tookMs = now() - begin;
  return sum === 0.5 ? 1 : Math.max(1, tookMs / (PIECE_MS * PIECES));
}
