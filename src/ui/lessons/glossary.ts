/** The glossary in the language of the page, loaded with the first lesson that links to it. */
import { signal } from '@preact/signals';
import { readGlossary, type Term } from '../../lessons/index.ts';
import { pageParts } from '../load-again.ts';
import { language } from './language.ts';

const FILES = pageParts(import.meta.glob<{ default: string }>('./glossary/*.md', { query: '?raw' }));

export const glossary = signal<ReadonlyMap<string, Term>>(new Map());
let asked = false;

/** Words stay as they are where it cannot be loaded. */
export function loadGlossary(): void {
  if (asked) return;
  asked = true;
  FILES[`./glossary/${language()}.md`]!.load().then(
    ({ default: text }) => {
      glossary.value = readGlossary(text);
    },
    () => {
      asked = false;
    },
  );
}
