/**
 * The files of /etc/xen/vm as xm and SUSE's vm-install wrote them: Python, which xm ran. Here nothing is executed: assignments of expressions are read
 * (expressions.ts), of if, elif and else those that count, and the lines of a for once for each value. Other statements are refused, each with its place.
 * Source: the Python language reference; xen/tools/examples/xmexample1 to 3 and xmexample.hvm of Xen 4.1.
 */
import { KEYS } from '../keys.ts';
import type { Source } from '../source.ts';
import { join } from '../values.ts';
import { type Position, type Setting, shortened, type SyntaxProblem, textProblem, type Value } from '../xlcfg.ts';
import { Expressions, settingOf, Wrong } from './expressions.ts';
import { shown, type Token, tokenize } from './tokens.ts';
import { isTrue, plain, type PythonValue } from './values.ts';

/** With more than this many a file is no Python. */
const MOST_PROBLEMS = 200;
/** If in if in if. */
const MOST_BLOCKS = 32;

const STATEMENT = /^(while|try|except|finally|with|return|del|exec|raise|elif|else)$/;
/** Statements that come to nothing here, and why. */
const PASSED: Record<string, [short: string, text: string]> = {
  import: ['nothing is imported', 'Nothing is executed here, so nothing is imported.'],
  from: ['nothing is imported', 'Nothing is executed here, so nothing is imported.'],
  def: ['nothing is called', 'A function is defined here; nothing is executed, so none is called.'],
  class: ['nothing is called', 'A class is defined here; nothing is executed, so none is made.'],
  print: ['nothing is printed', 'Nothing is executed here, so nothing is printed.'],
  global: ['does nothing', 'All names are global here.'],
};

/** `refusedAt`: where xl, which has another grammar, ends. */
export function readPython(source: string, refusedAt?: Position): Source {
  const unread = textProblem(source);
  if (unread) return { settings: [], problems: [{ line: 1, column: 1, text: unread }], lines: [] };
  const text = source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  return new Reader(tokenize(text), text.split('\n')).read(refusedAt);
}

/** break or continue: this round of a loop is over. */
class Leaves extends Error {
  readonly word: Token;

  constructor(word: Token) {
    super(word.text);
    this.word = word;
  }
}

class Reader {
  private readonly of: Expressions;
  private readonly lines: string[];
  private readonly problems: SyntaxProblem[] = [];
  private readonly remarks: NonNullable<Source['remarks']> = [];
  private readonly settings: Setting[] = [];
  private blocks = 0;
  private loops = 0;
  /** What problems and remarks say, with their places. */
  private readonly said = new Set<string>();
  /** Where the value is in each line NAME=VALUE with a number or a string: words of xm create follow the file. */
  private readonly givenBehind = new Map<string, number>();

  constructor(tokens: Token[], lines: string[]) {
    this.of = new Expressions(tokens);
    this.lines = lines;
    tokens.forEach(({ first, kind, text }, i) => {
      const [op, value, end] = tokens.slice(i + 1, i + 4);
      if (
        first &&
        kind === 'name' &&
        op?.text === '=' &&
        (value?.kind === 'number' || value?.kind === 'string') &&
        end?.kind === 'newline'
      )
        this.givenBehind.set(text, i + 2);
    });
  }

  read(refusedAt?: Position): Source {
    this.statements(0);
    // A name of one's own that others are made of is no key, and need not be.
    const settings = this.settings.filter(({ key }) => Object.hasOwn(KEYS, key) || !this.of.mentioned.has(key));
    // A continued line is what xm's authors know; xl's grammar has none.
    for (const { text, ...at } of this.of.joined)
      this.remarks.push({
        ...at,
        key: '',
        verdict: 'approximated',
        warns: true,
        short: 'joined to the string before it',
        text: `"${text}" is joined to the string before it, as Python does; xl wants a comma there.`,
      });
    if (refusedAt) this.tellOfXl(refusedAt);
    return { settings, problems: this.problems, lines: this.lines, remarks: this.remarks };
  }

  /** A person who takes the file to a host with xl should know that xl does not read on. */
  private tellOfXl({ line, column }: Position): void {
    if (this.remarks.some(remark => remark.warns && remark.line === line)) return;
    const isContinued = /\\\s*$/.test(this.lines[line - 1] ?? '');
    this.remarks.push({
      line,
      column,
      key: '',
      verdict: 'approximated',
      warns: true,
      short: 'xl refuses this line',
      text: isContinued
        ? 'The line goes on behind its \\, as with Python, in which xm read files; xl refuses it (lexical error). Take the \\ out: within brackets a line goes on by itself.'
        : 'xl refuses the file at this line; it is read as Python, as xm read it. Write it as xl.cfg(5) has it for a host with xl.',
    });
  }

  /** Lines that are indented more than this; 0: all. */
  private statements(indent: number): void {
    const { of } = this;
    while (of.peek().kind !== 'end' && this.problems.length < MOST_PROBLEMS) {
      const token = of.peek();
      if (token.kind === 'newline' || of.isSign(';')) {
        of.at++;
        continue;
      }
      if (token.first && token.column <= indent) return;
      this.statement(token);
    }
  }

  private statement(first: Token): void {
    const { of } = this;
    try {
      this.oneStatement(first);
    } catch (thrown) {
      let error = thrown;
      if (error instanceof Leaves && this.loops === 0)
        error = new Wrong(error.word, `${error.word.text} is in no loop. Remove it.`);
      if (!(error instanceof Wrong)) throw error;
      const { line, column } = error.at;
      // A line in a loop is reported once.
      if (this.isFirst(`${line}:${column} ${error.message}`)) this.problems.push({ line, column, text: error.message });
      of.reset();
      // What broke off may have been a list that is not closed: the next assignment is read.
      if (!of.startsAssignment()) this.skipLine();
    }
  }

  private isFirst(said: string): boolean {
    return this.said.size < this.said.add(said).size;
  }

  private skipLine(): void {
    const { of } = this;
    while (of.peek().kind !== 'newline' && of.peek().kind !== 'end') of.at++;
  }

  /** The rest of the line, and what is indented more than it. */
  private skipBlock({ column }: Token): void {
    const { of } = this;
    this.skipLine();
    for (;;) {
      const before = of.at;
      while (of.peek().kind === 'newline') of.at++;
      if (of.peek().kind === 'end' || of.peek().column <= column) {
        of.at = before;
        return;
      }
      this.skipLine();
    }
  }

  private remark({ line, column }: Token, short: string, text: string): void {
    if (!this.isFirst(`${line}:${column} ${text}`)) return;
    this.remarks.push({ line, column, key: '', verdict: 'ignored', short, text });
  }

  private oneStatement(first: Token): void {
    const { of } = this;
    const several = this.targets();
    if (several) return this.unpack(several);
    if (first.kind !== 'name') throw new Wrong(first, `A line starts with a name: ${shown(first)} is none.`);
    if (!of.tokens[of.at + 1]?.text.match(/^\+?=$/)) {
      if (Object.hasOwn(PASSED, first.text)) {
        const [short, text] = PASSED[first.text];
        this.remark(first, short, text);
        return this.skipBlock(first);
      }
      if (first.text === 'break' || first.text === 'continue') throw new Leaves(first);
      if (first.text === 'if') return this.block(first, () => this.condition(first));
      if (first.text === 'for') return this.loop(first);
      if (STATEMENT.test(first.text)) {
        this.skipBlock(first);
        throw new Wrong(
          first,
          `"${first.text}" is a statement of Python, and nothing is executed here. Write the assignments that are meant, without it.`,
        );
      }
      if (first.text === 'xm_vars' && of.tokens[of.at + 1]?.text === '.') return this.variables(first);
      if (of.tokens[of.at + 1]?.text === '.' && of.tokens[of.at + 3]?.text === '(') return this.method(first);
    }
    this.assignment(first);
  }

  /** NAME, NAME = …, also in brackets: the names; undefined: this is another statement. */
  private targets(): Token[] | undefined {
    const { tokens, at } = this.of;
    let end = at;
    while (tokens[end].kind === 'name' || (tokens[end].kind === 'sign' && '(),[]'.includes(tokens[end].text))) end++;
    const before = tokens.slice(at, end);
    const shape = before.map(({ kind, text }) => (kind === 'name' ? 'n' : text)).join('');
    if (tokens[end].text !== '=' || !/^[([]?n(,n)+,?[)\]]?$/.test(shape)) return undefined;
    this.of.at = end + 1;
    return before.filter(({ kind }) => kind === 'name');
  }

  /** Each name gets its part of a list. */
  private unpack(names: Token[]): void {
    const { of } = this;
    const at = of.peek();
    const value = of.tuple();
    this.endOf(`${names.map(({ text }) => shortened(text)).join(', ')}`);
    const items = value?.kind === 'list' ? value.items : undefined;
    if (items?.length !== names.length)
      throw new Wrong(
        at,
        `There are ${names.length} names before =, and ${items ? `${items.length} values` : 'one value'} after it.`,
      );
    names.forEach((name, i) => this.give(name, items[i]));
  }

  private endOf(name: string): void {
    const end = this.of.peek();
    if (end.kind !== 'newline' && !this.of.isSign(';'))
      throw new Wrong(end, `The value of ${name} ends before ${shown(end)}.`);
  }

  private assignment(first: Token): void {
    const { of } = this;
    of.at++;
    const op = of.peek();
    if (op.kind !== 'sign' || (op.text !== '=' && op.text !== '+='))
      throw new Wrong(
        op,
        `After ${shortened(first.text)} comes = and a value; here is ${shown(op)}.${op.text === '(' ? ' Nothing is executed here.' : ''}`,
      );
    of.at++;
    const names = [first];
    // a = b = 1
    while (op.text === '=' && of.peek().kind === 'name' && of.tokens[of.at + 1].text === '=') {
      names.push(of.peek());
      of.at += 2;
    }
    const value = of.tuple();
    this.endOf(shortened(first.text));
    if (op.text === '=') for (const name of names) this.give(name, value);
    else this.add(first, op, value);
  }

  /** NAME += …: to what it has; a name without a value gets this one. */
  private add(first: Token, op: Token, value: PythonValue): void {
    const { of } = this;
    const before = of.names.get(first.text);
    if (before === undefined) return this.give(first, value, true);
    // A list grows where it is: this one is the names' own.
    const more = settingOf(value);
    const joined = more && before.kind === more.kind ? join(before, more) : null;
    if (!joined) throw new Wrong(op, `A ${value?.kind ?? 'value without a name'} cannot be added to a ${before.kind}.`);
    if (before.kind === 'number' && more?.kind === 'number')
      return this.give(first, { ...more, text: String(Number(before.text) + Number(more.text)) });
    of.names.set(first.text, joined);
    this.set(first, more!, true);
  }

  /** A name, which may be a key, has this value from now on. */
  private give(name: Token, value: PythonValue, append = false): void {
    this.of.names.set(name.text, value?.kind === 'list' ? { ...value, items: [...value.items] } : value);
    const setting = settingOf(value);
    if (setting) this.set(name, setting, append);
    else if (value && Object.hasOwn(KEYS, name.text))
      throw new Wrong(
        name,
        `${name.text} = {…}: a dictionary is no value of a definition. Write a string, a number or a list.`,
      );
  }

  private set({ text, line, column }: Token, value: Value, append: boolean): void {
    this.settings.push({ key: text, append, value, line, column });
  }

  /** NAME.append(…) or NAME.extend(…): what is added to a list. */
  private method(first: Token): void {
    const { of } = this;
    const { text } = of.tokens[of.at + 2];
    const before = of.names.get(first.text);
    if (before?.kind !== 'list' || (text !== 'append' && text !== 'extend'))
      throw new Wrong(
        first,
        `${shortened(first.text)}.${shortened(text)}( …: nothing is executed here. Write the assignments that are meant.`,
      );
    of.at += 3;
    const given = of.expression();
    if (given === undefined || given.kind === 'dictionary' || (text === 'extend' && given.kind !== 'list'))
      throw new Wrong(first, `${shortened(first.text)}.${text}( … wants ${text === 'extend' ? 'a list' : 'a value'}.`);
    const items = text === 'extend' && given.kind === 'list' ? given.items : [plain(given)];
    for (const item of items) before.items.push(item);
    const { line, column } = first;
    this.set(first, { kind: 'list', items, line, column }, true);
  }

  /** xm_vars.var('NAME', …): a name that xm create NAME=… gives; it may follow the file. */
  private variables(first: Token): void {
    const { of } = this;
    const [, , call, open, name] = of.tokens.slice(of.at, of.at + 5);
    if (call?.text === 'var' && open?.text === '(' && name?.kind === 'string') {
      const variable = name.text.slice(1, -1);
      of.declared.add(variable);
      const given = this.givenBehind.get(variable);
      if (given !== undefined && !of.names.has(variable)) {
        const after = of.at;
        of.at = given;
        of.names.set(variable, of.expression());
        of.at = after;
      }
    }
    this.remark(
      first,
      'nothing is executed',
      'xm asked here for variables on its command line: xm create FILE NAME=VALUE gives them. Nothing is executed.',
    );
    this.skipBlock(first);
  }

  /** Counts nesting, which has a limit. */
  private block(first: Token, read: () => void): void {
    const { of } = this;
    if (this.blocks >= MOST_BLOCKS) {
      of.at = of.tokens.length - 1;
      throw new Wrong(first, `Blocks are nested here more than ${MOST_BLOCKS} deep.`);
    }
    this.blocks++;
    try {
      read();
    } finally {
      this.blocks--;
    }
  }

  /** The lines of a block, behind its colon. */
  private body(first: Token, word: Token): void {
    const { of } = this;
    if (of.peek().kind !== 'newline') this.lineOf(word);
    else this.statements(first.column);
  }

  private colon(what: string): void {
    const { of } = this;
    if (!of.isSign(':')) throw new Wrong(of.peek(), `A colon follows ${what}; here is ${shown(of.peek())}.`);
    of.at++;
  }

  /** for NAMES in LIST: its lines, once for each value. */
  private loop(first: Token): void {
    const { of } = this;
    const start = of.at;
    this.skipBlock(first);
    const end = of.at;
    of.at = start + 1;
    this.loops++;
    try {
      const { targets, over } = of.loop();
      this.colon('for and its list');
      const body = of.at;
      this.block(first, () => {
        for (const item of over.items) {
          of.countRound(first, end - body);
          of.bind(targets, item);
          for (const name of targets) of.mentioned.add(name);
          of.at = body;
          try {
            this.body(first, first);
          } catch (error) {
            if (!(error instanceof Leaves)) throw error;
            if (error.word.text === 'break') break;
          }
          if (this.problems.length >= MOST_PROBLEMS) break;
        }
      });
    } finally {
      this.loops--;
      // Where its values were too many, nothing behind it is read.
      if (of.peek().kind !== 'end') of.at = end;
    }
  }

  /** if, elif, else: the lines of the first one whose condition holds. */
  private condition(first: Token): void {
    const { of } = this;
    let isDone = false;
    for (let word = first; ; word = of.peek()) {
      const start = of.at++;
      let holds: boolean;
      try {
        holds = word.text === 'else' || isTrue(of.expression());
        this.colon(`${word.text} and its condition`);
      } catch (error) {
        // None of its lines can be said to count.
        of.at = start;
        do this.skipBlock(of.peek());
        while (this.goesOn(first));
        throw error;
      }
      if (!holds || isDone) this.skipBlock(word);
      else this.body(first, word);
      isDone ||= holds;
      if (!this.goesOn(first)) break;
    }
  }

  /** Whether an elif or else of the if that begins at `first` comes next; then it is the next token. */
  private goesOn(first: Token): boolean {
    const { of } = this;
    const at = of.at;
    while (of.peek().kind === 'newline') of.at++;
    const { kind, text, column } = of.peek();
    if (kind === 'name' && (text === 'elif' || text === 'else') && column === first.column) return true;
    of.at = at;
    return false;
  }

  /** Statements on the line of their condition. */
  private lineOf({ line }: Token): void {
    const { of } = this;
    while (of.peek().kind !== 'newline' && of.peek().kind !== 'end' && of.peek().line === line) {
      if (of.isSign(';')) of.at++;
      else this.statement(of.peek());
    }
  }
}
