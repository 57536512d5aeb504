/**
 * Words of one line in nasm's language. Source: the NASM manual, chapter 3, "The NASM language" (3.1 layout, 3.4 constants).
 * A mistake is thrown here and below; assemble.ts catches it, line by line, and goes on.
 */

/** What is wrong with a line, and from which column on (1: the first). */
export class Mistake extends Error {
  readonly column: number;
  /** Bytes that the line has all the same: other distances stay as they are. */
  readonly length: number;

  constructor(message: string, column: number, length = 0) {
    super(message);
    this.column = column;
    this.length = length;
  }
}

export interface Token {
  kind: 'name' | 'number' | 'float' | 'string' | 'sign' | 'end';
  /** As written; of a string, what it holds, a byte a character. */
  text: string;
  /** Value of a number. */
  value: bigint;
  /** 1: the first of the line. */
  column: number;
}

const SPACE = /[ \t\r\f\v]*/y;
const NAME = /[A-Za-z_.@][\w.?@$#~]*/y;
const ESCAPED_NAME = /\$([A-Za-z_@][\w.?@$#~]*)/y;
const NUMBER = /\$?\d(?:[\d_]*\.[\d_]*(?:[eE][+-]?\d+)?|[\d_]*[eE][+-]?\d+(?![\w.])|\w*)/y;
const SIGN = /<<<|>>>|<<|>>|<=|>=|<>|==|!=|\/\/|%%|&&|\|\||\^\^|\$\$|[-+*/%&|^~!()[\],:?<>=$]/y;
const ESCAPES: Record<string, number> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, e: 27 };

/** Bases of numbers by the letter before or after the digits. */
const BASES: Record<string, number> = { x: 16, h: 16, d: 10, t: 10, o: 8, q: 8, b: 2, y: 2 };

/** The words of `line` up to a comment; the last is 'end'. */
export function tokens(line: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(line);
  };
  const add = (kind: Token['kind'], text: string, length: number, value = 0n): void => {
    found.push({ kind, text, value, column: at + 1 });
    at += length;
  };
  for (;;) {
    at += match(SPACE)![0].length;
    const first = line[at];
    if (first === undefined || first === ';') break;
    let made: RegExpExecArray | null;
    if (first === "'" || first === '"' || first === '`') {
      const { text, length } = quoted(line, at);
      add('string', text, length);
    } else if ((made = match(NUMBER))) {
      const [text] = made;
      if (isFloat(text)) add('float', text, text.length);
      else add('number', text, text.length, numberOf(text, at + 1));
    } else if ((made = match(NAME)) || (made = match(ESCAPED_NAME))) {
      add('name', made[1] ?? made[0], made[0].length);
      // '$eax' is a label of that name.
      if (made[1] !== undefined) found.at(-1)!.value = 1n;
    } else if ((made = match(SIGN))) add('sign', made[0], made[0].length);
    else if (first === '\\') throw new Mistake('lines are not joined here: write the whole line on one', at + 1);
    else
      throw new Mistake(
        `“${String.fromCodePoint(line.codePointAt(at)!)}” means nothing here: take it away, or put it in quotes`,
        at + 1,
      );
  }
  add('end', 'the end of the line', 0);
  return found;
}

/** True if the name was written with a '$' before it: then it is no register and no instruction. */
export const isEscaped = (token: Token): boolean => token.kind === 'name' && token.value === 1n;

const isFloat = (text: string): boolean =>
  !text.startsWith('$') && (text.includes('.') || /^\d[\d_]*e[+-]?\d+$/i.test(text));

function numberOf(text: string, column: number): bigint {
  const plain = text.replaceAll('_', '').toLowerCase();
  const prefixed = /^(?:\$|0([xhdtoqby])(?=.*[^h]$))(\w+)$/.exec(plain);
  const suffixed = /^(\w+)([hdtoqbyx])$/.exec(plain);
  const attempts: [digits: string, base: number][] = [];
  if (/^\d+$/.test(plain)) attempts.push([plain, 10]);
  if (prefixed) attempts.push([prefixed[2]!, prefixed[1] === undefined ? 16 : BASES[prefixed[1]]!]);
  if (suffixed) attempts.push([suffixed[1]!, BASES[suffixed[2]!]!]);
  for (const [digits, base] of attempts) {
    if (digits.length > 200) throw new Mistake('a number of more than 200 digits: it has at most 64 bits', column);
    const allowed = base === 16 ? /^[0-9a-f]+$/ : base === 10 ? /^\d+$/ : base === 8 ? /^[0-7]+$/ : /^[01]+$/;
    if (!allowed.test(digits)) continue;
    const value = BigInt(
      base === 16 ? `0x${digits}` : base === 8 ? `0o${digits}` : base === 2 ? `0b${digits}` : digits,
    );
    if (value >= 1n << 64n) throw new Mistake(`${text} has more than 64 bits`, column);
    return value;
  }
  throw new Mistake(`“${text}” is no number: write 10, 0x1f or 1fh, 101b, 17o`, column);
}

/** A string from its opening quote: single and double quotes hold their text as it is, back quotes know C's escapes. Bytes of UTF-8. */
function quoted(line: string, start: number): { text: string; length: number } {
  const quote = line[start]!;
  let text = '';
  let at = start + 1;
  for (;;) {
    const code = line.codePointAt(at);
    if (code === undefined) throw new Mistake(`the string has no end: close it with ${quote}`, start + 1);
    const letter = String.fromCodePoint(code);
    at += letter.length;
    if (letter === quote) return { text, length: at - start };
    if (quote !== '`' || letter !== '\\') {
      text += utf8(letter);
      continue;
    }
    const escape = /(?:x([0-9a-f]{1,2})|([0-7]{1,3})|u([0-9a-f]{4})|(.))/isuy;
    escape.lastIndex = at;
    const [whole, hexadecimal, octal, unicode, other] = escape.exec(line) ?? [];
    if (whole === undefined) throw new Mistake(`the string has no end: close it with ${quote}`, start + 1);
    at += whole.length;
    if (hexadecimal !== undefined) text += String.fromCharCode(Number.parseInt(hexadecimal, 16));
    else if (octal !== undefined) text += String.fromCharCode(Number.parseInt(octal, 8) & 255);
    else if (unicode !== undefined) text += utf8(String.fromCharCode(Number.parseInt(unicode, 16)));
    else text += other! in ESCAPES ? String.fromCharCode(ESCAPES[other!]!) : utf8(other!);
  }
}

const encoder = new TextEncoder();
const utf8 = (letter: string): string => (letter < '\x80' ? letter : String.fromCharCode(...encoder.encode(letter)));

/** Walks over the words of a line. */
export class Cursor {
  private at = 0;
  /** Parts of expressions made on this line: a bound on what their evaluation costs. */
  parts = 0;

  private readonly words: readonly Token[];

  constructor(words: readonly Token[]) {
    this.words = words;
  }

  get peek(): Token {
    return this.words[this.at]!;
  }

  /** The word after the next. */
  get beyond(): Token {
    return this.words[Math.min(this.at + 1, this.words.length - 1)]!;
  }

  ended(): boolean {
    return this.peek.kind === 'end';
  }

  next(): Token {
    const token = this.peek;
    if (token.kind !== 'end') this.at++;
    return token;
  }

  /** True, and one word on, if the next one is this sign. */
  take(sign: string): boolean {
    if (!this.sees(sign)) return false;
    this.at++;
    return true;
  }

  sees(sign: string): boolean {
    return this.peek.kind === 'sign' && this.peek.text === sign;
  }

  /** The next word in small letters if it is one of these, then one word on. */
  takeName<T extends string>(names: readonly T[]): T | undefined {
    const { kind, text } = this.peek;
    if (kind !== 'name' || isEscaped(this.peek)) return undefined;
    const found = names.find(name => name === text.toLowerCase());
    if (found !== undefined) this.at++;
    return found;
  }

  expect(sign: string, why: string): void {
    if (!this.take(sign))
      throw new Mistake(`${described(this.peek)} is where “${sign}” should be: ${why}`, this.peek.column);
  }

  expectEnd(): void {
    if (!this.ended())
      throw new Mistake(
        `${described(this.peek)} is too much here: end the line before it, or put a comma or an operator between`,
        this.peek.column,
      );
  }
}

export const described = (token: Token): string =>
  token.kind === 'end' ? token.text : token.kind === 'string' ? 'a string' : `“${token.text}”`;
