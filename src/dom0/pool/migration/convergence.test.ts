import { expect, it } from 'vitest';
import { Convergence, MOST_THROTTLED_ROUNDS } from './convergence.ts';

function watched(throttles: boolean, cap = 0, vcpus = 1) {
  const shares = { cap },
    caps: number[] = [];
  const queue = {
    shares: () => shares as never,
    adjust: (_index: number, now: { cap?: number }) => {
      shares.cap = now.cap!;
      caps.push(shares.cap);
    },
  };
  return { convergence: new Convergence({ queue, index: 1, vcpus, throttles }), caps };
}

/** Rounds of this many frames, each of 100 ms. */
function rounds(convergence: Convergence, frames: number[]): void {
  frames.forEach((each, i) => convergence.begins(each, 1000 + 100 * i));
}

it('takes more and more from a guest whose rounds do not become shorter, and gives it back', () => {
  const { convergence, caps } = watched(true);
  rounds(convergence, [1000, 900, 900, 900, 900, 900, 900]);
  expect(caps).toEqual([80, 70, 60]);
  rounds(
    convergence,
    Array.from({ length: MOST_THROTTLED_ROUNDS - 7 }, () => 900),
  );
  expect(caps.at(-1)).toBe(1);
  expect(convergence.problem('web', 'b')).toMatch(/slowed down as far as it goes/);
  convergence.release();
  expect(caps.at(-1)).toBe(0);
});

it('counts the processors, and what somebody else has taken', () => {
  const two = watched(true, 0, 2);
  rounds(two.convergence, [1000, 900, 900]);
  expect(two.caps).toEqual([160]);
  const capped = watched(true, 50);
  rounds(capped.convergence, [1000, 900, 900]);
  capped.convergence.release();
  expect(capped.caps).toEqual([50, 50]);
});

it('leaves one alone whose rounds become shorter, or that nobody asked to slow down, and says at which rate that writes', () => {
  const shorter = watched(true);
  rounds(shorter.convergence, [1000, 400, 100, 20]);
  expect([shorter.caps, shorter.convergence.problem('web', 'b')]).toEqual([[], undefined]);
  const { convergence, caps } = watched(false);
  rounds(convergence, [1000, 900, 900, 900]);
  expect(caps).toEqual([]);
  expect(convergence.problem('web', 'b')).toBe(
    'While 900 pages went to b, web wrote 900 (9000 pages/s): its rounds do not become shorter, and it is paused for the rest. Slow it down (xl sched-credit -d web -c 20), or migrate it with --auto-converge.',
  );
});
