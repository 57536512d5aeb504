/**
 * The commonest x87 instructions as plain functions, which the interpreter's switch (gen/fpu.ts) calls directly: half the time of a call through
 * the table of functions. Each returns false, having changed nothing, when the instruction is anything but ordinary (an exception pending, CR0.EM or TS, an empty or
 * full stack, a special value to convert); the instruction's Op then does it from the start.
 */
import { ALL } from '../architecture/flags.ts';
import { S_PAGE_EIP } from '../scratch.ts';
import { DISP, IMM, SRC } from '../ops/context.ts';
import { CR0, CS, FB, FCS, FCW, FDP, FDS, FIP, FK, FPR, FR, FSW, FTW, SEG, SEG_SELECTOR, SEG_WORDS } from '../architecture/registers.ts';
import type { Row } from '../table/row.ts';
import {
  ADD, addExtended, compareExtended, DIVIDE, divideExtended, EQUAL, fromDouble, fromInteger, fromSingle, LESS, MEMORY, MULTIPLY, multiplyExtended, SUBTRACT, toDouble, toSingle, UNORDERED,
} from './extended.ts';
import { C1, OUT, W } from './softfloat.ts';

/** Operation of the arithmetic forms: ADD to DIVIDE of extended.ts, and these. */
const REVERSED = 4, TO_STI = 8, POP = 16;

const OPERATIONS: Record<string, number> = {
  fadd: ADD, fsub: SUBTRACT, fmul: MULTIPLY, fdiv: DIVIDE, fsubr: SUBTRACT | REVERSED, fdivr: DIVIDE | REVERSED,
};

// What a record's IMM holds. On registers: below 32 an operation.
const LOAD = 32, EXCHANGE = 33, STORE = 34, STORE_POP = 35, ONE = 36, ZERO = 37, CHANGE_SIGN = 38, CLEAR_SIGN = 39;
const REGISTER_FORMS: Record<string, number> = { fld: LOAD, fxch: EXCHANGE, fst: STORE, fstp: STORE_POP, fld1: ONE, fldz: ZERO, fchs: CHANGE_SIGN, fabs: CLEAR_SIGN };
// From memory: an operation (on a double, or SINGLE), or a load.
const SINGLE = 8, LOAD_DOUBLE = 16, LOAD_SINGLE = 17, LOAD_INTEGER = 18;
// To memory.
const STORE_DOUBLE = 2;
// FCOMI and its relatives.
const POPS = 1, QUIET = 2;
const COMPARISONS: Record<string, number> = { fcomi: 0, fcomip: POPS, fucomi: QUIET, fucomip: QUIET | POPS };

/** Cases of the interpreter's switch and their functions. Most stand for several instructions, whose records hold in IMM which. */
export const HOT_X87 = {
  'x87.add': 'hotAdd', 'x87.subtract': 'hotSubtract', 'x87.multiply': 'hotMultiply', 'x87.divide': 'hotDivide', 'x87.exchange': 'hotExchange',
  'x87.loadRegister': 'hotLoadRegister', 'x87.storeRegister': 'hotStoreRegister', 'x87.register': 'hotRegister', 'x87.compare': 'hotCompare',
} as const;
export const HOT_X87_READS = { 'x87.load': 'hotLoad' } as const;
export const HOT_X87_WRITES = { 'x87.store': 'hotStore' } as const;
export type HotCase = keyof typeof HOT_X87 | keyof typeof HOT_X87_READS | keyof typeof HOT_X87_WRITES;

const ARITHMETIC_CASES = ['x87.add', 'x87.subtract', 'x87.multiply', 'x87.divide'] as const;

/** Case of a row, '' if it has none. `memory`: it has a memory operand. */
export function hotX87Case(row: Row, memory: boolean): HotCase | '' {
  const code = hotX87Code(row, memory);
  if (code < 0) return '';
  if (memory) return row.op === 'fst' || row.op === 'fstp' ? 'x87.store' : 'x87.load';
  if (row.op in COMPARISONS) return 'x87.compare';
  if (code < LOAD) return ARITHMETIC_CASES[code & 3];
  return code === LOAD ? 'x87.loadRegister' : code === EXCHANGE ? 'x87.exchange' : code === STORE || code === STORE_POP ? 'x87.storeRegister' : 'x87.register';
}

/**
 * Makes `p` the record of such a row, which lies at `offset` in its page: IMM says which instruction it is; where it is and the word of its operand's
 * selector go where the switch finds them without another cache line: to SRC, or on registers to DISP.
 */
export function fillHotX87(A: Int32Array, p: number, row: Row, memory: boolean, offset: number, segment: number): void {
  A[p + IMM] = hotX87Code(row, memory);
  if (memory) A[p + SRC] = offset | SEG + segment * SEG_WORDS + SEG_SELECTOR << 16;
  else A[p + DISP] = offset;
}

/** What kind of instruction; -1: none that has a case. */
function hotX87Code(row: Row, memory: boolean): number {
  const { op, operands } = row;
  if (memory) {
    const format = operands[0];
    if (format === 'Mi32') return op === 'fild' ? LOAD_INTEGER : -1;
    if (format !== 'Mf64' && format !== 'Mf32') return -1;
    if (op in OPERATIONS) return OPERATIONS[op] | (format === 'Mf32' ? SINGLE : 0);
    if (op === 'fld') return format === 'Mf64' ? LOAD_DOUBLE : LOAD_SINGLE;
    return op === 'fst' || op === 'fstp' ? (format === 'Mf64' ? STORE_DOUBLE : 0) | (op === 'fstp' ? POPS : 0) : -1;
  }
  if (op in OPERATIONS) return OPERATIONS[op] | (operands[0] === 'STi' ? TO_STI : 0);
  const popping = op.endsWith('p') ? OPERATIONS[op.slice(0, -1)] : undefined;
  return popping !== undefined ? popping | TO_STI | POP : REGISTER_FORMS[op] ?? COMPARISONS[op] ?? -1;
}

/** CR0.EM and TS; FSW.ES. */
const CR0_STOP = 12, STATUS_STOP = 0x80;
const TOP_AND_C1 = 0x3a00;
const CODE_SELECTOR = SEG + CS * SEG_WORDS + SEG_SELECTOR;

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

/** Arithmetic on ST(0) and a double or single in memory. */
function arithmeticMemory(R: Int32Array, operation: number, memory: Int32Array, h: number): boolean {
  const status = R[FSW], top = status >> 11 & 7;
  if ((R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (R[FTW] >> top & 1) === 0) return false;
  if (((operation & SINGLE) === 0 ? fromDouble(R, MEMORY, memory[h], memory[h + 1]) : fromSingle(R, MEMORY, memory[h])) !== 0) return false;
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
  R[d] = 0; R[d + 1] = exponent === 0 ? 0 : -0x80000000; R[d + 2] = exponent;
  pushed(R, to);
  return true;
}

/** FST, FSTP m64: to words h, h + 1 of memory. */
function storeDouble(R: Int32Array, memory: Int32Array, h: number, pops: number): boolean {
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
function storeSingle(R: Int32Array, memory: Int32Array, h: number, pops: number): boolean {
  const status = R[FSW], top = status >> 11 & 7;
  if ((R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (R[FTW] >> top & 1) === 0) return false;
  const flags = toSingle(R, FPR + top * 4);
  if (flags < 0 || (flags & ~R[FCW] & 0x3f) !== 0) { R[FSW] = status; return false; }
  memory[h] = W[OUT];
  R[FSW] = status & ~C1 | flags;
  if (pops !== 0) popped(R, top);
  return true;
}

/** FCHS (`flip` 8000h, `keep` FFFFh) and FABS (0, 7FFFh). */
function changeSign(R: Int32Array, flip: number, keep: number): boolean {
  const status = R[FSW], top = status >> 11 & 7, a = FPR + top * 4 + 2;
  if ((R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (R[FTW] >> top & 1) === 0) return false;
  R[a] = (R[a] ^ flip) & keep;
  R[FSW] = status & ~C1;
  return true;
}

// ---- cases of the interpreter's switch; `p` is the record, `S` the engine's scratch state ----

/** The x87's instruction pointer (SDM vol. 1, 8.1.8), after an instruction on registers. */
function leaveAddress(R: Int32Array, A: Int32Array, S: Int32Array, p: number): void {
  R[FIP] = S[S_PAGE_EIP] + A[p + DISP]; R[FCS] = R[CODE_SELECTOR];
}

/** … and the operand pointer, after one on memory; the segment is flat. */
function leaveOperand(R: Int32Array, A: Int32Array, S: Int32Array, p: number, linear: number): void {
  const place = A[p + SRC];
  R[FIP] = S[S_PAGE_EIP] + (place & 0xffff); R[FCS] = R[CODE_SELECTOR];
  R[FDP] = linear; R[FDS] = R[place >>> 16 & 1023];
}

/** True if ST(0) and ST(i) can be worked on. */
function ordinary(R: Int32Array, i: number): boolean {
  const status = R[FSW], top = status >> 11 & 7, used = R[FTW];
  return (R[CR0] & CR0_STOP | status & STATUS_STOP) === 0 && (used >> top & used >> (top + i & 7) & 1) !== 0;
}

// Four functions for arithmetic on ST(0) and ST(i), so that none has to ask which operation it is.

export function hotAdd(R: Int32Array, A: Int32Array, S: Int32Array, p: number): boolean {
  const i = A[p + SRC];
  if (!ordinary(R, i)) return false;
  leaveAddress(R, A, S, p);
  const operation = A[p + IMM], top = R[FSW] >> 11 & 7, x = FPR + top * 4, y = FPR + (top + i & 7) * 4;
  if (addExtended(R, (operation & TO_STI) !== 0 ? y : x, x, y, 0) && (operation & POP) !== 0) popped(R, top);
  return true;
}

export function hotSubtract(R: Int32Array, A: Int32Array, S: Int32Array, p: number): boolean {
  const i = A[p + SRC];
  if (!ordinary(R, i)) return false;
  leaveAddress(R, A, S, p);
  const operation = A[p + IMM], top = R[FSW] >> 11 & 7, x = FPR + top * 4, y = FPR + (top + i & 7) * 4;
  const d = (operation & TO_STI) !== 0 ? y : x, a = (operation & REVERSED) === 0 ? d : x + y - d;
  if (addExtended(R, d, a, x + y - a, 0x8000) && (operation & POP) !== 0) popped(R, top);
  return true;
}

export function hotMultiply(R: Int32Array, A: Int32Array, S: Int32Array, p: number): boolean {
  const i = A[p + SRC];
  if (!ordinary(R, i)) return false;
  leaveAddress(R, A, S, p);
  const operation = A[p + IMM], top = R[FSW] >> 11 & 7, x = FPR + top * 4, y = FPR + (top + i & 7) * 4;
  if (multiplyExtended(R, (operation & TO_STI) !== 0 ? y : x, x, y) && (operation & POP) !== 0) popped(R, top);
  return true;
}

export function hotDivide(R: Int32Array, A: Int32Array, S: Int32Array, p: number): boolean {
  const i = A[p + SRC];
  if (!ordinary(R, i)) return false;
  leaveAddress(R, A, S, p);
  const operation = A[p + IMM], top = R[FSW] >> 11 & 7, x = FPR + top * 4, y = FPR + (top + i & 7) * 4;
  const d = (operation & TO_STI) !== 0 ? y : x, a = (operation & REVERSED) === 0 ? d : x + y - d;
  if (divideExtended(R, d, a, x + y - a) && (operation & POP) !== 0) popped(R, top);
  return true;
}

/** FXCH ST(i). */
export function hotExchange(R: Int32Array, A: Int32Array, S: Int32Array, p: number): boolean {
  const i = A[p + SRC];
  if (!ordinary(R, i)) return false;
  leaveAddress(R, A, S, p);
  const top = R[FSW] >> 11 & 7, a = FPR + top * 4, b = FPR + (top + i & 7) * 4, low = R[a], high = R[a + 1], sign = R[a + 2];
  R[a] = R[b]; R[a + 1] = R[b + 1]; R[a + 2] = R[b + 2];
  R[b] = low; R[b + 1] = high; R[b + 2] = sign;
  R[FSW] &= ~C1;
  return true;
}

/** FLD ST(i). */
export function hotLoadRegister(R: Int32Array, A: Int32Array, S: Int32Array, p: number): boolean {
  const to = room(R), from = to + 1 + A[p + SRC] & 7;
  if (to < 0 || (R[FTW] >> from & 1) === 0) return false;
  leaveAddress(R, A, S, p);
  const d = FPR + to * 4, s = FPR + from * 4;
  R[d] = R[s]; R[d + 1] = R[s + 1]; R[d + 2] = R[s + 2];
  pushed(R, to);
  return true;
}

/** FST, FSTP ST(i). */
export function hotStoreRegister(R: Int32Array, A: Int32Array, S: Int32Array, p: number): boolean {
  if (!ordinary(R, 0)) return false;
  leaveAddress(R, A, S, p);
  const status = R[FSW], top = status >> 11 & 7, to = top + A[p + SRC] & 7, d = FPR + to * 4, s = FPR + top * 4;
  R[d] = R[s]; R[d + 1] = R[s + 1]; R[d + 2] = R[s + 2];
  R[FTW] |= 1 << to;
  R[FSW] = status & ~C1;
  if (A[p + IMM] === STORE_POP) popped(R, top);
  return true;
}

/** Other instructions on registers. */
export function hotRegister(R: Int32Array, A: Int32Array, S: Int32Array, p: number): boolean {
  let done: boolean;
  switch (A[p + IMM]) {
    case ONE: done = constant(R, 0x3fff); break;
    case ZERO: done = constant(R, 0); break;
    case CHANGE_SIGN: done = changeSign(R, 0x8000, 0xffff); break;
    default: done = changeSign(R, 0, 0x7fff);
  }
  if (done) leaveAddress(R, A, S, p);
  return done;
}

/** True for a quadword whose second half lies in the next page. */
const crosses = (linear: number): boolean => (linear & 4095) === 4092;

/** Those that read memory: word h (and the next one), which lies at `linear`, on a multiple of 4. */
export function hotLoad(R: Int32Array, A: Int32Array, S: Int32Array, p: number, memory: Int32Array, h: number, linear: number): boolean {
  const code = A[p + IMM];
  if (crosses(linear)) return false;
  let done: boolean;
  if (code === LOAD_DOUBLE) done = loadDouble(R, memory[h], memory[h + 1]);
  else if (code < LOAD_DOUBLE) done = arithmeticMemory(R, code, memory, h);
  else done = code === LOAD_SINGLE ? loadSingle(R, memory[h]) : loadInteger(R, memory[h]);
  if (done) leaveOperand(R, A, S, p, linear);
  return done;
}

/** Those that write memory. */
export function hotStore(R: Int32Array, A: Int32Array, S: Int32Array, p: number, memory: Int32Array, h: number, linear: number): boolean {
  const code = A[p + IMM];
  if (crosses(linear)) return false;
  const done = (code & STORE_DOUBLE) !== 0 ? storeDouble(R, memory, h, code & POPS) : storeSingle(R, memory, h, code & POPS);
  if (done) leaveOperand(R, A, S, p, linear);
  return done;
}

/** FCOMI, FUCOMI and with a pop; sets the arithmetic flags as `Core.setFlags` does. */
export function hotCompare(R: Int32Array, A: Int32Array, S: Int32Array, p: number): boolean {
  const code = A[p + IMM], status = R[FSW], top = status >> 11 & 7, other = top + A[p + SRC] & 7, used = R[FTW];
  if ((R[CR0] & CR0_STOP | status & STATUS_STOP) !== 0 || (used >> top & used >> other & 1) === 0) return false;
  const order = compareExtended(R, FPR + top * 4, FPR + other * 4, (code & QUIET) !== 0, 0, C1);
  if (order < 0) { R[FSW] = status; return false; }
  if ((code & POPS) !== 0) popped(R, top);
  R[FK] = ALL; R[FB] = order === LESS ? 1 : order === EQUAL ? 0x40 : order === UNORDERED ? 0x45 : 0; R[FR] = order === EQUAL || order === UNORDERED ? 0 : 1;
  leaveAddress(R, A, S, p);
  return true;
}
