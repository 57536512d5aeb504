/**
 * The x87 of a region in locals: registers as pairs of doubles (fpu/pairs.ts), named relative to ST(0) at the entry, which are full or empty being known for
 * each instruction. Sums and products are computed with their exact errors (D. E. Knuth, T. J. Dekker), the low half is rounded to the last of 64 bits,
 * and where that proves nothing (a tie that is not exact, a result just below a power of two, zeros) `slowPair` does it. PE is a local; C1 follows from the
 * last error when the region is left. A region does so if it loops over such instructions; those that are none of these end it.
 */
import { ALL } from '../architecture/flags.ts';
import { FSW, SEG, SEG_SELECTOR, SEG_WORDS } from '../architecture/registers.ts';
import { ADD, DIVIDE, MULTIPLY } from '../fpu/extended.ts';
import { LEAST, MOST, NOWHERE, OPERANDS, SQUARE_ROOT } from '../fpu/pairs.ts';
import type { Value } from '../gen/emitter.ts';
import { type Decoded, isFlatOperand } from '../table/index.ts';
import type { Block, Region } from './region.ts';
import { miss, number } from './text.ts';
import { addressText } from './units.ts';

/** What is known of a register: nothing, it holds something, it is empty. */
const UNKNOWN = 0,
  FULL = 1,
  EMPTY = 2;
interface Stack {
  /** Of ST(0), relative to the entry's. */
  top: number;
  tags: number[];
}

/** As many instructions make V8 take long enough; fewer in all do not pay for taking the stack over. */
const MOST_ARITHMETIC = 48,
  LEAST_INSTRUCTIONS = 4;
/** Multiplication, division and roots know their error but for this part of half the last bit. */
const TOLERANCE = 2 ** -36;
const SPLITTER = 134217729;

const ARITHMETIC: Record<string, { operation: number; reversed: boolean; pops: boolean; negates: boolean }> =
  Object.fromEntries(
    (
      [
        ['fadd', ADD, false, false],
        ['fmul', MULTIPLY, false, false],
        ['fsub', ADD, false, true],
        ['fsubr', ADD, true, true],
        ['fdiv', DIVIDE, false, false],
        ['fdivr', DIVIDE, true, false],
      ] as const
    ).flatMap(([op, operation, reversed, negates]) => [
      [op, { operation, reversed, negates, pops: false }],
      [`${op}p`, { operation, reversed, negates, pops: true }],
    ]),
  );
const COMPARES = new Set(['fcomi', 'fcomip', 'fucomi', 'fucomip']);
const OTHERS = new Set(['fld', 'fild', 'fst', 'fstp', 'fxch', 'fld1', 'fldz', 'fchs', 'fabs', 'fsqrt']);

/** Whether an instruction sees or changes the x87's or MMX's registers. */
const touches = ({ row }: Decoded): boolean =>
  row!.feature === 'fpu' ||
  row!.feature === 'mmx' ||
  row!.op.startsWith('f') ||
  row!.operands.some(code => code[0] === 'P' || code[0] === 'Q' || code[0] === 'N' || code === 'STi');

function isKnown(at: Decoded): boolean {
  const { row, memory } = at,
    { op, operands } = row!;
  if (memory && !isFlatOperand(at)) return false;
  if (memory && !['Mf32', 'Mf64'].includes(operands[0]!)) return op === 'fild' && operands[0] === 'Mi32';
  return op in ARITHMETIC || COMPARES.has(op) || OTHERS.has(op);
}

const storesRegister = ({ row, memory }: Decoded): boolean => !memory && (row!.op === 'fst' || row!.op === 'fstp');

/** What an instruction needs of the stack and makes of it. Null: the stack is not as it must be, or the instruction is none of those. */
function step({ top, tags }: Stack, at: Decoded, need: (register: number, tag: number) => boolean): Stack | null {
  if (!isKnown(at)) return null;
  const { op } = at.row!,
    register = (i: number) => (top + i) & 7,
    full = (i: number) => need(register(i), FULL);
  const after = [...tags];
  let moved = top;
  const pop = () => {
    after[register(0)] = EMPTY;
    moved = register(1);
  };
  if (op === 'fld' || op === 'fild' || op === 'fld1' || op === 'fldz') {
    if (!need(register(-1), EMPTY) || (op === 'fld' && !at.memory && !full(at.rm))) return null;
    after[register(-1)] = FULL;
    return { top: register(-1), tags: after };
  }
  if (!full(0)) return null;
  const store = op === 'fst' || op === 'fstp',
    unary = op === 'fchs' || op === 'fabs' || op === 'fsqrt';
  if (!at.memory && !unary && !store && !full(at.rm)) return null;
  if (storesRegister(at)) after[register(at.rm)] = FULL;
  if (op.endsWith('p')) pop();
  return { top: moved, tags: after };
}

/** What the whole region does with the x87, if it pays; its blocks lose successors that find the stack in another state. */
export class X87Plan {
  private readonly starts: Map<Block, Stack>;
  private readonly full: number;
  private readonly empty: number;
  private readonly used: number;
  private constructor(starts: Map<Block, Stack>, full: number, empty: number, used: number) {
    this.starts = starts;
    this.full = full;
    this.empty = empty;
    this.used = used;
  }

  static of({ blocks, entry }: Region): X87Plan | null {
    const those = blocks.filter(block => block.instructions.some(({ decoded }) => touches(decoded)));
    const all = those.flatMap(({ instructions }) => instructions.map(({ decoded }) => decoded).filter(touches));
    const arithmetic = all.filter(({ row }) => row!.op in ARITHMETIC || row!.op === 'fsqrt').length;
    if (
      !blocks.some(({ header }) => header) ||
      all.length < LEAST_INSTRUCTIONS ||
      arithmetic === 0 ||
      arithmetic > MOST_ARITHMETIC
    )
      return null;
    const asked: number[] = new Array(8).fill(UNKNOWN);
    // What must be so at the entry, then with that known which ways agree.
    for (let pass = 0; ; pass++) {
      const starts = new Map<Block, Stack>([[entry, { top: 0, tags: [...asked] }]]);
      const before = asked.join(),
        cuts: (() => void)[] = [];
      let used = 0;
      for (const block of blocks) {
        let stack: Stack | null = starts.get(block) ?? null;
        if (stack === null) continue;
        for (const { decoded } of block.instructions) {
          if (!touches(decoded)) continue;
          const { tags }: Stack = stack;
          if (storesRegister(decoded)) used |= 1 << ((stack.top + decoded.rm) & 7);
          stack = step(stack, decoded, (register, tag) => {
            used |= 1 << register;
            if (tags[register] === UNKNOWN && (asked[register] === UNKNOWN || asked[register] === tag))
              tags[register] = asked[register] = tag;
            return tags[register] === tag;
          });
          if (stack === null) break;
        }
        if (stack === null) {
          cuts.push(() => block.successors.clear());
          continue;
        }
        for (const [offset, to] of block.successors) {
          const there = starts.get(to);
          if (there === undefined) starts.set(to, { top: stack.top, tags: [...stack.tags] });
          else if (there.top !== stack.top || there.tags.join() !== stack.tags.join())
            cuts.push(() => block.successors.delete(offset));
        }
      }
      if (asked.join() !== before && pass < 9) continue;
      if (asked.join() !== before || used === 0) return null;
      for (const cut of cuts) cut();
      const bits = (tag: number) => asked.reduce((sum, one, register) => sum | (one === tag ? 1 << register : 0), 0);
      return new X87Plan(starts, bits(FULL), bits(EMPTY), used);
    }
  }

  private get registers(): number[] {
    return [0, 1, 2, 3, 4, 5, 6, 7].filter(register => ((this.used >> register) & 1) !== 0);
  }

  /** Declares the locals, and leaves a region that finds the x87 otherwise. */
  get enter(): string {
    return `if (!enterPairs(R, ${this.full}, ${this.empty}, ${this.used})) return;
let ${this.registers.map(register => `x${register} = PAIRS[${register * 2}], y${register} = PAIRS[${register * 2 + 1}]`).join(', ')},
 xc = R[${FSW}] & 512, xh = -1, xp = 0, xi = ${NOWHERE}, xd = 0, xq = 0, xt = 0, xx = 0, xe = 0, xm = 0, xs = 0, xu = 0, xv = 0, xw = 0, xz = 0, xk = 0, xl = 0, xo = 0, xb = 0;
`;
  }
  /** Gives all back. */
  get leave(): string {
    return (
      `${this.registers.map(register => `PAIRS[${register * 2}] = x${register}; PAIRS[${register * 2 + 1}] = y${register};`).join(' ')} ` +
      `PAIRS[${OPERANDS}] = xc; PAIRS[${OPERANDS + 1}] = xh; leavePairs(R, ${this.used}, xt, xp, xi, base, xd, xq);\n`
    );
  }

  /** What expands a block's instructions, one after the other. */
  block(block: Block): X87Emitter | null {
    const start = this.starts.get(block);
    return start === undefined ? null : new X87Emitter(start);
  }
}

export class X87Emitter {
  private stack: Stack;
  private text = '';
  constructor(stack: Stack) {
    this.stack = stack;
  }

  static takes(decoded: Decoded): boolean {
    return touches(decoded);
  }

  private say(text: string): void {
    this.text += `${text} `;
  }
  /** The name of ST(i)'s number. */
  private st(i: number): number {
    return (this.stack.top + i) & 7;
  }

  /** The text of an instruction; null: the region ends before it. `leave` leaves the region with the instruction not begun. */
  expand(
    at: Decoded,
    offset: number,
    leave: (condition: Value) => string,
  ): { text: string; setsFlags: boolean } | null {
    const { tags } = this.stack,
      after = step(this.stack, at, (register, tag) => tags[register] === tag);
    if (after === null) return null;
    this.text = '';
    const { op } = at.row!,
      target = after.top & 7;
    const [to, from] = [this.st(0), this.st(at.rm)];
    const store = op === 'fst' || op === 'fstp';
    if (at.memory) this.reach(at, store, leave);
    if (op in ARITHMETIC) this.arithmetic(at, leave);
    else if (COMPARES.has(op)) {
      this.say(
        `xs = x${to} - x${from} + (y${to} - y${from}); fk = ${ALL}; fb = xs < 0 ? 1 : xs === 0 ? 64 : 0; fr = ~fb >>> 6 & 1;`,
      );
    } else if (store && at.memory) this.store(at, to, leave);
    else if (store) this.say(`x${from} = x${to}; y${from} = y${to}; xc = 0;`);
    else if (op === 'fld' && !at.memory) this.say(`x${target} = x${from}; y${target} = y${from}; xc = 0;`);
    else if (op === 'fld' || op === 'fild') this.say(`x${target} = xm; y${target} = 0; xc = 0;`);
    else if (op === 'fld1' || op === 'fldz') this.say(`x${target} = ${op === 'fld1' ? 1 : 0}; y${target} = 0; xc = 0;`);
    else if (op === 'fxch')
      this.say(`xs = x${to}; x${to} = x${from}; x${from} = xs; xs = y${to}; y${to} = y${from}; y${from} = xs; xc = 0;`);
    else if (op === 'fchs') this.say(`x${to} = -x${to}; y${to} = -y${to}; xc = 0;`);
    else if (op === 'fabs')
      this.say(`if (x${to} < 0) { x${to} = -x${to}; y${to} = -y${to}; } else if (x${to} === 0) x${to} = 0; xc = 0;`);
    else this.squareRoot(to, leave);
    this.say(`xi = ${number(offset)};`);
    if (at.memory) this.say(`xd = t; xq = ${SEG + at.segment * SEG_WORDS + SEG_SELECTOR};`);
    const bits = (tag: number) => after.tags.reduce((sum, one, register) => sum | (one === tag ? 1 << register : 0), 0);
    this.say(`xt = ${after.top | (bits(FULL) << 4) | (bits(EMPTY) << 12)};`);
    this.stack = after;
    return { text: this.text, setsFlags: COMPARES.has(op) };
  }

  /** Finds the memory operand; one that is read is put into `xm`. */
  private reach(at: Decoded, write: boolean, leave: (condition: Value) => string): void {
    const [code] = at.row!.operands;
    this.say(
      `t = ${addressText(at)}; ${leave(miss(write ? 'TW' : 'TR', 't', 4) + (code === 'Mf64' ? ' || (t & 4095) === 4092' : ''))} h = (e ^ t) >>> 2;`,
    );
    if (write) return;
    if (code === 'Mi32') this.say('xm = M4[h];');
    else if (code === 'Mf32')
      this.say(`xx = M4[h]; WORDS[0] = xx; xm = SINGLE[0]; ${leave('((xx >>> 23) + 1 & 255) < 2 && xm !== 0')}`);
    else
      this.say(
        `WORDS[0] = M4[h]; xx = M4[h + 1]; WORDS[1] = xx; xm = DOUBLE[0]; ${leave(`((xx >>> 20 & 2047) - ${LEAST} >>> 0) > ${MOST - LEAST} && xm !== 0`)}`,
      );
  }

  private store(at: Decoded, from: number, leave: (condition: Value) => string): void {
    const double = at.row!.operands[0] === 'Mf64';
    // The sum of the halves, rounded to what is stored, and what that leaves off.
    this.say(
      `xs = ${double ? `x${from} + y${from}; if (xs === 0) xs = x${from}` : `Math.fround(x${from})`}; xv = x${from} - xs + y${from};`,
    );
    if (double) this.say('DOUBLE[0] = xs; M4[h] = WORDS[0]; M4[h + 1] = WORDS[1];');
    else {
      // Halfway between two singles the low half decides; denormals and infinities are not for here.
      this.say(
        `xw = xs + (x${from} - xs) * 2; SINGLE[0] = xs; xx = WORDS[0]; ${leave(`((xx >>> 23) + 1 & 255) < 3 && x${from} !== 0 || y${from} !== 0 && xw !== xs && Math.fround(xw) === xw`)} M4[h] = xx;`,
      );
    }
    this.say('xc = xv; xh = xs; if (xv !== 0) xp = 32;');
  }

  private arithmetic(at: Decoded, leave: (condition: Value) => string): void {
    const { operation, reversed, negates } = ARITHMETIC[at.row!.op]!,
      to = this.st(0),
      other = this.st(at.rm);
    const target = at.memory || at.row!.operands[0] !== 'STi' ? to : other;
    const mine: [Value, Value] = [`x${target}`, `y${target}`],
      theirs: [Value, Value] = at.memory
        ? ['xm', '0']
        : target === to
          ? [`x${other}`, `y${other}`]
          : [`x${to}`, `y${to}`];
    const [[ah, al], [bh, bl]] = reversed ? [theirs, mine] : [mine, theirs];
    this.say(`xu = ${ah}; xl = ${al}; xb = ${negates ? `-${bh}` : bh}; xo = ${negates ? `-${bl}` : bl};`);
    if (operation === ADD) this.add(target, leave);
    else
      this.product(
        operation,
        target,
        al === '0' ? 'xo !== 0' : bl === '0' ? 'xl !== 0' : 'xl !== 0 || xo !== 0',
        leave,
      );
  }

  /** The result is `xs` and `xz`, in sum exact but for `unsure`: rounds it. */
  private round(operation: number, target: number, unsure: Value, leave: (condition: Value) => string): void {
    const test = `(xe = (xx >>> 20 & 2047)) - ${LEAST} >>> 0 > ${MOST - LEAST}`;
    this.say(
      `DOUBLE[0] = xs; xx = WORDS[1]; xv = 0; xw = 0; if (${test} || (xw = (xz + ROUNDER[xe]) - ROUNDER[xe], xv = xz - xw, ${unsure}) || (xx & 1048575 | WORDS[0]) === 0 && xz !== 0) {`,
    );
    this.say(
      `PAIRS[${OPERANDS}] = xu; PAIRS[${OPERANDS + 1}] = xl; PAIRS[${OPERANDS + 2}] = xb; PAIRS[${OPERANDS + 3}] = xo; ${leave(`(xx = slowPair(R, ${operation})) < 0`)}`,
    );
    this.say(
      `xs = PAIRS[${OPERANDS}]; xw = PAIRS[${OPERANDS + 1}]; xc = xx; xh = -1; } else { xc = xv; xh = xs; if (xv !== 0) xp = 32; } x${target} = xs; y${target} = xw;`,
    );
  }

  private add(target: number, leave: (condition: Value) => string): void {
    // xw and xk: errors of the sums of high halves, and of that with the sum of the low ones, xv.
    this.say(
      'xs = xu + xb; xz = xs - xu; xw = xu - (xs - xz) + (xb - xz); xv = xl + xo; xz = xw + xv; xk = xz - xw; xk = xw - (xz - xk) + (xv - xk);',
    );
    this.say(
      'if (xv - xl !== xo || xv - xo !== xl || Math.abs(xs) < Math.abs(xz)) xk = NaN; xm = xs; xs = xm + xz; xz = xz - (xs - xm);',
    );
    this.round(ADD, target, 'xk !== 0 && (xk !== xk || xv === 0 || Math.abs(xv) === HALF[xe])', leave);
  }

  private error(a: Value, b: Value, product: Value): Value {
    this.say(`xk = ${a} * ${SPLITTER}; xz = xk - (xk - ${a}); xk = ${b} * ${SPLITTER}; xm = xk - (xk - ${b});`);
    return `(${a} - xz) * (${b} - xm) - (${product} - xz * xm - (${a} - xz) * xm - xz * (${b} - xm))`;
  }
  private near(halves: Value): Value {
    return `(${halves}) && !((xk = Math.abs(xv)) > HALF[xe] * ${TOLERANCE} && xk < HALF[xe] * ${1 - TOLERANCE})`;
  }

  private product(operation: number, target: number, halves: Value, leave: (condition: Value) => string): void {
    if (operation === MULTIPLY) {
      this.say(`xv = xu * xb; xw = ${this.error('xu', 'xb', 'xv')}; xz = xw + (xu * xo + xl * xb);`);
      this.say('xs = xv + xz; xz = xz - (xs - xv);');
      this.round(operation, target, this.near(halves), leave);
      return;
    }
    this.say('xv = xu / xb; xs = xv * xb;');
    this.say(
      `xw = ${this.error('xv', 'xb', 'xs')}; xw = xu - xs - xw + xl - xv * xo; xz = xw / xb; xm = xv; xs = xm + xz; xz = xz - (xs - xm);`,
    );
    this.round(operation, target, this.near(`xw !== 0 || ${halves}`), leave);
  }

  private squareRoot(target: number, leave: (condition: Value) => string): void {
    this.say(`xu = x${target}; xl = y${target}; xb = 0; xo = 0; xv = Math.sqrt(xu); xs = xv * xv;`);
    this.say(
      `xw = ${this.error('xv', 'xv', 'xs')}; xw = xu - xs - xw + xl; xz = xw / (xv * 2); xm = xv; xs = xm + xz; xz = xz - (xs - xm);`,
    );
    this.round(SQUARE_ROOT, target, this.near('xw !== 0 || xl !== 0'), leave);
  }
}
