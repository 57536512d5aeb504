/** Texts of a record's words and of the engine's arrays: the one place where generated code learns how they are laid out. */
import { DF } from '../architecture/flags.ts';
import { S_PAGE_EIP } from '../scratch.ts';
import { BASE, DISP, DST, EXTRA, IMM, INDEX, META, META_OFFSET_MASK, NEXT, OP, SRC, TARGET } from '../record.ts';
import { ECX, EDI, EFLAGS, FA, FB, FK, FR } from '../architecture/registers.ts';
import {
  cellShift,
  type FlagWords,
  type Form,
  memoryArray,
  registerText,
  type Size,
  TextEmitter,
  type Value,
} from './emitter.ts';

const word = (at: number): Value => `A[p + ${at}]`;
/** Words of the record `p`. */
export const record = {
  next: word(NEXT),
  dst: word(DST),
  src: word(SRC),
  base: word(BASE),
  index: word(INDEX),
  disp: word(DISP),
  imm: word(IMM),
  target: word(TARGET),
  extra: word(EXTRA),
  meta: `A[p + ${META}]`,
  op: OP === 0 ? 'A[p]' : word(OP),
} as const;

/** The lazy flags in the state. */
export const FLAG_WORDS: FlagWords = { k: `R[${FK}]`, a: `R[${FA}]`, b: `R[${FB}]`, r: `R[${FR}]` };
/** EIP at which the page of the code begins (for 16-bit code: of its bytes in the segment). */
export const PAGE_EIP = `S[${S_PAGE_EIP}]`;
/** Offset of the record's instruction in its page. */
export const OFFSET = `(${record.meta} & ${META_OFFSET_MASK})`;

export const NEXT_RECORD = `p = ${record.next}; continue;`;
/** Where a direct branch leads. */
export const DIRECT_TARGET = `(${PAGE_EIP} + ${record.extra}) | 0`;
export const RETURN_ADDRESS = `${PAGE_EIP} + ${record.imm}`;
/** Record of what runs at linear address `at`; 0: not known. `u` is where the tables of the user begin. */
export const lookup = (at: Value): Value => `PM[CP[(${at} >>> 12) | u] + (${at} & 4095)]`;
/** Puts the TLB entry for linear address `at` into `e`. Not 0 unless the entry is there and the address a multiple of `bytes`. */
export const miss = (table: 'TR' | 'TW', at: Value, bytes: number): Value =>
  bytes === 1
    ? `(e = ${table}[(${at} >>> 12) | u]) & 1`
    : `((e = ${table}[(${at} >>> 12) | u]) | ${at}) & ${bytes - 1}`;

/** What emitters share that run one record after the other: operands are in the record's words. */
export abstract class RecordEmitter extends TextEmitter {
  constructor(form: Form) {
    super(form, FLAG_WORDS);
  }

  protected operandRegister(operand: number, bits: Size): Value {
    const n = operand === 0 ? record.dst : record.src;
    return bits === 32 ? `R[${n}]` : bits === 16 ? `R16[${n} << 1]` : `R8[${n}]`;
  }
  immediate(): Value {
    return record.imm;
  }
  selector(): Value {
    return `R[${record.imm}]`;
  }
  protected conditionCode(): Value {
    return record.imm;
  }
}

/** What the emitters of the two switches share: text between two cases, where leaving is `break`. */
export abstract class CaseEmitter extends RecordEmitter {
  skipIf(condition: Value): void {
    this.say(`if (${condition}) { ${NEXT_RECORD} }`);
  }
  returnAddress(): Value {
    return RETURN_ADDRESS;
  }
  /** CX: no case runs with a counter of 32 bits. */
  counter(): Value {
    return registerText(ECX, 16);
  }
  countedDown(): Value {
    return this.result(`(${this.counter()} - 1) & 65535`);
  }
  setCounter(value: Value): void {
    this.effect(`${this.counter()} = ${value};`);
  }

  /** Linear address of the element at ESI or EDI, and the pointer's new value. */
  protected abstract element(pointer: number): Value;
  protected abstract advanced(pointer: number): Value;
  /** Puts the element's cell into `h`. Upwards only. */
  private findElement(table: 'TR' | 'TW', pointer: number): void {
    this.say(
      `t = ${this.element(pointer)}; if (${miss(table, 't', this.bytes)} | R[${EFLAGS}] & ${DF}) break; h = (e ^ t) >>> ${cellShift(this.bits)};`,
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
    this.effect(this.advanced(pointer));
  }
  finish(): string {
    return this.ended ? this.text : `${this.text}${NEXT_RECORD}`;
  }
}
