/** PAUSE-loop exiting (SDM vol. 3C, 26.1.3). */
import { beforeEach, expect, it } from 'vitest';
import { ExitReason } from './architecture/edge.ts';
import { EIP } from './architecture/registers.ts';
import { Bench, CODE } from './test-support/bench.ts';

const bench = new Bench();
const { R, cpu } = bench;
beforeEach(() => {
  bench.protectedMode();
  cpu.pauses.entered();
  cpu.controls.pauseLoop = { gap: 100, window: 1000 };
  bench.code('pause');
});

/** Whether PAUSE exits at this TSC. */
function exitsAt(tsc: number): boolean {
  bench.tsc = tsc | 0;
  R[EIP] = CODE;
  // HLT behind it would be an exit, and the next PAUSE the first one after an entry.
  return cpu.run(1) === ExitReason.PAUSE;
}
const span = (from: number, to: number, step: number): boolean[] => {
  const seen: boolean[] = [];
  for (let tsc = from; tsc <= to; tsc += step) seen.push(exitsAt(tsc));
  return seen;
};

it('exits at the first PAUSE that comes later than the window after the first of its loop, and a new loop begins behind the exit', () => {
  expect(span(5000, 6000, 100)).toEqual(Array(11).fill(false));
  expect([exitsAt(6001), exitsAt(6002), exitsAt(6102)]).toEqual([true, false, false]);
  expect(span(6202, 7002, 100)).toEqual(Array(9).fill(false));
  expect(exitsAt(7003)).toBe(true);
});

it('takes a PAUSE that comes later than the gap after the last for the first of a loop', () => {
  expect(span(0, 20_000, 101)).not.toContain(true);
});

it('counts modulo 2^32', () => {
  expect(span(2 ** 32 - 500, 2 ** 32 + 500, 100)).not.toContain(true);
  expect(exitsAt(2 ** 32 + 501)).toBe(true);
});

it('is for privilege level 0 alone', () => {
  bench.protectedMode(3);
  bench.code('pause; pause');
  cpu.controls.pauseLoop = { gap: 100, window: -1 };
  expect(bench.fault()).toEqual([13, 0, 4]);
});
