/**
 * One instruction to bytes. `matching` finds once what the operands can mean; `encode` takes the shortest of that in each pass, as nasm
 * does by default: what is equally long in nasm's order. Source: SDM vol. 2, chapter 2; the NASM manual, 2.1.24 "-O" and 3.7 "STRICT".
 */
import type { Row } from '../table/index.ts';
import { evaluate, type Scope, type Value } from './expressions.ts';
import { Mistake } from './lexer.ts';
import {
  hasDefault64,
  type Instruction,
  type Match,
  type Memory,
  type Prefixes,
  type Size,
  unmatched,
} from './matching.ts';
import {
  type Address,
  addressBytes,
  addressOf,
  type CodeOfAddress,
  type FarOperand,
  type MemoryOperand,
  type NumberOperand,
  type Operand,
  type Room,
} from './operands.ts';
import { BITS } from './registers.ts';

export interface Place {
  code: CodeOfAddress;
  scope: Scope;
  /** Address of this repetition's first byte. */
  at: number;
  repetition: number;
  /** Sizes are those that the last pass's addresses ask for, whatever was before: nasm's way, by which it may stay at one of two sizes that both fit. */
  decidesAnew: boolean;
}

const SEGMENT_PREFIXES = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];
/** `value` as a signed number of this many bits. */
const signed = (value: bigint, bits: number): bigint => BigInt.asIntN(bits, value);

function little(bytes: number[], value: bigint, width: number): void {
  for (let i = 0; i < width; i++) bytes.push(Number(BigInt.asUintN(8, value >> BigInt(8 * i))));
}

/** The value in this many bits, signed or not; a mistake where it has more. */
export function ranged({ number, addresses, registers }: Value, bits: number, column: number): bigint {
  if (registers.length > 0) throw new Mistake('a register in a number: an address is written in brackets', column);
  if (addresses !== 0 && addresses !== 1)
    throw new Mistake(
      'labels are added or multiplied here: a label must be alone, with a number, or as the difference of two',
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
      : addressOf(
          operands[at] as MemoryOperand,
          place.scope,
          instruction.prefixes.addressSize || place.code.bits,
          place.code,
        );
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
  if (bits === 64 && value !== signed(value, 32))
    throw new Mistake(
      `${displacement.number} is no displacement: in 64-bit code it has 32 bits with a sign, -2147483648 to 2147483647`,
      column,
    );
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
  const { bits: codeBits } = place.code;
  const long = codeBits === 64;
  let addressSize = form.addressSize ?? (prefixes.addressSize || codeBits);
  const numbers: { code: string; operand: Operand; value: Value | undefined }[] = [];
  for (const [i, code] of codes.entries()) {
    const operand = operands[i]!;
    if (operand.kind === 'register') {
      const { number } = operand.register;
      if (code === 'counter') addressSize = BITS[operand.register.bank] as Size;
      else if (/^(G|P|V|Cd|Dd|Sw)/.test(code)) reg = number;
      else if (code[0] === 'Z') {
        // NOP does not clear the high half, as XCHG EAX, EAX does.
        if (long && row.mnemonic === 'xchg' && size === 32 && number === 0) return undefined;
        [opcode, rm] = [opcode + (number & 7), number];
      } else if (/^[ERWUQN]|^STi/.test(code)) [rm, rmRegister] = [number, true];
    } else if (operand.kind === 'memory') {
      rmRegister = false;
      addressSize = address!.bits;
      if (code[0] === 'O') {
        if (address!.base >= 0 || address!.index >= 0) return undefined;
        if (address!.relative || (long && address!.bits === 64 && !isWhole(operand))) return undefined;
        moffs = true;
      } else if (
        isWhole(operand) &&
        !address!.relative &&
        memory.matches.some(match => match.form.codes.some(other => other[0] === 'O'))
      )
        return undefined;
    } else numbers.push({ code, operand, value: values[i] });
  }

  const bytes: number[] = form.waits ? [0x9b] : [];
  bytes.push(...prefixBytes(prefixes, operands, row.lock === true));
  const asked = form.sized ? size : prefixes.operandSize;
  if (long ? asked === 16 : asked !== 0 && asked !== codeBits) bytes.push(0x66);
  if (addressSize !== codeBits) bytes.push(0x67);
  if (row.prefix) bytes.push(row.prefix);
  const short = long && isShortMove(values, codes, size, operands);
  if (long) {
    // Of INVPCID it says nothing, and nasm writes it.
    const wide =
      row.rexW || row.op === 'invpcid' || prefixes.operandSize === 64 || (size === 64 && !hasDefault64(row) && !short);
    bytes.push(...rexPrefix(operands, wide && !DROPS_W.has(row.op), reg, rmRegister ? rm : address));
  }
  if (row.map > 0) bytes.push(0x0f);
  if (row.map > 1) bytes.push(row.map === 2 ? 0x38 : 0x3a);
  bytes.push(opcode);
  if (row.modrm) {
    if (rmRegister || !address) bytes.push(0xc0 | ((reg & 7) << 3) | (rm & 7));
    else displaced(bytes, address, memory.room, (reg & 7) << 3, operands);
  } else if (moffs) little(bytes, addressNumber(address!, operands), address!.bits >> 3);
  const behindAddress = bytes.length;

  const number = { memory, place, match: { form, size }, short, isLoad: isLoad(row, operands) };
  if (!numbers.every(({ code, operand, value }) => appendNumber(bytes, code, operand, value!, number)))
    return undefined;
  if (form.immediate !== undefined) bytes.push(form.immediate);
  if (address?.relative) countFromEnd(bytes, behindAddress, address, place, operands);
  return bytes;
}

interface NumberContext {
  memory: Memory;
  place: Place;
  match: Match;
  /** It is a MOV to a register, and one of 32 bits will do. */
  isLoad: boolean;
  short: boolean;
}

/** Adds a number in the way of its operand code; false where that does not hold it. */
function appendNumber(bytes: number[], code: string, operand: Operand, value: Value, context: NumberContext): boolean {
  const {
    memory,
    place,
    match: { form, size },
  } = context;
  const { signed: extended } = form.row;
  if (operand.kind === 'far') {
    far(bytes, operand, size, place.scope);
    return true;
  }
  if (code[0] === 'J') return jump(bytes, code, operand as NumberOperand, value, size, memory, place);
  if (code === '1') return value.known && value.number === 1n && value.addresses === 0;
  if (extended && !shortNumber(value, size, operand, memory)) return false;
  const half = size === 64 && code === 'Iz';
  if (half && context.isLoad && takesAll(value, operand)) return false;
  const bits = extended ? size : code === 'Ib' ? 8 : code === 'Iw' ? 16 : context.short ? 32 : size;
  const number = ranged(value, bits, operand.column);
  if (half) needsSigned32(number, operand.column);
  little(bytes, number, extended ? 1 : half ? 4 : bits >> 3);
  return true;
}

/** `[qword N]`: MOV of the accumulator has a form with all of the address. */
const isWhole = (operand: Operand): boolean => operand.kind === 'memory' && operand.inside === 64;

/** Ops of operand size 64 by registers whose high half says nothing: nasm leaves REX.W away. */
const DROPS_W = new Set(['movsreg', 'sldt']);

const isLoad = (row: Row, operands: readonly Operand[]): boolean =>
  row.mnemonic === 'mov' && operands[0]!.kind === 'register';
/** A number for a register of 64 bits that is to have all of them. */
const takesAll = ({ addresses, known }: Value, operand: Operand): boolean =>
  operand.size !== 32 && (addresses !== 0 || !known || (operand as NumberOperand).strict);

/** MOV of a number that fits into 32 bits without a sign: those clear the high half of the register. */
function isShortMove(
  values: readonly (Value | undefined)[],
  codes: readonly string[],
  size: Size,
  operands: readonly Operand[],
): boolean {
  const value = codes[1] === 'Iv' ? values[1] : undefined;
  if (!value || size !== 64 || !value.known || value.addresses !== 0) return false;
  return !(operands[1] as NumberOperand).strict && value.number >= 0n && value.number < 1n << 32n;
}

function needsSigned32(number: bigint, column: number): void {
  if (signed(number, 64) !== signed(number, 32) || number >= 1n << 64n)
    throw new Mistake(
      `${number} has more than 32 bits with a sign, -2147483648 to 2147483647: move it into a register first`,
      column,
    );
}

/** REX, where the operands need one (SDM vol. 2, 2.2.1). `rm`: a register's number or an address. */
function rexPrefix(
  operands: readonly Operand[],
  wide: boolean,
  reg: number,
  rm: number | Address | undefined,
): number[] {
  const [base, index] = typeof rm === 'object' ? [rm.base, rm.index] : [rm ?? 0, 0];
  const bits = (wide ? 8 : 0) | (reg > 7 ? 4 : 0) | (index > 7 ? 2 : 0) | (base > 7 ? 1 : 0);
  const registers = operands.filter(operand => operand.kind === 'register');
  if (bits === 0 && !registers.some(({ register }) => register.rex === 'needed')) return [];
  const high = registers.find(({ register }) => register.rex === 'excluded');
  if (high)
    throw new Mistake(
      `${high.register.name} cannot be used with registers of 64-bit code: an instruction that names one has spl, bpl, sil and dil instead of ah, ch, dh and bh`,
      high.column,
    );
  return [0x40 | bits];
}

/** Makes the displacement, which ends at `end`, one from the end of the instruction. */
function countFromEnd(
  bytes: number[],
  end: number,
  { displacement }: Address,
  place: Place,
  operands: readonly Operand[],
): void {
  const distance = displacement.known ? displacement.number - BigInt(place.at + bytes.length) : 0n;
  const { column } = operands.find(({ kind }) => kind === 'memory')!;
  if (distance !== signed(distance, 32))
    throw new Mistake(`the target is ${distance} bytes away: rel goes 2 GiB either way`, column);
  const held: number[] = [];
  little(held, distance, 4);
  bytes.splice(end - 4, 4, ...held);
}

/** LOCK, REP and the segment, in nasm's order. */
function prefixBytes({ lock, repeat, segment }: Prefixes, operands: readonly Operand[], mayLock: boolean): number[] {
  const memory = operands.find(({ kind }) => kind === 'memory') as MemoryOperand | undefined;
  if (lock && !(mayLock && memory))
    throw new Mistake(
      'lock goes only before an instruction that changes memory: remove it, or give a destination in memory',
      operands[0]?.column ?? 1,
    );
  const override = memory !== undefined && memory.segment >= 0 ? memory.segment : segment;
  const bytes: number[] = [];
  if (repeat !== 0) bytes.push(repeat);
  if (lock) bytes.push(0xf0);
  if (override >= 0) bytes.push(SEGMENT_PREFIXES[override]!);
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
function shortNumber({ number, addresses, known }: Value, size: Size, operand: Operand, memory: Memory): boolean {
  if (known && (addresses !== 0 || signed(number, size) !== signed(number, 8) || number >= 1n << BigInt(size)))
    memory.noShortNumber = true;
  return !memory.noShortNumber && !((operand as NumberOperand).strict && operand.size !== 8);
}

function far(bytes: number[], { selector, offset, column }: FarOperand, size: Size, scope: Scope): void {
  little(bytes, ranged(evaluate(offset, scope), size, column), size >> 3);
  little(bytes, ranged(evaluate(selector, scope), 16, column), 2);
}

/** Adds the distance; false where a short one does not hold it and there may be a long one. */
function jump(
  bytes: number[],
  code: string,
  { column, distance }: NumberOperand,
  target: Value,
  size: Size,
  memory: Memory,
  place: Place,
): boolean {
  ranged(target, 32, column);
  const width = code === 'Jb' ? 1 : size === 16 ? 2 : 4;
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
