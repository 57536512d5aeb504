/** The texts around the steps of a lesson, in the language of the address. */
import { type Language, language } from './language.ts';
import { englishSaid, type Said, spanishSaid } from '../../lessons/index.ts';
import { en } from './words/en.ts';
import { es } from './words/es.ts';

export { number } from './number.ts';

export type Words = typeof en;

const WORDS: Readonly<Record<Language, Words>> = { en, es };

export const words = WORDS[language()];

/** What is wrong with a file, in the same language. */
const SAID: Readonly<Record<Language, Said>> = { en: englishSaid, es: spanishSaid };
export const said = SAID[language()];
