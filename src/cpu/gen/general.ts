/** General functions: any segment, any mode, faults and all. `cpu` is the processor (src/cpu/cpu.ts), `p` the record. */
import { DF } from '../architecture/flags.ts';
import { S_USER } from '../scratch.ts';
import { ABSENT } from '../tlb.ts';
import { META_ADDRESS16, META_LOCK, META_SEGMENT } from '../record.ts';
import { ECX, EDI, EFLAGS, ES, ESP, SS } from '../architecture/registers.ts';
import { cellShift, type Form, memoryArray, memoryOf, registerText, type Repetition, type Value } from './emitter.ts';
import { record, RecordEmitter } from './record.ts';

/** Functions of src/cpu/ops/control.ts that the texts call. */
export const CONTROL_FUNCTIONS = ['branch', 'checkTarget', 'directTarget', 'near', 'nextEip'];

/** … and of src/cpu/ops/string.ts. */
export const STRING_FUNCTIONS = ['advance', 'copyElements', 'fillElements', 'repeat'];

const SHORT = `(${record.meta} & ${META_ADDRESS16}) !== 0`;

export class GeneralEmitter extends RecordEmitter {
  /** What comes after the store: registers and flags. */
  private effects = '';
  protected stored: Value | null = null;
  protected pointer = ESP;
  private target: Value | null = null;
  private repetition: Repetition = null;

  constructor(form: Form) {
    super(form);
  }

  protected override effect(statement: string): void {
    this.effects += `${statement} `;
  }
  address(): Value {
    return 'addressing.offset(p)';
  }
  protected load(): Value {
    const { bits, writes } = memoryOf(this.form)!;
    if (writes) return 'value';
    this.say(this.reach(this.let('at', `addressing.address(p, ${bits / 8}, false)`), false));
    return `memory.read${bits}(at)`;
  }
  protected store(value: Value): void {
    this.stored = value;
  }
  /** Ends the instruction if its access is a page fault, which is the commonest fault: JavaScript's exceptions cost some microseconds. */
  protected reach(at: Value, write: boolean): string {
    return `if ((${write ? 'TW' : 'TR'}[(${at} >>> 12) + S[${S_USER}]] & ${ABSENT}) !== 0 && !memory.reach(${at}, ${write})) return; `;
  }
  protected reachStack(delta: number, write: boolean, bits = this.bits): void {
    this.reachSlot(this.let('at', `stack.at(${delta}, ${this.bytes}, ${write})`), write, bits);
  }
  /** Alignment comes before the page (Intel, seen: POP off two bytes of a page that is not there is #AC), that of what is read or written of the slot. */
  protected reachSlot(at: Value, write: boolean, bits = this.bits): void {
    this.say(`memory.checkAlignment(${at}, ${bits / 8}); ${this.reach(at, write)}`);
  }
  skipIf(condition: Value): void {
    this.say(`if (${condition}) return;`);
  }

  counter(): Value {
    return `(${SHORT} ? ${registerText(ECX, 16)} : ${registerText(ECX, 32)})`;
  }
  countedDown(): Value {
    return this.result(`${SHORT} ? (${registerText(ECX, 16)} - 1) & 65535 : (${registerText(ECX, 32)} - 1) | 0`);
  }
  setCounter(value: Value): void {
    this.effect(`if (${SHORT}) ${registerText(ECX, 16)} = ${value}; else ${registerText(ECX, 32)} = ${value};`);
  }

  top(pointer = ESP): Value {
    this.pointer = pointer;
    if (pointer === ESP) this.reachStack(0, false);
    if (pointer === ESP) return this.keep(`stack.top(${this.bits})`);
    this.let('c', `mode.stack32 ? ${registerText(pointer, 32)} : ${registerText(pointer, 16)}`);
    return this.keep(`memory.read${this.bits}(addressing.linear(${SS}, c, ${this.bytes}, false))`);
  }
  drop(more?: Value): void {
    if (this.pointer !== ESP)
      this.effect(`if (mode.stack32) ${registerText(ESP, 32)} = c; else ${registerText(ESP, 16)} = c;`);
    this.effect(`stack.move(${this.bytes}${more === undefined ? '' : ` + ${more}`});`);
  }
  slot(): void {}
  push(value: Value, bits = this.bits): void {
    this.reachStack(-this.bytes, true, bits);
    if (bits === this.bits) this.say(`stack.push(${value}, ${bits});`);
    else
      this.say(
        `memory.write${bits}(stack.at(-${this.bytes}, ${this.bytes}, true), ${value}); stack.move(-${this.bytes});`,
      );
  }

  locate(eip?: Value): void {
    this.target = eip ?? null;
    this.say(`checkTarget(cpu, ${eip ?? `directTarget(cpu, p, ${this.bits})`});`);
  }
  go(): void {
    this.effect(this.target === null ? `branch(cpu, p, ${this.bits});` : `near(cpu, ${this.target});`);
  }
  branch(condition: Value, effects?: () => void): void {
    this.say(`if (${condition}) branch(cpu, p, ${this.bits});`);
    effects?.();
  }
  returnAddress(): Value {
    return 'nextEip(cpu, p)';
  }

  private element(pointer: number, write: boolean): Value {
    const segment = pointer === EDI ? ES : `(${record.meta} >>> ${META_SEGMENT}) & 7`;
    return `addressing.linear(${segment}, ${SHORT} ? ${registerText(pointer, 16)} : ${registerText(pointer, 32)}, ${this.bytes}, ${write})`;
  }
  protected loadElement(pointer: number): Value {
    return `memory.read${this.bits}(${this.element(pointer, false)})`;
  }
  storeElement(value: Value): void {
    this.say(`memory.write${this.bits}(${this.element(EDI, true)}, ${value});`);
  }
  advance(pointer: number): void {
    this.effect(`advance(cpu, ${pointer}, (R[${EFLAGS}] & ${DF}) !== 0 ? -${this.bytes} : ${this.bytes}, ${SHORT});`);
  }
  override repeats(how: Repetition): void {
    this.repetition = how;
  }

  finish(): string {
    const head = this.names.size === 0 ? '' : `let ${[...this.names].map(name => `${name} = 0`).join(', ')}; `;
    if (this.form.uses.string) {
      return this.repeated(head + this.text + this.effects, this.repetition);
    }
    const memory = memoryOf(this.form);
    if (memory === null || !memory.writes) return head + this.text + this.effects;
    const address = `addressing.address(p, ${memory.bits / 8}, true)`;
    if (this.form.uses.drops) {
      // The address is found with the new ESP; a fault puts the old one back.
      return head + this.undone(`${this.text}${this.effects}try { ${this.writing(address)}}`);
    }
    if (!memory.reads)
      return `${head}${this.text}const at = ${address}; ${this.reach('at', true)}${this.writing('at')}${this.effects}`;
    // A read-modify-write. LOCK goes through Atomics: Domain 0 and other vCPUs share pages.
    const locked = this.form.uses.atomic ? 'true' : `(${record.meta} & ${META_LOCK}) !== 0`;
    return `${head}const linear = ${address}; ${this.reach('linear', true)}${this.modified(locked)}${this.effects}`;
  }

  /** A string instruction whose element `body` does. */
  protected repeated(body: string, how: Repetition): string {
    const equal = how === 'whileEqual';
    return `repeat(cpu, p, ${this.bytes}, () => { ${body}}, ${equal ? null : how}, ${equal}); `;
  }
  /** The store of the result to linear address `at`. */
  protected writing(at: Value): string {
    return `memory.write${memoryOf(this.form)!.bits}(${at}, ${this.stored}); `;
  }
  /** A \`try\` with what puts ESP back. */
  protected undone(body: string): string {
    const esp = registerText(ESP, 32);
    return `const before = ${esp}; ${body} catch (thrown) { ${esp} = before; throw thrown; }`;
  }
  /** The read-modify-write of the operand at \`linear\`. */
  protected modified(locked: Value): string {
    const { bits } = memoryOf(this.form)!,
      array = memoryArray(bits);
    return (
      'let value = 0, at = -1; ' +
      `if (${locked} && (at = memory.hostAtomic(linear, ${bits / 8})) >= 0) { const cell = at >>> ${cellShift(bits)}; ` +
      `for (;;) { value = Atomics.load(${array}, cell); ${this.text}if (Atomics.compareExchange(${array}, cell, value, ${this.stored}) === value) break; } } ` +
      `else { memory.probeWrite(linear, ${bits / 8}); value = memory.read${bits}(linear); ${this.text}${this.writing('linear')}} `
    );
  }
}
