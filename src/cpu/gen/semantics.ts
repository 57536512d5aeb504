/**
 * What the common instructions do, described once against an emitter (emitter.ts): the interpreter's two switches, its general functions and compiled
 * regions are expanded from it. Rarer instructions are ordinary functions in src/cpu/ops and src/cpu/fpu. Source: SDM vol. 2, at each mnemonic.
 */
import { ADC, ADD, CF, DEC, EXPLICIT, INC, LOGIC, OF, SBB, SUB } from '../architecture/flags.ts';
import { EAX, EBP, EDI, EDX, ESI } from '../architecture/registers.ts';
import type { Bitwise, Description, Emitter, Held, Size, Value } from './emitter.ts';

/** A value that is not held at the top, moved there for the flags. */
const toTop = (e: Emitter, value: Value): Value => (e.shift === 0 ? value : `${value} << ${e.shift}`);
/** One, held at the top. */
const one = (e: Emitter): Value => String(1 << e.shift);
/** The low bits of an expression, sign-extended. */
const extended = (value: Value, bits: number): Value =>
  bits >= 32 ? value : `${value} << ${32 - bits} >> ${32 - bits}`;

const binary =
  (kind: number, operation: (e: Emitter, a: Value, b: Value) => Value, writes = true): Description =>
  e => {
    const a = e.read(0, 'top'),
      b = e.read(1, 'top');
    const result = e.result(operation(e, a, b));
    if (writes) e.write(0, result, 'top');
    e.flags(kind, kind === LOGIC ? { result } : { a, b, result });
  };
const sum = (e: Emitter, a: Value, b: Value): Value => e.sum(a, b);
const difference = (e: Emitter, a: Value, b: Value): Value => e.difference(a, b);
const bitwise =
  (operator: Bitwise) =>
  (e: Emitter, a: Value, b: Value): Value =>
    e.bitwise(operator, a, b);
/** CF as one of the lowest bit of a value held at the top. */
const carryIn = (e: Emitter): Value => (e.shift === 0 ? e.carry() : `(${e.carry()} << ${e.shift})`);

/** INC and DEC leave CF alone: it is kept in the second operand's place. */
const step =
  (kind: number, operation: (e: Emitter, a: Value, b: Value) => Value): Description =>
  e => {
    const a = e.read(0, 'top'),
      b = e.keep(e.carry());
    const result = e.result(operation(e, a, one(e)));
    e.write(0, result, 'top');
    e.flags(kind, { a, b, result });
  };

/** A shift. OF is defined for a count of 1 only; this text is right for that. AF is undefined: cleared. */
const shift =
  (
    how: Held & ('top' | 'zero' | 'sign'),
    operation: '<<' | '>>' | '>>>',
    carry: (e: Emitter, a: Value, n: Value) => Value,
    overflow: (e: Emitter, a: Value, r: Value, carry: Value) => Value,
  ): Description =>
  e => {
    const a = e.read(0, how),
      n = e.read(1, 'count');
    e.skipIf(`${n} === 0`);
    const out = e.keep(carry(e, a, n)),
      r = e.result(e.shifted(operation, a, n)),
      top = how === 'top';
    e.write(0, r, top ? 'top' : 'zero');
    e.flags(EXPLICIT, { result: top ? r : toTop(e, r), b: `${out} | (${overflow(e, a, r, out)}) << 11` });
  };

/** Rotates change CF and OF alone. */
const rotate =
  (
    left: boolean,
    carry: (e: Emitter, r: Value) => Value,
    overflow: (e: Emitter, r: Value, carry: Value) => Value,
  ): Description =>
  e => {
    const a = e.read(0, 'zero'),
      count = e.read(1, 'count');
    e.skipIf(`${count} === 0`);
    const n = e.mask(count, e.bits - 1);
    const r = e.result(e.rotated(left, a, n)),
      out = e.keep(carry(e, r));
    e.write(0, r);
    e.changeFlags(CF | OF, `${out} | (${overflow(e, r, out)}) << 11`);
  };

const bitTest =
  (change: Bitwise | null): Description =>
  e => {
    const a = e.read(0, 'zero'),
      n = e.read(1, 'bit');
    const found = e.keep(`${e.from(a, n)} & 1`);
    if (change !== null) e.write(0, e.result(e.withBit(change, a, n)));
    e.changeFlags(CF, found);
  };

/** The destination is undefined for a source of 0; processors leave it alone. */
const bitScan =
  (which: 'lowest' | 'highest'): Description =>
  e => {
    const b = e.read(1, 'zero');
    e.flags(LOGIC, { result: toTop(e, b) });
    e.when(e.isNotZero(b), () => e.write(0, e.bitNumber(which, b)));
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
    if (bits >= 32) {
      const a = e.keep(accumulator);
      const high = e.result(e.productHigh(a, b, signed));
      e.setRegister(EAX, bits, e.product(a, b));
      e.setRegister(EDX, bits, high);
      low = e.register(EAX, bits);
      wide = signed ? e.differ(high, e.signs(low)) : e.isNotZero(high);
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
  const r = e.result(extended(e.product(b, c), e.bits));
  e.write(0, r);
  e.flags(EXPLICIT, { result: toTop(e, r), b: e.productFlags(b, c, r) });
};

/** LOOP and its relatives: the counter goes down whether they branch or not. */
const loop =
  (also: (e: Emitter) => Value): Description =>
  e => {
    const left = e.countedDown();
    e.branch(`${e.isNotZero(left)}${also(e)}`, () => e.setCounter(left));
  };

/** The comparison of two elements held at the top. */
const compare = (e: Emitter, a: Value, b: Value): void => e.flags(SUB, { a, b, result: e.result(e.difference(a, b)) });

/** By op. Cases of the switches are in this order: what programs do most is close together. */
export const semantics: Record<string, Description> = {
  nop: () => {},
  mov: move('zero'),
  movzx: move('zero'),
  movsx: move('sign'),
  movsxd: move('sign'),
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
      result = e.result(e.sum(a, b));
    e.write(1, a, 'top');
    e.write(0, result, 'top');
    e.flags(ADD, { a, b, result });
  },
  cbw: e => e.setRegister(EAX, e.bits, e.signExtended(e.register(EAX, (e.bits / 2) as Size), (e.bits / 2) as Size)),
  cwd: e => e.setRegister(EDX, e.bits, e.signs(extended(e.register(EAX, e.bits), e.bits))),
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
  jcxz: e => e.branch(e.isZero(e.counter())),
  loop: loop(() => ''),
  loope: loop(e => ` && ${e.condition(4)}`),
  loopne: loop(e => ` && ${e.condition(5)}`),

  add: binary(ADD, sum),
  or: binary(LOGIC, bitwise('|')),
  adc: binary(ADC, (e, a, b) => e.sum(a, b, carryIn(e))),
  sbb: binary(SBB, (e, a, b) => e.difference(a, b, carryIn(e))),
  and: binary(LOGIC, bitwise('&')),
  sub: binary(SUB, difference),
  xor: binary(LOGIC, bitwise('^')),
  cmp: binary(SUB, difference, false),
  test: binary(LOGIC, bitwise('&'), false),
  inc: step(INC, sum),
  dec: step(DEC, difference),
  neg: e => {
    const b = e.read(0, 'top'),
      result = e.result(e.difference('0', b));
    e.write(0, result, 'top');
    e.flags(SUB, { a: '0', b, result });
  },
  not: e => e.write(0, e.result(e.complement(e.read(0, 'zero')))),
  shl: shift(
    'top',
    '<<',
    (e, a, n) => `(${e.from(a, `(${e.width} - ${n})`)}) & 1`,
    (e, _, r, carry) => `${carry} ^ (${e.from(r, e.width - 1)})`,
  ),
  shr: shift(
    'zero',
    '>>>',
    (e, a, n) => `(${e.from(a, `(${n} - 1)`)}) & 1`,
    (e, a) => `(${e.from(a, e.bits - 1)}) & 1`,
  ),
  sar: shift(
    'sign',
    '>>',
    (e, a, n) => `(${e.from(a, `(${n} - 1)`, '>>')}) & 1`,
    () => '0',
  ),
  rol: rotate(
    true,
    (_, r) => `${r} & 1`,
    (e, r, carry) => `${carry} ^ (${e.from(r, e.bits - 1)} & 1)`,
  ),
  ror: rotate(
    false,
    (e, r) => `${e.from(r, e.bits - 1)} & 1`,
    (e, r, carry) => `${carry} ^ (${e.from(r, e.bits - 2)} & 1)`,
  ),
  mul: multiply(false),
  imul: e => (e.operands === 1 ? multiply(true) : multiplyTwo)(e),
  bt: bitTest(null),
  bts: bitTest('|'),
  btr: bitTest('&'),
  btc: bitTest('^'),
  bsf: bitScan('lowest'),
  bsr: bitScan('highest'),
  // The result for 16 bits is undefined; processors clear the register.
  bswap: e => {
    const a = e.read(0, 'zero');
    e.write(0, e.bits === 16 ? '0' : e.reversed(a));
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
