/**
 * What the common instructions do, written once as text that each tier of the engine expands: the interpreter's hot switch, its general
 * functions, and (later) compiled regions. Rarer instructions are ordinary functions in src/cpu/ops and src/cpu/fpu.
 *
 * Names in the text: `a`, `b`, `c` are the operands' values, `r` the result; `fk fa fb fr` the lazy flags (flags.ts); SHIFT is 0, 16 or 24 for
 * operands of 32, 16, 8 bits; ONE is 1 << SHIFT; BITS the operand size; CARRY the carry flag as 0 or 1; SKIP retires the instruction at once;
 * SETCF(x) changes CF alone. `t` is free.
 */
export interface Semantics {
  /** Operands that are read. */
  reads: '' | 'a' | 'b' | 'ab' | 'abc' | 'bc';
  /** How operands narrower than 32 bits are held: at the top of the word, or at the bottom zero- or sign-extended. */
  form: 'top' | 'zero' | 'sign';
  /** Text; must leave the result in `r` when `writes`. */
  text: string;
  writes?: boolean;
  /** Text of the value that goes to operand 1 (a register), stored before operand 0. */
  second?: string;
  /** Flag text, after the stores. */
  flags?: string;
}

const set = (kind: string, a: string, b: string, r = 'r') => `fk = ${kind} | SHIFT << 4; fa = ${a}; fb = ${b}; fr = ${r};`;
const binary = (text: string, kind: string, writes = true): Semantics => ({
  reads: 'ab', form: 'top', text: `r = ${text};`, writes, flags: kind === 'LOGIC' ? 'fk = LOGIC | SHIFT << 4; fr = r;' : set(kind, 'a', 'b'),
});

/** A shift: SDM vol. 2, SAL/SAR/SHL/SHR. OF is defined for a count of 1 only; what stands here is right for that. AF is undefined: cleared. */
const shift = (form: 'top' | 'zero' | 'sign', text: string, cf: string, of: string): Semantics => ({
  reads: 'ab', form, text: `b &= 31; if (b === 0) SKIP; t = ${cf}; r = ${text};`, writes: true,
  flags: `fk = EXPLICIT | SHIFT << 4; fr = ${form === 'top' ? 'r' : 'r << SHIFT'}; fb = t | (${of}) << 11;`,
});

/** Rotates change CF and OF alone: SF, ZF, PF stay derivable from `fr`, AF moves into `fb`. */
const rotate = (text: string, cf: string, of: string): Semantics => ({
  reads: 'ab', form: 'zero',
  text: `b &= 31; if (b === 0) SKIP; b &= BITS - 1; r = ${text};`,
  writes: true,
  flags: `if (fk !== ALL && (fk & 15) !== EXPLICIT) { fb = arithmetic(fk, fa, fb, fr); fk = fk & -16 | EXPLICIT; } t = ${cf}; fb = fb & -2050 | t | (${of}) << 11;`,
});

const bit = (text: string | null): Semantics => ({
  reads: 'ab', form: 'zero', text: `b &= BITS - 1; t = a >>> b & 1;${text ? ` r = ${text};` : ''}`, writes: text !== null, flags: 'SETCF(t)',
});

export const semantics: Record<string, Semantics> = {
  add: binary('(a + b) | 0', 'ADD'),
  or: binary('a | b', 'LOGIC'),
  adc: binary('(a + b + (CARRY << SHIFT)) | 0', 'ADC'),
  sbb: binary('(a - b - (CARRY << SHIFT)) | 0', 'SBB'),
  and: binary('a & b', 'LOGIC'),
  sub: binary('(a - b) | 0', 'SUB'),
  xor: binary('a ^ b', 'LOGIC'),
  cmp: binary('(a - b) | 0', 'SUB', false),
  test: binary('a & b', 'LOGIC', false),
  inc: { reads: 'a', form: 'top', text: 'b = CARRY; r = (a + ONE) | 0;', writes: true, flags: set('INC', 'a', 'b') },
  dec: { reads: 'a', form: 'top', text: 'b = CARRY; r = (a - ONE) | 0;', writes: true, flags: set('DEC', 'a', 'b') },
  neg: { reads: 'a', form: 'top', text: 'r = (0 - a) | 0;', writes: true, flags: set('SUB', '0', 'a') },
  not: { reads: 'a', form: 'zero', text: 'r = ~a;', writes: true },
  mov: { reads: 'b', form: 'zero', text: 'r = b;', writes: true },
  movzx: { reads: 'b', form: 'zero', text: 'r = b;', writes: true },
  movsx: { reads: 'b', form: 'sign', text: 'r = b;', writes: true },
  xchg: { reads: 'ab', form: 'zero', text: 'r = b;', writes: true, second: 'a' },
  xadd: { reads: 'ab', form: 'top', text: 'r = (a + b) | 0;', writes: true, second: 'a', flags: set('ADD', 'a', 'b') },
  shl: shift('top', 'a << b', '(a >>> (32 - b)) & 1', 't ^ (r >>> 31)'),
  shr: shift('zero', 'a >>> b | 0', '(a >>> (b - 1)) & 1', '(a >>> (BITS - 1)) & 1'),
  sar: shift('sign', 'a >> b', '(a >> (b - 1)) & 1', '0'),
  rol: rotate('a << b | a >>> (BITS - b & 31)', 'r & 1', 't ^ (r >>> (BITS - 1) & 1)'),
  ror: rotate('a >>> b | a << (BITS - b & 31)', 'r >>> (BITS - 1) & 1', 't ^ (r >>> (BITS - 2) & 1)'),
  // The two-operand product is signed; CF = OF = it does not fit. Doubles hold every product that could compare equal exactly.
  imul: {
    reads: 'bc', form: 'sign', text: 'r = Math.imul(b, c) << SHIFT >> SHIFT; t = r === b * c ? 0 : 2049;', writes: true,
    flags: 'fk = EXPLICIT | SHIFT << 4; fr = r << SHIFT; fb = t;',
  },
  bt: bit(null),
  bts: bit('a | 1 << b'),
  btr: bit('a & ~(1 << b)'),
  btc: bit('a ^ 1 << b'),
  // SDM: the destination is undefined for a source of 0; processors leave it alone.
  bsf: { reads: 'b', form: 'zero', text: 'fk = LOGIC | SHIFT << 4; fr = b << SHIFT; if (b === 0) SKIP; r = 31 - Math.clz32(b & -b);', writes: true },
  bsr: { reads: 'b', form: 'zero', text: 'fk = LOGIC | SHIFT << 4; fr = b << SHIFT; if (b === 0) SKIP; r = 31 - Math.clz32(b);', writes: true },
  bswap: { reads: 'a', form: 'zero', text: 'r = a << 24 | (a & 65280) << 8 | a >>> 8 & 65280 | a >>> 24;', writes: true },
};

/** Condition codes as text over the lazy flags; the common kinds inline, the rest by a call. */
export function conditionText(cc: number): string {
  const not = (cc & 1) === 1;
  const sub = '(fk & 15) === SUB';
  const wrap = (yes: string, no: string) => (not ? no : yes);
  const slow = `condition(${cc}, fk, fa, fb, fr)`;
  switch (cc >> 1) {
    case 1: return `(${sub} ? ${wrap('fa >>> 0 < fb >>> 0', 'fa >>> 0 >= fb >>> 0')} : ${slow})`;
    case 2: return wrap('fr === 0', 'fr !== 0');
    case 3: return `(${sub} ? ${wrap('fa >>> 0 <= fb >>> 0', 'fa >>> 0 > fb >>> 0')} : ${slow})`;
    case 4: return `(fk !== ALL ? ${wrap('fr < 0', 'fr >= 0')} : ${slow})`;
    case 6: return `(${sub} ? ${wrap('fa < fb', 'fa >= fb')} : ${slow})`;
    case 7: return `(${sub} ? ${wrap('fa <= fb', 'fa > fb')} : ${slow})`;
    default: return slow;
  }
}
