/**
 * Variables behind `xm create FILE`: NAME=TEXT, where the text is taken as it is, without quotes. Source: xm(1), "create"; Opts.setvar() of xen/xm/opts.py and
 * the variables of xen/xm/create.py (append_value, set_int, set_bool) of Xen 4.1.
 */
import { KEYS, type Plain, type ValueType, writeValue } from '../../definitions/config/index.ts';

const BOOLEANS: Record<string, number> = { yes: 1, y: 1, no: 0, n: 0 };
const NUMBERS: readonly ValueType[] = ['number', 'MiB', 'defbool', 'list or number'];

/** A whole value of a definition, as with xl: xm would take its quotes and brackets for a part of the text, and nobody wants that. */
const WHOLE = /^("[^"]*"|'[^']*'|\[.*\])$/s;

/** The variables as lines of a definition: a list has what is given for it each time, of others the last counts. */
export function xmVariables(words: readonly string[]): string[] {
  const values = new Map<string, Plain>();
  const whole = words.filter(word => WHOLE.test(word.slice(word.indexOf('=') + 1)));
  for (const word of words.filter(each => !whole.includes(each))) {
    const equals = word.indexOf('=');
    const name = word.slice(0, equals).trim(),
      text = word.slice(equals + 1).trim();
    const type = Object.hasOwn(KEYS, name) ? KEYS[name].type : undefined;
    const before = values.get(name);
    if (type === 'list') values.set(name, [...(Array.isArray(before) ? before : []), text]);
    else if (type === 'defbool' && Object.hasOwn(BOOLEANS, text)) values.set(name, BOOLEANS[text]);
    // A name of the file's own that is given a number counts with it there.
    else
      values.set(name, /^\d{1,15}$/.test(text) && (type === undefined || NUMBERS.includes(type)) ? Number(text) : text);
  }
  return [...[...values].map(([name, value]) => `${name} = ${writeValue(value)}`), ...whole];
}
