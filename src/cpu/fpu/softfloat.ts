/**
 * Binary floating point of 24, 53 and 64 significant bits in 32-bit integers: what hardware does where a JavaScript number does not know
 * (80 bits, rounding modes, exception flags, NaN payloads).
 * Sources: IEEE 754-2008; SDM vol. 1, 4.2, 4.8, 4.9 (formats, tininess after rounding), 8.1.5 (precision and rounding control).
 *
 * Numbers are worked on unpacked, in slots of one scratch array (no objects, and no variables that V8 would box): a significand of 64 bits with
 * its leading one on top, an exponent without bias, and a word REST of the bits that follow, the last of which is sticky. An operation leaves its
 * exact result in that form (as far as any rounding can tell) and `round()` makes the format's value of it.
 */

/** Exception flags as in FSW and MXCSR, and C1 of FSW, which says that the result was rounded up (away from zero). */
export const IE = 1,
  DE = 2,
  ZE = 4,
  OE = 8,
  UE = 16,
  PE = 32,
  C1 = 0x200;

/** Rounding control as in FCW and MXCSR. */
export const NEAREST = 0,
  DOWN = 1,
  UP = 2,
  ZERO_WARD = 3;

/** Words of a slot. */
export const CLASS = 0,
  SIGN = 1,
  EXP = 2,
  HIGH = 3,
  LOW = 4,
  REST = 5;
const SLOT = 8;
/** Slots: two operands, the result, one to spare. */
export const X = 0,
  Y = SLOT,
  Z = 2 * SLOT,
  V = 3 * SLOT;
/** Words 32.. of the scratch: a value in its memory format, low word first (three words for 80 bits). */
export const OUT = 4 * SLOT;
/** A 128-bit product, low word first. */
const PRODUCT = OUT + 4;

/** The scratch. */
export const W = new Int32Array(48);

/** CLASS. DENORMAL: a denormal (or pseudo-denormal), here with its leading one on top. UNSUPPORTED: 80-bit encodings that no longer mean anything. */
export const ZERO = 0,
  NORMAL = 1,
  DENORMAL = 2,
  INFINITE = 3,
  QUIET = 4,
  SIGNALING = 5,
  UNSUPPORTED = 6;

/** Significand bits below the format's precision, and exponent range. */
export const DROP_80 = 0,
  MIN_80 = -16382,
  MAX_80 = 16383;
export const DROP_64 = 11,
  MIN_64 = -1022,
  MAX_64 = 1023;
export const DROP_32 = 40,
  MIN_32 = -126,
  MAX_32 = 127;
/** Added to (taken from) the exponent of an 80-bit result that underflows (overflows) with the exception unmasked (SDM vol. 1, 8.5.4, 8.5.5). */
export const BIAS_ADJUST = 24576;

/** High word of the unsigned product. */
export function mulHigh(a: number, b: number): number {
  const a0 = a & 0xffff,
    a1 = a >>> 16,
    b0 = b & 0xffff,
    b1 = b >>> 16;
  const middle = (Math.imul(a1, b0) + (Math.imul(a0, b0) >>> 16)) | 0;
  const other = (Math.imul(a0, b1) + (middle & 0xffff)) | 0;
  return (Math.imul(a1, b1) + (middle >>> 16) + (other >>> 16)) | 0;
}

/** Shifts the significand of a slot left until its leading one is on top; the slot must not be zero. */
function normalize(o: number): void {
  let h = W[o + HIGH],
    l = W[o + LOW],
    r = W[o + REST],
    e = W[o + EXP];
  while (h === 0) {
    h = l;
    l = r;
    r = 0;
    e -= 32;
  }
  const n = Math.clz32(h);
  if (n > 0) {
    h = (h << n) | (l >>> (32 - n));
    l = (l << n) | (r >>> (32 - n));
    r <<= n;
    e -= n;
  }
  W[o + HIGH] = h;
  W[o + LOW] = l;
  W[o + REST] = r;
  W[o + EXP] = e;
}

export function unpack80(low: number, high: number, signExponent: number, o: number): void {
  const exponent = signExponent & 0x7fff;
  W[o + SIGN] = (signExponent >> 15) & 1;
  W[o + HIGH] = high;
  W[o + LOW] = low;
  W[o + REST] = 0;
  W[o + EXP] = exponent - 16383;
  if (exponent === 0) {
    if ((high | low) === 0) {
      W[o + CLASS] = ZERO;
      return;
    }
    W[o + CLASS] = DENORMAL;
    W[o + EXP] = MIN_80;
    normalize(o);
  } else if (high >= 0) W[o + CLASS] = UNSUPPORTED;
  else if (exponent !== 0x7fff) W[o + CLASS] = NORMAL;
  else W[o + CLASS] = ((high & 0x7fffffff) | low) === 0 ? INFINITE : (high & 0x40000000) !== 0 ? QUIET : SIGNALING;
}

export function unpack64(low: number, high: number, o: number): void {
  const exponent = (high >>> 20) & 0x7ff,
    h = ((high << 11) & 0x7fffffff) | (low >>> 21),
    l = low << 11;
  W[o + SIGN] = high >>> 31;
  W[o + REST] = 0;
  W[o + LOW] = l;
  if (exponent === 0) {
    W[o + HIGH] = h;
    W[o + EXP] = MIN_64;
    if ((h | l) === 0) {
      W[o + CLASS] = ZERO;
      return;
    }
    W[o + CLASS] = DENORMAL;
    normalize(o);
    return;
  }
  W[o + HIGH] = h | 0x80000000;
  W[o + EXP] = exponent - 1023;
  W[o + CLASS] = exponent !== 0x7ff ? NORMAL : (h | l) === 0 ? INFINITE : (h & 0x40000000) !== 0 ? QUIET : SIGNALING;
}

export function unpack32(bits: number, o: number): void {
  const exponent = (bits >>> 23) & 0xff,
    h = (bits << 8) & 0x7fffffff;
  W[o + SIGN] = bits >>> 31;
  W[o + REST] = 0;
  W[o + LOW] = 0;
  if (exponent === 0) {
    W[o + HIGH] = h;
    W[o + EXP] = MIN_32;
    if (h === 0) {
      W[o + CLASS] = ZERO;
      return;
    }
    W[o + CLASS] = DENORMAL;
    normalize(o);
    return;
  }
  W[o + HIGH] = h | 0x80000000;
  W[o + EXP] = exponent - 127;
  W[o + CLASS] = exponent !== 0xff ? NORMAL : h === 0 ? INFINITE : (h & 0x40000000) !== 0 ? QUIET : SIGNALING;
}

/** A signed 32-bit integer. */
export function unpackInt32(value: number, o: number): void {
  W[o + SIGN] = value >>> 31;
  W[o + LOW] = 0;
  W[o + REST] = 0;
  if (value === 0) {
    W[o + CLASS] = ZERO;
    W[o + HIGH] = 0;
    W[o + EXP] = MIN_80;
    return;
  }
  const magnitude = value < 0 ? -value | 0 : value,
    n = Math.clz32(magnitude);
  W[o + CLASS] = NORMAL;
  W[o + HIGH] = magnitude << n;
  W[o + EXP] = 31 - n;
}

/** A signed 64-bit integer. */
export function unpackInt64(low: number, high: number, o: number): void {
  W[o + SIGN] = high >>> 31;
  W[o + REST] = 0;
  W[o + EXP] = 63;
  if (high < 0) {
    low = -low | 0;
    high = (~high + (low === 0 ? 1 : 0)) | 0;
  }
  W[o + HIGH] = high;
  W[o + LOW] = low;
  W[o + CLASS] = (high | low) === 0 ? ZERO : NORMAL;
  if ((high | low) !== 0) normalize(o);
}

/** Writes a slot (after `round`, or a NaN or infinity) as 80 bits to OUT. */
export function pack80(o: number): void {
  const sign = W[o + SIGN] << 15,
    kind = W[o + CLASS];
  if (kind >= INFINITE) {
    W[OUT] = W[o + LOW];
    W[OUT + 1] = W[o + HIGH];
    W[OUT + 2] = sign | 0x7fff;
  } else if (kind === ZERO) {
    W[OUT] = 0;
    W[OUT + 1] = 0;
    W[OUT + 2] = sign;
  } else {
    W[OUT] = W[o + LOW];
    W[OUT + 1] = W[o + HIGH];
    W[OUT + 2] = sign | (W[o + HIGH] < 0 ? W[o + EXP] + 16383 : 0);
  }
}

export function pack64(o: number): void {
  const sign = W[o + SIGN] << 31,
    kind = W[o + CLASS],
    h = W[o + HIGH],
    l = W[o + LOW];
  if (kind === ZERO) {
    W[OUT] = 0;
    W[OUT + 1] = sign;
    return;
  }
  W[OUT] = (l >>> 11) | (h << 21);
  W[OUT + 1] = sign | ((kind >= INFINITE ? 0x7ff : h < 0 ? W[o + EXP] + 1023 : 0) << 20) | ((h >>> 11) & 0xfffff);
}

export function pack32(o: number): void {
  const sign = W[o + SIGN] << 31,
    kind = W[o + CLASS],
    h = W[o + HIGH];
  W[OUT] =
    kind === ZERO
      ? sign
      : sign | ((kind >= INFINITE ? 0xff : h < 0 ? W[o + EXP] + 127 : 0) << 23) | ((h >>> 8) & 0x7fffff);
}

export function setZero(o: number, sign: number): void {
  W[o + CLASS] = ZERO;
  W[o + SIGN] = sign;
  W[o + EXP] = MIN_80;
  W[o + HIGH] = 0;
  W[o + LOW] = 0;
  W[o + REST] = 0;
}

export function setInfinity(o: number, sign: number): void {
  W[o + CLASS] = INFINITE;
  W[o + SIGN] = sign;
  W[o + EXP] = MAX_80 + 1;
  W[o + HIGH] = 0x80000000;
  W[o + LOW] = 0;
  W[o + REST] = 0;
}

/** The real indefinite: the quiet NaN that masked invalid operations give. */
export function setDefaultNan(o: number): void {
  W[o + CLASS] = QUIET;
  W[o + SIGN] = 1;
  W[o + EXP] = MAX_80 + 1;
  W[o + HIGH] = 0xc0000000;
  W[o + LOW] = 0;
  W[o + REST] = 0;
}

export function copySlot(from: number, to: number): void {
  W[to] = W[from];
  W[to + SIGN] = W[from + SIGN];
  W[to + EXP] = W[from + EXP];
  W[to + HIGH] = W[from + HIGH];
  W[to + LOW] = W[from + LOW];
  W[to + REST] = W[from + REST];
}

/** Shifts a slot's significand right by n (any positive number); what falls off is kept sticky. */
function shiftRight(o: number, n: number): void {
  let h = W[o + HIGH],
    l = W[o + LOW],
    r = W[o + REST];
  // After 96 places only the sticky bit is left.
  if (n > 96) n = 96;
  while (n >= 32) {
    r = l | (r !== 0 ? 1 : 0);
    l = h;
    h = 0;
    n -= 32;
  }
  if (n > 0) {
    r = (r >>> n) | (l << (32 - n)) | (r << (32 - n) !== 0 ? 1 : 0);
    l = (l >>> n) | (h << (32 - n));
    h >>>= n;
  }
  W[o + HIGH] = h;
  W[o + LOW] = l;
  W[o + REST] = r;
}

/** True if the fraction `rest` (of one unit in the last place, 32 bits) rounds the magnitude up. */
function roundsUp(rest: number, odd: number, sign: number, control: number): boolean {
  switch (control) {
    case NEAREST:
      return rest < 0 && (rest !== -0x80000000 || (odd & 1) !== 0);
    case DOWN:
      return rest !== 0 && sign !== 0;
    case UP:
      return rest !== 0 && sign === 0;
    default:
      return false;
  }
}

/** Cuts `drop` bits off the slot's significand and rounds; returns PE and C1. A carry out of the top raises the exponent. */
function roundBits(o: number, drop: number, control: number): number {
  let h = W[o + HIGH],
    l = W[o + LOW],
    rest = W[o + REST],
    odd = l;
  if (drop === DROP_64) {
    rest = (l << 21) | (rest !== 0 ? 1 : 0);
    odd = l >>> 11;
    l &= ~0x7ff;
  } else if (drop === DROP_32) {
    rest = (h << 24) | (l >>> 8) | (((l & 0xff) | rest) !== 0 ? 1 : 0);
    odd = h >>> 8;
    h &= ~0xff;
    l = 0;
  }
  W[o + REST] = 0;
  let flags = rest !== 0 ? PE : 0;
  if (roundsUp(rest, odd, W[o + SIGN], control)) {
    flags |= C1;
    if (drop === DROP_32) h = (h + 0x100) | 0;
    else {
      const unit = drop === DROP_64 ? 0x800 : 1;
      l = (l + unit) | 0;
      if (l === 0) h = (h + 1) | 0;
    }
    // A carry leaves all zeros where the top bit was set before; from a denormal it only moves into the top bit.
    if (h === 0 && l === 0) {
      h = 0x80000000;
      W[o + EXP]++;
    }
  }
  W[o + HIGH] = h;
  W[o + LOW] = l;
  return flags;
}

/**
 * Rounds a normalized nonzero slot to `drop` bits fewer than 64 and the exponent range min..max, in place; returns the flags OE UE PE C1.
 * `masks`: exception masks as in FCW. An unmasked overflow or underflow leaves the result with its exponent adjusted, as the 80-bit format has it.
 * Afterwards the slot may be a denormal (top bit clear, exponent `min`), a zero or an infinity.
 */
export function round(o: number, drop: number, min: number, max: number, control: number, masks: number): number {
  let flags = 0;
  const e = W[o + EXP];
  if (e < min) {
    if ((masks & UE) === 0) {
      W[o + EXP] = e + BIAS_ADJUST;
      // Rounded up to the smallest normal number: not tiny after all.
      flags = roundBits(o, drop, control);
      if (W[o + EXP] - BIAS_ADJUST < min) return flags | UE;
      W[o + EXP] -= BIAS_ADJUST;
      return flags;
    }
    // Tiny unless rounding with an unbounded exponent reaches `min`; that can only be just below it.
    let tiny = true;
    if (e === min - 1) {
      copySlot(o, V);
      roundBits(V, drop, control);
      tiny = W[V + EXP] < min;
    }
    shiftRight(o, min - e);
    W[o + EXP] = min;
    flags = roundBits(o, drop, control);
    if ((W[o + HIGH] | W[o + LOW]) === 0) W[o + CLASS] = ZERO;
    return tiny && (flags & PE) !== 0 ? flags | UE : flags;
  }
  flags = roundBits(o, drop, control);
  if (W[o + EXP] > max) {
    if ((masks & OE) === 0) {
      W[o + EXP] -= BIAS_ADJUST;
      return flags | OE;
    }
    const sign = W[o + SIGN];
    flags = OE | PE;
    if (control === NEAREST || control === (sign !== 0 ? DOWN : UP)) {
      setInfinity(o, sign);
      return flags | C1;
    }
    W[o + EXP] = max;
    W[o + HIGH] = drop === DROP_32 ? -0x100 : -1;
    W[o + LOW] = drop === DROP_32 ? 0 : drop === DROP_64 ? -0x800 : -1;
  }
  return flags;
}

/** Z = a + b for nonzero finite slots; an exact zero has the sign that `control` asks for. `negate`: 1 subtracts. */
export function add(a: number, b: number, negate: number, control: number): void {
  let signA = W[a + SIGN],
    signB = W[b + SIGN] ^ negate;
  let s = W[a + EXP] - W[b + EXP];
  if (
    s < 0 ||
    (s === 0 &&
      (W[a + HIGH] >>> 0 < W[b + HIGH] >>> 0 || (W[a + HIGH] === W[b + HIGH] && W[a + LOW] >>> 0 < W[b + LOW] >>> 0)))
  ) {
    const t = a;
    a = b;
    b = t;
    const u = signA;
    signA = signB;
    signB = u;
    s = -s;
  }
  // |a| >= |b|: b goes to V, moved right to a's exponent.
  copySlot(b, V);
  if (s > 0) shiftRight(V, s);
  const ah = W[a + HIGH],
    al = W[a + LOW];
  W[Z] = NORMAL;
  W[Z + SIGN] = signA;
  W[Z + EXP] = W[a + EXP];
  if (signA === signB) {
    const low = (al + W[V + LOW]) | 0,
      carry = low >>> 0 < al >>> 0 ? 1 : 0;
    const high = (ah + W[V + HIGH] + carry) | 0;
    W[Z + HIGH] = high;
    W[Z + LOW] = low;
    W[Z + REST] = W[V + REST];
    if (s === 0 || high >= 0) {
      shiftRight(Z, 1);
      W[Z + HIGH] |= 0x80000000;
      W[Z + EXP]++;
    }
    return;
  }
  const rest = -W[V + REST] | 0;
  let borrow = rest !== 0 ? 1 : 0;
  const l = W[V + LOW],
    low = (al - l - borrow) | 0;
  borrow = al >>> 0 < (l >>> 0) + borrow ? 1 : 0;
  const high = (ah - W[V + HIGH] - borrow) | 0;
  W[Z + HIGH] = high;
  W[Z + LOW] = low;
  W[Z + REST] = rest;
  if ((high | low | rest) === 0) setZero(Z, control === DOWN ? 1 : 0);
  else normalize(Z);
}

/** PRODUCT = the unsigned product of two 64-bit numbers. */
function product(ah: number, al: number, bh: number, bl: number): void {
  const ll1 = mulHigh(al, bl) >>> 0,
    lh1 = mulHigh(al, bh) >>> 0,
    hl1 = mulHigh(ah, bl) >>> 0;
  const word1 = ll1 + (Math.imul(al, bh) >>> 0) + (Math.imul(ah, bl) >>> 0);
  const word2 = lh1 + hl1 + (Math.imul(ah, bh) >>> 0) + Math.floor(word1 * 2 ** -32);
  W[PRODUCT] = Math.imul(al, bl);
  W[PRODUCT + 1] = word1;
  W[PRODUCT + 2] = word2;
  W[PRODUCT + 3] = mulHigh(ah, bh) + Math.floor(word2 * 2 ** -32);
}

/** Z = a * b for nonzero finite slots. */
export function multiply(a: number, b: number): void {
  product(W[a + HIGH], W[a + LOW], W[b + HIGH], W[b + LOW]);
  W[Z] = NORMAL;
  W[Z + SIGN] = W[a + SIGN] ^ W[b + SIGN];
  W[Z + EXP] = W[a + EXP] + W[b + EXP] + 1;
  W[Z + HIGH] = W[PRODUCT + 3];
  W[Z + LOW] = W[PRODUCT + 2];
  const rest = W[PRODUCT + 1];
  W[Z + REST] = rest | (W[PRODUCT] !== 0 ? 1 : 0);
  if (W[Z + HIGH] >= 0) {
    // One place to the left; the sticky bit stays where it is.
    W[Z + HIGH] = (W[Z + HIGH] << 1) | (W[Z + LOW] >>> 31);
    W[Z + LOW] = (W[Z + LOW] << 1) | (rest >>> 31);
    W[Z + REST] = (rest << 1) | (W[PRODUCT] !== 0 ? 1 : 0);
    W[Z + EXP]--;
  }
}

/**
 * One digit of a division: the three words n (below d * 2^32) by the two words d, whose top bit is set. Returns the quotient; the remainder is left
 * in W[PRODUCT + 1] (high) and W[PRODUCT]. The quotient is estimated in doubles, which cannot be wrong by more than one, and put right.
 */
function divideDigit(n2: number, n1: number, n0: number, dh: number, dl: number): number {
  const d = (dh >>> 0) * 0x100000000 + (dl >>> 0);
  let q = Math.floor((((n2 >>> 0) * 0x100000000 + (n1 >>> 0)) / d) * 0x100000000 + (n0 >>> 0) / d);
  if (q > 0xffffffff) q = 0xffffffff;
  // n - q * d in three words
  const p0 = Math.imul(q, dl),
    mid = (mulHigh(q | 0, dl) >>> 0) + (Math.imul(q, dh) >>> 0);
  const p2 = (mulHigh(q | 0, dh) + Math.floor(mid * 2 ** -32)) | 0,
    p1 = mid | 0;
  let r0 = (n0 - p0) | 0;
  const borrow0 = n0 >>> 0 < p0 >>> 0 ? 1 : 0;
  let r1 = (n1 - p1 - borrow0) | 0;
  const borrow1 = n1 >>> 0 < (p1 >>> 0) + borrow0 ? 1 : 0;
  let r2 = (n2 - p2 - borrow1) | 0;
  while (r2 < 0) {
    q--;
    const sum = (r0 >>> 0) + (dl >>> 0),
      sum1 = (r1 >>> 0) + (dh >>> 0) + (sum > 0xffffffff ? 1 : 0);
    r0 = sum | 0;
    r1 = sum1 | 0;
    r2 = (r2 + (sum1 > 0xffffffff ? 1 : 0)) | 0;
  }
  while (r2 > 0 || r1 >>> 0 > dh >>> 0 || (r1 === dh && r0 >>> 0 >= dl >>> 0)) {
    q++;
    const borrow = r0 >>> 0 < dl >>> 0 ? 1 : 0,
      borrowHigh = r1 >>> 0 < (dh >>> 0) + borrow ? 1 : 0;
    r0 = (r0 - dl) | 0;
    r1 = (r1 - dh - borrow) | 0;
    r2 = (r2 - borrowHigh) | 0;
  }
  W[PRODUCT] = r0;
  W[PRODUCT + 1] = r1;
  return q | 0;
}

/** Z = a / b for nonzero finite slots. */
export function divide(a: number, b: number): void {
  const dh = W[b + HIGH],
    dl = W[b + LOW];
  let n3 = W[a + HIGH],
    n2 = W[a + LOW],
    n1 = 0;
  let e = W[a + EXP] - W[b + EXP] - 1;
  if (n3 >>> 0 > dh >>> 0 || (n3 === dh && n2 >>> 0 >= dl >>> 0)) {
    n1 = n2 << 31;
    n2 = (n2 >>> 1) | (n3 << 31);
    n3 >>>= 1;
    e++;
  }
  const high = divideDigit(n3, n2, n1, dh, dl);
  const low = divideDigit(W[PRODUCT + 1], W[PRODUCT], 0, dh, dl);
  const r1 = W[PRODUCT + 1],
    r0 = W[PRODUCT];
  W[Z] = NORMAL;
  W[Z + SIGN] = W[a + SIGN] ^ W[b + SIGN];
  W[Z + EXP] = e;
  W[Z + HIGH] = high;
  W[Z + LOW] = low;
  // The rest is remainder / divisor: nothing, below, at or above a half.
  const t1 = (r1 << 1) | (r0 >>> 31),
    t0 = r0 << 1;
  W[Z + REST] =
    (r1 | r0) === 0
      ? 0
      : r1 < 0 || t1 >>> 0 > dh >>> 0 || (t1 === dh && t0 >>> 0 > dl >>> 0)
        ? 0xc0000000
        : t1 === dh && t0 === dl
          ? 0x80000000
          : 0x40000000;
}

/** Z = square root of a positive finite slot. */
export function squareRoot(a: number): void {
  let n3 = W[a + HIGH],
    n2 = W[a + LOW],
    n1 = 0;
  const e = W[a + EXP];
  // The radicand as 128 bits, so that its root has 64: times 2^63 for an even exponent, 2^64 for an odd one.
  if ((e & 1) === 0) {
    n1 = n2 << 31;
    n2 = (n2 >>> 1) | (n3 << 31);
    n3 >>>= 1;
  }
  // High word of the root, then the low one from the remainder; doubles estimate, the exact remainder decides.
  const top = (n3 >>> 0) * 0x100000000 + (n2 >>> 0);
  let s1 = Math.floor(Math.sqrt(top));
  if (s1 > 0xffffffff) s1 = 0xffffffff;
  let squareLow = Math.imul(s1, s1),
    squareHigh = mulHigh(s1 | 0, s1 | 0);
  if (squareHigh >>> 0 > n3 >>> 0 || (squareHigh === n3 && squareLow >>> 0 > n2 >>> 0)) {
    s1--;
    squareLow = Math.imul(s1, s1);
    squareHigh = mulHigh(s1 | 0, s1 | 0);
  }
  const left = ((n3 - squareHigh - (n2 >>> 0 < squareLow >>> 0 ? 1 : 0)) | 0) * 0x100000000 + ((n2 - squareLow) >>> 0);
  let s0 = Math.floor((left * 0x100000000 + (n1 >>> 0)) / (2 * s1));
  if (s0 > 0xffffffff) s0 = 0xffffffff;
  if (s0 < 0) s0 = 0;
  let high = s1 | 0,
    low = s0 | 0;
  // Remainder modulo 2^96; it is small once the root is right.
  product(high, low, high, low);
  let r0 = -W[PRODUCT] | 0;
  const b0 = r0 !== 0 ? 1 : 0;
  let r1 = (n1 - W[PRODUCT + 1] - b0) | 0;
  const b1 = n1 >>> 0 < (W[PRODUCT + 1] >>> 0) + b0 ? 1 : 0;
  let r2 = (n2 - W[PRODUCT + 2] - b1) | 0;
  while (r2 < 0) {
    // root - 1: remainder + 2 * root - 1
    const l = (low << 1) | 0,
      m = (high << 1) | (low >>> 31),
      t = high >>> 31;
    const c0 = (r0 >>> 0) + (l >>> 0) - 1;
    const sum0 = c0 < 0 ? c0 + 0x100000000 : c0;
    const c1 = (r1 >>> 0) + (m >>> 0) + (c0 > 0xffffffff ? 1 : 0) - (c0 < 0 ? 1 : 0);
    r0 = sum0 | 0;
    r1 = c1 | 0;
    r2 = (r2 + t + (c1 > 0xffffffff ? 1 : 0) - (c1 < 0 ? 1 : 0)) | 0;
    if (low === 0) high = (high - 1) | 0;
    low = (low - 1) | 0;
  }
  for (;;) {
    // While remainder > 2 * root: root + 1
    const l = (low << 1) | 0,
      m = (high << 1) | (low >>> 31),
      t = high >>> 31;
    if (r2 < t || (r2 === t && (r1 >>> 0 < m >>> 0 || (r1 === m && r0 >>> 0 <= l >>> 0)))) break;
    const c0 = (r0 >>> 0) - (l >>> 0) - 1;
    const c1 = (r1 >>> 0) - (m >>> 0) - (c0 < 0 ? 1 : 0);
    r0 = c0 | 0;
    r1 = c1 | 0;
    r2 = (r2 - t - (c1 < 0 ? 1 : 0)) | 0;
    low = (low + 1) | 0;
    if (low === 0) high = (high + 1) | 0;
  }
  W[Z] = NORMAL;
  W[Z + SIGN] = 0;
  W[Z + EXP] = e >> 1;
  W[Z + HIGH] = high;
  W[Z + LOW] = low;
  // Never a tie: the root of a 64-bit number has no 65-bit value with its last bit set.
  W[Z + REST] =
    (r2 | r1 | r0) === 0
      ? 0
      : r2 > 0 || r1 >>> 0 > high >>> 0 || (r1 === high && r0 >>> 0 > low >>> 0)
        ? 0xc0000000
        : 0x40000000;
}

/** -1, 0 or 1: order of two slots that are no NaNs. */
export function compare(a: number, b: number): number {
  const zeroA = W[a] === ZERO,
    zeroB = W[b] === ZERO;
  if (zeroA || zeroB) return zeroA && zeroB ? 0 : zeroA ? (W[b + SIGN] !== 0 ? 1 : -1) : W[a + SIGN] !== 0 ? -1 : 1;
  const sign = W[a + SIGN] !== 0 ? -1 : 1;
  if (W[a + SIGN] !== W[b + SIGN]) return sign;
  // Infinities carry an exponent above all others only in the 80-bit unpacking; go by class.
  const ea = W[a] === INFINITE ? 0x10000 : W[a + EXP],
    eb = W[b] === INFINITE ? 0x10000 : W[b + EXP];
  if (ea !== eb) return ea < eb ? -sign : sign;
  if (W[a + HIGH] !== W[b + HIGH]) return W[a + HIGH] >>> 0 < W[b + HIGH] >>> 0 ? -sign : sign;
  return W[a + LOW] === W[b + LOW] ? 0 : W[a + LOW] >>> 0 < W[b + LOW] >>> 0 ? -sign : sign;
}

/** Rounds a finite slot to an integral value in place (RNDINT); returns PE and C1. */
export function roundToIntegral(o: number, control: number): number {
  const e = W[o + EXP];
  if (W[o] === ZERO || e >= 63) return 0;
  // Move the units place to the bottom, round there, move back.
  shiftRight(o, 63 - e);
  const flags = roundBits(o, DROP_80, control);
  W[o + EXP] = 63;
  if ((W[o + HIGH] | W[o + LOW]) === 0) setZero(o, W[o + SIGN]);
  else {
    W[o] = NORMAL;
    normalize(o);
  }
  return flags;
}

/**
 * Converts a slot to a signed integer of `bits` (16, 32 or 64) bits in OUT, OUT + 1 (sign-extended); returns PE and C1, or IE if it does not fit
 * (OUT then holds the integer indefinite, the most negative number).
 */
export function toInteger(o: number, bits: number, control: number): number {
  const sign = W[o + SIGN];
  let flags = IE,
    h = 0,
    l = 0;
  if (W[o] === ZERO) flags = 0;
  else if (W[o] < INFINITE && W[o + EXP] <= 63) {
    copySlot(o, V);
    if (W[V + EXP] < 63) shiftRight(V, 63 - W[V + EXP]);
    W[V + EXP] = 63;
    flags = roundBits(V, DROP_80, control);
    h = W[V + HIGH];
    l = W[V + LOW];
    // Fits if below 2^(bits - 1), or equal to it and negative.
    if (bits === 64) {
      if (h < 0 && (sign === 0 || ((h & 0x7fffffff) | l) !== 0)) flags = IE;
    } else if (h !== 0 || l >>> 0 > (bits === 32 ? 0x7fffffff : 0x7fff) + sign) flags = IE;
  }
  if (flags === IE) {
    W[OUT] = bits === 64 ? 0 : bits === 32 ? 0x80000000 : -0x8000;
    W[OUT + 1] = bits === 64 ? 0x80000000 : -1;
    return IE;
  }
  if (sign !== 0) {
    l = -l | 0;
    h = (~h + (l === 0 ? 1 : 0)) | 0;
  }
  W[OUT] = l;
  W[OUT + 1] = h;
  return flags;
}
