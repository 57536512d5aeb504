import { expect, it } from 'vitest';
import { drawing } from './pick.ts';
import { ratioOf } from './median.ts';

it('says how sure a ratio is', () => {
  const few = ratioOf([10, 20, 90], [10, 30, 40], drawing(1));
  expect([few.ratio, few.low < 1, few.high > 1]).toEqual([20 / 30, true, true]);
  const apart = ratioOf([40, 41, 42, 43, 44], [10, 11, 12, 13, 14], drawing(1));
  expect([apart.ratio, apart.low > 1, apart.high < 5]).toEqual([42 / 12, true, true]);
});

it('says so where there is nothing to compare', () => {
  expect(ratioOf([], [1], drawing(1)).ratio).toBeNaN();
});
