/**
 * *Idea.* The x87 computes with 80 bits, which no JavaScript number holds. Values stay where they are, in the register words: operands and results are word
 * indexes in R (three words: significand low, high, sign and exponent), so no value ever becomes an object or a boxed number. Ordinary operands take a straight
 * path in 32-bit integers: the four operations, square root, comparison, loads and stores. Everything else (zeros, denormals, infinities, NaNs, invalid
 * encodings, results near the ends of the exponent range, other precision or rounding) goes to softfloat.ts. Measured (node 20, random operands, ns): add 32,
 * multiply 32, divide 90, square root 100, compare 22. Sources: SDM vol. 1, 8.1.5, 8.4, 8.5; table 4-7 (NaN results). A function that meets an unmasked invalid,
 * denormal or zero-divide exception returns false: flags are set and nothing else was done, so the instruction must not pop either (SDM vol. 1, 8.7).
 */
import { FCW, FPR, FSW } from '../architecture/registers.ts';
import {
  add,
  C1,
  compare,
  copySlot,
  DE,
  DENORMAL,
  divide,
  DROP_32,
  DROP_64,
  DROP_80,
  EXP,
  HIGH,
  IE,
  INFINITE,
  LOW,
  MAX_32,
  MAX_64,
  MAX_80,
  MIN_32,
  MIN_64,
  MIN_80,
  mulHigh,
  multiply,
  NORMAL,
  OUT,
  pack32,
  pack64,
  pack80,
  PE,
  QUIET,
  REST,
  round,
  setDefaultNan,
  setInfinity,
  setZero,
  SIGN,
  SIGNALING,
  squareRoot,
  unpack32,
  unpack64,
  unpack80,
  UNSUPPORTED,
  W,
  X,
  Y,
  Z,
  ZE,
  ZERO,
} from './softfloat.ts';

/** Words of R that hold a memory operand in extended form while an instruction runs. */
export const MEMORY = FPR + 32;

export const ADD = 0,
  SUBTRACT = 1,
  MULTIPLY = 2,
  DIVIDE = 3;

/** FSW: error summary and busy. */
const SUMMARY = 0x8080;
/** FCW: precision and rounding control. */
const PRECISION_SHIFT = 8,
  ROUNDING_SHIFT = 10;
/** Bits that precision control 0-3 takes off 64 (1 is reserved; processors take it as 64). */
const DROP = [DROP_32, DROP_80, DROP_64, DROP_80];

/** Sets exception flags, C1 (cleared if not given) and, for an unmasked one, the error summary. */
export function raise(R: Int32Array, flags: number): void {
  R[FSW] = (R[FSW] & ~C1) | flags | ((flags & ~R[FCW] & 0x3f) !== 0 ? SUMMARY : 0);
}

/** True if one of `flags` stops the instruction before it computes; it is then already raised. */
function stopped(R: Int32Array, flags: number): boolean {
  if ((flags & ~R[FCW] & (IE | DE | ZE)) === 0) return false;
  raise(R, flags);
  return true;
}

export function rounding(R: Int32Array): number {
  return (R[FCW] >> ROUNDING_SHIFT) & 3;
}

/** Writes slot o, which needs no rounding, to register words d. */
export function put(R: Int32Array, d: number, o: number): void {
  pack80(o);
  R[d] = W[OUT];
  R[d + 1] = W[OUT + 1];
  R[d + 2] = W[OUT + 2];
}

/** Rounds slot o (zero, infinity and NaN are left as they are) to `drop` bits less than 64, writes it to d and raises `flags` and what rounding adds. */
export function putRounded(R: Int32Array, d: number, o: number, drop: number, flags: number): boolean {
  if (W[o] === NORMAL || W[o] === DENORMAL)
    flags |= round(o, drop, MIN_80, MAX_80, (R[FCW] >> ROUNDING_SHIFT) & 3, R[FCW]);
  put(R, d, o);
  raise(R, flags);
  return true;
}

// How the next functions are written, for V8 and the processor under it: indexes are masked, so that adding to them needs no overflow check; every value
// stays a signed 32-bit integer (`| 0` after `>>>`: a variable that is signed on one path and unsigned on another becomes a double); what depends on the
// operands' bits (which is larger, carries, normalization by one place, rounding) is computed, since branches on it would be mispredicted half the time.
// (x << 1) << (31 - n) and (x >>> 1) >>> (31 - n) are shifts by 32 - n that also do for n = 0.

/** Rounds and stores a normalized result with the exponent e (biased) that may be out of range; `sign` is 0 or 0x8000. */
function finish(R: Int32Array, d: number, sign: number, e: number, h: number, l: number, rest: number): void {
  d &= 1023;
  const control = R[FCW];
  // Nearest, 64 bits, inexact masked; rounding up cannot leave the range.
  if ((control & 0xf20) === 0x320 && e > 0 && e < 0x7ffe) {
    const beyondHalf = rest << 1;
    const up = (rest >>> 31) & (((beyondHalf | -beyondHalf) >>> 31) | l);
    l = (l + up) | 0;
    if (l === 0 && up !== 0) {
      h = (h + 1) | 0;
      if (h === 0) {
        h = -0x80000000;
        e = (e + 1) | 0;
      }
    }
    R[d] = l;
    R[d + 1] = h;
    R[d + 2] = sign | e;
    R[FSW] = (R[FSW] & ~C1) | (((rest | -rest) >>> 31) << 5) | (up << 9);
    return;
  }
  W[Z] = NORMAL;
  W[Z + SIGN] = sign >> 15;
  W[Z + EXP] = e - 16383;
  W[Z + HIGH] = h;
  W[Z + LOW] = l;
  W[Z + REST] = rest;
  putRounded(R, d, Z, DROP[(control >> PRECISION_SHIFT) & 3], 0);
}

/** d = a + b (`negate` 0) or a - b (`negate` 0x8000). */
export function addExtended(R: Int32Array, d: number, a: number, b: number, negate: number): boolean {
  d &= 1023;
  a &= 1023;
  b &= 1023;
  let sa = R[a + 2],
    sb = R[b + 2] ^ negate,
    ah = R[a + 1],
    bh = R[b + 1];
  // (e + 1) & 0x7fff is above 1 for exponents that are neither 0 nor all ones.
  if ((ah & bh) >= 0 || ((sa + 1) & 0x7fff) <= 1 || ((sb + 1) & 0x7fff) <= 1)
    return special(R, d, a, b, negate === 0 ? ADD : SUBTRACT, 0);
  let al = R[a],
    bl = R[b],
    s = ((sa & 0x7fff) - (sb & 0x7fff)) | 0;
  // The larger exponent goes first.
  const swap = s >> 31;
  let t = (ah ^ bh) & swap;
  ah ^= t;
  bh ^= t;
  t = (al ^ bl) & swap;
  al ^= t;
  bl ^= t;
  t = (sa ^ sb) & swap;
  sa ^= t;
  sb ^= t;
  s = ((s ^ swap) - swap) | 0;
  let e = sa & 0x7fff,
    sign = sa & 0x8000,
    h: number,
    l: number,
    r: number;
  // b moves right by s; r takes what falls off, sticky at the end.
  if (s < 32) {
    r = (bl << 1) << (31 - s);
    bl = (bl >>> s) | ((bh << 1) << (31 - s));
    bh = (bh >>> s) | 0;
  } else {
    if (s < 64) r = s === 32 ? bl : (bl >>> (s - 32)) | (bh << (64 - s)) | (bl << (64 - s) !== 0 ? 1 : 0);
    else r = s === 64 ? bh | (bl !== 0 ? 1 : 0) : s < 96 ? (bh >>> (s - 64)) | 1 : 1;
    bl = s < 64 ? (bh >>> (s - 32)) | 0 : 0;
    bh = 0;
  }
  if (((sa ^ sb) & 0x8000) === 0) {
    l = (al + bl) | 0;
    h = (ah + bh + (((al & bl) | ((al | bl) & ~l)) >>> 31)) | 0;
    // k: a carry out of the top, as ah has its top bit set.
    const k = ((ah & bh) | ~h) >>> 31;
    r = (r >>> k) | (r & k) | ((l << 31) & -k);
    l = (l >>> k) | ((h << 31) & -k);
    h = (h >>> k) | (k << 31);
    e = (e + k) | 0;
  } else {
    l = (al - bl) | 0;
    h = (ah - bh - (((~al & bl) | ((~al | bl) & l)) >>> 31)) | 0;
    if (r !== 0) {
      r = -r | 0;
      if (l === 0) h = (h - 1) | 0;
      l = (l - 1) | 0;
    } else if (s === 0 && (ah >>> 0 < bh >>> 0 || (ah === bh && al >>> 0 < bl >>> 0))) {
      // Equal exponents, and b was the larger one.
      l = -l | 0;
      h = (~h + (l === 0 ? 1 : 0)) | 0;
      sign ^= 0x8000;
    }
    if (h === 0) {
      if ((l | r) === 0) {
        R[d] = 0;
        R[d + 1] = 0;
        R[d + 2] = (R[FCW] & 0xc00) === 0x400 ? 0x8000 : 0;
        R[FSW] &= ~C1;
        return true;
      }
      h = l;
      l = r;
      r = 0;
      e = (e - 32) | 0;
      if (h === 0) {
        h = l;
        l = 0;
        e = (e - 32) | 0;
      }
    }
    const n = Math.clz32(h);
    h = (h << n) | ((l >>> 1) >>> (31 - n));
    l = (l << n) | ((r >>> 1) >>> (31 - n));
    r <<= n;
    e = (e - n) | 0;
  }
  finish(R, d, sign, e, h, l, r);
  return true;
}

/** d = a * b. */
export function multiplyExtended(R: Int32Array, d: number, a: number, b: number): boolean {
  d &= 1023;
  a &= 1023;
  b &= 1023;
  const sa = R[a + 2],
    sb = R[b + 2],
    ah = R[a + 1],
    bh = R[b + 1];
  if ((ah & bh) >= 0 || ((sa + 1) & 0x7fff) <= 1 || ((sb + 1) & 0x7fff) <= 1) return special(R, d, a, b, MULTIPLY, 0);
  const al = R[a],
    bl = R[b],
    a2 = ah & 0xffff,
    a3 = ah >>> 16,
    b2 = bh & 0xffff,
    b3 = bh >>> 16;
  let m = (Math.imul(a3, b2) + (Math.imul(a2, b2) >>> 16)) | 0,
    o = (Math.imul(a2, b3) + (m & 0xffff)) | 0;
  let h = (Math.imul(a3, b3) + (m >>> 16) + (o >>> 16)) | 0,
    l = Math.imul(ah, bh),
    r = 0;
  if ((al | bl) !== 0) {
    // The other three products of two words, high words by 16-bit halves as above (mulHigh, spelt out).
    const a0 = al & 0xffff,
      a1 = al >>> 16,
      b0 = bl & 0xffff,
      b1 = bl >>> 16;
    m = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
    o = (Math.imul(a0, b1) + (m & 0xffff)) | 0;
    const lowHigh = (Math.imul(a1, b1) + (m >>> 16) + (o >>> 16)) | 0;
    m = (Math.imul(a1, b2) + (Math.imul(a0, b2) >>> 16)) | 0;
    o = (Math.imul(a0, b3) + (m & 0xffff)) | 0;
    const p = (Math.imul(a1, b3) + (m >>> 16) + (o >>> 16)) | 0;
    m = (Math.imul(a3, b0) + (Math.imul(a2, b0) >>> 16)) | 0;
    o = (Math.imul(a2, b1) + (m & 0xffff)) | 0;
    const q = (Math.imul(a3, b1) + (m >>> 16) + (o >>> 16)) | 0;
    // Word 1 of the result, and c what it carries into word 2; k what that carries into word 3.
    const x = Math.imul(al, bh),
      y = Math.imul(ah, bl);
    const t = (lowHigh + x) | 0,
      u = (t + y) | 0;
    const c = ((((lowHigh & x) | ((lowHigh | x) & ~t)) >>> 31) + (((t & y) | ((t | y) & ~u)) >>> 31)) | 0;
    const v = (p + q) | 0,
      w = (v + l) | 0,
      z = (w + c) | 0;
    const k = ((((p & q) | ((p | q) & ~v)) >>> 31) + (((v & l) | ((v | l) & ~w)) >>> 31) + ((w & ~z) >>> 31)) | 0;
    h = (h + k) | 0;
    l = z;
    const bottom = Math.imul(al, bl);
    r = u | ((bottom | -bottom) >>> 31);
  }
  // One place up if the top bit is clear; the sticky bit stays.
  const n = ~h >>> 31;
  h = (h << n) | ((l >>> 31) & n);
  l = (l << n) | ((r >>> 31) & n);
  r = (r << n) | (r & n);
  finish(R, d, (sa ^ sb) & 0x8000, ((sa & 0x7fff) + (sb & 0x7fff) - 16382 - n) | 0, h, l, r);
  return true;
}

/** Remainder of the last `quotientDigit`: low word, high word. */
const remainder = new Int32Array(2);

/**
 * One 32-bit digit of a quotient: the words n2 n1 n0, which are below d * 2^32, by the words dh dl, whose top bit is set. `inverse` is 2^32 / d: the
 * estimate is off by one or two at most, and put right.
 */
function quotientDigit(n2: number, n1: number, n0: number, dh: number, dl: number, inverse: number): number {
  const estimate = ((n2 >>> 0) * 0x100000000 + (n1 >>> 0)) * inverse;
  let q = estimate >= 0xffffffff ? -1 : estimate | 0;
  // n - q * d, in the low two words and the sign
  const p0 = Math.imul(q, dl),
    x = Math.imul(q, dh),
    y = mulHigh(q, dl),
    p1 = (x + y) | 0;
  const p2 = (mulHigh(q, dh) + (((x & y) | ((x | y) & ~p1)) >>> 31)) | 0;
  let r0 = (n0 - p0) | 0,
    r1 = (n1 - p1) | 0;
  const b0 = ((~n0 & p0) | ((~n0 | p0) & r0)) >>> 31,
    b1 = ((~n1 & p1) | ((~n1 | p1) & r1)) >>> 31;
  let r2 = (n2 - p2 - b1 - (r1 === 0 ? b0 : 0)) | 0;
  r1 = (r1 - b0) | 0;
  while (r2 < 0) {
    q = (q - 1) | 0;
    const l = (r0 + dl) | 0,
      c = ((r0 & dl) | ((r0 | dl) & ~l)) >>> 31,
      h = (r1 + dh) | 0,
      k = (h + c) | 0;
    r2 = (r2 + (((r1 & dh) | ((r1 | dh) & ~h)) >>> 31) + ((h & ~k) >>> 31)) | 0;
    r0 = l;
    r1 = k;
  }
  while (r2 > 0 || r1 >>> 0 > dh >>> 0 || (r1 === dh && r0 >>> 0 >= dl >>> 0)) {
    q = (q + 1) | 0;
    const c = r0 >>> 0 < dl >>> 0 ? 1 : 0;
    if (r1 >>> 0 < dh >>> 0 || (c !== 0 && r1 === dh)) r2 = (r2 - 1) | 0;
    r0 = (r0 - dl) | 0;
    r1 = (r1 - dh - c) | 0;
  }
  remainder[0] = r0;
  remainder[1] = r1;
  return q;
}

/** d = a / b. */
export function divideExtended(R: Int32Array, d: number, a: number, b: number): boolean {
  d &= 1023;
  a &= 1023;
  b &= 1023;
  const sa = R[a + 2],
    sb = R[b + 2],
    dh = R[b + 1];
  let n3 = R[a + 1];
  if ((n3 & dh) >= 0 || ((sa + 1) & 0x7fff) <= 1 || ((sb + 1) & 0x7fff) <= 1) return special(R, d, a, b, DIVIDE, 0);
  const dl = R[b];
  let n2 = R[a],
    n1 = 0,
    e = ((sa & 0x7fff) - (sb & 0x7fff) + 16382) | 0;
  if (n3 >>> 0 > dh >>> 0 || (n3 === dh && n2 >>> 0 >= dl >>> 0)) {
    n1 = n2 << 31;
    n2 = (n2 >>> 1) | (n3 << 31);
    n3 = (n3 >>> 1) | 0;
    e = (e + 1) | 0;
  }
  const inverse = 0x100000000 / ((dh >>> 0) * 0x100000000 + (dl >>> 0));
  const h = quotientDigit(n3, n2, n1, dh, dl, inverse);
  const l = quotientDigit(remainder[1], remainder[0], 0, dh, dl, inverse);
  // The rest is remainder / divisor: nothing, below, at or above a half.
  const r1 = remainder[1],
    r0 = remainder[0],
    t1 = (r1 << 1) | (r0 >>> 31),
    t0 = r0 << 1;
  const rest =
    (r1 | r0) === 0
      ? 0
      : r1 < 0 || t1 >>> 0 > dh >>> 0 || (t1 === dh && t0 >>> 0 > dl >>> 0)
        ? -0x40000000
        : t1 === dh && t0 === dl
          ? -0x80000000
          : 0x40000000;
  finish(R, d, (sa ^ sb) & 0x8000, e, h, l, rest);
  return true;
}

/** d = square root of a. */
export function squareRootExtended(R: Int32Array, d: number, a: number): boolean {
  unpack80(R[a], R[a + 1], R[a + 2], X);
  const kind = W[X];
  if (kind >= QUIET) return nan(R, d, X);
  if (kind === ZERO || (kind === INFINITE && W[X + SIGN] === 0)) {
    put(R, d, X);
    raise(R, 0);
    return true;
  }
  if (W[X + SIGN] !== 0) return invalid(R, d);
  const flags = kind === DENORMAL ? DE : 0;
  if (stopped(R, flags)) return false;
  squareRoot(X);
  return putRounded(R, d, Z, DROP[(R[FCW] >> PRECISION_SHIFT) & 3], flags);
}

/** An invalid operation: the real indefinite, or nothing if unmasked. */
export function invalid(R: Int32Array, d: number): boolean {
  if (stopped(R, IE)) return false;
  R[d] = 0;
  R[d + 1] = 0xc0000000;
  R[d + 2] = 0xffff;
  raise(R, IE);
  return true;
}

/** The result of an operation on one operand, slot o, that is a NaN or without meaning. */
export function nan(R: Int32Array, d: number, o: number): boolean {
  if (W[o] === UNSUPPORTED) return invalid(R, d);
  const flags = W[o] === SIGNALING ? IE : 0;
  if (stopped(R, flags)) return false;
  W[o + HIGH] |= 0x40000000;
  put(R, d, o);
  raise(R, flags);
  return true;
}

/** The same for two operands X and Y, of which at least one is a NaN: a quiet one goes before a signaling one, else the larger significand. */
export function nanOfTwo(R: Int32Array, d: number): boolean {
  const x = W[X],
    y = W[Y];
  if (x === UNSUPPORTED || y === UNSUPPORTED) return invalid(R, d);
  const flags = x === SIGNALING || y === SIGNALING ? IE : 0;
  if (stopped(R, flags)) return false;
  let o = X;
  if (x < QUIET) o = Y;
  else if (y >= QUIET) {
    if (x !== y) o = x === QUIET ? X : Y;
    else if (W[X + HIGH] !== W[Y + HIGH]) o = W[X + HIGH] >>> 0 > W[Y + HIGH] >>> 0 ? X : Y;
    else if (W[X + LOW] !== W[Y + LOW]) o = W[X + LOW] >>> 0 > W[Y + LOW] >>> 0 ? X : Y;
    else o = W[X + SIGN] === 0 ? X : Y;
  }
  W[o + HIGH] |= 0x40000000;
  put(R, d, o);
  raise(R, flags);
  return true;
}

function isZero(R: Int32Array, a: number): boolean {
  return (R[a] | R[a + 1] | (R[a + 2] & 0x7fff)) === 0;
}
function isNormal(R: Int32Array, a: number): boolean {
  return R[a + 1] < 0 && ((R[a + 2] + 1) & 0x7fff) > 1;
}

/** Sums and products of a zero and a normal number, the commonest of special operands; false if it is something else or needs rounding. */
function withZero(R: Int32Array, d: number, a: number, b: number, operation: number): boolean {
  const first = isZero(R, a);
  if (!first && !isZero(R, b)) return false;
  if (operation === MULTIPLY) {
    if (!isNormal(R, first ? b : a)) return false;
    R[d + 2] = (R[a + 2] ^ R[b + 2]) & 0x8000;
    R[d] = 0;
    R[d + 1] = 0;
  } else {
    const other = first ? b : a;
    if (!isNormal(R, other) || (R[FCW] & 0x300) !== 0x300) return false;
    const sign = first && operation === SUBTRACT ? 0x8000 : 0;
    R[d] = R[other];
    R[d + 1] = R[other + 1];
    R[d + 2] = R[other + 2] ^ sign;
  }
  R[FSW] &= ~C1;
  return true;
}

/**
 * Any operands. `memoryFlags`: DE if an operand from memory was a denormal of its own format (it is none any more as an extended).
 */
export function special(
  R: Int32Array,
  d: number,
  a: number,
  b: number,
  operation: number,
  memoryFlags: number,
): boolean {
  if (memoryFlags === 0 && operation !== DIVIDE && withZero(R, d, a, b, operation)) return true;
  unpack80(R[a], R[a + 1], R[a + 2], X);
  unpack80(R[b], R[b + 1], R[b + 2], Y);
  const x = W[X],
    y = W[Y];
  if (x >= QUIET || y >= QUIET) return nanOfTwo(R, d);
  const sign = W[X + SIGN] ^ W[Y + SIGN];
  let flags = memoryFlags | (x === DENORMAL || y === DENORMAL ? DE : 0);
  const control = (R[FCW] >> ROUNDING_SHIFT) & 3;
  const finite = x !== ZERO && x !== INFINITE && y !== ZERO && y !== INFINITE;
  switch (operation) {
    case ADD:
    case SUBTRACT: {
      const signY = W[Y + SIGN] ^ operation;
      if (x === INFINITE && y === INFINITE && W[X + SIGN] !== signY) return invalid(R, d);
      if (stopped(R, flags)) return false;
      if (finite) add(X, Y, operation, control);
      else if (x === INFINITE || (y === ZERO && x !== ZERO)) copySlot(X, Z);
      else if (x === ZERO && y === ZERO) setZero(Z, W[X + SIGN] === signY ? signY : control === 1 ? 1 : 0);
      else {
        copySlot(Y, Z);
        W[Z + SIGN] = signY;
      }
      break;
    }
    case MULTIPLY:
      if ((x === INFINITE && y === ZERO) || (x === ZERO && y === INFINITE)) return invalid(R, d);
      if (stopped(R, flags)) return false;
      if (finite) multiply(X, Y);
      else if (x === INFINITE || y === INFINITE) setInfinity(Z, sign);
      else setZero(Z, sign);
      break;
    default:
      if ((x === INFINITE && y === INFINITE) || (x === ZERO && y === ZERO)) return invalid(R, d);
      if (y === ZERO && x !== INFINITE) flags = ZE;
      if (stopped(R, flags)) return false;
      if (finite) divide(X, Y);
      else if (x === INFINITE || y === ZERO) setInfinity(Z, sign);
      else setZero(Z, sign);
  }
  return putRounded(R, d, Z, DROP[(R[FCW] >> PRECISION_SHIFT) & 3], flags);
}

/** Condition codes C0, C2 and C3 of FSW. */
export const C0 = 0x100,
  C2 = 0x400,
  C3 = 0x4000;
export const LESS = C0,
  EQUAL = C3,
  GREATER = 0,
  UNORDERED = C0 | C2 | C3;

/**
 * Compares a with b: LESS, EQUAL, GREATER, UNORDERED, or the complement (below 0) if an unmasked exception stops the instruction. Raises the flags. `quiet`: a
 * quiet NaN is no invalid operand (FUCOM). `keep`: C1 or 0, what is kept of FSW (FCOMI leaves it alone, FCOM clears it).
 */
export function compareExtended(
  R: Int32Array,
  a: number,
  b: number,
  quiet: boolean,
  memoryFlags: number,
  keep: number,
): number {
  const sa = R[a + 2],
    sb = R[b + 2],
    ah = R[a + 1],
    bh = R[b + 1];
  if ((ah & bh) < 0 && ((sa + 1) & 0x7fff) > 1 && ((sb + 1) & 0x7fff) > 1 && memoryFlags === 0) {
    R[FSW] &= ~C1 | keep;
    if (((sa ^ sb) & 0x8000) !== 0) return (sa & 0x8000) !== 0 ? LESS : GREATER;
    let order = (sa & 0x7fff) - (sb & 0x7fff);
    if (order === 0) {
      order = (ah ^ 0x80000000) - (bh ^ 0x80000000);
      if (order === 0) order = (R[a] >>> 0) - (R[b] >>> 0);
      if (order === 0) return EQUAL;
    }
    return order < 0 === ((sa & 0x8000) === 0) ? LESS : GREATER;
  }
  unpack80(R[a], ah, sa, X);
  unpack80(R[b], bh, sb, Y);
  const x = W[X],
    y = W[Y];
  if (x >= QUIET || y >= QUIET) {
    const flags = quiet && x <= QUIET && y <= QUIET ? 0 : IE;
    raise(R, flags | (R[FSW] & keep));
    return (flags & ~R[FCW]) !== 0 ? ~UNORDERED : UNORDERED;
  }
  const flags = memoryFlags | (x === DENORMAL || y === DENORMAL ? DE : 0);
  raise(R, flags | (R[FSW] & keep));
  const order = compare(X, Y),
    codes = order < 0 ? LESS : order > 0 ? GREATER : EQUAL;
  return (flags & ~R[FCW]) !== 0 ? ~codes : codes;
}

// ---- formats in memory ----

/** d = the double; returns DE for a denormal, IE for a signaling NaN (which is left signaling). */
export function fromDouble(R: Int32Array, d: number, low: number, high: number): number {
  const e = (high >>> 20) & 0x7ff;
  if (e !== 0 && e !== 0x7ff) {
    R[d] = low << 11;
    R[d + 1] = (high << 11) | (low >>> 21) | 0x80000000;
    R[d + 2] = ((high >>> 16) & 0x8000) | (e + 15360);
    return 0;
  }
  unpack64(low, high, X);
  return fromSlot(R, d);
}

/** d = the float; as `fromDouble`. */
export function fromSingle(R: Int32Array, d: number, bits: number): number {
  const e = (bits >>> 23) & 0xff;
  if (e !== 0 && e !== 0xff) {
    R[d] = 0;
    R[d + 1] = (bits << 8) | 0x80000000;
    R[d + 2] = ((bits >>> 16) & 0x8000) | (e + 16256);
    return 0;
  }
  unpack32(bits, X);
  return fromSlot(R, d);
}

function fromSlot(R: Int32Array, d: number): number {
  const kind = W[X];
  put(R, d, X);
  return kind === DENORMAL ? DE : kind === SIGNALING ? IE : 0;
}

/** d = the integer. */
export function fromInteger(R: Int32Array, d: number, value: number): void {
  if (value === 0) {
    R[d] = 0;
    R[d + 1] = 0;
    R[d + 2] = 0;
    return;
  }
  const magnitude = value < 0 ? -value | 0 : value,
    n = Math.clz32(magnitude);
  R[d] = 0;
  R[d + 1] = magnitude << n;
  R[d + 2] = (value < 0 ? 0x8000 : 0) | (16383 + 31 - n);
}

/**
 * OUT = a as a double. Returns the flags to raise once it is stored, or -1 if an unmasked exception (then raised) forbids the store.
 */
export function toDouble(R: Int32Array, a: number): number {
  const s = R[a + 2],
    h = R[a + 1],
    l = R[a],
    e = (s & 0x7fff) - 15360;
  if (h < 0 && e > 0 && e < 0x7fe && (R[FCW] & 0xc00) === 0) {
    const half = l & 0x7ff;
    let low = (l >>> 11) | (h << 21),
      high = ((s & 0x8000) << 16) | (e << 20) | ((h >>> 11) & 0xfffff);
    let flags = 0;
    if (half !== 0) {
      flags = PE;
      if (half > 0x400 || (half === 0x400 && (low & 1) !== 0)) {
        flags = PE | C1;
        low = (low + 1) | 0;
        // A carry out of the significand raises the exponent, as it should.
        if (low === 0) high = (high + 1) | 0;
      }
    }
    W[OUT] = low;
    W[OUT + 1] = high;
    return flags;
  }
  const flags = narrow(R, a, DROP_64, MIN_64, MAX_64);
  if (flags >= 0) pack64(X);
  return flags;
}

/** OUT = a as a float; as `toDouble`. */
export function toSingle(R: Int32Array, a: number): number {
  const flags = narrow(R, a, DROP_32, MIN_32, MAX_32);
  if (flags >= 0) pack32(X);
  return flags;
}

/** Slot X = a rounded to a narrower format. */
function narrow(R: Int32Array, a: number, drop: number, min: number, max: number): number {
  unpack80(R[a], R[a + 1], R[a + 2], X);
  const kind = W[X];
  if (kind === ZERO || kind === INFINITE) return 0;
  let flags = 0;
  if (kind >= QUIET) {
    if (kind !== QUIET) flags = IE;
    if (stopped(R, flags)) return -1;
    if (kind === UNSUPPORTED) setDefaultNan(X);
    else W[X + HIGH] |= 0x40000000;
    W[X] = QUIET;
    return flags;
  }
  // A denormal operand of a store is no exception (SDM vol. 2, FST).
  W[X] = NORMAL;
  flags = round(X, drop, min, max, (R[FCW] >> ROUNDING_SHIFT) & 3, R[FCW]);
  // Overflow or underflow that is not masked: nothing is stored, and no flag for the rounding (SDM vol. 1, 8.5.4, 8.5.5).
  if ((flags & ~R[FCW] & 0x18) !== 0) {
    raise(R, flags & ~(C1 | PE));
    return -1;
  }
  return flags;
}
