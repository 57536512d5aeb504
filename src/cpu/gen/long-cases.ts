/**
 * The cases of the third switch, which runs 64-bit code, and the text around them. A case does what the form's function does (long.ts) where all is ordinary: where
 * the TLB has no entry, the address is not aligned, a sum of an address leaves its 4 GiB or the target is not known it breaks out of the switch, and the function
 * runs the record from its beginning.
 *
 * An address is found by its slot (tlb.ts); `m` is the mixer. R[PAGE_RIP] is where the page of the code begins. As in the second switch (narrow.ts), address, TLB
 * and flags are written once, before and behind the cases. Ways out of a case: `break` leaves the record to its function; `break far` takes a direct branch whose
 * target is not in the record; the others are explained at the texts that they lead to.
 */
import { ALL, DEC, EXPLICIT, INC, LOGIC, SUB } from '../architecture/flags.ts';
import { LONG_KINDS } from '../architecture/long-flags.ts';
import { EIP, ESP, FA, FB, FK, FR, HIGH, PAGE_RIP, ZERO } from '../architecture/registers.ts';
import { INDEX_REGISTER_MASK, INDEX_SCALE, LONG_ALIGNMENT, LONG_BASE } from '../record.ts';
import { S_PAGE_EIP } from '../scratch.ts';
import { SAME_MOVE } from '../tlb.ts';
import {
  cellShift,
  type Form,
  memoryArray,
  memoryOf,
  type Outcome,
  registerText,
  type Size,
  type Value,
} from './emitter.ts';
import { WideUnitEmitter } from './fpu.ts';
import { LongEmitter } from './long.ts';
import { NEXT_RECORD, OFFSET, record } from './record.ts';
import type { Reached } from './unit-semantics.ts';

const PAGE: Value = `R[${PAGE_RIP}]`,
  PAGE_HIGH: Value = `R[${PAGE_RIP + HIGH}]`;
/** 1 where the sum of `addend` and something is `sum` and left 32 bits. */
const carryOut = (sum: Value, addend: Value): Value => `(${sum} >>> 0 < ${addend} >>> 0 | 0)`;
/** Slot address of the address of two halves. */
const slotOf = (low: Value, high: Value): Value => `(${low} + (Math.imul(${high} >>> ${SAME_MOVE}, m) & -4096)) | 0`;

/** Puts base and displacement into `t` and `th`; adds the register `e` names, with its scale. */
const NEAR = `c = ${record.base}; a = R[c]; e = ${record.disp}; t = (a + e) | 0; th = (R[c + ${HIGH}] + (e >> 31) + ${carryOut('t', 'a')}) | 0; `;
const INDEX = `c = e & ${INDEX_REGISTER_MASK}; b = e >>> ${INDEX_SCALE} & 3; a = R[c]; h = a << b; t = (t + h) | 0; th = (th + (R[c + ${HIGH}] << b | a >>> 1 >>> (31 - b)) + ${carryOut('t', 'h')}) | 0; `;
/** Of LEA of 32 bits: high halves do not matter. */
const NEAR_ADDRESS = `(R[${record.base}] + ${record.disp}) | 0`,
  SHORT_ADDRESS = `(R[${record.base}] + (R[(e = ${record.index}) & ${INDEX_REGISTER_MASK}] << (e >>> ${INDEX_SCALE} & 3)) + ${record.disp}) | 0`;
/** Puts the cell of the stack at `t` and `th` into `h`; `also`: a reason more to leave. */
const find = (table: 'TR' | 'TW', also = ''): string =>
  `s = ${slotOf('t', 'th')}; if (((e = ${table}[(s >>> 12) | u]) | s) & 7 | TH[s >>> 12] ^ th${also}) break; h = (e ^ s) >>> 2; `;
/** Puts the record at the address of two halves into `q`, 0 where it is not known. */
const code = (low: Value, high: Value): string =>
  `s = ${slotOf(low, high)}; q = TH[s >>> 12] === ${high} ? PM[CP[(s >>> 12) | u] + (${low} & 4095)] : 0; `;
/** The same for where a direct branch leads, unless it leaves its 4 GiB. */
const DIRECT = `c = ${PAGE}; e = ${record.extra}; t = (c + e) | 0; th = ${PAGE_HIGH}; if ((e >> 31) + ${carryOut('t', 'c')}) break slow; ${code('t', 'th')}if (q === 0) break slow; `;

const HAS_MORE = (-1 << LONG_BASE) | INDEX_REGISTER_MASK;

/** Text before the cases, for a record whose case is `q`: machine offset of the memory operand in `h`. The cases' numbers are in order: none, read, written. */
export const longOperand = (firstRead: number, firstWrite: number): string => `
      if (q >= ${firstRead}) {
        ${NEAR}e = ${record.index};
        if ((e & ${HAS_MORE}) !== ${ZERO}) {
          ${INDEX}
          c = e >>> ${LONG_BASE};
          if (c !== 0) { a = R[c]; t = (t + a) | 0; th = (th + R[c + ${HIGH}] + ${carryOut('t', 'a')}) | 0; }
        }
        s = ${slotOf('t', 'th')};
        c = q < ${firstWrite} ? TR[(s >>> 12) | u] : TW[(s >>> 12) | u];
        if ((c & 1) | (s & (e >>> ${LONG_ALIGNMENT}) & 15) | TH[s >>> 12] ^ th) break slow;
        h = c ^ s;
      }`;

/** The memory operand of a form: none, one that is read, one that is written. */
export const longAccess = (form: Form): 0 | 1 | 2 => {
  const memory = memoryOf(form);
  return memory === null ? 0 : memory.writes ? 2 : 1;
};

/** Bits of IMM of SETcc and CMOVcc above the condition: its truth for each combination of ZF 1, CF 2, SF 4, SF different from OF 8 (long-records.ts). */
export const TRUTHS = 16;

/** Comparisons whatever their width: what is asked is in the highest bits of operands and result. */
const COMPARED_VALUES = `const x = R[${FA}], y = R[${FB}], z = R[${FR}];`,
  COMPARED = `(R[${FK}] & 7) === ${SUB}`,
  CARRY = '((~x & y) | ((~x | y) & z))',
  LESS = '(z ^ ((x ^ y) & (x ^ z)))';
/** 1 or 0: the condition that IMM says. */
const SHARED_TRUTH = `(${COMPARED} ? ${record.imm} >>> (((z === 0 | 0) | ${CARRY} >>> 31 << 1 | z >>> 31 << 2 | ${LESS} >>> 31 << 3) + ${TRUTHS}) & 1 : conditionOf(R, ${record.imm} & 15) | 0)`;

export class LongCaseEmitter extends LongEmitter {
  /** Of LEA: without an index register. */
  private readonly near: boolean;
  private goal: { low: Value; high: Value } | null = null;
  private pending: { kind: number; outcome: Outcome } | null = null;

  constructor(form: Form, near = false) {
    super(form);
    this.near = near;
  }

  protected override effect(statement: string): void {
    this.say(statement);
  }
  override skipIf(condition: Value): void {
    const clears = this.form.bits === 32 && this.form.places[0] === 'r';
    this.say(
      `if (${condition}) { ${clears ? `${this.highWord(this.operandRegister(0, 32))} = 0; ` : ''}${NEXT_RECORD} }`,
    );
  }
  private readonly named = new Set<string>();
  /** Numbers of registers that are used more than once are kept. */
  protected override operandRegister(operand: number, bits: Size): Value {
    if (bits < 32 || (operand === 1 && bits === 32)) return super.operandRegister(operand, bits);
    const name = operand === 0 ? 'q' : 's';
    if (!this.named.has(name)) this.say(`${name} = ${operand === 0 ? record.dst : record.src};`);
    this.named.add(name);
    const register = `R[${name}]`;
    return bits === 64 ? this.pair(register, this.highWord(register)) : register;
  }
  override address(): Value {
    if (this.form.bits === 32) return this.near ? NEAR_ADDRESS : SHORT_ADDRESS;
    this.say(this.near ? NEAR : `${NEAR}e = ${record.index}; ${INDEX}`);
    return this.pair('t', 'th');
  }
  protected override load(): Value {
    const { bits } = memoryOf(this.form)!;
    return bits === 64
      ? this.pair('M4[h >>> 2]', 'M4[(h >>> 2) + 1]')
      : `${memoryArray(bits)}[h >>> ${cellShift(bits)}]`;
  }
  protected override store(value: Value): void {
    const { bits } = memoryOf(this.form)!;
    if (bits === 64) this.say(`M4[h >>> 2] = ${value}; M4[(h >>> 2) + 1] = ${this.storedHigh};`);
    else this.say(`${memoryArray(bits)}[h >>> ${cellShift(bits)}] = ${value};`);
  }

  override top(pointer = ESP): Value {
    this.pointer = pointer;
    this.say(`t = ${registerText(pointer, 32)}; th = ${registerText(pointer + HIGH, 32)}; ${find('TR')}`);
    return this.keep(this.pair('M4[h]', 'M4[h + 1]'));
  }
  override drop(more?: Value): void {
    const { pointer } = this;
    this.say(
      `e = ${registerText(pointer, 32)}; a = (e + 8${more === undefined ? '' : ` + ${more}`}) | 0; ah = ${registerText(pointer + HIGH, 32)} + ${carryOut('a', 'e')};`,
    );
    if (!this.form.uses.indirect) this.say(`${registerText(ESP, 32)} = a; ${registerText(ESP + HIGH, 32)} = ah;`);
  }
  override slot(): void {
    if (this.form.op === 'push') return;
    this.say(
      `t = (${registerText(ESP, 32)} - 8) | 0; th = ${registerText(ESP + HIGH, 32)}; ${find('TW', ' | (t === -8 | 0)')}`,
    );
  }
  /** PUSH leaves the rest to the text behind the cases. */
  override push(value: Value): void {
    if (this.form.op !== 'push') {
      // What is pushed is pushed before an indirect target is looked up: if that fails, the function does it again.
      const moved = this.form.uses.indirect ? 'c = t;' : `${registerText(ESP, 32)} = t;`;
      this.say(`M4[h] = ${value}; M4[h + 1] = ${this.high(value)}; ${moved}`);
      return;
    }
    this.say('break push;');
    this.ended = true;
  }

  override locate(to?: Value): void {
    if (to === undefined) {
      // A jump has nothing to do before it is known where it leads.
      if (this.form.uses.pushes)
        this.say(`if ((q = ${record.target}) === 0) { ${DIRECT}c = t & -4096; } else c = ${PAGE};`);
    } else this.goal = { low: to, high: this.high(to) };
  }
  /** An indirect branch goes to `t` and `th`, with the stack pointer in `a` and `ah`. */
  override go(): void {
    const { goal } = this;
    if (goal === null)
      this.say(
        this.form.uses.pushes
          ? `${PAGE} = c; p = q; continue;`
          : `if ((q = ${record.target}) === 0) break far; p = q; continue;`,
      );
    else if (goal.low === 't') this.say('break look;');
    else
      this.say(
        `t = ${goal.low}; th = ${goal.high}; a = ${this.form.uses.pushes ? 'c' : `R[${ESP}]`}; ah = R[${ESP + HIGH}]; break look;`,
      );
    this.ended = true;
  }
  override branch(condition: Value): void {
    this.say(`if (${condition}) { if ((q = ${record.target}) === 0) break far; p = q; continue; }`);
  }
  override returnAddress(): Value {
    const offset = this.form.uses.direct ? record.disp : record.imm;
    return this.computed(`b = ${PAGE}; r = (b + ${offset}) | 0; rh = (${PAGE_HIGH} + ${carryOut('r', 'b')}) | 0;`);
  }

  // ---- flags ----

  /** What is not ordinary for the text behind the cases. Logic leaves a comparison of its result with 0: so conditions behind it are those of comparisons. */
  override flags(kind: number, outcome: Outcome): void {
    const { result } = outcome;
    if (kind === LOGIC) this.pending = { kind: SUB, outcome: { a: result, b: '0', result } };
    else if (this.form.bits === 64 && (kind === INC || kind === DEC)) super.flags(kind, outcome);
    else this.pending = { kind, outcome };
  }
  private leaveFlags({ kind, outcome }: { kind: number; outcome: Outcome }): void {
    const isLong = this.form.bits === 64;
    const give = (name: string, value: Value | undefined) => {
      if (value === undefined || value === name) return;
      this.say(`${name} = ${value};`);
      if (isLong && (name !== 'b' || kind !== EXPLICIT)) this.say(`${name}h = ${this.high(value)};`);
    };
    // What explicit flags are computed from may be in `r`.
    if (kind === EXPLICIT) give('b', outcome.b);
    give('r', outcome.result);
    if (isLong) this.pair('r', 'rh');
    if (kind !== EXPLICIT) give('b', outcome.b);
    give('a', outcome.a === outcome.result ? 'r' : outcome.a);
    if (isLong && kind === EXPLICIT) this.say('break explicitFlags;');
    else if (isLong) this.say(`c = ${LONG_KINDS[kind]}; break longFlags;`);
    else this.say(`c = ${this.kindWord(kind)}; break flags;`);
  }
  override changeFlags(mask: number, value: Value): void {
    this.say(`b = ${value}; c = ${~mask}; break changedFlags;`);
    this.ended = true;
  }
  override condition(cc?: number): Value {
    if (cc === undefined) return SHARED_TRUTH;
    if ([1, 3, 6, 7].includes(cc >> 1)) this.say(COMPARED_VALUES);
    const call = `conditionOf(R, ${cc})`,
      not = (cc & 1) === 1;
    const sign = (text: Value, or = ''): Value =>
      not
        ? `${text} >= 0${or === '' ? '' : ` && ${or.replace('===', '!==')}`}`
        : `${text} < 0${or === '' ? '' : ` || ${or}`}`;
    switch (cc >> 1) {
      case 1:
        return `(${COMPARED} ? ${sign(CARRY)} : ${call})`;
      case 2:
        return `R[${FR}] ${not ? '!==' : '==='} 0`;
      case 3:
        return `(${COMPARED} ? ${sign(CARRY, 'z === 0')} : ${call})`;
      case 4:
        return `(R[${FK}] !== ${ALL} ? ${sign(`R[${FR}]`)} : ${call})`;
      case 6:
        return `(${COMPARED} ? ${sign(LESS)} : ${call})`;
      case 7:
        return `(${COMPARED} ? ${sign(LESS, 'z === 0')} : ${call})`;
      default:
        return call;
    }
  }
  override truth(condition: Value): Value {
    this.say(COMPARED_VALUES);
    return condition;
  }
  /** By a mask, behind the cases: a branch would be one that data decide. A register of 32 bits has no high half whether it gets the value or not. */
  override choose(_condition: Value, value: Value): void {
    const register = this.operandRegister(0, 32);
    if (this.form.bits === 32) this.say(`${this.highWord(register)} = 0; bh = 0;`);
    if (value !== 'b') throw new Error(`${this.form.name}: the value is ${value}`);
    this.say('break choose;');
    this.ended = true;
  }

  override finish(): string {
    if (this.ended) return this.text;
    if (this.pending === null) return `${this.text}${NEXT_RECORD}`;
    this.leaveFlags(this.pending);
    return this.text;
  }
}

/** Text behind the cases: CMOVcc of `b` to register `q`; PUSH of `a`; an indirect branch to `t` with the stack pointer in `a`. */
const LONG_CHOOSE = `${COMPARED_VALUES} c = -${SHARED_TRUTH}; R[q] = R[q] ^ (R[q] ^ b) & c; R[q + ${HIGH}] = R[q + ${HIGH}] ^ (R[q + ${HIGH}] ^ bh) & c; ${NEXT_RECORD}`;
const LONG_PUSH = `t = (${registerText(ESP, 32)} - 8) | 0; th = ${registerText(ESP + HIGH, 32)}; ${find('TW', ' | (t === -8 | 0)').replace('break;', 'break slow;')}M4[h] = a; M4[h + 1] = ah; ${registerText(ESP, 32)} = t; ${NEXT_RECORD}`;
const LONG_LOOK = `${code('t', 'th')}if (q === 0) break slow; ${registerText(ESP, 32)} = a; ${registerText(ESP + HIGH, 32)} = ah; ${PAGE} = t & -4096; ${PAGE_HIGH} = th; p = q; continue;`;
/** … CF and OF, or CF, in `b`; the others, which \`c\` masks, stay. */
const CHANGED_FLAGS = `if (R[${FK}] !== ${ALL} && (R[${FK}] & 15) !== ${EXPLICIT}) { R[${FB}] = arithmeticOf(R); R[${FK}] = ${ALL}; } R[${FB}] = R[${FB}] & c | b; ${NEXT_RECORD}`;
/** Flags of 64 bits, of kind `c`; those that `b` says, as one word that is 0 where the result is, with its sign and its lowest byte; of fewer bits. */
const LONG_FLAGS = `R[${FK}] = c; R[${FA}] = ah; R[${FA + HIGH}] = a; R[${FB}] = bh; R[${FB + HIGH}] = b; R[${FR}] = rh | (r | -r) >>> 31; R[${FR + HIGH}] = r; ${NEXT_RECORD}`;
const EXPLICIT_FLAGS = `t = r | rh; R[${FK}] = ${EXPLICIT}; R[${FB}] = b; R[${FR}] = rh & -2147483648 | r & 255 | (t | -t) >>> 31 << 8; ${NEXT_RECORD}`;
const SHORT_FLAGS = `R[${FK}] = c; R[${FA}] = a; R[${FB}] = b; R[${FR}] = r; ${NEXT_RECORD}`;

/** Moves of 16 bytes. */
export class LongUnitEmitter extends WideUnitEmitter {
  /** Of the operand in memory. */
  bytes = 0;
  writes = false;
  override reach(alignment: number, write: boolean): Reached {
    this.bytes = alignment;
    this.writes = write;
    this.say('h = h >>> 2;');
    return { linear: 't', words: 'M4', first: 'h' };
  }
}

/** Records that represent no instruction: on to another record of the page; to the next page. */
export const LONG_STUBS: Record<string, string> = {
  goto: `n = (n + 1) | 0; if ((q = ${record.target}) === 0) break; p = q; continue;`,
  cross: `n = (n + 1) | 0; t = (${PAGE} + 4096) | 0; th = ${PAGE_HIGH}; if (t === 0) break; ${code('t', 'th')}if (q === 0) break; ${PAGE} = t; p = q; continue;`,
};

/** Text behind the cases: a direct branch out of its page. */
const LONG_FAR = `${DIRECT}${PAGE} = t & -4096; p = q; continue;`;

/** What follows the cases, by the label that leads there. */
export const LONG_TAILS: readonly (readonly [label: string, text: string])[] = [
  ['far', LONG_FAR],
  ['look', LONG_LOOK],
  ['push', LONG_PUSH],
  ['choose', LONG_CHOOSE],
  ['changedFlags', CHANGED_FLAGS],
  ['explicitFlags', EXPLICIT_FLAGS],
  ['longFlags', LONG_FLAGS],
  ['flags', SHORT_FLAGS],
];

/** RIP of the record under way. */
export const RECORD_RIP = `R[${EIP}] = (${PAGE} + ${OFFSET}) | 0; R[${EIP + HIGH}] = ${PAGE_HIGH} + (R[${EIP}] === 0 && ${OFFSET} === 4096 | 0); S[${S_PAGE_EIP}] = ${PAGE};`;
/** After another record was found by RIP. */
export const ENTERED = `${PAGE} = S[${S_PAGE_EIP}]; ${PAGE_HIGH} = R[${EIP + HIGH}];`;

const BYTES = 'r8 m8',
  REGISTERS = 'r32 r64',
  WORDS = 'r32 m32 r64 m64';
/** Forms of 64-bit code that have a case, by op: place of the ModRM operand (r: also where there is none, m memory) and size of operand 0, or size and places. */
export const LONG_CASES: Readonly<Record<string, string>> = {
  nop: 'r16 r32 r64',
  mov: `${BYTES} r16 m16 ${WORDS}`,
  movzx: 'r32 m32 r64',
  movsx: WORDS,
  movsxd: 'r64 m64',
  lea: 'm32 m64',
  xchg: REGISTERS,
  cbw: REGISTERS,
  cwd: REGISTERS,
  setcc: 'r8',
  cmovcc: WORDS,
  push: 'r64 m64',
  pop: 'r64',
  jmp: 'r64',
  jcc: 'r64',
  call: 'r64',
  ret: 'r64',
  jmpind: 'r64 m64',
  callind: 'r64 m64',
  add: `r8 ${WORDS}`,
  or: `${BYTES} ${WORDS}`,
  adc: REGISTERS,
  sbb: REGISTERS,
  and: `${BYTES} ${WORDS}`,
  sub: WORDS,
  xor: `r8 ${WORDS}`,
  cmp: `${BYTES} r16 m16 ${WORDS}`,
  test: `${BYTES} r32 m32 r64`,
  inc: WORDS,
  dec: WORDS,
  neg: REGISTERS,
  not: REGISTERS,
  shl: REGISTERS,
  shr: REGISTERS,
  sar: REGISTERS,
  rol: '32.ri 64.ri',
  ror: '32.ri 64.ri',
  mul: REGISTERS,
  imul: 'r32 m32 r64',
  bt: REGISTERS,
  bsf: REGISTERS,
  bsr: REGISTERS,
  bswap: REGISTERS,
};
