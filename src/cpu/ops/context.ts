/**
 * What the semantics of one instruction may use. An `Op` runs one record: on return the instruction has retired; a fault or VM exit
 * leaves by `throw` (the objects are preallocated) with no register or memory changed, so that the instruction can be restarted.
 */
import type { Cpu } from '../cpu.ts';
import { SEG, SEG_BASE, SEG_WORDS } from '../architecture/registers.ts';
import type { Row } from '../table/row.ts';

/**
 * Words of a record (a decoded instruction in `A`): eight, half a cache line, since code that runs wide is limited by how many lines it touches.
 * Register operands are words of the state (`generalWord`); in 8-bit forms (gen/forms.ts) they are indexes of the byte in R8 (AL CL DL BL AH CH DH BH =
 * 0 4 8 12 1 5 9 13).
 */
export const OP = 0,
  NEXT = 1,
  /** ModRM.reg (or the register in the opcode). */ DST = 2,
  /** ModRM.rm where it is a register. */ SRC = 3,
  BASE = 4,
  /** Word of the register in bits 0-4, scale as a shift from bit 5: see `indexWord`. */ INDEX = 5,
  DISP = 6,
  /** Immediate, sign-extended; the condition of SETcc and CMOVcc. */ IMM = 7,
  /** Direct branches: record of the target (0 unknown). Far pointers and ENTER: second immediate. None of them has a memory operand. */ TARGET =
    BASE,
  /** Direct branches: where they go, as an offset from the page's start. */ EXTRA = INDEX,
  /** What only the general functions ask for, packed: see META_*. It lies in the arena's second half, out of the way of the cache. */ META =
    1 << 23,
  RECORD_WORDS = 8;

/**
 * META: offset from the page's start 0-12 (4096: the next page), length 13-16, segment 17-19, 16-bit addresses 20, REP 21, REPNE 22, LOCK 23,
 * 16-bit operands 24, ModRM operand is a register 25.
 */
export const META_OFFSET_MASK = 8191,
  META_LENGTH = 13,
  META_SEGMENT = 17,
  META_ADDRESS16 = 1 << 20,
  META_REP = 1 << 21,
  META_REPNE = 1 << 22,
  META_LOCK = 1 << 23,
  META_OPERAND16 = 1 << 24,
  META_REGISTER = 1 << 25;

/** Record indexes are masked so that V8 knows their range: the address of a word then needs no overflow check. */
export const RECORD_MASK = (1 << 23) - 1;

/** INDEX: state word of the index register (ZERO without one), its scale; in 16-bit code more. */
export const INDEX_REGISTER_MASK = 31,
  INDEX_SCALE = 5,
  INDEX_ALIGNMENT = 7,
  INDEX_SEGMENT = 9,
  INDEX_SEGMENT_MASK = 127;
/** SRC of an x87 instruction on memory that a case runs: offset of the instruction in its page, state word of the selector of its operand's segment. */
export const CODE_OFFSET_MASK = 0xffff,
  CODE_SELECTOR_SHIFT = 16;
export const indexWord = (register: number, scale: number): number => register | (scale << INDEX_SCALE);

/** Word of R that holds a segment's base. */
export const baseWord = (segment: number): number => SEG + segment * SEG_WORDS + SEG_BASE;
/**
 * INDEX of 16-bit code, besides index register (0-4) and scale (5-6): which bits of the address must be 0 in 7-8, `baseWord` in 9-15, ones in 16-31 for a
 * 32-bit address: such a one must lie below 64 KiB, a 16-bit one wraps there.
 */
export const narrowIndex = (base: number, wideAddress: boolean): number =>
  (base << INDEX_SEGMENT) | (wideAddress ? -65536 : 0);
export const narrowAlignment = (bytes: number): number => (bytes - 1) << INDEX_ALIGNMENT;

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

/** Runs one record. Those of src/cpu/fpu ask for a Core only, which a Cpu is. */
export type Op = (cpu: Cpu, p: number) => void;
export type CoreOp = (core: Core, p: number) => void;

/**
 * Makes the Op for a row. Called once for each form that the table has, so whatever depends on the row is decided here, not at run time.
 * `memory`: the ModRM operand is memory. `operandSize`: 16 or 32.
 */
export type OpFactory = (row: Row, memory: boolean, operandSize: 16 | 32) => Op;
export type CoreOpFactory = (row: Row, memory: boolean, operandSize: 16 | 32) => CoreOp;
