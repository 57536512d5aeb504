/**
 * The language of xl configuration files.
 * Source: xen/tools/libs/util/libxlu_cfg_l.l and libxlu_cfg_y.y (the grammar), libxlu_cfg.c (what the values mean).
 *
 *   file    = { [ setting ] ( newline | ";" ) }
 *   setting = ident ( "=" | "+=" ) value
 *   value   = string | number | "[" [ value { "," value } [ "," ] ] "]"      newlines are free inside brackets
 *
 * Recovery is by line, as in the original, so one reading reports every error. Time is linear in the length of the text, which is bounded.
 */
import type { Remedy } from '../verdicts.ts';

/** The most bytes of a definition, and the deepest nesting of its lists: a longer file was meant to be something else. */
export const MOST_BYTES = 256 * 1024,
  MOST_NESTING = 32;
/** Where a message repeats a part of the text, it repeats so much of it. */
const MOST_SHOWN = 60;

/** Why a text of this size is not read; undefined: it is. */
export function lengthProblem(bytes: number): string | undefined {
  if (bytes <= MOST_BYTES) return undefined;
  return `A definition has at most ${MOST_BYTES / 1024} KiB, and this file is longer, so it was not read. Take an xl configuration (xl.cfg).`;
}

/** From this many bytes on that are no UTF-8 in a text's beginning, the file is no text with a slip. */
const MOST_BROKEN = 8,
  LOOKED_AT = 4096;

/** Why a definition is not read at all; undefined: it is. */
export function textProblem(source: string): string | undefined {
  const broken = source.slice(0, LOOKED_AT).split('\uFFFD').length - 1;
  if (broken > MOST_BROKEN)
    return 'This is no text, so it was not read: it may be packed, or a program. Take an xl configuration (xl.cfg).';
  return lengthProblem(source.length);
}

/** The beginning of a text, for messages. */
export function shortened(text: string): string {
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}

export interface Position {
  /** Both count from 1. */
  line: number;
  column: number;
}

/** What a value was in another language, where it was translated into xl's. */
export interface Origin {
  /** As its author wrote it: <vcpu>4</vcpu>. */
  said: string;
  /** Where the options are that a text was put together from, by their names in xl. */
  parts?: Readonly<Record<string, Position & { said: string }>>;
}

export interface Atom extends Position {
  kind: 'string' | 'number';
  /** Text with quotes and escapes resolved; a number as it was written. */
  text: string;
  /** A size in KiB where it is no whole number of MiB, to which `text` is rounded up. */
  exactKiB?: number;
  origin?: Origin;
}

export interface List extends Position {
  kind: 'list';
  items: Value[];
  origin?: Origin;
}

export type Value = Atom | List;

export interface Setting extends Position {
  key: string;
  append: boolean;
  value: Value;
  /** Behind the value's last character, where a text in xl's language is edited. */
  end?: Position;
}

export interface SyntaxProblem extends Position {
  /** What is wrong there, and what to write instead: a sentence. */
  text: string;
  remedy?: Remedy;
}

export interface ParsedConfig {
  settings: Setting[];
  problems: SyntaxProblem[];
  /** Source lines, for messages that quote them. */
  lines: string[];
}

interface Token extends Position {
  /** Characters of the text. */
  length: number;
  kind: 'ident' | 'string' | 'number' | '=' | '+=' | '[' | ']' | ',' | ';' | 'newline' | 'end' | 'bad';
  text: string;
  /** For 'bad': the sentence. */
  problem?: string;
  remedy?: Remedy;
}

/** Words that Python accepts where xl wants 0 or 1. */
const PYTHON_WORDS: ReadonlyMap<string, string> = new Map([
  ['True', '1'],
  ['False', '0'],
  ['None', "''"],
]);
const WORD = /[._0-9a-zA-Z]+/y;

export function parseXlConfig(source: string): ParsedConfig {
  const unread = textProblem(source);
  if (unread) return { settings: [], problems: [{ line: 1, column: 1, text: unread }], lines: [] };
  const text = source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  return new Parser(new Tokenizer(text).read(), text.split('\n')).parse();
}

/** Reads a text into tokens; what xl knows no token for becomes a 'bad' one, with what to write instead. */
class Tokenizer {
  private readonly text: string;
  private readonly tokens: Token[] = [];
  private at = 0;
  private line = 1;
  private lineStart = 0;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  read(): Token[] {
    while (this.at < this.text.length && this.depth <= MOST_NESTING) this.next();
    this.push('newline', 0);
    this.push('end', 0);
    return this.tokens;
  }

  private push(kind: Token['kind'], length: number, text = ''): void {
    this.tokens.push({ kind, text, line: this.line, column: this.at - this.lineStart + 1, length });
    this.at += length;
  }

  private bad(text: string, problem: string, remedy?: Remedy): void {
    this.push('bad', text.length, text);
    Object.assign(this.tokens.at(-1)!, { problem }, remedy && { remedy });
  }

  private next(): void {
    const { text, at } = this;
    const c = text[at]!;
    if (c === '\n') {
      this.push('newline', 1);
      this.line++;
      this.lineStart = this.at;
    } else if (c === ' ' || c === '\t') this.at++;
    else if (c === '#') this.toLineEnd();
    else if (c === '+' && text[at + 1] === '=') {
      this.depth = 0;
      this.push('+=', 2);
    } else if ('=[],;'.includes(c)) this.punctuation(c);
    else if (c === "'" || c === '"') this.string(c);
    else if (/[0-9]/.test(c)) this.number();
    else if (/[A-Za-z_]/.test(c)) this.word();
    else this.stray(c);
  }

  private toLineEnd(): void {
    while (this.at < this.text.length && this.text[this.at] !== '\n') this.at++;
  }

  private punctuation(c: string): void {
    // A list that was never closed ends where the next setting begins.
    if (c === '=' && this.tokens.at(-1)?.kind === 'ident') this.depth = 0;
    else if (c === ']') this.depth = Math.max(0, this.depth - 1);
    // Nothing behind it is read.
    else if (c === '[' && ++this.depth > MOST_NESTING)
      return this.bad(
        c,
        `Lists are nested here more than ${MOST_NESTING} deep, and no key of xl.cfg wants more than two. Take brackets out.`,
      );
    this.push(c as Token['kind'], 1);
  }

  private characters(): string {
    WORD.lastIndex = this.at;
    return WORD.exec(this.text)![0];
  }

  private number(): void {
    const word = this.characters();
    if (/^(0x[0-9a-f]+|[0-9]+)$/.test(word)) this.push('number', word.length, word);
    else
      this.bad(
        word,
        `${shortened(word)} is no number. Write digits only, or put text in quotes: "${shortened(word)}".`,
      );
  }

  private word(): void {
    const word = this.characters();
    const write = PYTHON_WORDS.get(word);
    if (/^[a-z][._0-9a-z]*$/.test(word)) this.push('ident', word.length, word);
    else if (write !== undefined)
      this.bad(word, `${word} is Python; xl has numbers and strings only. Write ${write}.`, { write });
    else
      this.bad(
        word,
        `${shortened(word)}: xl's keys are lower case${/^[A-Z]/.test(word) ? `. Write ${shortened(word.toLowerCase())}, or put a value in quotes` : ' and start with a letter'}.`,
      );
  }

  private stray(c: string): void {
    const { text, at } = this;
    if (c === '-' && /[0-9]/.test(text[at + 1] ?? '')) {
      // libxlu_cfg_l.l: a number begins with a digit.
      const word = /^-[0-9a-zA-Z_.]+/.exec(text.slice(at, at + 40))![0];
      this.bad(word, `${word} has a sign, and xl's numbers have none. Write digits only.`);
    } else if ('+-.():'.includes(c))
      this.bad(
        c,
        `"${c}" cannot be here: this looks like an old-style Python configuration file, which xm ran as a program. xl knows key = value only.`,
      );
    else if (c === '{' || c === '}')
      this.bad(c, `"${c}" cannot be here: xl has no dictionaries. Lists are in brackets: [ 'a', 'b' ].`);
    else {
      const character = String.fromCodePoint(text.codePointAt(at)!);
      this.bad(character, `"${character}" cannot be here. Put text in quotes.`);
    }
  }

  private string(quote: string): void {
    const { text, at } = this;
    if (text.startsWith(quote.repeat(3), at))
      return this.bad(
        quote.repeat(3),
        'Strings in three quotes are Python; a string of xl is on one line, in single or double quotes.',
      );
    let value = '',
      i = at + 1;
    for (; i < text.length && text[i] !== '\n'; i++) {
      if (text[i] === quote) return this.push('string', i + 1 - at, value);
      if (text[i] !== '\\') value += text[i];
      else {
        const escape = readEscape(text, i + 1);
        if (!escape) {
          this.push('bad', i - at, text.slice(at, i + 2));
          this.tokens.at(-1)!.problem =
            `"\\${text[i + 1] ?? ''}" is no escape that xl knows. Write \\\\ for a backslash${/[x0-7]/.test(text[i + 1] ?? '') ? ', and a character itself for its number' : ''}.`;
          // The rest of the string would only confuse what follows.
          return this.toLineEnd();
        }
        value += escape.value;
        i += escape.length;
      }
    }
    this.bad(text.slice(at, i), `The string has no closing ${quote === '"' ? 'double' : 'single'} quote on its line.`);
  }
}

/**
 * Escapes of libxlu_cfg.c, xlu__cfgl_dequote. Those by number are refused, since xl 4.17 has no use for them: it says of every `\\xHH` that its digits are wrong,
 * and ends the text at an octal one.
 */
function readEscape(text: string, at: number): { value: string; length: number } | null {
  const value = text[at] === undefined ? undefined : ESCAPES[text[at]];
  return value === undefined ? null : { value, length: 1 };
}
const ESCAPES: Partial<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '"': '"',
  "'": "'",
  '\\': '\\',
};

class Parser {
  private readonly tokens: Token[];
  private readonly lines: string[];
  private readonly settings: Setting[] = [];
  private readonly problems: SyntaxProblem[] = [];
  private at = 0;

  constructor(tokens: Token[], lines: string[]) {
    this.tokens = tokens;
    this.lines = lines;
  }

  parse(): ParsedConfig {
    while (this.peek().kind !== 'end') {
      const token = this.peek();
      if (token.kind === 'newline' || token.kind === ';') this.at++;
      else if (!this.setting()) this.recover(token.line);
    }
    return { settings: this.settings, problems: this.problems, lines: this.lines };
  }

  private peek(): Token {
    return this.tokens[this.at]!;
  }

  private setting(): boolean {
    const key = this.peek();
    if (key.kind !== 'ident') return this.fail(key, `A line starts with a key: ${describe(key)} does not name one.`);
    this.at++;
    const op = this.peek();
    const dashed =
      op.kind === 'bad' && op.text === '-' && op.column === key.column + key.text.length
        ? /^[\w-]+/.exec((this.lines[key.line - 1] ?? '').slice(key.column - 1))?.[0]
        : undefined;
    if (dashed) {
      const write = dashed.replaceAll('-', '_');
      return this.fail(
        { ...key, remedy: { write } },
        `${shortened(dashed)}: keys have no "-". Write ${shortened(write)}.`,
      );
    }
    if (op.kind !== '=' && op.kind !== '+=')
      return this.fail(op, `After ${shortened(key.text)} comes = and a value; here is ${describe(op)}.`);
    this.at++;
    const value = this.value(key.text);
    if (!value) return false;
    const end = this.peek();
    if (end.kind !== 'newline' && end.kind !== ';' && end.kind !== 'end') {
      return this.fail(
        end,
        `The value of ${shortened(key.text)} ends before ${describe(end)}. One setting per line; several values are in brackets: [ 'a', 'b' ].`,
      );
    }
    const last = this.tokens[this.at - 1]!;
    this.settings.push({
      key: key.text,
      append: op.kind === '+=',
      value,
      line: key.line,
      column: key.column,
      end: { line: last.line, column: last.column + last.length },
    });
    return true;
  }

  private value(key: string): Value | null {
    const token = this.peek();
    if (token.kind === 'string' || token.kind === 'number') {
      this.at++;
      return { kind: token.kind, text: token.text, line: token.line, column: token.column };
    }
    if (token.kind === '[') return this.list(key);
    const shown = shortened(token.text);
    if (token.kind === 'ident')
      return (this.fail(token, `${shown} is text and needs quotes: ${shortened(key)} = "${shown}".`), null);
    if (token.kind === 'newline' || token.kind === 'end')
      return (this.fail(token, `${shortened(key)} has no value.`), null);
    this.fail(token, `${shortened(key)} needs a string, a number or a list; here is ${describe(token)}.`);
    return null;
  }

  private list(key: string): List | null {
    const open = this.peek();
    const items: Value[] = [];
    this.at++;
    for (;;) {
      this.skipNewlines();
      if (this.peek().kind === ']') break;
      if (this.atNextSetting()) return (this.unclosed(key, open), null);
      const item = this.value(key);
      if (!item) return null;
      items.push(item);
      this.skipNewlines();
      const next = this.peek();
      if (next.kind === ',') this.at++;
      else if (next.kind !== ']') {
        if (next.kind === 'end' || this.atNextSetting()) return (this.unclosed(key, open), null);
        // libxlu_cfg_y.y does not join adjacent strings.
        const text =
          next.kind === 'string' && this.tokens[this.at - 1]!.kind !== ']'
            ? `A comma is missing before ${describe(next)}: xl's list goes on with "," or ends with "]".`
            : `The values of a list are separated by commas; here is ${describe(next)}.`;
        return (this.fail(next, text), null);
      }
    }
    this.at++;
    return { kind: 'list', items, line: open.line, column: open.column };
  }

  /** A list ends where the next setting begins, unless that is on the list's line: then it is text without quotes. */
  private unclosed(key: string, open: Token): void {
    const next = this.peek(),
      shown = shortened(next.text);
    if (next.kind === 'ident' && next.line === this.tokens[this.at - 1]!.line)
      this.fail(next, `${shown}=… is text and needs quotes around it: "${shown}=…".`);
    else this.fail(open, `The list of ${shortened(key)} is never closed: "]" is missing.`);
  }

  private skipNewlines(): void {
    while (this.peek().kind === 'newline') this.at++;
  }

  /** Inside an open list: the file goes on with `key =`, so the bracket was forgotten. */
  private atNextSetting(): boolean {
    const next = this.tokens[this.at + 1]?.kind;
    return this.peek().kind === 'end' || (this.peek().kind === 'ident' && (next === '=' || next === '+='));
  }

  private fail(token: Token, text: string): false {
    this.problems.push({
      line: token.line,
      column: token.column,
      text: token.problem ?? text,
      ...(token.remedy ? { remedy: token.remedy } : {}),
    });
    return false;
  }

  /** To the end of the line with the error, and past the rest of a list that it broke. */
  private recover(startLine: number): void {
    if (this.tokens[this.at - 1]?.kind === 'newline' && this.atNextSetting()) return;
    let depth = 0;
    for (let i = this.at - 1; i >= 0 && this.tokens[i]!.line >= startLine; i--) {
      if (this.tokens[i]!.kind === '[') depth++;
      if (this.tokens[i]!.kind === ']') depth--;
    }
    while (this.peek().kind !== 'end') {
      const { kind } = this.peek();
      if (kind === '[') depth++;
      if (kind === ']') depth--;
      if (kind === 'newline' && (depth <= 0 || (this.at++, this.atNextSetting()))) return;
      if (kind !== 'newline') this.at++;
    }
  }
}

function describe(token: Token): string {
  switch (token.kind) {
    case 'newline':
    case 'end':
      return 'the end of the line';
    case 'string':
      return `the string "${shortened(token.text)}"`;
    case 'ident':
    case 'number':
    case 'bad':
      return `"${shortened(token.text)}"`;
    default:
      return `"${token.kind}"`;
  }
}
