/**
 * Regular expressions of POSIX, basic and extended, with GNU's additions, read into a tree. Sources: POSIX.1-2017, XBD 9; the manual of GNU sed 4.9, 5 ("Regular
 * Expressions"); what glibc's regcomp() says of wrong ones.
 */

export type Assertion = 'begin' | 'end' | 'line-begin' | 'line-end' | 'edge' | 'no-edge' | 'word-begin' | 'word-end';
export type Pattern =
  /** One character of a set, as JavaScript writes it between brackets. */
  | { kind: 'one'; set: string }
  | { kind: 'at'; where: Assertion }
  | { kind: 'group'; number: number; body: Pattern }
  | { kind: 'back'; number: number }
  | { kind: 'all'; parts: Pattern[] }
  | { kind: 'any'; options: Pattern[] }
  | { kind: 'repeat'; body: Pattern; least: number; most: number };

/** An error of an expression, in glibc's words. */
export class PatternError extends Error {}

export interface PatternSyntax {
  isExtended: boolean;
  /** `^` and `$` are at lines' ends, too, and `.` and `[^a]` are no newline. */
  isMultiline: boolean;
}

/** glibc's RE_DUP_MAX. */
const MOST_REPEATS = 32767;
/** A byte that is no UTF-8 is one of these (bytes.ts); no set has it. */
export const STRAY_BASE = 0xdc00;
const STRAY = '\\udc80-\\udcff';
const ANY = `^${STRAY}`;
const WORD = '\\p{L}\\p{N}_';
const SPACE = ' \\t\\n\\v\\f\\r';
const CLASSES: Record<string, string> = {
  alpha: '\\p{L}',
  digit: '0-9',
  alnum: '\\p{L}\\p{N}',
  upper: '\\p{Lu}',
  lower: '\\p{Ll}',
  space: SPACE,
  blank: ' \\t',
  punct: '\\x21-\\x2f\\x3a-\\x40\\x5b-\\x60\\x7b-\\x7e\\p{P}\\p{S}',
  print: '\\x20-\\x7e\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Zs}',
  graph: '\\x21-\\x7e\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}',
  cntrl: '\\p{Cc}',
  xdigit: '0-9A-Fa-f',
};
const SETS: Record<string, string> = { w: WORD, W: `^${WORD}${STRAY}`, s: SPACE, S: `^${SPACE}${STRAY}` };
const ASSERTIONS: Record<string, Assertion> = {
  '`': 'begin',
  "'": 'end',
  b: 'edge',
  B: 'no-edge',
  '<': 'word-begin',
  '>': 'word-end',
};
const CONTROL: Record<string, string> = { a: '\x07', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

/** A character in a set of JavaScript's. */
export const inSet = (character: string): string => `\\u{${character.codePointAt(0)!.toString(16)}}`;

const NUMBERS: Record<string, readonly [digits: RegExp, radix: number]> = {
  d: [/^\d{1,3}/, 10],
  o: [/^[0-7]{1,3}/, 8],
  x: [/^[\da-fA-F]{1,2}/, 16],
};

/** What GNU's escapes for characters represent: `\t`, `\cX`, `\d065`, `\o101`, `\x41`. `length`: with the backslash. Undefined: it is none. */
export function escapeAt(text: string, at: number): { character: string; length: number } | undefined {
  const letter = text[at + 1] ?? '';
  if (Object.hasOwn(CONTROL, letter)) return { character: CONTROL[letter], length: 2 };
  if (Object.hasOwn(NUMBERS, letter)) {
    const [form, radix] = NUMBERS[letter];
    const digits = form.exec(text.slice(at + 2, at + 5))?.[0];
    if (digits === undefined) return undefined;
    const byte = Number.parseInt(digits, radix) & 0xff;
    return { character: String.fromCharCode(byte < 0x80 ? byte : STRAY_BASE + byte), length: 2 + digits.length };
  }
  const control = text[at + 2];
  if (letter !== 'c' || control === undefined || control === '\\' || control > '~') return undefined;
  return { character: String.fromCharCode(control.toUpperCase().charCodeAt(0) ^ 0x40), length: 3 };
}

/** Where a bracket expression that begins at `at` ends: behind its `]`. -1: it does not. */
export function bracketEnd(text: string, at: number): number {
  let i = at + 1;
  if (text[i] === '^') i++;
  if (text[i] === ']') i++;
  for (; i < text.length; i++) {
    if (text[i] === ']') return i + 1;
    const kind = text[i + 1];
    if (text[i] !== '[' || (kind !== ':' && kind !== '.' && kind !== '=')) continue;
    const end = text.indexOf(`${kind}]`, i + 2);
    if (end < 0) return -1;
    i = end + 1;
  }
  return -1;
}

/** A bracket expression, as a set. */
function bracket(text: string, isMultiline: boolean): string {
  let i = 1,
    set = '';
  const isNegated = text[i] === '^';
  if (isNegated) i++;
  const last = text.length - 1;
  /** The next element: a character, or a class. */
  const element = (): { one?: string; many?: string } => {
    const kind = text[i + 1];
    if (text[i] === '[' && (kind === ':' || kind === '.' || kind === '=')) {
      const end = text.indexOf(`${kind}]`, i + 2);
      const name = text.slice(i + 2, end);
      i = end + 2;
      if (kind === ':') {
        if (!Object.hasOwn(CLASSES, name)) throw new PatternError('Invalid character class name');
        return { many: CLASSES[name] };
      }
      if ([...name].length !== 1) throw new PatternError('Invalid collation character');
      return { one: name };
    }
    if (text[i] === '\\') {
      const escape = escapeAt(text, i);
      if (escape && i + escape.length <= last) {
        i += escape.length;
        return { one: escape.character };
      }
    }
    const character = String.fromCodePoint(text.codePointAt(i)!);
    i += character.length;
    return { one: character };
  };
  while (i < last) {
    const from = element();
    if (text[i] !== '-' || i + 1 >= last) {
      set += from.many ?? inSet(from.one!);
      continue;
    }
    i++;
    const to = element();
    if (from.one === undefined || to.one === undefined || from.one.codePointAt(0)! > to.one.codePointAt(0)!)
      throw new PatternError('Invalid range end');
    set += `${inSet(from.one)}-${inSet(to.one)}`;
  }
  if (!isNegated) return set;
  return `^${set}${STRAY}${isMultiline ? '\\n' : ''}`;
}

class Reader {
  at = 0;
  groups = 0;
  private readonly open: number[] = [];
  private closed = new Set<number>();
  private readonly text: string;
  private readonly syntax: PatternSyntax;

  constructor(text: string, syntax: PatternSyntax) {
    this.text = text;
    this.syntax = syntax;
  }

  /** Whether an operator begins here: `\(` of a basic expression, `(` of an extended one. */
  private is(operator: string): boolean {
    const { text, at } = this;
    return this.syntax.isExtended ? text[at] === operator : text[at] === '\\' && text[at + 1] === operator;
  }
  private get operatorLength(): number {
    return this.syntax.isExtended ? 1 : 2;
  }

  /** A back reference in one of them can be to a group of it, or of what is before them all. */
  alternatives(): Pattern {
    const before = this.closed;
    const options: Pattern[] = [],
      closed = new Set<number>();
    for (;;) {
      this.closed = new Set(before);
      options.push(this.sequence());
      for (const number of this.closed) closed.add(number);
      if (!this.is('|')) break;
      this.at += this.operatorLength;
    }
    this.closed = closed;
    return options.length === 1 ? options[0] : { kind: 'any', options };
  }

  private sequence(): Pattern {
    const parts: Pattern[] = [];
    for (;;) {
      const { text, at } = this;
      if (at >= text.length || this.is('|')) break;
      if (this.is(')')) {
        if (this.open.length === 0) throw new PatternError('Unmatched ) or \\)');
        break;
      }
      parts.push(this.repeated(this.atom(parts)));
    }
    return parts.length === 1 ? parts[0] : { kind: 'all', parts };
  }

  private repeated(body: Pattern): Pattern {
    const { isExtended } = this.syntax;
    let found = body;
    for (;;) {
      const { text, at } = this;
      if (body.kind === 'at' && !isExtended) return found;
      if (text[at] === '*') {
        found = { kind: 'repeat', body: found, least: 0, most: Infinity };
        this.at++;
      } else if (this.is('+') || this.is('?')) {
        const isPlus = this.is('+');
        found = { kind: 'repeat', body: found, least: isPlus ? 1 : 0, most: isPlus ? Infinity : 1 };
        this.at += this.operatorLength;
      } else if (this.is('{')) {
        found = this.interval(found);
      } else return found;
      const isTwice = !isExtended && (this.text[this.at] === '*' || this.is('{'));
      if (body.kind === 'at' || isTwice) throw new PatternError('Invalid preceding regular expression');
    }
  }

  private interval(body: Pattern): Pattern {
    this.at += this.operatorLength;
    const { text, at } = this;
    const end = text.indexOf(this.syntax.isExtended ? '}' : '\\}', at);
    if (end < 0) throw new PatternError('Unmatched \\{');
    const [, from, comma, to] = /^(\d*)(,?)(\d*)$/.exec(text.slice(at, end)) ?? [];
    if (from === undefined || (from === '' && comma === '')) throw new PatternError('Invalid content of \\{\\}');
    const least = Number(from),
      most = comma === '' ? least : to === '' ? Infinity : Number(to);
    if (most < least) throw new PatternError('Invalid content of \\{\\}');
    if (least > MOST_REPEATS || (most !== Infinity && most > MOST_REPEATS))
      throw new PatternError('Regular expression too big');
    this.at = end + this.operatorLength;
    return { kind: 'repeat', body, least, most };
  }

  private atom(before: readonly Pattern[]): Pattern {
    const { text, at } = this;
    const { isExtended, isMultiline } = this.syntax;
    const isFirst = before.length === 0 || before.at(-1)!.kind === 'at';
    if (this.is('(')) return this.group();
    const character = String.fromCodePoint(text.codePointAt(at)!);
    if (isExtended ? /[*+?{]/.test(character) : this.is('{'))
      if (isFirst) throw new PatternError('Invalid preceding regular expression');
    if (character === '\\') return this.escaped();
    this.at += character.length;
    if (character === '.') return { kind: 'one', set: isMultiline ? `${ANY}\\n` : ANY };
    if (character === '[') {
      const end = bracketEnd(text, at);
      if (end < 0) throw new PatternError('Unmatched [, [^, [:, [., or [=');
      this.at = end;
      return { kind: 'one', set: bracket(text.slice(at, end), isMultiline) };
    }
    if (character === '^' && (isExtended || before.length === 0))
      return { kind: 'at', where: isMultiline ? 'line-begin' : 'begin' };
    if (character === '$' && (isExtended || this.at === text.length || this.is(')') || this.is('|')))
      return { kind: 'at', where: isMultiline ? 'line-end' : 'end' };
    return { kind: 'one', set: inSet(character) };
  }

  private escaped(): Pattern {
    const { text, at } = this;
    const next = text.codePointAt(at + 1);
    if (next === undefined) throw new PatternError('Trailing backslash');
    const letter = String.fromCodePoint(next);
    if (/[1-9]/.test(letter)) {
      this.at += 2;
      const number = Number(letter);
      if (!this.closed.has(number)) throw new PatternError('Invalid back reference');
      return { kind: 'back', number };
    }
    const escape = escapeAt(text, at);
    if (escape) {
      this.at += escape.length;
      return { kind: 'one', set: inSet(escape.character) };
    }
    this.at += 1 + letter.length;
    if (Object.hasOwn(SETS, letter)) return { kind: 'one', set: SETS[letter] };
    if (Object.hasOwn(ASSERTIONS, letter)) return { kind: 'at', where: ASSERTIONS[letter] };
    return { kind: 'one', set: inSet(letter) };
  }

  private group(): Pattern {
    this.at += this.operatorLength;
    const number = ++this.groups;
    this.open.push(number);
    const body = this.alternatives();
    if (!this.is(')')) throw new PatternError('Unmatched ( or \\(');
    this.at += this.operatorLength;
    this.open.pop();
    this.closed.add(number);
    return { kind: 'group', number, body };
  }
}

/** @throws PatternError */
export function readPattern(text: string, syntax: PatternSyntax): { pattern: Pattern; groups: number } {
  const reader = new Reader(text, syntax);
  const pattern = reader.alternatives();
  return { pattern, groups: reader.groups };
}
