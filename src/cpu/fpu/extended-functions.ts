/**
 * FRNDINT, FSCALE, FXTRACT, FPREM and FPREM1, and packed BCD, on register words. Conventions as in extended.ts. Source: SDM vol. 2, each instruction.
 */
import { FCW, FSW } from '../architecture/registers.ts';
import { C0, C2, C3, invalid, nan, nanOfTwo, put, putRounded, raise, rounding } from './extended.ts';
import {
  BIAS_ADJUST,
  C1,
  DE,
  DENORMAL,
  DROP_80,
  EXP,
  HIGH,
  IE,
  INFINITE,
  LOW,
  MAX_80,
  MIN_80,
  NORMAL,
  OE,
  OUT,
  PE,
  QUIET,
  REST,
  SIGN,
  UE,
  W,
  X,
  Y,
  Z,
  ZE,
  ZERO,
  copySlot,
  roundToIntegral,
  setInfinity,
  setZero,
  toInteger,
  unpack80,
  unpackInt32,
} from './softfloat.ts';

function load(R: Int32Array, a: number, o: number): number {
  unpack80(R[a], R[a + 1], R[a + 2], o);
  return W[o];
}

/** True if flags (DE, ZE) are unmasked: then raised, and the instruction ends. */
function stops(R: Int32Array, flags: number): boolean {
  if ((flags & ~R[FCW]) === 0) return false;
  raise(R, flags);
  return true;
}

/** FRNDINT. */
export function roundToInteger(R: Int32Array, d: number): boolean {
  const kind = load(R, d, X);
  if (kind >= QUIET) return nan(R, d, X);
  if (kind === ZERO || kind === INFINITE) {
    raise(R, 0);
    return true;
  }
  let flags = kind === DENORMAL ? DE : 0;
  if (stops(R, flags)) return false;
  flags |= roundToIntegral(X, rounding(R));
  put(R, d, X);
  raise(R, flags);
  return true;
}

/** FSCALE: d = d * 2 to the power of b, cut to an integer. */
export function scale(R: Int32Array, d: number, b: number): boolean {
  const x = load(R, d, X),
    y = load(R, b, Y);
  if (x >= QUIET || y >= QUIET) return nanOfTwo(R, d);
  let flags = x === DENORMAL || y === DENORMAL ? DE : 0;
  if (y === INFINITE) {
    const down = W[Y + SIGN] !== 0;
    if (x === (down ? INFINITE : ZERO)) return invalid(R, d);
    if (stops(R, flags)) return false;
    if (down) setZero(Z, W[X + SIGN]);
    else setInfinity(Z, W[X + SIGN]);
    return putRounded(R, d, Z, DROP_80, flags);
  }
  if (stops(R, flags)) return false;
  if (x === ZERO || x === INFINITE || (y === ZERO && x !== DENORMAL)) {
    raise(R, flags);
    return true;
  }
  // Beyond 2^16 every result is out of range.
  const e = W[Y + EXP];
  let n = y === ZERO || e < 0 ? 0 : e > 16 ? 0x10000 : W[Y + HIGH] >>> (31 - e);
  if (W[Y + SIGN] !== 0) n = -n;
  copySlot(X, Z);
  W[Z] = NORMAL;
  W[Z + EXP] += n;
  // Out of range even with the bias of an unmasked exception (SDM vol. 1, 8.5.4 and 8.5.5: massive overflow, underflow).
  if (W[Z + EXP] + BIAS_ADJUST < MIN_80 && (R[FCW] & UE) === 0) {
    setZero(Z, W[X + SIGN]);
    flags |= UE | PE;
  } else if (W[Z + EXP] - BIAS_ADJUST > MAX_80 && (R[FCW] & OE) === 0) {
    setInfinity(Z, W[X + SIGN]);
    flags |= OE | PE | C1;
  }
  return putRounded(R, d, Z, DROP_80, flags);
}

/**
 * FXTRACT: the exponent replaces d and the significand goes to `pushed` (a register or scratch words; the caller pushes).
 */
export function extract(R: Int32Array, d: number, pushed: number): boolean {
  const kind = load(R, d, X);
  if (kind >= QUIET) {
    if (!nan(R, d, X)) return false;
    R[pushed] = R[d];
    R[pushed + 1] = R[d + 1];
    R[pushed + 2] = R[d + 2];
    return true;
  }
  let flags = 0;
  if (kind === ZERO) {
    flags = ZE;
    setInfinity(Z, 1);
  } else if (kind === INFINITE) setInfinity(Z, 0);
  else {
    if (kind === DENORMAL) flags = DE;
    unpackInt32(W[X + EXP], Z);
    W[X + EXP] = 0;
    W[X] = NORMAL;
  }
  if (stops(R, flags)) return false;
  put(R, d, Z);
  put(R, pushed, X);
  raise(R, flags);
  return true;
}

/**
 * FPREM (`nearest` false) and FPREM1: d = the remainder of d / b. Up to 63 binary places of quotient in one go; from 64 on the reduction is partial
 * (C2 set), by 32 to 63 places as the SDM allows.
 */
export function partialRemainder(R: Int32Array, d: number, b: number, nearest: boolean): boolean {
  const x = load(R, d, X),
    y = load(R, b, Y);
  // Without a remainder C2 is cleared, C0 and C3 stay.
  R[FSW] &= ~C2;
  if (x >= QUIET || y >= QUIET) return nanOfTwo(R, d);
  if (x === INFINITE || y === ZERO) return invalid(R, d);
  const flags = x === DENORMAL || y === DENORMAL ? DE : 0;
  if (stops(R, flags)) return false;
  if (x === ZERO || y === INFINITE) {
    // Nothing to take away; a denormal only loses what unmasked underflow asks for.
    if (x === ZERO) raise(R, flags);
    else {
      copySlot(X, Z);
      W[Z] = NORMAL;
      putRounded(R, d, Z, DROP_80, flags);
    }
    codes(R, 0, 0);
    return true;
  }
  const distance = W[X + EXP] - W[Y + EXP];
  const dh = W[Y + HIGH],
    dl = W[Y + LOW];
  let h = W[X + HIGH],
    l = W[X + LOW],
    sign = W[X + SIGN],
    e = W[Y + EXP],
    quotient = 0,
    incomplete = 0;
  let steps = distance;
  if (distance >= 64) {
    steps = (distance & 31) | 32;
    e += distance - steps;
    incomplete = C2;
  }
  // Long division; `carry` is the bit above the 64 of the remainder.
  let carry = 0;
  for (let i = 0; i <= steps; i++) {
    if (i > 0) {
      carry = h >>> 31;
      h = (h << 1) | (l >>> 31);
      l <<= 1;
      quotient <<= 1;
    }
    if (carry !== 0 || h >>> 0 > dh >>> 0 || (h === dh && l >>> 0 >= dl >>> 0)) {
      const borrow = l >>> 0 < dl >>> 0 ? 1 : 0;
      l = (l - dl) | 0;
      h = (h - dh - borrow) | 0;
      quotient |= 1;
    }
  }
  if (distance < 0) {
    h = W[X + HIGH];
    l = W[X + LOW];
    e = W[X + EXP];
    quotient = 0;
  }
  if (nearest && incomplete === 0 && distance >= -1) {
    // FPREM1: one more if the remainder is above half the divisor, or at half with an odd quotient.
    let th: number, tl: number;
    let above: boolean, half: boolean;
    if (distance === -1) {
      // The dividend's place is one lower: it is half or more.
      above = h >>> 0 > dh >>> 0 || (h === dh && l >>> 0 > dl >>> 0);
      half = h === dh && l === dl;
      // divisor * 2 - dividend, in the dividend's place
      th = (dh << 1) | (dl >>> 31);
      tl = dl << 1;
    } else {
      const c = h >>> 31,
        dbl = (h << 1) | (l >>> 31),
        dblLow = l << 1;
      above = c !== 0 || dbl >>> 0 > dh >>> 0 || (dbl === dh && dblLow >>> 0 > dl >>> 0);
      half = c === 0 && dbl === dh && dblLow === dl;
      th = dh;
      tl = dl;
    }
    if (above || (half && (quotient & 1) !== 0)) {
      const borrow = tl >>> 0 < l >>> 0 ? 1 : 0;
      l = (tl - l) | 0;
      h = (th - h - borrow) | 0;
      sign ^= 1;
      quotient++;
    }
  }
  if ((h | l) === 0) setZero(Z, W[X + SIGN]);
  else {
    W[Z] = NORMAL;
    W[Z + SIGN] = sign;
    W[Z + REST] = 0;
    while (h === 0) {
      h = l;
      l = 0;
      e -= 32;
    }
    const n = Math.clz32(h);
    if (n !== 0) {
      h = (h << n) | (l >>> (32 - n));
      l <<= n;
      e -= n;
    }
    W[Z + HIGH] = h;
    W[Z + LOW] = l;
    W[Z + EXP] = e;
  }
  putRounded(R, d, Z, DROP_80, flags);
  codes(R, incomplete !== 0 ? 0 : quotient, incomplete);
  return true;
}

/** C0, C3, C1 = bits 2, 1, 0 of the quotient; C2 as given. */
function codes(R: Int32Array, quotient: number, c2: number): void {
  R[FSW] =
    (R[FSW] & ~(C0 | C1 | C2 | C3)) |
    c2 |
    ((quotient & 4) !== 0 ? C0 : 0) |
    ((quotient & 2) !== 0 ? C3 : 0) |
    ((quotient & 1) !== 0 ? C1 : 0);
}

const TEN = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];

/** FBLD: digits (18 as two 32-bit words and one byte, low first) and sign to slot X... as a 64-bit integer in OUT, OUT + 1. */
export function fromBcd(low: number, high: number, top: number): void {
  // Nine digits at a time fit a double and an int32 both.
  const first = digits(low, 8) + (high & 15) * 100_000_000;
  const second = digits(high >>> 4, 7) + (top & 15) * 10_000_000 + ((top >> 4) & 15) * 100_000_000;
  // second * 10^9 + first, below 10^18 and so below 2^60.
  const a = second % 65536,
    b = Math.floor(second / 65536);
  const lowPart = a * 1e9 + first,
    middle = b * 1e9 + Math.floor(lowPart / 65536);
  W[OUT] = ((lowPart % 65536) + (middle % 65536) * 65536) | 0;
  W[OUT + 1] = Math.floor(middle / 65536) | 0;
}

function digits(packed: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) value += ((packed >>> (4 * i)) & 15) * TEN[i];
  return value;
}

/**
 * FBSTP: a as packed BCD in OUT (low), OUT + 1, OUT + 2 (16 bits). Returns flags as `toDouble` does.
 */
export function toBcd(R: Int32Array, a: number): number {
  const kind = load(R, a, X);
  const sign = W[X + SIGN];
  let flags = kind >= QUIET ? IE : toInteger(X, 64, rounding(R));
  let h = W[OUT + 1],
    l = W[OUT];
  if (flags !== IE) {
    if (h < 0) {
      l = -l | 0;
      h = (~h + (l === 0 ? 1 : 0)) | 0;
    }
    // 10^18 = 0DE0B6B3_A7640000h
    if (h >>> 0 > 0x0de0b6b3 || (h === 0x0de0b6b3 && l >>> 0 >= 0xa7640000)) flags = IE;
  }
  if (flags === IE) {
    if ((R[FCW] & IE) === 0) {
      raise(R, IE);
      return -1;
    }
    W[OUT] = 0;
    W[OUT + 1] = 0xc0000000;
    W[OUT + 2] = 0xffff;
    return IE;
  }
  // Two divisions by 10^9, in words small enough for doubles to be exact.
  const n3 = h >>> 16,
    n2 = h & 0xffff,
    n1 = l >>> 16,
    n0 = l & 0xffff;
  let q = 0,
    r = 0;
  for (const n of [n3, n2, n1, n0]) {
    const value = r * 65536 + n,
      digit = Math.floor(value / 1e9);
    q = q * 65536 + digit;
    r = value - digit * 1e9;
  }
  const lowDigits = packed(r),
    highDigits = packed(q);
  W[OUT] = lowDigits[0];
  W[OUT + 1] = lowDigits[1] | (highDigits[0] << 4);
  W[OUT + 2] = (highDigits[0] >>> 28) | (highDigits[1] << 4) | (sign << 15);
  return flags;
}

/** Nine digits: the lower eight in one word, the ninth in another. */
function packed(value: number): [number, number] {
  let word = 0;
  for (let i = 0; i < 8; i++) {
    word |= (value % 10) << (4 * i);
    value = Math.floor(value / 10);
  }
  return [word, value];
}
