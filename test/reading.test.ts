/** The order of reading in docs/reading.md leads to forty files that are there, begin with what they are, and can be read in a week. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { file } from './support/needs.ts';

const text = readFileSync(file('docs/reading.md'), 'utf8');
const items = [...text.matchAll(/^(\d+)\. `([^`]+)`/gm)].map(([, number, path]) => ({
  number: Number(number),
  path: path!,
}));

it('names forty files in order', () => {
  expect(items.map(({ number }) => number)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
});

it.each(items.map(({ path }) => path))('%s is there and says at its head what it is', path => {
  expect(existsSync(file(path))).toBe(true);
  expect(readFileSync(file(path), 'utf8')).toMatch(/^\/\*\*/);
});

it('asks for at most 4,000 lines a day', () => {
  const days = text.split(/^## /m).slice(1);
  expect(days).toHaveLength(5);
  for (const day of days) {
    const paths = [...day.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, path]) => path!);
    const lines = paths.reduce((sum, path) => sum + readFileSync(file(path), 'utf8').split('\n').length, 0);
    expect(lines, day.slice(0, 20)).toBeLessThanOrEqual(4_000);
  }
});
