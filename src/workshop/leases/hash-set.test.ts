import { expect, it } from 'vitest';
import { HashSet } from './hash-set.ts';

it('has each text once, however many there are', () => {
  const set = new HashSet();
  const texts = Array.from({ length: 200_000 }, (_each, index) => `world ${index % 150_000}`);
  expect(texts.filter(text => set.add(text))).toHaveLength(150_000);
  expect(set.size).toBe(150_000);
  expect(set.add('')).toBe(true);
  expect(set.add('')).toBe(false);
});
