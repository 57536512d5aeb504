/** Fifty times a guest of each type, under load: saved at a random moment, and after it has suspended itself. */
import { describe, expect, it } from 'vitest';
import { type Kind, saveAtRandom } from '../support/saved-guests.ts';

const TIMES = 50;

describe.each(['pvh', 'hvm'] as Kind[])(
  'a %s guest that checksums its memory and counts ticks, among others that compute',
  kind => {
    it.each([false, true])(`goes on in another host, ${TIMES} times (asked to suspend itself: %s)`, asked => {
      const wrong: string[] = [];
      for (let seed = 100; seed < 100 + TIMES; seed++) wrong.push(...saveAtRandom(kind, seed, asked));
      expect(wrong).toEqual([]);
    });
  },
);

it(`a paravirtual guest that checksums its memory and counts ticks goes on in another host, ${TIMES} times (asked to suspend itself)`, () => {
  const wrong: string[] = [];
  for (let seed = 200; seed < 200 + TIMES; seed++) wrong.push(...saveAtRandom('pv', seed, true));
  expect(wrong).toEqual([]);
});
