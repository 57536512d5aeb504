import fc from 'fast-check';
import { expect, it } from 'vitest';
import { niceTop } from './nice-top.ts';

it('ends a scale at a round number that is no less than what is shown, and not much more', () => {
  expect([1, 1.2, 3, 4.5, 37, 100, 1978].map(niceTop)).toEqual([1, 2, 4, 5, 40, 100, 2000]);
  fc.assert(
    fc.property(fc.double({ min: 0.1, max: 1e6, noNaN: true }), most => {
      const top = niceTop(most);
      expect(top).toBeGreaterThanOrEqual(most * 0.999);
      expect(top).toBeLessThanOrEqual(most * 2.01);
    }),
  );
});
