/** What a definition's text comes to before it is judged, in whatever language it is written: settings as xl.cfg has them, each with its place. */
import type { Definition } from './definition.ts';
import type { Judged } from './options.ts';
import { loadSeldom, SELDOM } from './keys/seldom.ts';
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

/** `refusedAt`: where xl's grammar ends. */
type Reader = (text: string, refusedAt?: Position) => Source;
/** Most definitions are in xl's language: the readers of others are loaded when one is in theirs. */
let readXml: Reader | undefined,
  keepXml: typeof import('./xml/index.ts').writeXmlOver | undefined,
  readSxp: Reader | undefined,
  writeXl: typeof import('./write-xl.ts') | undefined,
  readPython: Reader | undefined;

const firstOf = (text: string): string | undefined => /[^\s\uFEFF]/.exec(text.slice(0, 4096))?.[0];

const isNoXl = ({ problems, lines }: Source): boolean => problems.length > 0 && lines.length > 0;

/** Loads what `readDefinition` needs for this text. */
export async function prepareToRead(text: string): Promise<void> {
  const first = firstOf(text);
  if (SELDOM.test(text)) await loadSeldom();
  if (first === '<' || first === '(') writeXl ??= await import('./write-xl.ts');
  if (first === '<') ({ readXml, writeXmlOver: keepXml } = await import('./xml/index.ts'));
  else if (first === '(') readSxp ??= (await import('./sxp.ts')).readSxp;
  else if (isNoXl(parseXlConfig(text))) readPython ??= (await import('./python/python.ts')).readPython;
}

/** Reads a definition by the language that it is written in. What is wrong is in `problems`; nothing is thrown, and nothing is executed. */
export function readDefinition(text: string): Source {
  const first = firstOf(text);
  if (first === '(' && readSxp) return { ...readSxp(text), isForeign: true };
  if (first === '<' && readXml) return { ...readXml(text), isForeign: true };
  const xl = parseXlConfig(text);
  if (!isNoXl(xl) || !readPython) return xl;
  // What xm ran as a program, xl refuses: it is read so where that explains more of it.
  const python = readPython(text, xl.problems[0]);
  return python.problems.length < xl.problems.length ? python : xl;
}

/** What writes a foreign definition as xl.cfg: it is here once that was read (`prepareToRead`). */
export const xlWriter = (): typeof import('./write-xl.ts') => writeXl!;

/** A definition in the language of a text that was read (`prepareToRead`), with what only that says; undefined: that language is not written so. */
export const writtenOver = (text: string, definition: Definition, live?: LiveXml): string | undefined =>
  firstOf(text) === '<' ? keepXml?.(text, definition, live) : undefined;
