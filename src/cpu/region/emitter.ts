/** What expands one instruction's description (gen/semantics.ts) in a region of flat 32-bit code: registers and flags are locals. */
import { ADC, ADD, ALL, CF, DEC, DF, EXPLICIT, INC, LOGIC, OF, SBB, SUB } from '../architecture/flags.ts';
import {
  ECX,
  EDI,
  EFLAGS,
  ESP,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_SELECTOR,
  SEG_WORDS,
} from '../architecture/registers.ts';
import { cellShift, memoryArray, memoryOf, type Outcome, type Size, TextEmitter, type Value } from '../gen/emitter.ts';
import { semantics } from '../gen/semantics.ts';
import { PLAIN, PLAIN_MASK } from '../mode.ts';
import { isBasedOperand, operandRegister } from '../table/operands.ts';
import type { Instruction } from './region.ts';
import { miss, number } from './text.ts';
import { addressText } from './units.ts';
import type { Reached } from './windows.ts';

/** By number. */
export const SEGMENT_NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];

/** Results of sums and differences are not kept: the operands are there, and each local that lives round a loop takes a register of the host's. */
export const OUTCOME = 'outcome(fk, fa, fb, fr)';

/**
 * Rotations change CF and OF alone, and what is not read after them costs nothing: the two bits are kept in a local of their own, `fo`, and are put to the
 * others where somebody reads flags. -1: there is nothing to put.
 */
const ROTATED = CF | OF;
export const UNCHANGED = ' fo = -1;';
const SETTLE = `if (fo >= 0) { fr = ${OUTCOME}; fb = withChange(fk, fa, fb, fr, fo); fk = kindWithChange(fk, fo);${UNCHANGED} }`;
export const ROTATIONS = new Set(['rol', 'ror']);
/** INC and DEC read CF for the flags alone. */
const STEPS = new Set(['inc', 'dec']);

/** A conditional branch's two ways: text for the offset that it leads to. */
export type Way = (offset: number) => string;

/**
 * Leaves the region with the instruction at `offset` not begun: it and the rest of the block, `refund` instructions, are given back. Constants alone: what V8
 * has not seen run it does not compile, and its first run would throw the whole function back to bytecode.
 */
export const leaving =
  (offset: number, refund: number) =>
  (condition: Value): string =>
    `if (${condition}) { ip = ${number(offset)}; m = ${refund}; break out; }`;

export class RegionEmitter extends TextEmitter {
  protected readonly at: Instruction;
  private readonly refund: number;
  protected readonly way: Way;
  private readonly reached: Reached;
  private readonly live: boolean;
  protected readonly targets: readonly number[];
  private readonly rotates: boolean;
  /** Kind of the flags if the block has set them; -1: not known. */
  kind: number;
  private conditional = false;
  private inside = false;
  protected goes: Value = '';

  /**
   * `refund`: instructions of the block from this one on. `live`: someone may read the flags that it leaves. `targets`: where the region goes on if the
   * instruction leads there and says so only when it runs. `rotates`: the region has the local `fo`. `windows`: see windows.ts.
   */
  constructor(
    at: Instruction,
    refund: number,
    kind: number,
    live: boolean,
    targets: readonly number[],
    rotates: boolean,
    windows: Reached,
    way: Way,
  ) {
    super(at.form, { k: 'fk', a: 'fa', b: 'fb', r: OUTCOME });
    this.at = at;
    this.refund = refund;
    this.kind = kind;
    this.live = live;
    this.targets = targets;
    this.rotates = rotates;
    this.way = way;
    this.reached = windows;
  }

  /** The instruction's text. */
  expand(): string {
    const memory = memoryOf(this.form);
    if (memory !== null && (memory.reads || memory.writes)) this.operand(memory.bits, memory.writes);
    semantics[this.form.op]!(this);
    return this.finish();
  }

  /** Puts the cell of the operand in memory into `h`. */
  protected operand(bits: Size, writes: boolean): void {
    const {
      at,
      reached: { memory },
    } = this;
    if (memory !== null) {
      this.say(`h = (${memory}) >>> ${cellShift(bits)};`);
      return;
    }
    if (isBasedOperand(at.decoded)) {
      const segment = SEG + at.decoded.segment * SEG_WORDS;
      this.say(
        `${this.leaveIf(`R[${segment + SEG_LIMIT}] !== -1 || (R[${segment + SEG_RIGHTS}] & ${PLAIN_MASK}) !== ${PLAIN}`)} t = R[${segment + SEG_BASE}] + (${this.address()}) | 0;`,
      );
    } else this.say(`t = ${this.address()};`);
    this.say(`${this.leaveIf(miss(writes ? 'TW' : 'TR', 't', bits / 8))} h = (e ^ t) >>> ${cellShift(bits)};`);
  }

  /** Machine address of the slot of the stack, where a window holds it. */
  private get stack(): Value | null {
    return this.reached.stack;
  }
  protected leaveIf(condition: Value): string {
    return leaving(this.at.offset, this.refund)(condition);
  }
  protected get next(): number {
    return this.at.offset + this.at.decoded.length;
  }

  protected operandRegister(operand: number, bits: Size): Value {
    return this.register(operandRegister(this.at.decoded.row!.operands[operand]!, this.at.decoded), bits);
  }
  override register(register: number, bits: Size): Value {
    if (bits === 32) return `r${register}`;
    if (bits === 16) return `(r${register} & 65535)`;
    return register < 4 ? `(r${register} & 255)` : `(r${register - 4} >>> 8 & 255)`;
  }
  override setRegister(register: number, bits: Size, value: Value): void {
    const r = `r${bits === 8 ? register & 3 : register}`;
    if (bits === 32) this.effect(`${r} = ${value};`);
    else if (bits === 16) this.effect(`${r} = ${r} & -65536 | (${value}) & 65535;`);
    else if (register < 4) this.effect(`${r} = ${r} & -256 | (${value}) & 255;`);
    else this.effect(`${r} = ${r} & -65281 | ((${value}) & 255) << 8;`);
  }
  override write(operand: number, value: Value, how: 'top' | 'zero' = 'zero'): void {
    const {
      form: { places, bits, bits1 },
      decoded,
    } = this.at;
    const text = how === 'top' && this.shift !== 0 ? `${value} >>> ${this.shift}` : value;
    if (places[operand] === 'm') this.store(text);
    else
      this.setRegister(operandRegister(decoded.row!.operands[operand]!, decoded), operand === 1 ? bits1 : bits, text);
  }
  protected load(): Value {
    return `${memoryArray(memoryOf(this.form)!.bits)}[h]`;
  }
  protected store(value: Value): void {
    this.say(`${this.load()} = ${value};`);
  }
  immediate(): Value {
    return number(this.count);
  }
  private get count(): number {
    return this.at.decoded.row!.operands[1] === '1' ? 1 : this.at.decoded.immediate;
  }
  selector(): Value {
    return `R[${SEG + SEGMENT_NAMES.indexOf(this.at.decoded.row!.operands[0]!) * SEG_WORDS + SEG_SELECTOR}]`;
  }
  address(): Value {
    return addressText(this.at.decoded);
  }
  counter(): Value {
    return `r${ECX}`;
  }
  countedDown(): Value {
    return this.result(`(r${ECX} - 1) | 0`);
  }
  setCounter(value: Value): void {
    this.effect(`r${ECX} = ${value};`);
  }

  skipIf(condition: Value): void {
    // A count that is an immediate is known.
    if (this.form.places[1] === 'i' && (this.count & 31) !== 0) return;
    this.text = `done: { ${this.text} if (${condition}) break done; `;
    this.conditional = this.inside = true;
  }
  override when(condition: Value, then: () => void): void {
    const before = this.conditional;
    this.conditional = true;
    super.when(condition, then);
    this.conditional = before;
  }

  /** Without a branch, which no CPU predicts where data decides: so V8 writes SETcc for it, where it jumps round a move for `? 1 : 0`. */
  override truth(condition: Value): Value {
    return `(${condition} | 0)`;
  }
  override choose(condition: Value, value: Value): void {
    if (this.form.bits !== 32) return super.choose(condition, value);
    const old = this.operandRegister(0, 32);
    this.effect(`${old} = ${old} ^ (${old} ^ ${value}) & -(${condition} | 0);`);
  }

  override flags(kind: number, { a, b, result }: Outcome): void {
    if (!this.live) return;
    const derived = kind === SUB || kind === ADD;
    this.effect(
      `fk = ${this.kindWord(kind)};${a === undefined ? '' : ` fa = ${a};`}${b === undefined ? '' : ` fb = ${b};`}${derived ? '' : ` fr = ${result};`}${this.rotates ? UNCHANGED : ''}`,
    );
    this.kind = this.conditional ? -1 : kind;
  }
  override changeFlags(mask: number, value: Value): void {
    if (!this.live) return;
    if (mask === ROTATED) {
      this.effect(`fo = ${value};`);
      this.kind = -1;
      return;
    }
    this.settle();
    this.effect(
      `if (fk !== ${ALL} && (fk & 15) !== ${EXPLICIT}) { fr = ${OUTCOME}; fb = arithmetic(fk, fa, fb, fr); fk = fk & -16 | ${EXPLICIT}; } fb = fb & ${~mask} | ${value};`,
    );
    this.kind = -1;
  }
  /** Flags of which nothing is known are put into their four locals before somebody reads them. */
  protected settle(): void {
    if (this.rotates && this.kind < 0) this.say(SETTLE);
  }
  /** The result that the flags tell of. */
  private get outcome(): Value {
    return this.kind === SUB ? '(fa - fb | 0)' : this.kind === ADD ? '(fa + fb | 0)' : this.kind < 0 ? OUTCOME : 'fr';
  }
  override carry(): Value {
    // INC and DEC read it for the flags alone.
    if (!this.live && STEPS.has(this.form.op)) return '0';
    this.settle();
    switch (this.kind) {
      case SUB:
        return '(fa >>> 0 < fb >>> 0 | 0)';
      case ADD:
        return `(${this.outcome} >>> 0 < fa >>> 0 | 0)`;
      case LOGIC:
        return '0';
      case INC:
      case DEC:
      case EXPLICIT:
        return '(fb & 1)';
      default:
        return super.carry();
    }
  }
  override condition(cc = this.at.decoded.row!.cc!): Value {
    this.settle();
    const { kind, outcome } = this;
    const relation = (): Value => {
      const code = cc >> 1;
      if (kind === SUB && [1, 3, 6, 7].includes(code))
        return code === 1
          ? 'fa >>> 0 < fb >>> 0'
          : code === 3
            ? 'fa >>> 0 <= fb >>> 0'
            : code === 6
              ? 'fa < fb'
              : 'fa <= fb';
      if (kind === LOGIC)
        return code === 3
          ? 'fr === 0'
          : code === 6
            ? 'fr < 0'
            : code === 7
              ? 'fr <= 0'
              : code === 4
                ? 'fr < 0'
                : code === 2
                  ? 'fr === 0'
                  : '';
      if (kind === ADD && code === 1) return `${outcome} >>> 0 < fa >>> 0`;
      if (![SUB, ADD, INC, DEC, EXPLICIT, SBB, ADC].includes(kind)) return '';
      return code === 2
        ? kind === SUB
          ? 'fa === fb'
          : `${outcome} === 0`
        : code === 4
          ? `${outcome} < 0`
          : code === 1
            ? `${this.carry()} !== 0`
            : '';
    };
    const text = relation();
    if (text === '') return `(${super.condition(cc)})`;
    return (cc & 1) === 0 ? `(${text})` : `!(${text})`;
  }
  protected conditionCode(): Value {
    return String(this.at.decoded.row!.cc);
  }

  top(pointer = ESP): Value {
    this.say(
      `h = r${pointer}; ${this.stack === null ? `${this.leaveIf(miss('TR', 'h', 4))} t = M4[(e ^ h) >>> 2]` : `t = M4[(${this.stack}) >>> 2]`};`,
    );
    return 't';
  }
  drop(more?: Value): void {
    this.effect(`r${ESP} = (h + 4${more === undefined ? '' : ` + ${more}`}) | 0;`);
  }
  slot(): void {
    this.say(`h = (r${ESP} - 4) | 0; ${this.stack === null ? this.leaveIf(miss('TW', 'h', 4)) : ''}`);
  }
  push(value: Value, bits: Size = 32): void {
    this.say(`${memoryArray(bits)}[(${this.stack ?? 'e ^ h'}) >>> ${cellShift(bits)}] = ${value}; r${ESP} = h;`);
  }

  locate(eip?: Value): void {
    this.goes = eip === undefined ? '' : eip;
  }
  go(): void {
    if (this.goes === '') this.say(this.way(this.at.target));
    else
      this.say(
        `ip = (${this.goes} - base) | 0; ${this.targets.map(to => `if (ip === ${number(to)}) { ${this.way(to)} } `).join('')}break out;`,
      );
    this.ended = true;
  }
  branch(condition: Value, effects?: () => void): void {
    this.say(`if (${condition}) {`);
    effects?.();
    this.say(`${this.way(this.at.target)} }`);
    effects?.();
    this.say(this.way(this.next));
    this.ended = true;
  }
  returnAddress(): Value {
    return `(base + ${this.next}) | 0`;
  }
  /** Finds the cell of the element at ESI or EDI. Upwards only. */
  protected findElement(table: 'TR' | 'TW', pointer: number): void {
    this.say(
      `t = r${pointer}; ${this.leaveIf(`${miss(table, 't', this.bytes)} | R[${EFLAGS}] & ${DF}`)} h = (e ^ t) >>> ${cellShift(this.bits)};`,
    );
  }
  protected loadElement(pointer: number): Value {
    this.findElement('TR', pointer);
    return `${memoryArray(this.bits)}[h]`;
  }
  storeElement(value: Value): void {
    this.findElement('TW', EDI);
    this.say(`${memoryArray(this.bits)}[h] = ${value};`);
  }
  advance(pointer: number): void {
    this.effect(`r${pointer} = (r${pointer} + ${this.bytes}) | 0;`);
  }
  finish(): string {
    return this.inside ? `${this.text}}` : this.text;
  }
  get leads(): boolean {
    return this.ended;
  }
}
