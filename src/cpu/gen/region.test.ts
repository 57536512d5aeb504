/**
 * A region of guest code as one JavaScript function, made at run time from the same descriptions as the interpreter. This emitter keeps registers and
 * flags in locals and operands as constants, as a compiler of regions will; what such a compiler needs besides (choice of regions, several blocks) it has not.
 */
import { describe, expect, it } from 'vitest';
import { arithmetic, carry, condition } from '../architecture/flags.ts';
import { multiplyHigh } from '../ops/arithmetic.ts';
import { EAX, EBX, ECX, EDX, EIP, ESI, ESP, FA, FB, FK, FR } from '../architecture/registers.ts';
import { decode, DECODED, type Decoded, newDecoded } from '../table/index.ts';
import { operandRegister } from '../table/operands.ts';
import { Bench, CODE, d, DATA } from '../test-support/bench.ts';
import { cellShift, type Form, memoryArray, memoryOf, type Size, TextEmitter, type Value } from './emitter.ts';
import { formOf } from './forms.ts';
import { miss } from './record.ts';
import { semantics } from './semantics.ts';

const absent = (): never => { throw new Error('not in these regions'); };

/** Flat 32-bit code; a miss leaves with EIP at the instruction, which is then as if it had not begun. */
class RegionEmitter extends TextEmitter {
  private readonly at: Decoded;
  private readonly eip: number;
  private readonly start: number;

  constructor(form: Form, at: Decoded, eip: number, start: number) {
    super(form, { k: 'fk', a: 'fa', b: 'fb', r: 'fr' });
    this.at = at;
    this.eip = eip;
    this.start = start;
    const memory = memoryOf(form);
    if (memory === null) return;
    this.say(`t = ${this.address()}; if (${miss(memory.writes ? 'TW' : 'TR', 't', memory.bits / 8)}) { ${this.leave()} } h = (e ^ t) >>> ${cellShift(memory.bits)};`);
  }

  private leave(): string { return `ip = ${this.eip}; break region;`; }
  protected operandRegister(operand: number, bits: Size): Value { return this.register(operandRegister(this.at.row!.operands[operand]!, this.at), bits); }
  override register(register: number, bits: Size): Value { return bits === 32 ? `r${register}` : absent(); }
  protected load(): Value { return `${memoryArray(memoryOf(this.form)!.bits)}[h]`; }
  protected store(value: Value): void { this.say(`${this.load()} = ${value};`); }
  immediate(): Value { return this.at.row!.operands.includes('1') ? '1' : `(${this.at.immediate})`; }
  address(): Value {
    const { base, index, scale, displacement } = this.at;
    return `(${base < 0 ? 0 : `r${base}`} + ${index < 0 ? 0 : `(r${index} << ${scale})`} + (${displacement})) | 0`;
  }
  skipIf(condition: Value): void { this.text = `done: { ${this.text} if (${condition}) break done; `; }
  protected conditionCode(): Value { return String(this.at.row!.cc); }
  top(pointer = ESP): Value {
    this.say(`h = r${pointer}; if (${miss('TR', 'h', 4)}) { ${this.leave()} } t = M4[(e ^ h) >>> 2];`);
    return 't';
  }
  drop(more?: Value): void { this.effect(`r${ESP} = (h + 4 + ${more ?? 0}) | 0;`); }
  slot(): void { this.say(`h = (r${ESP} - 4) | 0; if (${miss('TW', 'h', 4)}) { ${this.leave()} }`); }
  push(value: Value): void { this.say(`M4[(e ^ h) >>> 2] = ${value}; r${ESP} = h;`); }
  /** Backwards to the region's start, or out of it. */
  branch(condition: Value): void {
    const target = this.eip + this.at.length + this.at.immediate;
    this.say(`if (${condition}) { ${target === this.start ? 'continue;' : `ip = ${target}; break region;`} }`);
  }
  selector = absent;
  counter = absent;
  countedDown = absent;
  setCounter = absent;
  locate = absent;
  go = absent;
  returnAddress = absent;
  storeElement = absent;
  advance = absent;
  protected loadElement = absent;
  finish(): string { return this.text.startsWith('done:') ? `${this.text}}` : this.text; }
}

const REGISTERS = [0, 1, 2, 3, 4, 5, 6, 7].map(n => [`r${n}`, n] as const);
const LOCALS = [...REGISTERS, ['fk', FK], ['fa', FA], ['fb', FB], ['fr', FR]] as const;

/** Compiles the instructions from `start` to `end` (linear, paging off); the function runs them until they leave, and sets EIP. */
function compile({ cpu, bytes }: Bench, start: number, end: number): () => void {
  const at = newDecoded();
  let body = '';
  for (let eip = start; eip < end; eip += at.length) {
    expect(decode(bytes, eip, 15, 32, at)).toBe(DECODED);
    const form = formOf(at.row!, at.memory, 32)!;
    const emitter = new RegionEmitter(form, { ...at }, eip, start);
    semantics[form.op]!(emitter);
    body += `      ${emitter.finish()}// ${form.name}\n`;
  }
  const text = `
    return () => {
    let ${LOCALS.map(([name, word]) => `${name} = R[${word}]`).join(', ')}, ip = ${end}, a = 0, b = 0, c = 0, r = 0, t = 0, h = 0, e = 0, u = 0;
    region: for (;;) {
${body}      break;
    }
    ${LOCALS.map(([name, word]) => `R[${word}] = ${name};`).join(' ')} R[${EIP}] = ip;
    };`;
  const values = { R: cpu.R, TR: cpu.tlb.TR, TW: cpu.tlb.TW, M1: cpu.M1, M2: cpu.M2, M4: cpu.M4, carry, condition, arithmetic, multiplyHigh };
  return new Function(...Object.keys(values), text)(...Object.values(values)) as () => void;
}

// L: add eax,ecx; mov [DATA+ecx*4],eax; mov edx,[DATA+ecx*4]; push edx; xor edx,ecx; shl edx,3; pop esi; adc ebx,edx; imul esi,esi,7; mov [DATA],esi; dec ecx; jnz L
const LOOP = ['01c8', '89048d', d(DATA), '8b148d', d(DATA), '52', '31ca', 'c1e203', '5e', '11d3', '6bf607', '8935', d(DATA), '49', '75'] as const;

function machine(count: number): { bench: Bench; end: number } {
  const bench = new Bench().protectedMode();
  const back = bench.put(CODE, ...LOOP) + 1;
  const end = bench.put(back - 1, (CODE - back) & 255);
  bench.put(end, 'f4');
  bench.R[ECX] = count;
  bench.R[EAX] = 0x12345678;
  return { bench, end };
}

const state = ({ cpu, R, memory }: Bench) => ({
  registers: [EAX, EBX, ECX, EDX, ESI, ESP, EIP].map(n => R[n]), eflags: cpu.eflags, data: [...new Int32Array(memory, DATA, 64)],
});

describe('a region made of the descriptions', () => {
  it('does what the interpreter does', () => {
    const { bench: interpreted, end } = machine(60);
    interpreted.run();
    const { bench: compiled } = machine(60);
    // One turn in the interpreter, which finds the pages.
    compiled.run(12);
    expect(compiled.R[EIP]).toBe(CODE);
    compile(compiled, CODE, end)();
    expect(compiled.R[EIP]).toBe(end);
    compiled.run();
    expect(state(compiled)).toEqual(state(interpreted));
  });

  it('leaves at an access that the TLB does not know, with that instruction not begun', () => {
    const { bench, end } = machine(60);
    compile(bench, CODE, end)();
    // The ADD has run, the store has not.
    expect([bench.R[EIP], bench.R[EAX], bench.R[ECX]]).toEqual([CODE + 2, 0x12345678 + 60, 60]);
    expect(bench.word(DATA + 240)).toBe(0);
    bench.run();
    const { bench: interpreted } = machine(60);
    interpreted.run();
    expect(state(bench)).toEqual(state(interpreted));
  });
});
