/**
 * Numbers of about 104 bits as unevaluated sums of two doubles, for the transcendental functions: their 64-bit results are then right but for one case in
 * a billion or so. Functions return the high part and leave the low one in LOW_PART[0]. Sources: T. J. Dekker, A floating-point technique for
 * extending the available precision (1971); D. E. Knuth, The Art of Computer Programming vol. 2, 4.2.2.
 * Operands lie well inside the range of doubles; callers keep exponents apart.
 */

/** Low part of the last result. */
export const LOW_PART = new Float64Array(1);

const SPLIT = 134217729;

/** Makes a pair whose parts do not overlap; |h| >= |l|. */
function settle(h: number, l: number): number {
  const s = h + l;
  LOW_PART[0] = l - (s - h);
  return s;
}

export function addPairs(ah: number, al: number, bh: number, bl: number): number {
  const s = ah + bh,
    t = s - ah,
    e = ah - (s - t) + (bh - t);
  const u = al + bl,
    v = u - al,
    f = al - (u - v) + (bl - v);
  const m = e + u,
    h = s + m;
  return settle(h, m - (h - s) + f);
}

export function multiplyPairs(ah: number, al: number, bh: number, bl: number): number {
  const p = ah * bh;
  let t = SPLIT * ah;
  const a1 = t - (t - ah),
    a2 = ah - a1;
  t = SPLIT * bh;
  const b1 = t - (t - bh),
    b2 = bh - b1;
  return settle(p, a1 * b1 - p + a1 * b2 + a2 * b1 + a2 * b2 + (ah * bl + al * bh));
}

export function dividePairs(ah: number, al: number, bh: number, bl: number): number {
  const q = ah / bh;
  let h = multiplyPairs(q, 0, bh, bl);
  let rh = addPairs(ah, al, -h, -LOW_PART[0]),
    rl = LOW_PART[0];
  const q2 = rh / bh;
  h = multiplyPairs(q2, 0, bh, bl);
  rh = addPairs(rh, rl, -h, -LOW_PART[0]);
  rl = LOW_PART[0];
  const q3 = rh / bh;
  h = settle(q, q2);
  return addPairs(h, LOW_PART[0], q3, 0);
}

export function rootOfPair(ah: number, al: number): number {
  const x = Math.sqrt(ah);
  const h = multiplyPairs(x, 0, x, 0),
    d = addPairs(ah, al, -h, -LOW_PART[0]);
  return addPairs(x, 0, d / (2 * x), 0);
}

/** Reciprocals of 1, 2, 3, … as pairs. */
const COUNT = 48;
const inverseHigh = new Float64Array(COUNT),
  inverseLow = new Float64Array(COUNT);
for (let n = 1; n < COUNT; n++) {
  inverseHigh[n] = dividePairs(1, 0, n, 0);
  inverseLow[n] = LOW_PART[0];
}

/** e^y - 1 for |y| < 0.7, to full relative precision. */
export function exponentialMinus1(yh: number, yl: number): number {
  // Series for y / 8: y (1 + y/2 (1 + y/3 (…))), then three times e^2y - 1 = (e^y - 1)(e^y + 1).
  const h = yh / 8,
    l = yl / 8;
  let th = 1,
    tl = 0;
  for (let n = 14; n >= 2; n--) {
    let m = multiplyPairs(th, tl, h, l);
    m = multiplyPairs(m, LOW_PART[0], inverseHigh[n], inverseLow[n]);
    th = addPairs(1, 0, m, LOW_PART[0]);
    tl = LOW_PART[0];
  }
  th = multiplyPairs(th, tl, h, l);
  tl = LOW_PART[0];
  for (let i = 0; i < 3; i++) {
    const s = addPairs(th, tl, 2, 0);
    th = multiplyPairs(th, tl, s, LOW_PART[0]);
    tl = LOW_PART[0];
  }
  LOW_PART[0] = tl;
  return th;
}

/** s (1 ± s²/3 + s⁴/5 ± …): the inverse hyperbolic tangent (`sign` 1) or the inverse tangent (-1) of |s| < 0.2. */
function oddSeries(sh: number, sl: number, sign: number): number {
  const qh = multiplyPairs(sh, sl, sh, sl) * sign,
    ql = LOW_PART[0] * sign;
  let th = inverseHigh[39],
    tl = inverseLow[39];
  for (let n = 37; n >= 1; n -= 2) {
    const m = multiplyPairs(th, tl, qh, ql);
    th = addPairs(inverseHigh[n], inverseLow[n], m, LOW_PART[0]);
    tl = LOW_PART[0];
  }
  return multiplyPairs(th, tl, sh, sl);
}

/** ln((1 + s) / (1 - s)) for |s| < 0.18. */
export function logarithmOfRatio(sh: number, sl: number): number {
  const h = oddSeries(sh, sl, 1);
  LOW_PART[0] *= 2;
  return 2 * h;
}

/** Inverse tangent of 0 <= q <= 1. */
export function inverseTangent(qh: number, ql: number): number {
  // Twice: atan q = 2 atan(q / (1 + √(1 + q²))), which brings q below tan(π/16).
  let h = qh,
    l = ql,
    doublings = 0;
  while (h > 0.2) {
    let m = multiplyPairs(h, l, h, l);
    m = addPairs(1, 0, m, LOW_PART[0]);
    m = rootOfPair(m, LOW_PART[0]);
    m = addPairs(1, 0, m, LOW_PART[0]);
    h = dividePairs(h, l, m, LOW_PART[0]);
    l = LOW_PART[0];
    doublings++;
  }
  h = oddSeries(h, l, -1);
  LOW_PART[0] *= 1 << doublings;
  return h * (1 << doublings);
}

/** 1 - q/(a(a+1)) (1 - q/((a+2)(a+3)) (…)): sine (times r) from a = 2, cosine from a = 1. */
function alternating(qh: number, ql: number, first: number): number {
  let th = 1,
    tl = 0;
  for (let n = first + 24; n >= first; n -= 2) {
    let m = multiplyPairs(th, tl, -qh, -ql);
    m = multiplyPairs(m, LOW_PART[0], inverseHigh[n], inverseLow[n]);
    m = multiplyPairs(m, LOW_PART[0], inverseHigh[n + 1], inverseLow[n + 1]);
    th = addPairs(1, 0, m, LOW_PART[0]);
    tl = LOW_PART[0];
  }
  LOW_PART[0] = tl;
  return th;
}

/** Sine of |r| <= π/4. */
export function sineOfPair(rh: number, rl: number): number {
  const qh = multiplyPairs(rh, rl, rh, rl),
    t = alternating(qh, LOW_PART[0], 2);
  return multiplyPairs(t, LOW_PART[0], rh, rl);
}

/** Cosine of |r| <= π/4. */
export function cosineOfPair(rh: number, rl: number): number {
  const qh = multiplyPairs(rh, rl, rh, rl);
  return alternating(qh, LOW_PART[0], 1);
}
