/**
 * x87 instructions but for those that load and store the environment (x87-env.ts) and the transcendental ones (x87-transcendental.ts).
 * Sources: SDM vol. 2 (each instruction), vol. 1, chapter 8.
 *
 * An instruction that an unmasked invalid, denormal or zero-divide exception stops changes nothing but FSW; the kernels then return false.
 * Memory is written before FSW, the stack and the tags change, so that a page fault leaves all as it was.
 */
import type { Core, CoreOpFactory } from '../ops/core.ts';
import { SRC } from '../record.ts';
import { FCW, FPR, FSW, FTW } from '../architecture/registers.ts';
import type { Row } from '../table/row.ts';
import {
  ADD,
  addExtended,
  C0,
  C2,
  C3,
  compareExtended,
  DIVIDE,
  divideExtended,
  EQUAL,
  fromDouble,
  fromInteger,
  fromSingle,
  LESS,
  MEMORY,
  MULTIPLY,
  multiplyExtended,
  put,
  raise,
  rounding,
  special,
  squareRootExtended,
  SUBTRACT,
  toDouble,
  toSingle,
  UNORDERED,
} from './extended.ts';
import { extract, fromBcd, partialRemainder, roundToInteger, scale, toBcd } from './extended-functions.ts';
import { C1, DE, IE, OUT, SIGN, toInteger, unpack80, unpackInt64, W, X } from './softfloat.ts';
import {
  operandAt,
  operandUnused,
  pop,
  push,
  ready,
  readyControl,
  st,
  SF,
  stackFault,
  stackOverflow,
  tag,
  used,
} from './stack.ts';

// ---- memory operands ----

const SINGLE = 0,
  DOUBLE = 1,
  INT32 = 2,
  INT16 = 3,
  INT64 = 4,
  EXTENDED = 5,
  BCD = 6;
const FORMAT: Record<string, number> = {
  Mf32: SINGLE,
  Mf64: DOUBLE,
  Mi32: INT32,
  Mi16: INT16,
  Mi64: INT64,
  Mf80: EXTENDED,
  Mbcd: BCD,
};
const SIZE = [4, 8, 4, 2, 8, 10, 10];

/** Format of the row's memory operand. */
function memoryFormat(row: Row): number {
  for (const code of row.operands) if (code in FORMAT) return FORMAT[code];
  throw new Error(`${row.mnemonic}: no memory format among ${row.operands.join()}`);
}

/** Reads the operand and leaves it as an extended in MEMORY; DE, IE as `fromDouble`. */
function read(core: Core, p: number, format: number): number {
  const R = core.R;
  if (format === DOUBLE) {
    const linear = core.addressing.address(p, 8, false),
      low = core.memory.read32(linear),
      high = core.memory.read32((linear + 4) | 0);
    operandAt(core, p, linear);
    return fromDouble(R, MEMORY, low, high);
  }
  const linear = core.addressing.address(p, SIZE[format], false),
    flags = readOther(core, linear, format);
  operandAt(core, p, linear);
  return flags;
}

function readOther(core: Core, linear: number, format: number): number {
  const R = core.R;
  switch (format) {
    case SINGLE:
      return fromSingle(R, MEMORY, core.memory.read32(linear));
    case INT32:
      fromInteger(R, MEMORY, core.memory.read32(linear));
      return 0;
    case INT16:
      fromInteger(R, MEMORY, (core.memory.read16(linear) << 16) >> 16);
      return 0;
    case INT64:
      unpackInt64(core.memory.read32(linear), core.memory.read32((linear + 4) | 0), X);
      put(R, MEMORY, X);
      return 0;
    case EXTENDED: {
      const low = core.memory.read32(linear),
        high = core.memory.read32((linear + 4) | 0);
      R[MEMORY + 2] = core.memory.read16((linear + 8) | 0);
      R[MEMORY] = low;
      R[MEMORY + 1] = high;
      return 0;
    }
    default: {
      const low = core.memory.read32(linear),
        high = core.memory.read32((linear + 4) | 0),
        top = core.memory.read16((linear + 8) | 0);
      fromBcd(low, high, top & 0xff);
      unpackInt64(W[OUT], W[OUT + 1], X);
      W[X + SIGN] = top >> 15;
      put(R, MEMORY, X);
      return 0;
    }
  }
}

/** Writes OUT in the given format. All of it or nothing. */
function write(core: Core, linear: number, format: number): void {
  const size = SIZE[format];
  if ((linear & 4095) > 4096 - size) core.memory.probeWrite(linear, size);
  if (size === 2) {
    core.memory.write16(linear, W[OUT] & 0xffff);
    return;
  }
  const low = W[OUT],
    high = W[OUT + 1],
    top = W[OUT + 2];
  core.memory.write32(linear, low);
  if (size >= 8) core.memory.write32((linear + 4) | 0, high);
  if (size === 10) core.memory.write16((linear + 8) | 0, top & 0xffff);
}

// ---- arithmetic ----

function operate(R: Int32Array, operation: number, d: number, a: number, b: number): boolean {
  if (operation === ADD) return addExtended(R, d, a, b, 0);
  if (operation === MULTIPLY) return multiplyExtended(R, d, a, b);
  if (operation === SUBTRACT) return addExtended(R, d, a, b, 0x8000);
  return divideExtended(R, d, a, b);
}

/** The four operations in all their forms: D8-DF /0 /1 /4-/7. `reversed`: FSUBR, FDIVR. */
const arithmetic =
  (operation: number, reversed = false, pops = false): CoreOpFactory =>
  (row, memory) => {
    if (memory) {
      const format = memoryFormat(row);
      return (core, p) => {
        readyControl(core);
        const flags = read(core, p, format),
          R = core.R,
          top = (R[FSW] >> 11) & 7,
          d = FPR + top * 4;
        if (((R[FTW] >> top) & 1) === 0) stackFault(R, 0);
        else if (flags !== 0) special(R, d, reversed ? MEMORY : d, reversed ? d : MEMORY, operation, flags & DE);
        else if (reversed) operate(R, operation, d, MEMORY, d);
        else operate(R, operation, d, d, MEMORY);
      };
    }
    if (row.operands[0] === 'STi') {
      return (core, p) => {
        ready(core);
        const R = core.R,
          i = core.A[p + SRC],
          top = (R[FSW] >> 11) & 7,
          other = (top + i) & 7,
          d = FPR + other * 4,
          s = FPR + top * 4;
        const done =
          ((R[FTW] >> top) & (R[FTW] >> other) & 1) === 0
            ? stackFault(R, i)
            : reversed
              ? operate(R, operation, d, s, d)
              : operate(R, operation, d, d, s);
        if (pops && done) pop(R);
      };
    }
    return (core, p) => {
      ready(core);
      const R = core.R,
        top = (R[FSW] >> 11) & 7,
        other = (top + core.A[p + SRC]) & 7,
        d = FPR + top * 4,
        s = FPR + other * 4;
      if (((R[FTW] >> top) & (R[FTW] >> other) & 1) === 0) stackFault(R, 0);
      else if (reversed) operate(R, operation, d, s, d);
      else operate(R, operation, d, d, s);
    };
  };

// ---- comparison ----

/** FCOM, FUCOM, FTST: `order` to C0, C2, C3 (where an unmasked exception stops them, too: not in the SDM, but seen on both vendors' processors), and pops. */
function answer(R: Int32Array, order: number, pops: number): void {
  R[FSW] = (R[FSW] & ~(C0 | C2 | C3)) | (order < 0 ? ~order : order);
  for (; order >= 0 && pops > 0; pops--) pop(R);
}

/** An empty operand of a comparison: unordered, and its complement where that stops the instruction. */
function emptyComparison(R: Int32Array): number {
  raise(R, IE | SF);
  return (R[FCW] & IE) !== 0 ? UNORDERED : ~UNORDERED;
}

const comparison =
  (quiet: boolean, pops = 0): CoreOpFactory =>
  (row, memory) => {
    if (memory) {
      const format = memoryFormat(row);
      return (core, p) => {
        readyControl(core);
        const flags = read(core, p, format),
          R = core.R;
        answer(R, used(R, 0) ? compareExtended(R, st(R, 0), MEMORY, quiet, flags & DE, 0) : emptyComparison(R), pops);
      };
    }
    const fixed = row.operands.length === 0;
    return (core, p) => {
      ready(core);
      const R = core.R,
        i = fixed ? 1 : core.A[p + SRC];
      answer(
        R,
        used(R, 0) && used(R, i) ? compareExtended(R, st(R, 0), st(R, i), quiet, 0, 0) : emptyComparison(R),
        pops,
      );
    };
  };

const CF = 1,
  PF = 4,
  ZF = 0x40;

/** FCOMI, FUCOMI: the answer goes to EFLAGS. */
const flagComparison =
  (quiet: boolean, pops: boolean): CoreOpFactory =>
  () =>
  (core, p) => {
    ready(core);
    const R = core.R,
      i = core.A[p + SRC];
    const order = used(R, 0) && used(R, i) ? compareExtended(R, st(R, 0), st(R, i), quiet, 0, C1) : emptyComparison(R);
    const codes = order < 0 ? ~order : order;
    core.setFlags(codes === LESS ? CF : codes === EQUAL ? ZF : codes === UNORDERED ? ZF | PF | CF : 0);
    if (pops && order >= 0) pop(R);
  };

const ftst: CoreOpFactory = () => core => {
  ready(core);
  const R = core.R;
  R[MEMORY] = R[MEMORY + 1] = R[MEMORY + 2] = 0;
  answer(R, used(R, 0) ? compareExtended(R, st(R, 0), MEMORY, false, 0, 0) : emptyComparison(R), 0);
};

/** Classes of FXAM by unpacked class: zero, normal, denormal, infinity, NaN, NaN, unsupported. */
const EXAMINED = [C3, C2, C3 | C2, C2 | C0, C0, C0, 0];

const fxam: CoreOpFactory = () => core => {
  ready(core);
  const R = core.R,
    a = st(R, 0);
  unpack80(R[a], R[a + 1], R[a + 2], X);
  R[FSW] =
    (R[FSW] & ~(C0 | C1 | C2 | C3)) | (used(R, 0) ? EXAMINED[W[X]] : C3 | C0) | ((R[a + 2] & 0x8000) !== 0 ? C1 : 0);
};

// ---- loads ----

function copy(R: Int32Array, d: number, a: number): void {
  R[d] = R[a];
  R[d + 1] = R[a + 1];
  R[d + 2] = R[a + 2];
}

/** Pushes the words at `a`. */
function load(R: Int32Array, a: number): void {
  const low = R[a],
    high = R[a + 1],
    top = R[a + 2],
    d = push(R);
  R[d] = low;
  R[d + 1] = high;
  R[d + 2] = top;
  R[FSW] &= ~C1;
}

const fld: CoreOpFactory = (row, memory) => {
  if (memory) {
    const format = memoryFormat(row);
    return (core, p) => {
      readyControl(core);
      const flags = read(core, p, format),
        R = core.R;
      if (used(R, 7)) {
        stackOverflow(R);
        return;
      }
      if (flags !== 0) {
        raise(R, flags);
        if ((flags & ~R[FCW]) !== 0) return;
        if ((flags & IE) !== 0) R[MEMORY + 1] |= 0x40000000;
      }
      load(R, MEMORY);
    };
  }
  return (core, p) => {
    ready(core);
    const R = core.R,
      i = core.A[p + SRC];
    // An empty source goes before a full stack.
    if (!used(R, i)) {
      if (stackFault(R, 7)) push(R);
    } else if (used(R, 7)) stackOverflow(R);
    else load(R, st(R, i));
  };
};

/** Constants: low word, high word, exponent, and what must be added to the low word when rounding down (or to zero) and up. */
const constant =
  (low: number, high: number, exponent: number, down = 0, up = 0): CoreOpFactory =>
  () =>
  core => {
    ready(core);
    const R = core.R;
    if (used(R, 7)) {
      stackOverflow(R);
      return;
    }
    const control = rounding(R);
    R[MEMORY] = low + (control === 0 ? 0 : control === 2 ? up : down);
    R[MEMORY + 1] = high;
    R[MEMORY + 2] = exponent;
    load(R, MEMORY);
  };

// ---- stores ----

/** OUT = the format's indefinite, for an empty ST(0) that is to be stored; flags, or -1 when stopped. */
function indefinite(R: Int32Array, format: number): number {
  if ((R[FCW] & IE) === 0) {
    raise(R, IE | SF);
    return -1;
  }
  W[OUT] = format === INT16 ? 0x8000 : format === SINGLE ? 0xffc00000 : format === INT32 ? 0x80000000 : 0;
  W[OUT + 1] = format === DOUBLE ? 0xfff80000 : format === INT64 ? 0x80000000 : 0xc0000000;
  W[OUT + 2] = 0xffff;
  return IE | SF;
}

/** OUT = ST(0) in the given format; flags, or -1 when stopped. */
function convert(R: Int32Array, format: number, truncate: boolean): number {
  const a = st(R, 0);
  switch (format) {
    case DOUBLE:
      return toDouble(R, a);
    case SINGLE:
      return toSingle(R, a);
    case EXTENDED:
      W[OUT] = R[a];
      W[OUT + 1] = R[a + 1];
      W[OUT + 2] = R[a + 2];
      return 0;
    case BCD:
      return toBcd(R, a);
    default: {
      unpack80(R[a], R[a + 1], R[a + 2], X);
      const flags = toInteger(X, SIZE[format] * 8, truncate ? 3 : rounding(R));
      if (flags === IE && (R[FCW] & IE) === 0) {
        raise(R, IE);
        return -1;
      }
      return flags;
    }
  }
}

/** FST, FSTP, FIST, FISTP, FISTTP, FBSTP. */
const store =
  (pops: boolean, truncate = false): CoreOpFactory =>
  (row, memory) => {
    if (memory) {
      const format = memoryFormat(row);
      return (core, p) => {
        readyControl(core);
        const R = core.R,
          flags = used(R, 0) ? convert(R, format, truncate) : indefinite(R, format);
        if (flags < 0) return operandUnused(core, p, SIZE[format]);
        const linear = core.addressing.address(p, SIZE[format], true);
        write(core, linear, format);
        operandAt(core, p, linear);
        raise(R, flags);
        if (pops) pop(R);
      };
    }
    return (core, p) => {
      ready(core);
      const R = core.R,
        i = core.A[p + SRC];
      if (used(R, 0)) {
        copy(R, st(R, i), st(R, 0));
        tag(R, i);
        R[FSW] &= ~C1;
      } else if (!stackFault(R, i)) return;
      if (pops) pop(R);
    };
  };

/** D9 D8+i, an alias of FSTP ST(i) that takes an empty ST(0) without a stack fault: ST(i) stays as it is then (seen on Sapphire Rapids and on EPYC). */
const fstpnce: CoreOpFactory = () => (core, p) => {
  ready(core);
  const R = core.R,
    i = core.A[p + SRC];
  if (used(R, 0)) {
    copy(R, st(R, i), st(R, 0));
    tag(R, i);
  }
  R[FSW] &= ~C1;
  pop(R);
};

// ---- one operand ----

/** Instructions on ST(0) alone. */
const unary =
  (kernel: (R: Int32Array, d: number) => boolean): CoreOpFactory =>
  () =>
  core => {
    ready(core);
    const R = core.R;
    if (used(R, 0)) kernel(R, st(R, 0));
    else stackFault(R, 0);
  };

/** Instructions on ST(0) and ST(1) that change ST(0). */
const binary =
  (kernel: (R: Int32Array, d: number, b: number) => boolean): CoreOpFactory =>
  () =>
  core => {
    ready(core);
    const R = core.R;
    if (used(R, 0) && used(R, 1)) kernel(R, st(R, 0), st(R, 1));
    else stackFault(R, 0);
  };

const remainder =
  (nearest: boolean): CoreOpFactory =>
  () =>
  core => {
    ready(core);
    const R = core.R;
    if (used(R, 0) && used(R, 1)) partialRemainder(R, st(R, 0), st(R, 1), nearest);
    else {
      R[FSW] &= ~C2;
      stackFault(R, 0);
    }
  };

const fxtract: CoreOpFactory = () => core => {
  ready(core);
  const R = core.R;
  if (!used(R, 0)) {
    if (stackFault(R, 0)) {
      copy(R, MEMORY, st(R, 0));
      push(R);
      copy(R, st(R, 0), MEMORY);
    }
    return;
  }
  if (used(R, 7)) {
    const d = st(R, 0);
    if (stackOverflow(R)) copy(R, d, st(R, 0));
    return;
  }
  if (extract(R, st(R, 0), MEMORY)) {
    const c1 = R[FSW] & C1;
    load(R, MEMORY);
    R[FSW] |= c1;
  }
};

const fxch: CoreOpFactory = () => (core, p) => {
  ready(core);
  const R = core.R,
    i = core.A[p + SRC],
    top = (R[FSW] >> 11) & 7,
    other = (top + i) & 7,
    a = FPR + top * 4,
    b = FPR + other * 4;
  if (((R[FTW] >> top) & (R[FTW] >> other) & 1) === 0) {
    // Both orders must be undone when unmasked: look before either is filled.
    if ((R[FCW] & IE) === 0) {
      raise(R, IE | SF);
      return;
    }
    if (!used(R, 0)) stackFault(R, 0);
    if (!used(R, i)) stackFault(R, i);
  }
  const low = R[a],
    high = R[a + 1],
    sign = R[a + 2];
  R[a] = R[b];
  R[a + 1] = R[b + 1];
  R[a + 2] = R[b + 2];
  R[b] = low;
  R[b + 1] = high;
  R[b + 2] = sign;
  R[FSW] &= ~C1;
};

/** FCMOVcc by row.cc: 2 B, 4 E, 6 BE, 10 U and their opposites. */
const fcmovcc: CoreOpFactory = row => {
  const cc = row.cc!;
  const mask = (cc & 14) === 2 ? CF : (cc & 14) === 4 ? ZF : (cc & 14) === 6 ? CF | ZF : PF;
  return (core, p) => {
    ready(core);
    const R = core.R,
      i = core.A[p + SRC];
    if (!used(R, 0) || !used(R, i)) {
      stackFault(R, 0);
      return;
    }
    if (((core.getFlags() & mask) !== 0) === ((cc & 1) === 0)) copy(R, st(R, 0), st(R, i));
  };
};

/** FINCSTP, FDECSTP. */
const turn =
  (by: number): CoreOpFactory =>
  () =>
  core => {
    ready(core);
    const R = core.R,
      status = R[FSW];
    R[FSW] = (status & ~(0x3800 | C1)) | ((((status >> 11) + by) & 7) << 11);
  };

const ffree =
  (pops: boolean): CoreOpFactory =>
  () =>
  (core, p) => {
    ready(core);
    const R = core.R;
    R[FTW] &= ~(1 << (((R[FSW] >> 11) + core.A[p + SRC]) & 7));
    if (pops) pop(R);
  };

export const x87Ops: Record<string, CoreOpFactory> = {
  fadd: arithmetic(ADD),
  fiadd: arithmetic(ADD),
  faddp: arithmetic(ADD, false, true),
  fmul: arithmetic(MULTIPLY),
  fimul: arithmetic(MULTIPLY),
  fmulp: arithmetic(MULTIPLY, false, true),
  fsub: arithmetic(SUBTRACT),
  fisub: arithmetic(SUBTRACT),
  fsubp: arithmetic(SUBTRACT, false, true),
  fsubr: arithmetic(SUBTRACT, true),
  fisubr: arithmetic(SUBTRACT, true),
  fsubrp: arithmetic(SUBTRACT, true, true),
  fdiv: arithmetic(DIVIDE),
  fidiv: arithmetic(DIVIDE),
  fdivp: arithmetic(DIVIDE, false, true),
  fdivr: arithmetic(DIVIDE, true),
  fidivr: arithmetic(DIVIDE, true),
  fdivrp: arithmetic(DIVIDE, true, true),

  fcom: comparison(false),
  fcomp: comparison(false, 1),
  fcompp: comparison(false, 2),
  ficom: comparison(false),
  ficomp: comparison(false, 1),
  fucom: comparison(true),
  fucomp: comparison(true, 1),
  fucompp: comparison(true, 2),
  fcomi: flagComparison(false, false),
  fcomip: flagComparison(false, true),
  fucomi: flagComparison(true, false),
  fucomip: flagComparison(true, true),
  ftst,
  fxam,

  fld,
  fild: fld,
  fbld: fld,
  // Rounded to nearest; the digits that follow decide what the other roundings give (SDM vol. 2, FLD1/…: they depend on RC).
  fld1: constant(0, 0x80000000, 0x3fff),
  fldz: constant(0, 0, 0),
  fldl2t: constant(0xcd1b8afe, 0xd49a784b, 0x4000, 0, 1),
  fldl2e: constant(0x5c17f0bc, 0xb8aa3b29, 0x3fff, -1, 0),
  fldpi: constant(0x2168c235, 0xc90fdaa2, 0x4000, -1, 0),
  fldlg2: constant(0xfbcff799, 0x9a209a84, 0x3ffd, -1, 0),
  fldln2: constant(0xd1cf79ac, 0xb17217f7, 0x3ffe, -1, 0),

  fst: store(false),
  fstp: store(true),
  fist: store(false),
  fistp: store(true),
  fisttp: store(true, true),
  fbstp: store(true),
  fstpnce,

  fchs: unary((R, d) => {
    R[d + 2] ^= 0x8000;
    R[FSW] &= ~C1;
    return true;
  }),
  fabs: unary((R, d) => {
    R[d + 2] &= 0x7fff;
    R[FSW] &= ~C1;
    return true;
  }),
  fsqrt: unary((R, d) => squareRootExtended(R, d, d)),
  frndint: unary(roundToInteger),
  fscale: binary(scale),
  fprem: remainder(false),
  fprem1: remainder(true),
  fxtract,
  fxch,
  fcmovcc,
  fincstp: turn(1),
  fdecstp: turn(-1),
  ffree: ffree(false),
  ffreep: ffree(true),
  fnop: () => core => ready(core),
};
