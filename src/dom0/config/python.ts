/**
 * The files of /etc/xen/vm as xm and SUSE's vm-install wrote them: Python, which xm ran. Here nothing is executed: assignments of expressions are read, made of
 * strings, numbers, lists, True, False, None, names that were assigned before, +, and % with a format. Statements are refused, each with its place.
 * Source: the Python language reference, "Lexical analysis" and "Expressions"; xen/tools/examples/xmexample1 and xmexample.hvm of Xen 4.1.
 */
import { KEYS } from './keys.ts';
import type { Source } from './source.ts';
import { type Atom, MOST_NESTING, type Position, type Setting, shortened, type SyntaxProblem, textProblem, type Value } from './xlcfg.ts';

/** All values that expressions make have at most so many characters: a = a + a is short and doubles. */
const MOST_MADE = 1 << 20;

interface Token extends Position {
  kind: 'name' | 'string' | 'number' | 'sign' | 'newline' | 'end' | 'bad';
  text: string;
  /** The line that it begins is indented. */
  indented?: boolean;
}

/** With more than so many a file is no Python. */
const MOST_PROBLEMS = 200;

const STATEMENT = /^(import|from|if|elif|else|for|while|def|class|try|except|finally|with|return|print|del|exec|pass|raise|global)$/;
const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', '\\': '\\', "'": "'", '"': '"', a: '\x07', b: '\b', f: '\f', v: '\v' };

class Wrong extends Error {
  readonly at: Position;

  constructor(at: Position, text: string) {
    super(text);
    this.at = at;
  }
}

export function readPython(source: string): Source {
  const unread = textProblem(source);
  if (unread) return { settings: [], problems: [{ line: 1, column: 1, text: unread }], lines: [] };
  const text = source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
  return new Reader(tokenize(text), text.split('\n')).read();
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  // A string that is not closed takes the rest of its line, so that nothing is looked through twice.
  const token =
    /[ \t]+|#[^\n]*|\\\n|(\n)|([uUrR]?(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*'))|([0-9][\w.]*)|([A-Za-z_]\w*)|(\+=|[-+%()[\],=;:.{}*/<>!&|^~@])|(["'][^\n]*|[\s\S])/gy;
  let line = 1, lineStart = 0, depth = 0, isFirst = true;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [whole, newline, string, number, name, sign, bad] = match;
    const at = { line, column: match.index - lineStart + 1 };
    const kind = newline ? 'newline' : string ? 'string' : number ? 'number' : name ? 'name' : sign ? 'sign' : bad ? 'bad' : undefined;
    // There are no named arguments: a list that was never closed ends here.
    if (sign === '=' || sign === '+=') depth = 0;
    if (sign && '([{'.includes(sign)) depth++;
    if (sign && ')]}'.includes(sign)) depth = Math.max(0, depth - 1);
    // In brackets the end of a line is as a space.
    if (kind && !(kind === 'newline' && depth > 0)) {
      tokens.push({ kind, text: whole, ...at, ...(isFirst && at.column > 1 ? { indented: true } : {}) });
      isFirst = kind === 'newline';
    }
    for (let i = whole.indexOf('\n'); i >= 0; i = whole.indexOf('\n', i + 1)) {
      line++;
      lineStart = match.index + i + 1;
    }
  }
  const end = { line, column: text.length - lineStart + 1 };
  tokens.push({ kind: 'newline', text: '', ...end }, { kind: 'end', text: '', ...end });
  return tokens;
}

class Reader {
  private readonly tokens: Token[];
  private readonly lines: string[];
  private readonly problems: SyntaxProblem[] = [];
  private readonly remarks: NonNullable<Source['remarks']> = [];
  private readonly settings: Setting[] = [];
  /** undefined: None. */
  private readonly names = new Map<string, Value | undefined>();
  private readonly mentioned = new Set<string>();
  private at = 0;
  private made = 0;
  private depth = 0;

  constructor(tokens: Token[], lines: string[]) {
    this.tokens = tokens;
    this.lines = lines;
  }

  read(): Source {
    while (this.peek().kind !== 'end' && this.problems.length < MOST_PROBLEMS) {
      if (this.peek().kind === 'newline' || this.isSign(';')) {
        this.at++;
        continue;
      }
      try {
        this.statement();
      } catch (error) {
        if (!(error instanceof Wrong)) throw error;
        this.problems.push({ line: error.at.line, column: error.at.column, text: error.message });
        this.depth = 0;
        // What broke off may have been a list that is not closed: the next assignment is read.
        if (!this.atAssignment()) this.skipLine();
      }
    }
    // A name of one's own that others are made of is no key, and need not be.
    const settings = this.settings.filter(({ key }) => Object.hasOwn(KEYS, key) || !this.mentioned.has(key));
    return { settings, problems: this.problems, lines: this.lines, remarks: this.remarks };
  }

  private peek(): Token {
    return this.tokens[this.at];
  }

  private isSign(text: string): boolean {
    const token = this.peek();
    return token.kind === 'sign' && token.text === text;
  }

  private atAssignment(): boolean {
    const next = this.tokens[this.at + 1];
    return this.peek().kind === 'name' && next.kind === 'sign' && (next.text === '=' || next.text === '+=');
  }

  private skipLine(): void {
    while (this.peek().kind !== 'newline' && this.peek().kind !== 'end') this.at++;
  }

  private statement(): void {
    const first = this.peek();
    if (first.kind === 'name' && /^(import|from)$/.test(first.text)) {
      const { line, column } = first;
      this.remarks.push({ line, column, key: '', verdict: 'ignored', short: 'nothing is imported', text: 'Nothing is executed here, so nothing is imported.' });
      return this.skipLine();
    }
    if (first.kind === 'name' && STATEMENT.test(first.text)) {
      this.skipBlock();
      throw new Wrong(first, `"${first.text}" is a statement of Python, and nothing is executed here. Write the assignments that are meant, without it.`);
    }
    if (first.kind !== 'name') throw new Wrong(first, `A line starts with a name: ${shown(first)} is none.`);
    this.at++;
    const op = this.peek();
    if (op.kind !== 'sign' || (op.text !== '=' && op.text !== '+='))
      throw new Wrong(op, `After ${shortened(first.text)} comes = and a value; here is ${shown(op)}.${op.text === '(' ? ' Nothing is executed here.' : ''}`);
    this.at++;
    const value = this.expression();
    const end = this.peek();
    if (end.kind !== 'newline' && !this.isSign(';')) throw new Wrong(end, `The value of ${shortened(first.text)} ends before ${shown(end)}.`);
    const before = this.names.get(first.text);
    this.names.set(first.text, op.text === '+=' && before && value ? this.add(before, value, op) : value);
    if (value) this.settings.push({ key: first.text, append: op.text === '+=', value, line: first.line, column: first.column });
  }

  /** A statement with the lines that are indented below it. */
  private skipBlock(): void {
    this.skipLine();
    for (let next = this.at; ; next++) {
      while (this.tokens[next].kind === 'newline') next++;
      if (!this.tokens[next].indented) return;
      this.at = next;
      this.skipLine();
      next = this.at;
    }
  }

  /** Terms with + between them. */
  private expression(): Value | undefined {
    const at = this.peek();
    let value = this.formatted();
    while (this.isSign('+')) {
      const plus = this.peek();
      this.at++;
      const more = this.formatted();
      if (!value || !more) throw new Wrong(plus, 'None cannot be added to anything.');
      value = { ...this.add(value, more, plus), line: at.line, column: at.column };
    }
    return value;
  }

  /** Python binds % more tightly than +. */
  private formatted(): Value | undefined {
    let value = this.term();
    while (this.isSign('%')) {
      const sign = this.peek();
      this.at++;
      const values = this.term();
      if (!value || value.kind !== 'string' || !values) throw new Wrong(sign, 'Before % stands a format in quotes, and behind it what goes into it.');
      value = this.format(value, values.kind === 'list' ? values.items : [values], sign);
    }
    return value;
  }

  private term(): Value | undefined {
    const token = this.peek();
    const { line, column } = token;
    this.at++;
    if (token.kind === 'number') {
      if (/^(0[xX][0-9a-fA-F]+|[0-9]+)$/.test(token.text)) return { kind: 'number', text: token.text, line, column };
      throw new Wrong(token, `${shortened(token.text)} is no number. Write digits only, or put text in quotes: "${shortened(token.text)}".`);
    }
    if (token.kind === 'string') {
      let text = unquoted(token);
      // Strings beside each other are one.
      while (this.peek().kind === 'string') {
        text += unquoted(this.peek());
        this.at++;
      }
      this.count(text.length, token);
      return { kind: 'string', text, line, column };
    }
    if (token.kind === 'name') return this.name(token);
    if (token.text === '[' || token.text === '(') return this.list(token);
    if (token.text === '-') throw new Wrong(token, "xl's numbers have no sign. Write digits only.");
    this.at--;
    if (token.kind === 'bad' && /^["']/.test(token.text)) throw new Wrong(token, 'The string has no closing quote on its line.');
    throw new Wrong(token, token.kind === 'newline' ? 'A value is missing here.' : `${shown(token)} cannot stand here: a value is a string, a number, a list or a name.`);
  }

  private name(token: Token): Value | undefined {
    const { text, line, column } = token;
    if (text === 'True' || text === 'False') return { kind: 'number', text: text === 'True' ? '1' : '0', line, column };
    if (text === 'None') return undefined;
    if (this.isSign('(') || this.isSign('.')) throw new Wrong(token, `${shortened(text)}${this.peek().text} …: nothing is executed here. Write the value that is meant.`);
    this.mentioned.add(text);
    const value = this.names.get(text);
    if (value === undefined) {
      if (this.names.has(text)) return undefined;
      throw new Wrong(token, `${shortened(text)} was assigned nothing before. Text needs quotes: "${shortened(text)}".`);
    }
    this.count(value.kind === 'list' ? value.items.length : value.text.length, token);
    return value.kind === 'list' ? { kind: 'list', items: [...value.items], line, column } : { ...value, line, column };
  }

  /** A list; in round brackets a tuple, or one value. */
  private list(open: Token): Value | undefined {
    const close = open.text === '[' ? ']' : ')';
    const items: Value[] = [];
    if (++this.depth > MOST_NESTING) {
      // Nothing behind it is read.
      this.at = this.tokens.length - 1;
      throw new Wrong(open, `Lists stand in lists here more than ${MOST_NESTING} deep. Take brackets out.`);
    }
    let commas = 0;
    while (!this.isSign(close)) {
      if (this.peek().kind === 'end' || this.atAssignment()) throw new Wrong(open, `"${open.text}" is never closed: "${close}" is missing.`);
      const item = this.expression();
      if (item) items.push(item);
      if (this.isSign(',')) {
        commas++;
        this.at++;
      } else if (!this.isSign(close)) throw this.peek().kind === 'end' || this.atAssignment() ? new Wrong(open, `"${open.text}" is never closed: "${close}" is missing.`) : new Wrong(this.peek(), `Between the values of a list stands a comma; here is ${shown(this.peek())}.`);
    }
    this.at++;
    this.depth--;
    if (open.text === '(' && commas === 0) return items[0];
    return { kind: 'list', items, line: open.line, column: open.column };
  }

  private add(a: Value, b: Value, at: Position): Value {
    if (a.kind === 'list' && b.kind === 'list') {
      this.count(a.items.length + b.items.length, at);
      return { ...a, items: [...a.items, ...b.items] };
    }
    if (a.kind === 'number' && b.kind === 'number') return { ...a, text: String(Number(a.text) + Number(b.text)) };
    if (a.kind !== 'string' || b.kind !== 'string') throw new Wrong(at, `A ${b.kind} cannot be added to a ${a.kind}.`);
    this.count(a.text.length + b.text.length, at);
    return { ...a, text: a.text + b.text };
  }

  private format(format: Atom, values: Value[], at: Position): Value {
    let next = 0;
    const text = format.text.replace(/%(%|(0?)(\d*)([sdix])|)/g, (_whole, rest: string, zero: string, width: string, kind: string) => {
      if (rest === '%') return '%';
      if (rest === '') throw new Wrong(at, 'Of formats, %s, %d, %x and %% are read here.');
      const value = values[next++];
      if (!value || value.kind === 'list') throw new Wrong(at, value ? 'A list cannot be put into a format.' : 'The format wants more values than stand behind %.');
      if (kind !== 's' && value.kind !== 'number') throw new Wrong(at, `%${kind} wants a number.`);
      const plain = kind === 'x' ? Number(value.text).toString(16) : value.text;
      return plain.padStart(Math.min(Number(width || 0), 100), zero ? '0' : ' ');
    });
    if (next < values.length) throw new Wrong(at, 'More values stand behind % than the format takes.');
    this.count(text.length, at);
    return { kind: 'string', text, line: format.line, column: format.column };
  }

  private count(length: number, at: Position): void {
    this.made += length;
    if (this.made <= MOST_MADE) return;
    this.at = this.tokens.length - 1;
    throw new Wrong(at, `The values of this file have more than ${MOST_MADE} characters together, so it is read no further.`);
  }
}

function unquoted({ text }: Token): string {
  const isRaw = /^[rR]/.test(text);
  const body = text.replace(/^[uUrR]/, '');
  const quotes = /^("""|'''|"|')/.exec(body)![0].length;
  const inner = body.slice(quotes, -quotes);
  if (isRaw) return inner;
  return inner.replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[\s\S])/g, (whole, escape: string) => {
    if (/^x../.test(escape)) return String.fromCharCode(parseInt(escape.slice(1), 16));
    if (/^[0-7]/.test(escape)) return String.fromCharCode(parseInt(escape, 8) & 255);
    return ESCAPES[escape] ?? whole;
  });
}

const shown = ({ kind, text }: Token): string => (kind === 'newline' || kind === 'end' ? 'the end of the line' : `"${shortened(text)}"`);
