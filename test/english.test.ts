/** Documents and strings are plain English: words that make readers read twice (`test/support/english.ts`) are not in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { BROWSER_STORAGE } from '../src/dom0/host/storage/store.ts';
import { avoidedIn, avoidedInStrings, sourcesBelow, stringsOf } from './support/english.ts';
import { file } from './support/needs.ts';

/** An apostrophe between letters, or behind a plural. Quotes of XML and of xl's language are next to other signs. */
const STRAIGHT = /\p{L}'\p{L}|\p{L}s' \p{L}/u;

const advice = 'What to write instead: test/support/english.ts';

const documents = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(file('docs'))
    .filter(name => name.endsWith('.md') && !name.endsWith('.es.md'))
    .map(name => `docs/${name}`),
];

it.each(documents)('%s', name => {
  // Names of files are not prose.
  const text = readFileSync(file(name), 'utf8').replace(
    /^(\| `src\/.*?\| .*?\|).*$/gm,
    name === 'docs/files.md' ? '$1' : '$&',
  );
  expect(avoidedIn(text), advice).toEqual([]);
});

it.each([
  'src/ui',
  'src/dom0',
  'src/cli',
  'src/workshop',
  'src/hypervisor',
  'src/devices',
  'src/formats',
  'src/cpu',
  'src/api',
  'src/lessons',
])('strings of %s', room => {
  expect(
    sourcesBelow(room).flatMap(path => avoidedInStrings(path).map(words => `${path}: ${words}`)),
    advice,
  ).toEqual([]);
});

it('apostrophes of the page are typographic', () => {
  const straight = sourcesBelow('src/ui').flatMap(path => {
    const source = readFileSync(file(path), 'utf8');
    return STRAIGHT.test(source) ? stringsOf(path, source).filter(text => STRAIGHT.test(text)) : [];
  });
  expect([...straight, BROWSER_STORAGE].filter(text => STRAIGHT.test(text))).toEqual([]);
  expect("this browser's storage, the guests' disks").toMatch(STRAIGHT);
  expect("type='xen' name='web' of <os>").not.toMatch(STRAIGHT);
});

it('finds words in documents and in strings, and none in names, imports and understanding', () => {
  expect(avoidedIn('It stands\nbeside the card, told once more.')).toHaveLength(4);
  expect(avoidedIn('A standard; besides, they understand the dearth of it.')).toEqual([]);
  const source =
    "import x from './a beside b.ts';\nconst told = 'beside';\nexport const y = ['so many of them', 'is had'];";
  expect(stringsOf('a.ts', source)).toEqual(['so many of them', 'is had']);
  expect(stringsOf('a.tsx', 'export const z = <p>two guests stand here</p>;')).toEqual(['two guests stand here']);
});
