/**
 * The switch for flat 32-bit code. A case never faults and never calls memory: where the TLB entry is not there, the address not aligned or the target not
 * known it breaks out of the switch, and the general function runs the record from its beginning.
 */
import { INDEX_REGISTER_MASK, INDEX_SCALE } from '../record.ts';
import { ESP, SEG_BASE, SEG_LIMIT, SEG_RIGHTS } from '../architecture/registers.ts';
import { PLAIN, PLAIN_MASK } from '../mode.ts';
import { cellShift, type Form, memoryArray, memoryOf, registerText, type Size, type Value } from './emitter.ts';
import { CaseEmitter, DIRECT_TARGET, lookup, miss, PAGE_EIP, record } from './record.ts';

/** Effective address; without an index register. */
export const WIDE_ADDRESS: Value = `(R[${record.base}] + (R[(e = ${record.index}) & ${INDEX_REGISTER_MASK}] << (e >>> ${INDEX_SCALE})) + ${record.disp}) | 0`;
export const NEAR_ADDRESS: Value = `(R[${record.base}] + ${record.disp}) | 0`;

/** True where the segment whose base is in word `base` is more than a base: it has a limit, or may not be read and written. */
const notPlain = (base: Value): Value =>
  `R[${base} + ${SEG_LIMIT - SEG_BASE}] !== -1 || (R[${base} + ${SEG_RIGHTS - SEG_BASE}] & ${PLAIN_MASK}) !== ${PLAIN}`;

export class WideEmitter extends CaseEmitter {
  private readonly near: boolean;
  private readonly cell: Value = '';
  private target: 'direct' | 'indirect' = 'direct';

  /** `near`: the memory operand has no index register. `based`: it lies in FS or GS, and IMM is the word of that segment's base. */
  constructor(form: Form, { near = false, based = false }) {
    super(form);
    this.near = near;
    const memory = memoryOf(form);
    if (memory === null) return;
    this.cell = `${memoryArray(memory.bits)}[h]`;
    if (based) this.say(`q = ${record.imm}; if (${notPlain('q')}) break;`);
    this.say(
      `t = ${based ? `(R[q] + (${this.address()})) | 0` : this.address()}; if (${miss(memory.writes ? 'TW' : 'TR', 't', memory.bits / 8)}) break; h = (e ^ t) >>> ${cellShift(memory.bits)};`,
    );
  }

  address(): Value {
    return this.near ? NEAR_ADDRESS : WIDE_ADDRESS;
  }
  protected load(): Value {
    return this.cell;
  }
  protected store(value: Value): void {
    this.say(`${this.cell} = ${value};`);
  }

  top(pointer = ESP): Value {
    this.say(`h = ${registerText(pointer, 32)}; if (${miss('TR', 'h', 4)}) break; t = M4[(e ^ h) >>> 2];`);
    return 't';
  }
  drop(more?: Value): void {
    this.effect(`${registerText(ESP, 32)} = (h + 4${more === undefined ? '' : ` + ${more}`}) | 0;`);
  }
  slot(): void {
    this.say(`h = (${registerText(ESP, 32)} - 4) | 0; if (${miss('TW', 'h', 4)}) break;`);
  }
  push(value: Value, bits: Size = 32): void {
    this.say(`${memoryArray(bits)}[(e ^ h) >>> ${cellShift(bits)}] = ${value}; ${registerText(ESP, 32)} = h;`);
  }

  /** The target's record is in `q`, where its page begins in `c`. */
  locate(eip?: Value): void {
    if (eip === undefined) {
      this.say(
        `if ((q = ${record.target}) === 0) { t = ${DIRECT_TARGET}; if ((q = ${lookup('t')}) === 0) break; c = t & -4096; } else c = ${PAGE_EIP};`,
      );
    } else {
      this.target = 'indirect';
      if (eip !== 't') this.say(`t = ${eip};`);
      this.say(`if ((q = ${lookup('t')}) === 0) break;`);
    }
  }
  go(): void {
    this.say(`${PAGE_EIP} = ${this.target === 'direct' ? 'c' : 't & -4096'}; p = q; continue;`);
    this.ended = true;
  }
  protected element(pointer: number): Value {
    return registerText(pointer, 32);
  }
  protected advanced(pointer: number): Value {
    return `${this.element(pointer)} = (${this.element(pointer)} + ${this.bytes}) | 0;`;
  }
  branch(condition: Value, effects?: () => void): void {
    this.say(`if (${condition}) {`);
    if (effects === undefined) {
      this.say(
        `if ((q = ${record.target}) !== 0) { p = q; continue; } t = ${DIRECT_TARGET}; if ((q = ${lookup('t')}) === 0) break; ${PAGE_EIP} = t & -4096; p = q; continue; }`,
      );
      return;
    }
    this.locate();
    effects();
    this.say(`${PAGE_EIP} = c; p = q; continue; }`);
    effects();
  }
}

/** Records that represent no instruction: on to another record of the page; to the next page. */
export const WIDE_STUBS: Record<string, string> = {
  goto: `n = (n + 1) | 0; if ((q = ${record.target}) === 0) break; p = q; continue;`,
  cross: `n = (n + 1) | 0; t = (${PAGE_EIP} + 4096) | 0; if ((q = ${lookup('t')}) === 0) break; ${PAGE_EIP} = t; p = q; continue;`,
};
