/**
 * Words that a native reader has to read twice, or that hide who does what, with what to write instead. They are in no document and in no string that a
 * person may see; comments should avoid them as well.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { parseSync } from 'vite';
import { file } from './needs.ts';

/** What is avoided, as a pattern of whole words, and what to write. */
export const AVOIDED: readonly (readonly [words: string, instead: string])[] = [
  ['(?<!Why )so (?:many|often|long)', 'the count or the limit; "at most N", "every N ms", "as long as"'],
  ['whoever', 'the caller, the owner, the client: name it'],
  ['who (?:has|have|asks)', 'name the actor'],
  ['(?:is|are|was|were|be|been) had', 'name the owner'],
  ['anew|once more', 'again'],
  ['mend(?:s|ed|ing)?', 'fix'],
  ['dear(?:er|est)?', 'slow, expensive'],
  ['beside', 'next to, compared with, while … runs'],
  ['stands?|stood', 'is, is in, is paused, is listed'],
  ['told', 'reports, returns, logs, prints'],
  ['for good', 'permanently'],
  ['at its place', 'there, in place'],
  ['in turns?', 'interleaved, alternately, one at a time'],
  ['of before|of theirs', 'previous, existing, other'],
  ['which nobody', 'that no …'],
];

const PATTERN = new RegExp(`\\b(?:${AVOIDED.map(([words]) => words).join('|')})\\b`, 'gi');

/** Each avoided word of a text, with what is around it. */
export const avoidedIn = (text: string): string[] =>
  [...text.matchAll(PATTERN)].map(({ 0: word, index }) => {
    const around = text.slice(Math.max(0, index - 40), index + word.length + 40).replaceAll(/\s+/g, ' ');
    return `${word}: ${around}`;
  });

interface Node {
  type: string;
  start: number;
  value?: unknown;
  [key: string]: unknown;
}

/** Nodes below which no string is for a person: what is imported, and types. */
const NO_WORDS = new Set(['ImportDeclaration', 'ExportAllDeclaration', 'ImportExpression', 'TSLiteralType']);

/** The texts of a source that people may read: strings, templates and JSX that have a space. */
export function stringsOf(path: string, source: string): string[] {
  const found: string[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(visit);
    if (typeof node !== 'object' || node === null || typeof (node as Node).type !== 'string') return;
    const { type, value } = node as Node;
    if (NO_WORDS.has(type)) return;
    const text = type === 'TemplateElement' ? (value as { cooked?: string }).cooked : value;
    if (/^(Literal|JSXText|TemplateElement)$/.test(type) && typeof text === 'string' && text.includes(' '))
      found.push(text);
    Object.values(node).forEach(visit);
  };
  visit(parseSync(path, source).program);
  return found;
}

/** Sources of a folder in `src`, at any depth, without tests. */
export const sourcesBelow = (folder: string): string[] =>
  readdirSync(file(folder), { recursive: true, encoding: 'utf8' })
    .filter(name => /\.tsx?$/.test(name) && !/\.test\.|test-support|\.d\.ts$/.test(name))
    .map(name => `${folder}/${name}`);

/** Avoided words in the strings of a source. It is parsed only where it has such a word at all. */
export function avoidedInStrings(path: string): string[] {
  const source = readFileSync(file(path), 'utf8');
  return source.search(PATTERN) < 0 ? [] : stringsOf(path, source).flatMap(avoidedIn);
}
