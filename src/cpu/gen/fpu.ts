/** Cases of the first switch for x87 and SSE instructions, expanded from unit-semantics.ts. What leaves is done by the row's own function. */
import { CODE_OFFSET_MASK, CODE_SELECTOR_SHIFT } from '../record.ts';
import { ALL } from '../architecture/flags.ts';
import { XMM } from '../architecture/registers.ts';
import type { Row } from '../table/row.ts';
import type { Value } from './emitter.ts';
import { FLAG_WORDS, miss, NEXT_RECORD, PAGE_EIP, record } from './record.ts';
import { type HotFunction, type Reached, unitDescription, type UnitEmitter } from './unit-semantics.ts';
import { WIDE_ADDRESS } from './wide.ts';

export class WideUnitEmitter implements UnitEmitter {
  text = '';
  /** What IMM of the record holds: the number asked for by `which`. */
  number = 0;
  x87 = false;
  readonly calls = new Set<HotFunction>();
  readonly row: Row;
  readonly memory: boolean;
  constructor(row: Row, memory: boolean) {
    this.row = row;
    this.memory = memory;
  }

  protected say(statement: string): void {
    this.text += `${statement} `;
  }
  which(number: number): Value {
    this.number = number;
    return record.imm;
  }
  stackNumber(): Value {
    return record.src;
  }
  /** The record of an x87 instruction says where it is without another cache line: see `fillFunction` in record-writer.ts. */
  instructionPointer(): Value {
    this.x87 = true;
    return `(${PAGE_EIP} + ${this.memory ? `(${record.src} & ${CODE_OFFSET_MASK})` : record.disp}) | 0`;
  }
  operandSelector(): Value {
    return `${record.src} >>> ${CODE_SELECTOR_SHIFT}`;
  }
  state(word: Value): Value {
    return `R[${word}]`;
  }
  xmm(): Value {
    this.say(`q = (${record.dst} << 2) + ${XMM};`);
    return 'q';
  }
  reach(alignment: number, write: boolean): Reached {
    this.say(`t = ${WIDE_ADDRESS}; if (${miss(write ? 'TW' : 'TR', 't', alignment)}) break; h = (e ^ t) >>> 2;`);
    return { linear: 't', words: 'M4', first: 'h' };
  }
  set(place: Value, value: Value): void {
    this.say(`${place} = ${value};`);
  }
  leaveIf(condition: Value): void {
    this.say(`if (${condition}) break;`);
  }
  private call(name: HotFunction, values: readonly Value[]): Value {
    this.calls.add(name);
    return `${name}(R, ${values.join(', ')})`;
  }
  attempt(name: HotFunction, ...values: Value[]): void {
    this.leaveIf(`!${this.call(name, values)}`);
  }
  evaluate(name: HotFunction, ...values: Value[]): Value {
    this.say(`if ((r = ${this.call(name, values)}) < 0) break;`);
    return 'r';
  }
  allFlags(flags: Value, result: Value): void {
    this.say(`${FLAG_WORDS.k} = ${ALL}; ${FLAG_WORDS.b} = ${flags}; ${FLAG_WORDS.r} = ${result};`);
  }
}

/** The case of a row's variant, null if it has none. `number`: what its record says in IMM; `calls`: functions of fpu/hot.ts. */
export function unitCase(
  row: Row,
  memory: boolean,
): { text: string; x87: boolean; number: number; calls: ReadonlySet<HotFunction> } | null {
  const description = unitDescription(row, memory);
  if (description === null) return null;
  const emitter = new WideUnitEmitter(row, memory);
  description(emitter);
  const { text, x87, number, calls } = emitter;
  return { text: text + NEXT_RECORD, x87, number, calls };
}
