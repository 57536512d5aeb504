/**
 * The language of lessons and of the texts around them: `lang=` in the address, else English. One that is here has a file of words, one of what is said of
 * files (src/lessons/said), a guide, a glossary, and texts.
 */

export const LANGUAGES = { en: 'English', es: 'Español' } as const;
export type Language = keyof typeof LANGUAGES;

/** Without a page, as in tests, it is English. */
export function language(): Language {
  const asked = new URLSearchParams(globalThis.location?.search).get('lang') ?? 'en';
  return Object.hasOwn(LANGUAGES, asked) ? (asked as Language) : 'en';
}
