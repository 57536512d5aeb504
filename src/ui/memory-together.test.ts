import { expect, it } from 'vitest';
import { lacksTogether } from './memory-together.ts';

it('has room for guests together as far as the machine goes, with what the host keeps about each', () => {
  expect(lacksTogether([508, 508], 1018)).toBeUndefined();
  expect(lacksTogether([508, 509], 1018)).toBe(
    'The 2 to start take 1017 MiB together, and 2 that the host keeps about them; 1018 MiB are free. Choose fewer, or give them less memory.',
  );
  // One alone is judged by Domain 0.
  expect(lacksTogether([2028], 1018)).toBeUndefined();
});
