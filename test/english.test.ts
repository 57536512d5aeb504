/** Documents and strings are plain English: words that make readers read twice (`test/support/english.ts`) are not in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { avoidedIn, avoidedInStrings, sourcesBelow, stringsOf } from './support/english.ts';
import { file } from './support/needs.ts';

/** Words that are left, by room. The numbers only shrink. */
const LEFT: Readonly<Record<string, number>> = {
  'src/ui': 98,
  'src/dom0': 104,
  'src/cli': 8,
  'src/workshop': 20,
  'src/hypervisor': 8,
  'src/formats': 1,
};

/** Fails with the sentences, where a document or room has more of them than it may. */
function judge(where: string, found: readonly string[]): void {
  expect(found.length, `${found.join('\n')}\nWhat to write instead: test/support/english.ts`).toBeLessThanOrEqual(
    LEFT[where] ?? 0,
  );
}

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
  judge(name, avoidedIn(text));
});

it.each(['src/ui', 'src/dom0', 'src/cli', 'src/workshop', 'src/hypervisor', 'src/devices', 'src/formats', 'src/api'])(
  'strings of %s',
  room => {
    judge(
      room,
      sourcesBelow(room).flatMap(path => avoidedInStrings(path).map(words => `${path}: ${words}`)),
    );
  },
);

it('finds words in documents and in strings, and none in names, imports and understanding', () => {
  expect(avoidedIn('It stands\nbeside the card, told once more.')).toHaveLength(4);
  expect(avoidedIn('A standard; besides, they understand the dearth of it.')).toEqual([]);
  const source =
    "import x from './a beside b.ts';\nconst told = 'beside';\nexport const y = ['so many of them', 'is had'];";
  expect(stringsOf('a.ts', source)).toEqual(['so many of them', 'is had']);
  expect(stringsOf('a.tsx', 'export const z = <p>two guests stand here</p>;')).toEqual(['two guests stand here']);
});
