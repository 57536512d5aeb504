/** Writes records: what of a decoded instruction is in which word, and which case of the switches or which function runs it. */
import type { CodeCache } from './code-cache.ts';
import type { Features } from './architecture/cpuid.ts';
import { GP, UD } from './faults.ts';
import type { Mode } from './mode.ts';
import {
  BASE,
  baseWord,
  CODE_SELECTOR_SHIFT,
  DISP,
  DST,
  EXTRA,
  IMM,
  INDEX,
  META,
  META_ADDRESS16,
  META_LENGTH,
  META_LOCK,
  META_OPERAND16,
  META_REGISTER,
  META_REP,
  META_REPNE,
  META_SEGMENT,
  indexWord,
  narrowAlignment,
  narrowIndex,
  OP,
  RECORD_WORDS,
  SRC,
  TARGET,
} from './record.ts';
import type { Op, OpFactory } from './ops/context.ts';
import {
  ACCESSES,
  ADDRESS,
  BRANCHES,
  BYTE_0,
  BYTE_1,
  CONDITION,
  COUNTS,
  type FormPlan,
  LOCKS,
  OWN_FUNCTIONS,
  REGISTER_0,
  REGISTER_1,
  RETURNS,
  SELECTOR,
  STACK,
  STORES,
  STRING,
} from './plans.ts';
import { CS, generalWord, SEG, SEG_BASE, SEG_SELECTOR, SEG_WORDS, ZERO } from './architecture/registers.ts';
import { DECODED, type Decoded, MORE_BYTES, type Row, rows, TOO_LONG } from './table/index.ts';
import { isBasedOperand, isFlatOperand, operandRegister } from './table/operands.ts';
import { plans } from 'virtual:plans';

const { goto: WIDE_GOTO, cross: WIDE_CROSS } = plans.wide,
  { goto: NARROW_GOTO, cross: NARROW_CROSS } = plans.narrow;
export const SEGMENT_NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];
/** Functions of rows: one number each for register and memory forms at both operand sizes; then the engine's own. */
const FUNCTION = plans.firstFunction,
  OWN = FUNCTION + rows.length * 4;
export const OP_UNDEFINED = OWN,
  OP_TOO_LONG = OWN + 1,
  OP_STRADDLE = OWN + 2,
  OP_STALE = OWN + 4,
  OP_CROSS = OWN + 5;
/** No record's op: the warm-up's placeholder for an instruction that takes the general way. */
export const OP_NOTHING = OWN + 3;
/** The op of records that lead to compiled code (`Entry` of code-cache.ts): a function for it, and what it finds in the record, are the compiler's. */
export const OP_ENTRY = OWN + 6;
const OPS = OWN + OWN_FUNCTIONS;

/** The form of each row's four variants, if a description says what they do. */
const forms: (FormPlan | undefined)[] = Array.from(
  { length: rows.length * 4 },
  (_, variant) => plans.forms[plans.variants[variant] ?? -1],
);
/** Op numbers of the cases for what is ordinary of rows that functions run; 0: none. */
const unitCases = new Int16Array(rows.length * 4);
/** What IMM says in the records of those of the x87; -1: not of the x87. */
const unitNumbers = new Int16Array(rows.length * 4);
for (let i = 0; i < plans.unitCases.length; i += 3) {
  unitCases[plans.unitCases[i]!] = plans.unitCases[i + 1]!;
  unitNumbers[plans.unitCases[i]!] = plans.unitCases[i + 2]!;
}
/** Bits of a row that `write` asks for. */
export const IS_BRANCH = 1,
  ENDS_BLOCK = 2,
  SHIFT_BY_ONE = 4;
export const traits = Uint8Array.from(
  rows,
  row => (row.branch ? IS_BRANCH : 0) | (row.ends ? ENDS_BLOCK : 0) | (row.operands[1] === '1' ? SHIFT_BY_ONE : 0),
);

/** Index in R8 of an 8-bit register (AL CL DL BL AH CH DH BH). */
export const byteRegister = (n: number): number => (n & 3) * 4 + (n >> 2);

/** What makes the function of a row; undefined: nothing does; null: that is not loaded yet. */
type FactoryOf = (row: Row) => OpFactory | undefined | null;

export class RecordWriter {
  /** Function for each op number: general forms of hot cases, rows run by functions, the engine's own. */
  readonly functions: Op[] = new Array(OPS);
  /** Op numbers whose function exists. Rows that share a case of the switch share the function: it may ask the record alone. */
  private readonly made = new Uint8Array(OPS);
  /** Features whose instructions there are: rows that need another are undefined. */
  instructions: Features;
  /** General functions of forms, from the generated module. */
  general: readonly Op[] = [];
  /** Writes the records of 64-bit code, where that was loaded (long-mode.ts). */
  long: {
    readonly goto: number;
    readonly cross: number;
    write(p: number, status: number, offset: number, d: Decoded): boolean;
  } | null = null;
  private readonly A: Int32Array;
  private readonly code: CodeCache;
  private readonly mode: Mode;
  private readonly factory: FactoryOf;

  /** `factory`: makes the functions of rows that have no description. */
  constructor(code: CodeCache, mode: Mode, instructions: Features, factory: FactoryOf) {
    this.A = code.A;
    this.code = code;
    this.mode = mode;
    this.instructions = instructions;
    this.factory = factory;
    const { functions } = this;
    functions.fill(() => {
      throw new Error('a record without a function');
    });
    functions[OP_NOTHING] = () => {};
    functions[OP_UNDEFINED] = cpu => cpu.fault(UD);
    functions[OP_TOO_LONG] = cpu => cpu.fault(GP, 0);
  }

  /** A record of the engine's own, at `p`, that leads to `offset` of the page. */
  private stub(op: number, offset: number, p = this.code.allocate()): number {
    const { A } = this;
    A.fill(0, p, p + RECORD_WORDS);
    A[p + OP] = op;
    A[p + META] = offset;
    A[p + EXTRA] = offset;
    return p;
  }

  /** A record that leads to the one at `offset` of the page; to the next page. `p`: where it is written. */
  goto(offset: number, p?: number): number {
    return this.stub(this.mode.long ? this.long!.goto : this.wide ? WIDE_GOTO : NARROW_GOTO, offset, p);
  }
  cross(p?: number): number {
    return this.stub(
      this.mode.long ? this.long!.cross : !this.mode.flat ? OP_CROSS : this.wide ? WIDE_CROSS : NARROW_CROSS,
      4096,
      p,
    );
  }

  /** The code under translation is 32-bit code, which the first switch runs. */
  private get wide(): boolean {
    return this.mode.code32;
  }

  /** Writes the record of a decoded instruction, which lies at `offset` in its page. True when the block ends with it. */
  write(p: number, status: number, offset: number, d: Decoded): boolean {
    const { A } = this;
    A.fill(0, p, p + RECORD_WORDS);
    if (this.mode.long) return this.long!.write(p, status, offset, d);
    if (status !== DECODED || !this.supports(d.row!)) {
      A[p + OP] = status === MORE_BYTES ? OP_STRADDLE : status === TOO_LONG ? OP_TOO_LONG : OP_UNDEFINED;
      A[p + META] = offset;
      return true;
    }
    const row = d.row!;
    const size = d.operandSize === 16 ? 16 : 32;
    A[p + BASE] = A[p + INDEX] = ZERO;
    A[p + META] =
      offset |
      (d.length << META_LENGTH) |
      (d.segment << META_SEGMENT) |
      (d.addressSize === 16 ? META_ADDRESS16 : 0) |
      (d.repeat === 0xf3 ? META_REP : d.repeat === 0xf2 ? META_REPNE : 0) |
      (d.lock ? META_LOCK : 0) |
      (size === 16 ? META_OPERAND16 : 0) |
      (d.modrm >= 0 && d.mod === 3 ? META_REGISTER : 0);
    if (d.memory) {
      if (d.base >= 0) A[p + BASE] = generalWord(d.base);
      if (d.index >= 0) A[p + INDEX] = indexWord(generalWord(d.index), d.scale);
      if (!this.wide) A[p + INDEX]! |= narrowIndex(baseWord(d.segment), d.addressSize === 32);
      A[p + DISP] = d.displacement;
    }
    const trait = traits[row.id]!;
    A[p + IMM] = (trait & SHIFT_BY_ONE) !== 0 ? 1 : d.immediate;
    if ((trait & IS_BRANCH) !== 0) A[p + TARGET] = 0;
    else if (!d.memory) A[p + TARGET] = d.immediate2;

    const variant = row.id * 4 + (d.memory ? 2 : 0) + (size === 16 ? 1 : 0);
    const form = forms[variant];
    if (form !== undefined) this.fillForm(p, row, form, size, offset, d);
    else this.fillFunction(p, row, variant, size, offset, d);
    if ((trait & IS_BRANCH) !== 0) A[p + EXTRA] = (offset + d.length + d.immediate) | 0;
    return (trait & ENDS_BLOCK) !== 0;
  }

  supports(row: Row): boolean {
    return row.feature === undefined || this.instructions.has(row.feature);
  }

  /** True if the memory operand of `d` needs neither segment arithmetic nor checks. */
  private flatOperand(d: Decoded): boolean {
    return this.mode.flat && this.wide && isFlatOperand(d);
  }

  private fillForm(p: number, row: Row, form: FormPlan, size: 16 | 32, offset: number, d: Decoded): void {
    const { A } = this,
      { facts } = form;
    if ((facts & (REGISTER_0 | BYTE_0)) !== 0) {
      const n = operandRegister(row.operands[0]!, d);
      A[p + DST] = (facts & BYTE_0) !== 0 ? byteRegister(n) : generalWord(n);
    }
    if ((facts & (REGISTER_1 | BYTE_1)) !== 0) {
      const n = operandRegister(row.operands[1]!, d);
      A[p + SRC] = (facts & BYTE_1) !== 0 ? byteRegister(n) : generalWord(n);
    }
    if ((facts & CONDITION) !== 0) A[p + IMM] = row.cc!;
    // From the page's start.
    if ((facts & RETURNS) !== 0) A[p + IMM] = offset + d.length;
    if ((facts & SELECTOR) !== 0)
      A[p + IMM] = baseWord(SEGMENT_NAMES.indexOf(row.operands[0]!)) - SEG_BASE + SEG_SELECTOR;
    if ((facts & STRING) !== 0) A[p + IMM] = baseWord(d.segment);
    let op = form.general;
    if (!d.lock && (facts & LOCKS) === 0) {
      if (this.wide) {
        if (form.wide !== 0 && this.fitsWide(facts, d)) op = d.index < 0 ? form.near : form.wide;
        else if (form.based !== 0 && this.mode.flat && isBasedOperand(d)) {
          op = form.based;
          A[p + IMM] = baseWord(d.segment);
        }
      } else if (form.narrow !== 0 && this.fitsNarrow(facts, size, d)) {
        op = form.narrow;
        if ((facts & ACCESSES) !== 0) A[p + INDEX]! |= narrowAlignment(form.bytes);
      }
    }
    A[p + OP] = op;
    this.functions[op] = this.general[form.general]!;
  }

  /** True if the case for flat 32-bit code can run this instance of a form. */
  private fitsWide(facts: number, d: Decoded): boolean {
    const { mode } = this;
    if ((facts & (BRANCHES | STACK)) !== 0 && !mode.flat) return false;
    if ((facts & STACK) !== 0 && !mode.stack32) return false;
    if ((facts & ADDRESS) !== 0 && d.addressSize !== 32) return false;
    if ((facts & STRING) !== 0 && d.repeat !== 0) return false;
    return (facts & (ACCESSES | STRING)) === 0 || this.flatOperand(d);
  }

  /** The same for 16-bit code. The low half of an effective address is the same whatever the address size. */
  private fitsNarrow(facts: number, size: 16 | 32, d: Decoded): boolean {
    const { mode } = this;
    if ((facts & (BRANCHES | STACK | STRING)) !== 0 && !mode.flat) return false;
    if ((facts & STACK) !== 0 && mode.stack32) return false;
    if ((facts & STRING) !== 0 && d.repeat !== 0) return false;
    if ((facts & ADDRESS) !== 0 && size === 32 && d.addressSize !== 32) return false;
    if ((facts & (COUNTS | STRING)) !== 0 && d.addressSize !== 16) return false;
    return (facts & ACCESSES) === 0 || this.narrowOperand((facts & STORES) !== 0, d);
  }

  private fillFunction(p: number, row: Row, variant: number, size: 16 | 32, offset: number, d: Decoded): void {
    const { A } = this;
    A[p + DST] = row.operands.includes('Zv') || row.operands.includes('Zb') ? d.opcodeReg : d.reg;
    A[p + SRC] = d.rm;
    if (row.cc !== undefined) A[p + IMM] = row.cc;
    const unitCase = this.wide && !d.lock && (!d.memory || this.flatOperand(d)) ? unitCases[variant]! : 0;
    if (unitCase !== 0 && unitNumbers[variant]! >= 0) {
      // FIP and FDS: the instruction's offset in its page and the word of its operand's selector, where the case finds them without another cache line.
      A[p + IMM] = unitNumbers[variant]!;
      if (d.memory) A[p + SRC] = offset | ((SEG + d.segment * SEG_WORDS + SEG_SELECTOR) << CODE_SELECTOR_SHIFT);
      else A[p + DISP] = offset;
    }
    const op = unitCase !== 0 ? unitCase : FUNCTION + variant;
    A[p + OP] = op;
    this.make(op, row, d.memory, size);
  }

  private make(op: number, row: Row, memory: boolean, size: 16 | 32): void {
    if (this.made[op] !== 0) return;
    const factory = this.factory(row);
    if (factory === null) {
      this.functions[op] = (cpu, p) => {
        cpu.awaitOperations();
        this.make(op, row, memory, size);
        this.functions[op]!(cpu, p);
      };
      return;
    }
    this.made[op] = 1;
    this.functions[op] = factory === undefined ? cpu => cpu.fault(UD) : factory(row, memory, size);
  }

  /** True if the second switch may take the memory operand of `d`: code segments are for reading. */
  private narrowOperand(stores: boolean, d: Decoded): boolean {
    return this.mode.flat && !(stores && d.segment === CS);
  }
}
