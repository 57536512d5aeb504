/** `sort` in the order of bytes, as where no LANG is set. Sources: the manual of coreutils 9.1 and its src/sort.c; gnulib's lib/filevercmp.c for -V. */
import type { ShellCommand } from '../shell-command.ts';
import { failed, ran, read, unknown } from './options.ts';
import { inputs, recordsOf, written } from './pieces.ts';

const WRONG = 2;
const ORDERS = 'bdfghiMnrV';
type Comparison = (one: string, other: string) => number;

/** Where a key begins or ends: fields and characters from 0; `character` of an end 0: the whole field. */
interface Place {
  field: number;
  character: number;
  skipsBlanks: boolean;
}
interface Key {
  from: Place;
  /** Absent: the end of the line. */
  to?: Place;
  orders: ReadonlySet<string>;
}

const byBytes: Comparison = (one, other) => (one < other ? -1 : Number(one > other));

/** `-n`: digits of any number, by themselves. */
function byNumber(one: string, other: string): number {
  const [a, b] = [one, other].map(text => {
    const [, sign, whole, part = ''] = /^[ \t\n]*(-?)0*(\d*)(?:\.(\d*))?/.exec(text)!;
    const fraction = part.replace(/0+$/, '');
    return { sign: whole + fraction === '' ? 0 : sign === '' ? 1 : -1, whole, fraction };
  });
  if (a.sign !== b.sign) return a.sign - b.sign;
  return (a.whole.length - b.whole.length || byBytes(a.whole, b.whole) || byBytes(a.fraction, b.fraction)) * a.sign;
}

/** The power of a size's suffix, 0 of what is 0. */
function unitOf(text: string): number {
  const [, sign, digits, unit = ''] = /^[ \t\n]*(-?)([\d.]*)(.?)/s.exec(text)!;
  const power = /[1-9]/.test(digits) && unit !== '' ? ' KMGTPEZY'.indexOf(unit === 'k' ? 'K' : unit) : 0;
  return Math.max(0, power) * (sign === '' ? 1 : -1);
}

/** `-g`: what is no number comes first, then what is none of the numbers. */
function generalOf(text: string): [rank: number, value: number] {
  const [, sign, digits] =
    /^[ \t\n\v\f\r]*([-+]?)(inf(?:inity)?|nan|0x[\da-f]+|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)/i.exec(text) ?? [];
  if (digits === undefined) return [0, 0];
  if (/^nan/i.test(digits)) return [1, 0];
  const value = /^inf/i.test(digits) ? Infinity : Number(digits);
  return [2, sign === '-' ? -value : value];
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const monthOf = (text: string): number => MONTHS.indexOf(text.trimStart().slice(0, 3).toUpperCase()) + 1;

const isDigit = (text: string, at: number): boolean => /\d/.test(text[at] ?? '');
/** What a character counts in a version: `~` comes before the end, letters before others. */
function rankOf(text: string, at: number): number {
  const character = text[at];
  if (character === undefined) return -1;
  if (character === '~') return -2;
  if (/\d/.test(character)) return 0;
  return character.charCodeAt(0) + (/[A-Za-z]/.test(character) ? 0 : 256);
}

/** verrevcmp() */
function byPieces(one: string, other: string): number {
  let a = 0,
    b = 0;
  while (a < one.length || b < other.length) {
    while ((a < one.length && !isDigit(one, a)) || (b < other.length && !isDigit(other, b))) {
      const difference = rankOf(one, a) - rankOf(other, b);
      if (difference !== 0) return difference;
      a++;
      b++;
    }
    const [first] = /^\d*/.exec(one.slice(a))!,
      [second] = /^\d*/.exec(other.slice(b))!;
    a += first.length;
    b += second.length;
    const difference = byNumber(first, second);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** `-V`, filevercmp(): what begins with a dot comes first, and what looks like a file's suffix counts last. */
function byVersion(one: string, other: string): number {
  if (one === '' || other === '') return Number(one !== '') - Number(other !== '');
  const dotted = (text: string): number => (text === '.' ? 0 : text === '..' ? 1 : text.startsWith('.') ? 2 : 3);
  if (dotted(one) !== dotted(other)) return dotted(one) - dotted(other);
  if (dotted(one) < 2) return 0;
  const before = (text: string): string => /^(.+?)(?:\.[A-Za-z~][A-Za-z0-9~]*)*$/s.exec(text)![1];
  return byPieces(before(one), before(other)) || byPieces(one, other);
}

const blanksFrom = (line: string, at: number): number => at + /^[ \t\n]*/.exec(line.slice(at))![0].length;
const wordFrom = (line: string, at: number): number => {
  const from = blanksFrom(line, at);
  return from + /^[^ \t\n]*/.exec(line.slice(from))![0].length;
};

/** begfield() */
function beginOf(line: string, { field, character, skipsBlanks }: Place, tab: string | undefined): number {
  let at = 0;
  for (let left = field; left > 0 && at < line.length; left--) {
    if (tab === undefined) at = wordFrom(line, at);
    else at = line.indexOf(tab, at) < 0 ? line.length : line.indexOf(tab, at) + 1;
  }
  if (skipsBlanks) at = blanksFrom(line, at);
  return Math.min(line.length, at + character);
}

/** limfield() */
function endOf(line: string, { field, character, skipsBlanks }: Place, tab: string | undefined): number {
  let at = 0;
  for (let left = field + Number(character === 0); left > 0 && at < line.length; left--) {
    if (tab === undefined) at = wordFrom(line, at);
    else {
      const next = line.indexOf(tab, at);
      at = next < 0 ? line.length : next + Number(left > 1 || character !== 0);
    }
  }
  if (character === 0) return at;
  return Math.min(line.length, (skipsBlanks ? blanksFrom(line, at) : at) + character);
}

function partOf(line: string, { from, to, orders }: Key, tab: string | undefined): string {
  const begin = beginOf(line, from, tab);
  let part = line.slice(begin, to ? Math.max(begin, endOf(line, to, tab)) : undefined);
  if (orders.has('d')) part = part.replace(/[^A-Za-z0-9 \t]/g, '');
  else if (orders.has('i')) part = part.replace(/[^ -~]/g, '');
  return orders.has('f') ? part.replace(/[a-z]+/g, letters => letters.toUpperCase()) : part;
}

function comparisonOf(orders: ReadonlySet<string>): Comparison {
  if (orders.has('n')) return byNumber;
  if (orders.has('h')) return (one, other) => unitOf(one) - unitOf(other) || byNumber(one, other);
  if (orders.has('M')) return (one, other) => monthOf(one) - monthOf(other);
  if (orders.has('V')) return byVersion;
  if (!orders.has('g')) return byBytes;
  return (one, other) => {
    const [[rank, value], [otherRank, otherValue]] = [generalOf(one), generalOf(other)];
    return rank - otherRank || (value < otherValue ? -1 : Number(value > otherValue));
  };
}

/** A `-k`, with the orders of the whole where it has none; a string: what is wrong with it. */
function keyOf(text: string, whole: ReadonlySet<string>): Key | string {
  const [, field, character, orders, , toField, toCharacter = '0', toOrders = ''] =
    /^(\d+)(?:\.(\d+))?([bdfghiMnrV]*)(,(\d+)(?:\.(\d+))?([bdfghiMnrV]*))?$/.exec(text) ?? [];
  if (field === undefined) return `invalid field specification '${text}'`;
  if (Number(field) === 0 || (toField !== undefined && Number(toField) === 0))
    return `-: invalid field specification '${text}': field number is zero`;
  if (character !== undefined && Number(character) === 0)
    return `character offset is zero: invalid field specification '${text}'`;
  const own = new Set([...orders, ...toOrders]),
    isInherited = own.size === 0;
  const skips = (letters: string): boolean => (isInherited ? whole.has('b') : letters.includes('b'));
  return {
    from: { field: Number(field) - 1, character: Number(character ?? 1) - 1, skipsBlanks: skips(orders) },
    ...(toField === undefined
      ? {}
      : {
          to: { field: Number(toField) - 1, character: Number(toCharacter), skipsBlanks: skips(toOrders) },
        }),
    orders: isInherited ? whole : own,
  };
}

/** Lines, sorted each, as one: the first of the equal ones is the first file's. */
function merged(lists: string[][], compare: Comparison): string[] {
  const at = lists.map(() => 0),
    result: string[] = [];
  for (;;) {
    let least = -1;
    for (const [i, list] of lists.entries())
      if (at[i] < list.length && (least < 0 || compare(list[at[i]], lists[least][at[least]]) < 0)) least = i;
    if (least < 0) return result;
    result.push(lists[least][at[least]++]);
  }
}

const LONG: Record<string, string> = Object.fromEntries(
  Object.entries({
    'ignore-leading-blanks': 'b',
    'dictionary-order': 'd',
    'ignore-case': 'f',
    'general-numeric-sort': 'g',
    'human-numeric-sort': 'h',
    'ignore-nonprinting': 'i',
    'month-sort': 'M',
    'numeric-sort': 'n',
    reverse: 'r',
    'version-sort': 'V',
    check: 'c',
    merge: 'm',
    stable: 's',
    unique: 'u',
    'zero-terminated': 'z',
    key: 'k',
    'field-separator': 't',
    output: 'o',
    'buffer-size': 'S',
    'temporary-directory': 'T',
  }).map(([name, letter]) => [`--${name}`, letter]),
);
const SORTS: Record<string, string> = {
  'general-numeric': '-g',
  'human-numeric': '-h',
  month: '-M',
  numeric: '-n',
  version: '-V',
};

/** Orders that exclude each other. */
const clash = (orders: ReadonlySet<string>): string | undefined => {
  const kinds = [...'dghiMnV'].filter(letter => orders.has(letter));
  // -d and -i are one kind.
  const isOne = kinds.length < 2 || kinds.every(letter => letter === 'd' || letter === 'i');
  return isOne ? undefined : `options '-${kinds.join('')}' are incompatible`;
};

/** Compares lines by these options; a string: what is wrong with them. */
function orderOf(options: readonly [letter: string, value: string][], isStable: boolean): Comparison | string {
  const whole = new Set(options.map(([letter]) => letter).filter(letter => ORDERS.includes(letter)));
  const tabs = new Set(options.filter(([letter]) => letter === 't').map(([, value]) => value));
  const keys: Key[] = [];
  for (const [letter, value] of options) {
    if (letter !== 'k') continue;
    const key = keyOf(value, whole);
    if (typeof key === 'string') return key;
    keys.push(key);
  }
  for (const tab of tabs)
    if (tab !== '\\0' && [...tab].length !== 1) return tab === '' ? 'empty tab' : `multi-character tab '${tab}'`;
  if (tabs.size > 1) return 'incompatible tabs';
  const [given] = tabs,
    tab = given === '\\0' ? '\0' : given;
  if (keys.length === 0 && [...whole].some(letter => letter !== 'r'))
    keys.push({ from: { field: 0, character: 0, skipsBlanks: whole.has('b') }, orders: whole });
  const wrong = [whole, ...keys.map(({ orders }) => orders)].map(clash).find(Boolean);
  if (wrong !== undefined) return wrong;
  const comparisons = keys.map(key => ({ key, compare: comparisonOf(key.orders), turn: key.orders.has('r') ? -1 : 1 }));
  const turn = whole.has('r') ? -1 : 1;
  return (one, other) => {
    for (const { key, compare, turn: own } of comparisons) {
      const difference = compare(partOf(one, key, tab), partOf(other, key, tab));
      if (difference !== 0) return difference * own;
    }
    return isStable && keys.length > 0 ? 0 : byBytes(one, other) * turn;
  };
}

export const sort: ShellCommand = async (words, context) => {
  const said = (text: string): ReturnType<typeof failed> => failed(`sort: ${text}`, WRONG);
  const end = words.indexOf('--');
  const named = words.map((word, i) => {
    if (end >= 0 && i > end) return word;
    if (/^--check=(?:quiet|silent)$/.test(word)) return '-C';
    return /^--sort=/.test(word) ? (SORTS[word.slice(7)] ?? word) : word === '--check=diagnose-first' ? '-c' : word;
  });
  const { given, options, rest, wrong, lacking } = read(named, 'ktoST', `${ORDERS}cCmsuz`, LONG);
  if (wrong === '-R' || wrong === '--random-sort') return said('-R is not offered here: use shuf');
  if (wrong) return { ...unknown('sort', wrong), exitCode: WRONG };
  if (lacking)
    return said(
      `option requires an argument -- '${lacking.replace(/^-+/, '')}'\nTry 'sort --help' for more information.`,
    );
  const compare = orderOf(options, given.has('s') || given.has('u'));
  if (typeof compare === 'string') return said(compare);
  const checks = given.has('c') || given.has('C');
  if (checks && given.has('o')) return said("options '-co' are incompatible");
  if (given.has('c') && given.has('C')) return said("options '-cC' are incompatible");
  if (checks && rest.length > 1) return said(`extra operand '${rest[1]}' not allowed with -c`);
  const separator = given.has('z') ? '\0' : '\n';
  const lists: string[][] = [];
  for await (const { path, text, why } of inputs(rest, context)) {
    if (text === undefined)
      return said(why === 'Is a directory' ? `read failed: ${path}: ${why}` : `cannot read: ${path}: ${why}`);
    // Standard input is at its end where it is named again.
    const isRead = path === '-' && rest.slice(0, lists.length).includes('-');
    lists.push(
      isRead ? [] : recordsOf(text, separator).map(each => (each.endsWith(separator) ? each.slice(0, -1) : each)),
    );
  }
  if (checks) {
    const [lines] = lists;
    const at = lines.findIndex((line, i) => i > 0 && compare(lines[i - 1], line) >= (given.has('u') ? 0 : 1));
    if (at < 0) return written('', '');
    return given.has('c') ? failed(`sort: ${rest[0] ?? '-'}:${at + 1}: disorder: ${lines[at]}`) : ran('', 1);
  }
  const lines = given.has('m') ? merged(lists, compare) : lists.flat().sort(compare);
  const kept = given.has('u') ? lines.filter((line, i) => i === 0 || compare(lines[i - 1], line) !== 0) : lines;
  const stdout = kept.map(line => line + separator).join('');
  const to = given.get('o');
  if (to === undefined) return written(stdout, '');
  const { fs, cwd } = context;
  await fs.writeFile(
    fs.resolvePath(cwd, to),
    Uint8Array.from(stdout, character => character.charCodeAt(0)),
  );
  return written('', '');
};
