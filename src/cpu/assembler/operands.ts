/** Operands as they are written, and addresses as ModRM and SIB hold them. Source: the NASM manual, 3.3 "Effective addresses"; SDM vol. 2, tables 2-1 to 2-3. */
import { type Expression, evaluate, parseExpression, type Scope, type Term, type Value } from './expressions.ts';
import { type Cursor, isEscaped, Mistake } from './lexer.ts';
import { BITS, needsLong, type Register, registerOf } from './registers.ts';

/** Words for sizes, in bits. */
export const SIZES = { byte: 8, word: 16, dword: 32, qword: 64, tword: 80, tbyte: 80, oword: 128 } as const;
const SIZE_WORDS = Object.keys(SIZES) as (keyof typeof SIZES)[];
const BEFORE_OPERANDS = [...SIZE_WORDS, 'strict', 'short', 'near', 'far', 'to'] as const;
/** Words that are written before operands and in addresses: no label has their name. */
const IN_ADDRESSES = ['nosplit', 'rel', 'abs'] as const;
export const OPERAND_WORDS: readonly string[] = [...BEFORE_OPERANDS, ...IN_ADDRESSES];

interface Common {
  column: number;
  /** The size written before it, 0 without one. */
  size: number;
}
export interface RegisterOperand extends Common {
  kind: 'register';
  register: Register;
}
export interface NumberOperand extends Common {
  kind: 'number';
  value: Expression;
  /** `strict`: the size written is the size encoded. */
  strict: boolean;
  distance?: 'short' | 'near';
}
export interface FarOperand extends Common {
  kind: 'far';
  selector: Expression;
  offset: Expression;
}
export interface MemoryOperand extends Common {
  kind: 'memory';
  /** Of an override, -1 without one. */
  segment: number;
  address: Expression;
  /** Size written inside the brackets, 0 without one: of the displacement, or of the address if it has no register. */
  inside: number;
  nosplit: boolean;
  /** Counted from the instruction's end, or not; undefined: as DEFAULT said. */
  relative: boolean | undefined;
  /** It leads to a selector and an offset: `call far [x]`. */
  far: boolean;
}
export type Operand = RegisterOperand | NumberOperand | FarOperand | MemoryOperand;

/** One operand; `qualify` makes full names of local labels. */
export function parseOperand(cursor: Cursor, qualify: (name: string) => string): Operand & { to: boolean } {
  const { column } = cursor.peek;
  let size = 0,
    strict = false,
    far = false,
    to = false;
  let distance: NumberOperand['distance'];
  for (;;) {
    const word = cursor.takeName(BEFORE_OPERANDS);
    if (word === undefined) break;
    if (word === 'strict') strict = true;
    else if (word === 'far') far = true;
    else if (word === 'to') to = true;
    else if (word === 'short' || word === 'near') distance = word;
    else if (size === 0) size = SIZES[word];
    else throw new Mistake(`two sizes for one operand: take “${word}” away, or the one before it`, column);
  }
  if (cursor.take('[')) return { ...memory(cursor, qualify, column, size), far, to };
  const { peek } = cursor;
  const register = peek.kind === 'name' && !isEscaped(peek) ? registerOf(peek.text) : undefined;
  if (register) {
    cursor.next();
    if (cursor.sees(':'))
      throw new Mistake(`an override belongs inside the brackets: write [${register.name}:…]`, peek.column);
    if (cursor.peek.kind === 'sign' && '+-*/'.includes(cursor.peek.text))
      throw new Mistake('a sum with a register is an address and belongs in brackets: [bx+2]', cursor.peek.column);
    return { kind: 'register', register, column, size, to };
  }
  const value = parseExpression(cursor, qualify);
  if (!cursor.take(':')) return { kind: 'number', value, strict, column, size, to, ...(distance && { distance }) };
  return { kind: 'far', selector: value, offset: parseExpression(cursor, qualify), column, size, to };
}

function memory(
  cursor: Cursor,
  qualify: (name: string) => string,
  column: number,
  size: number,
): Omit<MemoryOperand, 'far'> {
  let inside = 0,
    nosplit = false,
    relative: boolean | undefined,
    segment = -1;
  for (;;) {
    const word = cursor.takeName([...SIZE_WORDS, ...IN_ADDRESSES]);
    if (word === 'nosplit') nosplit = true;
    else if (word === 'rel' || word === 'abs') relative = word === 'rel';
    else if (word !== undefined) inside = SIZES[word];
    else if (segment < 0 && cursor.beyond.text === ':' && registerOf(cursor.peek.text)?.bank === 'segment') {
      segment = registerOf(cursor.next().text)!.number;
      cursor.next();
    } else break;
  }
  if (inside > 64)
    throw new Mistake('an address has 16, 32 or 64 bits: inside brackets write byte, word, dword or qword', column);
  const address = parseExpression(cursor, qualify);
  cursor.expect(']', 'close the bracket of the address');
  return { kind: 'memory', segment, address, inside, nosplit, relative, column, size };
}

/** An address taken apart. */
export interface Address {
  bits: 16 | 32 | 64;
  /** It is one of 64-bit code, where an address without registers may be relative to RIP, and has a SIB byte if it is not. */
  long: boolean;
  relative: boolean;
  base: number;
  index: number;
  /** As a shift. */
  scale: number;
  /** Sum of the numbers and labels in it. */
  displacement: Value;
}

const ESP = 4,
  EBP = 5;
const FS = 4,
  GS = 5;
/** ModRM.rm of base and index together (SDM vol. 2, table 2-1). */
const PAIRS_16: Record<string, number> = { 'bx+si': 0, 'bx+di': 1, 'bp+si': 2, 'bp+di': 3, si: 4, di: 5, bp: 6, bx: 7 };

/** An address without registers: relative to RIP where the operand or DEFAULT says so, and it is a label's. */
function bareAddress(operand: MemoryOperand, value: Value, size: 16 | 32 | 64, code: CodeOfAddress): Address {
  const { column, inside, segment } = operand;
  if (inside === 8)
    throw new Mistake('an address without registers has 16 or 32 bits: write word or dword, or nothing', column);
  const long = code.bits === 64;
  if (inside === 64 && !long) throw new Mistake('addresses of 64 bits need 64-bit code: bits 64', column);
  // In 64-bit code the word says how the number is held, not how addresses are made.
  const bits = inside === 0 || long ? size : (inside as 16 | 32);
  const relative = operand.relative ?? (code.relative && segment !== FS && segment !== GS);
  return {
    bits,
    long,
    relative: long && relative && (value.addresses !== 0 || !value.known),
    base: -1,
    index: -1,
    scale: 0,
    displacement: value,
  };
}

/** What the code around an address says of it. */
export interface CodeOfAddress {
  bits: 16 | 32 | 64;
  /** DEFAULT REL. */
  relative: boolean;
}

/** The address that an operand names. `size`: what an address without registers has, unless the operand says another. */
export function addressOf(operand: MemoryOperand, scope: Scope, size: 16 | 32 | 64, code: CodeOfAddress): Address {
  const { column } = operand;
  const value = evaluate(operand.address, scope);
  if (value.addresses !== 0 && value.addresses !== 1 && value.known)
    throw new Mistake(
      'labels are added or multiplied in this address: only one label may be in it, or differences of two',
      column,
    );
  const { registers } = value;
  if (registers.length === 0) return bareAddress(operand, value, size, code);
  if (operand.relative === true)
    throw new Mistake(
      'rel counts from RIP, and no other register can be added: take rel away, or the register',
      column,
    );
  const long = code.bits === 64;
  const foreign = registers.find(({ register }) => register.long)?.register.name;
  if (foreign !== undefined && !long) throw new Mistake(needsLong(foreign), column);
  const bank = registers[0]!.register.bank;
  const odd = registers.find(
    ({ register }) => !['word', 'dword', 'qword'].includes(register.bank) || register.bank !== bank,
  );
  if (odd) {
    const { name } = odd.register;
    throw new Mistake(
      odd.register.bank === 'byte' || BITS[odd.register.bank] === undefined
        ? `${name} cannot be part of an address: take ${long ? 'a register of 64 or 32 bits' : 'bx, bp, si, di or a register of 32 bits'}`
        : `registers of ${BITS[bank]} and of ${BITS[odd.register.bank]} bits cannot be added in an address: take both of one size`,
      column,
    );
  }
  const bits = BITS[bank] as 16 | 32 | 64;
  if (long && bits === 16)
    throw new Mistake('64-bit code has no addresses of 16 bits: take registers of 64 or 32 bits', column);
  const held = bits === 64 ? 32 : bits;
  if (operand.inside !== 0 && operand.inside !== 8 && operand.inside !== held)
    throw new Mistake(
      bits === 64
        ? 'the number added to registers has 8 or 32 bits: write byte, dword or nothing'
        : `the registers make this an address of ${bits} bits: write ${bits === 16 ? 'word' : 'dword'}, byte or nothing`,
      column,
    );
  return {
    bits,
    long,
    relative: false,
    displacement: value,
    ...(bits === 16 ? parts16(registers, column) : partsOf(registers, operand.nosplit, column)),
  };
}

function parts16(registers: readonly Term[], column: number): { base: number; index: number; scale: number } {
  const names = registers.map(({ register }) => register.name).sort();
  if (registers.some(({ factor }) => factor !== 1) || PAIRS_16[names.join('+')] === undefined) {
    throw new Mistake(
      'no address of 16 bits is made like this: it is [bx], [bp], [si], [di], [bx+si], [bx+di], [bp+si] or [bp+di], each with a number; others take registers of 32 bits',
      column,
    );
  }
  return { base: PAIRS_16[names.join('+')]!, index: -1, scale: 0 };
}

/** The register written first without a factor is the base, as in nasm; a factor of 2 that needs no displacement is a sum. */
function partsOf(
  registers: readonly Term[],
  nosplit: boolean,
  column: number,
): { base: number; index: number; scale: number } {
  const impossible = (): Mistake =>
    new Mistake(
      registers[0]!.register.bank === 'qword'
        ? 'no address of 64 bits is made like this: it is a base, an index times 1, 2, 4 or 8, or both, and rsp is no index'
        : 'no address of 32 bits is made like this: it is a base, an index times 1, 2, 4 or 8, or both, and esp is no index',
      column,
    );
  if (registers.length > 2) throw impossible();
  if (registers.length === 1) {
    const [
      {
        register: { number },
        factor,
        plain,
      },
    ] = registers as [Term];
    if (factor === 1 && !(nosplit && !plain)) return { base: number, index: -1, scale: 0 };
    if (number === ESP) throw impossible();
    if (factor === 3 || factor === 5 || factor === 9 || (factor === 2 && !nosplit))
      return { base: number, index: number, scale: Math.log2(factor - 1) };
    if (![1, 2, 4, 8].includes(factor)) throw impossible();
    return { base: -1, index: number, scale: Math.log2(factor) };
  }
  const [one, other] = registers as [Term, Term];
  let base = one.factor === 1 && (one.plain || other.factor !== 1 || !other.plain) ? one : other;
  let index = base === one ? other : one;
  if (index.register.number === ESP && index.factor === 1) [base, index] = [index, base];
  if (base.factor !== 1 || index.register.number === ESP || ![1, 2, 4, 8].includes(index.factor)) throw impossible();
  return { base: base.register.number, index: index.register.number, scale: Math.log2(index.factor) };
}

/** How a displacement is encoded: not at all, in a byte, or in full. */
export type Room = 'none' | 'byte' | 'full';

/** ModRM (without reg) and SIB bytes, and the width of the displacement in bytes; the fourth bits of registers are REX's. `room`: the least that holds the displacement. */
export function addressBytes(
  { bits, base, index, scale, long, relative }: Address,
  room: Room,
): { bytes: number[]; width: 0 | 1 | 2 | 4 } {
  const full = bits === 16 ? 2 : 4;
  const modes = { none: [0, 0], byte: [1, 1], full: [2, full] } as const;
  if (bits === 16) {
    if (base < 0) return { bytes: [6], width: full };
    const [mod, width] = modes[room === 'none' && base === PAIRS_16['bp'] ? 'byte' : room];
    return { bytes: [(mod << 6) | base], width };
  }
  if (base < 0) {
    if (index < 0) return { bytes: long && !relative ? [4, 0x25] : [5], width: full };
    return { bytes: [4, (scale << 6) | ((index & 7) << 3) | 5], width: full };
  }
  const low = base & 7;
  const [mod, width] = modes[room === 'none' && low === EBP ? 'byte' : room];
  if (index < 0 && low !== ESP) return { bytes: [(mod << 6) | low], width };
  return { bytes: [(mod << 6) | 4, (scale << 6) | ((index < 0 ? 4 : index & 7) << 3) | low], width };
}
