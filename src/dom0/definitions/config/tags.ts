/** Words by which people sort domains. xl.cfg has them as a key; libvirt has no tags, so that XML has them where tools keep what is theirs (<metadata>). */
import { type Judged, wrong } from './options.ts';
import type { Asked } from './rule.ts';
import { shortened, type Value } from './xlcfg.ts';

/** Of their element in <metadata>. */
export const TAGS_URI = 'urn:ringside:tags';
/** As the prefix of their element is written. */
export const TAGS_KEY = 'ringside';
export const MOST_TAGS = 16;
/** A tag is one word, so that a filter and a command line take it as it is; letters of some writings have marks (vowels of Devanagari). */
const TAG = /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._-]{0,31}$/u;

/** Each once, and in one way of writing it: ö is one character, however it was typed. */
export const alikeTags = (tags: readonly string[]): string[] => [...new Set(tags.map(tag => tag.normalize()))];

/** The end of a sentence: what is wrong with tags; undefined: nothing. */
export function tagsProblem(tags: readonly string[]): string | undefined {
  const bad = tags.find(tag => !TAG.test(tag));
  if (bad !== undefined)
    return `‘${shortened(bad)}’ is no tag. Write at most 32 letters, digits, dots, dashes and underscores, of which the first is a letter or a digit.`;
  return tags.length > MOST_TAGS ? `there are ${tags.length} tags. Write at most ${MOST_TAGS}.` : undefined;
}

/** Texts of a list's items, each once; undefined: there are none. */
export function textsOf(value: Value): string[] | undefined {
  const texts = value.kind === 'list' ? value.items.map(item => (item.kind === 'list' ? '' : item.text)) : [];
  return texts.length === 0 ? undefined : alikeTags(texts);
}

/** What is wrong with the key's value. */
export function problem({ value }: Pick<Asked, 'value'>): Judged | undefined {
  const text = tagsProblem(textsOf(value) ?? []);
  return text === undefined ? undefined : wrong('no tags', text);
}
