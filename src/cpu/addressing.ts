/** Where operands lie: effective addresses of records, and linear addresses with the checks of their segments. Source: SDM vol. 3, 5.3 and 5.5. */
import type { MemoryAccess } from './access.ts';
import { type Faults, GP, SS_ } from './faults.ts';
import { AC } from './architecture/flags.ts';
import { isPlain } from './mode.ts';
import { BASE, DISP, INDEX, INDEX_REGISTER_MASK, INDEX_SCALE, META, META_ADDRESS16, META_SEGMENT } from './record.ts';
import {
  EFLAGS,
  RIGHTS_DB,
  RIGHTS_UNUSABLE,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_WORDS,
  SS,
} from './architecture/registers.ts';
import type { Views } from './views.ts';

export class Addressing {
  private readonly R: Int32Array;
  private readonly A: Int32Array;
  private readonly memory: MemoryAccess;
  private readonly faults: Faults;

  /** `A`: records. */
  constructor({ R }: Views, A: Int32Array, memory: MemoryAccess, faults: Faults) {
    this.R = R;
    this.A = A;
    this.memory = memory;
    this.faults = faults;
  }

  /** Effective address of the record's memory operand, without the segment. */
  offset(p: number): number {
    const { A, R } = this;
    const index = A[p + INDEX]!;
    const sum =
      (R[A[p + BASE]!]! + (R[index & INDEX_REGISTER_MASK]! << ((index >>> INDEX_SCALE) & 3)) + A[p + DISP]!) | 0;
    return (A[p + META]! & META_ADDRESS16) !== 0 ? sum & 0xffff : sum;
  }

  /** Linear address of the record's memory operand of `size` bytes. */
  address(p: number, size: number, write: boolean): number {
    const linear = this.operand(p, size, write);
    if ((this.R[EFLAGS]! & AC) !== 0) this.memory.checkAlignment(linear, size);
    return linear;
  }

  /** The same without the alignment check, for operands of several words that are checked one by one. */
  operand(p: number, size: number, write: boolean): number {
    return this.linear((this.A[p + META]! >>> META_SEGMENT) & 7, this.offset(p), size, write);
  }

  /** The same of an operand that must lie on a multiple of 16. */
  aligned16(p: number, size: number, write: boolean): number {
    const segment = (this.A[p + META]! >>> META_SEGMENT) & 7;
    // Before the segment's limit, so that #GP is raised where a stack segment's would be #SS (Intel, seen).
    if (((this.R[SEG + segment * SEG_WORDS + SEG_BASE]! + this.offset(p)) & 15) !== 0) this.faults.raise(GP, 0);
    return this.address(p, size, write);
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
