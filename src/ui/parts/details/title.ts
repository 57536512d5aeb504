/** What a domain's document calls it for people (libvirt's <title>, one line). */

const TITLE = /[ \t]*<title>([^<]*)<\/title>\n?/;
const ENTITIES: readonly (readonly [character: string, entity: string])[] = [
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ["'", '&apos;'],
  ['"', '&quot;'],
];

/** Empty: it has none. */
export const titleIn = (xml: string): string =>
  [...ENTITIES]
    .reverse()
    .reduce((text, [character, entity]) => text.replaceAll(entity, character), TITLE.exec(xml)?.[1] ?? '');

/** The document with this title, or with none; where libvirt writes it. */
export function withTitle(xml: string, title: string): string {
  const without = xml.replace(TITLE, '');
  const text = ENTITIES.slice(0, 3).reduce(
    (all, [character, entity]) => all.replaceAll(character, entity),
    title.trim(),
  );
  if (text === '') return without;
  return without.replace(
    /<name>[^<]*<\/name>(?:\s*<uuid>[^<]*<\/uuid>)?/,
    (head: string) => `${head}\n  <title>${text}</title>`,
  );
}
