/**
 * What the common instructions do, described once against an emitter (emitter.ts): the interpreter's two switches, its general functions and compiled
 * regions are expanded from it. Rarer instructions are ordinary functions in src/cpu/ops and src/cpu/fpu. Source: SDM vol. 2, at each mnemonic.
 */
import { ADC, ADD, CF, DEC, EXPLICIT, INC, LOGIC, OF, SBB, SUB } from '../architecture/flags.ts';
import { EAX, EBP, EDI, EDX, ESI } from '../architecture/registers.ts';
import type { Description, Emitter, Held, Value } from './emitter.ts';

/** A value that is not held at the top, moved there for the flags. */
const toTop = (e: Emitter, value: Value): Value => (e.shift === 0 ? value : `${value} << ${e.shift}`);
/** One, held at the top. */
const one = (e: Emitter): number => 1 << e.shift;
/** The low bits of an expression, sign-extended. */
const extended = (value: Value, bits: number): Value =>
  bits === 32 ? value : `${value} << ${32 - bits} >> ${32 - bits}`;

const binary =
  (kind: number, operation: (a: Value, b: Value, e: Emitter) => Value, writes = true): Description =>
  e => {
    const a = e.read(0, 'top'),
      b = e.read(1, 'top');
    const result = e.result(operation(a, b, e));
    if (writes) e.write(0, result, 'top');
    e.flags(kind, kind === LOGIC ? { result } : { a, b, result });
  };
/** CF as one of the lowest bit of a value held at the top. */
const carryIn = (e: Emitter): Value => (e.shift === 0 ? e.carry() : `(${e.carry()} << ${e.shift})`);

/** INC and DEC leave CF alone: it is kept in the second operand's place. */
const step =
  (kind: number, sign: '+' | '-'): Description =>
  e => {
    const a = e.read(0, 'top'),
      b = e.keep(e.carry());
    const result = e.result(`(${a} ${sign} ${one(e)}) | 0`);
    e.write(0, result, 'top');
    e.flags(kind, { a, b, result });
  };

/** A shift. OF is defined for a count of 1 only; what stands here is right for that. AF is undefined: cleared. */
const shift =
  (
    how: Held & ('top' | 'zero' | 'sign'),
    operation: (a: Value, n: Value) => Value,
    carry: (a: Value, n: Value) => Value,
    overflow: (e: Emitter, a: Value, r: Value, carry: Value) => Value,
  ): Description =>
  e => {
    const a = e.read(0, how),
      n = e.read(1, 'count');
    e.skipIf(`${n} === 0`);
    const out = e.keep(carry(a, n)),
      r = e.result(operation(a, n)),
      top = how === 'top';
    e.write(0, r, top ? 'top' : 'zero');
    e.flags(EXPLICIT, { result: top ? r : toTop(e, r), b: `${out} | (${overflow(e, a, r, out)}) << 11` });
  };

/** Rotates change CF and OF alone. */
const rotate =
  (
    operation: (a: Value, n: Value, bits: number) => Value,
    carry: (r: Value, bits: number) => Value,
    overflow: (r: Value, carry: Value, bits: number) => Value,
  ): Description =>
  e => {
    const a = e.read(0, 'zero'),
      count = e.read(1, 'count');
    e.skipIf(`${count} === 0`);
    const n = e.mask(count, e.bits - 1);
    const r = e.result(operation(a, n, e.bits)),
      out = e.keep(carry(r, e.bits));
    e.write(0, r);
    e.changeFlags(CF | OF, `${out} | (${overflow(r, out, e.bits)}) << 11`);
  };

const bitTest =
  (change: ((a: Value, n: Value) => Value) | null): Description =>
  e => {
    const a = e.read(0, 'zero'),
      n = e.read(1, 'bit');
    const found = e.keep(`${a} >>> ${n} & 1`);
    if (change !== null) e.write(0, e.result(change(a, n)));
    e.changeFlags(CF, found);
  };

/** The destination is undefined for a source of 0; processors leave it alone. */
const bitScan =
  (lowest: (b: Value) => Value): Description =>
  e => {
    const b = e.read(1, 'zero');
    e.flags(LOGIC, { result: toTop(e, b) });
    e.when(`${b} !== 0`, () => e.write(0, `31 - Math.clz32(${lowest(b)})`));
  };

const move =
  (how: Held): Description =>
  e =>
    e.write(0, e.read(1, how));

/** CF = OF: the upper half of the product says something. */
const PRODUCT_FLAGS = CF | OF;
/** The accumulator times the operand; the product has twice the size. */
const multiply =
  (signed: boolean): Description =>
  e => {
    const b = e.read(0, signed ? 'sign' : 'zero');
    const { bits } = e;
    const accumulator = signed ? extended(e.register(EAX, bits), bits) : e.register(EAX, bits);
    let wide: Value, low: Value;
    if (bits === 32) {
      const a = e.keep(accumulator);
      const high = e.result(
        signed
          ? `(multiplyHigh(${a}, ${b}) - (${a} < 0 ? ${b} : 0) - (${b} < 0 ? ${a} : 0)) | 0`
          : `multiplyHigh(${a}, ${b})`,
      );
      e.setRegister(EAX, 32, `Math.imul(${a}, ${b})`);
      e.setRegister(EDX, 32, high);
      low = e.register(EAX, 32);
      wide = signed ? `${high} !== ${low} >> 31` : `${high} !== 0`;
    } else {
      low = e.result(`Math.imul(${accumulator}, ${b})`);
      e.setRegister(EAX, 16, low);
      if (bits === 16) e.setRegister(EDX, 16, `${low} >>> 16`);
      wide = signed ? `${low} !== ${extended(low, bits)}` : `${low} >>> ${bits} !== 0`;
    }
    e.flags(EXPLICIT, { result: toTop(e, low), b: `${wide} ? ${PRODUCT_FLAGS} : 0` });
  };
/** The product of two explicit operands is signed. */
const multiplyTwo: Description = e => {
  const b = e.read(1, 'sign'),
    c = e.read(e.operands > 2 ? 2 : 0, 'sign');
  const r = e.result(extended(`Math.imul(${b}, ${c})`, e.bits));
  e.write(0, r);
  e.flags(EXPLICIT, { result: toTop(e, r), b: `productFlags(${b}, ${c}, ${r})` });
};

/** LOOP and its relatives: the counter goes down whether they branch or not. */
const loop =
  (also: (e: Emitter) => Value): Description =>
  e => {
    const left = e.countedDown();
    e.branch(`${left} !== 0${also(e)}`, () => e.setCounter(left));
  };

/** The comparison of two elements held at the top. */
const compare = (e: Emitter, a: Value, b: Value): void => e.flags(SUB, { a, b, result: e.result(`(${a} - ${b}) | 0`) });

/** By op. Cases of the switches stand in this order: what programs do most is close together. */
export const semantics: Record<string, Description> = {
  nop: () => {},
  mov: move('zero'),
  movzx: move('zero'),
  movsx: move('sign'),
  lea: e => e.write(0, e.address()),
  xchg: e => {
    const a = e.read(0, 'zero'),
      b = e.read(1, 'zero');
    e.atomic();
    e.write(1, a);
    e.write(0, b);
  },
  xadd: e => {
    const a = e.read(0, 'top'),
      b = e.read(1, 'top'),
      result = e.result(`(${a} + ${b}) | 0`);
    e.write(1, a, 'top');
    e.write(0, result, 'top');
    e.flags(ADD, { a, b, result });
  },
  cbw: e => e.setRegister(EAX, e.bits, extended(e.register(EAX, e.bits === 32 ? 16 : 8), e.bits / 2)),
  cwd: e => e.setRegister(EDX, e.bits, `${extended(e.register(EAX, e.bits), e.bits)} >> 31`),
  setcc: e => e.write(0, e.truth(e.condition())),
  // The source is read, and may fault, whatever the condition.
  cmovcc: e => {
    const b = e.read(1, 'zero');
    e.choose(e.condition(), b);
  },

  push: e => {
    const a = e.read(0, 'zero');
    e.slot();
    e.push(a);
  },
  pushsreg: e => {
    e.slot();
    // Of a slot of 32 bits current processors write 16 (SDM vol. 2, PUSH).
    e.push(e.selector(), 16);
  },
  // ESP moves first: POP ESP ends with what was popped, and POP to memory finds its address with the new ESP.
  pop: e => {
    const value = e.top();
    e.drop();
    e.write(0, value);
  },
  leave: e => {
    const value = e.top(EBP);
    e.drop();
    e.setRegister(EBP, e.bits, value);
  },

  jmp: e => {
    e.locate();
    e.go();
  },
  jcc: e => e.branch(e.condition(e.cc)),
  call: e => {
    e.locate();
    e.slot();
    e.push(e.returnAddress());
    e.go();
  },
  ret: e => {
    const eip = e.top();
    e.locate(eip);
    e.drop(e.immediate());
    e.go();
  },
  jmpind: e => {
    e.locate(e.read(0, 'zero'));
    e.go();
  },
  callind: e => {
    e.locate(e.read(0, 'zero'));
    e.slot();
    e.push(e.returnAddress());
    e.go();
  },
  jcxz: e => e.branch(`${e.counter()} === 0`),
  loop: loop(() => ''),
  loope: loop(e => ` && ${e.condition(4)}`),
  loopne: loop(e => ` && ${e.condition(5)}`),

  add: binary(ADD, (a, b) => `(${a} + ${b}) | 0`),
  or: binary(LOGIC, (a, b) => `${a} | ${b}`),
  adc: binary(ADC, (a, b, e) => `(${a} + ${b} + ${carryIn(e)}) | 0`),
  sbb: binary(SBB, (a, b, e) => `(${a} - ${b} - ${carryIn(e)}) | 0`),
  and: binary(LOGIC, (a, b) => `${a} & ${b}`),
  sub: binary(SUB, (a, b) => `(${a} - ${b}) | 0`),
  xor: binary(LOGIC, (a, b) => `${a} ^ ${b}`),
  cmp: binary(SUB, (a, b) => `(${a} - ${b}) | 0`, false),
  test: binary(LOGIC, (a, b) => `${a} & ${b}`, false),
  inc: step(INC, '+'),
  dec: step(DEC, '-'),
  neg: e => {
    const b = e.read(0, 'top'),
      result = e.result(`(0 - ${b}) | 0`);
    e.write(0, result, 'top');
    e.flags(SUB, { a: '0', b, result });
  },
  not: e => e.write(0, e.result(`~${e.read(0, 'zero')}`)),
  shl: shift(
    'top',
    (a, n) => `${a} << ${n}`,
    (a, n) => `(${a} >>> (32 - ${n})) & 1`,
    (_, _a, r, carry) => `${carry} ^ (${r} >>> 31)`,
  ),
  shr: shift(
    'zero',
    (a, n) => `${a} >>> ${n} | 0`,
    (a, n) => `(${a} >>> (${n} - 1)) & 1`,
    (e, a) => `(${a} >>> ${e.bits - 1}) & 1`,
  ),
  sar: shift(
    'sign',
    (a, n) => `${a} >> ${n}`,
    (a, n) => `(${a} >> (${n} - 1)) & 1`,
    () => '0',
  ),
  rol: rotate(
    (a, n, bits) => `${a} << ${n} | ${a} >>> (${bits} - ${n} & 31)`,
    r => `${r} & 1`,
    (r, carry, bits) => `${carry} ^ (${r} >>> ${bits - 1} & 1)`,
  ),
  ror: rotate(
    (a, n, bits) => `${a} >>> ${n} | ${a} << (${bits} - ${n} & 31)`,
    (r, bits) => `${r} >>> ${bits - 1} & 1`,
    (r, carry, bits) => `${carry} ^ (${r} >>> ${bits - 2} & 1)`,
  ),
  mul: multiply(false),
  imul: e => (e.operands === 1 ? multiply(true) : multiplyTwo)(e),
  bt: bitTest(null),
  bts: bitTest((a, n) => `${a} | 1 << ${n}`),
  btr: bitTest((a, n) => `${a} & ~(1 << ${n})`),
  btc: bitTest((a, n) => `${a} ^ 1 << ${n}`),
  bsf: bitScan(b => `${b} & -${b}`),
  bsr: bitScan(b => b),
  // The result for 16 bits is undefined; processors clear the register.
  bswap: e => {
    const a = e.read(0, 'zero');
    e.write(0, e.bits === 16 ? '0' : `${a} << 24 | (${a} & 65280) << 8 | ${a} >>> 8 & 65280 | ${a} >>> 24`);
  },

  // One element; REP is the emitter's.
  movs: e => {
    e.storeElement(e.source());
    e.advance(ESI);
    e.advance(EDI);
    e.repeats('copyElements');
  },
  stos: e => {
    e.storeElement(e.register(EAX, e.bits));
    e.advance(EDI);
    e.repeats('fillElements');
  },
  lods: e => {
    e.setRegister(EAX, e.bits, e.source());
    e.advance(ESI);
  },
  cmps: e => {
    const a = e.source('top'),
      b = e.destination('top');
    compare(e, a, b);
    e.advance(ESI);
    e.advance(EDI);
    e.repeats('whileEqual');
  },
  scas: e => {
    const b = e.destination('top');
    compare(e, e.keep(toTop(e, e.register(EAX, e.bits))), b);
    e.advance(EDI);
    e.repeats('whileEqual');
  },
};
