/**
 * Called instructions (units.ts) whose common case is written out in front of the call: what kernels run at each lock. A call moves all registers to the state and
 * back, and runs the interpreter's function in between, some 40 ns; xv6 has one in six of its instructions called that way.
 */
import { TF, VM, RF, IF } from '../architecture/flags.ts';
import { CPL, EFLAGS, ESP } from '../architecture/registers.ts';
import { cellShift, type Form, memoryArray, memoryOf, type Size, type Value } from '../gen/emitter.ts';
import { S_SHADOW, S_SHADOW_KIND } from '../scratch.ts';
import { type Decoded, isFlatOperand } from '../table/index.ts';
import { OUTCOME, RegionEmitter, type Way } from './emitter.ts';
import type { Instruction } from './region.ts';
import { miss, number } from './text.ts';

/** Ops without a description that have a quick case in flat code, where no segment and no virtual-8086 mode has a say. */
const OPS = new Set(['pushf', 'cli', 'sti']);
export const isQuickOp = ({ row, operandSize }: Decoded): boolean => OPS.has(row!.op) && operandSize === 32;

/** An instruction that was seen to read a device's register, and writes no memory. */
export const isQuickLoad = (form: Form, at: Decoded): boolean => {
  const memory = memoryOf(form);
  return memory !== null && memory.reads && !memory.writes && !form.uses.stack && isFlatOperand(at);
};

export class QuickEmitter extends RegionEmitter {
  private readonly isAtomic: boolean;
  private readonly left: number;
  /** What comes after an atomic store. */
  private effects = '';

  /** `form`: the instruction's description; the rest as for RegionEmitter. */
  constructor(at: Instruction, form: Form, refund: number, kind: number, live: boolean, rotates: boolean, way: Way) {
    super({ ...at, form }, refund, kind, live, [], rotates, { memory: null, stack: null }, way);
    this.left = refund - 1;
    this.isAtomic = memoryOf(form)?.writes === true;
  }

  /** The quick case, and `call` where it does not hold. */
  before(call: string): string {
    const { op } = this.at.decoded.row!;
    if (op === 'pushf') this.pushFlags();
    else if (op === 'cli' || op === 'sti') this.maskInterrupts(op === 'sti');
    else this.expand();
    return `over: { slow: { ${this.text}${this.effects}break over; } ${call} }`;
  }

  protected override leaveIf(condition: Value): string {
    return `if (${condition}) break slow;`;
  }

  /** SDM vol. 2, PUSHF: the image has neither VM nor RF. */
  private pushFlags(): void {
    this.slot();
    this.settle();
    this.say(
      `M4[(e ^ h) >>> 2] = (arithmetic(fk, fa, fb, ${OUTCOME}) | R[${EFLAGS}] | 2) & ${~(VM | RF)}; r${ESP} = h;`,
    );
  }

  /** At CPL 0 nobody is asked (SDM vol. 2, CLI and STI). Where an interrupt waits for STI, or a trap, the loop is to look. */
  private maskInterrupts(on: boolean): void {
    const flags = `R[${EFLAGS}]`;
    this.say(this.leaveIf(`R[${CPL}] !== 0${on ? ` || controls.interruptWindow || (${flags} & ${TF}) !== 0` : ''}`));
    if (on)
      this.say(
        `if ((${flags} & ${IF}) === 0) { ${flags} = ${flags} | ${IF}; S[${S_SHADOW}] = n + ${number(this.left)} | 0; S[${S_SHADOW_KIND}] = 1; }`,
      );
    else this.say(`${flags} = ${flags} & ${~IF};`);
  }

  protected override operand(bits: Size, writes: boolean): void {
    if (writes) {
      super.operand(bits, true);
      this.say(`for (;;) { q = Atomics.load(${memoryArray(bits)}, h);`);
      return;
    }
    this.say(
      `t = ${this.address()}; if (${miss('TR', 't', bits / 8)}) { ${this.leaveIf(`(q = readQuietly(t, ${bits / 8})) < 0`)} } else q = ${memoryArray(bits)}[(e ^ t) >>> ${cellShift(bits)}];`,
    );
  }
  protected override load(): Value {
    return this.form.bits === 32 || this.isAtomic ? '(q | 0)' : 'q';
  }
  protected override store(value: Value): void {
    this.say(`if (Atomics.compareExchange(${super.load().replace('[h]', '')}, h, q, ${value}) === q) break; }`);
  }
  protected override effect(statement: string): void {
    if (this.isAtomic) this.effects += `${statement} `;
    else super.effect(statement);
  }
}
