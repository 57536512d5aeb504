import { expect, it } from 'vitest';
import { creditScale } from './schedule.tsx';

it('credits of all lanes have one scale: no finer than an accounting’s, and wide enough for the least and the greatest', () => {
  const lane = (...credits: number[]) => ({ credit: credits.map((credit, i) => ({ ns: i, credit })) });
  expect(creditScale([lane(0, 120), lane(-18)], 300)).toEqual({ least: -300, most: 300 });
  expect(creditScale([lane(268, 96), lane(-182, -404), lane()], 300)).toEqual({ least: -404, most: 300 });
});
