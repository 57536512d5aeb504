/**
 * What the generated module (virtual:interpreter, written by gen/generate.ts when a bundle is built) tells the translator of forms and cases: op numbers
 * and facts, all as numbers.
 */

/** Facts of a form. Its memory operand is read or written; it is written; the effective address alone is asked for. */
export const ACCESSES = 1,
  STORES = 2,
  ADDRESS = 4,
  /** It goes elsewhere in the code segment; uses the stack; counts in CX or ECX. */ BRANCHES = 8,
  STACK = 16,
  COUNTS = 32,
  /** It is atomic without LOCK too. */ LOCKS = 64,
  /** Operand 0 is a register, a byte register; the same of operand 1. */ REGISTER_0 = 128,
  BYTE_0 = 256,
  REGISTER_1 = 512,
  BYTE_1 = 1024,
  /** What IMM holds instead of the immediate: the condition code; where a call returns to; the word of a selector. */ CONDITION = 2048,
  RETURNS = 4096,
  SELECTOR = 8192,
  /** A string instruction: IMM holds the word of the base of the source's segment. */ STRING = 16384;

/** A form's op numbers (0: none) and facts. */
export interface FormPlan {
  general: number;
  /** The case of the switch for flat 32-bit code, and of the same with a memory operand without an index register. */
  wide: number;
  near: number;
  /** … and with one in FS or GS: IMM is the word of that segment's base. */
  based: number;
  /** The case of the switch for 16-bit code. */
  narrow: number;
  facts: number;
  /** Size of the memory operand. */
  bytes: number;
}

/** Facts of a case, which warm.ts goes by: it is a direct branch; pushes; reads flags; goes where a value says; counts down. */
export const CASE_DIRECT = 1,
  CASE_PUSHES = 2,
  CASE_READS_FLAGS = 4,
  CASE_INDIRECT = 8,
  CASE_COUNTS = 16,
  /** It is an x87 instruction; its IMM is a word of the state; that of a segment's base. */ CASE_X87 = 32,
  CASE_STATE_WORD = 64,
  CASE_BASED = 128;

/** One of the two switches. */
export interface Switch {
  /** Facts of every case, and one of its op numbers. */
  cases: readonly (readonly [op: number, facts: number])[];
  /** Op numbers of records that represent no instruction, and of NOP. */
  goto: number;
  cross: number;
  nop: number;
}

export interface Plans {
  wide: Switch;
  narrow: Switch;
  forms: readonly FormPlan[];
  /** Index in `forms` of each row's variants: at 4 × row + 2 if the operand is memory + 1 for an operand size of 16. -1, or past the end: none. */
  variants: readonly number[];
  /**
   * Rows that functions run and that have a case of the first switch for what is ordinary, in threes: variant, op number, and what IMM of an x87 record
   * says (`which` of gen/unit-semantics.ts), or -1.
   */
  unitCases: readonly number[];
  /** First op number for functions of rows (ops/, fpu/). */
  firstFunction: number;
}

/** Functions of the engine's own, whose op numbers follow those of rows (record-writer.ts). */
export const OWN_FUNCTIONS = 7;

/** The same of 64-bit code, which is loaded with it (long-mode.ts). */
export interface LongPlans {
  /** Facts of each form, whose general functions have op numbers from `firstLong` on. */
  longForms: readonly number[];
  firstLong: number;
  /** The third switch; the case of each form (0: none), of LEA's without an index register, and the size of the memory operand. */
  long: Switch;
  longCases: readonly (readonly [wide: number, near: number, bytes: number])[];
  /** Rows that functions run and that have a case for what is ordinary where an operand is in memory, in threes: row, op number, alignment. */
  longUnitCases: readonly number[];
  /** Index in `longForms` of each row's variants: at 6 × row + 3 if the operand is memory + 0, 1 or 2 for operand sizes of 16, 32 and 64. -1: none. */
  longVariants: readonly number[];
  /** First op number for functions of rows. */
  firstLongFunction: number;
}
