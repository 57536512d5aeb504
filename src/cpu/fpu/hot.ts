/**
 * The commonest x87 instructions as plain functions, for the interpreter's switch (gen/generate.ts) and for compiled code: called directly, without a
 * record. Each returns false, having changed nothing, when the instruction is anything but ordinary (an exception pending, CR0.EM or TS, an empty or
 * full stack, a special value to convert); the instruction's Op then does it from the start.
 */
import { CR0, FCW, FPR, FSW, FTW } from '../registers.ts';
import type { Row } from '../table/row.ts';
import {
  ADD, addExtended, compareExtended, DIVIDE, divideExtended, EQUAL, fromDouble, fromInteger, fromSingle, LESS, MEMORY, MULTIPLY, multiplyExtended, SUBTRACT, toDouble, toSingle, UNORDERED,
} from './extended.ts';
import { C1, OUT, W } from './softfloat.ts';

/** Operation of the arithmetic forms: ADD to DIVIDE of extended.ts, and these. */
export const REVERSED = 4, TO_STI = 8, POP = 16;

/** Arithmetic by mnemonic. */
export const X87_OPERATIONS: Record<string, number> = {
  fadd: ADD, fsub: SUBTRACT, fmul: MULTIPLY, fdiv: DIVIDE, fsubr: SUBTRACT | REVERSED, fdivr: DIVIDE | REVERSED,
};
/** Rows without a memory operand, and with one of a given format, that have a quick form; `EXTRA` tells those apart that share a function. */
const REGISTER_FORMS: Record<string, number> = {
  fld: 0, fxch: 0, fst: 0, fstp: 1, fld1: 0x3fff, fldz: 0, fchs: 0x8000, fabs: 0, fcomi: 0, fcomip: 1, fucomi: 2, fucomip: 3,
};
const MEMORY_FORMS: Record<string, string> = { Mf64: 'm64', Mf32: 'm32', Mi32: 'm32' };

/** Name of a row's case in the interpreter's switch, '' if it has none. `memory`: it has a memory operand; `flat`: one without segment arithmetic. */
export function hotX87Name(row: Row, memory: boolean, flat: boolean): string {
  const { op, operands } = row;
  if (memory) {
    const format = MEMORY_FORMS[operands[0]] ?? '';
    if (!flat || format === '') return '';
    if (op in X87_OPERATIONS) return format === 'm64' ? `${op}.m64` : '';
    return op === 'fld' || op === 'fst' || op === 'fstp' || op === 'fild' && format === 'm32' ? `${op}.${format}` : '';
  }
  if (op in X87_OPERATIONS) return operands[0] === 'STi' ? `${op}.sti` : `${op}.st0`;
  if (op.slice(0, -1) in X87_OPERATIONS) return op;
  return !(op in REGISTER_FORMS) ? '' : operands.length === 1 ? `${op}.sti` : op;
}

/** The word EXTRA of a record with such a case. */
export function hotX87Extra(row: Row): number {
  const { op, operands } = row;
  if (op in X87_OPERATIONS) return X87_OPERATIONS[op] | (operands[0] === 'STi' ? TO_STI : 0);
  const base = X87_OPERATIONS[op.slice(0, -1)];
  return base !== undefined ? base | TO_STI | POP : REGISTER_FORMS[op] ?? 0;
}

/** CR0.EM and TS; FSW.ES. */
const CR0_STOP = 12, STATUS_STOP = 0x80;
const TOP_AND_C1 = 0x3a00;

function calculate(R: Int32Array, operation: number, d: number, a: number, b: number): boolean {
  switch (operation & 3) {
    case ADD: return addExtended(R, d, a, b, 0);
    case MULTIPLY: return multiplyExtended(R, d, a, b);
    case SUBTRACT: return addExtended(R, d, a, b, 0x8000);
    default: return divideExtended(R, d, a, b);
  }
}

function popped(R: Int32Array, top: number): void {
  R[FTW] &= ~(1 << top);
  R[FSW] = R[FSW] & ~0x3800 | (top + 1 & 7) << 11;
}

/** FADD … FDIVRP on ST(0) and ST(i). */
export function hotArithmetic(R: Int32Array, operation: number, i: number): boolean {
  const status = R[FSW], top = status >> 11 & 7, other = top + i & 7, used = R[FTW];
  if ((R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (used >> top & used >> other & 1) === 0) return false;
  const x = FPR + top * 4, y = FPR + other * 4;
  const d = (operation & TO_STI) !== 0 ? y : x, s = x + y - d;
  if ((operation & REVERSED) === 0 ? calculate(R, operation, d, d, s) : calculate(R, operation, d, s, d)) {
    if ((operation & POP) !== 0) popped(R, top);
  }
  return true;
}

/** The same on ST(0) and a double in memory. */
export function hotArithmeticDouble(R: Int32Array, operation: number, low: number, high: number): boolean {
  const status = R[FSW], top = status >> 11 & 7;
  if ((R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (R[FTW] >> top & 1) === 0 || fromDouble(R, MEMORY, low, high) !== 0) return false;
  const d = FPR + top * 4;
  if ((operation & REVERSED) === 0) calculate(R, operation, d, d, MEMORY);
  else calculate(R, operation, d, MEMORY, d);
  return true;
}

/** The new top's number if a push can be ordinary, else -1. */
function room(R: Int32Array): number {
  const status = R[FSW], to = (status >> 11) - 1 & 7;
  return (R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (R[FTW] >> to & 1) !== 0 ? -1 : to;
}

function pushed(R: Int32Array, to: number): void {
  R[FTW] |= 1 << to;
  R[FSW] = R[FSW] & ~TOP_AND_C1 | to << 11;
}

/** FLD ST(i). */
export function hotLoad(R: Int32Array, i: number): boolean {
  const to = room(R), from = to + 1 + i & 7;
  if (to < 0 || (R[FTW] >> from & 1) === 0) return false;
  const d = FPR + to * 4, s = FPR + from * 4;
  R[d] = R[s]; R[d + 1] = R[s + 1]; R[d + 2] = R[s + 2];
  pushed(R, to);
  return true;
}

/** FLD m64. */
export function hotLoadDouble(R: Int32Array, low: number, high: number): boolean {
  const to = room(R);
  if (to < 0 || fromDouble(R, FPR + to * 4, low, high) !== 0) return false;
  pushed(R, to);
  return true;
}

/** FLD m32. */
export function hotLoadSingle(R: Int32Array, bits: number): boolean {
  const to = room(R);
  if (to < 0 || fromSingle(R, FPR + to * 4, bits) !== 0) return false;
  pushed(R, to);
  return true;
}

/** FILD m32. */
export function hotLoadInteger(R: Int32Array, value: number): boolean {
  const to = room(R);
  if (to < 0) return false;
  fromInteger(R, FPR + to * 4, value);
  pushed(R, to);
  return true;
}

/** FLD1, FLDZ: `exponent` 3FFFh or 0. */
export function hotConstant(R: Int32Array, exponent: number): boolean {
  const to = room(R);
  if (to < 0) return false;
  const d = FPR + to * 4;
  R[d] = 0; R[d + 1] = exponent === 0 ? 0 : -0x80000000; R[d + 2] = exponent;
  pushed(R, to);
  return true;
}

/** FST, FSTP ST(i). */
export function hotStore(R: Int32Array, i: number, pops: number): boolean {
  const status = R[FSW], top = status >> 11 & 7, to = top + i & 7;
  if ((R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (R[FTW] >> top & 1) === 0) return false;
  const d = FPR + to * 4, s = FPR + top * 4;
  R[d] = R[s]; R[d + 1] = R[s + 1]; R[d + 2] = R[s + 2];
  R[FTW] |= 1 << to;
  R[FSW] = status & ~C1;
  if (pops !== 0) popped(R, top);
  return true;
}

/** FST, FSTP m64: to words h, h + 1 of memory. */
export function hotStoreDouble(R: Int32Array, memory: Int32Array, h: number, pops: number): boolean {
  const status = R[FSW], top = status >> 11 & 7;
  if ((R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (R[FTW] >> top & 1) === 0) return false;
  const flags = toDouble(R, FPR + top * 4);
  // Unmasked exceptions are for the Op, which raises them again.
  if (flags < 0 || (flags & ~R[FCW] & 0x3f) !== 0) { R[FSW] = status; return false; }
  memory[h] = W[OUT]; memory[h + 1] = W[OUT + 1];
  R[FSW] = status & ~C1 | flags;
  if (pops !== 0) popped(R, top);
  return true;
}

/** FST, FSTP m32. */
export function hotStoreSingle(R: Int32Array, memory: Int32Array, h: number, pops: number): boolean {
  const status = R[FSW], top = status >> 11 & 7;
  if ((R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (R[FTW] >> top & 1) === 0) return false;
  const flags = toSingle(R, FPR + top * 4);
  if (flags < 0 || (flags & ~R[FCW] & 0x3f) !== 0) { R[FSW] = status; return false; }
  memory[h] = W[OUT];
  R[FSW] = status & ~C1 | flags;
  if (pops !== 0) popped(R, top);
  return true;
}

/** FXCH ST(i). */
export function hotExchange(R: Int32Array, i: number): boolean {
  const status = R[FSW], top = status >> 11 & 7, other = top + i & 7, used = R[FTW];
  if ((R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (used >> top & used >> other & 1) === 0) return false;
  const a = FPR + top * 4, b = FPR + other * 4, low = R[a], high = R[a + 1], sign = R[a + 2];
  R[a] = R[b]; R[a + 1] = R[b + 1]; R[a + 2] = R[b + 2];
  R[b] = low; R[b + 1] = high; R[b + 2] = sign;
  R[FSW] = status & ~C1;
  return true;
}

/** FCHS (`flip` 8000h, `keep` FFFFh) and FABS (0, 7FFFh). */
export function hotSign(R: Int32Array, flip: number, keep: number): boolean {
  const status = R[FSW], top = status >> 11 & 7, a = FPR + top * 4 + 2;
  if ((R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (R[FTW] >> top & 1) === 0) return false;
  R[a] = (R[a] ^ flip) & keep;
  R[FSW] = status & ~C1;
  return true;
}

/** FCOMI, FUCOMI and with a pop: EFLAGS bits, or -1. */
export function hotCompare(R: Int32Array, i: number, quiet: boolean, pops: number): number {
  const status = R[FSW], top = status >> 11 & 7, other = top + i & 7, used = R[FTW];
  if ((R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (used >> top & used >> other & 1) === 0) return -1;
  const order = compareExtended(R, FPR + top * 4, FPR + other * 4, quiet, 0, C1);
  if (order < 0) { R[FSW] = status; return -1; }
  if (pops !== 0) popped(R, top);
  return order === LESS ? 1 : order === EQUAL ? 0x40 : order === UNORDERED ? 0x45 : 0;
}
