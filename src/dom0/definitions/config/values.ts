/** Values of settings: whether one has the kind that its key takes, and what it comes to. */
import type { Remedy } from '../verdicts.ts';
import { type Atom, shortened, type Value } from './xlcfg.ts';

/** What xl accepts as the value. 'defbool' is 0 or 1; 'list or string' covers keys of which both spellings are documented. */
export type ValueType =
  | 'string'
  | 'number'
  | 'MiB'
  | 'defbool'
  | 'list'
  | 'list or string'
  | 'list or number'
  | 'action'
  | 'any';

export interface KindProblem {
  short: string;
  /** The end of a sentence. */
  text: string;
  remedy?: Remedy;
}

/** What is wrong with the kind of a value; null: nothing. `reader`: who takes it. */
export function kindProblem(type: ValueType, value: Value, reader = 'xl'): KindProblem | null {
  const isList = value.kind === 'list';
  switch (type) {
    case 'any':
    case 'list or string':
      return null;
    case 'list':
      return isList ? null : { short: 'wants a list', text: `${reader} takes a list here. Write [ ${show(value)} ].` };
    case 'list or number':
      return isList || isNumber(value)
        ? null
        : { short: 'wants a number or a list', text: `${reader} takes a number or a list here.` };
    case 'string':
    case 'action':
      return isList ? { short: 'wants one value', text: `${reader} takes one string here, no list.` } : null;
    case 'number':
    case 'MiB':
    case 'defbool': {
      if (isList) return { short: 'wants a number', text: `${reader} takes one number here, no list.` };
      if (isNumber(value))
        return type !== 'defbool' || ['0', '1'].includes(value.text)
          ? null
          : { short: 'wants 0 or 1', text: `${reader} takes 0 or 1 here.` };
      return numberHint(type, value, reader);
    }
  }
}

/** libxlu_cfg.c, xlu_cfg_get_long: a string counts as a number when strtol reads all of it. */
function isNumber(value: Value): value is Atom {
  return value.kind !== 'list' && /^\s*[-+]?(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(value.text);
}

/** NaN for a list. */
export function toNumber(value: Value): number {
  if (value.kind === 'list') return NaN;
  const text = value.text.trim();
  // strtol with base 0, so a leading 0 means octal.
  return /^[-+]?0[0-7]+$/.test(text) ? parseInt(text, 8) : Number(text);
}

function numberHint(type: 'number' | 'MiB' | 'defbool', value: Atom, reader: string): KindProblem {
  if (type === 'defbool') {
    const word = value.text.toLowerCase();
    const write = ['yes', 'true', 'on'].includes(word) ? '1' : ['no', 'false', 'off'].includes(word) ? '0' : undefined;
    return {
      short: 'wants 0 or 1',
      text: `${reader} takes 0 or 1 here.${write ? ` Write ${write}.` : ''}`,
      ...(write ? { remedy: { write } } : {}),
    };
  }
  if (type === 'number') return { short: 'wants a number', text: `${reader} takes a number here.` };
  const size = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgt])(i?b)?\s*$/i.exec(value.text);
  if (!size)
    return {
      short: `${reader} takes MiB as a number`,
      text: `${reader} takes MiB as a number. Write for example 256.`,
    };
  const mib = Math.round(
    Number(size[1]) * { k: 1 / 1024, m: 1, g: 1024, t: 1024 * 1024 }[size[2]!.toLowerCase() as 'k' | 'm' | 'g' | 't'],
  );
  return {
    short: `${reader} takes MiB as a number`,
    text: `${reader} takes MiB as a number. Write ${mib}.`,
    remedy: { write: String(mib) },
  };
}

/** `a` with `b` behind it; a list grows where it is, since it may grow many times. null: they do not go together. */
export function join(a: Value, b: Value): Value | null {
  if (a.kind === 'list' && b.kind === 'list') {
    for (const item of b.items) a.items.push(item);
    return a;
  }
  if (a.kind === 'list' || b.kind === 'list') return null;
  return { ...a, kind: 'string', text: a.text + b.text };
}

/** As xl writes a UUID: xend and libvirt take it without dashes, too. */
export const dashed = (uuid: string): string =>
  uuid.replace(/^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/i, '$1-$2-$3-$4-$5');

/** As messages repeat a setting: in its author's words. */
export const said = (key: string, value: Value): string => value.origin?.said ?? `${key} = ${show(value)}`;

/** As messages repeat a value. */
export function show(value: Value): string {
  if (value.kind === 'list') return '[…]';
  return value.kind === 'number' ? shortened(value.text) : `'${shortened(value.text)}'`;
}
