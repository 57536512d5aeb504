/**
 * Instructions of a region that gen/semantics.ts does not describe. The ordinary cases of the x87 and of SSE are expanded from gen/unit-semantics.ts, with their
 * registers in the state; CPUID is expanded too. Whatever else goes on to the next instruction is *called*: registers and flags go to the state, the
 * interpreter's general function runs a record of the region's own, and they come back. Its faults and VM exits leave through it, as they leave the interpreter.
 */
import { ALL } from '../architecture/flags.ts';
import { EAX, EBX, ECX, EDX, EIP, SEG, SEG_SELECTOR, SEG_WORDS, XMM } from '../architecture/registers.ts';
import type { Form, Value } from '../gen/emitter.ts';
import { usesOf } from '../gen/survey.ts';
import { type HotFunction, type Reached, unitDescription, type UnitEmitter } from '../gen/unit-semantics.ts';
import { S_BUDGET } from '../scratch.ts';
import { type Decoded, isFlatOperand, type Row } from '../table/index.ts';
import { miss, number } from './text.ts';
import { isSse, sseText } from './sse.ts';

/** The form of an instruction that has no description: it asks for nothing. */
export const NO_FORM: Form = {
  name: '',
  op: '',
  bits: 32,
  places: '',
  bits1: 32,
  cc: 0,
  uses: usesOf(() => {}, 32, 0),
};

/** Ops that leave the region as good as always: they exit, or fault. */
const LEAVING = new Set(['in', 'out', 'ins', 'outs', 'ud0', 'ud1', 'ud2', 'monitor', 'mwait', 'vmcall', 'hlt']);

/** True if an instruction without a description is expanded in a region: CPUID, and the ordinary cases of the x87 and SSE. */
export function isUnit(at: Decoded): boolean {
  const { row, memory, lock } = at;
  return (
    row!.op === 'cpuid' ||
    (!lock && (!memory || isFlatOperand(at)) && (unitDescription(row!, memory) !== null || isSse(at)))
  );
}

/** Ops that lead through a gate and back. They end the region that calls them, and the next one may begin where they lead. */
const GATES = new Set(['int', 'iret']);

/**
 * True if an instruction may be called: the next one follows it, or it leads through a gate, as system calls do. Of the privileged ones INVLPG alone, which kernels
 * run by the thousand: others change what a region asked at its entry.
 */
export const isCallable = ({ row }: Decoded): boolean =>
  GATES.has(row!.op) ||
  (row!.ends !== true &&
    row!.branch !== true &&
    (row!.privilege !== 0 || row!.op === 'invlpg') &&
    !LEAVING.has(row!.op));

/** The address of a memory operand: registers are locals. */
export function addressText({ addressSize, base, index, scale, displacement }: Decoded): Value {
  const parts = [
    base < 0 ? '' : `r${base}`,
    index < 0 ? '' : scale === 0 ? `r${index}` : `(r${index} << ${scale})`,
    displacement === 0 ? '' : number(displacement),
  ].filter(part => part !== '');
  const sum = parts.length === 0 ? '0' : parts.join(' + ');
  return addressSize === 16 ? `${sum} & 65535` : `${sum} | 0`;
}

/** What expands one x87 or SSE instruction by its description. `leave`: text that leaves the region if the condition holds, with the instruction not begun. */
class RegionUnitEmitter implements UnitEmitter {
  text = '';
  setsFlags = false;
  readonly row: Row;
  readonly memory: boolean;
  private readonly at: Decoded;
  private readonly offset: number;
  private readonly leave: (condition: Value) => string;
  constructor(at: Decoded, offset: number, leave: (condition: Value) => string) {
    this.row = at.row!;
    this.memory = at.memory;
    this.at = at;
    this.offset = offset;
    this.leave = leave;
  }
  which(n: number): Value {
    return number(n);
  }
  stackNumber(): Value {
    return number(this.at.rm);
  }
  instructionPointer(): Value {
    return `(base + ${number(this.offset)}) | 0`;
  }
  operandSelector(): Value {
    return number(SEG + this.at.segment * SEG_WORDS + SEG_SELECTOR);
  }
  state(word: Value): Value {
    return `R[${word}]`;
  }
  xmm(): Value {
    return number(XMM + this.at.reg * 4);
  }
  reach(alignment: number, write: boolean): Reached {
    this.text += `t = ${addressText(this.at)}; ${this.leave(miss(write ? 'TW' : 'TR', 't', alignment))} h = (e ^ t) >>> 2; `;
    return { linear: 't', words: 'M4', first: 'h' };
  }
  set(place: Value, value: Value): void {
    this.text += `${place} = ${value}; `;
  }
  leaveIf(condition: Value): void {
    this.text += `${this.leave(condition)} `;
  }
  attempt(name: HotFunction, ...values: Value[]): void {
    this.leaveIf(`!${name}(R, ${values.join(', ')})`);
  }
  evaluate(name: HotFunction, ...values: Value[]): Value {
    this.leaveIf(`(r = ${name}(R, ${values.join(', ')})) < 0`);
    return 'r';
  }
  allFlags(flags: Value, result: Value): void {
    this.text += `fk = ${ALL}; fb = ${flags}; fr = ${result}; `;
    this.setsFlags = true;
  }
}

/** The text of CPUID, or of an x87 or SSE instruction where all is ordinary, and whether it sets the flags. */
export function unitText(
  at: Decoded,
  offset: number,
  leave: (condition: Value) => string,
): { text: string; setsFlags: boolean } {
  if (at.row!.op === 'cpuid')
    return {
      text: `${leave('controls.cpuid')} R[${EAX}] = r0; R[${ECX}] = r1; identify(); r0 = R[${EAX}]; r1 = R[${ECX}]; r2 = R[${EDX}]; r3 = R[${EBX}];`,
      setsFlags: false,
    };
  if (isSse(at)) return sseText(at, addressText(at), leave);
  const emitter = new RegionUnitEmitter(at, offset, leave);
  unitDescription(at.row!, at.memory)!(emitter);
  return emitter;
}

/**
 * The text of a call: `left` instructions of the block come after it. `spill` and `reload` move the locals to the state and back. Where `call` says so the
 * region ends, with everything in the state; where the x87's registers are locals too, `leave` puts these there, and nothing may be thrown past it.
 */
export const callText = (
  index: number,
  offset: number,
  left: number,
  spill: string,
  reload: string,
  leave?: string,
): string =>
  `${spill} R[${EIP}] = (base + ${number(offset)}) | 0; S[${S_BUDGET}] = n + ${number(left)} | 0; if (${leave === undefined ? 'call' : 'callCaught'}(calls[${number(index)}])) { ${leave ?? ''}return; } ${reload}`;
