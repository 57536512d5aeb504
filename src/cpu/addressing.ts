/** Where operands lie: effective addresses of records, and linear addresses with the checks of their segments. Source: SDM vol. 3, 5.3 and 5.5. */
import type { MemoryAccess } from './access.ts';
import { type Faults, GP, SS_ } from './faults.ts';
import { AC } from './architecture/flags.ts';
import { isPlain } from './mode.ts';
import {
  BASE,
  DISP,
  IMM,
  INDEX,
  INDEX_REGISTER_MASK,
  INDEX_SCALE,
  META,
  META_ADDRESS16,
  META_ADDRESS32,
  META_LENGTH,
  META_LONG,
  META_OFFSET64,
  META_SEGMENT,
} from './record.ts';
import {
  EFLAGS,
  EIP,
  FS,
  HIGH,
  RIGHTS_DB,
  RIGHTS_UNUSABLE,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_WORDS,
  SS,
} from './architecture/registers.ts';
import { S_HIGH } from './scratch.ts';
import type { Tlb } from './tlb.ts';
import type { Views } from './views.ts';

/** Bits 47 to 63 of the address with this high half are alike (SDM vol. 1, 3.3.7.1). */
export const isCanonical = (high: number): boolean => (high << 16) >> 16 === high;

export class Addressing {
  private readonly R: Int32Array;
  private readonly S: Int32Array;
  private readonly A: Int32Array;
  private readonly tlb: Tlb;
  private readonly memory: MemoryAccess;
  private readonly faults: Faults;

  /** `A`: records. */
  constructor({ R, S }: Views, A: Int32Array, tlb: Tlb, memory: MemoryAccess, faults: Faults) {
    this.R = R;
    this.S = S;
    this.tlb = tlb;
    this.A = A;
    this.memory = memory;
    this.faults = faults;
  }

  /** Effective address of the record's memory operand, without the segment; of 64-bit code the low half, the high one is in S_HIGH. */
  offset(p: number): number {
    return (this.A[p + META]! & META_LONG) !== 0 ? this.longOffset(p) : this.shortOffset(p);
  }

  /** The same of a record of 32- or 16-bit code. */
  private shortOffset(p: number): number {
    const { A, R } = this;
    const index = A[p + INDEX]!;
    const sum =
      (R[A[p + BASE]!]! + (R[index & INDEX_REGISTER_MASK]! << ((index >>> INDEX_SCALE) & 3)) + A[p + DISP]!) | 0;
    return (A[p + META]! & META_ADDRESS16) !== 0 ? sum & 0xffff : sum;
  }

  /** Linear address of the record's memory operand of `size` bytes. */
  address(p: number, size: number, write: boolean): number {
    return (this.R[EFLAGS]! & AC) !== 0 ? this.checkedAddress(p, size, write) : this.operand(p, size, write);
  }

  /** The same with EFLAGS.AC set. */
  private checkedAddress(p: number, size: number, write: boolean): number {
    // Of an operand that begins below the end of what is canonical and ends above, the alignment comes first (Intel, seen).
    if ((this.A[p + META]! & META_LONG) !== 0) this.memory.checkAlignment(this.longOperand(p, 1), size);
    const linear = this.operand(p, size, write);
    this.memory.checkAlignment(linear, size);
    return linear;
  }

  /** The same without the alignment check, for operands of several words that are checked one by one. */
  operand(p: number, size: number, write: boolean): number {
    if ((this.A[p + META]! & META_LONG) !== 0) return this.longOperand(p, size);
    return this.linear((this.A[p + META]! >>> META_SEGMENT) & 7, this.shortOffset(p), size, write);
  }

  /** The same of an operand that must lie on a multiple of 16. */
  aligned16(p: number, size: number, write: boolean): number {
    const segment = (this.A[p + META]! >>> META_SEGMENT) & 7;
    // Before the segment's limit, so that #GP is raised where a stack segment's would be #SS (Intel, seen).
    const base =
      segment < FS && (this.A[p + META]! & META_LONG) !== 0 ? 0 : this.R[SEG + segment * SEG_WORDS + SEG_BASE]!;
    if (((base + this.offset(p)) & 15) !== 0) this.faults.raise(GP, 0);
    return this.address(p, size, write);
  }

  private longOffset(p: number): number {
    const { A, R, S } = this;
    const base = A[p + BASE]!,
      index = A[p + INDEX]!,
      disp = A[p + DISP]!,
      meta = A[p + META]!;
    const low = R[base]!,
      register = index & INDEX_REGISTER_MASK,
      scale = (index >>> INDEX_SCALE) & 3,
      added = R[register]! << scale;
    // Relative to RIP means to the instruction's end.
    const length = base === EIP ? (meta >>> META_LENGTH) & 15 : 0;
    const sum = (low >>> 0) + (added >>> 0) + (disp >>> 0) + length,
      carry = sum >= 2 ** 33 ? 2 : sum >= 2 ** 32 ? 1 : 0;
    const addedHigh = (R[register + HIGH]! << scale) | ((R[register]! >>> 1) >>> (31 - scale)),
      dispHigh = (meta & META_OFFSET64) !== 0 ? A[p + IMM]! : disp >> 31;
    S[S_HIGH] = (meta & META_ADDRESS32) !== 0 ? 0 : R[base + HIGH]! + addedHigh + dispHigh + carry;
    return sum | 0;
  }

  /** Slot address (tlb.ts) of the memory operand of a record of 64-bit code. */
  private longOperand(p: number, size: number): number {
    const low = this.longOffset(p);
    return this.long((this.A[p + META]! >>> META_SEGMENT) & 7, low, this.S[S_HIGH]!, size);
  }

  /** Slot address of an offset of 64 bits in a segment of 64-bit code: only FS and GS have bases, none has a limit. Not canonical: #SS or #GP. */
  long(segment: number, low: number, high: number, size: number): number {
    if (segment < FS) return this.canonical(segment === SS ? SS_ : GP, low, high, size);
    const linear = this.based(segment, low, high);
    return this.canonical(GP, linear, this.S[S_HIGH]!, size);
  }

  /** Linear address of an offset in FS or GS, canonical or not: the low half, the high one is in S_HIGH. */
  based(segment: number, low: number, high: number): number {
    const { R } = this,
      base = SEG + segment * SEG_WORDS + SEG_BASE,
      sum = (low >>> 0) + (R[base]! >>> 0);
    this.S[S_HIGH] = high + R[base + HIGH]! + (sum >= 2 ** 32 ? 1 : 0);
    return sum | 0;
  }

  private canonical(vector: number, low: number, high: number, size: number): number {
    const lastHigh = (low >>> 0) + size - 1 >= 2 ** 32 ? (high + 1) | 0 : high;
    if (!isCanonical(high) || !isCanonical(lastHigh)) this.faults.raise(vector, 0);
    return this.tlb.slotAddresses(low, high, size);
  }

  /** Linear address of `offset` in a segment. */
  linear(segment: number, offset: number, size: number, write: boolean): number {
    const { R, faults } = this;
    const s = SEG + segment * SEG_WORDS;
    const rights = R[s + SEG_RIGHTS]!;
    if (R[s + SEG_LIMIT] === -1 && isPlain(rights)) return (R[s + SEG_BASE]! + offset) | 0;
    const vector = segment === SS ? SS_ : GP;
    if ((rights & RIGHTS_UNUSABLE) !== 0) faults.raise(vector, 0);
    const code = (rights & 8) !== 0;
    // Code segments can be read if bit 1 says so, never written; data segments can be written if bit 1 says so.
    if (code ? write || (rights & 2) === 0 : write && (rights & 2) === 0) faults.raise(vector, 0);
    const first = offset >>> 0,
      last = first + size - 1,
      limit = R[s + SEG_LIMIT]! >>> 0;
    if (!code && (rights & 4) !== 0) {
      if (first <= limit || last > ((rights & RIGHTS_DB) !== 0 ? 0xffffffff : 0xffff)) faults.raise(vector, 0);
    } else if (last > limit) faults.raise(vector, 0);
    return (R[s + SEG_BASE]! + offset) | 0;
  }
}
