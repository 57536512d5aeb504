/** What generated functions of 64-bit code (gen/long.ts) call: products, branches and repetition. Source: SDM vol. 2, at each mnemonic. */
import { isCanonical } from '../addressing.ts';
import type { Cpu } from '../cpu.ts';
import { GP } from '../faults.ts';
import { DF } from '../architecture/flags.ts';
import { EAX, ECX, EDI, EFLAGS, EIP, ES, ESI, FA, FB, FK, FR, HIGH } from '../architecture/registers.ts';
import { EXTRA, IMM, META, META_ADDRESS32, META_LENGTH, META_REP, META_REPNE, META_SEGMENT } from '../record.ts';
import { JUMP, S_HIGH, S_PATCH, S_STOP } from '../scratch.ts';
import { addedHigh } from '../stack.ts';
import { multiplyHigh } from './arithmetic.ts';
import {
  advanceLong,
  type Bulk,
  copy,
  DEVICE_ELEMENTS,
  DEVICE_WEIGHT,
  FEWEST,
  mayRepeat,
  NO_MEMORY,
  patternPage,
  SINGLE_WEIGHT,
} from './string.ts';

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
  size: number,
  element: () => void,
  bulk: Bulk | null,
  whileEqual: boolean,
  pointers: readonly number[],
): void {
  const { R, A, S } = cpu,
    meta = A[p + META]!;
  if ((meta & (META_REP | META_REPNE)) === 0) return element();
  const short = (meta & META_ADDRESS32) !== 0,
    equal = (meta & META_REP) !== 0;
  if (whileEqual) for (let i = 0; i < 8; i++) found[i] = R[FLAG_WORDS[i]!]!;
  let room = mayRepeat(cpu),
    single = 0,
    work = 0,
    done = false;
  try {
    for (;;) {
      if ((R[ECX]! | (short ? 0 : R[ECX + HIGH]!)) === 0) {
        if (short) for (const register of [ECX, ...pointers]) R[register + HIGH] = 0;
        break;
      }
      if (room <= 0 || cpu.loop.stopping) {
        cpu.loop.goOn();
        S[S_STOP] = JUMP;
        return;
      }
      const most = !short && R[ECX + HIGH] !== 0 ? Infinity : R[ECX]! >>> 0;
      let moved = bulk === null || room === 1 || --single >= 0 ? 0 : bulk(cpu, p, size, Math.min(most, room * 4));
      if (moved <= 0) {
        if (moved === NO_MEMORY) single = DEVICE_ELEMENTS;
        const { answeredInPlace } = cpu.mmio;
        element();
        moved = 1;
        work += SINGLE_WEIGHT;
        if (cpu.mmio.answeredInPlace !== answeredInPlace) {
          room -= DEVICE_WEIGHT;
          cpu.mmio.committed();
        }
      }
      advanceLong(cpu, ECX, -moved, short);
      room -= moved;
      work += moved;
      if (whileEqual && (R[FR] === 0) !== equal) break;
    }
    done = true;
    cpu.loop.ended();
  } finally {
    cpu.loop.worked(work);
    if (whileEqual && !done) for (let i = 0; i < 8; i++) R[FLAG_WORDS[i]!] = found[i]!;
  }
}

// ---- several elements at once, upwards and within a page on each side: what lies behind that another slot represents ----

const isShort = (cpu: Cpu, p: number): boolean => (cpu.A[p + META]! & META_ADDRESS32) !== 0;
function elementAt(cpu: Cpu, segment: number, pointer: number, size: number, short: boolean): number {
  return cpu.addressing.long(segment, cpu.R[pointer]!, short ? 0 : cpu.R[pointer + HIGH]!, size);
}
/** Elements from a pointer on that lie in its page, at `at`, and before 32-bit offsets begin again. */
function elementsUp({ R }: Cpu, pointer: number, at: number, size: number, short: boolean): number {
  const bytes = 4096 - (at & 4095);
  return Math.floor((short ? Math.min(bytes, 2 ** 32 - (R[pointer]! >>> 0)) : bytes) / size);
}
/** They are to be done one by one: downwards, or each is checked. */
const isOneByOne = (cpu: Cpu): boolean => (cpu.R[EFLAGS]! & DF) !== 0 || cpu.memory.checksAlignment;

/** MOVS. */
export function copyLong(cpu: Cpu, p: number, size: number, count: number): number {
  if (isOneByOne(cpu)) return 0;
  const { memory } = cpu,
    short = isShort(cpu, p);
  const from = elementAt(cpu, (cpu.A[p + META]! >>> META_SEGMENT) & 7, ESI, size, short);
  let n = Math.min(count, elementsUp(cpu, ESI, from, size, short));
  if (n < FEWEST) return 0;
  const source = memory.hostRead(from);
  if (source < 0) return NO_MEMORY;
  const to = elementAt(cpu, ES, EDI, size, short);
  n = Math.min(n, elementsUp(cpu, EDI, to, size, short));
  if (n < FEWEST) return 0;
  const target = memory.hostWrite(to);
  if (target < 0) return NO_MEMORY;
  // A copy onto what is still to be read repeats a pattern.
  if (target > source && target - source < n * size) n = Math.floor((target - source) / size);
  if (n < FEWEST) return 0;
  copy(cpu, source, target, n * size);
  advanceLong(cpu, ESI, n * size, short);
  advanceLong(cpu, EDI, n * size, short);
  return n;
}

/** STOS. */
export function fillLong(cpu: Cpu, p: number, size: number, count: number): number {
  if (isOneByOne(cpu)) return 0;
  const { R, M1, M4, memory } = cpu,
    short = isShort(cpu, p),
    to = elementAt(cpu, ES, EDI, size, short),
    n = Math.min(count, elementsUp(cpu, EDI, to, size, short)),
    bytes = n * size;
  if (n < FEWEST) return 0;
  const target = memory.hostWrite(to);
  if (target < 0) return NO_MEMORY;
  const isWords = size < 8 || R[EAX] === R[EAX + HIGH];
  if (isWords && ((target | bytes) & 3) === 0) {
    const page = patternPage(R[EAX]!, Math.min(size, 4));
    M4.set(bytes === 4096 ? page : page.subarray(0, bytes >> 2), target >>> 2);
  } else {
    for (let i = 0; i < size; i++) M1[target + i] = R[EAX + (i < 4 ? 0 : HIGH)]! >>> (8 * (i & 3));
    for (let seeded = size; seeded < bytes; seeded *= 2)
      M1.copyWithin(target + seeded, target, target + Math.min(seeded, bytes - seeded));
  }
  cpu.code.wrote(target, bytes);
  advanceLong(cpu, EDI, bytes, short);
  return n;
}
