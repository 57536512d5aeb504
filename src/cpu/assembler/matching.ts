/** What an instruction as it is written can mean: the forms of the table that its operands fit, with the operand size that each has. */
import type { Row } from '../table/index.ts';
import { type Form, formsOf } from './forms.ts';
import { Mistake } from './lexer.ts';
import type { Operand, RegisterOperand, Room } from './operands.ts';
import { BITS, needsLong, type Register } from './registers.ts';

export interface Prefixes {
  lock: boolean;
  /** 0, F2 or F3. */
  repeat: number;
  /** Segment number, -1 without one. */
  segment: number;
  operandSize: 0 | 16 | 32 | 64;
  addressSize: 0 | 16 | 32 | 64;
}

export type Size = 16 | 32 | 64;

export interface Instruction {
  name: string;
  column: number;
  prefixes: Prefixes;
  operands: readonly Operand[];
  /** `fadd to st1`. */
  to: boolean;
}

/** A form with the operand size that it has here. */
export interface Match {
  form: Form;
  size: Size;
}

/** What passes found too long: it is not tried again once `Place.decidesAnew` has ended, so that sizes only grow and an end is reached. */
export interface Memory {
  matches: readonly Match[];
  room: Room;
  noShortNumber: boolean;
  /** Repetitions whose jump is not short. */
  far: Set<number>;
}

const BY_CODE: Record<string, string> = {
  AL: 'al',
  CL: 'cl',
  AX: 'ax',
  DX: 'dx',
  ES: 'es',
  CS: 'cs',
  SS: 'ss',
  DS: 'ds',
  FS: 'fs',
  GS: 'gs',
  XMM0: 'xmm0',
  ST0: 'st0',
};
const BANKS: Record<string, Register['bank']> = {
  P: 'mm',
  Q: 'mm',
  N: 'mm',
  V: 'xmm',
  W: 'xmm',
  U: 'xmm',
  C: 'control',
  D: 'debug',
};

/** Ops that look at 16 bits of a register, whichever name it has. */
const WORD_OF = new Set(['movtosreg', 'lar', 'lsl']);

/** Bits of what an operand code names; 0 where any will do. */
function bitsOf(code: string, size: Size): number {
  if (code === 'Mp' || code === 'Ma' || code === 'Ms' || code === 'M') return 0;
  const x87 = /^M[fi](\d+)$/.exec(code);
  if (x87) return Number(x87[1]);
  switch (code.slice(1)) {
    case 'b':
      return 8;
    case 'w':
      return 16;
    case 'd':
    case 'ss':
      return 32;
    case 'y':
      return size === 64 ? 64 : 32;
    case 'z':
      return size === 16 ? 16 : 32;
    case 'q':
    case 'sd':
      return 64;
    case 'bcd':
      return 80;
    case 'x':
    case 'ps':
    case 'pd':
    case 'dq':
      return 128;
    default:
      return size;
  }
}

function registerFits(
  code: string,
  { register, size: written }: RegisterOperand,
  row: Row,
  size: Size,
  addressSize: number,
): boolean {
  const { bank, number, name } = register;
  if (code in BY_CODE) return BY_CODE[code] === name;
  if (code === 'rAX' || code === 'eAX') return number === 0 && BITS[bank] === size;
  if (code === 'STi') return bank === 'st';
  if (code === 'Sw') return bank === 'segment' && !(row.operands[0] === 'Sw' && name === 'cs');
  if (code === 'counter') return number === 1 && BITS[bank] === addressSize;
  if (code[0]! in BANKS) return bank === BANKS[code[0]!] && !(/^[QW]/.test(code) && row.mod === 'm');
  if (!/^[EGRZ]/.test(code) || (code[0] === 'E' && row.mod === 'm')) return false;
  const bits = bitsOf(code, size);
  if (written !== 0 && written !== BITS[bank]) return false;
  // A mask has no more bits than that, and any register takes it.
  if (code === 'Gd' && size === 64 && row.mnemonic.startsWith('movmsk')) return BITS[bank] === 64;
  // The upper part of a register is not looked at where 16 bits are used.
  return BITS[bank] === bits || (code === 'Ew' && WORD_OF.has(row.op) && BITS[bank]! > 16);
}

function fits(code: string, operand: Operand, { row, sized }: Form, size: Size, addressSize: number): boolean {
  switch (operand.kind) {
    case 'register':
      return registerFits(code, operand, row, size, addressSize);
    case 'memory': {
      if (code === 'Mp' && /^(call|jmp)f/.test(row.op))
        return operand.far && (operand.size === 0 || operand.size === size);
      if (operand.far || row.mod === 'r' || code in BY_CODE || !/^[EMWQO]/.test(code)) return false;
      const bits = bitsOf(code, size);
      return operand.size === 0 || bits === 0 || operand.size === bits;
    }
    case 'far':
      return code === 'Ap' && (operand.size === 0 || operand.size === size);
    default: {
      const { size: written, strict, distance } = operand;
      if (code === 'Jb') return distance !== 'near' && written === 0;
      if (code === 'Jz') return distance !== 'short' && (written === 0 || written === size);
      if (distance !== undefined) return false;
      if (code === '1') return written === 0 || written === 8;
      // Numbers for operands of 64 bits have 32, MOV's aside.
      const asWritten = written === size || (size === 64 && written === 32 && code !== 'Iv');
      if (code === 'Ib')
        return written === 0 || written === 8 || (row.signed === true && sized && asWritten && !strict);
      if (code === 'Iw') return written === 0 || written === 16;
      return (code === 'Iz' || code === 'Iv') && (written === 0 || asWritten);
    }
  }
}

export const hasDefault64 = ({ long }: Row): boolean => long === 'd64' || long === 'f64';

/** The operand sizes that a form has in code of these bits, the usual one first. */
function sizesOf({ row, codes, sized, operandSize }: Form, bits: Size): readonly Size[] {
  if (row.long === (bits === 64 ? 'invalid' : 'only')) return [];
  if (bits !== 64) return sized ? [bits, bits === 16 ? 32 : 16] : [bits];
  if (row.op === 'movsxd' || row.long === 'f64') return [64];
  if (row.long === 'd64') return [64, 16];
  // nasm's choice: a far pointer of 64 bits.
  if (row.op === 'callfind' || row.op === 'jmpfind') return [64, 32, 16];
  if (sized) return [32, 64, 16];
  const wide = operandSize === 64 || row.mnemonic.startsWith('movmsk') || codes.some(code => code.endsWith('y'));
  return wide ? [32, 64] : [32];
}

/** In nasm's order, where several are equally short. */
function rank({ form: { row, codes, operandSize }, size }: Match): number {
  // MOVQ has encodings of its own.
  if (size === 64 && operandSize === 64 && row.mnemonic === 'movd') return 6;
  if (row.signed || codes.includes('1')) return 0;
  if (!row.modrm && row.map === 0) return codes.some(code => /^[re]?A[XL]$/.test(code)) ? 1 : 2;
  if (codes[0] === 'STi' && codes.length === 2) return 3;
  if (row.mnemonic === 'xchg') return codes[0]![0] === 'G' ? 3 : 4;
  return row.mnemonic === 'test' && codes[0]![0] === 'G' ? 5 : 4;
}

/** Counts of shifts and numbers of bits: their size says nothing about that of the other operand. */
const COUNTED = /^(ro|rc|s[ha])[lr]$|^bt[srcs]?$|^sal$|^sh[lr]d$/;

/** All that this can mean; a mistake where that is nothing, or where the size of memory is open. */
export function matching(instruction: Instruction, bits: Size): Memory {
  const { name, column, prefixes, to } = instruction;
  const written = formsOf(name);
  if (!written) throw new Mistake(`“${name}” is no instruction that is known here`, column);
  refuseForeign(instruction, written, bits);
  let { operands } = instruction;
  const [first, second] = operands;
  // `mov [x], word 5`: the number's size is that of the memory.
  if (
    operands.length === 2 &&
    first!.kind === 'memory' &&
    first!.size === 0 &&
    second!.kind === 'number' &&
    second!.size !== 0 &&
    !COUNTED.test(name)
  ) {
    operands = [{ ...first!, size: second!.size }, second!];
  }
  const memory = operands.find(operand => operand.kind === 'memory');
  const matches: Match[] = [];
  const widths = new Set<number>();
  for (const form of written) {
    const { codes, row } = form;
    if (codes.length !== operands.length || (to && !(row.operands[0] === 'STi' && row.operands[1] === 'ST0'))) continue;
    // Without `to`, ST(0) is the destination where one register is named.
    if (!to && row.opcode === 0xdc && codes.length === 1 && row.operands.length === 2) continue;
    const sizes = sizesOf(form, bits);
    const usual = sizes[0];
    for (const size of sizes) {
      if (
        (form.operandSize ?? size) !== size ||
        (form.sized && prefixes.operandSize !== 0 && prefixes.operandSize !== size)
      )
        continue;
      if (
        !codes.every((code, i) => fits(code, operands[i]!, form, size, form.addressSize ?? counterOf(operands, bits)))
      )
        continue;
      const open = memory !== undefined && memory.size === 0;
      // A word that becomes a word: where the size is open, nasm means a byte.
      if (open && size === 16 && /^mov[sz]x$/.test(row.op) && codes[1] === 'Ew') continue;
      const branches = /^(call|jmp)/.test(row.mnemonic);
      const said =
        form.operandSize !== undefined ||
        prefixes.operandSize !== 0 ||
        operands.some(operand => operand.kind === 'register' && BITS[operand.register.bank] === 64) ||
        codes.some(
          (code, i) =>
            /^([EGRZM]?[vzy]|I[bzv]|Jz|Ap|Mp|[re]AX)$/.test(code) &&
            (operands[i]!.kind === 'register' || operands[i]!.size > 8),
        );
      if (size !== usual && !said && (!open || branches || !codes.some(code => /^[EM]v$/.test(code)))) continue;
      matches.push({ form, size });
      if (open && !branches) widths.add(bitsOf(codes[operands.indexOf(memory)]!, size));
    }
  }
  if (matches.length === 0) throw new Mistake(unmatched(name, operands, written), operands[0]?.column ?? column);
  if (widths.size > 1)
    throw new Mistake(
      `how much is meant at this address is open: write ${sizeWords(widths)} before the bracket`,
      memory!.column,
    );
  matches.sort((a, b) => rank(a) - rank(b));
  return { matches, room: 'none', noShortNumber: false, far: new Set() };
}

/** Bits of the counter that a LOOP names, or of addresses. */
function counterOf(operands: readonly Operand[], bits: Size): number {
  const last = operands.at(-1);
  const named = last?.kind === 'register' && operands[0]!.kind === 'number' ? BITS[last.register.bank] : undefined;
  // 64-bit code does not count by CX.
  return named === undefined || (bits === 64 && named === 16) ? bits : named;
}

/** What code of these bits has nothing of. */
function refuseForeign({ name, column, prefixes, operands }: Instruction, forms: readonly Form[], bits: Size): void {
  const long = bits === 64;
  const foreign = operands.find(operand => operand.kind === 'register' && operand.register.long) as
    | RegisterOperand
    | undefined;
  if (!long && foreign) throw new Mistake(needsLong(foreign.register.name), foreign.column);
  if (!long && (prefixes.operandSize === 64 || prefixes.addressSize === 64))
    throw new Mistake('sizes of 64 bits need 64-bit code: write bits 64 above it', column);
  if (long && prefixes.addressSize === 16)
    throw new Mistake('64-bit code has no addresses of 16 bits: leave a16 away', column);
  const isHere = (form: Form): boolean =>
    sizesOf(form, bits).length > 0 &&
    (long ? form.addressSize !== 16 : form.addressSize !== 64 && form.operandSize !== 64);
  if (forms.some(isHere)) return;
  throw new Mistake(
    long
      ? `64-bit code has no ${name}: this is an instruction of 16- and 32-bit code`
      : `${name} is an instruction of 64-bit code: write bits 64 above it`,
    column,
  );
}

const WORDS: Record<number, string> = { 8: 'byte', 16: 'word', 32: 'dword', 64: 'qword', 80: 'tword', 128: 'oword' };

function sizeWords(widths: ReadonlySet<number>): string {
  const words = [...widths].sort((a, b) => a - b).map(width => WORDS[width] ?? 'a size');
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** What operand codes represent, in words. */
function inWords(code: string): string {
  if (code in BY_CODE) return BY_CODE[code]!;
  const words: Record<string, string> = {
    E: 'register or memory',
    W: 'xmm or memory',
    Q: 'mm or memory',
    M: 'memory',
    O: 'memory',
    G: 'register',
    R: 'register',
    Z: 'register',
    I: 'number',
    1: '1',
    J: 'label',
    V: 'xmm',
    U: 'xmm',
    P: 'mm',
    N: 'mm',
    C: 'control register',
    D: 'debug register',
    A: 'selector:offset',
    S: code === 'STi' ? 'st register' : 'segment register',
    r: 'eax',
    e: 'eax',
    c: 'ecx',
  };
  const size = bitsOf(code, 16);
  const sized = /^[EGMRWQ](b|w|d|q|y|[fi]\d+)$/.test(code) ? ` (${WORDS[size]})` : '';
  return words[code[0]!]! + sized;
}

export function unmatched(name: string, operands: readonly Operand[], forms: readonly Form[]): string {
  if (operands.filter(({ kind }) => kind === 'memory').length > 1)
    return `${name} takes one operand in memory, not two: go through a register`;
  const fitting = forms.filter(({ codes }) => codes.length === operands.length);
  if (fitting.length === 0) {
    const counts = [...new Set(forms.map(({ codes }) => codes.length))].sort();
    return `${name} takes ${counts.join(' or ')} operand${counts.join() === '1' ? '' : 's'}, and here ${operands.length === 1 ? 'is' : 'are'} ${operands.length}`;
  }
  const widths = new Set(
    operands
      .map(operand =>
        operand.kind === 'register' ? (BITS[operand.register.bank] ?? 0) : operand.kind === 'memory' ? operand.size : 0,
      )
      .filter(Boolean),
  );
  const remark = widths.size > 1 ? 'operands of different size; ' : '';
  const offers = [...new Set(fitting.map(({ codes }) => codes.map(inWords).join(', ')))];
  return `${name} does not take these operands: ${remark}it takes ${offers.slice(0, 4).join('; ')}${offers.length > 4 ? ' …' : ''}`;
}
