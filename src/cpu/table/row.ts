/**
 * The instruction table's vocabulary. One row says everything about one encoding: the decoder, instruction length, interpreter,
 * disassembler and the tests' undefined-flag masks are derived from it, so they cannot disagree.
 * Source: Intel SDM vol. 2, chapters 3-5 and appendix A (operand codes are the appendix's own).
 */

/** Opcode map: 0 one byte, 1 after 0F, 2 after 0F 38, 3 after 0F 3A. x87 opcodes D8-DF are in map 0 with `reg` or `modrm` given. */
export type OpcodeMap = 0 | 1 | 2 | 3;

/** Arithmetic flags by letter: O S Z A P C, and D I T for rows that write those. */
export type FlagLetters = string;

export interface Row {
  /** Index in the table; assigned when the table is built. */
  id: number;
  map: OpcodeMap;
  opcode: number;
  /** Mandatory prefix of SSE encodings: 0x66, 0xF3, 0xF2; 0: none may be present (an encoding with such siblings); undefined: prefixes have their usual meaning. */
  prefix?: 0 | 0x66 | 0xf2 | 0xf3;
  /** REX.W makes it of the row with the same encoding that has none of it (CMPXCHG16B of CMPXCHG8B). */
  rexW?: true;
  /** Value of ModRM.reg that selects this row (/0-/7). */
  reg?: number;
  /** 'm': memory form only; 'r': register form only. */
  mod?: 'm' | 'r';
  /** Value of ModRM.rm that selects this row (register forms such as 0F 01 C1, D9 E8). */
  rm?: number;
  /** True if a ModRM byte follows. */
  modrm: boolean;
  mnemonic: string;
  /**
   * Operands, destination first, in the codes of SDM appendix A.2: Eb Ev Gv Ib Iz Jb Jz Ob Ov Mp Ma Ms Rv Sw Cd Dd Pq Qq Vx Wx Nq Uq Xb Yv Ap …,
   * Zb Zv for the register in the low bits of the opcode (the row then represents eight opcodes from `opcode` on),
   * fixed registers (AL CL DX eAX rAX …: lower-case e/r follows the operand size), '1', segment names (ES …), and x87 forms ST0, STi, Mf32, Mf64, Mf80, Mi16, Mi32, Mi64, Mbcd.
   */
  operands: readonly string[];
  /** The Ib is sign-extended to the operand size (opcodes 83, 6A, 6B). */
  signed?: boolean;
  /** Name of the semantics: what the interpreter runs. Default: the mnemonic. Several rows share one (`jcc` for all conditions). */
  op: string;
  /** Condition code 0-15 of Jcc, SETcc, CMOVcc, FCMOVcc. */
  cc?: number;
  /**
   * Flags read, written, and left undefined: always, or under a condition: 'A count!=1:O count>=width:C' says A always, O unless the count is 1 …
   * A count of 0 changes nothing. See `undefinedFlags` in flags-mask.ts.
   */
  reads?: FlagLetters;
  writes?: FlagLetters;
  undefined?: FlagLetters;
  /** LOCK is allowed with a memory destination. */
  lock?: boolean;
  /** Highest CPL allowed, 0 where privileged; 'iopl' where IOPL decides. */
  privilege?: 0 | 'iopl';
  /** The op checks the privilege itself: another fault comes first, or it runs this often that a call within a call counts. */
  ownCheck?: true;
  /** The next instruction is elsewhere: a block of records ends here. */
  ends?: true;
  /** A direct branch: the record says where it leads. */
  branch?: true;
  /**
   * Runs often, so that it has cases in the interpreter's switch for flat 32-bit code (`wide`) or in that for 16-bit code (`narrow`). Which ones:
   * operand 0's size after the place of the row's ModRM operand: 'r32 m32'; r also where there is none; m memory, n memory without an index register,
   * s memory in FS or GS.
   * ST(0) has 80 bits, an XMM register in memory 128 ('m128'); what these cases do is defined in src/cpu/gen/unit-semantics.ts.
   * Rows that become the same form (src/cpu/gen/forms.ts) share its cases; one of them names them.
   */
  wide?: string;
  narrow?: string;
  /** 64-bit mode: 'invalid', 'd64' (default operand size 64), 'f64' (forced 64), 'only' (exists there alone). */
  long?: 'invalid' | 'd64' | 'f64' | 'only';
  /** CPUID feature it needs; #UD without it: cmov cx8 fpu mmx fxsr sse sse2 sse3 ssse3 sse41 sse42 popcnt sep tsc rdtscp rdpid smap clfsh … */
  feature?: string;
  /** Operand size is not changed by 66 (always 32, or always what the operand codes say). */
  fixedSize?: boolean;
}

/** A decoded instruction: one object reused by each decode. Fields that a form does not use hold their neutral value. */
export interface Decoded {
  /** Row, or null for an undefined opcode (#UD); `length` is then what was read. */
  row: Row | null;
  /** Bytes, 1-15. */
  length: number;
  /** What it was decoded as. */
  codeSize: CodeSize;
  /** 16, 32 or 64. */
  operandSize: number;
  addressSize: number;
  /** Raw ModRM byte, -1 without one. */
  modrm: number;
  mod: number;
  reg: number;
  rm: number;
  /** Low three bits of the opcode (forms with a register in the opcode), REX.B included. */
  opcodeReg: number;
  /** True if operand E/M/W/Q is memory, or the form is Ob/Ov (displacement only; Ov's high word in `immediateHigh`): then base (-1: none; 16: RIP), index (-1: none), scale (0-3 as a shift), displacement (int32), segment. */
  memory: boolean;
  base: number;
  index: number;
  scale: number;
  displacement: number;
  /** Effective segment of the memory operand (ES CS SS DS FS GS = 0-5), override included; DS without one. For string and XLAT forms: of the source. */
  segment: number;
  /**
   * Immediate: Jb, Jz, Iz, Iv and a `signed` Ib are sign-extended to 32 bits; a plain Ib and Iw are zero-extended. High word for a 64-bit Iv or Ov.
   * Far pointers: offset here, selector in `immediate2`; ENTER: size here, level in `immediate2`.
   */
  immediate: number;
  immediateHigh: number;
  immediate2: number;
  /** 0, 0xF2 or 0xF3 (the last one present), when it is not a mandatory prefix. */
  repeat: number;
  lock: boolean;
  /** The bytes had a prefix 66, 67 (what the disassembler prints when redundant). */
  prefix66: boolean;
  prefix67: boolean;
  /** Segment of the last override prefix, -1 without one. */
  segmentPrefix: number;
  /** Segment of the last override prefix without effect, of ES, CS, SS or DS in 64-bit code; -1 without one. */
  idleSegment: number;
  rex: number;
}

/** Outcome of `decode()`. */
export const DECODED = 0,
  /** More bytes are needed than were given (an instruction that crosses into a page not given). */
  MORE_BYTES = 1,
  /** No such instruction, LOCK where it is not allowed: #UD. */
  UNDEFINED = 2,
  /** Longer than 15 bytes: #GP(0). */
  TOO_LONG = 3;

/** Sizes the decoder starts from: CS.D or CS.L. */
export type CodeSize = 16 | 32 | 64;
