/**
 * What the commonest x87 and SSE instructions do where all is ordinary, described once like those of semantics.ts: against an emitter, which writes the text
 * of the flat switch or of a compiled region. What is not ordinary *leaves*: the instruction has then not begun, and the row's function in src/cpu/fpu does it
 * from the start, exceptions and all. That function is these instructions' general one. Numbers of 80 bits are worked on by functions of
 * fpu/hot.ts, which are handed values: no record, no layout of a tier.
 */
import {
  CHANGE_SIGN,
  CLEAR_SIGN,
  LOAD_DOUBLE,
  LOAD_INTEGER,
  LOAD_SINGLE,
  ONE,
  POP,
  POPS,
  QUIET,
  REVERSED,
  SINGLE,
  STORE_DOUBLE,
  TO_STI,
  ZERO,
} from '../fpu/hot.ts';
import type * as hot from '../fpu/hot.ts';
import { ADD, DIVIDE, MULTIPLY, SUBTRACT } from '../fpu/extended.ts';
import { CR0, CR4 } from '../architecture/registers.ts';
import type { Row } from '../table/row.ts';
import type { Value } from './emitter.ts';

/** A function of fpu/hot.ts. The state's words come first among its parameters, those that a description names follow. */
export type HotFunction = {
  [K in keyof typeof hot]: (typeof hot)[K] extends (...values: never[]) => unknown ? K : never;
}[keyof typeof hot];

/** Memory that an instruction was found to reach: linear address, array of its 32-bit words, number of its first word there. */
export interface Reached {
  linear: Value;
  words: Value;
  first: Value;
}

/** What these descriptions are written against. Values are texts of expressions without side effects, as in emitter.ts. */
export interface UnitEmitter {
  /** Explicit operands: their codes in the row, and whether the one that ModRM may place in memory is there. */
  readonly row: Row;
  readonly memory: boolean;
  /**
   * A number that tells apart instructions whose text is otherwise the same. A tier that runs one text for them all finds it in the record; to a compiler it is
   * a constant.
   */
  which(number: number): Value;
  /** Number i of the operand ST(i). */
  stackNumber(): Value;
  /** EIP of the instruction itself; the state word of the selector in the memory operand's segment, which is flat. */
  instructionPointer(): Value;
  operandSelector(): Value;
  /** A word of the state: control registers, words of an XMM register. */
  state(word: Value): Value;
  /** First state word of the XMM register that ModRM.reg names. */
  xmm(): Value;
  /** Finds the memory operand, to read or to write it. Leaves unless the TLB knows it and it lies on a multiple of this many bytes. */
  reach(alignment: number, write: boolean): Reached;
  set(place: Value, value: Value): void;
  leaveIf(condition: Value): void;
  /** Calls a function; leaves if it says false. */
  attempt(name: HotFunction, ...values: Value[]): void;
  /** … and of one that gives a number: leaves if that is negative. */
  evaluate(name: HotFunction, ...values: Value[]): Value;
  /** All arithmetic flags, in the layout of EFLAGS; `result` is zero where ZF is set. Kind ALL of flags.ts. */
  allFlags(flags: Value, result: Value): void;
}

export type UnitDescription = (e: UnitEmitter) => void;

const ARITHMETIC = {
  [ADD]: 'hotAdd',
  [SUBTRACT]: 'hotSubtract',
  [MULTIPLY]: 'hotMultiply',
  [DIVIDE]: 'hotDivide',
} as const;
type Operation = keyof typeof ARITHMETIC;

const load = (e: UnitEmitter, number: number): void => {
  const which = e.which(number),
    { words, first, linear } = e.reach(4, false);
  e.attempt('hotLoad', words, first, linear, which, e.instructionPointer(), e.operandSelector());
};

/** `how`: REVERSED and POP. */
const arithmetic =
  (operation: Operation, how = 0): UnitDescription =>
  e => {
    const [target] = e.row.operands;
    if (e.memory) load(e, operation | how | (target === 'Mf32' ? SINGLE : 0));
    else
      e.attempt(
        ARITHMETIC[operation],
        e.stackNumber(),
        e.which(operation | how | (target === 'STi' ? TO_STI : 0)),
        e.instructionPointer(),
      );
  };

const store =
  (pops: number): UnitDescription =>
  e => {
    if (!e.memory) {
      e.attempt('hotStoreRegister', e.stackNumber(), e.which(pops), e.instructionPointer());
      return;
    }
    const which = e.which(pops | (e.row.operands[0] === 'Mf64' ? STORE_DOUBLE : 0)),
      { words, first, linear } = e.reach(4, true);
    e.attempt('hotStore', words, first, linear, which, e.instructionPointer(), e.operandSelector());
  };

const onTop =
  (operation: number): UnitDescription =>
  e =>
    e.attempt('hotRegister', e.which(operation), e.instructionPointer());

const compare =
  (how: number): UnitDescription =>
  e => {
    const flags = e.evaluate('hotCompare', e.stackNumber(), e.which(how), e.instructionPointer());
    e.allFlags(flags, `~${flags} >>> 6 & 1`);
  };

/** CR0.EM and TS; CR4.OSFXSR. */
const CR0_STOP = 12,
  OSFXSR = 512;

/** A move of 16 bytes of memory. Unaligned ones leave: an error to MOVAPS, to MOVUPS no more than rare. */
const move128: UnitDescription = e => {
  e.leaveIf(`(${e.state(String(CR0))} & ${CR0_STOP}) !== 0 || (${e.state(String(CR4))} & ${OSFXSR}) === 0`);
  const loads = e.row.operands[0]![0] === 'V',
    { words, first } = e.reach(16, !loads),
    register = e.xmm();
  for (let i = 0; i < 4; i++) {
    const half = e.state(`${register} + ${i}`),
      cell = `${words}[${first} + ${i}]`;
    if (loads) e.set(half, cell);
    else e.set(cell, half);
  }
};

/** By op. Which rows have cases is the row's `wide`. */
export const unitSemantics: Record<string, UnitDescription> = {
  fadd: arithmetic(ADD),
  fsub: arithmetic(SUBTRACT),
  fsubr: arithmetic(SUBTRACT, REVERSED),
  fmul: arithmetic(MULTIPLY),
  fdiv: arithmetic(DIVIDE),
  fdivr: arithmetic(DIVIDE, REVERSED),
  faddp: arithmetic(ADD, POP),
  fsubp: arithmetic(SUBTRACT, POP),
  fsubrp: arithmetic(SUBTRACT, REVERSED | POP),
  fmulp: arithmetic(MULTIPLY, POP),
  fdivp: arithmetic(DIVIDE, POP),
  fdivrp: arithmetic(DIVIDE, REVERSED | POP),
  fld: e => {
    if (e.memory) load(e, e.row.operands[0] === 'Mf64' ? LOAD_DOUBLE : LOAD_SINGLE);
    else e.attempt('hotLoadRegister', e.stackNumber(), e.instructionPointer());
  },
  fild: e => load(e, LOAD_INTEGER),
  fst: store(0),
  fstp: store(POPS),
  fxch: e => e.attempt('hotExchange', e.stackNumber(), e.instructionPointer()),
  fld1: onTop(ONE),
  fldz: onTop(ZERO),
  fchs: onTop(CHANGE_SIGN),
  fabs: onTop(CLEAR_SIGN),
  fcomi: compare(0),
  fcomip: compare(POPS),
  fucomi: compare(QUIET),
  fucomip: compare(QUIET | POPS),
  movups: move128,
  movupd: move128,
  movaps: move128,
  movapd: move128,
  movdqa: move128,
  movdqu: move128,
};

/** The description of a row's variant that is ordinary, if the row asks for a case. Rows of the x87 and of SSE name theirs as others do: 'm64', 'r80', 'm128'. */
export function unitDescription(row: Row, memory: boolean): UnitDescription | null {
  if ((memory && row.mod === 'r') || (!memory && row.mod === 'm')) return null;
  return row.wide?.split(' ').some(variant => variant[0] === (memory ? 'm' : 'r'))
    ? (unitSemantics[row.op] ?? null)
    : null;
}
