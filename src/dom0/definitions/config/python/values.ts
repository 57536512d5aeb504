/** Values of the Python of definitions, and the functions over them that are known here: each depends on its arguments alone, and reads nothing of the host. */
import { type Atom, type List, MOST_BYTES, type Position, type Value } from '../xlcfg.ts';

/** None is undefined. Tuples are lists, True and False are 1 and 0. */
export type PythonValue = Value | Dictionary | undefined;

export interface Dictionary extends Position {
  kind: 'dictionary';
  entries: Map<string, PythonValue>;
}

/** Something that Python would not do, or that is not done here: the end of a sentence, without a place. */
export class Unfit extends Error {}

export const string = (text: string, { line, column }: Position): Atom => ({ kind: 'string', text, line, column });
export const list = (items: PythonValue[], { line, column }: Position): List => ({
  kind: 'list',
  items: items.map(plain),
  line,
  column,
});

export function number(value: number, { line, column }: Position): Atom {
  if (!Number.isSafeInteger(value)) throw new Unfit('This comes to no whole number.');
  return { kind: 'number', text: String(value), line, column };
}

/** What xl has a word for: a dictionary and None it has not. */
export function plain(value: PythonValue): Value {
  if (value === undefined) throw new Unfit('None cannot be in a list here.');
  if (value.kind === 'dictionary')
    throw new Unfit('A dictionary is no value of a definition. Write a string, a number or a list.');
  return value;
}

export const numberOf = (value: PythonValue): number => {
  if (value?.kind !== 'number') throw new Unfit('This wants a number.');
  return Number(value.text);
};
export const textOf = (value: PythonValue): string => {
  if (value?.kind !== 'string') throw new Unfit('This wants a string.');
  return value.text;
};
/** What a loop goes over: the keys of a dictionary. */
export const listOf = (value: PythonValue): List => {
  if (value?.kind === 'dictionary')
    return list(
      [...value.entries.keys()].map(key => string(key, value)),
      value,
    );
  if (value?.kind !== 'list') throw new Unfit('This wants a list.');
  return value;
};
const itemsOf = (value: PythonValue): Value[] => listOf(value).items;

export const isTrue = (value: PythonValue): boolean => {
  if (value === undefined) return false;
  if (value.kind === 'list') return value.items.length > 0;
  if (value.kind === 'dictionary') return value.entries.size > 0;
  return value.kind === 'number' ? Number(value.text) !== 0 : value.text !== '';
};

export function areEqual(a: PythonValue, b: PythonValue): boolean {
  if (a === undefined || b === undefined || a.kind !== b.kind) return a === b;
  if (a.kind === 'dictionary' || b.kind === 'dictionary') return a === b;
  if (a.kind === 'list')
    return (
      b.kind === 'list' && a.items.length === b.items.length && a.items.every((item, i) => areEqual(item, b.items[i]))
    );
  return b.kind !== 'list' && (a.kind === 'number' ? Number(a.text) === Number(b.text) : a.text === b.text);
}

/** str(): as print shows it. */
export function shownAs(value: PythonValue): string {
  if (value === undefined) return 'None';
  if (value.kind === 'list' || value.kind === 'dictionary')
    throw new Unfit(`A ${value.kind} cannot be put into a string here.`);
  return value.text;
}

/** What os.uname() says of this host. */
const UNAME = ['Linux', 'ringside', '6.1.0', '#1 SMP', 'i686'];

/** No pattern but these letters, anchors and points: what is looked for is found in one pass. */
const SIMPLE_PATTERN = /^[\w ^$./-]*$/;
function matches(pattern: string, text: string, fromStart: boolean): boolean {
  if (!SIMPLE_PATTERN.test(pattern))
    throw new Unfit('Such a pattern is not matched here. Write the value that is meant.');
  return new RegExp(fromStart ? `^(?:${pattern.replace(/[/-]/g, '\\$&')})` : pattern.replace(/[/-]/g, '\\$&')).test(
    text,
  );
}

type Call = (given: PythonValue[], at: Position) => PythonValue;
const least = (count: number, given: PythonValue[]): void => {
  if (given.length < count) throw new Unfit(`It wants ${count === 1 ? 'a value' : `${count} values`}.`);
};

/** Functions by their names. */
export const FUNCTIONS: Readonly<Record<string, Call>> = {
  'os.uname': (_given, at) =>
    list(
      UNAME.map(text => string(text, at)),
      at,
    ),
  'os.path.join': (given, at) =>
    string(
      given
        .map(textOf)
        .reduce(
          (path, part) =>
            part.startsWith('/') ? part : path === '' || path.endsWith('/') ? path + part : `${path}/${part}`,
          '',
        ),
      at,
    ),
  'os.path.basename': ([path], at) => string(textOf(path).replace(/^.*\//s, ''), at),
  'os.path.dirname': ([path], at) => string(/^(.*)\//s.exec(textOf(path))?.[1] ?? '', at),
  're.search': ([pattern, text], at) => number(matches(textOf(pattern), textOf(text), false) ? 1 : 0, at),
  're.match': ([pattern, text], at) => number(matches(textOf(pattern), textOf(text), true) ? 1 : 0, at),
  int: (given, at) => {
    least(1, given);
    const [value] = given;
    if (value?.kind === 'string' && !/^\s*\d{1,15}\s*$/.test(value.text)) throw new Unfit('This string is no number.');
    return number(Number(shownAs(value)), at);
  },
  str: (given, at) => string(shownAs(given[0]), at),
  len: ([value], at) => number(value?.kind === 'list' ? value.items.length : textOf(value).length, at),
  min: (given, at) => number(Math.min(...(given.length === 1 ? itemsOf(given[0]) : given).map(numberOf)), at),
  max: (given, at) => number(Math.max(...(given.length === 1 ? itemsOf(given[0]) : given).map(numberOf)), at),
  range: (given, at) => {
    least(1, given);
    const [first, end] = given.length === 1 ? [0, numberOf(given[0])] : [numberOf(given[0]), numberOf(given[1])];
    const step = given.length > 2 ? numberOf(given[2]) : 1;
    if (step < 1) throw new Unfit('A range goes upwards here.');
    if ((end - first) / step > 1000) throw new Unfit('A range has at most 1000 numbers here.');
    return list(
      Array.from({ length: Math.max(0, Math.ceil((end - first) / step)) }, (_, i) => number(first + i * step, at)),
      at,
    );
  },
  enumerate: ([over, start], at) =>
    list(
      itemsOf(over).map((item, i) => list([number(i + (start === undefined ? 0 : numberOf(start)), at), item], at)),
      at,
    ),
  zip: (given, at) =>
    list(
      Array.from({ length: Math.min(...given.map(each => itemsOf(each).length)) }, (_, i) =>
        list(
          given.map(each => itemsOf(each)[i]),
          at,
        ),
      ),
      at,
    ),
  list: ([over], at) => list(over === undefined ? [] : itemsOf(over), at),
  tuple: ([over], at) => list(over === undefined ? [] : itemsOf(over), at),
  sorted: ([over], at) =>
    list(
      [...itemsOf(over)].sort((a, b) =>
        a.kind === 'number' && b.kind === 'number' ? numberOf(a) - numberOf(b) : textOf(a) < textOf(b) ? -1 : 1,
      ),
      at,
    ),
  reversed: ([over], at) => list([...itemsOf(over)].reverse(), at),
  sum: ([over], at) =>
    number(
      itemsOf(over).reduce((all, item) => all + numberOf(item), 0),
      at,
    ),
  chr: ([code], at) => {
    if (numberOf(code) < 0 || numberOf(code) > 255) throw new Unfit('chr( takes 0 to 255.');
    return string(String.fromCharCode(numberOf(code)), at);
  },
  ord: ([letter], at) => {
    if (textOf(letter).length !== 1) throw new Unfit('ord( takes one character.');
    return number(textOf(letter).charCodeAt(0), at);
  },
  hex: ([value], at) => string(`0x${numberOf(value).toString(16)}`, at),
  bool: ([value], at) => number(isTrue(value) ? 1 : 0, at),
};

/** No value is longer than a definition's file may be. */
function joined(parts: readonly string[], by: string): string {
  if (parts.length * by.length > MOST_BYTES) throw new Unfit('This comes to a longer string than a definition has.');
  return parts.join(by);
}

/** Methods of strings. */
export const METHODS: Readonly<Record<string, (text: string, given: PythonValue[], at: Position) => PythonValue>> = {
  lower: (text, _given, at) => string(text.toLowerCase(), at),
  upper: (text, _given, at) => string(text.toUpperCase(), at),
  strip: (text, _given, at) => string(text.trim(), at),
  lstrip: (text, _given, at) => string(text.trimStart(), at),
  rstrip: (text, _given, at) => string(text.trimEnd(), at),
  zfill: (text, [width], at) => string(text.padStart(Math.min(numberOf(width), MOST_COLUMNS), '0'), at),
  startswith: (text, [start], at) => number(text.startsWith(textOf(start)) ? 1 : 0, at),
  endswith: (text, [end], at) => number(text.endsWith(textOf(end)) ? 1 : 0, at),
  replace: (text, [from, to], at) => {
    const parts = text.split(textOf(from));
    return string(joined(parts, textOf(to)), at);
  },
  split: (text, [by], at) =>
    list(
      (by === undefined ? text.trim().split(/\s+/) : text.split(textOf(by))).map(part => string(part, at)),
      at,
    ),
  join: (text, [parts], at) => string(joined(itemsOf(parts).map(textOf), text), at),
};

const entriesOf = ({ entries }: Dictionary): [string, PythonValue][] => [...entries];

/** Methods of dictionaries. */
export const DICTIONARY_METHODS: Readonly<
  Record<string, (of: Dictionary, given: PythonValue[], at: Position) => PythonValue>
> = {
  keys: (of, _given, at) => list(listOf(of).items, at),
  values: (of, _given, at) =>
    list(
      entriesOf(of).map(([, value]) => value),
      at,
    ),
  items: (of, _given, at) =>
    list(
      entriesOf(of).map(([key, value]) => list([string(key, at), value], at)),
      at,
    ),
  get: (of, [key, otherwise]) => of.entries.get(shownAs(key)) ?? otherwise,
};

/** Widths of a format's fields. */
const MOST_COLUMNS = 100;

/** What the letters behind % make of a value; others show it as print does. */
const CONVERSIONS: Readonly<Record<string, (value: PythonValue) => string>> = {
  c: value => (value?.kind === 'number' ? textOf(FUNCTIONS.chr([value], value)) : shownAs(value)),
  r: value => (value?.kind === 'string' ? `'${value.text}'` : shownAs(value)),
  o: value => numberOf(value).toString(8),
  x: value => numberOf(value).toString(16),
  X: value => numberOf(value).toString(16).toUpperCase(),
};

/** What % puts into a format: one value, several, or a dictionary's. */
export function format(text: string, given: PythonValue): string {
  const values = given?.kind === 'list' ? given.items : [given];
  let next = 0;
  const made = text.replace(
    /%(?:%|(?:\((\w+)\))?([-0]?)(\d{0,3})([srcduioxX])|)/g,
    (whole, name: string | undefined, flag: string, width: string, kind: string | undefined) => {
      if (whole === '%%') return '%';
      if (kind === undefined) throw new Unfit('Of formats, %s, %r, %c, %d, %u, %i, %o, %x and %% are read here.');
      if (name !== undefined && given?.kind !== 'dictionary')
        throw new Unfit(`%(${name})${kind} wants a dictionary behind %.`);
      if (name === undefined && next >= values.length) throw new Unfit('The format needs more values than follow %.');
      const value =
        name === undefined ? values[next++] : given?.kind === 'dictionary' ? given.entries.get(name) : undefined;
      if (value?.kind === 'list' || value?.kind === 'dictionary')
        throw new Unfit(`A ${value.kind} cannot be put into a format.`);
      if (kind === 'c' && value?.kind === 'string' && value.text.length !== 1)
        throw new Unfit('%c wants one character, or its number.');
      if (!'src'.includes(kind) && value?.kind !== 'number') throw new Unfit(`%${kind} wants a number.`);
      const plainText = CONVERSIONS[kind]?.(value) ?? shownAs(value);
      const columns = Math.min(Number(width || 0), MOST_COLUMNS);
      return flag === '-' ? plainText.padEnd(columns) : plainText.padStart(columns, flag === '0' ? '0' : ' ');
    },
  );
  if (given?.kind !== 'dictionary' && next < values.length)
    throw new Unfit('More values follow % than the format takes.');
  return made;
}
