/**
 * The commonest x87 instructions as plain functions of values: what their descriptions (gen/unit-semantics.ts) call, so that the interpreter's switch and
 * compiled regions need no call through the table of functions. Each returns false (the comparison -1), having changed nothing, when the instruction is
 * anything but ordinary (an exception pending, CR0.EM or TS, an empty or full stack, a special value to convert); the instruction's Op then does it.
 */
import {
  CR0,
  CS,
  FCS,
  FCW,
  FDP,
  FDS,
  FIP,
  FPR,
  FSW,
  FTW,
  SEG,
  SEG_SELECTOR,
  SEG_WORDS,
} from '../architecture/registers.ts';
import {
  ADD,
  addExtended,
  compareExtended,
  divideExtended,
  EQUAL,
  fromDouble,
  fromInteger,
  fromSingle,
  LESS,
  MEMORY,
  MULTIPLY,
  multiplyExtended,
  SUBTRACT,
  toDouble,
  toSingle,
  UNORDERED,
} from './extended.ts';
import { C1, OUT, W } from './softfloat.ts';

/** What `operation` says of arithmetic: ADD to DIVIDE of extended.ts, and these. */
export const REVERSED = 4;
/** On registers: the result goes to ST(i); the stack is popped. */
export const TO_STI = 8,
  POP = 16;
/** … on memory: the operand is a single. Otherwise it is loaded. */
export const SINGLE = 8,
  LOAD_DOUBLE = 16,
  LOAD_SINGLE = 17,
  LOAD_INTEGER = 18;
/** Of stores: they pop; of those to memory: a double. Of comparisons: they pop; a quiet NaN is no exception. */
export const POPS = 1,
  STORE_DOUBLE = 2,
  QUIET = 2;
/** Of `hotRegister`. */
export const ONE = 0,
  ZERO = 1,
  CHANGE_SIGN = 2,
  CLEAR_SIGN = 3;

/** CR0.EM and TS; FSW.ES. */
const CR0_STOP = 12,
  STATUS_STOP = 0x80;
const TOP_AND_C1 = 0x3a00;
const CODE_SELECTOR = SEG + CS * SEG_WORDS + SEG_SELECTOR;

function calculate(R: Int32Array, operation: number, d: number, a: number, b: number): boolean {
  switch (operation & 3) {
    case ADD:
      return addExtended(R, d, a, b, 0);
    case MULTIPLY:
      return multiplyExtended(R, d, a, b);
    case SUBTRACT:
      return addExtended(R, d, a, b, 0x8000);
    default:
      return divideExtended(R, d, a, b);
  }
}

function popped(R: Int32Array, top: number): void {
  R[FTW] &= ~(1 << top);
  R[FSW] = (R[FSW] & ~0x3800) | (((top + 1) & 7) << 11);
}

/** Arithmetic on ST(0) and a double or single in memory. */
function arithmeticMemory(R: Int32Array, operation: number, memory: Int32Array, h: number): boolean {
  const status = R[FSW],
    top = (status >> 11) & 7;
  if (((R[CR0] & CR0_STOP) | (status & STATUS_STOP)) !== 0 || ((R[FTW] >> top) & 1) === 0) return false;
  if (
    ((operation & SINGLE) === 0
      ? fromDouble(R, MEMORY, memory[h], memory[h + 1])
      : fromSingle(R, MEMORY, memory[h])) !== 0
  )
    return false;
  const d = FPR + top * 4;
  if ((operation & REVERSED) === 0) calculate(R, operation, d, d, MEMORY);
  else calculate(R, operation, d, MEMORY, d);
  return true;
}

/** The new top's number if a push can be ordinary, else -1. */
function room(R: Int32Array): number {
  const status = R[FSW],
    to = ((status >> 11) - 1) & 7;
  return ((R[CR0] & CR0_STOP) | (status & STATUS_STOP)) !== 0 || ((R[FTW] >> to) & 1) !== 0 ? -1 : to;
}

function pushed(R: Int32Array, to: number): void {
  R[FTW] |= 1 << to;
  R[FSW] = (R[FSW] & ~TOP_AND_C1) | (to << 11);
}

/** FLD m64. */
function loadDouble(R: Int32Array, low: number, high: number): boolean {
  const to = room(R);
  if (to < 0 || fromDouble(R, FPR + to * 4, low, high) !== 0) return false;
  pushed(R, to);
  return true;
}

/** FLD m32. */
function loadSingle(R: Int32Array, bits: number): boolean {
  const to = room(R);
  if (to < 0 || fromSingle(R, FPR + to * 4, bits) !== 0) return false;
  pushed(R, to);
  return true;
}

/** FILD m32. */
function loadInteger(R: Int32Array, value: number): boolean {
  const to = room(R);
  if (to < 0) return false;
  fromInteger(R, FPR + to * 4, value);
  pushed(R, to);
  return true;
}

/** FLD1, FLDZ: `exponent` 3FFFh or 0. */
function constant(R: Int32Array, exponent: number): boolean {
  const to = room(R);
  if (to < 0) return false;
  const d = FPR + to * 4;
  R[d] = 0;
  R[d + 1] = exponent === 0 ? 0 : -0x80000000;
  R[d + 2] = exponent;
  pushed(R, to);
  return true;
}

/** FST, FSTP m64: to words h, h + 1 of memory. */
function storeDouble(R: Int32Array, memory: Int32Array, h: number, pops: number): boolean {
  const status = R[FSW],
    top = (status >> 11) & 7;
  if (((R[CR0] & CR0_STOP) | (status & STATUS_STOP)) !== 0 || ((R[FTW] >> top) & 1) === 0) return false;
  const flags = toDouble(R, FPR + top * 4);
  // Unmasked exceptions are for the Op, which raises them again.
  if (flags < 0 || (flags & ~R[FCW] & 0x3f) !== 0) {
    R[FSW] = status;
    return false;
  }
  memory[h] = W[OUT];
  memory[h + 1] = W[OUT + 1];
  R[FSW] = (status & ~C1) | flags;
  if (pops !== 0) popped(R, top);
  return true;
}

/** FST, FSTP m32. */
function storeSingle(R: Int32Array, memory: Int32Array, h: number, pops: number): boolean {
  const status = R[FSW],
    top = (status >> 11) & 7;
  if (((R[CR0] & CR0_STOP) | (status & STATUS_STOP)) !== 0 || ((R[FTW] >> top) & 1) === 0) return false;
  const flags = toSingle(R, FPR + top * 4);
  if (flags < 0 || (flags & ~R[FCW] & 0x3f) !== 0) {
    R[FSW] = status;
    return false;
  }
  memory[h] = W[OUT];
  R[FSW] = (status & ~C1) | flags;
  if (pops !== 0) popped(R, top);
  return true;
}

/** FCHS (`flip` 8000h, `keep` FFFFh) and FABS (0, 7FFFh). */
function changeSign(R: Int32Array, flip: number, keep: number): boolean {
  const status = R[FSW],
    top = (status >> 11) & 7,
    a = FPR + top * 4 + 2;
  if (((R[CR0] & CR0_STOP) | (status & STATUS_STOP)) !== 0 || ((R[FTW] >> top) & 1) === 0) return false;
  R[a] = (R[a] ^ flip) & keep;
  R[FSW] = status & ~C1;
  return true;
}

// ---- what descriptions call: `eip` is the instruction's own ----

/** The x87's instruction pointer (SDM vol. 1, 8.1.8), after an instruction on registers. */
function leaveAddress(R: Int32Array, eip: number): void {
  R[FIP] = eip;
  R[FCS] = R[CODE_SELECTOR];
}

/** … and the operand pointer, after one on memory; the segment is flat, `selector` the word of its selector. */
function leaveOperand(R: Int32Array, eip: number, linear: number, selector: number): void {
  R[FIP] = eip;
  R[FCS] = R[CODE_SELECTOR];
  R[FDP] = linear;
  R[FDS] = R[selector & 1023];
}

/** True if ST(0) and ST(i) can be worked on. */
function ordinary(R: Int32Array, i: number): boolean {
  const status = R[FSW],
    top = (status >> 11) & 7,
    used = R[FTW];
  return ((R[CR0] & CR0_STOP) | (status & STATUS_STOP)) === 0 && ((used >> top) & (used >> ((top + i) & 7)) & 1) !== 0;
}

// Four functions for arithmetic on ST(0) and ST(i), so that none has to ask which operation it is.

export function hotAdd(R: Int32Array, i: number, operation: number, eip: number): boolean {
  if (!ordinary(R, i)) return false;
  leaveAddress(R, eip);
  const top = (R[FSW] >> 11) & 7,
    x = FPR + top * 4,
    y = FPR + ((top + i) & 7) * 4;
  if (addExtended(R, (operation & TO_STI) !== 0 ? y : x, x, y, 0) && (operation & POP) !== 0) popped(R, top);
  return true;
}

export function hotSubtract(R: Int32Array, i: number, operation: number, eip: number): boolean {
  if (!ordinary(R, i)) return false;
  leaveAddress(R, eip);
  const top = (R[FSW] >> 11) & 7,
    x = FPR + top * 4,
    y = FPR + ((top + i) & 7) * 4;
  const d = (operation & TO_STI) !== 0 ? y : x,
    a = (operation & REVERSED) === 0 ? d : x + y - d;
  if (addExtended(R, d, a, x + y - a, 0x8000) && (operation & POP) !== 0) popped(R, top);
  return true;
}

export function hotMultiply(R: Int32Array, i: number, operation: number, eip: number): boolean {
  if (!ordinary(R, i)) return false;
  leaveAddress(R, eip);
  const top = (R[FSW] >> 11) & 7,
    x = FPR + top * 4,
    y = FPR + ((top + i) & 7) * 4;
  if (multiplyExtended(R, (operation & TO_STI) !== 0 ? y : x, x, y) && (operation & POP) !== 0) popped(R, top);
  return true;
}

export function hotDivide(R: Int32Array, i: number, operation: number, eip: number): boolean {
  if (!ordinary(R, i)) return false;
  leaveAddress(R, eip);
  const top = (R[FSW] >> 11) & 7,
    x = FPR + top * 4,
    y = FPR + ((top + i) & 7) * 4;
  const d = (operation & TO_STI) !== 0 ? y : x,
    a = (operation & REVERSED) === 0 ? d : x + y - d;
  if (divideExtended(R, d, a, x + y - a) && (operation & POP) !== 0) popped(R, top);
  return true;
}

/** FXCH ST(i). */
export function hotExchange(R: Int32Array, i: number, eip: number): boolean {
  if (!ordinary(R, i)) return false;
  leaveAddress(R, eip);
  const top = (R[FSW] >> 11) & 7,
    a = FPR + top * 4,
    b = FPR + ((top + i) & 7) * 4,
    low = R[a],
    high = R[a + 1],
    sign = R[a + 2];
  R[a] = R[b];
  R[a + 1] = R[b + 1];
  R[a + 2] = R[b + 2];
  R[b] = low;
  R[b + 1] = high;
  R[b + 2] = sign;
  R[FSW] &= ~C1;
  return true;
}

/** FLD ST(i). */
export function hotLoadRegister(R: Int32Array, i: number, eip: number): boolean {
  const to = room(R),
    from = (to + 1 + i) & 7;
  if (to < 0 || ((R[FTW] >> from) & 1) === 0) return false;
  leaveAddress(R, eip);
  const d = FPR + to * 4,
    s = FPR + from * 4;
  R[d] = R[s];
  R[d + 1] = R[s + 1];
  R[d + 2] = R[s + 2];
  pushed(R, to);
  return true;
}

/** FST, FSTP ST(i). */
export function hotStoreRegister(R: Int32Array, i: number, pops: number, eip: number): boolean {
  if (!ordinary(R, 0)) return false;
  leaveAddress(R, eip);
  const status = R[FSW],
    top = (status >> 11) & 7,
    to = (top + i) & 7,
    d = FPR + to * 4,
    s = FPR + top * 4;
  R[d] = R[s];
  R[d + 1] = R[s + 1];
  R[d + 2] = R[s + 2];
  R[FTW] |= 1 << to;
  R[FSW] = status & ~C1;
  if (pops !== 0) popped(R, top);
  return true;
}

/** Other instructions on registers. */
export function hotRegister(R: Int32Array, operation: number, eip: number): boolean {
  let done: boolean;
  switch (operation) {
    case ONE:
      done = constant(R, 0x3fff);
      break;
    case ZERO:
      done = constant(R, 0);
      break;
    case CHANGE_SIGN:
      done = changeSign(R, 0x8000, 0xffff);
      break;
    default:
      done = changeSign(R, 0, 0x7fff);
  }
  if (done) leaveAddress(R, eip);
  return done;
}

/** True for a quadword whose second half lies in the next page. */
const crosses = (linear: number): boolean => (linear & 4095) === 4092;

/** Those that read memory: word h (and the next one), which lies at `linear`, on a multiple of 4. */
export function hotLoad(
  R: Int32Array,
  memory: Int32Array,
  h: number,
  linear: number,
  operation: number,
  eip: number,
  selector: number,
): boolean {
  if (crosses(linear)) return false;
  let done: boolean;
  if (operation === LOAD_DOUBLE) done = loadDouble(R, memory[h], memory[h + 1]);
  else if (operation < LOAD_DOUBLE) done = arithmeticMemory(R, operation, memory, h);
  else done = operation === LOAD_SINGLE ? loadSingle(R, memory[h]) : loadInteger(R, memory[h]);
  if (done) leaveOperand(R, eip, linear, selector);
  return done;
}

/** Those that write memory. */
export function hotStore(
  R: Int32Array,
  memory: Int32Array,
  h: number,
  linear: number,
  operation: number,
  eip: number,
  selector: number,
): boolean {
  if (crosses(linear)) return false;
  const done =
    (operation & STORE_DOUBLE) !== 0
      ? storeDouble(R, memory, h, operation & POPS)
      : storeSingle(R, memory, h, operation & POPS);
  if (done) leaveOperand(R, eip, linear, selector);
  return done;
}

/** FCOMI, FUCOMI and with a pop: the arithmetic flags that the order gives. */
export function hotCompare(R: Int32Array, i: number, operation: number, eip: number): number {
  const status = R[FSW],
    top = (status >> 11) & 7,
    other = (top + i) & 7,
    used = R[FTW];
  if (((R[CR0] & CR0_STOP) | (status & STATUS_STOP)) !== 0 || ((used >> top) & (used >> other) & 1) === 0) return -1;
  const order = compareExtended(R, FPR + top * 4, FPR + other * 4, (operation & QUIET) !== 0, 0, C1);
  if (order < 0) {
    R[FSW] = status;
    return -1;
  }
  if ((operation & POPS) !== 0) popped(R, top);
  leaveAddress(R, eip);
  return order === LESS ? 1 : order === EQUAL ? 0x40 : order === UNORDERED ? 0x45 : 0;
}
