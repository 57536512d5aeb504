/** Records of 64-bit code: the same words as of other code (record-writer.ts), for functions. */
import type { Op } from './ops/context.ts';
import { longOperation } from './ops/long-index.ts';
import {
  BASE,
  baseWord,
  DISP,
  DST,
  EXTRA,
  IMM,
  INDEX,
  indexWord,
  LONG_ALIGNMENT,
  LONG_BASE,
  META,
  META_ADDRESS32,
  META_LENGTH,
  META_LOCK,
  META_LONG,
  META_OFFSET64,
  META_OPERAND16,
  META_OPERAND64,
  META_REGISTER,
  META_REP,
  META_REPNE,
  META_SEGMENT,
  OP,
  SRC,
  TARGET,
} from './record.ts';
import {
  ACCESSES,
  ADDRESS,
  BYTE_0,
  BYTE_1,
  CONDITION,
  LOCKS,
  REGISTER_0,
  REGISTER_1,
  RETURNS,
  SELECTOR,
} from './plans.ts';
import {
  byteRegister,
  ENDS_BLOCK,
  IS_BRANCH,
  OP_STRADDLE,
  OP_TOO_LONG,
  OP_UNDEFINED,
  type RecordWriter,
  SEGMENT_NAMES,
  SHIFT_BY_ONE,
  traits,
} from './record-writer.ts';
import { EIP, FS, generalWord, PAGE_RIP, SEG_BASE, SEG_SELECTOR, ZERO } from './architecture/registers.ts';
import { UD } from './faults.ts';
import { DECODED, type Decoded, MORE_BYTES, RIP, type Row, rows, TOO_LONG } from './table/index.ts';
import { operandRegister } from './table/operands.ts';
import { plans } from 'virtual:long';
import { plans as widePlans } from 'virtual:plans';

/** The same of 64-bit code: with a REX prefix 4 to 7 are SPL, BPL, SIL and DIL. */
const longByte = (n: number, rex: number): number => (rex === 0 ? byteRegister(n) : generalWord(n) * 4);
const longRegister = (n: number, isByte: boolean, rex: number): number => (isByte ? longByte(n, rex) : generalWord(n));
/** What `byteIndex` makes `longByte` of. */
const longOperand = (n: number, isByte: boolean, rex: number): number =>
  !isByte ? generalWord(n) : rex === 0 ? n : generalWord(n) * 16;

/** Of REX.R's control registers there is CR8, of its debug registers none: #UD at any privilege (SDM vol. 2, MOV of control and debug registers; seen). */
const namesNoRegister = ({ row, reg }: Decoded): boolean => {
  if (reg < 8) return false;
  const op = row!.op;
  return op === 'movdr' || op === 'movtodr' || (reg > 8 && (op === 'movcr' || op === 'movtocr'));
};

/** The address is base, index and displacement alone, and of 64 bits. */
const isPlainAddress = (d: Decoded, base: number): boolean => d.modrm >= 0 && d.addressSize === 64 && base !== EIP;

/** Truth of conditions 0, 2, 4 … for each combination of ZF 1, CF 2, SF 4, SF different from OF 8 (gen/long-cases.ts): 16 bits. */
const TRUTHS = [0, 2, 4, 6, 8, 10, 12, 14].map(cc => {
  let truths = 0;
  for (let flags = 0; flags < 16; flags++) {
    const [zero, carry, sign, less] = [flags & 1, (flags >> 1) & 1, (flags >> 2) & 1, flags >> 3];
    const truth = [sign! ^ less!, carry, zero, carry! | zero!, sign, 0, less, less! | zero!][cc >> 1]!;
    truths |= truth << flags;
  }
  return truths;
});
const unitCases = new Map(
  plans.longUnitCases.flatMap((row, i) =>
    i % 3 === 0 ? [[row, [plans.longUnitCases[i + 1]!, plans.longUnitCases[i + 2]!]] as const] : [],
  ),
);
const NO_CASE = [0, 0] as const;

export class LongRecords {
  readonly goto = plans.long.goto;
  readonly cross = plans.long.cross;
  private readonly A: Int32Array;
  private readonly writer: RecordWriter;
  private readonly general: readonly Op[];
  private readonly made = new Uint8Array(rows.length * 6);

  constructor(A: Int32Array, writer: RecordWriter, general: readonly Op[]) {
    this.A = A;
    this.writer = writer;
    this.general = general;
    writer.functions[this.goto] = writer.functions[widePlans.wide.goto]!;
    writer.functions[this.cross] = writer.functions[widePlans.wide.cross]!;
  }

  /** Operands are words of the state for general functions, too. */
  write(p: number, status: number, offset: number, d: Decoded): boolean {
    const { A } = this;
    if (status !== DECODED || !this.writer.supports(d.row!) || namesNoRegister(d)) {
      A[p + OP] = status === MORE_BYTES ? OP_STRADDLE : status === TOO_LONG ? OP_TOO_LONG : OP_UNDEFINED;
      A[p + META] = offset;
      return true;
    }
    const row = d.row!,
      trait = traits[row.id]!,
      isOffset = d.memory && d.modrm < 0;
    A[p + META] =
      offset |
      (d.length << META_LENGTH) |
      (d.segment << META_SEGMENT) |
      (d.repeat === 0xf3 ? META_REP : d.repeat === 0xf2 ? META_REPNE : 0) |
      (d.lock ? META_LOCK : 0) |
      (d.operandSize === 16 ? META_OPERAND16 : 0) |
      (d.modrm >= 0 && d.mod === 3 ? META_REGISTER : 0) |
      META_LONG |
      (d.operandSize === 64 ? META_OPERAND64 : 0) |
      (d.addressSize === 32 ? META_ADDRESS32 : 0) |
      (isOffset ? META_OFFSET64 : 0);
    A[p + BASE] = A[p + INDEX] = ZERO;
    A[p + IMM] = (trait & SHIFT_BY_ONE) !== 0 ? 1 : d.immediate;
    if (d.memory) {
      if (d.base >= 0) A[p + BASE] = d.base === RIP ? EIP : generalWord(d.base);
      if (d.index >= 0) A[p + INDEX] = indexWord(generalWord(d.index), d.scale);
      A[p + DISP] = d.displacement;
      const fromPage = d.displacement + offset + d.length;
      if (d.base === RIP && fromPage === (fromPage | 0)) {
        A[p + BASE] = PAGE_RIP;
        A[p + DISP] = fromPage;
      }
      if (isOffset) A[p + IMM] = d.immediateHigh;
    } else {
      A[p + DISP] = row.operands.includes('Iv') ? d.immediateHigh : d.immediate >> 31;
      A[p + TARGET] = (trait & IS_BRANCH) !== 0 ? 0 : d.immediate2;
    }
    if ((trait & IS_BRANCH) !== 0) A[p + EXTRA] = (offset + d.length + d.immediate) | 0;
    const variant = row.id * 6 + (d.memory ? 3 : 0) + (d.operandSize === 64 ? 2 : d.operandSize === 32 ? 1 : 0),
      form = plans.longVariants[variant]!;
    if (form >= 0) this.fillForm(p, row, form, offset, d);
    else this.fillFunction(p, row, variant, d);
    return (trait & ENDS_BLOCK) !== 0;
  }

  private fillForm(p: number, row: Row, form: number, offset: number, d: Decoded): void {
    const { A } = this,
      facts = plans.longForms[form]!;
    if ((facts & (REGISTER_0 | BYTE_0)) !== 0)
      A[p + DST] = longRegister(operandRegister(row.operands[0]!, d), (facts & BYTE_0) !== 0, d.rex);
    if ((facts & (REGISTER_1 | BYTE_1)) !== 0)
      A[p + SRC] = longRegister(operandRegister(row.operands[1]!, d), (facts & BYTE_1) !== 0, d.rex);
    if ((facts & CONDITION) !== 0)
      A[p + IMM] = row.cc! | ((TRUTHS[row.cc! >> 1]! ^ ((row.cc! & 1) !== 0 ? -1 : 0)) << 16);
    // From the page's start. IMM is the distance of a direct branch.
    if ((facts & RETURNS) !== 0) A[p + (row.branch ? DISP : IMM)] = offset + d.length;
    if ((facts & SELECTOR) !== 0)
      A[p + IMM] = baseWord(SEGMENT_NAMES.indexOf(row.operands[0]!)) - SEG_BASE + SEG_SELECTOR;
    const op = this.caseOf(p, row, form, offset, d) || plans.firstLong + form;
    A[p + OP] = op;
    this.writer.functions[op] = this.general[plans.firstLong + form]!;
  }

  /** The case that can run this instance of a form; 0: none. */
  private caseOf(p: number, row: Row, form: number, offset: number, d: Decoded): number {
    const [wide, near, bytes] = plans.longCases[form]!,
      facts = plans.longForms[form]!;
    if (d.lock || (facts & LOCKS) !== 0) return 0;
    // Parity is in no table of truths.
    if ((facts & CONDITION) !== 0 && row.cc! >> 1 === 5) return 0;
    if ((facts & (ACCESSES | ADDRESS)) !== 0 && !isPlainAddress(d, this.A[p + BASE]!)) return 0;
    if ((facts & ADDRESS) !== 0) return d.index < 0 ? near : wide;
    if ((facts & ACCESSES) !== 0) {
      if (wide !== 0) this.prepareOperand(p, bytes, d.segment);
      return wide;
    }
    const target = offset + d.length + d.immediate;
    return row.branch && target !== (target | 0) ? 0 : wide;
  }

  private prepareOperand(p: number, bytes: number, segment: number): void {
    this.A[p + INDEX]! |= ((bytes - 1) << LONG_ALIGNMENT) | (segment >= FS ? baseWord(segment) << LONG_BASE : 0);
  }

  /** General registers as words of the state, those of a byte as what `byteIndex` (ops/arithmetic.ts) makes the byte's index of; others by their numbers. */
  private fillFunction(p: number, row: Row, variant: number, d: Decoded): void {
    const { A } = this;
    const isGeneral = (letters: RegExp) => row.operands.some(code => letters.test(code)),
      isByte = (letters: RegExp) => row.operands.some(code => letters.test(code) && code[1] === 'b');
    const reg = row.operands.includes('Zv') || row.operands.includes('Zb') ? d.opcodeReg : d.reg;
    // Of segment, x87 and MMX registers there are eight.
    A[p + DST] = isGeneral(/^[GZ]/) ? longOperand(reg, isByte(/^[GZ]/), d.rex) : isGeneral(/^(P|Sw)/) ? reg & 7 : reg;
    A[p + SRC] = isGeneral(/^[ER]/)
      ? longOperand(d.rm, isByte(/^[ER]/), d.rex)
      : isGeneral(/^([NQ]|STi)/)
        ? d.rm & 7
        : d.rm;
    if (row.cc !== undefined) A[p + IMM] = row.cc;
    const [unitCase, alignment] =
      (d.memory && !d.lock && isPlainAddress(d, A[p + BASE]!) ? unitCases.get(row.id) : undefined) ?? NO_CASE;
    if (unitCase !== 0) this.prepareOperand(p, alignment, d.segment);
    const op = unitCase !== 0 ? unitCase : plans.firstLongFunction + variant;
    A[p + OP] = op;
    const made = this.made[variant]! | (unitCase !== 0 ? 2 : 1);
    if (made === this.made[variant]) return;
    this.made[variant] = made;
    const factory = longOperation(row);
    this.writer.functions[op] =
      factory === undefined ? cpu => cpu.fault(UD) : factory(row, d.memory, d.operandSize as 16 | 32 | 64);
  }
}
