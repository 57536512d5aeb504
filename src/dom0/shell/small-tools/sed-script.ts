/** Scripts of sed, read as GNU sed 4.9 reads them; what is wrong is said in its words, and behind which character. */
import { Expression } from './posix-match.ts';
import { bracketEnd, escapeAt, PatternError } from './posix-syntax.ts';

/** It ends at once, with what was written so far. */
export const PANIC = 4;

export class SedError extends Error {
  readonly status: number;
  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

export type Address =
  | { kind: 'line'; line: number }
  | { kind: 'step'; first: number; step: number }
  | { kind: 'last' }
  /** `/re/`; undefined: the one that was used last. */
  | { kind: 'match'; expression: Expression | undefined }
  | { kind: 'plus'; count: number }
  | { kind: 'multiple'; of: number };

/** Parts of a replacement: text, a group, or what happens to the case of those behind it. */
export type Part = string | number | { case: 'U' | 'L' | 'u' | 'l' | 'E' };

export interface Substitution {
  expression: Expression | undefined;
  parts: readonly Part[];
  /** The greatest number of a group among them. */
  mostGroup: number;
  isGlobal: boolean;
  prints: boolean;
  /** The first that is replaced. */
  number: number;
  file?: string;
}

export interface Command {
  name: string;
  from?: Address;
  to?: Address;
  isNegated: boolean;
  /** Of a, i and c; undefined: nothing is written. */
  text?: string;
  label?: string;
  file?: string;
  /** Of q, Q and l. */
  number?: number;
  substitution?: Substitution;
  map?: ReadonlyMap<string, string>;
  /** Where a block ends, or a jump goes. */
  target?: number;
}

/** What a script is made of: -e's values and -f's files. */
export interface Source {
  text: string;
  /** `-e expression #1`, or `file F`. */
  name: string;
  isFile: boolean;
}

export interface Script {
  commands: Command[];
  /** Its first line is `#n`. */
  isQuiet: boolean;
}

interface Options {
  isExtended: boolean;
  /** Lines end with NULs. */
  isNull: boolean;
  isSandbox: boolean;
}

const PLAIN = '=dDFgGhHnNpPxz';
const BLANK = /[ \t]/,
  SPACE = /[ \t\n\v\f\r]/;

class Parser {
  readonly commands: Command[] = [];
  isQuiet = false;
  private readonly sources: readonly Source[];
  private readonly options: Options;
  private readonly blocks: number[] = [];
  private readonly labels = new Map<string, number>();
  private source = 0;
  private at = 0;

  constructor(sources: readonly Source[], options: Options) {
    this.sources = sources;
    this.options = options;
  }

  private get text(): string {
    return this.sources[this.source].text;
  }

  private fail(what: string, at = this.at): never {
    const { name, isFile, text } = this.sources[this.source];
    const place = isFile ? `${name} line ${text.slice(0, at).split('\n').length}` : `${name}, char ${at}`;
    throw new SedError(`sed: ${place}: ${what}`);
  }

  /** The next character; empty: there is none. */
  private next(): string {
    const { text, at } = this;
    const character = at < text.length ? String.fromCodePoint(text.codePointAt(at)!) : '';
    this.at += character.length;
    return character;
  }
  private back(character: string): void {
    this.at -= character.length;
  }
  private nextVisible(): string {
    let character = this.next();
    while (BLANK.test(character)) character = this.next();
    return character;
  }

  script(): Script {
    for (; this.source < this.sources.length; this.source++) {
      this.at = 0;
      while (this.command());
    }
    this.source--;
    if (this.blocks.length > 0) this.fail("unmatched `{'", 0);
    for (const command of this.commands)
      if (/^[btT]$/.test(command.name)) {
        const { label = '' } = command;
        command.target = label === '' ? this.commands.length : this.labels.get(label);
        if (command.target === undefined) throw new SedError(`sed: can't find label for jump to \`${label}'`, PANIC);
      }
    return { commands: this.commands, isQuiet: this.isQuiet };
  }

  /** The next command; false: there is none in this source. */
  private command(): boolean {
    let character = this.next();
    while (character === ';' || SPACE.test(character)) character = this.next();
    if (character === '') return false;
    const command: Command = { name: '', isNegated: false };
    command.from = this.address(character);
    if (command.from) {
      if (command.from.kind === 'plus' || command.from.kind === 'multiple')
        this.fail('invalid usage of +N or ~N as first address');
      character = this.nextVisible();
      if (character === ',') {
        command.to = this.address(this.nextVisible());
        if (!command.to) this.fail("unexpected `,'");
        character = this.nextVisible();
      }
      if (command.from.kind === 'line' && command.from.line === 0 && command.to?.kind !== 'match')
        this.fail('invalid usage of line address 0');
    }
    if (character === '!') {
      command.isNegated = true;
      character = this.nextVisible();
      if (character === '!') this.fail("multiple `!'s");
    }
    if (character === '#') {
      if (command.from) this.fail("comments don't accept any addresses");
      this.comment();
      return true;
    }
    command.name = character;
    this.rest(command);
    this.commands.push(command);
    return true;
  }

  private comment(): void {
    const { text, at } = this;
    const end = text.indexOf('\n', at);
    // The manual wants nothing else in that line; 4.9 takes it with anything.
    if (this.source === 0 && at === 1 && text[at] === 'n') this.isQuiet = true;
    this.at = end < 0 ? text.length : end + 1;
  }

  private address(character: string): Address | undefined {
    if (character === '/' || character === '\\') {
      const delimiter = character === '\\' ? this.next() : character;
      const text = this.delimited(delimiter, true);
      if (text === undefined) this.fail('unterminated address regex');
      let flags = '';
      for (;;) {
        const flag = this.nextVisible();
        if (flag !== 'I' && flag !== 'M') {
          this.back(flag);
          return { kind: 'match', expression: this.expression(text, flags) };
        }
        flags += flag;
      }
    }
    if (character === '$') return { kind: 'last' };
    if (character === '+' || character === '~') {
      const count = this.integer(this.nextVisible());
      return character === '+' ? { kind: 'plus', count } : { kind: 'multiple', of: count };
    }
    if (!/\d/.test(character)) return undefined;
    const line = this.integer(character);
    const between = this.nextVisible();
    if (between !== '~') {
      this.back(between);
      return { kind: 'line', line };
    }
    const step = this.integer(this.nextVisible());
    return step > 0 ? { kind: 'step', first: line, step } : { kind: 'line', line };
  }

  /** A number that begins with this character; one that does not is 0. */
  private integer(first: string): number {
    let digits = '',
      character = first;
    for (; /\d/.test(character); character = this.next()) digits += character;
    this.back(character);
    return Number(digits);
  }

  /** Text up to a delimiter. Undefined: there is none. */
  private delimited(delimiter: string, isExpression: boolean): string | undefined {
    if (delimiter.charCodeAt(0) > 0x7f) this.fail('delimiter character is not a single-byte character');
    let found = '';
    for (;;) {
      let character = this.next();
      if (character === '' || (character === '\n' && delimiter !== '\n')) {
        this.back(character);
        return undefined;
      }
      if (character === delimiter) return found;
      if (character === '[' && isExpression && delimiter !== '[') {
        const end = bracketEnd(this.text, this.at - 1);
        if (end > 0 && !this.text.slice(this.at, end).includes('\n')) {
          found += this.text.slice(this.at - 1, end);
          this.at = end;
          continue;
        }
      } else if (character === '\\') {
        character = this.next();
        if (character === '') return undefined;
        if (character === 'n' && isExpression) {
          found += '\n';
          continue;
        }
        if (character !== '\n' && (character !== delimiter || (!isExpression && character === '&'))) found += '\\';
      }
      found += character;
    }
  }

  private expression(text: string, flags: string): Expression | undefined {
    if (text === '') {
      if (flags !== '') this.fail('cannot specify modifiers on empty regexp');
      return undefined;
    }
    if (this.options.isNull && flags.includes('M')) this.fail('M with -z is not offered here');
    try {
      return new Expression(text, {
        isExtended: this.options.isExtended,
        isMultiline: flags.includes('M'),
        ignoresCase: flags.includes('I'),
      });
    } catch (error) {
      if (error instanceof PatternError) this.fail(error.message);
      throw error;
    }
  }

  /** What is behind a command's letter. */
  private rest(command: Command): void {
    const { name } = command;
    if (PLAIN.includes(name) && name !== '') this.ends();
    else
      switch (name) {
        case '{':
          this.blocks.push(this.commands.length);
          break;
        case '}':
          this.closes(command);
          break;
        case ':':
          if (command.from) this.fail(": doesn't want any addresses");
          command.label = this.label();
          if (command.label === '') this.fail('":" lacks a label');
          if (!this.labels.has(command.label)) this.labels.set(command.label, this.commands.length);
          break;
        case 'b':
        case 't':
        case 'T':
          command.label = this.label();
          break;
        case 'a':
        case 'i':
        case 'c':
          command.text = this.lines();
          break;
        case 'q':
        case 'Q':
          if (command.to) this.fail('command only uses one address');
          command.number = this.argument() ?? 0;
          break;
        case 'l':
          command.number = this.argument();
          break;
        case 'r':
        case 'R':
        case 'w':
        case 'W':
          this.guard();
          command.file = this.file();
          break;
        case 's':
          command.substitution = this.substitution();
          break;
        case 'y':
          command.map = this.map();
          break;
        case 'v':
          if (!/^(?:[0-3](?:\.|$)|4(?:\.[0-9](?:\.|$)|$)|$)/.test(this.label()))
            this.fail('expected newer version of sed');
          break;
        case 'e':
          this.guard();
          this.fail("the `e' command is not offered here");
          break;
        case '':
          this.fail('missing command');
          break;
        default:
          this.fail(`unknown command: \`${name}'`);
      }
  }

  private guard(): void {
    if (this.options.isSandbox) this.fail('e/r/w commands disabled in sandbox mode');
  }

  private closes(command: Command): void {
    const block = this.blocks.pop();
    if (block === undefined) this.fail("unexpected `}'");
    if (command.from) this.fail("} doesn't want any addresses");
    this.commands[block].target = this.commands.length;
    this.ends();
  }

  private ends(): void {
    const character = this.nextVisible();
    if (character === '}' || character === '#') this.back(character);
    else if (character !== '' && character !== '\n' && character !== ';') this.fail('extra characters after command');
  }

  private argument(): number | undefined {
    const character = this.nextVisible();
    const number = /\d/.test(character) ? this.integer(character) : (this.back(character), undefined);
    this.ends();
    return number;
  }

  private label(): string {
    let label = '',
      character = this.nextVisible();
    for (
      ;
      character !== '' && character !== ';' && character !== '}' && !SPACE.test(character);
      character = this.next()
    )
      label += character;
    this.back(character);
    return label;
  }

  private file(): string {
    const first = this.nextVisible();
    this.back(first);
    const end = this.text.indexOf('\n', this.at);
    const path = this.text.slice(this.at, end < 0 ? undefined : end);
    if (path === '') this.fail('missing filename in r/R/w/W commands');
    this.at = end < 0 ? this.text.length : end + 1;
    return path;
  }

  /** Text of a, i and c: the rest of the line, or lines behind a backslash. Where a source ends with one, it goes on in the next. */
  private lines(): string | undefined {
    let character = this.nextVisible();
    if (character === '') this.fail("expected \\ after `a', `c' or `i'");
    let isBehind = false;
    if (character === '\\') {
      character = this.next();
      if (BLANK.test(character)) {
        const start = this.at - 1;
        character = this.nextVisible();
        if (character !== '\n') {
          this.at = start;
          character = this.next();
        }
      }
      if (character === '\n') isBehind = true;
      else if (character === '') {
        if (this.source + 1 >= this.sources.length) return undefined;
        isBehind = true;
      }
    }
    if (!isBehind) this.back(character);
    let text = '';
    for (;;) {
      if (this.at >= this.text.length && isBehind && this.source + 1 < this.sources.length) {
        this.source++;
        this.at = 0;
      }
      isBehind = false;
      const start = this.at;
      const one = this.next();
      if (one === '' || one === '\n') return `${text}\n`;
      if (one !== '\\') {
        text += one;
        continue;
      }
      const escape = escapeAt(this.text, start);
      if (escape) {
        text += escape.character;
        this.at = start + escape.length;
        continue;
      }
      const other = this.next();
      isBehind = other === '' || other === '\n';
      text += other === '' && this.source + 1 < this.sources.length ? '\n' : other;
    }
  }

  private substitution(): Substitution {
    const delimiter = this.next();
    const text =
      delimiter === '' || delimiter === '\n' || delimiter === '\\' ? undefined : this.delimited(delimiter, true);
    const replacement = text === undefined ? undefined : this.delimited(delimiter, false);
    if (text === undefined || replacement === undefined) this.fail("unterminated `s' command");
    const parts = partsOf(replacement);
    const found: Substitution = {
      expression: undefined,
      parts,
      mostGroup: Math.max(0, ...parts.filter(part => typeof part === 'number')),
      isGlobal: false,
      prints: false,
      number: 0,
    };
    const flags = this.flags(found);
    found.expression = this.expression(text, flags);
    found.number ||= 1;
    if (found.expression && found.mostGroup > found.expression.groups)
      this.fail(`invalid reference \\${found.mostGroup} on \`s' command's RHS`);
    return found;
  }

  private flags(found: Substitution): string {
    let flags = '';
    for (;;) {
      const flag = this.next();
      switch (flag) {
        case 'i':
        case 'I':
          flags += 'I';
          break;
        case 'm':
        case 'M':
          flags += 'M';
          break;
        case 'e':
          this.guard();
          this.fail("the `e' option to `s' command is not offered here");
          break;
        case 'p':
          if (found.prints) this.fail("multiple `p' options to `s' command");
          found.prints = true;
          break;
        case 'g':
          if (found.isGlobal) this.fail("multiple `g' options to `s' command");
          found.isGlobal = true;
          break;
        case 'w':
          this.guard();
          found.file = this.file();
          return flags;
        case '}':
        case '#':
          this.back(flag);
          return flags;
        case '\n':
        case ';':
        case '':
          return flags;
        default:
          if (BLANK.test(flag)) break;
          if (!/\d/.test(flag)) this.fail("unknown option to `s'");
          if (found.number > 0) this.fail("multiple number options to `s' command");
          found.number = this.integer(flag);
          if (found.number === 0) this.fail("number option to `s' command may not be zero");
      }
    }
  }

  private map(): ReadonlyMap<string, string> {
    const delimiter = this.next();
    const [from, to] = [0, 1].map(() =>
      delimiter === '' || delimiter === '\n' || delimiter === '\\' ? undefined : this.delimited(delimiter, false),
    );
    if (from === undefined || to === undefined) this.fail("unterminated `y' command");
    const [ones, others] = [charactersOf(from), charactersOf(to)];
    if (ones.length !== others.length) this.fail("strings for `y' command are different lengths");
    this.ends();
    const map = new Map<string, string>();
    for (const [i, one] of ones.entries()) if (!map.has(one)) map.set(one, others[i]);
    return map;
  }
}

/** Characters of y's strings, whose escapes are those of text. */
function charactersOf(text: string): string[] {
  const characters: string[] = [];
  for (let i = 0; i < text.length; ) {
    const escape = text[i] === '\\' ? escapeAt(text, i) : undefined;
    if (escape) {
      characters.push(escape.character);
      i += escape.length;
      continue;
    }
    if (text[i] === '\\' && i + 1 < text.length) i++;
    const character = String.fromCodePoint(text.codePointAt(i)!);
    characters.push(character);
    i += character.length;
  }
  return characters;
}

/** Parts of what is put in place of a match. */
function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  const put = (part: string): void => {
    const last = parts.length - 1;
    if (typeof parts[last] === 'string') parts[last] += part;
    else parts.push(part);
  };
  for (let i = 0; i < text.length; ) {
    const character = String.fromCodePoint(text.codePointAt(i)!);
    if (character === '&') parts.push(0);
    if (character !== '\\') {
      if (character !== '&') put(character);
      i += character.length;
      continue;
    }
    const next = i + 1 < text.length ? String.fromCodePoint(text.codePointAt(i + 1)!) : '';
    const escape = escapeAt(text, i);
    if (/^[ULulE]$/.test(next)) parts.push({ case: next as 'U' });
    else if (/^\d$/.test(next)) parts.push(Number(next));
    else put(escape?.character ?? next);
    i += escape?.length ?? 1 + next.length;
  }
  return parts;
}

/** @throws SedError */
export const readScript = (sources: readonly Source[], options: Options): Script =>
  new Parser(sources, options).script();
