/**
 * What the instructions' descriptions (semantics.ts) are written against, and what all that turn them into JavaScript share. A description calls an
 * emitter's methods in the order in which the instruction does things; an emitter writes the text of one tier. Values are texts of expressions.
 *
 * Order, so that leaving half way leaves the instruction undone: reads, `slot` and `locate` come first, then `push` and writes to memory, then registers and flags.
 */
import { ALL, EXPLICIT, SUB } from '../architecture/flags.ts';
import { ECX, EDI, ESI } from '../architecture/registers.ts';

/** Text of an expression without side effects. */
export type Value = string;
/**
 * How an operand narrower than 32 bits is held: at the top of the word, or at the bottom zero- or sign-extended. `count`: the number of places of a
 * shift, 0 to 31; `bit`: the number of a bit of operand 0.
 */
export type Held = 'top' | 'zero' | 'sign' | 'count' | 'bit';
export type Size = 8 | 16 | 32 | 64;
/** `&` with a bit clears it. */
export type Bitwise = '&' | '|' | '^';

/** What an instruction did, for the flags (flags.ts): operands and result held at the top. Operands that the kind does not ask for may be left out. */
export interface Outcome {
  a?: Value;
  b?: Value;
  result: Value;
}

/** A function of ops/string.ts does several elements at once if it can; or ZF says after each whether REPE or REPNE ends. */
export type Repetition = 'copyElements' | 'fillElements' | 'whileEqual' | null;

export interface Emitter {
  /** Operand size; how far a value held at the top is shifted; of what width a value is then: 32, or 64 of a pair of words. */
  readonly bits: Size;
  readonly shift: number;
  readonly width: number;
  /** Number of explicit operands. */
  readonly operands: number;

  /** The value of an explicit operand. The name that represents it stays good until the instruction ends. */
  read(operand: number, held: Held): Value;
  /** Stores to an explicit operand: a value held at the top, or one whose high bits do not matter. */
  write(operand: number, value: Value, held?: 'top' | 'zero'): void;
  /** The read and write of memory are one access to others, with LOCK or without. */
  atomic(): void;
  /** The immediate as it is encoded; the selector in the segment register that the operand names. */
  immediate(): Value;
  selector(): Value;
  /** Effective address of the memory operand, without its segment. */
  address(): Value;
  /** A register by its encoding number, narrow ones zero-extended. */
  register(register: number, bits: Size): Value;
  setRegister(register: number, bits: Size, value: Value): void;
  /** CX or ECX by address size; that less one; a new value for it. */
  counter(): Value;
  countedDown(): Value;
  setCounter(value: Value): void;

  sum(a: Value, b: Value, carry?: Value): Value;
  difference(a: Value, b: Value, borrow?: Value): Value;
  bitwise(operator: Bitwise, a: Value, b: Value): Value;
  complement(a: Value): Value;
  /** Shifted by 1 to 31 places (63 of 64 bits); rotated by 0 to one less than its size. */
  shifted(operator: '<<' | '>>' | '>>>', a: Value, n: Value): Value;
  rotated(left: boolean, a: Value, n: Value): Value;
  /** What begins at bit `n`, as one word; that bit set, cleared or inverted; the number of the lowest or highest that is set. */
  from(a: Value, n: Value | number, operator?: '>>' | '>>>'): Value;
  withBit(operator: Bitwise, a: Value, n: Value): Value;
  bitNumber(which: 'lowest' | 'highest', a: Value): Value;
  /** The bytes in reverse. */
  reversed(a: Value): Value;
  /** The low half of a product, its high half, and CF and OF of a signed one that was cut to its low half `r`. */
  product(a: Value, b: Value): Value;
  productHigh(a: Value, b: Value, signed: boolean): Value;
  productFlags(a: Value, b: Value, r: Value): Value;
  /** A value of fewer bits as one of the operand's size; the sign in all bits. */
  signExtended(a: Value, bits: Size): Value;
  signs(a: Value): Value;
  /** Conditions. */
  isZero(a: Value): Value;
  isNotZero(a: Value): Value;
  differ(a: Value, b: Value): Value;

  /** Keeps the result, or another value, under a name. */
  result(value: Value): Value;
  keep(value: Value): Value;
  /** A value that was read, cut to some of its bits. */
  mask(value: Value, mask: number): Value;
  /** The instruction ends here, without effect, if so. */
  skipIf(condition: Value): void;
  /** Writes to registers under a condition. */
  when(condition: Value, then: () => void): void;
  /** A condition as 0 or 1; the first operand becomes a value under a condition. */
  truth(condition: Value): Value;
  choose(condition: Value, value: Value): void;

  flags(kind: number, outcome: Outcome): void;
  /** Replaces those of CF and OF that `mask` names; the other flags stay. */
  changeFlags(mask: number, value: Value): void;
  /** CF as 0 or 1. */
  carry(): Value;
  /** Condition code of Jcc, which each form has for itself. */
  readonly cc: number;
  /** Truth of a condition code; without one of that of SETcc and CMOVcc, which the forms of all codes share. */
  condition(cc?: number): Value;

  /** What lies at the top of the stack, or where another register points in the stack's segment. */
  top(pointer?: number): Value;
  /** Removes what `top` read and as many more bytes: the pointer after it goes to ESP. */
  drop(more?: Value): void;
  /** Makes sure that one value can be pushed. */
  slot(): void;
  /** Pushes it: to the slot. `bits`: as much of the slot as is written, from its low end. */
  push(value: Value, bits?: Size): void;

  /** Makes sure that a branch can go to an EIP; without one: to where a direct branch leads. */
  locate(eip?: Value): void;
  /** Goes there. */
  go(): void;
  /** A direct branch if so. `effects` are registers that change whether it is taken or not. */
  branch(condition: Value, effects?: () => void): void;
  /** EIP of the next instruction. */
  returnAddress(): Value;

  /** The element of a string at ESI in the source's segment, or at EDI in ES; and a store to the latter. */
  source(how?: 'top' | 'zero'): Value;
  destination(how?: 'top' | 'zero'): Value;
  storeElement(value: Value): void;
  /** Moves ESI or EDI on by one element, as DF says. */
  advance(pointer: number): void;
  /** How REP repeats it, if not one by one. */
  repeats(how: Repetition): void;
}

export type Description = (e: Emitter) => void;

/** What a description asks for: found by running it once. */
export interface Uses {
  reads: Set<number>;
  writes: Set<number>;
  /** Registers that it sets whatever its operands, with the size of what it sets. */
  sets: (readonly [register: number, bits: Size])[];
  /** Explicit operands, from the first to the last one asked for. */
  operands: number;
  atomic: boolean;
  selector: boolean;
  address: boolean;
  counter: boolean;
  bitOffset: boolean;
  flags: boolean;
  /** The form has a condition code of its own; or the record says which. */
  cc: boolean;
  condition: boolean;
  stack: boolean;
  drops: boolean;
  pushes: boolean;
  /** Branches: where the record says, or where a value says; with a return address. */
  direct: boolean;
  indirect: boolean;
  returns: boolean;
  string: boolean;
}

/** One description in one variant of operands: what has op numbers of its own. */
export interface Form {
  name: string;
  op: string;
  bits: Size;
  /** Where each operand is: r register, m memory, i immediate, c CL. */
  places: string;
  /** Size of operand 1. */
  bits1: Size;
  cc: number;
  uses: Uses;
}

/** The operand in memory, and how it is accessed. */
export function memoryOf({ places, bits, bits1, uses }: Form): { bits: Size; reads: boolean; writes: boolean } | null {
  const at = places.indexOf('m');
  return at < 0 ? null : { bits: at === 1 ? bits1 : bits, reads: uses.reads.has(at), writes: uses.writes.has(at) };
}

/** The view of memory with cells of this many bits, and how far a byte's number is shifted to be a cell's. */
export const memoryArray = (bits: Size): string => (bits === 32 ? 'M4' : bits === 16 ? 'M2' : 'M1');
export const cellShift = (bits: Size): number => bits >> 4;

/** A register of the state as text. Byte registers are AL CL DL BL AH CH DH BH. */
export const registerText = (n: number, bits: Size): string =>
  bits === 32 ? `R[${n}]` : bits === 16 ? `R16[${n * 2}]` : `R8[${(n & 3) * 4 + (n >> 2)}]`;

/** A zero-extended value (32 bits: signed) as it is to be held. */
function held(text: Value, bits: Size, how: Held): Value {
  if (how === 'count') return `${text} & 31`;
  if (how === 'bit') return `${text} & ${bits - 1}`;
  if (bits === 32 || how === 'zero') return text;
  return how === 'top' ? `${text} << ${32 - bits}` : `${text} << ${32 - bits} >> ${32 - bits}`;
}

/** Texts of the four words of the lazy flags. */
export interface FlagWords {
  k: Value;
  a: Value;
  b: Value;
  r: Value;
}

/** What the tiers' emitters have in common: operands become the names a, b and c, the result r, another value t. */
export abstract class TextEmitter implements Emitter {
  protected text = '';
  /** The text has led elsewhere. */
  protected ended = false;
  readonly form: Form;
  protected readonly flagWords: FlagWords;
  constructor(form: Form, flagWords: FlagWords) {
    this.form = form;
    this.flagWords = flagWords;
  }

  get bits(): Size {
    return this.form.bits;
  }
  get shift(): number {
    return 32 - this.form.bits;
  }
  get width(): number {
    return 32;
  }
  get operands(): number {
    return this.form.places.length;
  }
  get cc(): number {
    return this.form.cc;
  }
  protected get bytes(): number {
    return this.form.bits / 8;
  }

  /** Names that the text gave values to. */
  protected readonly names = new Set<string>();
  protected let(name: string, value: Value): Value {
    this.names.add(name);
    this.say(`${name} = ${value};`);
    return name;
  }
  /** Adds a statement. */
  protected say(statement: string): void {
    this.text += `${statement} `;
  }
  /** Adds one that changes registers or flags. */
  protected effect(statement: string): void {
    this.say(statement);
  }

  /** The register that an explicit operand names, to be read or assigned to. */
  protected abstract operandRegister(operand: number, bits: Size): Value;
  /** The operand in memory, once it was found, and a store to it. */
  protected abstract load(): Value;
  protected abstract store(value: Value): void;

  private operandBits(operand: number): Size {
    return operand === 1 ? this.form.bits1 : this.form.bits;
  }

  read(operand: number, how: Held): Value {
    const name = 'abc'[operand]!,
      bits = this.operandBits(operand),
      place = this.form.places[operand];
    let value: Value;
    if (place === 'i')
      value =
        how === 'zero' && bits < 32 ? `${this.immediate()} & ${(1 << bits) - 1}` : held(this.immediate(), bits, how);
    else
      value = held(
        place === 'c' ? this.register(ECX, 8) : place === 'm' ? this.load() : this.operandRegister(operand, bits),
        bits,
        how,
      );
    return this.let(name, value);
  }
  write(operand: number, value: Value, how: 'top' | 'zero' = 'zero'): void {
    const text = how === 'top' && this.shift !== 0 ? `${value} >>> ${this.shift}` : value;
    if (this.form.places[operand] === 'm') this.store(text);
    else this.effect(`${this.operandRegister(operand, this.operandBits(operand))} = ${text};`);
  }
  atomic(): void {}
  abstract immediate(): Value;
  abstract selector(): Value;
  abstract address(): Value;
  register(register: number, bits: Size): Value {
    return registerText(register, bits);
  }
  setRegister(register: number, bits: Size, value: Value): void {
    this.effect(`${this.register(register, bits)} = ${value};`);
  }
  abstract counter(): Value;
  abstract countedDown(): Value;
  abstract setCounter(value: Value): void;

  sum(a: Value, b: Value, carry?: Value): Value {
    return `(${a} + ${b}${carry === undefined ? '' : ` + ${carry}`}) | 0`;
  }
  difference(a: Value, b: Value, borrow?: Value): Value {
    return `(${a} - ${b}${borrow === undefined ? '' : ` - ${borrow}`}) | 0`;
  }
  bitwise(operator: Bitwise, a: Value, b: Value): Value {
    return `${a} ${operator} ${b}`;
  }
  complement(a: Value): Value {
    return `~${a}`;
  }
  shifted(operator: '<<' | '>>' | '>>>', a: Value, n: Value): Value {
    return `${a} ${operator} ${n}${operator === '>>>' ? ' | 0' : ''}`;
  }
  rotated(left: boolean, a: Value, n: Value): Value {
    const [there, back] = left ? ['<<', '>>>'] : ['>>>', '<<'];
    return `${a} ${there} ${n} | ${a} ${back} (${this.bits} - ${n} & 31)`;
  }
  from(a: Value, n: Value | number, operator: '>>' | '>>>' = '>>>'): Value {
    return `${a} ${operator} ${n}`;
  }
  withBit(operator: Bitwise, a: Value, n: Value): Value {
    return operator === '&' ? `${a} & ~(1 << ${n})` : `${a} ${operator} 1 << ${n}`;
  }
  bitNumber(which: 'lowest' | 'highest', a: Value): Value {
    return `31 - Math.clz32(${which === 'lowest' ? `${a} & -${a}` : a})`;
  }
  reversed(a: Value): Value {
    return `${a} << 24 | (${a} & 65280) << 8 | ${a} >>> 8 & 65280 | ${a} >>> 24`;
  }
  product(a: Value, b: Value): Value {
    return `Math.imul(${a}, ${b})`;
  }
  productHigh(a: Value, b: Value, signed: boolean): Value {
    return signed
      ? `(multiplyHigh(${a}, ${b}) - (${a} < 0 ? ${b} : 0) - (${b} < 0 ? ${a} : 0)) | 0`
      : `multiplyHigh(${a}, ${b})`;
  }
  productFlags(a: Value, b: Value, r: Value): Value {
    return `productFlags(${a}, ${b}, ${r})`;
  }
  signExtended(a: Value, bits: Size): Value {
    return `${a} << ${32 - bits} >> ${32 - bits}`;
  }
  signs(a: Value): Value {
    return `${a} >> 31`;
  }
  isZero(a: Value): Value {
    return `${a} === 0`;
  }
  isNotZero(a: Value): Value {
    return `${a} !== 0`;
  }
  differ(a: Value, b: Value): Value {
    return `${a} !== ${b}`;
  }

  result(value: Value): Value {
    return this.let('r', value);
  }
  keep(value: Value): Value {
    return this.let('t', value);
  }
  mask(value: Value, mask: number): Value {
    if (mask !== 31) this.say(`${value} &= ${mask};`);
    return value;
  }
  abstract skipIf(condition: Value): void;
  when(condition: Value, then: () => void): void {
    this.effect(`if (${condition}) {`);
    then();
    this.effect('}');
  }
  truth(condition: Value): Value {
    return `${condition} ? 1 : 0`;
  }
  choose(condition: Value, value: Value): void {
    this.when(condition, () => this.write(0, value));
  }

  protected kindWord(kind: number): number {
    return kind | (this.shift << 4);
  }
  flags(kind: number, { a, b, result }: Outcome): void {
    const f = this.flagWords;
    this.effect(
      `${f.k} = ${this.kindWord(kind)};${a === undefined ? '' : ` ${f.a} = ${a};`}${b === undefined ? '' : ` ${f.b} = ${b};`} ${f.r} = ${result};`,
    );
  }
  changeFlags(mask: number, value: Value): void {
    const { k, a, b, r } = this.flagWords;
    this.effect(
      `if (${k} !== ${ALL} && (${k} & 15) !== ${EXPLICIT}) { ${b} = arithmetic(${k}, ${a}, ${b}, ${r}); ${k} = ${k} & -16 | ${EXPLICIT}; } ${b} = ${b} & ${~mask} | ${value};`,
    );
  }
  carry(): Value {
    const { k, a, b, r } = this.flagWords;
    return `carry(${k}, ${a}, ${b}, ${r})`;
  }
  /** The common kinds inline, the rest by a call. */
  condition(cc?: number): Value {
    const { k, a, b, r } = this.flagWords;
    const call = `condition(${cc ?? this.conditionCode()}, ${k}, ${a}, ${b}, ${r})`;
    if (cc === undefined) return call;
    const inverted = (cc & 1) === 1;
    const compared = (yes: Value, no: Value) => `((${k} & 15) === ${SUB} ? ${inverted ? no : yes} : ${call})`;
    switch (cc >> 1) {
      case 1:
        return compared(`${a} >>> 0 < ${b} >>> 0`, `${a} >>> 0 >= ${b} >>> 0`);
      case 2:
        return `${r} ${inverted ? '!==' : '==='} 0`;
      case 3:
        return compared(`${a} >>> 0 <= ${b} >>> 0`, `${a} >>> 0 > ${b} >>> 0`);
      case 4:
        return `(${k} !== ${ALL} ? ${inverted ? `${r} >= 0` : `${r} < 0`} : ${call})`;
      case 6:
        return compared(`${a} < ${b}`, `${a} >= ${b}`);
      case 7:
        return compared(`${a} <= ${b}`, `${a} > ${b}`);
      default:
        return call;
    }
  }
  /** Text of the condition code that the forms of all codes find in their record. */
  protected abstract conditionCode(): Value;

  abstract top(pointer?: number): Value;
  abstract drop(more?: Value): void;
  abstract slot(): void;
  abstract push(value: Value, bits?: Size): void;
  abstract locate(eip?: Value): void;
  abstract go(): void;
  abstract branch(condition: Value, effects?: () => void): void;
  abstract returnAddress(): Value;
  source(how: Held = 'zero'): Value {
    return this.let('a', held(this.loadElement(ESI), this.bits, how));
  }
  destination(how: Held = 'zero'): Value {
    return this.let('b', held(this.loadElement(EDI), this.bits, how));
  }
  /** The element of a string at ESI or EDI. */
  protected abstract loadElement(pointer: number): Value;
  abstract storeElement(value: Value): void;
  abstract advance(pointer: number): void;
  repeats(_how: Repetition): void {}

  /** The whole text, once the description has run. */
  abstract finish(): string;
}
