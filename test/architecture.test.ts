/** docs/architecture.md is short and leads to files that are there and hold what it says; docs/files.md lists every file; prose wraps. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { file } from './support/needs.ts';

const LONGEST_LINE = 140;
/** Fifteen minutes at the pace of somebody who reads to understand. */
const MOST_WORDS = 3_500;

const map = readFileSync(file('docs/architecture.md'), 'utf8');
const pages = readdirSync(file('docs')).filter(name => name.endsWith('.md'));

it('is read in fifteen minutes', () => {
  expect(map.split(/\s+/).length).toBeLessThanOrEqual(MOST_WORDS);
});

const rows = [...map.matchAll(/^\| ([^|]+) \| `((?:src|guests|scripts)\/[^`]+)` \| `([^`]+)` \|$/gm)];

it('has at least forty facts', () => {
  expect(rows.length).toBeGreaterThanOrEqual(40);
});

it.each(rows.map(([, fact, path, word]) => [fact, path, word]))('%s: %s', (_fact, path, word) => {
  expect(existsSync(file(path))).toBe(true);
  const text = readFileSync(file(path), 'utf8');
  expect(text).toContain(word);
  // What a file has from another one is decided there.
  const imported = [...text.matchAll(/^import\b[^;]*;$/gm)].join('\n').split(/\W+/);
  expect(imported).not.toContain(word);
});

/** Paths in a text, as it is written: those with a pattern or a name to be filled in are not paths. */
const pathsOf = (text: string): string[] =>
  [...text.matchAll(/`((?:src|guests|scripts|bench|test)\/[\w./-]*)`/g)]
    .map(([, path]) => path!)
    .filter(path => !/[A-Z]{3}/.test(path.replace('README', '')));

it.each([...pages.map(name => `docs/${name}`), 'README.md', 'CONTRIBUTING.md'])(
  'every path that %s names exists',
  name => {
    expect(pathsOf(readFileSync(file(name), 'utf8')).filter(path => !existsSync(file(path)))).toEqual([]);
  },
);

it('sees a path that is not there', () => {
  expect(pathsOf('In `src/cpu` and `test/gone.ts`: `npm test`.').filter(path => !existsSync(file(path)))).toEqual([
    'test/gone.ts',
  ]);
});

/** Sources of a folder, without what only tests use and what an index offers. */
function sourcesIn(folder: string): string[] {
  return readdirSync(file(folder)).filter(
    name => /\.tsx?$/.test(name) && !/^index\.|\.test\.|\.d\.ts$|test-support|^testing\./.test(name),
  );
}

const withSources = (readdirSync(file('src'), { recursive: true, withFileTypes: true }) as import('node:fs').Dirent[])
  .filter(entry => entry.isDirectory())
  .map(entry => `${entry.parentPath}/${entry.name}`.slice(file('').length).replace(/^\//, ''))
  .filter(folder => sourcesIn(folder).length > 0 && !/test-support/.test(folder))
  .toSorted();

it.each(withSources)('each source of %s says at its head what it holds', folder => {
  const silent = sourcesIn(folder).filter(
    name => !/^(\/\*\*|\/\/)/.test(readFileSync(file(`${folder}/${name}`), 'utf8')),
  );
  expect(silent).toEqual([]);
});

it('docs/files.md lists every folder and file (npm run docs:map writes the list)', () => {
  const page = readFileSync(file('docs/files.md'), 'utf8');
  const contents = new Map(
    [...page.matchAll(/^\| `([^`]+)` \| ([^|]*) \|/gm)].map(([, folder, text]) => [folder!, text!]),
  );
  const table = withSources.map(folder => {
    const files = sourcesIn(folder)
      .toSorted()
      .join(', ')
      .replace(/\.ts\b/g, '');
    return `| \`${folder}\` | ${contents.get(folder) ?? ''} | ${files} |`;
  });
  const made = `${page.slice(0, page.indexOf('|---'))}|---|---|---|\n${table.join('\n')}\n`;
  if (process.env.RINGSIDE_WRITE_DOCS) writeFileSync(file('docs/files.md'), made);
  expect(process.env.RINGSIDE_WRITE_DOCS ? made : page).toBe(made);
  const silent = withSources.filter(folder => !contents.get(folder)?.trim());
  expect(silent, 'folders without a line in docs/files.md: write what they hold').toEqual([]);
});

it('keeps lines of prose short', () => {
  for (const name of pages)
    for (const line of readFileSync(file(`docs/${name}`), 'utf8').split('\n'))
      if (!line.startsWith('|'))
        expect(line.length, `docs/${name}: ${line.slice(0, 60)}`).toBeLessThanOrEqual(LONGEST_LINE);
});

it('leads from page to page', () => {
  for (const name of pages)
    for (const [, target] of readFileSync(file(`docs/${name}`), 'utf8').matchAll(/\]\(([\w-]+\.\w+)\)/g))
      expect(existsSync(file(`docs/${target}`)), `docs/${name}: ${target}`).toBe(true);
});
