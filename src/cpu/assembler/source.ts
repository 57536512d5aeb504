/** Lines to statements. Source: the NASM manual, 3.1 "Layout of a NASM source line", 3.2 "Pseudo-instructions" and chapter 7, "Directives". */

import { type Expression, parseExpression } from './expressions.ts';
import { floatBits } from './floats.ts';
import { formsOf } from './forms.ts';
import { Cursor, described, isEscaped, Mistake, type Token, tokens } from './lexer.ts';
import { type Instruction, matching, type Memory, type Prefixes } from './matching.ts';
import { type CodeOfAddress, type Operand, OPERAND_WORDS, parseOperand } from './operands.ts';
import { registerOf } from './registers.ts';

export type Item = { kind: 'number'; value: Expression; column: number } | { kind: 'bytes'; bytes: Uint8Array };

export type Body =
  | { kind: 'instruction'; instruction: Instruction; memory: Memory; code: CodeOfAddress }
  /** `width` bytes an item. */
  | { kind: 'data'; width: number; items: readonly Item[] }
  | { kind: 'reserve'; width: number; count: Expression; column: number }
  | { kind: 'equ'; name: string; value: Expression }
  | { kind: 'org'; value: Expression; column: number };

export interface Statement {
  /** 1: the first. */
  line: number;
  column: number;
  /** Characters of the line: what a pass over it costs at most. */
  characters: number;
  label?: string;
  body?: Body;
  times?: Expression;
  /** As often as it takes to reach a multiple of this. */
  align?: Expression;
}

const WIDTHS: Record<string, number> = { b: 1, w: 2, d: 4, q: 8, t: 10, o: 16 };
const PREFIXES: Record<string, Partial<Prefixes>> = {
  lock: { lock: true },
  rep: { repeat: 0xf3 },
  repe: { repeat: 0xf3 },
  repz: { repeat: 0xf3 },
  repne: { repeat: 0xf2 },
  repnz: { repeat: 0xf2 },
  o16: { operandSize: 16 },
  o32: { operandSize: 32 },
  o64: { operandSize: 64 },
  a16: { addressSize: 16 },
  a32: { addressSize: 32 },
  a64: { addressSize: 64 },
};
const DIRECTIVES = new Set(['bits', 'use16', 'use32', 'default', 'org', 'align', 'times', 'equ', 'section', 'segment']);
const DATA = /^(d|res)([bwdqto])$/;
/** What nasm has and this has not, and what to do instead. */
const ABSENT: Record<string, string> = {
  incbin: 'there are no other files here: list the bytes with db',
  global: 'a flat program has nobody to show its labels to: leave the line away',
  extern: 'a flat program is not linked: define the label here',
  cpu: 'every instruction of the processor is known: leave the line away',
  struc: 'there are no structures here: name the offsets with equ',
};

/** True if a line may begin with this word. */
const begins = (name: string): boolean =>
  DIRECTIVES.has(name) ||
  DATA.test(name) ||
  Object.hasOwn(PREFIXES, name) ||
  Object.hasOwn(ABSENT, name) ||
  formsOf(name) !== undefined ||
  registerOf(name)?.bank === 'segment';
/** True if it cannot be a label. */
const reserved = (name: string): boolean =>
  begins(name) || registerOf(name) !== undefined || OPERAND_WORDS.includes(name);

/** What the lines before one have said. */
export class Reader {
  private code: CodeOfAddress = { bits: 16, relative: false };
  private lastLabel = '';
  /** Labels and names of EQUs, each with the line that defines it. */
  readonly defined = new Map<string, number>();

  private readonly qualify = (name: string): string => (name.startsWith('.') ? this.lastLabel + name : name);

  statement(text: string, line: number): Statement | undefined {
    const cursor = new Cursor(tokens(text));
    if (cursor.ended()) return undefined;
    const statement: Statement = { line, column: cursor.peek.column, characters: text.length };
    const bracketed = cursor.take('[');
    if (!bracketed) this.label(cursor, statement);
    if (!cursor.ended()) this.body(cursor, statement);
    if (bracketed) cursor.expect(']', 'close the bracket of the directive');
    cursor.expectEnd();
    return statement;
  }

  private label(cursor: Cursor, statement: Statement): void {
    const { peek, beyond } = cursor;
    if (peek.kind !== 'name') return;
    const colon = beyond.kind === 'sign' && beyond.text === ':';
    const equ = beyond.kind === 'name' && beyond.text.toLowerCase() === 'equ';
    const word = !isEscaped(peek) && reserved(peek.text.toLowerCase());
    if (!isEscaped(peek) && begins(peek.text.toLowerCase()) && !colon && !equ) return;
    if (word)
      throw new Mistake(
        `“${peek.text}” is a word of the language and no name: call the label something else, or write $${peek.text}`,
        peek.column,
      );
    if (!colon && !equ && beyond.kind !== 'end' && !(beyond.kind === 'name' && begins(beyond.text.toLowerCase()))) {
      throw new Mistake(`“${peek.text}” is no instruction and no directive; a label ends in a colon`, peek.column);
    }
    cursor.next();
    cursor.take(':');
    const local = peek.text.startsWith('.');
    if (local && this.lastLabel === '')
      throw new Mistake(
        `“${peek.text}” belongs to the label before it, and there is none: write a label without a point first`,
        peek.column,
      );
    const name = this.qualify(peek.text);
    const earlier = this.defined.get(name);
    if (earlier !== undefined)
      throw new Mistake(`“${name}” is defined in line ${earlier}, too: give one of them another name`, peek.column);
    this.defined.set(name, statement.line);
    if (!local) this.lastLabel = name;
    if (cursor.takeName(['equ'])) statement.body = { kind: 'equ', name, value: this.expression(cursor) };
    else statement.label = name;
  }

  private setBits(bits: 16 | 32 | 64): void {
    this.code = { ...this.code, bits };
  }

  private expression(cursor: Cursor): Expression {
    return parseExpression(cursor, this.qualify);
  }

  private body(cursor: Cursor, statement: Statement): void {
    if (statement.body) return;
    if (cursor.takeName(['times'])) {
      statement.times = this.expression(cursor);
      if (cursor.ended()) throw new Mistake('times needs something to repeat: times 10 db 0', cursor.peek.column);
    }
    const { peek } = cursor;
    if (cursor.sees('%'))
      throw new Mistake(
        'there is no preprocessor here: write names for numbers with equ, and repeated lines out or with times',
        peek.column,
      );
    if (peek.kind !== 'name')
      throw new Mistake(`${described(peek)} begins no line: a line is LABEL: INSTRUCTION OPERANDS`, peek.column);
    const name = peek.text.toLowerCase();
    const data = DATA.exec(name);
    if (data) {
      cursor.next();
      const width = WIDTHS[data[2]!]!;
      statement.body =
        data[1] === 'd'
          ? { kind: 'data', width, items: this.items(cursor, width) }
          : { kind: 'reserve', width, count: this.expression(cursor), column: peek.column };
    } else if (DIRECTIVES.has(name) || Object.hasOwn(ABSENT, name)) this.directive(cursor.next(), cursor, statement);
    else statement.body = this.instruction(cursor);
  }

  private directive({ text, column }: Token, cursor: Cursor, statement: Statement): void {
    const name = text.toLowerCase();
    if (Object.hasOwn(ABSENT, name)) throw new Mistake(`${name}: ${ABSENT[name]}`, column);
    if (statement.times) throw new Mistake(`${name} cannot be repeated: only instructions and data can`, column);
    switch (name) {
      case 'use16':
        this.setBits(16);
        break;
      case 'use32':
        this.setBits(32);
        break;
      case 'bits': {
        const { value, column: at, kind } = cursor.next();
        if (kind !== 'number' || (value !== 16n && value !== 32n && value !== 64n))
          throw new Mistake('code has 16, 32 or 64 bits: bits 16, bits 32 or bits 64', at);
        this.setBits(Number(value) as 16 | 32 | 64);
        break;
      }
      case 'default': {
        const word = cursor.takeName(['rel', 'abs']);
        if (word === undefined)
          throw new Mistake(
            'default says how addresses of 64-bit code are meant: default rel, or default abs',
            cursor.peek.column,
          );
        this.code = { ...this.code, relative: word === 'rel' };
        break;
      }
      case 'org':
        statement.body = { kind: 'org', value: this.expression(cursor), column };
        break;
      case 'align':
        statement.align = this.expression(cursor);
        if (cursor.take(',')) this.body(cursor, statement);
        else statement.body = this.instruction(new Cursor(tokens('nop')));
        if (statement.times || !statement.body || statement.body.kind === 'org')
          throw new Mistake('align fills with an instruction or with data: align 4, db 0', column);
        break;
      case 'section':
      case 'segment':
        if (cursor.next().text !== '.text')
          throw new Mistake(
            'there is one section here, .text: leave the line away, and let code and data follow one another',
            column,
          );
        break;
      default:
        throw new Mistake(
          name === 'equ' ? 'equ needs a name before it: WIDTH equ 320' : `${name} cannot be used here`,
          column,
        );
    }
  }

  private items(cursor: Cursor, width: number): Item[] {
    const items: Item[] = [];
    do {
      const { peek, beyond } = cursor;
      const sign = cursor.sees('-') || cursor.sees('+') ? cursor.peek.text : '';
      if ((sign === '' ? peek : beyond).kind === 'float') {
        if (sign !== '') cursor.next();
        const { text, column } = cursor.next();
        items.push({ kind: 'bytes', bytes: littleEndian(floatBits(text, sign === '-', width, column), width) });
      } else if (peek.kind === 'string' && (beyond.kind === 'end' || beyond.text === ',')) {
        const { text } = cursor.next();
        const bytes = new Uint8Array(Math.ceil(text.length / width) * width);
        for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
        items.push({ kind: 'bytes', bytes });
      } else {
        if (width > 8)
          throw new Mistake(
            `${described(peek)} is where a number with a point or a string should be: this width holds nothing else`,
            peek.column,
          );
        cursor.parts = 0;
        items.push({ kind: 'number', value: this.expression(cursor), column: peek.column });
      }
    } while (cursor.take(','));
    return items;
  }

  private instruction(cursor: Cursor): Body {
    const prefixes: Prefixes = { lock: false, repeat: 0, segment: -1, operandSize: 0, addressSize: 0 };
    const { column } = cursor.peek;
    for (;;) {
      const { peek } = cursor;
      if (peek.kind !== 'name') break;
      const segment = registerOf(peek.text);
      const word = peek.text.toLowerCase();
      const prefix =
        (Object.hasOwn(PREFIXES, word) ? PREFIXES[word] : undefined) ??
        (segment?.bank === 'segment' ? { segment: segment.number } : undefined);
      if (!prefix) break;
      Object.assign(prefixes, prefix);
      cursor.next();
    }
    const { peek } = cursor;
    if (peek.kind === 'end')
      throw new Mistake('a prefix belongs before an instruction on its line: write both on one line', column);
    const name = peek.text.toLowerCase();
    if (peek.kind !== 'name' || formsOf(name) === undefined) {
      throw new Mistake(`${described(peek)} is no instruction and no directive that is known here`, peek.column);
    }
    cursor.next();
    const operands: Operand[] = [];
    let to = false;
    if (!cursor.ended() && !cursor.sees(']')) {
      do {
        const operand = parseOperand(cursor, this.qualify);
        to ||= operand.to;
        operands.push(operand);
        if (operands.length > 4) throw new Mistake('no instruction has this many operands', operand.column);
      } while (cursor.take(','));
    }
    const instruction: Instruction = { name, column: peek.column, prefixes, operands, to };
    return { kind: 'instruction', instruction, memory: matching(instruction, this.code.bits), code: this.code };
  }
}

export function littleEndian(value: bigint, width: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, i) => Number(BigInt.asUintN(8, value >> BigInt(8 * i))));
}
