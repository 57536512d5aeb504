/**
 * FSIN, FCOS, FSINCOS, FPTAN, FPATAN, F2XM1, FYL2X, FYL2XP1. Sources: SDM vol. 2, each instruction; vol. 1, 8.3.8 (pi as processors know it), 8.3.10
 * (accuracy: below one unit in the last place; here the error is below 0.501, see x87-transcendental.test.ts).
 */
import type { CoreOpFactory } from '../ops/core.ts';
import { FCW, FSW } from '../architecture/registers.ts';
import {
  addPairs,
  cosineOfPair,
  dividePairs,
  exponentialMinus1,
  inverseTangent,
  logarithmOfRatio,
  LOW_PART,
  multiplyPairs,
  sineOfPair,
} from './double-double.ts';
import { C2, invalid, MEMORY, nan, nanOfTwo, put, putRounded, raise } from './extended.ts';
import {
  C1,
  copySlot,
  DE,
  DENORMAL,
  divide,
  DROP_80,
  EXP,
  HIGH,
  INFINITE,
  LOW,
  multiply,
  NORMAL,
  QUIET,
  REST,
  setInfinity,
  setZero,
  SIGN,
  unpack80,
  unpackInt32,
  W,
  X,
  Y,
  Z,
  ZE,
  ZERO,
} from './softfloat.ts';
import { pop, push, ready, st, stackFault, stackOverflow, used } from './stack.ts';

const INVERSE_LN2 = 1.4426950408889634,
  INVERSE_LN2_LOW = 2.0355273740931033e-17;
const LN2 = 0.6931471805599453,
  LN2_LOW = 2.3190468138462996e-17;
const PI = 3.141592653589793,
  PI_LOW = 1.2246467991473532e-16;
/** Results differ from the argument (or from one) by less than the last bit below this exponent. */
const TINY = -34;

// ---- slots and pairs ----

/** The significand of a slot, between 1 and 2, as a pair. */
const highPart = (o: number): number => ((W[o + HIGH] >>> 0) * 0x200000 + (W[o + LOW] >>> 11)) * 2 ** -52;
const lowPart = (o: number): number => (W[o + LOW] & 0x7ff) * 2 ** -63;

const double = new Float64Array(1),
  doubleWords = new Int32Array(double.buffer);

/** 2^n within the range of doubles. */
function power(n: number): number {
  doubleWords[0] = 0;
  doubleWords[1] = (n + 1023) << 20;
  return double[0];
}

/** Slot Z = (h + l) * 2^k, never exact. */
function fromPair(h: number, l: number, k: number): void {
  double[0] = h;
  const top = doubleWords[1],
    bottom = doubleWords[0],
    e = ((top >> 20) & 0x7ff) - 1023;
  let high = (top << 11) | (bottom >>> 21) | 0x80000000,
    low = bottom << 11,
    exponent = e + k;
  const units = (top < 0 ? -l : l) * power(63 - e),
    whole = Math.floor(units);
  let rest = ((units - whole) * 0x100000000) | 1;
  const sum = (low >>> 0) + whole;
  low = sum | 0;
  if (sum > 0xffffffff) {
    high = (high + 1) | 0;
    if (high === 0) {
      rest = (low << 31) | (rest >>> 1) | 1;
      low >>>= 1;
      high = -0x80000000;
      exponent++;
    }
  } else if (sum < 0) {
    high = (high - 1) | 0;
    if (high >= 0) {
      high = (high << 1) | (low >>> 31);
      low = (low << 1) | (rest >>> 31);
      rest = (rest << 1) | 1;
      exponent--;
    }
  }
  W[Z] = NORMAL;
  W[Z + SIGN] = top >>> 31;
  W[Z + EXP] = exponent;
  W[Z + HIGH] = high;
  W[Z + LOW] = low;
  W[Z + REST] = rest;
}

/** Moves a slot's magnitude by a trifle, so that it rounds as what lies just below (above) it. */
function justBelow(o: number): void {
  if (W[o + REST] !== 0) {
    W[o + REST] |= 1;
    return;
  }
  W[o + REST] = -1;
  W[o + LOW] = (W[o + LOW] - 1) | 0;
  if (W[o + LOW] === -1) {
    W[o + HIGH] = (W[o + HIGH] - 1) | 0;
    if (W[o + HIGH] >= 0) {
      W[o + HIGH] = -1;
      W[o + EXP]--;
    }
  }
}
function justAbove(o: number): void {
  W[o + REST] |= 1;
}

function load(R: Int32Array, a: number, o: number): number {
  unpack80(R[a], R[a + 1], R[a + 2], o);
  return W[o];
}

/** True if unmasked DE or ZE ends the instruction; it is then raised. */
function stops(R: Int32Array, flags: number): boolean {
  if ((flags & ~R[FCW]) === 0) return false;
  raise(R, flags);
  return true;
}

// ---- trigonometric ----

/** Quadrant and remainder of slot X's magnitude, |r| <= π/4. */
let quadrant = 0,
  rh = 0,
  rl = 0;
const R2 = 3,
  R1 = 0x243f6a88,
  R0 = 0x85a308d3 | 0;

/**
 * Reduces by π/2 with π as processors hold it: 66 bits, 3.243F6A88 85A308D3h (SDM vol. 1, 8.3.8). The division is exact, in units of 2^-65.
 */
function reduce(): void {
  const e = W[X + EXP];
  quadrant = 0;
  if (e < -2) {
    const scale = power(e);
    rh = highPart(X) * scale;
    rl = lowPart(X) * scale;
    return;
  }
  let r2 = 0,
    r1 = W[X + HIGH],
    r0 = W[X + LOW],
    q = 0;
  for (let i = e + 2; i > 0; i--) {
    r2 = (r2 << 1) | (r1 >>> 31);
    r1 = (r1 << 1) | (r0 >>> 31);
    r0 <<= 1;
    q <<= 1;
    if (r2 > R2 || (r2 === R2 && (r1 >>> 0 > R1 || (r1 === R1 && r0 >>> 0 >= R0 >>> 0)))) {
      const b0 = r0 >>> 0 < R0 >>> 0 ? 1 : 0,
        b1 = r1 >>> 0 < R1 + b0 ? 1 : 0;
      r0 = (r0 - R0) | 0;
      r1 = (r1 - R1 - b0) | 0;
      r2 = r2 - R2 - b1;
      q |= 1;
    }
  }
  // Above half of π/2: take one more and go negative.
  const d2 = (r2 << 1) | (r1 >>> 31),
    d1 = (r1 << 1) | (r0 >>> 31);
  let sign = 2 ** -65;
  if (d2 > R2 || (d2 === R2 && d1 >>> 0 > R1)) {
    const b0 = R0 >>> 0 < r0 >>> 0 ? 1 : 0,
      b1 = R1 < (r1 >>> 0) + b0 ? 1 : 0;
    r0 = (R0 - r0) | 0;
    r1 = (R1 - r1 - b0) | 0;
    r2 = R2 - r2 - b1;
    q++;
    sign = -sign;
  }
  quadrant = q & 3;
  const h = r2 * 2 ** 64 + (r1 >>> 0) * 2 ** 32,
    s = h + (r0 >>> 0);
  rl = ((r0 >>> 0) - (s - h)) * sign;
  rh = s * sign;
}

/** Slot Z = sine (`shift` 0) or cosine (1) of slot X, which is reduced. */
function sineOrCosine(shift: number): void {
  const q = (quadrant + shift) & 3;
  const h = (q & 1) === 0 ? sineOfPair(rh, rl) : cosineOfPair(rh, rl);
  fromPair(h, LOW_PART[0], 0);
  // Sine is odd, cosine even; quadrants 2 and 3 change the sign.
  W[Z + SIGN] ^= (q >> 1) ^ (shift === 0 ? W[X + SIGN] : 0);
}

/** Slot Z = the sine or tangent (`above`) or, with `one`, the cosine of an argument so small that they hardly differ from it, or from one. */
function nearArgument(one: boolean, above: boolean): void {
  if (one) unpackInt32(1, Z);
  else {
    copySlot(X, Z);
    W[Z] = NORMAL;
  }
  if (above) justAbove(Z);
  else justBelow(Z);
}

const SINE = 0,
  COSINE = 1,
  TANGENT = 2,
  BOTH = 3;

/** FSIN, FCOS, FPTAN, FSINCOS: the second result, if any, is pushed. */
function trigonometric(R: Int32Array, what: number): void {
  const d = st(R, 0),
    pushes = what >= TANGENT;
  if (!used(R, 0)) {
    R[FSW] &= ~C2;
    if (stackFault(R, 0) && pushes) push2(R, d);
    return;
  }
  if (pushes && used(R, 7)) {
    R[FSW] &= ~C2;
    if (stackOverflow(R)) {
      const t = st(R, 0);
      R[d] = R[t];
      R[d + 1] = R[t + 1];
      R[d + 2] = R[t + 2];
    }
    return;
  }
  const kind = load(R, d, X);
  if (kind >= INFINITE) {
    R[FSW] &= ~C2;
    if ((kind === INFINITE ? invalid(R, d) : nan(R, d, X)) && pushes) push2(R, d);
    return;
  }
  if (kind !== ZERO && W[X + EXP] >= 63) {
    R[FSW] = (R[FSW] & ~C1) | C2;
    return;
  }
  R[FSW] &= ~C2;
  const flags = kind === DENORMAL ? DE : 0;
  if (stops(R, flags)) return;
  if (kind === ZERO) {
    if (what === COSINE) {
      unpackInt32(1, Z);
      put(R, d, Z);
    }
    raise(R, 0);
    if (pushes) push1(R);
    return;
  }
  const tiny = W[X + EXP] < TINY;
  if (!tiny) reduce();
  if (what === TANGENT) {
    if (tiny) nearArgument(false, true);
    else {
      const odd = (quadrant & 1) !== 0,
        sh = sineOfPair(rh, rl),
        sl = LOW_PART[0],
        ch = cosineOfPair(rh, rl),
        cl = LOW_PART[0];
      const h = odd ? dividePairs(-ch, -cl, sh, sl) : dividePairs(sh, sl, ch, cl);
      fromPair(h, LOW_PART[0], 0);
      W[Z + SIGN] ^= W[X + SIGN];
    }
    putRounded(R, d, Z, DROP_80, flags);
    push1(R);
    return;
  }
  if (what === BOTH) {
    if (tiny) nearArgument(true, false);
    else sineOrCosine(1);
    putRounded(R, MEMORY, Z, DROP_80, flags);
  }
  if (tiny) nearArgument(what === COSINE, false);
  else sineOrCosine(what === COSINE ? 1 : 0);
  putRounded(R, d, Z, DROP_80, flags);
  if (what === BOTH) push2(R, MEMORY);
}

/** Pushes the words at `a`. */
function push2(R: Int32Array, a: number): void {
  const low = R[a],
    high = R[a + 1],
    top = R[a + 2],
    d = push(R);
  R[d] = low;
  R[d + 1] = high;
  R[d + 2] = top;
}

function push1(R: Int32Array): void {
  const d = push(R);
  R[d] = 0;
  R[d + 1] = 0x80000000;
  R[d + 2] = 0x3fff;
}

/** FPATAN: d = the angle of the point (x, y), x in ST(0), y in ST(1) = d. */
function arcTangent(R: Int32Array, x: number, d: number): boolean {
  const kx = load(R, x, X),
    ky = load(R, d, Y);
  if (kx >= QUIET || ky >= QUIET) return nanOfTwo(R, d);
  const flags = kx === DENORMAL || ky === DENORMAL ? DE : 0;
  if (stops(R, flags)) return false;
  const sign = W[Y + SIGN],
    left = W[X + SIGN] !== 0;
  const distance = W[Y + EXP] - W[X + EXP];
  if (ky === ZERO || (kx === INFINITE && ky !== INFINITE)) {
    if (left) fromPair(PI, PI_LOW, 0);
    else setZero(Z, sign);
  } else if (ky === INFINITE && kx === INFINITE) {
    const h = multiplyPairs(PI, PI_LOW, left ? 0.75 : 0.25, 0);
    fromPair(h, LOW_PART[0], 0);
  } else if (kx === ZERO || ky === INFINITE || distance > 66) fromPair(PI / 2, PI_LOW / 2, 0);
  else if (distance < -66) {
    if (left) fromPair(PI, PI_LOW, 0);
    else {
      divide(Y, X);
      justBelow(Z);
    }
  } else {
    const xh = highPart(X),
      xl = lowPart(X),
      scale = power(distance),
      yh = highPart(Y) * scale,
      yl = lowPart(Y) * scale;
    const steep = yh > xh || (yh === xh && yl > xl);
    let h = steep ? dividePairs(xh, xl, yh, yl) : dividePairs(yh, yl, xh, xl);
    h = inverseTangent(h, LOW_PART[0]);
    if (steep) h = addPairs(PI / 2, PI_LOW / 2, -h, -LOW_PART[0]);
    if (left) h = addPairs(PI, PI_LOW, -h, -LOW_PART[0]);
    fromPair(h, LOW_PART[0], 0);
  }
  W[Z + SIGN] = sign;
  return putRounded(R, d, Z, DROP_80, flags);
}

// ---- exponential and logarithm ----

/** F2XM1: 2^x - 1 for -1 <= x <= 1; beyond, where the result is undefined, the argument stays. */
function powerMinus1(R: Int32Array, d: number): boolean {
  const kind = load(R, d, X);
  if (kind >= QUIET) return nan(R, d, X);
  if (kind === INFINITE && W[X + SIGN] !== 0) {
    unpackInt32(-1, Z);
    put(R, d, Z);
    raise(R, 0);
    return true;
  }
  if (kind === ZERO || kind === INFINITE) {
    raise(R, 0);
    return true;
  }
  const flags = kind === DENORMAL ? DE : 0,
    e = W[X + EXP];
  if (stops(R, flags)) return false;
  if (e >= 0) {
    if (e > 0 || ((W[X + HIGH] & 0x7fffffff) | W[X + LOW]) !== 0) {
      raise(R, flags | 32);
      return true;
    }
    // 2^1 - 1 and 2^-1 - 1
    unpackInt32(1, Z);
    if (W[X + SIGN] !== 0) {
      W[Z + SIGN] = 1;
      W[Z + EXP] = -1;
    }
    put(R, d, Z);
    raise(R, flags);
    return true;
  }
  const small = e < -70,
    scale = small ? 1 : power(e),
    sign = W[X + SIGN] !== 0 ? -scale : scale;
  let h = multiplyPairs(highPart(X) * sign, lowPart(X) * sign, LN2, LN2_LOW);
  if (!small) h = exponentialMinus1(h, LOW_PART[0]);
  fromPair(h, LOW_PART[0], small ? e : 0);
  return putRounded(R, d, Z, DROP_80, flags);
}

/** Base-2 logarithm of (h + l) * 2^e, h between 1 and 2. */
function logarithm(h: number, l: number, e: number): number {
  if (h > 1.4142135) {
    h /= 2;
    l /= 2;
    e++;
  }
  const nh = addPairs(h, l, -1, 0),
    nl = LOW_PART[0],
    dh = addPairs(h, l, 1, 0),
    dl = LOW_PART[0];
  let s = dividePairs(nh, nl, dh, dl);
  s = logarithmOfRatio(s, LOW_PART[0]);
  s = multiplyPairs(s, LOW_PART[0], INVERSE_LN2, INVERSE_LN2_LOW);
  return addPairs(e, 0, s, LOW_PART[0]);
}

/** Slot Z = slot Y times the pair. */
function timesY(h: number, l: number, k: number): void {
  const sign = W[Y + SIGN],
    p = multiplyPairs(highPart(Y), lowPart(Y), h, l);
  fromPair(p, LOW_PART[0], k + W[Y + EXP]);
  W[Z + SIGN] ^= sign;
}

/** FYL2X: d = y * log2 x. */
function yLog2x(R: Int32Array, x: number, d: number): boolean {
  const kx = load(R, x, X),
    ky = load(R, d, Y);
  if (kx >= QUIET || ky >= QUIET) return nanOfTwo(R, d);
  if (W[X + SIGN] !== 0 && kx !== ZERO) return invalid(R, d);
  const one = kx === NORMAL && W[X + EXP] === 0 && ((W[X + HIGH] & 0x7fffffff) | W[X + LOW]) === 0;
  if ((ky === ZERO && (kx === ZERO || kx === INFINITE)) || (ky === INFINITE && one)) return invalid(R, d);
  const sign = W[Y + SIGN];
  let flags = kx === DENORMAL || ky === DENORMAL ? DE : 0;
  if (kx === ZERO && ky !== INFINITE) flags = ZE;
  if (stops(R, flags)) return false;
  if (kx === ZERO) setInfinity(Z, sign ^ 1);
  else if (kx === INFINITE) setInfinity(Z, sign);
  else if (ky === INFINITE) setInfinity(Z, W[X + EXP] < 0 ? sign ^ 1 : sign);
  else if (one) setZero(Z, sign);
  else if (ky === ZERO) setZero(Z, W[X + EXP] < 0 ? sign ^ 1 : sign);
  else if (((W[X + HIGH] & 0x7fffffff) | W[X + LOW]) === 0) {
    // A power of two: the logarithm is an integer and the product may be exact.
    unpackInt32(W[X + EXP], X);
    multiply(X, Y);
  } else {
    const h = logarithm(highPart(X), lowPart(X), W[X + EXP]);
    timesY(h, LOW_PART[0], 0);
  }
  return putRounded(R, d, Z, DROP_80, flags);
}

/** FYL2XP1: d = y * log2(x + 1); x above √2 / 2 - 1 and below √2 - 1, else the result is undefined (here it is right down to -1). */
function yLog2xPlus1(R: Int32Array, x: number, d: number): boolean {
  const kx = load(R, x, X),
    ky = load(R, d, Y);
  if (kx >= QUIET || ky >= QUIET) return nanOfTwo(R, d);
  const e = W[X + EXP],
    negative = W[X + SIGN] !== 0,
    sign = W[Y + SIGN] ^ W[X + SIGN];
  if (negative && (kx === INFINITE || (kx === NORMAL && e >= 0))) return invalid(R, d);
  if ((kx === ZERO && ky === INFINITE) || (kx === INFINITE && ky === ZERO)) return invalid(R, d);
  const flags = kx === DENORMAL || ky === DENORMAL ? DE : 0;
  if (stops(R, flags)) return false;
  if (kx === INFINITE || ky === INFINITE) setInfinity(Z, sign);
  else if (kx === ZERO || ky === ZERO) setZero(Z, sign);
  else if (e < -70) {
    const h = multiplyPairs(highPart(X), lowPart(X), INVERSE_LN2, INVERSE_LN2_LOW);
    timesY(h, LOW_PART[0], e);
    W[Z + SIGN] = sign;
  } else if (e >= -1) {
    // Outside what is promised: 1 + x has lost bits, or not.
    const scale = power(Math.min(e, 1000)) * (negative ? -1 : 1);
    let h = addPairs(1, 0, highPart(X) * scale, lowPart(X) * scale),
      l = LOW_PART[0],
      k = 0;
    while (h >= 2) {
      h /= 2;
      l /= 2;
      k++;
    }
    while (h < 1) {
      h *= 2;
      l *= 2;
      k--;
    }
    h = logarithm(h, l, k);
    timesY(h, LOW_PART[0], 0);
  } else {
    const scale = power(e) * (negative ? -1 : 1),
      xh = highPart(X) * scale,
      xl = lowPart(X) * scale;
    const dh = addPairs(2, 0, xh, xl);
    let s = dividePairs(xh, xl, dh, LOW_PART[0]);
    s = logarithmOfRatio(s, LOW_PART[0]);
    s = multiplyPairs(s, LOW_PART[0], INVERSE_LN2, INVERSE_LN2_LOW);
    timesY(s, LOW_PART[0], 0);
  }
  return putRounded(R, d, Z, DROP_80, flags);
}

// ---- instructions ----

const trig =
  (what: number): CoreOpFactory =>
  () =>
  core => {
    ready(core);
    trigonometric(core.R, what);
  };

/** ST(1) = kernel(ST(0), ST(1)), then pop. */
const popping =
  (kernel: (R: Int32Array, x: number, d: number) => boolean): CoreOpFactory =>
  () =>
  core => {
    ready(core);
    const R = core.R;
    const done = used(R, 0) && used(R, 1) ? kernel(R, st(R, 0), st(R, 1)) : stackFault(R, 1);
    if (done) pop(R);
  };

export const transcendentalOps: Record<string, CoreOpFactory> = {
  fsin: trig(SINE),
  fcos: trig(COSINE),
  fptan: trig(TANGENT),
  fsincos: trig(BOTH),
  fpatan: popping(arcTangent),
  f2xm1: () => core => {
    ready(core);
    const R = core.R;
    if (used(R, 0)) powerMinus1(R, st(R, 0));
    else stackFault(R, 0);
  },
  fyl2x: popping(yLog2x),
  fyl2xp1: popping(yLog2xPlus1),
};
