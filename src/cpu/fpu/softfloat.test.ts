import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as sf from './softfloat.ts';

/**
 * The reference: exact rational arithmetic on BigInt, rounded from the definition in IEEE 754-2008 section 4 and 7.
 * A value is (-1)^sign * m * 2^e; `sticky` says that a little more than m (less than one unit) is meant.
 */
interface Exact {
  sign: number;
  m: bigint;
  e: number;
  sticky: boolean;
}

const bits = (m: bigint) => m.toString(2).length;

/** m * 2^e in one way only: m odd (or zero). */
function canonical(m: bigint, e: number): string {
  if (m === 0n) return '0';
  const zeros = bits(m & -m) - 1;
  return `${m >> BigInt(zeros)}p${e + zeros}`;
}

/** Rounds to `precision` bits, unit no smaller than 2^(min - precision + 1). Returns the value as m * 2^e and whether inexact and rounded up. */
function roundAt(v: Exact, unit: number, mode: number): { m: bigint; inexact: boolean; up: boolean } {
  const shift = unit - v.e;
  let m = v.m,
    below = 0n,
    half = 0n,
    sticky = v.sticky;
  if (shift > 0) {
    m = v.m >> BigInt(shift);
    below = v.m - (m << BigInt(shift));
    half = 1n << BigInt(shift - 1);
  } else {
    if (sticky) throw new Error('reference needs more bits');
    m = v.m << BigInt(-shift);
  }
  const inexact = below !== 0n || sticky;
  let up = false;
  if (mode === sf.NEAREST)
    up = (below > half && shift > 0) || (shift > 0 && below === half && (sticky || (m & 1n) === 1n));
  else if (mode === sf.UP) up = inexact && v.sign === 0;
  else if (mode === sf.DOWN) up = inexact && v.sign === 1;
  return { m: up ? m + 1n : m, inexact, up };
}

function reference(v: Exact, precision: number, min: number, max: number, mode: number): string {
  const top = v.e + bits(v.m) - 1;
  const free = roundAt(v, top - precision + 1, mode);
  const freeTop = top + (bits(free.m) > precision ? 1 : 0);
  const tiny = freeTop < min;
  const r = top < min ? roundAt(v, min - precision + 1, mode) : free;
  const unit = top < min ? min - precision + 1 : top - precision + 1;
  let flags = r.inexact ? sf.PE : 0;
  if (r.up) flags |= sf.C1;
  if (tiny && r.inexact) flags |= sf.UE;
  if (freeTop > max) {
    const toInfinity = mode === sf.NEAREST || mode === (v.sign ? sf.DOWN : sf.UP);
    flags = sf.OE | sf.PE | (toInfinity ? sf.C1 : 0);
    if (toInfinity) return `${v.sign} inf ${flags}`;
    return `${v.sign} ${canonical((1n << BigInt(precision)) - 1n, max - precision + 1)} ${flags}`;
  }
  return `${v.sign} ${canonical(r.m, unit)} ${flags}`;
}

/** The slot Z after rounding, in the same words. */
function result(drop: number, min: number, max: number, mode: number): string {
  const flags = sf.round(sf.Z, drop, min, max, mode, 0x3f);
  const sign = sf.W[sf.Z + sf.SIGN],
    kind = sf.W[sf.Z];
  if (kind === sf.INFINITE) return `${sign} inf ${flags}`;
  if (kind === sf.ZERO) return `${sign} 0 ${flags}`;
  return `${sign} ${canonical(mantissa(sf.Z), sf.W[sf.Z + sf.EXP] - 63)} ${flags}`;
}

const mantissa = (o: number) => (BigInt(sf.W[o + sf.HIGH] >>> 0) << 32n) | BigInt(sf.W[o + sf.LOW] >>> 0);

const word = fc.oneof(
  fc.integer(),
  fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000, 0x800, 0x400, 0x7ff, -0x800, 0x100, 0x80),
  fc.integer({ min: 0, max: 31 }).map(n => 1 << n),
  fc.integer({ min: 0, max: 31 }).map(n => -(1 << n)),
);
/** Significands that lie near powers of two and ties as often as anywhere. */
const significand = fc.tuple(word, word).map(([h, l]) => [h | 0x80000000, l] as const);
const near = fc.oneof(fc.integer({ min: -70, max: 70 }), fc.integer({ min: -2, max: 2 }));
const modes = fc.constantFrom(sf.NEAREST, sf.DOWN, sf.UP, sf.ZERO_WARD);
const formats = fc.constantFrom(
  [0, 64, sf.MIN_80, sf.MAX_80],
  [11, 53, sf.MIN_80, sf.MAX_80],
  [40, 24, sf.MIN_80, sf.MAX_80],
  [11, 53, sf.MIN_64, sf.MAX_64],
  [40, 24, sf.MIN_32, sf.MAX_32],
);

function load(o: number, sign: number, e: number, [h, l]: readonly [number, number]): Exact {
  sf.W[o] = sf.NORMAL;
  sf.W[o + sf.SIGN] = sign;
  sf.W[o + sf.EXP] = e;
  sf.W[o + sf.HIGH] = h;
  sf.W[o + sf.LOW] = l;
  sf.W[o + sf.REST] = 0;
  return { sign, m: mantissa(o), e: e - 63, sticky: false };
}

function root(n: bigint): bigint {
  let x = 1n << BigInt((bits(n) + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

const runs = { numRuns: 10_000 };

describe('softfloat against exact rational arithmetic', () => {
  /** Exponent of the first operand so that the result lies in the middle of, or around an end of, the format's range. */
  const place = (where: number, min: number, max: number) => (where === 0 ? 0 : where === 1 ? min : max);
  const where = fc.integer({ min: 0, max: 2 });

  it('adds and subtracts', () => {
    fc.assert(
      fc.property(
        significand,
        significand,
        near,
        near,
        fc.boolean(),
        fc.boolean(),
        modes,
        formats,
        where,
        (a, b, d, off, sign, negate, mode, [drop, precision, min, max], w) => {
          const ea = place(w, min, max) + off;
          const x = load(sf.X, sign ? 1 : 0, ea, a),
            y = load(sf.Y, 0, ea + d, b);
          sf.add(sf.X, sf.Y, negate ? 1 : 0, mode);
          const low = Math.min(x.e, y.e);
          const sum =
            (x.sign ? -1n : 1n) * (x.m << BigInt(x.e - low)) + (negate ? -1n : 1n) * (y.m << BigInt(y.e - low));
          if (sum === 0n) {
            expect([sf.W[sf.Z], sf.W[sf.Z + sf.SIGN]]).toEqual([sf.ZERO, mode === sf.DOWN ? 1 : 0]);
            return;
          }
          const exact = { sign: sum < 0n ? 1 : 0, m: sum < 0n ? -sum : sum, e: low, sticky: false };
          expect(result(drop, min, max, mode)).toBe(reference(exact, precision, min, max, mode));
        },
      ),
      runs,
    );
  });

  it('multiplies', () => {
    fc.assert(
      fc.property(
        significand,
        significand,
        near,
        fc.boolean(),
        modes,
        formats,
        where,
        (a, b, off, sign, mode, [drop, precision, min, max], w) => {
          const x = load(sf.X, sign ? 1 : 0, place(w, min, max) + off, a),
            y = load(sf.Y, 0, 0, b);
          sf.multiply(sf.X, sf.Y);
          expect(result(drop, min, max, mode)).toBe(
            reference({ sign: x.sign, m: x.m * y.m, e: x.e + y.e, sticky: false }, precision, min, max, mode),
          );
        },
      ),
      runs,
    );
  });

  it('divides', () => {
    fc.assert(
      fc.property(
        significand,
        significand,
        near,
        fc.boolean(),
        modes,
        formats,
        where,
        (a, b, off, sign, mode, [drop, precision, min, max], w) => {
          const x = load(sf.X, sign ? 1 : 0, place(w, min, max) + off, a),
            y = load(sf.Y, 0, 0, b);
          sf.divide(sf.X, sf.Y);
          const n = x.m << 200n,
            q = n / y.m;
          expect(result(drop, min, max, mode)).toBe(
            reference({ sign: x.sign, m: q, e: x.e - 200 - y.e, sticky: q * y.m !== n }, precision, min, max, mode),
          );
        },
      ),
      runs,
    );
  });

  it('divides products exactly', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), modes, (a, b, mode) => {
        load(sf.X, 0, 5, [a | 0x80000000, 0]);
        load(sf.Y, 0, 3, [b | 0x80000000, 0]);
        sf.multiply(sf.X, sf.Y);
        sf.copySlot(sf.Z, sf.X);
        sf.divide(sf.X, sf.Y);
        expect(sf.round(sf.Z, 0, sf.MIN_80, sf.MAX_80, mode, 0x3f)).toBe(0);
        expect([sf.W[sf.Z + sf.HIGH], sf.W[sf.Z + sf.LOW], sf.W[sf.Z + sf.EXP]]).toEqual([a | 0x80000000, 0, 5]);
      }),
      runs,
    );
  });

  it('takes square roots', () => {
    fc.assert(
      fc.property(significand, near, modes, formats, (a, e, mode, [drop, precision, min, max]) => {
        const x = load(sf.X, 0, e, a);
        sf.squareRoot(sf.X);
        const shift = 300 + (x.e & 1),
          m = x.m << BigInt(shift),
          r = root(m);
        expect(result(drop, min, max, mode)).toBe(
          reference({ sign: 0, m: r, e: (x.e - shift) / 2, sticky: r * r !== m }, precision, min, max, mode),
        );
      }),
      runs,
    );
  });

  it('takes square roots of squares and their neighbours', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: -1, max: 1 }), (a, d) => {
        const r = BigInt(a | 0x80000000) & 0xffffffffn,
          square = r * r + BigInt(d),
          top = bits(square);
        if (top < 63) return;
        const m = square << BigInt(64 - top);
        const x = load(sf.X, 0, top - 1, [Number(BigInt.asIntN(32, m >> 32n)), Number(BigInt.asIntN(32, m))]);
        sf.squareRoot(sf.X);
        const big = x.m << BigInt(300 + (x.e & 1)),
          s = root(big);
        expect(result(0, sf.MIN_80, sf.MAX_80, sf.NEAREST)).toBe(
          reference(
            { sign: 0, m: s, e: (x.e - 300 - (x.e & 1)) / 2, sticky: s * s !== big },
            64,
            sf.MIN_80,
            sf.MAX_80,
            sf.NEAREST,
          ),
        );
      }),
      runs,
    );
  });

  it('agrees with the processor under JavaScript in doubles and floats, denormals and all', () => {
    const f64 = new Float64Array(3),
      i64 = new Int32Array(f64.buffer),
      f32 = new Float32Array(3),
      i32 = new Int32Array(f32.buffer);
    const operations: [(a: number, b: number) => number, () => void][] = [
      [(a, b) => a + b, () => sf.add(sf.X, sf.Y, 0, sf.NEAREST)],
      [(a, b) => a - b, () => sf.add(sf.X, sf.Y, 1, sf.NEAREST)],
      [(a, b) => a * b, () => sf.multiply(sf.X, sf.Y)],
      [(a, b) => a / b, () => sf.divide(sf.X, sf.Y)],
    ];
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 0, max: 3 }),
        (a, b, n) => {
          if (a === 0 || b === 0) return;
          f64[0] = a;
          f64[1] = b;
          f64[2] = operations[n][0](a, b);
          sf.unpack64(i64[0], i64[1], sf.X);
          sf.unpack64(i64[2], i64[3], sf.Y);
          operations[n][1]();
          if (sf.W[sf.Z] !== sf.ZERO) sf.round(sf.Z, sf.DROP_64, sf.MIN_64, sf.MAX_64, sf.NEAREST, 0x3f);
          sf.pack64(sf.Z);
          expect([sf.W[sf.OUT], sf.W[sf.OUT + 1]]).toEqual([i64[4], i64[5]]);
        },
      ),
      runs,
    );
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 0, max: 2 }),
        (a, b, n) => {
          if (a === 0 || b === 0) return;
          f32[0] = a;
          f32[1] = b;
          f32[2] = operations[n][0](a, b);
          sf.unpack32(i32[0], sf.X);
          sf.unpack32(i32[1], sf.Y);
          operations[n][1]();
          if (sf.W[sf.Z] !== sf.ZERO) sf.round(sf.Z, sf.DROP_32, sf.MIN_32, sf.MAX_32, sf.NEAREST, 0x3f);
          sf.pack32(sf.Z);
          expect(sf.W[sf.OUT]).toBe(i32[2]);
        },
      ),
      runs,
    );
  });

  it('converts to integers and integral values', () => {
    fc.assert(
      fc.property(
        significand,
        fc.integer({ min: -4, max: 66 }),
        fc.boolean(),
        modes,
        fc.constantFrom(16, 32, 64),
        (a, e, sign, mode, size) => {
          const x = load(sf.X, sign ? 1 : 0, e, a);
          const r = roundAt(x, 0, mode),
            value = sign ? -r.m : r.m;
          const flags = sf.toInteger(sf.X, size, mode);
          const got = (BigInt(sf.W[sf.OUT + 1]) << 32n) | BigInt(sf.W[sf.OUT] >>> 0);
          if (BigInt.asIntN(size, value) !== value) {
            expect([flags, got]).toEqual([sf.IE, -(1n << BigInt(size - 1))]);
          } else expect([flags, got]).toEqual([(r.inexact ? sf.PE : 0) | (r.up ? sf.C1 : 0), value]);
          const integralFlags = sf.roundToIntegral(sf.X, mode);
          expect(integralFlags).toBe((r.inexact ? sf.PE : 0) | (r.up ? sf.C1 : 0));
          expect(
            sf.W[sf.X] === sf.ZERO
              ? 0n
              : sf.W[sf.X + sf.EXP] >= 63
                ? mantissa(sf.X) << BigInt(sf.W[sf.X + sf.EXP] - 63)
                : mantissa(sf.X) >> BigInt(63 - sf.W[sf.X + sf.EXP]),
          ).toBe(r.m);
        },
      ),
      runs,
    );
  });
});
