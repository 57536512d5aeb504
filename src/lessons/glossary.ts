/** Words that lessons link to, as in [ring](#ring): one Markdown file a language, a heading of level 2 for each, and its sentences below. */

export interface Term {
  name: string;
  says: string;
}

/** As a link names it: small letters, hyphens between words, no accents. */
export const termId = (name: string): string =>
  name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z\d]+/g, '-')
    .replace(/^-|-$/g, '');

/** By their ids, in the file's order. */
export const readGlossary = (text: string): ReadonlyMap<string, Term> =>
  new Map(
    text
      .replace(/\r\n?/g, '\n')
      .split(/^## /m)
      .slice(1)
      .map(part => {
        const [name = '', ...says] = part.split('\n');
        return [termId(name), { name: name.trim(), says: says.join(' ').trim() }];
      }),
  );
