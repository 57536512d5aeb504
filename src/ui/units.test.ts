import { expect, it } from 'vitest';
import { later } from './units.ts';

it('tells how long after the first something was, in µs up to a second', () => {
  expect([0, 400, 411_499, 5_981_000, 999_999_400].map(later)).toEqual(['0 µs', '0 µs', '+411 µs', '+5\u202f981 µs', '+999\u202f999 µs']);
  expect(later(1_250_000_000)).toBe('+1.250 s');
});
