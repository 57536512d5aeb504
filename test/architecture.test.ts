/** The table "Where is …?" of docs/architecture.md leads to files that are there and hold what it says; prose wraps. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { file } from './support/needs.ts';

const LONGEST_LINE = 140;

const rows = [
  ...readFileSync(file('docs/architecture.md'), 'utf8').matchAll(/^\| ([^|]+) \| `(src\/[^`]+)` \| `([^`]+)` \|$/gm),
];

it('has at least forty facts', () => {
  expect(rows.length).toBeGreaterThanOrEqual(40);
});

it.each(rows.map(([, fact, path, word]) => [fact, path, word]))('%s: %s', (_fact, path, word) => {
  expect(existsSync(file(path))).toBe(true);
  expect(readFileSync(file(path), 'utf8')).toContain(word);
});

/** "- `folder` (about it): name, name (about it), …." */
const folders = [
  ...readFileSync(file('docs/architecture.md'), 'utf8').matchAll(
    /^- `(src\/[^`]+)`(?: \([^)]*\))?:((?:.|\n {2})*)\.$/gm,
  ),
];
const namesOf = (list: string): string[] =>
  list
    .replace(/\([^)]*\)/g, '')
    .split(',')
    .map(name => name.trim());
/** Sources of a folder by name, without what the map leaves out. */
const sourcesIn = (folder: string): string[] =>
  readdirSync(file(folder))
    .filter(name => /\.tsx?$/.test(name) && !/^index\.|\.test\.|\.d\.ts$|test-support|^testing\./.test(name))
    .map(name => name.replace(/\.\w+$/, ''));
const withSources = (readdirSync(file('src'), { recursive: true, withFileTypes: true }) as import('node:fs').Dirent[])
  .filter(entry => entry.isDirectory())
  .map(entry => `${entry.parentPath}/${entry.name}`.slice(file('').length).replace(/^\//, ''))
  .filter(folder => sourcesIn(folder).length > 0);

it('names every folder that has sources', () => {
  expect(withSources.filter(folder => !/test-support/.test(folder)).sort()).toEqual(
    folders.map(([, folder]) => folder).sort(),
  );
});

it.each(folders.map(([, folder, names]) => [folder, names]))(
  'names the sources of %s, all of them',
  (folder, names) => {
    expect(namesOf(names).sort()).toEqual(sourcesIn(folder).sort());
  },
);

it('keeps lines of prose short', () => {
  for (const name of readdirSync(file('docs')).filter(name => name.endsWith('.md')))
    for (const line of readFileSync(file(`docs/${name}`), 'utf8').split('\n'))
      if (!line.startsWith('|'))
        expect(line.length, `docs/${name}: ${line.slice(0, 60)}`).toBeLessThanOrEqual(LONGEST_LINE);
});

it('leads from page to page', () => {
  for (const name of readdirSync(file('docs')).filter(name => name.endsWith('.md')))
    for (const [, target] of readFileSync(file(`docs/${name}`), 'utf8').matchAll(/\]\(([\w-]+\.\w+)\)/g))
      expect(existsSync(file(`docs/${target}`)), `docs/${name}: ${target}`).toBe(true);
});
