/** The page's guides for authors, docs/lessons.md and its translations: their facts are those of the table, their examples lessons, and they say the same. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { lexer, type Token, type Tokens } from 'marked';
import { expect, it } from 'vitest';
import { FACT_WORDS, FACTS } from '../src/dom0/service/index.ts';
import { timersOfTest } from '../src/dom0/service/host.test-support.ts';
import { headlessHost, PICTURES, readLesson, walkThrough } from '../src/lessons/index.ts';
import { file } from './support/needs.ts';

const PAGE = file('docs/lessons.md'),
  LINE = 140;

/** As many words in a line as the prose of docs may have. */
const wrapped = (text: string): string => text.replace(new RegExp(`(.{1,${LINE}})(?: |$)`, 'g'), '$1\n').trimEnd();

/** All words of a fact that has few; `is`: in the guide's language. */
const lists = (is: string): string =>
  Object.entries(FACT_WORDS)
    .flatMap(([name, known]) => (Array.isArray(known) ? [wrapped(`${name} ${is} ${known.join(', ')}.`)] : []))
    .map(part => `${part}\n\n`)
    .join('');

const table = [
  '| fact of a guest | kind | what it is |\n|---|---|---|',
  ...FACTS.map(({ name, kind, says }) => `| \`${name}\` | ${kind} | ${says} |`),
].join('\n');

/** What of a guide is made; of a translation the lists alone: what a fact is stands there in its language. */
const MADE: readonly [string, RegExp, string][] = [
  [PAGE, /(?<=\n## Facts\n\n[^]*?\n\n)\| fact[^]*?(?=## )/, `${table}\n\n${lists('is')}`],
  [file('docs/lessons.es.md'), /(?<=\n)REASON es [^]*?(?=## )/, lists('es')],
];

it.each(MADE)('says which facts there are: %s (npm run docs:lessons writes it)', (path, part, made) => {
  const text = readFileSync(path, 'utf8'),
    anew = text.replace(part, made);
  expect(text).toMatch(part);
  if (process.env.RINGSIDE_WRITE_DOCS) writeFileSync(path, anew);
  expect(process.env.RINGSIDE_WRITE_DOCS ? anew : text).toBe(anew);
});

const TRANSLATED = readdirSync(file('docs'))
  .filter(name => /^lessons\.\w+\.md$/.test(name))
  .map(name => file(`docs/${name}`));

/** What a page or a machine reads of a word in a guide: what stands for something else is in another language. */
const plain = (code: string): string => code.replace(/\p{Lu}{2,}/gu, '…');

/** What stands behind each other in a guide, and the words in it that nobody translates. */
const outlineOf = (path: string): string[] =>
  lexer(readFileSync(path, 'utf8')).flatMap((token: Token): string[] => {
    if (token.type === 'heading') return [`heading of level ${(token as Tokens.Heading).depth}`];
    if (token.type === 'list') return [`list of ${(token as Tokens.List).items.length}`];
    if (token.type === 'table') return (token as Tokens.Table).rows.map(([cell]) => `row ${plain(cell!.text)}`);
    if (token.type === 'code')
      return (token as Tokens.Code).text
        .split('\n')
        .flatMap(line => /^(---|```\w*|\w+ = [^|]*|## [\w ]+|draw .*|run .*)/.exec(line)?.slice(0, 1) ?? []);
    return token.type === 'paragraph' ? [token.type] : [];
  });

it.each(TRANSLATED)('says in %s what it says in English', path => {
  expect(outlineOf(path)).toEqual(outlineOf(PAGE));
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
