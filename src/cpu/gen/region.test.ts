/**
 * A region of guest code as one JavaScript function, made at run time from the same descriptions as the interpreter. This emitter keeps registers and
 * flags in locals and operands as constants, as a compiler of regions will; what such a compiler needs besides (choice of regions, several blocks) it has not.
 */
import { describe, expect, it } from 'vitest';
import { ALL, arithmetic, carry, condition } from '../architecture/flags.ts';
import * as hot from '../fpu/hot.ts';
import { multiplyHigh, productFlags } from '../ops/arithmetic.ts';
import {
  CR4,
  EAX,
  EBX,
  ECX,
  EDX,
  EIP,
  ESI,
  ESP,
  FA,
  FB,
  FCS,
  FDP,
  FDS,
  FIP,
  FK,
  FPR,
  FR,
  FSW,
  FTW,
  SEG,
  SEG_SELECTOR,
  SEG_WORDS,
  XMM,
} from '../architecture/registers.ts';
import { decode, DECODED, type Decoded, newDecoded, type Row } from '../table/index.ts';
import { operandRegister } from '../table/operands.ts';
import { Bench, CODE, DATA } from '../test-support/bench.ts';
import { cellShift, type Form, memoryArray, memoryOf, type Size, TextEmitter, type Value } from './emitter.ts';
import { formOf } from './forms.ts';
import { miss } from './record.ts';
import { semantics } from './semantics.ts';
import { type HotFunction, type Reached, unitDescription, type UnitEmitter } from './unit-semantics.ts';

const absent = (): never => {
  throw new Error('not in these regions');
};

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
    this.say(
      `t = ${this.address()}; if (${miss(memory.writes ? 'TW' : 'TR', 't', memory.bits / 8)}) { ${this.leave()} } h = (e ^ t) >>> ${cellShift(memory.bits)};`,
    );
  }

  private leave(): string {
    return `ip = ${this.eip}; break region;`;
  }
  protected operandRegister(operand: number, bits: Size): Value {
    return this.register(operandRegister(this.at.row!.operands[operand]!, this.at), bits);
  }
  override register(register: number, bits: Size): Value {
    return bits === 32 ? `r${register}` : absent();
  }
  protected load(): Value {
    return `${memoryArray(memoryOf(this.form)!.bits)}[h]`;
  }
  protected store(value: Value): void {
    this.say(`${this.load()} = ${value};`);
  }
  immediate(): Value {
    return this.at.row!.operands.includes('1') ? '1' : `(${this.at.immediate})`;
  }
  address(): Value {
    return addressText(this.at);
  }
  private skips = false;
  skipIf(condition: Value): void {
    this.text = `done: { ${this.text} if (${condition}) break done; `;
    this.skips = true;
  }
  protected conditionCode(): Value {
    return String(this.at.row!.cc);
  }
  top(pointer = ESP): Value {
    this.say(`h = r${pointer}; if (${miss('TR', 'h', 4)}) { ${this.leave()} } t = M4[(e ^ h) >>> 2];`);
    return 't';
  }
  drop(more?: Value): void {
    this.effect(`r${ESP} = (h + 4 + ${more ?? 0}) | 0;`);
  }
  slot(): void {
    this.say(`h = (r${ESP} - 4) | 0; if (${miss('TW', 'h', 4)}) { ${this.leave()} }`);
  }
  push(value: Value): void {
    this.say(`M4[(e ^ h) >>> 2] = ${value}; r${ESP} = h;`);
  }
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
  finish(): string {
    return this.skips ? `${this.text}}` : this.text;
  }
}

/** The address of a memory operand: registers in locals. */
const addressText = ({ base, index, scale, displacement }: Decoded): Value =>
  `(${base < 0 ? 0 : `r${base}`} + ${index < 0 ? 0 : `(r${index} << ${scale})`} + (${displacement})) | 0`;

/** x87 and SSE: their registers stay in the state, what a record says is a constant. */
class RegionUnitEmitter implements UnitEmitter {
  text = '';
  readonly row: Row;
  readonly memory: boolean;
  private readonly at: Decoded;
  private readonly eip: number;
  constructor(at: Decoded, eip: number) {
    this.row = at.row!;
    this.memory = at.memory;
    this.at = at;
    this.eip = eip;
  }
  which(number: number): Value {
    return String(number);
  }
  stackNumber(): Value {
    return String(this.at.rm);
  }
  instructionPointer(): Value {
    return String(this.eip);
  }
  operandSelector(): Value {
    return String(SEG + this.at.segment * SEG_WORDS + SEG_SELECTOR);
  }
  state(word: Value): Value {
    return `R[${word}]`;
  }
  xmm(): Value {
    return String(XMM + this.at.reg * 4);
  }
  reach(alignment: number, write: boolean): Reached {
    this.text += `t = ${addressText(this.at)}; `;
    this.leaveIf(miss(write ? 'TW' : 'TR', 't', alignment));
    return { linear: 't', words: 'M4', first: '((e ^ t) >>> 2)' };
  }
  set(place: Value, value: Value): void {
    this.text += `${place} = ${value}; `;
  }
  leaveIf(condition: Value): void {
    this.text += `if (${condition}) { ip = ${this.eip}; break region; } `;
  }
  attempt(name: HotFunction, ...values: Value[]): void {
    this.leaveIf(`!hot.${name}(R, ${values.join(', ')})`);
  }
  evaluate(name: HotFunction, ...values: Value[]): Value {
    this.leaveIf(`(r = hot.${name}(R, ${values.join(', ')})) < 0`);
    return 'r';
  }
  allFlags(flags: Value, result: Value): void {
    this.text += `fk = ${ALL}; fb = ${flags}; fr = ${result}; `;
  }
}

const REGISTERS = [0, 1, 2, 3, 4, 5, 6, 7].map(n => [`r${n}`, n] as const);
const LOCALS = [...REGISTERS, ['fk', FK], ['fa', FA], ['fb', FB], ['fr', FR]] as const;

/** Compiles the instructions from `start` to `end` (linear, paging off); the function runs them until they leave, and sets EIP. */
function compile({ cpu, bytes }: Bench, start: number, end: number): () => void {
  const at = newDecoded();
  let body = '';
  for (let eip = start; eip < end; eip += at.length) {
    expect(decode(bytes, eip, 15, 32, at)).toBe(DECODED);
    const unit = unitDescription(at.row!, at.memory);
    if (unit !== null) {
      const emitter = new RegionUnitEmitter({ ...at }, eip);
      unit(emitter);
      body += `      ${emitter.text}// ${at.row!.mnemonic}\n`;
      continue;
    }
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
  const values = {
    R: cpu.R,
    TR: cpu.tlb.TR,
    TW: cpu.tlb.TW,
    M1: cpu.M1,
    M2: cpu.M2,
    M4: cpu.M4,
    carry,
    condition,
    arithmetic,
    multiplyHigh,
    productFlags,
    hot,
  };
  return new Function(...Object.keys(values), text)(...Object.values(values)) as () => void;
}

const LOOP = `
  again: add eax, ecx; mov [ecx*4 + ${DATA}], eax; mov edx, [ecx*4 + ${DATA}]; push edx
  xor edx, ecx; shl edx, 3; pop esi; adc ebx, edx; imul esi, esi, 7; mov [${DATA}], esi
  dec ecx; jnz again
`;

function machine(count: number): { bench: Bench; end: number } {
  const bench = new Bench().protectedMode();
  const end = bench.put(CODE, LOOP);
  bench.put(end, 'hlt');
  bench.R[ECX] = count;
  bench.R[EAX] = 0x12345678;
  return { bench, end };
}

const state = ({ cpu, R, memory }: Bench) => ({
  registers: [EAX, EBX, ECX, EDX, ESI, ESP, EIP].map(n => R[n]),
  eflags: cpu.eflags,
  data: [...new Int32Array(memory, DATA, 64)],
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

const UNITS = `
  again: fld qword [${DATA}]; fadd qword [${DATA + 8}]; fld1; fcomi st0, st1; adc ebx, edx
  faddp st1, st0; fst dword [${DATA + 16}]; fld st0; fmulp st1, st0
  fstp qword [${DATA + 8}]; movups xmm1, [${DATA + 32}]; movaps [${DATA + 48}], xmm1; dec ecx; jnz again
`;
const UNITS_LENGTH = 14;

function unitMachine(count: number): { bench: Bench; start: number; end: number } {
  const bench = new Bench().protectedMode(),
    start = bench.put(CODE, 'fninit');
  bench.R[CR4]! |= 0x200;
  const end = bench.put(start, UNITS);
  bench.put(end, 'hlt');
  bench.R[ECX] = count;
  bench.R[EDX] = 3;
  for (const [at, value] of [
    [0, 0.25],
    [8, -0.125],
  ] as const)
    bench.view.setFloat64(DATA + at, value, true);
  for (let i = 0; i < 16; i++) bench.bytes[DATA + 32 + i] = 0xf0 | i;
  return { bench, start, end };
}
const unitState = (bench: Bench) => ({
  ...state(bench),
  units: [FSW, FTW, FIP, FCS, FDP, FDS].map(n => bench.R[n]),
  stack: [...bench.R.slice(FPR, FPR + 32)],
  xmm: [...bench.R.slice(XMM, XMM + 32)],
});

describe('a region with x87 and SSE', () => {
  it('does what the interpreter does', () => {
    const { bench: interpreted } = unitMachine(9);
    interpreted.run();
    expect(interpreted.view.getFloat64(DATA + 8, true)).toBeGreaterThan(1);
    expect(interpreted.bytes[DATA + 63]).toBe(0xff);
    const { bench: compiled, start, end } = unitMachine(9);
    // FNINIT and one turn in the interpreter, which finds the pages.
    compiled.run(1 + UNITS_LENGTH);
    expect([compiled.R[EIP], compiled.R[ECX]]).toEqual([start, 8]);
    compile(compiled, start, end)();
    expect([compiled.R[EIP], compiled.R[ECX]]).toEqual([end, 0]);
    compiled.run();
    expect(unitState(compiled)).toEqual(unitState(interpreted));
  });

  it("leaves what is not ordinary to the instruction's function, with nothing changed", () => {
    const { bench, start, end } = unitMachine(9);
    bench.run(1 + UNITS_LENGTH);
    // The stack is full: FLD overflows.
    bench.R[FTW] = 0xff;
    const before = unitState(bench);
    compile(bench, start, end)();
    expect(unitState(bench)).toEqual(before);
    // CR4.OSFXSR is clear: MOVUPS is #UD.
    bench.R[FTW] = 0;
    bench.R[CR4]! &= ~0x200;
    compile(bench, start, end)();
    expect([bench.R[EIP], bench.R[ECX]]).toEqual([end - 17, 8]);
  });
});
