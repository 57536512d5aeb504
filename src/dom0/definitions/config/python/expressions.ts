/**
 * Expressions of Python as definitions have them: strings, numbers, lists, names that were assigned before, the operators, and a few functions (values.ts).
 * Nothing that a text says is executed, and no file, clock or variable of the host is read. Source: the Python language reference, "Expressions".
 */
import { type List, MOST_NESTING, type Position, shortened, type Value } from '../xlcfg.ts';
import { shown, type Token, unquoted } from './tokens.ts';
import {
  areEqual,
  DICTIONARY_METHODS,
  type Dictionary,
  format,
  FUNCTIONS,
  isTrue,
  list,
  listOf,
  METHODS,
  number,
  numberOf,
  type plain,
  type PythonValue,
  shownAs,
  string,
  textOf,
  Unfit,
} from './values.ts';

/** All values that expressions make have at most this many characters: a = a + a is short and doubles. */
const MOST_MADE = 1 << 20;
/** What one round of a list's `for` counts for. */
const ROUND = 16;
const WORDS = new Set(['and', 'or', 'not', 'in', 'is', 'if', 'else', 'for', 'lambda']);

/** What cannot be read, and where. */
export class Wrong extends Error {
  readonly at: Position;

  constructor(at: Position, text: string) {
    super(text);
    this.at = at;
  }
}

export class Expressions {
  readonly tokens: Token[];
  /** The next token. */
  at = 0;
  readonly names = new Map<string, PythonValue>();
  /** Names that others are made of. */
  readonly mentioned = new Set<string>();
  /** Names that are given when the domain is created (xm_vars.var). */
  readonly declared = new Set<string>();
  /** Strings that follow another (`text`) and are joined to it. */
  readonly joined: (Position & { text: string })[] = [];
  /** What is read is a value of a list. */
  private inList = false;
  private made = 0;
  private depth = 0;

  constructor(tokens: Token[]) {
    this.tokens = tokens;
  }

  peek(): Token {
    return this.tokens[this.at];
  }

  isSign(text: string): boolean {
    const token = this.peek();
    return token.kind === 'sign' && token.text === text;
  }

  isWord(text: string): boolean {
    const token = this.peek();
    return token.kind === 'name' && token.text === text;
  }

  private atAssignment(): boolean {
    const next = this.tokens[this.at + 1];
    return this.peek().kind === 'name' && next?.kind === 'sign' && (next.text === '=' || next.text === '+=');
  }

  /** Broke off somewhere: the next one is read from its beginning. */
  reset(): void {
    this.depth = 0;
    this.inList = false;
  }

  /** A value from here on. @throws Wrong */
  expression(): PythonValue {
    if (++this.depth > MOST_NESTING) this.tooDeep(this.peek());
    let value = this.either();
    if (this.isWord('if')) {
      this.at++;
      const condition = this.either();
      if (!this.isWord('else'))
        throw new Wrong(
          this.peek(),
          `Behind a value's if comes else and another value; here is ${shown(this.peek())}.`,
        );
      this.at++;
      const otherwise = this.expression();
      if (!isTrue(condition)) value = otherwise;
    }
    this.depth--;
    return value;
  }

  private tooDeep(at: Position): never {
    // Nothing behind it is read.
    this.at = this.tokens.length - 1;
    throw new Wrong(at, `Lists are nested here more than ${MOST_NESTING} deep. Take brackets out.`);
  }

  private either(): PythonValue {
    let value = this.both();
    while (this.isWord('or')) {
      this.at++;
      const other = this.both();
      if (!isTrue(value)) value = other;
    }
    return value;
  }

  private both(): PythonValue {
    let value = this.negated();
    while (this.isWord('and')) {
      this.at++;
      const other = this.negated();
      if (isTrue(value)) value = other;
    }
    return value;
  }

  private negated(): PythonValue {
    const at = this.peek();
    let nots = 0;
    for (; this.isWord('not'); this.at++) nots++;
    const value = this.compared();
    return nots === 0 ? value : number(isTrue(value) === (nots % 2 === 0) ? 1 : 0, at);
  }

  private compared(): PythonValue {
    const value = this.sum();
    const op = this.peek();
    const isIn = this.isWord('in') || (this.isWord('not') && this.tokens[this.at + 1]?.text === 'in');
    const isIs = this.isWord('is');
    if (!isIn && !isIs && !(op.kind === 'sign' && ['==', '!=', '<', '>', '<=', '>='].includes(op.text))) return value;
    this.at++;
    let not = op.text === '!=' || op.text === 'not';
    if (op.text === 'not') this.at++;
    if (isIs && this.isWord('not')) {
      not = true;
      this.at++;
    }
    const other = this.sum();
    return this.fits(op, () =>
      number(
        (isIn
          ? isWithin(value, other)
          : op.text === '==' || op.text === '!=' || isIs
            ? areEqual(value, other)
            : isInOrder(op.text, value, other)) !== not
          ? 1
          : 0,
        op,
      ),
    );
  }

  private sum(): PythonValue {
    const at = this.peek();
    let value = this.product();
    while (this.isSign('+') || this.isSign('-')) {
      const op = this.peek();
      this.at++;
      const more = this.product();
      value = this.fits(op, () =>
        op.text === '+' ? this.added(value, more, op, at) : number(numberOf(value) - numberOf(more), at),
      );
    }
    return value;
  }

  /** Python binds % and * more tightly than +. */
  private product(): PythonValue {
    let value = this.term();
    for (let op = this.peek(); op.kind === 'sign' && ['*', '/', '//', '%'].includes(op.text); op = this.peek()) {
      this.at++;
      const other = this.term();
      value = this.fits(op, () => {
        if (op.text === '%' && value?.kind === 'string')
          return this.counted(string(format(value.text, other), value), op);
        if (op.text === '%' && value?.kind !== 'number')
          throw new Unfit('A format in quotes comes before %, and its values after it.');
        if (op.text === '*' && (value?.kind === 'string' || value?.kind === 'list'))
          return this.repeated(value, numberOf(other), op);
        const [a, b] = [numberOf(value), numberOf(other)];
        if (op.text !== '*' && b === 0) throw new Unfit('Nothing can be divided by 0.');
        return number(
          op.text === '*' ? a * b : op.text === '%' ? a - b * Math.floor(a / b) : Math.floor(a / b),
          value!,
        );
      });
    }
    return value;
  }

  private added(a: PythonValue, b: PythonValue, op: Position, { line, column }: Position): PythonValue {
    if (!a || !b) throw new Unfit('None cannot be added to anything.');
    if (a.kind === 'list' && b.kind === 'list') {
      this.count(a.items.length + b.items.length, op);
      return { kind: 'list', items: [...a.items, ...b.items], line, column };
    }
    if (a.kind === 'number' && b.kind === 'number') return number(Number(a.text) + Number(b.text), { line, column });
    if (a.kind !== 'string' || b.kind !== 'string') throw new Unfit(`A ${b.kind} cannot be added to a ${a.kind}.`);
    return this.counted(string(a.text + b.text, { line, column }), op);
  }

  private repeated(value: Exclude<PythonValue, Dictionary | undefined>, times: number, at: Position): PythonValue {
    const length = value.kind === 'list' ? value.items.length : value.text.length;
    this.count(length * Math.max(0, times), at);
    if (value.kind === 'list')
      return { ...value, items: Array.from({ length: Math.max(0, times) }, () => value.items).flat() };
    return { ...value, text: value.text.repeat(Math.max(0, times)) };
  }

  /** A value with what follows it: [index], .method(…). */
  private term(): PythonValue {
    const first = this.peek();
    let value = this.atom();
    for (;;) {
      const at = this.peek();
      if (this.isSign('[')) {
        this.at++;
        const of = value;
        value = this.fits(at, () => this.subscript(of));
        if (!this.isSign(']')) throw new Wrong(at, `"[" is never closed: "]" is missing.`);
        this.at++;
      } else if (this.isSign('.')) {
        const name = this.tokens[this.at + 1];
        const of = value;
        const kind = of?.kind === 'dictionary' ? DICTIONARY_METHODS : METHODS;
        if (
          (of?.kind !== 'string' && of?.kind !== 'dictionary') ||
          !Object.hasOwn(kind, name.text) ||
          this.tokens[this.at + 2]?.text !== '('
        )
          throw new Wrong(first, `….${shortened(name.text)}: nothing is executed here. Write the value that is meant.`);
        this.at += 3;
        const given = this.given(at);
        value = this.fits(at, () =>
          of.kind === 'dictionary'
            ? DICTIONARY_METHODS[name.text](of, given, first)
            : METHODS[name.text](of.text, given, first),
        );
        if (value)
          this.count(
            value.kind === 'list' ? value.items.length : value.kind === 'dictionary' ? 0 : value.text.length,
            at,
          );
      } else return value;
    }
  }

  /** Behind "[": an index, which may count from the end, or a slice. */
  private subscript(of: PythonValue): PythonValue {
    const isEnd = (): boolean => this.isSign(':') || this.isSign(']');
    const part = (): PythonValue => {
      if (isEnd()) return undefined;
      const at = this.peek();
      if (!this.isSign('-')) return this.expression();
      this.at++;
      return number(-numberOf(this.expression()), at);
    };
    const first = part();
    if (!this.isSign(':')) return indexed(of, first);
    this.at++;
    return sliced(of, first, part());
  }

  private atom(): PythonValue {
    const token = this.peek();
    const { line, column } = token;
    this.at++;
    if (token.kind === 'number') {
      if (/^(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(token.text)) return { kind: 'number', text: token.text, line, column };
      throw new Wrong(
        token,
        `${shortened(token.text)} is no number. Write digits only, or put text in quotes: "${shortened(token.text)}".`,
      );
    }
    if (token.kind === 'string') {
      let text = unquoted(token);
      // Strings next to each other are one.
      while (this.peek().kind === 'string') {
        const next = this.peek(),
          more = unquoted(next);
        if (this.inList && areTwo(text, more))
          throw new Wrong(
            next,
            `A comma is missing before the string ${shown(next)}: Python joins strings that are next to each other.`,
          );
        this.joined.push({ line: next.line, column: next.column, text: shortened(text) });
        text += more;
        this.at++;
      }
      return this.counted(string(text, token), token);
    }
    if (token.kind === 'name' && !WORDS.has(token.text)) return this.name(token);
    if (token.text === '[' || token.text === '(') return this.list(token);
    if (token.text === '{') return this.dictionary(token);
    if (token.text === '-') throw new Wrong(token, "xl's numbers have no sign. Write digits only.");
    this.at--;
    if (token.kind === 'bad' && /^["']/.test(token.text))
      throw new Wrong(token, 'The string has no closing quote on its line.');
    throw new Wrong(
      token,
      token.kind === 'newline'
        ? 'A value is missing here.'
        : `${shown(token)} cannot be here: a value is a string, a number, a list or a name.`,
    );
  }

  private name(token: Token): PythonValue {
    const { text, line, column } = token;
    if (text === 'True' || text === 'False') return { kind: 'number', text: text === 'True' ? '1' : '0', line, column };
    if (text === 'None') return undefined;
    if (this.isSign('(') || (this.isSign('.') && !this.names.has(text))) return this.call(token);
    this.mentioned.add(text);
    const value = this.names.get(text);
    if (value === undefined) {
      if (this.names.has(text)) return undefined;
      if (this.declared.has(text))
        throw new Wrong(
          token,
          `${shortened(text)} is given when the domain is created: xm create FILE ${shortened(text)}=1.`,
        );
      throw new Wrong(
        token,
        `${shortened(text)} was assigned nothing before. Text needs quotes: "${shortened(text)}".`,
      );
    }
    if (value.kind === 'dictionary') return value;
    this.count(value.kind === 'list' ? value.items.length : value.text.length, token);
    return value.kind === 'list' ? { kind: 'list', items: [...value.items], line, column } : { ...value, line, column };
  }

  /** One of the functions that are known here. */
  private call(first: Token): PythonValue {
    let name = first.text;
    for (; this.isSign('.') && this.tokens[this.at + 1]?.kind === 'name'; this.at += 2)
      name += `.${this.tokens[this.at + 1].text}`;
    if (!this.isSign('(') || !Object.hasOwn(FUNCTIONS, name))
      throw new Wrong(
        first,
        `${shortened(name)}${this.isSign('(') ? '(' : ''} …: nothing is executed here. Write the value that is meant.`,
      );
    this.at++;
    const given = this.given(first);
    return this.fits(first, () => FUNCTIONS[name](given, first));
  }

  /** Arguments, behind "(". */
  private given(open: Token): PythonValue[] {
    const given: PythonValue[] = [];
    while (!this.isSign(')')) {
      given.push(this.expression());
      if (this.isSign(',')) this.at++;
      else if (!this.isSign(')'))
        throw new Wrong(this.peek(), `The values of a call are separated by commas; here is ${shown(this.peek())}.`);
      if (this.peek().kind === 'end') throw new Wrong(open, '"(" is never closed: ")" is missing.');
    }
    this.at++;
    return given;
  }

  /** A list; in round brackets a tuple, or one value. */
  private list(open: Token): PythonValue {
    const close = open.text === '[' ? ']' : ')';
    if (this.hasFor()) return this.rounds(open, close);
    const items: PythonValue[] = [];
    let commas = 0;
    const unclosed = (): Wrong => new Wrong(open, `"${open.text}" is never closed: "${close}" is missing.`);
    while (!this.isSign(close)) {
      if (this.peek().kind === 'end' || this.startsAssignment()) throw unclosed();
      const outer = this.inList;
      this.inList = open.text === '[';
      const item = this.expression();
      this.inList = outer;
      if (item !== undefined) items.push(item);
      if (this.isSign(',')) {
        commas++;
        this.at++;
      } else if (!this.isSign(close)) {
        if (this.peek().kind === 'end' || this.startsAssignment()) throw unclosed();
        const next = this.peek();
        if (next.text === '=')
          throw new Wrong(
            this.tokens[this.at - 1],
            `${shortened(this.tokens[this.at - 1].text)}=… is text and needs quotes around it.`,
          );
        throw new Wrong(next, `The values of a list are separated by commas; here is ${shown(next)}.`);
      }
    }
    this.at++;
    if (open.text === '(' && commas === 0) return items[0];
    return this.fits(open, () => list(items, open));
  }

  /** An assignment on a line of its own: a list before it was not closed. */
  startsAssignment(): boolean {
    return this.atAssignment() && this.peek().line > (this.tokens[this.at - 1]?.line ?? 0);
  }

  /** Whether the list that begins here is one of rounds: [ … for … in … ]. */
  private hasFor(): boolean {
    let depth = 0;
    for (let i = this.at; i < this.tokens.length; i++) {
      const { kind, text } = this.tokens[i];
      // Deeper ones are not read.
      if (kind === 'sign' && '([{'.includes(text) && ++depth > MOST_NESTING) return false;
      if (kind === 'sign' && ')]}'.includes(text) && --depth < 0) return false;
      if (kind === 'newline' || (kind === 'sign' && depth === 0 && (text === ',' || text === '='))) return false;
      if (depth === 0 && kind === 'name' && text === 'for') return true;
    }
    return false;
  }

  /** NAMES in LIST, behind the word for. */
  loop(): { targets: string[]; over: List } {
    const targets: string[] = [];
    while (!this.isWord('in')) {
      const token = this.peek();
      if (token.kind === 'name') targets.push(token.text);
      else if (token.kind !== 'sign' || !'(),'.includes(token.text))
        throw new Wrong(token, `Names are expected between for and in; here is ${shown(token)}.`);
      this.at++;
    }
    this.at++;
    const at = this.peek();
    return { targets, over: this.fits(at, () => listOf(this.either())) };
  }

  /** One round's value as the names that a loop has for it. */
  bind(targets: readonly string[], item: Value): void {
    if (targets.length === 1) this.names.set(targets[0], item);
    else targets.forEach((name, i) => this.names.set(name, item.kind === 'list' ? item.items[i] : undefined));
  }

  /** A round of a loop whose lines begin at a token: so much that no file goes on for ever. */
  countRound(from: Token, body: number): void {
    this.count(ROUND + body, from);
  }

  /** Values with commas between them are a tuple, here without its brackets. */
  tuple(): PythonValue {
    const at = this.peek();
    const first = this.expression();
    const items = [first];
    while (this.isSign(',') && this.tokens[this.at + 1].kind !== 'newline') {
      this.at++;
      items.push(this.expression());
    }
    return items.length === 1 ? first : this.fits(at, () => list(items, at));
  }

  private rounds(open: Token, close: string): PythonValue {
    const body = this.at;
    if (++this.depth > MOST_NESTING) this.tooDeep(open);
    this.skipTo(() => this.isWord('for'));
    this.at++;
    const { targets, over } = this.loop();
    const test = this.isWord('if') ? ++this.at : undefined;
    // Past the test, whatever it comes to.
    if (test !== undefined) this.skipTo(() => this.isSign(close));
    if (!this.isSign(close)) throw new Wrong(open, `"${open.text}" is never closed: "${close}" is missing.`);
    const after = this.at + 1;
    const before = targets.map(name => [name, this.names.has(name), this.names.get(name)] as const);
    const items: PythonValue[] = [];
    for (const item of over.items) {
      this.count(ROUND + after - body, open);
      this.bind(targets, item);
      if (test !== undefined) {
        this.at = test;
        if (!isTrue(this.either())) continue;
      }
      this.at = body;
      items.push(this.expression());
    }
    for (const [name, had, value] of before) {
      if (had) this.names.set(name, value);
      else this.names.delete(name);
    }
    this.at = after;
    this.depth--;
    return this.fits(open, () => list(items, open));
  }

  /** To the next token outside of brackets at which it ends. */
  private skipTo(ends: () => boolean): void {
    for (let depth = 0; this.peek().kind !== 'end' && !(depth === 0 && ends()); this.at++) {
      const { kind, text } = this.peek();
      if (kind === 'sign') depth += '([{'.includes(text) ? 1 : ')]}'.includes(text) ? -1 : 0;
    }
  }

  private dictionary(open: Token): Dictionary {
    const entries = new Map<string, PythonValue>();
    while (!this.isSign('}')) {
      const key = this.expression();
      if (!this.isSign(':'))
        throw new Wrong(this.peek(), `In a dictionary a colon follows the key; here is ${shown(this.peek())}.`);
      this.at++;
      entries.set(
        this.fits(open, () => shownAs(key)),
        this.expression(),
      );
      if (this.isSign(',')) this.at++;
      else if (!this.isSign('}')) throw new Wrong(open, '"{" is never closed: "}" is missing.');
    }
    this.at++;
    return { kind: 'dictionary', entries, line: open.line, column: open.column };
  }

  /** Says where it does not fit. */
  private fits<T>(at: Position, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (error instanceof Unfit) throw new Wrong(at, error.message);
      throw error;
    }
  }

  private counted<T extends { text: string }>(value: T, at: Position): T {
    this.count(value.text.length, at);
    return value;
  }

  private count(length: number, at: Position): void {
    this.made += length;
    if (this.made <= MOST_MADE) return;
    this.at = this.tokens.length - 1;
    throw new Wrong(
      at,
      `The values of this file have more than ${MOST_MADE} characters together, so it is read no further.`,
    );
  }
}

/** Whether two strings next to each other in a list were meant to be two of its values: each has options of its own, and nothing divides them. */
const areTwo = (text: string, more: string): boolean =>
  /\w$/.test(text) && /^[\w/]/.test(more) && /[,=]/.test(text) && /[,=]/.test(more);

function indexed(of: PythonValue, index: PythonValue): PythonValue {
  if (of?.kind === 'dictionary') {
    const key = shownAs(index);
    if (!of.entries.has(key)) throw new Unfit(`The dictionary has no ‘${shortened(key)}’.`);
    return of.entries.get(key);
  }
  const length = of?.kind === 'list' ? of.items.length : of?.kind === 'string' ? of.text.length : 0;
  const i = numberOf(index) < 0 ? length + numberOf(index) : numberOf(index);
  if (of?.kind === 'list' && i >= 0 && i < length) return of.items[i];
  if (of?.kind === 'string' && i >= 0 && i < length) return { ...of, text: of.text[i] };
  throw new Unfit(
    of?.kind === 'list' || of?.kind === 'string'
      ? `There is no ${numberOf(index)}th in it.`
      : 'Nothing can be taken out of this by its number.',
  );
}

/** of[from:to]: what is absent is the beginning, and the end. */
function sliced(of: PythonValue, from: PythonValue, to: PythonValue): PythonValue {
  const place = (value: PythonValue): number | undefined => (value === undefined ? undefined : numberOf(value));
  if (of?.kind === 'string') return { ...of, text: of.text.slice(place(from), place(to)) };
  const all = listOf(of);
  return { ...all, items: all.items.slice(place(from), place(to)) };
}

function isWithin(value: PythonValue, all: PythonValue): boolean {
  if (all?.kind === 'dictionary') return all.entries.has(shownAs(value));
  if (all?.kind === 'list') return all.items.some(item => areEqual(item, value));
  return textOf(all).includes(textOf(value));
}

function isInOrder(op: string, a: PythonValue, b: PythonValue): boolean {
  const [x, y] = a?.kind === 'string' ? [a.text, textOf(b)] : [numberOf(a), numberOf(b)];
  return op === '<' ? x < y : op === '>' ? x > y : op === '<=' ? x <= y : x >= y;
}

/** What a setting can have: None is no setting. */
export const settingOf = (value: PythonValue): ReturnType<typeof plain> | undefined =>
  value === undefined || value.kind === 'dictionary' ? undefined : value;
