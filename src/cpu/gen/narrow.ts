/**
 * The second switch, which runs 16-bit code: real mode, virtual-8086 mode, 16-bit segments of protected mode. It needs segments that begin on 4 bytes
 * and reach to 64 KiB at least (KEY_FLAT of 16-bit code, see mode.ts); bases are read when an instruction runs, since such code loads
 * segments all the time. Within 64 KiB an aligned access cannot pass a limit, so alignment, which the TLB test covers, is all that is checked.
 *
 * Address, TLB and the ways out are written once, before and behind the cases: there are many more of them than in the first switch, as everything
 * comes in 16 and in 32 bits, and there is less to gain. Word INDEX of a record says more here: see `narrowIndex` in record.ts.
 *
 * Ways out of the cases: `break` leaves the record to its function; `break taken` takes the direct branch; `break look` goes to EIP `t` with `h` in SP;
 * `break flags` leaves four words of flags, their kind in `c`.
 */
import {
  baseWord,
  INDEX_ALIGNMENT,
  INDEX_REGISTER_MASK,
  INDEX_SCALE,
  INDEX_SEGMENT,
  INDEX_SEGMENT_MASK,
} from '../record.ts';
import { CS, EDI, ES, ESP, SS } from '../architecture/registers.ts';
import { cellShift, type Form, memoryArray, memoryOf, type Outcome, registerText, type Value } from './emitter.ts';
import { CaseEmitter, DIRECT_TARGET, FLAG_WORDS, lookup, miss, NEXT_RECORD, PAGE_EIP, record } from './record.ts';

const base = (segment: number): Value => `R[${baseWord(segment)}]`;
const SP = registerText(ESP, 16);
const SUM: Value = `R[${record.base}] + (R[(e = ${record.index}) & ${INDEX_REGISTER_MASK}] << ((e >>> ${INDEX_SCALE}) & 3)) + ${record.disp}`;

/** The memory operand of a form: none, one that is read, one that is written. The cases' numbers are in this order. */
export const narrowAccess = (form: Form): 0 | 1 | 2 => {
  const memory = memoryOf(form);
  return memory === null ? 0 : memory.writes ? 2 : 1;
};

export class NarrowEmitter extends CaseEmitter {
  private pending: { kind: number; outcome: Outcome } | null = null;
  /** The new SP waits in `h`. */
  private moved = false;
  private target: 'direct' | 'indirect' = 'direct';
  private readonly cell: Value;

  constructor(form: Form) {
    super(form);
    const bits = memoryOf(form)?.bits ?? 8;
    this.cell = `${memoryArray(bits)}[h >>> ${cellShift(bits)}]`;
  }

  address(): Value {
    return this.bits === 32 ? `(${SUM}) | 0` : SUM;
  }
  protected load(): Value {
    return this.cell;
  }
  protected store(value: Value): void {
    this.say(`${this.cell} = ${value};`);
  }

  /** Puts the cell of the stack at offset `h` into `r`. */
  private stackCell(table: 'TR' | 'TW'): void {
    this.say(
      `r = (h + ${base(SS)}) | 0; if (${miss(table, 'r', this.bytes)}) break; r = (e ^ r) >>> ${cellShift(this.bits)};`,
    );
  }
  top(pointer = ESP): Value {
    this.say(`h = ${registerText(pointer, 16)};`);
    this.stackCell('TR');
    return this.keep(`${memoryArray(this.bits)}[r]`);
  }
  drop(more?: Value): void {
    this.moved = this.form.uses.indirect;
    this.effect(`${this.moved ? 'h' : SP} = h + ${this.bytes}${more === undefined ? '' : ` + ${more}`};`);
  }
  slot(): void {
    this.say(`h = (R[${ESP}] - ${this.bytes}) & 65535;`);
    this.stackCell('TW');
  }
  push(value: Value): void {
    this.say(`${memoryArray(this.bits)}[r] = ${value};`);
    this.moved = true;
  }

  locate(eip?: Value): void {
    if (eip !== undefined) this.target = 'indirect';
    // What is pushed is pushed before the target is looked up: if that fails, the function does it again.
    const { pushes } = this.form.uses;
    if (eip !== 't' && (eip !== undefined || pushes)) this.say(`t = ${eip ?? DIRECT_TARGET};`);
    if (pushes) this.say('if (t >>> 16) break;');
  }
  go(): void {
    this.ended = true;
    if (this.target === 'indirect') this.say(this.moved ? 'break look;' : `h = ${SP}; break look;`);
    else
      this.say(
        this.moved ? `if ((q = ${record.target}) === 0) break look; ${SP} = h; p = q; continue;` : 'break taken;',
      );
  }
  branch(condition: Value, effects?: () => void): void {
    if (effects === undefined) {
      this.say(`if (${condition}) break taken;`);
      return;
    }
    this.say(`if (${condition}) { if (((${PAGE_EIP} + ${record.extra}) >>> 16) | (q = ${record.target}) === 0) break;`);
    effects();
    this.say('p = q; continue; }');
    effects();
  }

  /** IMM is the word that holds the base of the source's segment. */
  protected element(pointer: number): Value {
    return `(${registerText(pointer, 16)} + ${pointer === EDI ? base(ES) : `R[${record.imm}]`}) | 0`;
  }
  protected advanced(pointer: number): Value {
    return `${registerText(pointer, 16)} = ${registerText(pointer, 16)} + ${this.bytes};`;
  }

  override flags(kind: number, outcome: Outcome): void {
    this.pending = { kind, outcome };
  }
  /** Most leave their flags to what follows the cases. */
  override finish(): string {
    if (this.moved && !this.ended) this.say(`${SP} = h;`);
    if (this.pending === null) return super.finish();
    const {
      kind,
      outcome: { a = 'a', b = 'b', result },
    } = this.pending;
    if (a !== 'a') {
      super.flags(kind, this.pending.outcome);
      return super.finish();
    }
    return `${this.text}${b === 'b' ? '' : `b = ${b}; `}${result === 'r' ? '' : `r = ${result}; `}c = ${this.kindWord(kind)}; break flags;`;
  }
}

/** Records that represent no instruction, as in the first switch. */
export const NARROW_STUBS: Record<string, string> = {
  goto: `n = (n + 1) | 0; if ((q = ${record.target}) === 0) break; p = q; continue;`,
  cross: `n = (n + 1) | 0; t = (${PAGE_EIP} + 4096) | 0; h = ${SP}; break look;`,
};

/** Text before the cases, for a record whose case is `q`: machine offset of the memory operand in `h`. */
export const narrowOperand = (firstRead: number, firstWrite: number): string => `
        if (q >= ${firstRead}) {
          t = (${SUM}) | 0;
          if (t & e & -65536) break slow;
          t = ((t & 65535) + R[(e >>> ${INDEX_SEGMENT}) & ${INDEX_SEGMENT_MASK}]) | 0;
          c = q < ${firstWrite} ? TR[(t >>> 12) | u] : TW[(t >>> 12) | u];
          if ((c & 1) | (t & (e >>> ${INDEX_ALIGNMENT}) & 3)) break slow;
          h = c ^ t;
        }`;

export const NARROW_FLAGS = ` ${FLAG_WORDS.k} = c; ${FLAG_WORDS.a} = a; ${FLAG_WORDS.b} = b; ${FLAG_WORDS.r} = r; ${NEXT_RECORD}`;

/** Text behind them. The record's function does what leaves the first 64 KiB, and what is not known yet. */
export const NARROW_TAKEN = `
        t = ${DIRECT_TARGET};
        if (t >>> 16) break slow;
        if ((q = ${record.target}) !== 0) { p = q; continue; }
        h = ${SP};`;
export const NARROW_LOOK = `
        if (t >>> 16) break slow;
        c = (t + ${base(CS)}) | 0;
        if ((q = ${lookup('c')}) === 0) break slow;
        ${SP} = h;
        ${PAGE_EIP} = t - (c & 4095);
        p = q;
        continue;`;
