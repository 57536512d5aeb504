/**
 * SSE and SSE2 arithmetic and comparison, packed and scalar, and the few SSE3 and SSE4.1 operations built on them.
 * Sources: SDM vol. 1, 10.2.3 (MXCSR), 11.5 (exceptions), tables 4-7 and E-1 to E-16 (NaNs, results); vol. 2, each instruction.
 *
 * While MXCSR has its usual value (everything masked, nearest, no flushing) kernels compute with JavaScript numbers, whose double operations are the
 * very IEEE operations; a single is computed in double and rounded again, which is the same (53 >= 2 * 24 + 2). A lane goes to softfloat.ts when
 * an operand is a NaN or infinity or the result may have overflowed or (in double) underflowed. What is left is the inexact flag: it is sticky, so it is
 * looked at only while it is clear, by error-free transformations (Dekker; Knuth's TwoSum).
 */
import type { Core, CoreOpFactory } from '../ops/core.ts';
import { DST, IMM, SRC } from '../record.ts';
import { CR4, MXCSR, XMM } from '../architecture/registers.ts';
import type { Row } from '../table/row.ts';
import {
  add,
  compare,
  copySlot,
  DE,
  DENORMAL,
  divide,
  DROP_32,
  DROP_64,
  EXP,
  HIGH,
  IE,
  INFINITE,
  MAX_32,
  MAX_64,
  MIN_32,
  MIN_64,
  multiply,
  NORMAL,
  OUT,
  pack32,
  pack64,
  PE,
  QUIET,
  round,
  roundToIntegral,
  setDefaultNan,
  setInfinity,
  setZero,
  SIGN,
  SIGNALING,
  squareRoot,
  UE,
  unpack32,
  unpack64,
  W,
  X,
  Y,
  Z,
  ZE,
  ZERO,
} from './softfloat.ts';
import { CR4_OSXMMEXCPT, readySse, UD, XM } from './stack.ts';
import { memoryBytes, memorySource } from './vector.ts';

// ---- MXCSR ----

const DAZ = 0x40,
  FTZ = 0x8000,
  MASK_SHIFT = 7,
  ROUNDING_SHIFT = 13;
/** All of MXCSR but the flags, and their usual value. */
export const MODE = 0xffc0,
  USUAL = 0x1f80;

export function usualMode(R: Int32Array): boolean {
  return (R[MXCSR] & MODE) === USUAL;
}
export function roundingMode(mxcsr: number): number {
  return (mxcsr >> ROUNDING_SHIFT) & 3;
}

/**
 * Sets the flags of one instruction; #XM if one of them is unmasked. Exceptions of operands (IE, DE, ZE) come before any result is computed: where one
 * of these is unmasked, no flag for a result appears.
 */
export function report(core: Core, flags: number): void {
  const R = core.R,
    unmasked = flags & ~(R[MXCSR] >> MASK_SHIFT);
  if ((unmasked & (IE | DE | ZE)) !== 0) flags &= IE | DE | ZE;
  R[MXCSR] |= flags;
  if (unmasked !== 0) core.fault((R[CR4] & CR4_OSXMMEXCPT) !== 0 ? XM : UD);
}

// ---- numbers over R ----

let viewed: Int32Array | null = null;
/** R as floats and doubles; `numbers(R)` first. */
export let F32: Float32Array = new Float32Array(0),
  F64: Float64Array = new Float64Array(0);

export function numbers(R: Int32Array): void {
  if (viewed === R) return;
  viewed = R;
  F32 = new Float32Array(R.buffer, R.byteOffset, R.length);
  F64 = new Float64Array(R.buffer, R.byteOffset, R.length >> 1);
}

// ---- one lane in integers ----

const ADD = 0,
  SUBTRACT = 1,
  MULTIPLY = 2,
  DIVIDE = 3,
  SQUARE_ROOT = 4,
  MINIMUM = 5,
  MAXIMUM = 6;

/** Unpacks the lane at word `i` to slot o; returns its class. */
export function unpackLane(R: Int32Array, i: number, double: boolean, mxcsr: number, o: number): number {
  if (double) unpack64(R[i], R[i + 1], o);
  else unpack32(R[i], o);
  if (W[o] === DENORMAL && (mxcsr & DAZ) !== 0) setZero(o, W[o + SIGN]);
  return W[o];
}

export function packLane(o: number, double: boolean): void {
  if (double) pack64(o);
  else pack32(o);
}

/** Rounds finite slot o to the format with all that MXCSR asks for; returns flags. */
export function roundLane(o: number, double: boolean, mxcsr: number): number {
  const masks = mxcsr >> MASK_SHIFT,
    control = (mxcsr >> ROUNDING_SHIFT) & 3;
  const drop = double ? DROP_64 : DROP_32,
    min = double ? MIN_64 : MIN_32,
    max = double ? MAX_64 : MAX_32;
  if ((mxcsr & FTZ) !== 0 && (masks & UE) !== 0 && W[o + EXP] < min) {
    // Tiny after rounding: what an unmasked underflow would say.
    copySlot(o, X);
    if ((round(X, drop, min, max, control, 0) & UE) !== 0) {
      setZero(o, W[o + SIGN]);
      return UE | PE;
    }
  }
  return round(o, drop, min, max, control, masks) & 0x3f;
}

/** The NaN that an operation on X and Y gives: the first operand's, quieted. Returns IE for a signaling one. Left in slot Z. */
function chooseNan(): number {
  const flags = W[X] === SIGNALING || W[Y] === SIGNALING ? IE : 0;
  copySlot(W[X] >= QUIET ? X : Y, Z);
  W[Z] = QUIET;
  W[Z + HIGH] |= 0x40000000;
  return flags;
}

function invalid(): number {
  setDefaultNan(Z);
  return IE;
}

/** Slot Z = X op Y, rounded. Flags of operands alone if one of them is unmasked. */
function combine(operation: number, double: boolean, mxcsr: number): number {
  const x = W[X],
    y = W[Y];
  if (x >= QUIET || y >= QUIET) return chooseNan();
  const sign = W[X + SIGN] ^ W[Y + SIGN],
    finite = x !== ZERO && x !== INFINITE && y !== ZERO && y !== INFINITE,
    control = roundingMode(mxcsr);
  let flags = x === DENORMAL || y === DENORMAL ? DE : 0;
  switch (operation) {
    case ADD:
    case SUBTRACT: {
      const signY = W[Y + SIGN] ^ operation;
      if (x === INFINITE && y === INFINITE && W[X + SIGN] !== signY) return invalid();
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
      if ((x === INFINITE && y === ZERO) || (x === ZERO && y === INFINITE)) return invalid();
      if (finite) multiply(X, Y);
      else if (x === INFINITE || y === INFINITE) setInfinity(Z, sign);
      else setZero(Z, sign);
      break;
    default:
      if ((x === INFINITE && y === INFINITE) || (x === ZERO && y === ZERO)) return invalid();
      if (y === ZERO && x !== INFINITE) flags = ZE;
      if (finite) divide(X, Y);
      else if (x === INFINITE || y === ZERO) setInfinity(Z, sign);
      else setZero(Z, sign);
  }
  if ((flags & ~(mxcsr >> MASK_SHIFT)) !== 0) return flags;
  return W[Z] === NORMAL || W[Z] === DENORMAL ? flags | roundLane(Z, double, mxcsr) : flags;
}

function combineRoot(double: boolean, mxcsr: number): number {
  const y = W[Y];
  W[X] = ZERO;
  if (y >= QUIET) return chooseNan();
  if (y === ZERO || (y === INFINITE && W[Y + SIGN] === 0)) {
    copySlot(Y, Z);
    return 0;
  }
  if (W[Y + SIGN] !== 0) return invalid();
  const flags = y === DENORMAL ? DE : 0;
  if ((flags & ~(mxcsr >> MASK_SHIFT)) !== 0) return flags;
  squareRoot(Y);
  return flags | roundLane(Z, double, mxcsr);
}

/** MIN, MAX: the second operand unless the first is truly less (greater); any NaN is invalid. */
function choose(operation: number): number {
  const x = W[X],
    y = W[Y];
  if (x >= QUIET || y >= QUIET) {
    copySlot(Y, Z);
    return IE;
  }
  const order = compare(X, Y);
  copySlot((operation === MINIMUM ? order < 0 : order > 0) ? X : Y, Z);
  return x === DENORMAL || y === DENORMAL ? DE : 0;
}

/** OUT = lane at word d op lane at word s; returns flags. Denormal operands of MIN and MAX are returned as they are. */
function softLane(R: Int32Array, d: number, s: number, operation: number, double: boolean, mxcsr: number): number {
  unpackLane(R, d, double, mxcsr, X);
  unpackLane(R, s, double, mxcsr, Y);
  if (operation >= MINIMUM) {
    const flags = choose(operation);
    if (W[Z] === DENORMAL) {
      // Back to its place among the denormals.
      round(Z, double ? DROP_64 : DROP_32, double ? MIN_64 : MIN_32, MAX_64, 0, 0x3f);
    }
    packLane(Z, double);
    return flags;
  }
  const flags = operation === SQUARE_ROOT ? combineRoot(double, mxcsr) : combine(operation, double, mxcsr);
  packLane(Z, double);
  return flags;
}

/** One lane that the fast path would not take, in the usual mode: the result replaces d. */
function lane(R: Int32Array, d: number, s: number, operation: number, double: boolean): number {
  const flags = softLane(R, d, s, operation, double, USUAL);
  R[d] = W[OUT];
  if (double) R[d + 1] = W[OUT + 1];
  return flags;
}

/** Results of an instruction that may yet fault. */
const results = new Int32Array(4);

/** All lanes in integers; nothing is stored before the flags have been reported. */
function soft(core: Core, d: number, s: number, operation: number, double: boolean, n: number): void {
  const R = core.R,
    mxcsr = R[MXCSR],
    step = double ? 2 : 1;
  let flags = 0;
  for (let i = 0; i < n * step; i += step) {
    flags |= softLane(R, d + i, s + i, operation, double, mxcsr);
    results[i] = W[OUT];
    if (double) results[i + 1] = W[OUT + 1];
  }
  report(core, flags);
  for (let i = 0; i < n * step; i++) R[d + i] = results[i];
}

// ---- kernels for the usual mode: n lanes at words d and s, return flags ----

type Lanes = (R: Int32Array, d: number, s: number, n: number) => number;

const MIN_NORMAL = 2 ** -1022,
  MIN_NORMAL_32 = 2 ** -126;

/** Denormals, infinities, NaNs and zeros fail this. */
const isNormal = (v: number): boolean => {
  const m = Math.abs(v);
  return m >= MIN_NORMAL && m < Infinity;
};
const isDenormal = (v: number): boolean => Math.abs(v) < MIN_NORMAL && v !== 0;
const isDenormal32 = (v: number): boolean => Math.abs(v) < MIN_NORMAL_32 && v !== 0;

/** True if a + b was inexact (Knuth). */
function sumInexact(a: number, b: number, r: number): boolean {
  const t = r - a;
  return a - (r - t) + (b - t) !== 0;
}

const SPLIT = 134217729;
/** Bounds within which no part of a split product over- or underflows. */
const SAFE_HIGH = 2 ** 480,
  SAFE_LOW = 2 ** -400;

/** a * b - r exactly, r being the rounded product (Dekker); operands within the safe bounds. */
function productError(a: number, b: number, r: number): number {
  let t = SPLIT * a;
  const ah = t - (t - a),
    al = a - ah;
  t = SPLIT * b;
  const bh = t - (t - b),
    bl = b - bh;
  return ah * bh - r + ah * bl + al * bh + al * bl;
}

const safe = (v: number): boolean => {
  const m = Math.abs(v);
  return m < SAFE_HIGH && m > SAFE_LOW;
};

const FINITE_FLAGS = DE | UE | PE;

// Sums: a denormal result is exact, so that only its operands matter.

const addDoubles: Lanes = (R, d, s, n) => {
  let flags = R[MXCSR] & FINITE_FLAGS;
  const f = F64,
    x = (d & 1023) >> 1,
    y = (s & 1023) >> 1;
  for (let i = 0; i < n; i++) {
    const a = f[x + i],
      b = f[y + i],
      r = a + b;
    if (Math.abs(r) < Infinity) {
      f[x + i] = r;
      if ((flags & PE) === 0 && sumInexact(a, b, r)) flags |= PE;
      if (isDenormal(a) || isDenormal(b)) flags |= DE;
    } else flags |= lane(R, 2 * (x + i), 2 * (y + i), ADD, true);
  }
  return flags;
};
const subtractDoubles: Lanes = (R, d, s, n) => {
  let flags = R[MXCSR] & FINITE_FLAGS;
  const f = F64,
    x = (d & 1023) >> 1,
    y = (s & 1023) >> 1;
  for (let i = 0; i < n; i++) {
    const a = f[x + i],
      b = f[y + i],
      r = a - b;
    if (Math.abs(r) < Infinity) {
      f[x + i] = r;
      if ((flags & PE) === 0 && sumInexact(a, -b, r)) flags |= PE;
      if (isDenormal(a) || isDenormal(b)) flags |= DE;
    } else flags |= lane(R, 2 * (x + i), 2 * (y + i), SUBTRACT, true);
  }
  return flags;
};
const multiplyDoubles: Lanes = (R, d, s, n) => {
  let flags = R[MXCSR] & FINITE_FLAGS;
  const f = F64,
    x = (d & 1023) >> 1,
    y = (s & 1023) >> 1;
  for (let i = 0; i < n; i++) {
    const a = f[x + i],
      b = f[y + i],
      r = a * b,
      m = Math.abs(r);
    if (m > MIN_NORMAL && m < Infinity && ((flags & PE) !== 0 || (safe(a) && safe(b)))) {
      f[x + i] = r;
      if ((flags & PE) === 0 && productError(a, b, r) !== 0) flags |= PE;
      if (isDenormal(a) || isDenormal(b)) flags |= DE;
    } else if (r === 0 && ((a === 0 && isNormal(b)) || (b === 0 && isNormal(a)))) f[x + i] = r;
    else flags |= lane(R, 2 * (x + i), 2 * (y + i), MULTIPLY, true);
  }
  return flags;
};
const divideDoubles: Lanes = (R, d, s, n) => {
  let flags = R[MXCSR] & FINITE_FLAGS;
  const f = F64,
    x = (d & 1023) >> 1,
    y = (s & 1023) >> 1;
  for (let i = 0; i < n; i++) {
    const a = f[x + i],
      b = f[y + i],
      r = a / b,
      m = Math.abs(r);
    if (m > MIN_NORMAL && m < Infinity && isNormal(a) && isNormal(b) && ((flags & PE) !== 0 || (safe(r) && safe(b)))) {
      f[x + i] = r;
      if ((flags & PE) === 0 && (r * b !== a || productError(r, b, a) !== 0)) flags |= PE;
    } else flags |= lane(R, 2 * (x + i), 2 * (y + i), DIVIDE, true);
  }
  return flags;
};
const squareRootDoubles: Lanes = (R, d, s, n) => {
  let flags = R[MXCSR] & FINITE_FLAGS;
  const f = F64,
    x = (d & 1023) >> 1,
    y = (s & 1023) >> 1;
  for (let i = 0; i < n; i++) {
    const b = f[y + i];
    if (b > 0 && isNormal(b) && ((flags & PE) !== 0 || safe(b))) {
      const r = Math.sqrt(b);
      f[x + i] = r;
      if ((flags & PE) === 0 && (r * r !== b || productError(r, r, b) !== 0)) flags |= PE;
    } else flags |= lane(R, 2 * (x + i), 2 * (y + i), SQUARE_ROOT, true);
  }
  return flags;
};
const minimumDoubles: Lanes = (R, d, s, n) => {
  let flags = 0;
  const f = F64,
    x = (d & 1023) >> 1,
    y = (s & 1023) >> 1;
  for (let i = 0; i < n; i++) {
    const a = f[x + i],
      b = f[y + i];
    if (!(a < b)) {
      R[2 * (x + i)] = R[2 * (y + i)];
      R[2 * (x + i) + 1] = R[2 * (y + i) + 1];
    }
    flags |= operandFlags(a, b, isDenormal(a) || isDenormal(b));
  }
  return flags;
};
const maximumDoubles: Lanes = (R, d, s, n) => {
  let flags = 0;
  const f = F64,
    x = (d & 1023) >> 1,
    y = (s & 1023) >> 1;
  for (let i = 0; i < n; i++) {
    const a = f[x + i],
      b = f[y + i];
    if (!(a > b)) {
      R[2 * (x + i)] = R[2 * (y + i)];
      R[2 * (x + i) + 1] = R[2 * (y + i) + 1];
    }
    flags |= operandFlags(a, b, isDenormal(a) || isDenormal(b));
  }
  return flags;
};

/** Flags of MIN and MAX: any NaN is invalid, and then a denormal does not count. */
function operandFlags(a: number, b: number, denormal: boolean): number {
  return a !== a || b !== b ? IE : denormal ? DE : 0;
}

// Singles are computed in double, where nothing finite over- or underflows: only infinities and NaNs are for softfloat.

const addSingles: Lanes = (R, d, s, n) => {
  let flags = R[MXCSR] & FINITE_FLAGS;
  const f = F32,
    x = d & 1023,
    y = s & 1023;
  for (let i = 0; i < n; i++) {
    const a = f[x + i],
      b = f[y + i],
      sum = a + b,
      r = Math.fround(sum);
    if (Math.abs(r) < Infinity) {
      f[x + i] = r;
      if ((flags & PE) === 0 && (r !== sum || sumInexact(a, b, sum))) flags |= PE;
      if (isDenormal32(a) || isDenormal32(b)) flags |= DE;
    } else flags |= lane(R, x + i, y + i, ADD, false);
  }
  return flags;
};
const subtractSingles: Lanes = (R, d, s, n) => {
  let flags = R[MXCSR] & FINITE_FLAGS;
  const f = F32,
    x = d & 1023,
    y = s & 1023;
  for (let i = 0; i < n; i++) {
    const a = f[x + i],
      b = f[y + i],
      difference = a - b,
      r = Math.fround(difference);
    if (Math.abs(r) < Infinity) {
      f[x + i] = r;
      if ((flags & PE) === 0 && (r !== difference || sumInexact(a, -b, difference))) flags |= PE;
      if (isDenormal32(a) || isDenormal32(b)) flags |= DE;
    } else flags |= lane(R, x + i, y + i, SUBTRACT, false);
  }
  return flags;
};
const multiplySingles: Lanes = (R, d, s, n) => {
  let flags = R[MXCSR] & FINITE_FLAGS;
  const f = F32,
    x = d & 1023,
    y = s & 1023;
  for (let i = 0; i < n; i++) {
    const a = f[x + i],
      b = f[y + i],
      product = a * b,
      r = Math.fround(product),
      m = Math.abs(r);
    // Whether a result of the least normal number was tiny, its rounding does not tell.
    if (m < Infinity && m !== MIN_NORMAL_32) {
      f[x + i] = r;
      if (r !== product) flags |= m < MIN_NORMAL_32 ? UE | PE : PE;
      if (isDenormal32(a) || isDenormal32(b)) flags |= DE;
    } else flags |= lane(R, x + i, y + i, MULTIPLY, false);
  }
  return flags;
};
const divideSingles: Lanes = (R, d, s, n) => {
  let flags = R[MXCSR] & FINITE_FLAGS;
  const f = F32,
    x = d & 1023,
    y = s & 1023;
  for (let i = 0; i < n; i++) {
    const a = f[x + i],
      b = f[y + i],
      r = Math.fround(a / b),
      m = Math.abs(r);
    if (m < Infinity && m !== MIN_NORMAL_32 && Math.abs(b) < Infinity) {
      f[x + i] = r;
      // r * b has at most 48 bits: exact.
      if (r * b !== a) flags |= m < MIN_NORMAL_32 ? UE | PE : PE;
      if (isDenormal32(a) || isDenormal32(b)) flags |= DE;
    } else flags |= lane(R, x + i, y + i, DIVIDE, false);
  }
  return flags;
};
const squareRootSingles: Lanes = (R, d, s, n) => {
  let flags = R[MXCSR] & FINITE_FLAGS;
  const f = F32,
    x = d & 1023,
    y = s & 1023;
  for (let i = 0; i < n; i++) {
    const b = f[y + i];
    if (b > 0 && b < Infinity) {
      const r = Math.fround(Math.sqrt(b));
      f[x + i] = r;
      if (r * r !== b) flags |= PE;
      if (isDenormal32(b)) flags |= DE;
    } else flags |= lane(R, x + i, y + i, SQUARE_ROOT, false);
  }
  return flags;
};
const minimumSingles: Lanes = (R, d, s, n) => {
  let flags = 0;
  const f = F32,
    x = d & 1023,
    y = s & 1023;
  for (let i = 0; i < n; i++) {
    const a = f[x + i],
      b = f[y + i];
    if (!(a < b)) R[x + i] = R[y + i];
    flags |= operandFlags(a, b, isDenormal32(a) || isDenormal32(b));
  }
  return flags;
};
const maximumSingles: Lanes = (R, d, s, n) => {
  let flags = 0;
  const f = F32,
    x = d & 1023,
    y = s & 1023;
  for (let i = 0; i < n; i++) {
    const a = f[x + i],
      b = f[y + i];
    if (!(a > b)) R[x + i] = R[y + i];
    flags |= operandFlags(a, b, isDenormal32(a) || isDenormal32(b));
  }
  return flags;
};

/** The kernels, for compiled regions: `numbers` first, in the usual mode; what they return goes to MXCSR. */
export const laneFunctions = {
  addSingles,
  subSingles: subtractSingles,
  mulSingles: multiplySingles,
  divSingles: divideSingles,
  sqrtSingles: squareRootSingles,
  minSingles: minimumSingles,
  maxSingles: maximumSingles,
  addDoubles,
  subDoubles: subtractDoubles,
  mulDoubles: multiplyDoubles,
  divDoubles: divideDoubles,
  sqrtDoubles: squareRootDoubles,
  minDoubles: minimumDoubles,
  maxDoubles: maximumDoubles,
};

/** Number of lanes and their format, from the last two letters of the mnemonic: ps, pd, ss, sd. */
function shape(row: Row): { double: boolean; lanes: number } {
  const letters = row.mnemonic.slice(-2),
    double = letters[1] === 'd';
  return { double, lanes: letters[0] === 's' ? 1 : double ? 2 : 4 };
}

const arithmetic =
  (operation: number, kernel: Lanes): CoreOpFactory =>
  (row, memory) => {
    const { double, lanes } = shape(row),
      bytes = memoryBytes(row);
    if (memory) {
      return (core, p) => {
        readySse(core);
        const s = memorySource(core, p, bytes),
          R = core.R,
          d = XMM + 4 * core.A[p + DST];
        if ((R[MXCSR] & MODE) === USUAL) {
          numbers(R);
          R[MXCSR] |= kernel(R, d, s, lanes);
        } else soft(core, d, s, operation, double, lanes);
      };
    }
    return (core, p) => {
      readySse(core);
      const R = core.R,
        s = XMM + 4 * core.A[p + SRC],
        d = XMM + 4 * core.A[p + DST];
      if ((R[MXCSR] & MODE) === USUAL) {
        numbers(R);
        R[MXCSR] |= kernel(R, d, s, lanes);
      } else soft(core, d, s, operation, double, lanes);
    };
  };

// ---- comparison ----

const LESS = 0,
  EQUAL = 1,
  GREATER = 2,
  UNORDERED = 3;
/** Predicates 0-3 (EQ, LT, LE, UNORD) by order; 4-7 are their opposites. */
const PREDICATES = [
  [0, 1, 0, 0],
  [1, 0, 0, 0],
  [1, 1, 0, 0],
  [0, 0, 0, 1],
];

/** Order of two lanes, and the flags in `compareFlags`. `quiet`: a quiet NaN is no invalid operand. */
let compareFlags = 0;
function order(R: Int32Array, d: number, s: number, double: boolean, quiet: boolean): number {
  compareFlags = 0;
  const a = double ? F64[d >> 1] : F32[d],
    b = double ? F64[s >> 1] : F32[s];
  if (isNormal(a) && isNormal(b) && (double || (!isDenormal32(a) && !isDenormal32(b))))
    return a < b ? LESS : a > b ? GREATER : EQUAL;
  const mxcsr = R[MXCSR],
    x = unpackLane(R, d, double, mxcsr, X),
    y = unpackLane(R, s, double, mxcsr, Y);
  if (x >= QUIET || y >= QUIET) {
    if (!quiet || x === SIGNALING || y === SIGNALING) compareFlags = IE;
    return UNORDERED;
  }
  if (x === DENORMAL || y === DENORMAL) compareFlags = DE;
  const sign = compare(X, Y);
  return sign < 0 ? LESS : sign > 0 ? GREATER : EQUAL;
}

/** CMPPS, CMPPD, CMPSS, CMPSD. */
const compareLanes: CoreOpFactory = (row, memory) => {
  const { double, lanes } = shape(row),
    bytes = memoryBytes(row),
    step = double ? 2 : 1;
  return (core, p) => {
    readySse(core);
    const s = memory ? memorySource(core, p, bytes) : XMM + 4 * core.A[p + SRC],
      R = core.R,
      d = XMM + 4 * core.A[p + DST];
    const predicate = core.A[p + IMM] & 7,
      truth = PREDICATES[predicate & 3],
      opposite = predicate >> 2,
      quiet = (predicate & 3) === 0 || (predicate & 3) === 3;
    numbers(R);
    let flags = 0;
    for (let i = 0; i < lanes * step; i += step) {
      const answer = -(truth[order(R, d + i, s + i, double, quiet)] ^ opposite);
      flags |= compareFlags;
      results[i] = answer;
      if (double) results[i + 1] = answer;
    }
    if (flags !== 0) report(core, flags);
    for (let i = 0; i < lanes * step; i++) R[d + i] = results[i];
  };
};

/** COMISS, COMISD, UCOMISS, UCOMISD. */
const FLAGS = [1, 0x40, 0, 0x45];
const compareToFlags =
  (quiet: boolean): CoreOpFactory =>
  (row, memory) => {
    const { double } = shape(row),
      bytes = memoryBytes(row);
    return (core, p) => {
      readySse(core);
      const s = memory ? memorySource(core, p, bytes) : XMM + 4 * core.A[p + SRC],
        R = core.R;
      numbers(R);
      const answer = order(R, XMM + 4 * core.A[p + DST], s, double, quiet);
      if (compareFlags !== 0) report(core, compareFlags);
      core.setFlags(FLAGS[answer]);
    };
  };

// ---- approximations ----

/**
 * RCPPS, RSQRTPS: no exceptions, denormals are zeros. Hardware promises 11 bits and a half; this gives 24.
 */
const approximate =
  (squareRooted: boolean): CoreOpFactory =>
  (row, memory) => {
    const { lanes } = shape(row),
      bytes = memoryBytes(row);
    return (core, p) => {
      readySse(core);
      const s = memory ? memorySource(core, p, bytes) : XMM + 4 * core.A[p + SRC],
        R = core.R,
        d = XMM + 4 * core.A[p + DST];
      numbers(R);
      for (let i = 0; i < lanes; i++) {
        const bits = R[s + i],
          value = F32[s + i];
        if (Number.isNaN(value)) R[d + i] = bits | 0x400000;
        else if ((bits & 0x7f800000) === 0) R[d + i] = (bits & 0x80000000) | 0x7f800000;
        else if (squareRooted && value < 0) R[d + i] = 0xffc00000;
        else {
          const r = Math.fround(1 / (squareRooted ? Math.sqrt(value) : value));
          if (Math.abs(r) < MIN_NORMAL_32) R[d + i] = bits & 0x80000000;
          else F32[d + i] = r;
        }
      }
    };
  };

// ---- SSE3, SSE4.1 ----

/** Words of R for operands that are gathered from several places (the scratch of vector.ts is the first four). */
const LEFT = 244,
  RIGHT = 248;

/** Runs an operation on lanes gathered at LEFT and RIGHT and returns flags; results replace those at LEFT. */
function gathered(R: Int32Array, operation: number, double: boolean, first: number, lanes: number): number {
  const step = double ? 2 : 1,
    mxcsr = R[MXCSR];
  let flags = 0;
  for (let i = first * step; i < (first + lanes) * step; i += step) {
    flags |= softLane(R, LEFT + i, RIGHT + i, operation, double, mxcsr);
    R[LEFT + i] = W[OUT];
    if (double) R[LEFT + i + 1] = W[OUT + 1];
  }
  return flags;
}

function store(R: Int32Array, d: number): void {
  for (let i = 0; i < 4; i++) R[d + i] = R[LEFT + i];
}

/** HADDPS, HADDPD, HSUBPS, HSUBPD. */
const horizontal =
  (operation: number): CoreOpFactory =>
  (row, memory) => {
    const { double } = shape(row);
    return (core, p) => {
      readySse(core);
      const s = memory ? memorySource(core, p, 16) : XMM + 4 * core.A[p + SRC],
        R = core.R,
        d = XMM + 4 * core.A[p + DST];
      for (let i = 0; i < 4; i++) {
        const from = i < 2 ? d : s;
        R[LEFT + i] = R[from + (double ? i & 1 : 2 * (i & 1))];
        R[RIGHT + i] = R[from + (double ? 2 + (i & 1) : 2 * (i & 1) + 1)];
      }
      report(core, gathered(R, operation, double, 0, double ? 2 : 4));
      store(R, d);
    };
  };

/** ADDSUBPS, ADDSUBPD: subtract in the even lanes, add in the odd ones. */
const addSubtract: CoreOpFactory = (row, memory) => {
  const { double, lanes } = shape(row);
  return (core, p) => {
    readySse(core);
    const s = memory ? memorySource(core, p, 16) : XMM + 4 * core.A[p + SRC],
      R = core.R,
      d = XMM + 4 * core.A[p + DST];
    for (let i = 0; i < 4; i++) {
      R[LEFT + i] = R[d + i];
      R[RIGHT + i] = R[s + i];
    }
    let flags = 0;
    for (let i = 0; i < lanes; i++) flags |= gathered(R, (i & 1) === 0 ? SUBTRACT : ADD, double, i, 1);
    report(core, flags);
    store(R, d);
  };
};

/** DPPS, DPPD: products chosen by the immediate's high half, summed pairwise, and stored where its low half says. */
const dotProduct: CoreOpFactory = (row, memory) => {
  const { double, lanes } = shape(row),
    step = double ? 2 : 1;
  return (core, p) => {
    readySse(core);
    const s = memory ? memorySource(core, p, 16) : XMM + 4 * core.A[p + SRC],
      R = core.R,
      d = XMM + 4 * core.A[p + DST],
      immediate = core.A[p + IMM];
    for (let i = 0; i < 4; i++) {
      R[LEFT + i] = R[d + i];
      R[RIGHT + i] = R[s + i];
    }
    let flags = 0;
    for (let i = 0; i < lanes; i++) {
      if (((immediate >> (4 + i)) & 1) !== 0) flags |= gathered(R, MULTIPLY, double, i, 1);
      else for (let k = 0; k < step; k++) R[LEFT + i * step + k] = 0;
    }
    report(core, flags);
    // The order decides which of two NaNs comes out, and the SDM gives none. Intel's processors sum in each lane: its neighbour's product and its own with
    // singles, and then, as at once with doubles, its own and that of the lane across (seen).
    flags = 0;
    if (!double) {
      for (let i = 0; i < 4; i++) R[RIGHT + i] = R[LEFT + i];
      for (let i = 0; i < 4; i++) R[LEFT + i] = R[RIGHT + (i ^ 1)];
      flags = gathered(R, ADD, false, 0, 4);
    }
    for (let i = 0; i < 4; i++) R[RIGHT + i] = R[LEFT + (i ^ 2)];
    flags |= gathered(R, ADD, double, 0, lanes);
    report(core, flags);
    for (let i = 0; i < 4; i++) R[d + i] = ((immediate >> Math.floor(i / step)) & 1) !== 0 ? R[LEFT + i] : 0;
  };
};

/** ROUNDPS, ROUNDPD, ROUNDSS, ROUNDSD. */
const roundLanes: CoreOpFactory = (row, memory) => {
  const { double, lanes } = shape(row),
    bytes = memoryBytes(row),
    step = double ? 2 : 1;
  return (core, p) => {
    readySse(core);
    const s = memory ? memorySource(core, p, bytes) : XMM + 4 * core.A[p + SRC],
      R = core.R,
      d = XMM + 4 * core.A[p + DST],
      immediate = core.A[p + IMM];
    const mxcsr = R[MXCSR],
      control = (immediate & 4) !== 0 ? roundingMode(mxcsr) : immediate & 3;
    let flags = 0;
    for (let i = 0; i < lanes * step; i += step) {
      const kind = unpackLane(R, s + i, double, mxcsr, X);
      if (kind >= QUIET) {
        if (kind === SIGNALING) flags |= IE;
        W[X] = QUIET;
        W[X + HIGH] |= 0x40000000;
      } else if (kind !== INFINITE) flags |= roundToIntegral(X, control) & ((immediate & 8) !== 0 ? 0 : PE);
      packLane(X, double);
      results[i] = W[OUT];
      if (double) results[i + 1] = W[OUT + 1];
    }
    report(core, flags);
    for (let i = 0; i < lanes * step; i++) R[d + i] = results[i];
  };
};

export const sseOps: Record<string, CoreOpFactory> = {
  addps: arithmetic(ADD, addSingles),
  addss: arithmetic(ADD, addSingles),
  addpd: arithmetic(ADD, addDoubles),
  addsd: arithmetic(ADD, addDoubles),
  subps: arithmetic(SUBTRACT, subtractSingles),
  subss: arithmetic(SUBTRACT, subtractSingles),
  subpd: arithmetic(SUBTRACT, subtractDoubles),
  subsd: arithmetic(SUBTRACT, subtractDoubles),
  mulps: arithmetic(MULTIPLY, multiplySingles),
  mulss: arithmetic(MULTIPLY, multiplySingles),
  mulpd: arithmetic(MULTIPLY, multiplyDoubles),
  mulsd: arithmetic(MULTIPLY, multiplyDoubles),
  divps: arithmetic(DIVIDE, divideSingles),
  divss: arithmetic(DIVIDE, divideSingles),
  divpd: arithmetic(DIVIDE, divideDoubles),
  divsd: arithmetic(DIVIDE, divideDoubles),
  sqrtps: arithmetic(SQUARE_ROOT, squareRootSingles),
  sqrtss: arithmetic(SQUARE_ROOT, squareRootSingles),
  sqrtpd: arithmetic(SQUARE_ROOT, squareRootDoubles),
  sqrtsd: arithmetic(SQUARE_ROOT, squareRootDoubles),
  minps: arithmetic(MINIMUM, minimumSingles),
  minss: arithmetic(MINIMUM, minimumSingles),
  minpd: arithmetic(MINIMUM, minimumDoubles),
  minsd: arithmetic(MINIMUM, minimumDoubles),
  maxps: arithmetic(MAXIMUM, maximumSingles),
  maxss: arithmetic(MAXIMUM, maximumSingles),
  maxpd: arithmetic(MAXIMUM, maximumDoubles),
  maxsd: arithmetic(MAXIMUM, maximumDoubles),
  cmpps: compareLanes,
  cmppd: compareLanes,
  cmpss: compareLanes,
  cmpsd_xmm: compareLanes,
  comiss: compareToFlags(false),
  comisd: compareToFlags(false),
  ucomiss: compareToFlags(true),
  ucomisd: compareToFlags(true),
  rcpps: approximate(false),
  rcpss: approximate(false),
  rsqrtps: approximate(true),
  rsqrtss: approximate(true),
  haddps: horizontal(ADD),
  haddpd: horizontal(ADD),
  hsubps: horizontal(SUBTRACT),
  hsubpd: horizontal(SUBTRACT),
  addsubps: addSubtract,
  addsubpd: addSubtract,
  dpps: dotProduct,
  dppd: dotProduct,
  roundps: roundLanes,
  roundpd: roundLanes,
  roundss: roundLanes,
  roundsd: roundLanes,
};
