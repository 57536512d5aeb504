/**
 * General functions of 64-bit code, for operands of all sizes. A value of 64 bits is a pair of words: its text is that of the low half, and each text is known
 * with that of its high half; the high half of the name `a` is `ah`. What is narrower is as in other code, but that writes of 32 bits clear the high half.
 */
import { ALL, DF, EXPLICIT, INC, DEC, LOGIC } from '../architecture/flags.ts';
import { LONG_KINDS } from '../architecture/long-flags.ts';
import { ECX, EDI, EFLAGS, ES, ESI, ESP, FA, FB, FK, FR, HIGH, SS } from '../architecture/registers.ts';
import { META_ADDRESS32, META_SEGMENT } from '../record.ts';
import { S_HIGH } from '../scratch.ts';
import {
  type Bitwise,
  type Held,
  memoryOf,
  type Outcome,
  registerText,
  type Repetition,
  type Size,
  type Value,
} from './emitter.ts';
import { GeneralEmitter } from './general.ts';
import { record } from './record.ts';

/** Functions of src/cpu/ops/long.ts that the texts call. */
export const LONG_FUNCTIONS = [
  'advanceLong',
  'copyLong',
  'fillLong',
  'branchLong',
  'checkLongBranch',
  'checkRip',
  'goToRip',
  'multiplyLong',
  'nextRip',
  'pairOf',
  'product',
  'repeatLong',
];

const SHORT = `(${record.meta} & ${META_ADDRESS32}) !== 0`;
const HIGH_WORD = `S[${S_HIGH}]`;

export class LongEmitter extends GeneralEmitter {
  /** Texts of high halves. */
  private readonly highs = new Map<Value, Value>();
  protected storedHigh: Value = '';
  private checked = '';
  private targetPair: Value | null = null;

  override get shift(): number {
    return this.form.bits === 64 ? 0 : super.shift;
  }
  override get width(): number {
    return this.form.bits === 64 ? 64 : 32;
  }

  protected pair(low: Value, high: Value): Value {
    this.highs.set(low, high);
    return low;
  }
  protected high(value: Value): Value {
    const high = this.highs.get(value);
    if (high !== undefined) return high;
    if (/^\d+$/.test(value)) return '0';
    throw new Error(`${this.form.name}: no high half of ${value}`);
  }
  private isPair(value: Value): boolean {
    return this.highs.has(value);
  }
  protected override let(name: string, value: Value): Value {
    const high = this.highs.get(value);
    if (value !== name) super.let(name, value);
    if (high === undefined) this.highs.delete(name);
    else {
      if (high !== `${name}h`) super.let(`${name}h`, high);
      this.pair(name, `${name}h`);
    }
    return name;
  }
  /** The result, computed by a statement. */
  protected computed(statement: string): Value {
    this.names.add('r').add('rh');
    this.say(statement);
    return this.pair('r', 'rh');
  }

  // ---- operands ----

  private sizeOf(operand: number): Size {
    return operand === 1 ? this.form.bits1 : this.form.bits;
  }
  protected override operandRegister(operand: number, bits: Size): Value {
    if (bits !== 64) return super.operandRegister(operand, bits);
    const n = operand === 0 ? record.dst : record.src;
    return this.pair(`R[${n}]`, `R[${n} + ${HIGH}]`);
  }
  override read(operand: number, how: Held): Value {
    const bits = this.sizeOf(operand),
      name = 'abc'[operand]!,
      place = this.form.places[operand];
    if (how === 'count' && this.form.bits === 64)
      return this.let(name, `${place === 'c' ? registerText(ECX, 8) : record.imm} & 63`);
    if (how === 'bit' && bits === 64)
      return this.let(name, `${place === 'i' ? record.imm : this.operandRegister(operand, 64)} & 63`);
    if (bits === 64) {
      if (place !== 'i') return this.let(name, place === 'm' ? this.load() : this.operandRegister(operand, 64));
      return this.let(
        name,
        this.pair(record.imm, this.form.places.includes('m') ? `${record.imm} >> 31` : record.disp),
      );
    }
    super.read(operand, how);
    if (this.form.bits === 64) {
      this.say(`${name}h = ${how === 'sign' ? `${name} >> 31` : '0'};`);
      this.names.add(`${name}h`);
      this.pair(name, `${name}h`);
    }
    return name;
  }
  override write(operand: number, value: Value, how: 'top' | 'zero' = 'zero'): void {
    const bits = this.sizeOf(operand);
    if (bits < 32) return super.write(operand, value, how);
    if (this.form.places[operand] === 'm') {
      if (bits === 64) this.storedHigh = this.high(value);
      this.store(value);
      return;
    }
    const register = this.operandRegister(operand, 32);
    this.effect(`${register} = ${value};`);
    this.effect(`${this.highWord(register)} = ${bits === 64 ? this.high(value) : '0'};`);
  }
  /** R[…] of a high half. */
  protected highWord(register: Value): Value {
    return `${register.slice(0, -1)} + ${HIGH}]`;
  }
  override immediate(): Value {
    return record.imm;
  }
  protected override load(): Value {
    const { bits, writes } = memoryOf(this.form)!;
    if (bits !== 64) return super.load();
    if (writes) return this.pair('value', 'valueh');
    this.say(this.reach(this.let('at', 'addressing.address(p, 8, false)'), false));
    return this.pair('memory.read64(at)', HIGH_WORD);
  }
  override register(register: number, bits: Size): Value {
    return bits === 64
      ? this.pair(registerText(register, 32), registerText(register + HIGH, 32))
      : super.register(register, bits);
  }
  override setRegister(register: number, bits: Size, value: Value): void {
    if (bits < 32) return super.setRegister(register, bits, value);
    this.effect(`${registerText(register, 32)} = ${value};`);
    this.effect(`${registerText(register + HIGH, 32)} = ${bits === 64 ? this.high(value) : '0'};`);
  }
  override address(): Value {
    return this.pair('addressing.offset(p)', HIGH_WORD);
  }

  override counter(): Value {
    return this.pair(registerText(ECX, 32), `(${SHORT} ? 0 : ${registerText(ECX + HIGH, 32)})`);
  }
  override countedDown(): Value {
    const low = registerText(ECX, 32),
      high = registerText(ECX + HIGH, 32);
    return this.computed(`r = (${low} - 1) | 0; rh = ${SHORT} ? 0 : (${high} - (${low} === 0 ? 1 : 0)) | 0;`);
  }
  override setCounter(value: Value): void {
    this.effect(`${registerText(ECX, 32)} = ${value}; ${registerText(ECX + HIGH, 32)} = ${this.high(value)};`);
  }

  // ---- values ----

  override sum(a: Value, b: Value, carry?: Value): Value {
    if (this.form.bits !== 64) return super.sum(a, b, carry);
    const out = carry === undefined ? `r >>> 0 < ${a} >>> 0 | 0` : `((${a} & ${b}) | ((${a} | ${b}) & ~r)) >>> 31`;
    return this.computed(`r = ${super.sum(a, b, carry)}; rh = (${this.high(a)} + ${this.high(b)} + (${out})) | 0;`);
  }
  override difference(a: Value, b: Value, borrow?: Value): Value {
    if (this.form.bits !== 64) return super.difference(a, b, borrow);
    const out = borrow === undefined ? `${a} >>> 0 < ${b} >>> 0 | 0` : `((~${a} & ${b}) | ((~${a} | ${b}) & r)) >>> 31`;
    return this.computed(
      `r = ${super.difference(a, b, borrow)}; rh = (${this.high(a)} - ${this.high(b)} - (${out})) | 0;`,
    );
  }
  override bitwise(operator: Bitwise, a: Value, b: Value): Value {
    const text = super.bitwise(operator, a, b);
    return this.form.bits === 64 ? this.pair(text, super.bitwise(operator, this.high(a), this.high(b))) : text;
  }
  override complement(a: Value): Value {
    const text = super.complement(a);
    return this.form.bits === 64 ? this.pair(text, super.complement(this.high(a))) : text;
  }
  override shifted(operator: '<<' | '>>' | '>>>', a: Value, n: Value): Value {
    if (this.form.bits !== 64) return super.shifted(operator, a, n);
    const ah = this.high(a);
    if (operator === '<<')
      return this.computed(
        `if (${n} & 32) { rh = ${a} << ${n}; r = 0; } else { rh = ${ah} << ${n} | ${a} >>> (32 - ${n}); r = ${a} << ${n}; }`,
      );
    const fill = operator === '>>' ? `${ah} >> 31` : '0';
    return this.computed(
      `if (${n} & 32) { r = ${ah} ${operator} ${n} | 0; rh = ${fill}; } else { r = ${a} >>> ${n} | ${ah} << (32 - ${n}); rh = ${ah} ${operator} ${n} | 0; }`,
    );
  }
  override rotated(left: boolean, a: Value, n: Value): Value {
    if (this.form.bits !== 64) return super.rotated(left, a, n);
    const places = left ? n : `-${n}`,
      ah = this.high(a);
    this.say(`c = ${places}; const x = c & 32 ? ${ah} : ${a}, y = c & 32 ? ${a} : ${ah};`);
    this.names.add('c');
    return this.computed('r = x << c | y >>> 1 >>> ~c; rh = y << c | x >>> 1 >>> ~c;');
  }
  override from(a: Value, n: Value | number, operator: '>>' | '>>>' = '>>>'): Value {
    if (this.form.bits !== 64) return super.from(a, n, operator);
    return `(${n} & 32 ? ${this.high(a)} : ${a}) ${operator} ${n}`;
  }
  override withBit(operator: Bitwise, a: Value, n: Value): Value {
    const text = super.withBit(operator, a, n);
    if (this.form.bits !== 64) return text;
    const ah = this.high(a);
    return this.pair(`${n} & 32 ? ${a} : ${text}`, `${n} & 32 ? ${super.withBit(operator, ah, n)} : ${ah}`);
  }
  override bitNumber(which: 'lowest' | 'highest', a: Value): Value {
    const low = super.bitNumber(which, a);
    if (this.form.bits !== 64) return low;
    const ah = this.high(a),
      high = super.bitNumber(which, ah);
    return this.pair(
      which === 'lowest' ? `${a} !== 0 ? ${low} : 32 + ${high}` : `${ah} !== 0 ? 32 + ${high} : ${low}`,
      '0',
    );
  }
  override reversed(a: Value): Value {
    return this.form.bits === 64 ? this.pair(super.reversed(this.high(a)), super.reversed(a)) : super.reversed(a);
  }
  override product(a: Value, b: Value): Value {
    if (this.form.bits !== 64) return super.product(a, b);
    // Of one operand the high half was asked for before.
    if (this.operands > 1) this.multiplied(a, b, true);
    return this.pair('product[0]', 'product[1]');
  }
  override productHigh(a: Value, b: Value, signed: boolean): Value {
    if (this.form.bits !== 64) return super.productHigh(a, b, signed);
    this.multiplied(a, b, signed);
    return this.pair('product[2]', 'product[3]');
  }
  private multiplied(a: Value, b: Value, signed: boolean): void {
    this.say(`multiplyLong(${a}, ${this.high(a)}, ${b}, ${this.high(b)}, ${signed});`);
  }
  override productFlags(a: Value, b: Value, r: Value): Value {
    if (this.form.bits !== 64) return super.productFlags(a, b, r);
    return '(product[2] !== product[1] >> 31 || product[3] !== product[2] ? 2049 : 0)';
  }
  override signExtended(a: Value, bits: Size): Value {
    return this.form.bits === 64 ? this.pair(a, `${a} >> 31`) : super.signExtended(a, bits);
  }
  override signs(a: Value): Value {
    if (this.form.bits !== 64) return super.signs(a);
    const text = super.signs(this.high(a));
    return this.pair(text, text);
  }
  override isZero(a: Value): Value {
    return this.isPair(a) ? `(${a} | ${this.high(a)}) === 0` : super.isZero(a);
  }
  override isNotZero(a: Value): Value {
    return this.isPair(a) ? `(${a} | ${this.high(a)}) !== 0` : super.isNotZero(a);
  }
  override differ(a: Value, b: Value): Value {
    const text = super.differ(a, b);
    return this.form.bits === 64 ? `(${text} || ${this.high(a)} !== ${this.high(b)})` : text;
  }

  // ---- flags ----

  override flags(kind: number, outcome: Outcome): void {
    if (this.form.bits !== 64) return super.flags(kind, outcome);
    const { a, b, result } = outcome,
      high = this.high(result);
    if (kind === EXPLICIT) {
      this.effect(
        `R[${FB}] = (${b}) | resultFlags(${result}, ${high}); R[${FK}] = ${ALL}; R[${FR}] = ${result} | ${high};`,
      );
      return;
    }
    this.effect(`R[${FK}] = ${LONG_KINDS[kind]};`);
    if (kind === INC || kind === DEC) this.effect(`R[${FA}] = ${high}; R[${FB}] = ${b};`);
    else if (kind !== LOGIC)
      this.effect(
        `R[${FA}] = ${this.high(a!)}; R[${FA + HIGH}] = ${a}; R[${FB}] = ${this.high(b!)}; R[${FB + HIGH}] = ${b};`,
      );
    this.effect(`R[${FR + HIGH}] = ${result}; R[${FR}] = ${high} | (${result} | -${result}) >>> 31;`);
  }
  override changeFlags(mask: number, value: Value): void {
    this.effect(`cpu.setFlags(cpu.getFlags() & ${~mask} | ${value});`);
  }
  override carry(): Value {
    return 'carryOf(R)';
  }
  protected override conditionCode(): Value {
    return `${record.imm} & 15`;
  }
  override condition(cc?: number): Value {
    return `conditionOf(R, ${cc ?? this.conditionCode()})`;
  }
  /** A register of 32 bits loses its high half whether it gets the value or not. */
  override choose(condition: Value, value: Value): void {
    if (this.form.bits === 32) this.effect(`${this.highWord(this.operandRegister(0, 32))} = 0;`);
    super.choose(condition, value);
  }

  // ---- stack and branches ----

  override top(pointer = ESP): Value {
    if (pointer === ESP) {
      const value = super.top();
      if (this.bits !== 64) return value;
      this.names.add('th');
      this.say(`th = ${HIGH_WORD};`);
      return this.pair('t', 'th');
    }
    this.pointer = pointer;
    const at = this.let(
      'at',
      `addressing.long(${SS}, ${registerText(pointer, 32)}, ${registerText(pointer + HIGH, 32)}, ${this.bytes})`,
    );
    this.reachSlot(at, false);
    return this.keep(this.pair(`memory.read${this.bits}(at)`, HIGH_WORD));
  }
  override drop(more?: Value): void {
    if (this.pointer !== ESP) {
      this.effect(
        `${registerText(ESP, 32)} = ${registerText(this.pointer, 32)}; ${registerText(ESP + HIGH, 32)} = ${registerText(this.pointer + HIGH, 32)};`,
      );
    }
    this.effect(`stack.move(${this.bytes}${more === undefined ? '' : ` + ${more}`});`);
  }
  override skipIf(condition: Value): void {
    // A shift by 0 places clears the high half of a register of 32 bits all the same.
    const clears = this.form.bits === 32 && this.form.places[0] === 'r';
    this.say(
      `if (${condition}) ${clears ? `{ ${this.highWord(this.operandRegister(0, 32))} = 0; return; }` : 'return;'}`,
    );
  }
  override push(value: Value, bits = this.bits): void {
    if (this.bits !== 64) return super.push(value, bits);
    if (bits !== 64) return this.push(this.pair(value, '0'));
    if (this.form.uses.returns) {
      // The return address lies in memory already where the target is not canonical (Intel, seen).
      this.reachStack(-8, true, 64);
      this.say(`memory.write64(stack.at(-8, 8, true), ${value}, ${this.high(value)}); ${this.checked} stack.move(-8);`);
      return;
    }
    this.reachStack(-8, true, 64);
    this.say(`stack.push64(${value}, ${this.high(value)});`);
  }
  override locate(eip?: Value): void {
    this.targetPair = eip ?? null;
    this.checked = eip === undefined ? 'checkLongBranch(cpu, p);' : `checkRip(cpu, ${eip}, ${this.high(eip)});`;
    if (!this.form.uses.returns) this.say(this.checked);
  }
  override go(): void {
    const to = this.targetPair;
    this.effect(to === null ? 'branchLong(cpu, p);' : `goToRip(cpu, ${to}, ${this.high(to)});`);
  }
  override branch(condition: Value, effects?: () => void): void {
    this.say(`if (${condition}) branchLong(cpu, p);`);
    effects?.();
  }
  override returnAddress(): Value {
    return this.pair('nextRip(cpu, p)', HIGH_WORD);
  }

  // ---- strings ----

  private elementAt(pointer: number): Value {
    const segment = pointer === EDI ? ES : `(${record.meta} >>> ${META_SEGMENT}) & 7`;
    return `addressing.long(${segment}, ${registerText(pointer, 32)}, ${SHORT} ? 0 : ${registerText(pointer + HIGH, 32)}, ${this.bytes})`;
  }
  protected override loadElement(pointer: number): Value {
    const text = `memory.read${this.bits}(${this.elementAt(pointer)})`;
    return this.bits === 64 ? this.pair(text, HIGH_WORD) : text;
  }
  override source(how: Held = 'zero'): Value {
    return this.bits === 64 ? this.let('a', this.loadElement(6)) : super.source(how);
  }
  override destination(how: Held = 'zero'): Value {
    return this.bits === 64 ? this.let('b', this.loadElement(EDI)) : super.destination(how);
  }
  override storeElement(value: Value): void {
    const high = this.bits === 64 ? `, ${this.high(value)}` : '';
    this.say(`memory.write${this.bits}(${this.elementAt(EDI)}, ${value}${high});`);
  }
  override advance(pointer: number): void {
    this.effect(
      `advanceLong(cpu, ${pointer}, (R[${EFLAGS}] & ${DF}) !== 0 ? -${this.bytes} : ${this.bytes}, ${SHORT});`,
    );
  }
  /** MOVS and STOS with a count of 0 in ECX clear the high halves of their pointers, too (Intel, seen). */
  protected override repeated(body: string, how: Repetition): string {
    const pointers = how === 'copyElements' ? [ESI, EDI] : how === 'fillElements' ? [EDI] : [];
    const bulk = how === 'copyElements' ? 'copyLong' : how === 'fillElements' ? 'fillLong' : 'null';
    return `repeatLong(cpu, p, ${this.bytes}, () => { ${body}}, ${bulk}, ${how === 'whileEqual'}, [${pointers}]); `;
  }

  // ---- the operand in memory ----

  protected override writing(at: Value): string {
    return memoryOf(this.form)!.bits === 64
      ? `memory.write64(${at}, ${this.stored}, ${this.storedHigh}); `
      : super.writing(at);
  }
  protected override undone(body: string): string {
    const esp = registerText(ESP, 32),
      high = registerText(ESP + HIGH, 32);
    return `const before = ${esp}, beforeHigh = ${high}; ${body} catch (thrown) { ${esp} = before; ${high} = beforeHigh; throw thrown; }`;
  }
  protected override modified(locked: Value): string {
    if (memoryOf(this.form)!.bits !== 64) return super.modified(locked);
    return (
      'let value = 0, valueh = 0, at = -1; ' +
      `if (${locked} && (at = memory.hostAtomic(linear, 8)) >= 0) { const cell = at >>> 3; ` +
      `for (;;) { const found = Atomics.load(M8, cell); value = Number(BigInt.asIntN(32, found)); valueh = Number(found >> 32n); ${this.text}` +
      `if (Atomics.compareExchange(M8, cell, found, pairOf(${this.stored}, ${this.storedHigh})) === found) break; } } ` +
      `else { memory.probeWrite(linear, 8); value = memory.read64(linear); valueh = ${HIGH_WORD}; ${this.text}${this.writing('linear')}} `
    );
  }
}
