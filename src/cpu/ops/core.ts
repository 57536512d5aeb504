/** What an instruction may use that asks for less than the whole processor. */
import type { Row } from '../table/row.ts';

/** What instructions of src/cpu/fpu use: the processor, or in their tests less. */
export interface Core {
  /** State words (registers.ts) and the same as bytes. */
  readonly R: Int32Array;
  readonly R8: Uint8Array;
  /** Records. */
  readonly A: Int32Array;
  readonly addressing: {
    /** Linear address of the record's memory operand of `size` bytes: effective address, segment checks (#GP, #SS) and base. */
    address(p: number, size: number, write: boolean): number;
    /** The same of an operand that must lie on 16 bytes: #GP(0) if it does not. */
    aligned16(p: number, size: number, write: boolean): number;
  };
  readonly memory: {
    /** Runs accesses to the pieces of an operand whose alignment (#AC) has been checked as a whole, or is not. */
    asWhole(access: () => void): void;
    /** Memory by linear address at the current privilege; #PF is thrown. Any alignment, may cross pages. Results of 32 bits are signed. */
    read8(linear: number): number;
    read16(linear: number): number;
    read32(linear: number): number;
    write8(linear: number, value: number): void;
    write16(linear: number, value: number): void;
    write32(linear: number, value: number): void;
    /** 16 bytes at `linear` to four words of R from `to` on; nothing is changed if one of them cannot be read. */
    read128(linear: number, to: number): void;
    /** Checks that `size` bytes can be written (faults if not), so that a store of several words cannot stop half way. */
    probeWrite(linear: number, size: number): void;
  };

  /** Halves of what a linear address in 64-bit code represents; absent: it is the address. */
  readonly tlb?: {
    lowOf(at: number): number;
    highOf(at: number): number;
  };

  /** Throws the fault. `error` only for vectors that push one. */
  fault(vector: number, error?: number): never;
  /** Arithmetic flags as EFLAGS bits, for an op that writes them itself (CF 1, PF 4, AF 0x10, ZF 0x40, SF 0x80, OF 0x800). */
  setFlags(bits: number): void;
  getFlags(): number;
  /**
   * An x87 error is pending and CR0.NE clear: asserts FERR# and leaves the instruction undone; returns if IGNNE# says to ignore the error.
   * Absent: #MF is raised whatever CR0.NE says.
   */
  ferr?(): void;
}

/** Runs one record, as an `Op` (context.ts) does. */
export type CoreOp = (core: Core, p: number) => void;
/** Makes the CoreOp for a row, as an `OpFactory` (context.ts) does. */
export type CoreOpFactory = (row: Row, memory: boolean, operandSize: 16 | 32) => CoreOp;
