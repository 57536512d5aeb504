/** What a definition's text comes to before it is judged, in whatever language it is written: settings as xl.cfg has them, each with its place. */
import type { Judged } from './options.ts';
import { readPython } from './python/python.ts';
import { readSxp } from './sxp.ts';
import { type ParsedConfig, parseXlConfig, type Position } from './xlcfg.ts';

export interface Source extends ParsedConfig {
  /** Lines of xl.cfg cannot be put behind it. */
  isForeign?: boolean;
  /** Nothing of it could be read: there is nothing else to say. */
  unread?: boolean;
  /** What is no setting and is worth a finding. */
  remarks?: (Position & Judged & { key: string })[];
}

/** The reader of XML is large, and most definitions are none: it is loaded when one is. */
let readXml: ((text: string) => Source) | undefined;

const firstOf = (text: string): string | undefined => /[^\s\uFEFF]/.exec(text.slice(0, 4096))?.[0];

/** Loads what `readDefinition` needs for this text. */
export async function prepareToRead(text: string): Promise<void> {
  if (firstOf(text) === '<') readXml ??= (await import('./xml.ts')).readXml;
}

/** Reads a definition by the language that it is written in. What is wrong stands in `problems`; nothing is thrown, and nothing is executed. */
export function readDefinition(text: string): Source {
  const first = firstOf(text);
  if (first === '(') return { ...readSxp(text), isForeign: true };
  if (first === '<' && readXml) return { ...readXml(text), isForeign: true };
  const xl = parseXlConfig(text);
  if (xl.problems.length === 0 || xl.lines.length === 0) return xl;
  // What xm ran as a program, xl refuses: it is read so where that explains more of it.
  const python = readPython(text);
  return python.problems.length < xl.problems.length ? python : xl;
}
