import { describe, expect, it } from 'vitest';
import { placed, scaleOf } from './dots.ts';

describe('dots', () => {
  it('stand where their numbers are, from the least to the most', () => {
    const { at, low, high } = scaleOf([10, 60, 110]);
    expect([low, high, at(10), at(60), at(110)]).toEqual([10, 110, 0, 0.5, 1]);
    expect(scaleOf([7, 7]).at(7)).toBe(0.5);
  });

  it('stand by their logarithm where one is far more than another', () => {
    expect(scaleOf([1, 100, 10_000]).at(100)).toBeCloseTo(0.5);
    // There is none of 0.
    expect(scaleOf([0, 5000, 10_000]).at(5000)).toBe(0.5);
  });

  it('hide none: what is at the same place stands above it', () => {
    const values = [50, 0, 50, 100, 50, 51];
    expect(placed(values, scaleOf(values)).map(({ row }) => row)).toEqual([0, 0, 1, 0, 2, 3]);
  });
});
