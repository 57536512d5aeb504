/** The table "Where is …?" of docs/architecture.md leads to files that are there and hold what it says; prose wraps. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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

const folders = [
  ...readFileSync(file('docs/architecture.md'), 'utf8')
    .split('## Files')[0]!
    .matchAll(/^\| `(src\/[^`.]+)` \| ([^|]+) \|$/gm),
]
  .map(([, folder]) => folder!)
  .filter(folder => folder.includes('/', 4) || sourcesIn(folder).length > 0);

/** Sources of a folder, without what only tests use and what an index offers. */
function sourcesIn(folder: string): string[] {
  return readdirSync(file(folder)).filter(
    name => /\.tsx?$/.test(name) && !/^index\.|\.test\.|\.d\.ts$|test-support|^testing\./.test(name),
  );
}

const withSources = (readdirSync(file('src'), { recursive: true, withFileTypes: true }) as import('node:fs').Dirent[])
  .filter(entry => entry.isDirectory())
  .map(entry => `${entry.parentPath}/${entry.name}`.slice(file('').length).replace(/^\//, ''))
  .filter(folder => sourcesIn(folder).length > 0 && !/test-support/.test(folder));

it('names every folder that has sources', () => {
  expect(withSources.filter(folder => !folders.includes(folder))).toEqual([]);
  expect([...new Set(folders)].filter(folder => !withSources.includes(folder))).toEqual([]);
});

it.each(withSources)('each source of %s says at its head what it holds', folder => {
  const silent = sourcesIn(folder).filter(
    name => !/^(\/\*\*|\/\/)/.test(readFileSync(file(`${folder}/${name}`), 'utf8')),
  );
  expect(silent).toEqual([]);
});

const FILES = '## Files\n';

it('names every file of every folder (npm run docs:map writes them anew)', () => {
  const map = readFileSync(file('docs/architecture.md'), 'utf8');
  const table = withSources.toSorted().map(
    folder =>
      `| \`${folder}\` | ${sourcesIn(folder)
        .toSorted()
        .join(', ')
        .replace(/\.ts\b/g, '')} |`,
  );
  const before = map.slice(0, map.indexOf(FILES) + FILES.length);
  const made = `${before}
What the code's folders hold beside an \`index.ts\`; a name without an ending is a \`.ts\` file.

| folder | files |
|---|---|
${table.join('\n')}
`;
  if (process.env.RINGSIDE_WRITE_DOCS) writeFileSync(file('docs/architecture.md'), made);
  expect(map.includes(FILES)).toBe(true);
  expect(process.env.RINGSIDE_WRITE_DOCS ? made : map).toBe(made);
});

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
