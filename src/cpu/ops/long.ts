/** What generated functions of 64-bit code (gen/long.ts) call: products, branches and repetition. Source: SDM vol. 2, at each mnemonic. */
import { isCanonical } from '../addressing.ts';
import type { Cpu } from '../cpu.ts';
import { GP } from '../faults.ts';
import { ECX, EIP, FA, FB, FK, FR, HIGH } from '../architecture/registers.ts';
import { EXTRA, IMM, META, META_ADDRESS32, META_LENGTH, META_REP, META_REPNE } from '../record.ts';
import { JUMP, S_HIGH, S_PATCH, S_STOP } from '../scratch.ts';
import { addedHigh } from '../stack.ts';
import { multiplyHigh } from './arithmetic.ts';
import { advanceLong, mayRepeat } from './string.ts';

export { advanceLong };

/** A number of 64 bits with sign, of its halves. */
export const pairOf = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);

/** What `multiplyLong` leaves: four words, the lowest first. */
export const product = new Int32Array(4);

/** Adds a product of two words to `product` from word `at` on. */
function addProduct(at: number, a: number, b: number): void {
  let carry = Math.imul(a, b) >>> 0,
    high = multiplyHigh(a, b) >>> 0;
  for (let i = at; i < 4; i++) {
    const sum = (product[i]! >>> 0) + carry;
    product[i] = sum;
    carry = high + (sum >= 2 ** 32 ? 1 : 0);
    high = 0;
  }
}

function subtractHigh(low: number, high: number): void {
  const difference = (product[2]! >>> 0) - (low >>> 0);
  product[2] = difference;
  product[3] = product[3]! - high - (difference < 0 ? 1 : 0);
}

export function multiplyLong(a: number, aHigh: number, b: number, bHigh: number, signed: boolean): void {
  product.fill(0);
  addProduct(0, a, b);
  addProduct(1, aHigh, b);
  addProduct(1, a, bHigh);
  addProduct(2, aHigh, bHigh);
  if (!signed) return;
  // Of the product of the same bits without sign.
  if (aHigh < 0) subtractHigh(b, bHigh);
  if (bHigh < 0) subtractHigh(a, aHigh);
}

const lengthOf = (cpu: Cpu, p: number) => (cpu.A[p + META]! >>> META_LENGTH) & 15;

/** RIP after the instruction: the low half; the high one is in S_HIGH. */
export function nextRip(cpu: Cpu, p: number): number {
  return ripAfter(cpu, lengthOf(cpu, p));
}
function ripAfter(cpu: Cpu, delta: number): number {
  const { R, S } = cpu;
  S[S_HIGH] = addedHigh(R[EIP]!, R[EIP + HIGH]!, delta);
  return (R[EIP]! + delta) | 0;
}

/** #GP(0) for a RIP that is not canonical. */
export function checkRip(cpu: Cpu, _low: number, high: number): void {
  if (!isCanonical(high)) cpu.fault(GP, 0);
}
export function goToRip(cpu: Cpu, low: number, high: number): void {
  checkRip(cpu, low, high);
  cpu.R[EIP] = low;
  cpu.R[EIP + HIGH] = high;
  cpu.S[S_STOP] = JUMP;
}

/** Where a direct branch leads. */
const target = (cpu: Cpu, p: number): number => ripAfter(cpu, lengthOf(cpu, p) + cpu.A[p + IMM]!);

export function checkLongBranch(cpu: Cpu, p: number): void {
  const low = target(cpu, p);
  checkRip(cpu, low, cpu.S[S_HIGH]!);
}
export function branchLong(cpu: Cpu, p: number): void {
  const low = target(cpu, p);
  goToRip(cpu, low, cpu.S[S_HIGH]!);
  if (cpu.A[p + EXTRA]! >>> 0 < 4096) cpu.S[S_PATCH] = p;
}

/** Flags before a REP that writes them. */
const found = new Int32Array(8);
const FLAG_WORDS = [FK, FA, FB, FR, FK + HIGH, FA + HIGH, FB + HIGH, FR + HIGH];

/** Runs `element` once, or for REP until the count ends it; with `whileEqual` REPE goes on while ZF is set, REPNE while it is clear. See `repeat` of ops/string.ts. */
export function repeatLong(
  cpu: Cpu,
  p: number,
  element: () => void,
  whileEqual: boolean,
  pointers: readonly number[],
): void {
  const { R, A, S } = cpu,
    meta = A[p + META]!;
  if ((meta & (META_REP | META_REPNE)) === 0) return element();
  const short = (meta & META_ADDRESS32) !== 0,
    equal = (meta & META_REP) !== 0;
  if (whileEqual) for (let i = 0; i < 8; i++) found[i] = R[FLAG_WORDS[i]!]!;
  let done = false;
  try {
    for (let room = mayRepeat(cpu); ; room--) {
      if ((R[ECX]! | (short ? 0 : R[ECX + HIGH]!)) === 0) {
        if (short) for (const register of [ECX, ...pointers]) R[register + HIGH] = 0;
        break;
      }
      if (room <= 0 || cpu.loop.stopping) {
        cpu.loop.goOn();
        S[S_STOP] = JUMP;
        return;
      }
      element();
      cpu.loop.worked(ELEMENT_WORK);
      advanceLong(cpu, ECX, -1, short);
      if (whileEqual && (R[FR] === 0) !== equal) break;
    }
    done = true;
    cpu.loop.ended();
  } finally {
    if (whileEqual && !done) for (let i = 0; i < 8; i++) R[FLAG_WORDS[i]!] = found[i]!;
  }
}
/** Elements done in bulk that one done by itself takes as long as. */
const ELEMENT_WORK = 32;
