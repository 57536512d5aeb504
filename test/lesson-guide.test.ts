/** docs/lessons.md, which is the page's guide for authors, too: its facts are those of the table, and its example is a lesson. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { FACT_WORDS, FACTS } from '../src/dom0/service/index.ts';
import { timersOfTest } from '../src/dom0/service/host.test-support.ts';
import { headlessHost, PICTURES, readLesson, walkThrough } from '../src/lessons/index.ts';
import { file } from './support/needs.ts';

const PAGE = file('docs/lessons.md'),
  LINE = 140;

/** As many words in a line as the prose of docs may have. */
const wrapped = (text: string): string => text.replace(new RegExp(`(.{1,${LINE}})(?: |$)`, 'g'), '$1\n').trimEnd();

const lists = Object.entries(FACT_WORDS).flatMap(([name, known]) =>
  Array.isArray(known) ? [wrapped(`${name} is ${known.join(', ')}.`)] : [],
);

const table = [
  '| fact of a guest | kind | what it is |\n|---|---|---|',
  ...FACTS.map(({ name, kind, says }) => `| \`${name}\` | ${kind} | ${says} |`),
].join('\n');
const facts = [table, ...lists].map(part => `${part}\n\n`).join('');

it('says which facts there are (npm run docs:lessons writes it)', () => {
  const text = readFileSync(PAGE, 'utf8'),
    made = text.replace(/(\n## Facts\n\n[^]*?\n\n)[^]*?(?=## )/, (_, before: string) => `${before}${facts}`);
  if (process.env.RINGSIDE_WRITE_DOCS) writeFileSync(PAGE, made);
  expect(process.env.RINGSIDE_WRITE_DOCS ? made : text).toBe(made);
});

const TRANSLATED = readdirSync(file('src/ui/lessons/guide')).map(name => file(`src/ui/lessons/guide/${name}`));

it.each(TRANSLATED)('has all facts in %s, too', path => {
  const named = [...readFileSync(path, 'utf8').matchAll(/^\| `([^`]+)` \| (?:cuenta|valor) \|/gm)].map(
    ([, name]) => name,
  );
  expect(named).toEqual(FACTS.map(({ name }) => name));
});

it.each([PAGE, ...TRANSLATED])('shows a lesson that is one, all blocks, and all pictures: %s', async path => {
  const text = readFileSync(path, 'utf8'),
    example = text
      .split('\n')
      .filter((line, i, lines) => line.startsWith('    ') || (line === '' && /^( {4}|$)/.test(lines[i + 1] ?? '')))
      .map(line => line.slice(4))
      .join('\n');
  const { lesson, problems } = readLesson(example.slice(example.indexOf('---')), 's');
  expect(problems).toEqual([]);
  const { values } = await walkThrough(
    lesson,
    await headlessHost({ read: async path => new Uint8Array(readFileSync(file(`guests/${path}`))), ...timersOfTest() }),
  );
  expect(values.get('each')).toBe(8);
  for (const picture of Object.keys(PICTURES)) expect(text).toMatch(new RegExp(`picture: .*${picture}`));
});
