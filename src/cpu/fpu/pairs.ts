/**
 * The x87's stack for compiled regions: a number of 64 bits is the sum of two doubles, `high` nearest to it, which hold it exactly while its exponent is within
 * RANGE. A region works on pairs in locals (region/x87.ts) where doubles prove the rounded result, and comes here for the rest: to take the stack over, to
 * give it back, and for results that the proof does not cover. NaNs, infinities, denormals and large exponents make no pair: the region is left.
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
  DIVIDE,
  divideExtended,
  MULTIPLY,
  multiplyExtended,
  squareRootExtended,
} from './extended.ts';
import { C1, PE } from './softfloat.ts';

/** Exponents of pairs, biased as those of doubles: products and their errors stay far from the ends. */
export const LEAST = 623,
  MOST = 1423;
/** No offset of an instruction. */
export const NOWHERE = 0x7fffffff;
/** In PAIRS: four words for the operands and the result of `slow`, behind those of eight registers. */
export const OPERANDS = 16;
export const SQUARE_ROOT = 4;

/** Registers relative to ST(0) at the region's entry, high and low halves; then operands. */
const pairs = new Float64Array(20);
/** A double, its words, and the single in its low word. */
const double = new Float64Array(1),
  words = new Int32Array(double.buffer),
  single = new Float32Array(double.buffer);
/** By exponent: what rounds a low half to the last of 64 bits when it is added and taken off again; half of that bit. */
const rounder = new Float64Array(2048),
  half = new Float64Array(2048);
for (let e = LEAST - 1; e <= MOST + 1; e++) {
  rounder[e] = 1.5 * 2 ** (e - 1023 - 11);
  half[e] = 2 ** (e - 1023 - 64);
}

const STOP = 0x80,
  EM_TS = 12,
  CONTROL_MASK = 0xf3f,
  CONTROL = 0x33f;
/** Words of fpu/extended.ts's scratch. */
const A = FPR + 32,
  B = FPR + 36,
  D = FPR + 40;
const CODE_SELECTOR = SEG + CS * SEG_WORDS + SEG_SELECTOR;

/** Puts the number at words `from` into PAIRS; false: it makes no pair. */
function unpack(R: Int32Array, from: number, to: number): boolean {
  const high = R[from + 1]!,
    low = R[from]!,
    sign = R[from + 2]!,
    exponent = (sign & 0x7fff) - 15360;
  if (high < 0 && exponent >= LEAST && exponent <= MOST) {
    const top = (high >>> 0) * 0x100000000,
      h = top + (low >>> 0);
    const scale = (sign & 0x8000) !== 0 ? -half[exponent]! * 2 : half[exponent]! * 2;
    pairs[to] = h * scale;
    pairs[to + 1] = (top - h + (low >>> 0)) * scale;
    return true;
  }
  pairs[to] = (sign & 0x8000) !== 0 ? -0 : 0;
  pairs[to + 1] = 0;
  return (high | low | (sign & 0x7fff)) === 0;
}

/** The reverse. */
function pack(R: Int32Array, from: number, to: number): void {
  let h = pairs[from]!,
    l = pairs[from + 1]!;
  double[0] = h;
  const sign = (words[1]! >>> 16) & 0x8000;
  if (h === 0) {
    R[to] = 0;
    R[to + 1] = 0;
    R[to + 2] = sign;
    return;
  }
  let exponent = (words[1]! >>> 20) & 0x7ff;
  if (sign !== 0) {
    h = -h;
    l = -l;
  }
  // Below a power of two the leading bit is the next lower one.
  if (l < 0 && (words[0]! | (words[1]! & 0xfffff)) === 0) exponent--;
  // Both halves are multiples of the last bit.
  const scale = 1 / (2 * half[exponent]!),
    whole = h * scale;
  let high = Math.floor(whole / 0x100000000),
    low = whole - high * 0x100000000 + l * scale;
  if (low < 0) {
    low += 0x100000000;
    high--;
  }
  if (low >= 0x100000000) {
    low -= 0x100000000;
    high++;
  }
  R[to] = low | 0;
  R[to + 1] = high | 0;
  R[to + 2] = sign | (exponent + 15360);
}

const rotated = (tags: number, by: number): number => ((tags >>> by) | (tags << (8 - by))) & 255;

/**
 * Takes over the registers `used` (bits, relative to ST(0)). False unless the x87 is ready, rounds to the nearest of 64 bits with all exceptions masked, the
 * registers `full` hold something and those `empty` nothing, and all that hold something make pairs. Of one that is empty and makes none NaN says that it is not to be given back.
 */
export function enterPairs(R: Int32Array, full: number, empty: number, used: number): boolean {
  const status = R[FSW]!,
    top = (status >> 11) & 7,
    tags = rotated(R[FTW]!, top);
  if (
    ((R[CR0]! & EM_TS) | (status & STOP)) !== 0 ||
    (R[FCW]! & CONTROL_MASK) !== CONTROL ||
    (tags & full) !== full ||
    (tags & empty) !== 0
  )
    return false;
  for (let i = 0; i < 8; i++) {
    if (((used >> i) & 1) === 0 || unpack(R, FPR + ((top + i) & 7) * 4, i * 2)) continue;
    if (((tags >> i) & 1) !== 0) return false;
    pairs[i * 2] = NaN;
  }
  return true;
}

/**
 * Gives them back from PAIRS. `state`: bits 0-2 how far ST(0) moved, 4-11 registers that hold something, 12-19 those that hold nothing. `inexact`: PE. C1
 * says whether the result behind the operands' first place was rounded up, by the error in the first: exact less rounded. `offset` is that of the last
 * instruction in the page at `base` (NOWHERE: none ran); the last memory operand lay at `linear`, the word of its selector is `selector` (0: none did).
 */
export function leavePairs(
  R: Int32Array,
  used: number,
  state: number,
  inexact: number,
  offset: number,
  base: number,
  linear: number,
  selector: number,
): void {
  const error = pairs[OPERANDS]!,
    up = error !== 0 && error < 0 !== pairs[OPERANDS + 1]! < 0;
  const status = R[FSW]!,
    top = (status >> 11) & 7;
  for (let i = 0; i < 8; i++) {
    if (((used >> i) & 1) !== 0 && pairs[i * 2] === pairs[i * 2]) pack(R, i * 2, FPR + ((top + i) & 7) * 4);
  }
  const tags = (rotated(R[FTW]!, top) & ~((state >> 12) & 255)) | ((state >> 4) & 255);
  R[FTW] = rotated(tags, (8 - top) & 7);
  R[FSW] = (status & ~0x3800 & ~C1) | (((top + state) & 7) << 11) | inexact | (up ? C1 : 0);
  if (selector !== 0) {
    R[FDP] = linear;
    R[FDS] = R[selector]!;
  }
  if (offset !== NOWHERE) {
    R[FIP] = (base + offset) | 0;
    R[FCS] = R[CODE_SELECTOR]!;
  }
}

/** The result of an operation on the two operands in PAIRS, there too, exactly. C1, and PE in FSW; -1: it makes no pair, and nothing was done. */
export function slowPair(R: Int32Array, operation: number): number {
  const ah = pairs[OPERANDS]!,
    al = pairs[OPERANDS + 1]!,
    bh = pairs[OPERANDS + 2]!,
    bl = pairs[OPERANDS + 3]!;
  if (operation === ADD && (ah === 0 || bh === 0 || (ah === -bh && al === -bl))) {
    pairs[OPERANDS] = ah + bh;
    pairs[OPERANDS + 1] = al + bl;
    return 0;
  }
  if (operation === MULTIPLY && (ah === 0 || bh === 0)) {
    pairs[OPERANDS] = ah * bh;
    pairs[OPERANDS + 1] = 0;
    return 0;
  }
  const status = R[FSW]!;
  pack(R, OPERANDS, A);
  if (operation !== SQUARE_ROOT) pack(R, OPERANDS + 2, B);
  let done: boolean;
  switch (operation) {
    case ADD:
      done = addExtended(R, D, A, B, 0);
      break;
    case MULTIPLY:
      done = multiplyExtended(R, D, A, B);
      break;
    case DIVIDE:
      done = divideExtended(R, D, A, B);
      break;
    default:
      done = squareRootExtended(R, D, A);
  }
  if (done && unpack(R, D, OPERANDS) && ((R[FSW]! ^ status) & 0x3f & ~PE) === 0) return R[FSW]! & C1;
  R[FSW] = status;
  return -1;
}

/** What a region's text names. */
export const pairValues = {
  PAIRS: pairs,
  DOUBLE: double,
  WORDS: words,
  SINGLE: single,
  ROUNDER: rounder,
  HALF: half,
  enterPairs,
  leavePairs,
  slowPair,
};
