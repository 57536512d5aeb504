/**
 * One instruction to bytes. `matching` finds once what the operands can mean; `encode` takes the shortest of that in each pass, as nasm
 * does by default: what is equally long in nasm's order. Source: SDM vol. 2, chapter 2; the NASM manual, 2.1.24 "-O" and 3.7 "STRICT".
 */
import type { Row } from '../table/index.ts';
import { evaluate, type Scope, type Value } from './expressions.ts';
import { type Form, formsOf } from './forms.ts';
import { Mistake } from './lexer.ts';
import {
  type Address,
  addressBytes,
  addressOf,
  type FarOperand,
  type MemoryOperand,
  type NumberOperand,
  type Operand,
  type RegisterOperand,
  type Room,
} from './operands.ts';
import { BITS, type Register } from './registers.ts';

export interface Prefixes {
  lock: boolean;
  /** 0, F2 or F3. */
  repeat: number;
  /** Segment number, -1 without one. */
  segment: number;
  operandSize: 0 | 16 | 32;
  addressSize: 0 | 16 | 32;
}

export interface Instruction {
  name: string;
  column: number;
  prefixes: Prefixes;
  operands: readonly Operand[];
  /** `fadd to st1`. */
  to: boolean;
}

/** A form with the operand size that it has here. */
interface Match {
  form: Form;
  size: 16 | 32;
}

/** What passes found too long: it is not tried again once `Place.decidesAnew` has ended, so that sizes only grow and an end is reached. */
export interface Memory {
  matches: readonly Match[];
  room: Room;
  noShortNumber: boolean;
  /** Repetitions whose jump is not short. */
  far: Set<number>;
}

export interface Place {
  bits: 16 | 32;
  scope: Scope;
  /** Address of this repetition's first byte. */
  at: number;
  repetition: number;
  /** Sizes are those that the last pass's addresses ask for, whatever was before: nasm's way, by which it may stay at one of two sizes that both fit. */
  decidesAnew: boolean;
}

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
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

/** Bits of what an operand code names; 0 where any will do. */
function bitsOf(code: string, size: 16 | 32): number {
  if (code === 'Mp' || code === 'Ma' || code === 'Ms' || code === 'M') return 0;
  const x87 = /^M[fi](\d+)$/.exec(code);
  if (x87) return Number(x87[1]);
  switch (code.slice(1)) {
    case 'b':
      return 8;
    case 'w':
      return 16;
    case 'd':
    case 'y':
    case 'ss':
      return 32;
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
  size: 16 | 32,
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
  // The upper half of a register is not looked at where 16 bits are used.
  return (
    BITS[bank] === bits ||
    (BITS[bank] === 32 && bits === 16 && code === 'Ew' && ['movtosreg', 'lar', 'lsl'].includes(row.op))
  );
}

function fits(code: string, operand: Operand, { row, sized }: Form, size: 16 | 32, addressSize: number): boolean {
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
      if (code === 'Ib')
        return written === 0 || written === 8 || (row.signed === true && sized && written === size && !strict);
      if (code === 'Iw') return written === 0 || written === 16;
      return (code === 'Iz' || code === 'Iv') && (written === 0 || written === size);
    }
  }
}

/** In nasm's order, where several are equally short. */
function rank({ form: { row, codes } }: Match): number {
  if (row.signed || codes.includes('1')) return 0;
  if (!row.modrm && row.map === 0) return codes.some(code => /^[re]?A[XL]$/.test(code)) ? 1 : 2;
  if (codes[0] === 'STi' && codes.length === 2) return 3;
  if (row.mnemonic === 'xchg') return codes[0]![0] === 'G' ? 3 : 4;
  return row.mnemonic === 'test' && codes[0]![0] === 'G' ? 5 : 4;
}

/** Counts of shifts and numbers of bits: their size says nothing about that of the other operand. */
const COUNTED = /^(ro|rc|s[ha])[lr]$|^bt[srcs]?$|^sal$|^sh[lr]d$/;

/** All that this can mean; a mistake where that is nothing, or where the size of memory is open. */
export function matching(instruction: Instruction, bits: 16 | 32): Memory {
  const { name, column, prefixes, to } = instruction;
  const written = formsOf(name);
  if (!written) throw new Mistake(`“${name}” is no instruction that is known here`, column);
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
    const other = bits === 16 ? 32 : 16;
    for (const size of form.sized ? ([bits, other] as const) : [bits]) {
      if (
        (form.operandSize ?? size) !== size ||
        (form.sized && prefixes.operandSize !== 0 && prefixes.operandSize !== size)
      )
        continue;
      if (
        !codes.every((code, i) =>
          fits(code, operands[i]!, form, size, form.addressSize ?? (bankOfCounter(operands) || bits)),
        )
      )
        continue;
      const open = memory !== undefined && memory.size === 0;
      // A word that becomes a word: where the size is open, nasm means a byte.
      if (open && size === 16 && /^mov[sz]x$/.test(row.op) && codes[1] === 'Ew') continue;
      const branches = /^(call|jmp)/.test(row.mnemonic);
      const said =
        form.operandSize !== undefined ||
        prefixes.operandSize !== 0 ||
        codes.some(
          (code, i) =>
            /^([EGRZM]?[vz]|I[bzv]|Jz|Ap|Mp|[re]AX)$/.test(code) &&
            (operands[i]!.kind === 'register' || operands[i]!.size > 8),
        );
      if (size !== bits && !said && (!open || branches || !codes.some(code => /^[EM]v$/.test(code)))) continue;
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

/** Bits of the counter that a LOOP names. */
function bankOfCounter(operands: readonly Operand[]): number {
  const last = operands.at(-1);
  return last?.kind === 'register' && operands[0]!.kind === 'number' ? (BITS[last.register.bank] ?? 0) : 0;
}

const WORDS: Record<number, string> = { 8: 'byte', 16: 'word', 32: 'dword', 64: 'qword', 80: 'tword', 128: 'oword' };

function sizeWords(widths: ReadonlySet<number>): string {
  const words = [...widths].sort((a, b) => a - b).map(width => WORDS[width] ?? 'a size');
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/** What operand codes stand for, in words. */
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

function unmatched(name: string, operands: readonly Operand[], forms: readonly Form[]): string {
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

/** `value` as a signed number of so many bits. */
const signed = (value: bigint, bits: number): bigint => BigInt.asIntN(bits, value);

function little(bytes: number[], value: bigint, width: number): void {
  for (let i = 0; i < width; i++) bytes.push(Number(BigInt.asUintN(8, value >> BigInt(8 * i))));
}

/** The value in so many bits, signed or not; a mistake where it has more. */
export function ranged({ number, addresses, registers }: Value, bits: number, column: number): bigint {
  if (registers.length > 0) throw new Mistake('a register in a number: an address stands in brackets', column);
  if (addresses !== 0 && addresses !== 1)
    throw new Mistake(
      'labels are added or multiplied here: a label stands alone, with a number, or as the difference of two',
      column,
    );
  if (bits >= 64) return number;
  if (number < -(1n << BigInt(bits - 1)) || number >= 1n << BigInt(bits)) {
    throw new Mistake(
      `${number} has more than ${bits} bits: ${-(1n << BigInt(bits - 1))} to ${(1n << BigInt(bits)) - 1n} go`,
      column,
    );
  }
  return number;
}

/** The bytes of one repetition. */
export function encode(instruction: Instruction, memory: Memory, place: Place): number[] {
  const { operands } = instruction;
  const values = operands.map(operand =>
    operand.kind === 'number' ? evaluate(operand.value, place.scope) : undefined,
  );
  const at = operands.findIndex(({ kind }) => kind === 'memory');
  const address =
    at < 0
      ? undefined
      : addressOf(operands[at] as MemoryOperand, place.scope, instruction.prefixes.addressSize || place.bits);
  if (place.decidesAnew) {
    memory.noShortNumber = false;
    memory.far.delete(place.repetition);
    memory.room = 'none';
  }
  if (address) memory.room = widest(memory.room, roomFor(address, operands[at] as MemoryOperand));
  let best: number[] | undefined;
  let reason: Mistake | undefined;
  for (const match of memory.matches) {
    try {
      const bytes = attempt(instruction, match, memory, place, values, address);
      if (bytes && (best === undefined || bytes.length < best.length)) best = bytes;
    } catch (error) {
      if (!(error instanceof Mistake)) throw error;
      reason ??= error;
    }
  }
  if (best) return best;
  throw (
    reason ??
    new Mistake(
      unmatched(
        instruction.name,
        operands,
        memory.matches.map(({ form }) => form),
      ),
      operands[0]?.column ?? instruction.column,
    )
  );
}

const ROOMS: readonly Room[] = ['none', 'byte', 'full'];
const widest = (a: Room, b: Room): Room => (ROOMS.indexOf(a) > ROOMS.indexOf(b) ? a : b);

function roomFor({ displacement, bits }: Address, { inside, column }: MemoryOperand): Room {
  if (inside === 8) {
    if (signed(displacement.number, bits) !== signed(displacement.number, 8) && displacement.known)
      throw new Mistake(`${displacement.number} has more than 8 bits: leave “byte” away`, column);
    return 'byte';
  }
  if (inside !== 0) return 'full';
  // nasm begins with the long form, and with the short one of a jump.
  if (!displacement.known) return 'full';
  if (displacement.addresses !== 0) return 'full';
  const value = signed(displacement.number, bits);
  return value === 0n ? 'none' : value === signed(value, 8) ? 'byte' : 'full';
}

/** The bytes of one form, undefined where it does not hold the values. */
function attempt(
  { operands, prefixes }: Instruction,
  { form, size }: Match,
  memory: Memory,
  place: Place,
  values: readonly (Value | undefined)[],
  address?: Address,
): number[] | undefined {
  const { row, codes } = form;
  let reg = row.reg ?? 0,
    rm = form.rm ?? row.rm ?? 0,
    opcode = row.opcode;
  let rmRegister = row.mod === 'r' || !row.modrm;
  let moffs = false;
  let addressSize = form.addressSize ?? (prefixes.addressSize || place.bits);
  const numbers: { code: string; operand: Operand; value: Value | undefined }[] = [];
  for (const [i, code] of codes.entries()) {
    const operand = operands[i]!;
    if (operand.kind === 'register') {
      const { number } = operand.register;
      if (code === 'counter') addressSize = BITS[operand.register.bank] as 16 | 32;
      else if (/^(G|P|V|Cd|Dd|Sw)/.test(code)) reg = number;
      else if (code[0] === 'Z') opcode += number;
      else if (/^[ERWUQN]|^STi/.test(code)) [rm, rmRegister] = [number, true];
    } else if (operand.kind === 'memory') {
      rmRegister = false;
      addressSize = address!.bits;
      if (code[0] === 'O') {
        if (address!.base >= 0 || address!.index >= 0) return undefined;
        moffs = true;
      }
    } else numbers.push({ code, operand, value: values[i] });
  }

  const bytes: number[] = form.waits ? [0x9b] : [];
  const segment =
    address && (operands.find(({ kind }) => kind === 'memory') as MemoryOperand).segment >= 0
      ? (operands.find(({ kind }) => kind === 'memory') as MemoryOperand).segment
      : prefixes.segment;
  bytes.push(...prefixBytes({ ...prefixes, segment }));
  if (prefixes.lock && !(row.lock && address))
    throw new Mistake(
      'lock stands only before what changes memory: take it away, or give a destination in memory',
      operands[0]?.column ?? 1,
    );
  if (form.sized ? size !== place.bits : prefixes.operandSize !== 0 && prefixes.operandSize !== place.bits)
    bytes.push(0x66);
  if (addressSize !== place.bits) bytes.push(0x67);
  if (row.prefix) bytes.push(row.prefix);
  if (row.map > 0) bytes.push(0x0f);
  if (row.map > 1) bytes.push(row.map === 2 ? 0x38 : 0x3a);
  bytes.push(opcode);
  if (row.modrm) {
    if (rmRegister || !address) bytes.push(0xc0 | (reg << 3) | rm);
    else displaced(bytes, address, memory.room, reg << 3, operands);
  } else if (moffs) little(bytes, addressNumber(address!, operands), address!.bits >> 3);

  for (const { code, operand, value } of numbers) {
    if (operand.kind === 'far') far(bytes, operand, size, place.scope);
    else if (code[0] === 'J') {
      if (!jump(bytes, code, operand as NumberOperand, value!, size, memory, place)) return undefined;
    } else if (code === '1') {
      if (!value!.known || value!.number !== 1n || value!.addresses !== 0) return undefined;
    } else {
      if (row.signed && !shortNumber(value!, size, operand, memory)) return undefined;
      const bits = row.signed ? size : code === 'Ib' ? 8 : code === 'Iw' ? 16 : size;
      little(bytes, ranged(value!, bits, operand.column), row.signed ? 1 : bits >> 3);
    }
  }
  if (form.immediate !== undefined) bytes.push(form.immediate);
  return bytes;
}

/** LOCK, REP and the segment, in nasm's order. */
export function prefixBytes({ lock, repeat, segment }: Prefixes): number[] {
  const bytes: number[] = [];
  if (repeat !== 0) bytes.push(repeat);
  if (lock) bytes.push(0xf0);
  if (segment >= 0) bytes.push(SEGMENT_PREFIXES[segment]!);
  return bytes;
}

const addressNumber = (address: Address, operands: readonly Operand[]): bigint =>
  ranged(
    { ...address.displacement, registers: [] },
    address.bits,
    operands.find(({ kind }) => kind === 'memory')!.column,
  );

function displaced(bytes: number[], address: Address, room: Room, reg: number, operands: readonly Operand[]): void {
  const {
    bytes: [modrm, ...sib],
    width,
  } = addressBytes(address, room);
  bytes.push(modrm! | reg, ...sib);
  little(bytes, addressNumber(address, operands), width);
}

/** True where a byte that is sign-extended holds the number; so it is from the first pass on, until it is seen not to be. */
function shortNumber({ number, addresses, known }: Value, size: 16 | 32, operand: Operand, memory: Memory): boolean {
  if (known && (addresses !== 0 || signed(number, size) !== signed(number, 8) || number >= 1n << BigInt(size)))
    memory.noShortNumber = true;
  return !memory.noShortNumber && !((operand as NumberOperand).strict && operand.size !== 8);
}

function far(bytes: number[], { selector, offset, column }: FarOperand, size: 16 | 32, scope: Scope): void {
  little(bytes, ranged(evaluate(offset, scope), size, column), size >> 3);
  little(bytes, ranged(evaluate(selector, scope), 16, column), 2);
}

/** Adds the distance; false where a short one does not hold it and there may be a long one. */
function jump(
  bytes: number[],
  code: string,
  { column, distance }: NumberOperand,
  target: Value,
  size: 16 | 32,
  memory: Memory,
  place: Place,
): boolean {
  ranged(target, 32, column);
  const width = code === 'Jb' ? 1 : size >> 3;
  const by = target.known ? target.number - BigInt(place.at + bytes.length + width) : 0n;
  if (code === 'Jb') {
    const choice = memory.matches.length > 1 && memory.matches.some(({ form }) => form.codes.includes('Jz'));
    // A plain number is an address that may be anywhere: nasm gives it the long form.
    const within = by >= -128n && by <= 127n && (target.addresses !== 0 || !target.known || !choice);
    if (!within) memory.far.add(place.repetition);
    if (choice && memory.far.has(place.repetition)) return false;
    if (!within) {
      throw new Mistake(
        `the target is ${by} bytes away, and a short jump goes from -128 to 127: ${distance === 'short' ? 'leave “short” away' : 'jump to a jmp that leads there'}`,
        column,
        bytes.length + width,
      );
    }
  }
  little(bytes, by, width);
  return true;
}
