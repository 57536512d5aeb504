/**
 * Lazy flags of 64-bit operations: seven more kinds next to those of flags.ts. FA, FB and FR hold the high halves of operands and result, so that signs are where
 * they always are; the low halves lie HIGH words behind, for what needs them. Bit 0 of FR is set where the low half of the result is not 0: FR is 0 where the result is.
 * Only 64-bit code leaves these kinds: code that leaves 64-bit mode settles them first.
 */
import {
  ADC,
  ADD,
  AF,
  ALL,
  ARITHMETIC,
  arithmetic,
  carry,
  condition,
  DEC,
  INC,
  LOGIC,
  OF,
  PF,
  SBB,
  SF,
  SUB,
  ZF,
} from './flags.ts';
import { EFLAGS, FA, FB, FK, FR, HIGH } from './registers.ts';

/** INC and DEC keep CF in FB and the exact high half of the result in FA. */
export const SUB64 = 9,
  ADD64 = 10,
  LOGIC64 = 11,
  INC64 = 12,
  DEC64 = 13,
  SBB64 = 14,
  ADC64 = 15;

/** The kind of 64 bits for one of fewer. */
export const LONG_KINDS: Readonly<Record<number, number>> = {
  [SUB]: SUB64,
  [ADD]: ADD64,
  [LOGIC]: LOGIC64,
  [INC]: INC64,
  [DEC]: DEC64,
  [SBB]: SBB64,
  [ADC]: ADC64,
};

/** CF as 0 or 1, of any kind. */
export function carryOf(R: Int32Array): number {
  const k = R[FK]! & 15,
    a = R[FA]!,
    b = R[FB]!;
  switch (k) {
    case SUB64:
      return a === b ? (R[FA + HIGH]! >>> 0 < R[FB + HIGH]! >>> 0 ? 1 : 0) : a >>> 0 < b >>> 0 ? 1 : 0;
    case LOGIC64:
      return 0;
    case INC64:
    case DEC64:
      return b & 1;
    case SBB64:
      return ((~a & b) | ((~a | b) & R[FR]!)) >>> 31;
    case ADD64:
    case ADC64:
      return ((a & b) | ((a | b) & ~R[FR]!)) >>> 31;
    default:
      return carry(R[FK]!, a, b, R[FR]!);
  }
}

function overflowOf(R: Int32Array): number {
  const a = R[FA]!,
    b = R[FB]!,
    r = R[FR]!;
  switch (R[FK]! & 15) {
    case SUB64:
    case SBB64:
      return ((a ^ b) & (a ^ r)) >>> 31;
    case ADD64:
    case ADC64:
      return ((a ^ r) & (b ^ r)) >>> 31;
    case INC64:
      return r === -0x80000000 ? 1 : 0;
    case DEC64:
      return a === 0x7fffffff && R[FR + HIGH] === -1 ? 1 : 0;
    default:
      return 0;
  }
}

function adjustOf(R: Int32Array): number {
  const low = R[FR + HIGH]!;
  switch (R[FK]! & 15) {
    case LOGIC64:
      return 0;
    case INC64:
      return (low & 15) === 0 ? AF : 0;
    case DEC64:
      return (low & 15) === 15 ? AF : 0;
    default:
      return (R[FA + HIGH]! ^ R[FB + HIGH]! ^ low) & AF;
  }
}

/** SF, ZF and PF of a result of 64 bits. */
export function resultFlags(low: number, high: number): number {
  let x = low & 0xff;
  x ^= x >> 4;
  return (((0x9669 >> (x & 15)) & 1) !== 0 ? PF : 0) | ((low | high) === 0 ? ZF : 0) | (high < 0 ? SF : 0);
}

/** The six flags as EFLAGS bits, of any kind. */
export function arithmeticOf(R: Int32Array): number {
  if ((R[FK]! & 15) < SUB64) return arithmetic(R[FK]!, R[FA]!, R[FB]!, R[FR]!);
  const r = R[FR]!;
  return (
    carryOf(R) |
    (resultFlags(R[FR + HIGH]!, 0) & PF) |
    adjustOf(R) |
    (r === 0 ? ZF : 0) |
    (r < 0 ? SF : 0) |
    (overflowOf(R) !== 0 ? OF : 0)
  );
}

/** Condition code 0-15 from flags of any kind. */
export function conditionOf(R: Int32Array, cc: number): boolean {
  if ((R[FK]! & 15) < SUB64) return condition(cc, R[FK]!, R[FA]!, R[FB]!, R[FR]!);
  const r = R[FR]!;
  let truth: boolean;
  switch (cc >> 1) {
    case 0:
      truth = overflowOf(R) !== 0;
      break;
    case 1:
      truth = carryOf(R) !== 0;
      break;
    case 2:
      truth = r === 0;
      break;
    case 3:
      truth = r === 0 || carryOf(R) !== 0;
      break;
    case 4:
      truth = r < 0;
      break;
    case 5:
      truth = (resultFlags(R[FR + HIGH]!, 0) & PF) !== 0;
      break;
    case 6:
      truth = r < 0 !== (overflowOf(R) !== 0);
      break;
    default:
      truth = r === 0 || r < 0 !== (overflowOf(R) !== 0);
  }
  return truth !== ((cc & 1) === 1);
}

/** EFLAGS into the state words of a processor that does not run: the arithmetic flags have words of their own. */
export function putFlags(regs: Int32Array, flags: number): void {
  regs[EFLAGS] = flags & ~ARITHMETIC & ~2;
  regs[FK] = ALL;
  regs[FB] = flags & ARITHMETIC;
  regs[FR] = flags & ZF ? 0 : 1;
}
