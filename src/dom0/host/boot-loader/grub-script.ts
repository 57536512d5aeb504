/**
 * The part of GRUB's script language that a distribution's grub.cfg is written in: commands with quotes and variables, `if`, `function`, `menuentry` and
 * `submenu`. This file reads a script; grub-config.ts says what comes of it.
 * Source: "Writing full configuration files directly", GRUB manual 2.06.
 */

/** A mistake in a script: where, what, and what to do. */
export interface GrubProblem {
  /** From 1 on. */
  line: number;
  sentence: string;
}

export type Piece = { text: string } | { variable: string; isQuoted: boolean };

export interface Word {
  pieces: Piece[];
  line: number;
  /** Some of it is in quotes: it is no keyword, and a word even where it is empty. */
  isQuoted: boolean;
  /** Characters of the source. */
  from: number;
  to: number;
}

export type Statement =
  | { kind: 'command'; words: Word[]; line: number }
  /** `source`: the text between its braces. */
  | { kind: 'menuentry' | 'submenu'; words: Word[]; line: number; source: string; body: Statement[] }
  | { kind: 'if'; branches: { test: Statement[]; body: Statement[] }[]; line: number };

/** A grub.cfg of a machine has some tens of KiB. */
const MOST_CHARACTERS = 2 ** 20;
const MOST_DEPTH = 32;
const VARIABLE = /\{(\w+|[?*@#])\}|(\w+|[?*@#])/y;
const BARE_STOPS = /[\s;]/;

/** A word, or the end of a statement. */
type Token = Word | { line: number; from: number; to: number };
const isWord = (token: Token | undefined): token is Word => token !== undefined && 'pieces' in token;

class Mistake extends Error {
  readonly line: number;

  constructor(line: number, sentence: string) {
    super(sentence);
    this.line = line;
  }
}

/** What a script says; up to the first mistake, after which nothing is known. */
export function readGrubScript(source: string): { statements: Statement[]; problems: GrubProblem[] } {
  const problems: GrubProblem[] = [];
  const statements: Statement[] = [];
  try {
    if (source.length > MOST_CHARACTERS)
      throw new Mistake(
        1,
        `It has ${source.length} characters, and at most ${MOST_CHARACTERS} are read. Make it shorter.`,
      );
    if (source.includes('\0')) throw new Mistake(1, 'It holds NUL bytes: this is no text. Write it again.');
    new Reader(source).all(statements);
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    problems.push({ line: error.line, sentence: error.message });
  }
  return { statements, problems };
}

class Reader {
  private readonly source: string;
  private readonly tokens: Token[];
  private at = 0;
  private depth = 0;

  constructor(source: string) {
    this.source = source;
    this.tokens = tokensOf(source);
  }

  all(into: Statement[]): void {
    this.statements([], into);
    const rest = this.tokens[this.at];
    if (rest)
      throw new Mistake(
        rest.line,
        `${this.source.slice(rest.from, rest.to)} is alone: remove it, or write what it closes.`,
      );
  }

  private get next(): Token | undefined {
    return this.tokens[this.at];
  }

  /** The word as a keyword. */
  private keyword(): string | undefined {
    const token = this.next;
    return isWord(token) && !token.isQuoted ? this.source.slice(token.from, token.to) : undefined;
  }

  /** Statements up to a keyword of `ends`, which is not taken, or the end. */
  private statements(ends: readonly string[], into: Statement[] = []): Statement[] {
    for (; this.next; ) {
      if (!isWord(this.next)) {
        this.at++;
        continue;
      }
      const keyword = this.keyword();
      if (keyword !== undefined && (ends.includes(keyword) || CLOSERS.has(keyword))) return into;
      const statement = this.statement(keyword);
      if (statement) into.push(statement);
    }
    return into;
  }

  /** undefined: it makes nothing (a function that is never called). */
  private statement(keyword: string | undefined): Statement | undefined {
    const { line } = this.next!;
    if (++this.depth > MOST_DEPTH)
      throw new Mistake(line, `Blocks are nested more than ${MOST_DEPTH} deep in one another. Write fewer.`);
    try {
      if (keyword === 'if') return this.condition(line);
      if (keyword === 'menuentry' || keyword === 'submenu') return this.entry(keyword, line);
      if (keyword === 'function') return void this.block(this.words(), 'function', line);
      if (keyword === 'for' || keyword === 'while' || keyword === 'until')
        throw new Mistake(line, `${keyword}: there are no loops here. Write out what it makes.`);
      const words = this.words();
      if (this.keyword() === '{')
        throw new Mistake(this.next!.line, '{ is alone: it belongs after menuentry, submenu or function.');
      return { kind: 'command', words, line };
    } finally {
      this.depth--;
    }
  }

  /** Words up to the end of a statement, or an opening brace. */
  private words(): Word[] {
    const words: Word[] = [];
    for (let token = this.next; isWord(token) && this.keyword() !== '{' && this.keyword() !== '}'; token = this.next) {
      words.push(token);
      this.at++;
    }
    return words;
  }

  private entry(kind: 'menuentry' | 'submenu', line: number): Statement {
    this.at++;
    const words = this.words();
    return { kind, words, line, ...this.block(words, kind, line) };
  }

  private block(words: readonly Word[], what: string, line: number): { source: string; body: Statement[] } {
    if (words.length === 0) throw new Mistake(line, `${what} needs a name behind it: ${what} 'NAME' { … }.`);
    if (this.keyword() !== '{')
      throw new Mistake(line, `${what} needs a { on its line, and a } on a line of its own at its end.`);
    const open = this.next!;
    this.at++;
    const body = this.statements(['}']);
    const close = this.next;
    if (this.keyword() !== '}')
      throw new Mistake(
        close?.line ?? line,
        `The { of line ${open.line} is not closed: write a } where the ${what} ends.`,
      );
    this.at++;
    return { source: this.source.slice(open.to, close!.from), body };
  }

  private condition(line: number): Statement {
    const branches: { test: Statement[]; body: Statement[] }[] = [];
    const expect = (...words: string[]): string => {
      const keyword = this.keyword();
      if (keyword === undefined || !words.includes(keyword))
        throw new Mistake(
          this.next?.line ?? line,
          `The if of line ${line} lacks its ${words[words.length - 1]}: write it.`,
        );
      this.at++;
      return keyword;
    };
    for (let word = expect('if'); word !== 'fi'; ) {
      const test = word === 'else' ? [] : this.statements(['then']);
      if (word !== 'else') expect('then');
      branches.push({ test, body: this.statements(word === 'else' ? ['fi'] : ['elif', 'else', 'fi']) });
      word = word === 'else' ? expect('fi') : expect('elif', 'else', 'fi');
    }
    return { kind: 'if', branches, line };
  }
}

const CLOSERS = new Set(['}', 'then', 'elif', 'else', 'fi', 'done', 'do', 'esac']);

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (let at = 0; at < source.length; ) {
    const character = source[at]!;
    if (character === '\n' || character === ';') {
      tokens.push({ line, from: at, to: at + 1 });
      if (character === '\n') line++;
      at++;
    } else if (/\s/.test(character)) at++;
    else if (character === '\\' && source[at + 1] === '\n') {
      line++;
      at += 2;
    } else if (character === '#') at = endOfLine(source, at);
    else {
      const word = readWord(source, at, line);
      tokens.push(word);
      line += count(source, word.from, word.to);
      at = word.to;
    }
  }
  return tokens;
}

const endOfLine = (source: string, at: number): number => (source.indexOf('\n', at) + 1 || source.length + 1) - 1;
const count = (source: string, from: number, to: number): number => source.slice(from, to).split('\n').length - 1;

function readWord(source: string, from: number, line: number): Word {
  const pieces: Piece[] = [];
  let isQuoted = false,
    text = '';
  const push = (): void => {
    if (text !== '') pieces.push({ text });
    text = '';
  };
  let at = from;
  const variable = (quoted: boolean): void => {
    VARIABLE.lastIndex = at + 1;
    const [all, braced, plain] = VARIABLE.exec(source) ?? [];
    if (all === undefined) {
      text += '$';
      at++;
      return;
    }
    push();
    pieces.push({ variable: (braced ?? plain)!, isQuoted: quoted });
    at += 1 + all.length;
  };
  while (at < source.length) {
    const character = source[at]!;
    if (character === "'") {
      const end = source.indexOf("'", at + 1);
      if (end < 0) throw new Mistake(line, "A ' has no other one: close the quotation.");
      text += source.slice(at + 1, end);
      isQuoted = true;
      at = end + 1;
    } else if (character === '"') {
      isQuoted = true;
      for (at++; source[at] !== '"'; ) {
        if (at >= source.length) throw new Mistake(line, 'A " has no other one: close the quotation.');
        if (source[at] === '$') variable(true);
        else if (source[at] === '\\' && /["$\\]/.test(source[at + 1] ?? '')) {
          text += source[at + 1];
          at += 2;
        } else text += source[at++];
      }
      at++;
    } else if (character === '$') variable(false);
    else if (character === '\\') {
      // At the end of a line it joins that with the next; at the very end it represents itself.
      if (source[at + 1] !== '\n') text += source[at + 1] ?? character;
      at += 2;
    } else if (BARE_STOPS.test(character)) break;
    else text += source[at++];
  }
  push();
  return { pieces, line, isQuoted, from, to: Math.min(at, source.length) };
}
