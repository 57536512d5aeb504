/** A decoded instruction as it lies in the arena. */
import { SEG, SEG_BASE, SEG_WORDS } from './architecture/registers.ts';

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
 * 16-bit operands 24, ModRM operand is a register 25. Of 64-bit code: 64-bit code 26, 64-bit operands 27, 32-bit addresses 28, the displacement's high half is in
 * IMM 29.
 */
export const META_OFFSET_MASK = 8191,
  META_LENGTH = 13,
  META_SEGMENT = 17,
  META_ADDRESS16 = 1 << 20,
  META_REP = 1 << 21,
  META_REPNE = 1 << 22,
  META_LOCK = 1 << 23,
  META_OPERAND16 = 1 << 24,
  META_REGISTER = 1 << 25,
  META_LONG = 1 << 26,
  META_OPERAND64 = 1 << 27,
  META_ADDRESS32 = 1 << 28,
  META_OFFSET64 = 1 << 29;

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
/** INDEX of 64-bit code with an operand in memory, besides register and scale: which bits of the address must be 0 in 7-10, from 11 on `baseWord` of FS or GS. */
export const LONG_ALIGNMENT = 7,
  LONG_BASE = 11;
export const narrowAlignment = (bytes: number): number => (bytes - 1) << INDEX_ALIGNMENT;
