/** The table "Where is …?" of docs/architecture.md leads to files that are there and hold what it says; prose wraps. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { file } from './support/needs.ts';

const LONGEST_LINE = 140;

const rows = [...readFileSync(file('docs/architecture.md'), 'utf8').matchAll(/^\| ([^|]+) \| `(src\/[^`]+)` \| `([^`]+)` \|$/gm)];

it('has at least forty facts', () => {
  expect(rows.length).toBeGreaterThanOrEqual(40);
});

it.each(rows.map(([, fact, path, word]) => [fact, path, word]))('%s: %s', (_fact, path, word) => {
  expect(existsSync(file(path))).toBe(true);
  expect(readFileSync(file(path), 'utf8')).toContain(word);
});

const folders = [...readFileSync(file('docs/architecture.md'), 'utf8').matchAll(/^- `(src\/[^`]+)`(?: \([^)]*\))?:((?:.|\n {2})*)\.$/gm)];

it('names folders', () => {
  expect(folders.length).toBeGreaterThan(50);
});

it.each(folders.map(([, folder, names]) => [folder, names]))('%s holds the files that are named', (folder, names) => {
  const held = readdirSync(file(folder)).map(name => name.replace(/\.\w+$/, ''));
  expect(held).toEqual(expect.arrayContaining(names.split(',').map(name => name.trim())));
});

it('keeps lines of prose short', () => {
  for (const name of readdirSync(file('docs')).filter(name => name.endsWith('.md')))
    for (const line of readFileSync(file(`docs/${name}`), 'utf8').split('\n'))
      if (!line.startsWith('|')) expect(line.length, `docs/${name}: ${line.slice(0, 60)}`).toBeLessThanOrEqual(LONGEST_LINE);
});

it('leads from page to page', () => {
  for (const name of readdirSync(file('docs')).filter(name => name.endsWith('.md')))
    for (const [, target] of readFileSync(file(`docs/${name}`), 'utf8').matchAll(/\]\(([\w-]+\.\w+)\)/g))
      expect(existsSync(file(`docs/${target}`)), `docs/${name}: ${target}`).toBe(true);
});
