/**
 * Conversions between singles, doubles and integers in XMM, MMX and general registers.
 * Sources: SDM vol. 1, 11.4.1.6, 11.5.2 (exceptions), tables E-12 to E-16; vol. 2, each instruction.
 */
import { DST, SRC } from '../record.ts';
import type { CoreOpFactory } from '../ops/core.ts';
import { FPR, MXCSR, XMM } from '../architecture/registers.ts';
import {
  DENORMAL,
  DE,
  HIGH,
  IE,
  INFINITE,
  NORMAL,
  OUT,
  PE,
  QUIET,
  SIGNALING,
  toInteger,
  unpackInt32,
  W,
  X,
  ZERO,
} from './softfloat.ts';
import { F32, F64, numbers, packLane, report, roundingMode, roundLane, unpackLane, usualMode } from './sse.ts';
import { readyControl, readySse } from './stack.ts';
import { enterMmx, memoryBytes, memorySource, mmxTarget } from './vector.ts';

const results = new Int32Array(4);

// ---- one element each: result in OUT, flags returned ----

/** Float or double at word i to an int32, rounding as `control` says. */
function toInt32(R: Int32Array, i: number, double: boolean, control: number, mxcsr: number): number {
  unpackLane(R, i, double, mxcsr, X);
  return toInteger(X, 32, control) & (IE | PE);
}

/** An int32 to a float (a double takes any int32 as it is). */
function fromInt32(value: number, double: boolean, mxcsr: number): number {
  unpackInt32(value, X);
  const flags = W[X] === ZERO || double ? 0 : roundLane(X, false, mxcsr);
  packLane(X, double);
  return flags;
}

/** Float at word i to double, or double to float. */
function convertFloat(R: Int32Array, i: number, fromDouble: boolean, mxcsr: number): number {
  const kind = unpackLane(R, i, fromDouble, mxcsr, X);
  let flags = 0;
  if (kind >= QUIET) {
    flags = kind === SIGNALING ? IE : 0;
    W[X] = QUIET;
    W[X + HIGH] |= 0x40000000;
  } else if (kind !== ZERO && kind !== INFINITE) {
    flags = kind === DENORMAL ? DE : 0;
    W[X] = NORMAL;
    if ((flags & ~(mxcsr >> 7)) !== 0) return flags;
    flags |= roundLane(X, !fromDouble, mxcsr);
  }
  packLane(X, !fromDouble);
  return flags;
}

// ---- to a general register ----

/** 1.5 * 2^52: adding and taking it away rounds a double below 2^51 to the nearest integer, ties to even. */
const TO_NEAREST = 6755399441055744;

/** CVTSS2SI, CVTSD2SI and the truncating forms. */
const toRegister =
  (double: boolean, truncate: boolean): CoreOpFactory =>
  (row, memory) => {
    const bytes = memoryBytes(row);
    return (core, p) => {
      readySse(core);
      const R = core.R,
        s = memory ? memorySource(core, p, bytes) : XMM + 4 * core.A[p + SRC],
        mxcsr = R[MXCSR];
      if (usualMode(R)) {
        numbers(R);
        const v = double ? F64[s >> 1] : F32[s];
        if (v > -2147483648 && v < 2147483647) {
          const r = truncate ? v | 0 : (v + TO_NEAREST - TO_NEAREST) | 0;
          if (r !== v) R[MXCSR] = mxcsr | PE;
          R[core.A[p + DST]] = r;
          return;
        }
      }
      const flags = toInt32(R, s, double, truncate ? 3 : roundingMode(mxcsr), mxcsr),
        value = W[OUT];
      report(core, flags);
      R[core.A[p + DST]] = value;
    };
  };

/** CVTSI2SS, CVTSI2SD. */
const fromRegister =
  (double: boolean): CoreOpFactory =>
  (_row, memory) =>
  (core, p) => {
    readySse(core);
    const R = core.R,
      value = memory ? core.memory.read32(core.addressing.address(p, 4, false)) : R[core.A[p + SRC]],
      d = XMM + 4 * core.A[p + DST];
    if (double) {
      numbers(R);
      F64[d >> 1] = value;
      return;
    }
    const flags = fromInt32(value, false, R[MXCSR]),
      bits = W[OUT];
    report(core, flags);
    R[d] = bits;
  };

// ---- between XMM registers ----

/** What a packed conversion does with lane i: leaves its result in `results`, returns flags. */
type Lane = (R: Int32Array, s: number, i: number, mxcsr: number) => number;

const singleToInt =
  (truncate: boolean): Lane =>
  (R, s, i, mxcsr) => {
    const flags = toInt32(R, s + i, false, truncate ? 3 : roundingMode(mxcsr), mxcsr);
    results[i] = W[OUT];
    return flags;
  };
const doubleToInt =
  (truncate: boolean): Lane =>
  (R, s, i, mxcsr) => {
    const flags = toInt32(R, s + 2 * i, true, truncate ? 3 : roundingMode(mxcsr), mxcsr);
    results[i] = W[OUT];
    return flags;
  };
const intToSingle: Lane = (R, s, i, mxcsr) => {
  const flags = fromInt32(R[s + i], false, mxcsr);
  results[i] = W[OUT];
  return flags;
};
const intToDouble: Lane = (R, s, i, mxcsr) => {
  const flags = fromInt32(R[s + i], true, mxcsr);
  results[2 * i] = W[OUT];
  results[2 * i + 1] = W[OUT + 1];
  return flags;
};
const singleToDouble: Lane = (R, s, i, mxcsr) => {
  const flags = convertFloat(R, s + i, false, mxcsr);
  results[2 * i] = W[OUT];
  results[2 * i + 1] = W[OUT + 1];
  return flags;
};
const doubleToSingle: Lane = (R, s, i, mxcsr) => {
  const flags = convertFloat(R, s + 2 * i, true, mxcsr);
  results[i] = W[OUT];
  return flags;
};

/** `lanes` conversions; `words` of the destination are written (the rest of `results` being zero). */
const packed =
  (lanes: number, words: number, convert: Lane): CoreOpFactory =>
  (row, memory) => {
    const bytes = memoryBytes(row);
    return (core, p) => {
      readySse(core);
      const R = core.R,
        s = memory ? memorySource(core, p, bytes) : XMM + 4 * core.A[p + SRC],
        d = XMM + 4 * core.A[p + DST],
        mxcsr = R[MXCSR];
      results[2] = results[3] = 0;
      let flags = 0;
      for (let i = 0; i < lanes; i++) flags |= convert(R, s, i, mxcsr);
      if (flags !== 0) report(core, flags);
      for (let i = 0; i < words; i++) R[d + i] = results[i];
    };
  };

/** CVTSS2SD, CVTSD2SS in the usual mode on ordinary numbers; everything else as `packed`. */
const scalar =
  (fromDouble: boolean): CoreOpFactory =>
  (row, memory, operandSize) => {
    const bytes = memoryBytes(row),
      slow = packed(1, fromDouble ? 1 : 2, fromDouble ? doubleToSingle : singleToDouble)(row, memory, operandSize);
    return (core, p) => {
      if (memory) {
        slow(core, p);
        return;
      }
      readySse(core);
      const R = core.R,
        s = XMM + 4 * core.A[p + SRC],
        d = XMM + 4 * core.A[p + DST];
      if (bytes > 0 && usualMode(R)) {
        numbers(R);
        const v = fromDouble ? F64[s >> 1] : F32[s],
          r = Math.fround(v),
          m = Math.abs(r);
        if (m > 2 ** -126 && m < Infinity) {
          if (fromDouble) {
            F32[d] = r;
            if (r !== v) R[MXCSR] |= PE;
          } else F64[d >> 1] = v;
          return;
        }
      }
      slow(core, p);
    };
  };

// ---- MMX ----

/** CVTPI2PS, CVTPI2PD: two int32 of an MMX register or memory. They leave the x87 alone when they read memory (SDM vol. 2, of CVTPI2PD; Intel's processors do so of both). */
const fromMmx =
  (double: boolean): CoreOpFactory =>
  (_row, memory) =>
  (core, p) => {
    readySse(core);
    if (!memory) readyControl(core);
    const R = core.R,
      s = memory ? memorySource(core, p, 8) : FPR + 4 * core.A[p + SRC],
      d = XMM + 4 * core.A[p + DST],
      mxcsr = R[MXCSR];
    const convert = double ? intToDouble : intToSingle;
    const flags = convert(R, s, 0, mxcsr) | convert(R, s, 1, mxcsr);
    report(core, flags);
    if (!memory) enterMmx(R);
    for (let i = 0; i < (double ? 4 : 2); i++) R[d + i] = results[i];
  };

/** CVTPS2PI, CVTPD2PI and the truncating forms. */
const toMmx = (double: boolean, truncate: boolean): CoreOpFactory => {
  const convert = double ? doubleToInt(truncate) : singleToInt(truncate);
  return (_row, memory) => (core, p) => {
    readySse(core);
    readyControl(core);
    const R = core.R,
      s = memory ? memorySource(core, p, double ? 16 : 8) : XMM + 4 * core.A[p + SRC],
      mxcsr = R[MXCSR];
    report(core, convert(R, s, 0, mxcsr) | convert(R, s, 1, mxcsr));
    enterMmx(R);
    const d = mmxTarget(R, core.A[p + DST]);
    R[d] = results[0];
    R[d + 1] = results[1];
  };
};

export const convertOps: Record<string, CoreOpFactory> = {
  cvtss2si: toRegister(false, false),
  cvttss2si: toRegister(false, true),
  cvtsd2si: toRegister(true, false),
  cvttsd2si: toRegister(true, true),
  cvtsi2ss: fromRegister(false),
  cvtsi2sd: fromRegister(true),
  cvtps2dq: packed(4, 4, singleToInt(false)),
  cvttps2dq: packed(4, 4, singleToInt(true)),
  cvtpd2dq: packed(2, 4, doubleToInt(false)),
  cvttpd2dq: packed(2, 4, doubleToInt(true)),
  cvtdq2ps: packed(4, 4, intToSingle),
  cvtdq2pd: packed(2, 4, intToDouble),
  cvtps2pd: packed(2, 4, singleToDouble),
  cvtpd2ps: packed(2, 4, doubleToSingle),
  cvtss2sd: scalar(false),
  cvtsd2ss: scalar(true),
  cvtpi2ps: fromMmx(false),
  cvtpi2pd: fromMmx(true),
  cvtps2pi: toMmx(false, false),
  cvttps2pi: toMmx(false, true),
  cvtpd2pi: toMmx(true, false),
  cvttpd2pi: toMmx(true, true),
};
