/**
 * Lazy arithmetic flags. An instruction stores what it did (kind, operands, result) in four words; the six flags are computed when something reads them.
 * Operands and results of 8 and 16 bits are kept shifted to the top of the word, so that signed and unsigned comparisons are those of 32 bits.
 * The kind word is `KIND | shift << 4`. Source of the flags' definitions: SDM vol. 1, 3.4.3.1 and appendix A.
 */

/** All six flags are in `b` as EFLAGS bits; `r` is 0 exactly if ZF is set. */
export const ALL = 0;
/** r = a - b. */
export const SUB = 1;
/** r = a + b. */
export const ADD = 2;
/** CF = OF = AF = 0; the rest from r. */
export const LOGIC = 3;
/** r = a + 1 (a - 1) with CF kept in b. */
export const INC = 4,
  DEC = 5;
/** CF, OF and AF are in b as EFLAGS bits; ZF, SF, PF from r. */
export const EXPLICIT = 6;
/** r = a - b - carry, r = a + b + carry. */
export const SBB = 7,
  ADC = 8;

export const CF = 1,
  PF = 4,
  AF = 0x10,
  ZF = 0x40,
  SF = 0x80,
  OF = 0x800;
export const ARITHMETIC = CF | PF | AF | ZF | SF | OF;
export const TF = 0x100,
  IF = 0x200,
  DF = 0x400,
  IOPL = 0x3000,
  NT = 0x4000,
  RF = 0x10000,
  VM = 0x20000,
  AC = 0x40000,
  VIF = 0x80000,
  VIP = 0x100000,
  ID = 0x200000;

/** The result, where `r` does not hold it: of differences and sums it follows from the operands. */
export function outcome(k: number, a: number, b: number, r: number): number {
  const kind = k & 15;
  return kind === SUB ? (a - b) | 0 : kind === ADD ? (a + b) | 0 : r;
}

/** The kind, and `b`, where CF and OF are those of `change`; where that is negative, nothing changed. `r` holds the result. */
export function kindWithChange(k: number, change: number): number {
  return change < 0 || k === ALL ? k : (k & -16) | EXPLICIT;
}
export function withChange(k: number, a: number, b: number, r: number, change: number): number {
  if (change < 0) return b;
  return ((k === ALL || (k & 15) === EXPLICIT ? b : arithmetic(k, a, b, r)) & ~(CF | OF)) | change;
}

export function carry(k: number, a: number, b: number, r: number): number {
  switch (k & 15) {
    case SUB:
      return a >>> 0 < b >>> 0 ? 1 : 0;
    case ADD:
      return r >>> 0 < a >>> 0 ? 1 : 0;
    case LOGIC:
      return 0;
    case SBB:
      return ((~a & b) | ((~a | b) & r)) >>> 31;
    case ADC:
      return ((a & b) | ((a | b) & ~r)) >>> 31;
    default:
      return b & 1;
  }
}

export function overflow(k: number, a: number, b: number, r: number): number {
  switch (k & 15) {
    case SUB:
    case SBB:
      return ((a ^ b) & (a ^ r)) >>> 31;
    case ADD:
    case ADC:
      return ((a ^ r) & (b ^ r)) >>> 31;
    case LOGIC:
      return 0;
    case INC:
      return r === -0x80000000 ? 1 : 0;
    case DEC:
      return r === (0x7fffffff & (-1 << (k >> 4))) ? 1 : 0;
    default:
      return (b >> 11) & 1;
  }
}

export function sign(k: number, b: number, r: number): number {
  return (k & 15) === ALL ? (b >> 7) & 1 : r >>> 31;
}

export function parity(k: number, b: number, r: number): number {
  if ((k & 15) === ALL) return (b >> 2) & 1;
  let x = (r >>> (k >> 4)) & 0xff;
  x ^= x >> 4;
  return (0x9669 >> (x & 15)) & 1;
}

function adjust(k: number, a: number, b: number, r: number): number {
  const shift = k >> 4;
  switch (k & 15) {
    case SUB:
    case ADD:
    case SBB:
    case ADC:
      return ((a ^ b ^ r) >>> shift) & AF;
    case LOGIC:
      return 0;
    case INC:
      return ((r >>> shift) & 15) === 0 ? AF : 0;
    case DEC:
      return ((r >>> shift) & 15) === 15 ? AF : 0;
    default:
      return b & AF;
  }
}

/** The six flags as EFLAGS bits. */
export function arithmetic(k: number, a: number, b: number, r: number): number {
  if ((k & 15) === ALL) return b & ARITHMETIC;
  return (
    carry(k, a, b, r) |
    (parity(k, b, r) << 2) |
    adjust(k, a, b, r) |
    (r === 0 ? ZF : 0) |
    (r < 0 ? SF : 0) |
    (overflow(k, a, b, r) << 11)
  );
}

/** Condition code 0-15 (SDM vol. 1, appendix B) from the lazy words. */
export function condition(cc: number, k: number, a: number, b: number, r: number): boolean {
  let truth: boolean;
  switch (cc >> 1) {
    case 0:
      truth = overflow(k, a, b, r) !== 0;
      break;
    case 1:
      truth = carry(k, a, b, r) !== 0;
      break;
    case 2:
      truth = r === 0;
      break;
    case 3:
      truth = r === 0 || carry(k, a, b, r) !== 0;
      break;
    case 4:
      truth = sign(k, b, r) !== 0;
      break;
    case 5:
      truth = parity(k, b, r) !== 0;
      break;
    case 6:
      truth = sign(k, b, r) !== overflow(k, a, b, r);
      break;
    default:
      truth = r === 0 || sign(k, b, r) !== overflow(k, a, b, r);
  }
  return truth !== ((cc & 1) === 1);
}
