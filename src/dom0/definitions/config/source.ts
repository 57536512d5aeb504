/** What a definition's text comes to before it is judged, in whatever language it is written: settings as xl.cfg has them, each with its place. */
import { part } from '../../../formats/loading/index.ts';
import type { Definition } from './definition.ts';
import type { Judged } from './options.ts';
import { verdicts, NEEDS_VERDICTS } from './keys/verdicts-part.ts';
import type { LiveXml } from './write-xml.ts';
import { type ParsedConfig, parseXlConfig, type Position } from './xlcfg.ts';

/** How messages speak of the language that a text is in. */
export interface Language {
  /** Who reads it. */
  reader: string;
  /** What an unknown key is none of: a key of xl.cfg. */
  noun: string;
  /** How a setting is written in it, and where. */
  write(key: string, value: string): string;
}

const XL: Language = {
  reader: 'xl',
  noun: 'key of xl.cfg',
  write: (key, value) => `${key} = ${/^(\[.*|\d+)$/.test(value) ? value : `"${value}"`}`,
};

export interface Source extends ParsedConfig {
  /** Absent: xl's. */
  language?: Language;
  /** Lines of xl.cfg cannot be put behind it. */
  isForeign?: boolean;
  /** Nothing of it could be read: there is nothing else to say. */
  unread?: boolean;
  /** What is no setting and is worth a finding. */
  remarks?: (Position & Judged & { key: string })[];
}

/** Of a text that was read. */
export const languageOf = ({ language = XL }: Source): Language => language;

/** Most definitions are in xl's language: the readers of others are loaded when one is in theirs. */
export const xmlLanguage = part(() => import('./xml/language.ts'), 'reads definitions in XML');
const sxp = part(() => import('./sxp.ts'), 'reads definitions in SXP'),
  python = part(() => import('./python/python.ts'), 'reads definitions in Python'),
  xlLanguage = part(() => import('./write-xl.ts'), 'writes definitions for xl');

const firstOf = (text: string): string | undefined => /[^\s\uFEFF]/.exec(text.slice(0, 4096))?.[0];

const isNoXl = ({ problems, lines }: Source): boolean => problems.length > 0 && lines.length > 0;

/** Loads what `readDefinition` needs for this text. */
export async function prepareToRead(text: string): Promise<void> {
  const first = firstOf(text);
  if (NEEDS_VERDICTS.test(text)) await verdicts.load();
  if (first === '<' || first === '(') await xlLanguage.load();
  if (first === '<') await xmlLanguage.load();
  else if (first === '(') await sxp.load();
  else if (isNoXl(parseXlConfig(text))) await python.load();
}

/** Reads a definition by the language that it is written in. What is wrong is in `problems`; nothing is thrown, and nothing is executed. */
export function readDefinition(text: string): Source {
  const first = firstOf(text);
  if (first === '(' && sxp.loaded) return { ...sxp.loaded.readSxp(text), isForeign: true };
  if (first === '<' && xmlLanguage.loaded) return { ...xmlLanguage.loaded.readXml(text), isForeign: true };
  const xl = parseXlConfig(text);
  if (!isNoXl(xl) || !python.loaded) return xl;
  // What xm ran as a program, xl refuses: it is read so where that explains more of it.
  const program = python.loaded.readPython(text, xl.problems[0]);
  return program.problems.length < xl.problems.length ? program : xl;
}

/** What writes a foreign definition as xl.cfg: it is here once that was read (`prepareToRead`). */
export const xlWriter = xlLanguage.get;

/** A definition in the language of a text that was read (`prepareToRead`), with what only that says; undefined: that language is not written so. */
export const writtenOver = (text: string, definition: Definition, live?: LiveXml): string | undefined =>
  firstOf(text) === '<' ? xmlLanguage.loaded?.writeXmlOver(text, definition, live) : undefined;
