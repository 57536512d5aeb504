import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FCW, FPR, FSW, FTW } from '../architecture/registers.ts';
import { rows } from '../table/index.ts';
import { FakeCore } from './fake-core.ts';
import { fpuOps } from './ops.ts';

/** The reference: series in fixed point with 260 bits of fraction, from the textbook definitions. */
const F = 260n,
  ONE = 1n << F;
const mul = (a: bigint, b: bigint) => (a * b) >> F;
const div = (a: bigint, b: bigint) => (a << F) / b;
const abs = (a: bigint) => (a < 0n ? -a : a);

function series(first: bigint, next: (term: bigint, n: bigint) => bigint): bigint {
  let sum = 0n,
    term = first;
  for (let n = 1n; abs(term) > 1n; n++) {
    sum += term;
    term = next(term, n);
  }
  return sum;
}
/** 2 atanh(s) = ln((1 + s) / (1 - s)), for |s| < 1/2. */
const logOfRatio = (s: bigint) => {
  const q = mul(s, s);
  let sum = 0n,
    power = s;
  for (let n = 1n; abs(power) > 1n; n += 2n) {
    sum += power / n;
    power = mul(power, q);
  }
  return 2n * sum;
};
const LN2 = logOfRatio(ONE / 3n);
const exp = (x: bigint) => series(ONE, (t, n) => mul(t, x) / n);
const sin = (x: bigint) => series(x, (t, n) => -mul(mul(t, x), x) / (2n * n * (2n * n + 1n)));
const cos = (x: bigint) => series(ONE, (t, n) => -mul(mul(t, x), x) / ((2n * n - 1n) * (2n * n)));
function root(n: bigint): bigint {
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}
function atan(q: bigint): bigint {
  let x = q,
    k = 0n;
  while (abs(x) > ONE >> 4n) {
    x = div(x, ONE + root((ONE << F) + x * x));
    k++;
  }
  const s = mul(x, x);
  let sum = 0n,
    power = x,
    sign = 1n;
  for (let n = 1n; abs(power) > 1n; n += 2n) {
    sum += (sign * power) / n;
    power = mul(power, s);
    sign = -sign;
  }
  return sum << k;
}
const PI = 4n * atan(ONE);
function log2(x: bigint): bigint {
  let k = 0n;
  while (x > (ONE * 4n) / 3n) {
    x /= 2n;
    k++;
  }
  while (x < (ONE * 2n) / 3n) {
    x *= 2n;
    k--;
  }
  return (k << F) + div(logOfRatio(div(x - ONE, x + ONE)), LN2);
}

/** Runs a row on ST(0) and ST(1) given as 80-bit integers; ST(0) and ST(1) afterwards. */
const core = new FakeCore();
function run(name: string, st0: bigint, st1 = 0n): [bigint, bigint] {
  const row = rows.find(r => r.mnemonic === name)!,
    R = core.R;
  R[FCW] = 0x37f;
  R[FSW] = 0;
  R[FTW] = 3;
  [st0, st1].forEach((v, i) => {
    R[FPR + 4 * i] = Number(v & 0xffffffffn);
    R[FPR + 4 * i + 1] = Number((v >> 32n) & 0xffffffffn);
    R[FPR + 4 * i + 2] = Number(v >> 64n);
  });
  fpuOps[row.op](row, false, 32)(core, 0);
  const read = (i: number) => {
    const a = FPR + 4 * (((R[FSW] >> 11) + i) & 7);
    return (BigInt(R[a + 2] & 0xffff) << 64n) | (BigInt(R[a + 1] >>> 0) << 32n) | BigInt(R[a] >>> 0);
  };
  return [read(0), read(1)];
}

const exponentOf = (v: bigint) => Number((v >> 64n) & 0x7fffn) - 16383;
function fixed(v: bigint): bigint {
  const m = v & 0xffffffffffffffffn,
    e = exponentOf(v) - 63 + Number(F);
  const magnitude = e >= 0 ? m << BigInt(e) : m >> BigInt(-e);
  return v >> 79n ? -magnitude : magnitude;
}
/** Error in units of the last place. */
function error(got: bigint, want: bigint): number {
  const unit = exponentOf(got) - 63;
  return Number((abs(fixed(got) - want) << 20n) >> BigInt(unit + Number(F))) / 2 ** 20;
}

const word = fc.integer().map(v => BigInt(v >>> 0));
const number = (low: number, high: number, sign = fc.integer({ min: 0, max: 1 })) =>
  fc
    .tuple(sign, fc.integer({ min: low, max: high }), word, word)
    .map(([s, e, h, l]) => (BigInt(s) << 79n) | (BigInt(e + 16383) << 64n) | (1n << 63n) | (h << 32n) | l);
const positive = fc.constant(0);
const LIMIT = 0.501,
  runs = { numRuns: 400 };

describe('transcendental instructions are right to half a unit in the last place', () => {
  it('F2XM1', () => {
    fc.assert(
      fc.property(number(-60, -1), x => {
        expect(error(run('f2xm1', x)[0], exp(mul(fixed(x), LN2)) - ONE)).toBeLessThan(LIMIT);
      }),
      runs,
    );
  });
  it('FYL2X', () => {
    fc.assert(
      fc.property(number(-80, 80, positive), number(-8, 8), (x, y) => {
        expect(error(run('fyl2x', x, y)[0], mul(fixed(y), log2(fixed(x))))).toBeLessThan(LIMIT);
      }),
      runs,
    );
    fc.assert(
      fc.property(number(-60, -4), number(0, 0), (d, y) => {
        // Around one.
        const near = ((0x3fffn << 64n) | (1n << 63n)) + (d & 0xffffffffffn);
        expect(error(run('fyl2x', near, y)[0], mul(fixed(y), log2(fixed(near))))).toBeLessThan(LIMIT);
      }),
      runs,
    );
  });
  it('FYL2XP1', () => {
    fc.assert(
      fc.property(number(-50, -3), number(-8, 8), (x, y) => {
        expect(error(run('fyl2xp1', x, y)[0], mul(fixed(y), log2(ONE + fixed(x))))).toBeLessThan(LIMIT);
      }),
      runs,
    );
  });
  it('FPATAN', () => {
    fc.assert(
      fc.property(number(-40, 20), number(-40, 20), (x, y) => {
        let want = div(fixed(y), fixed(x)) === 0n ? 0n : atan(div(fixed(y), fixed(x)));
        if (x >> 79n) want += y >> 79n ? -PI : PI;
        expect(error(run('fpatan', x, y)[0], want)).toBeLessThan(LIMIT);
      }),
      runs,
    );
  });
  it("FSIN, FCOS, FSINCOS and FPTAN, with the processor's pi of 66 bits", () => {
    const half = 0x3243f6a8885a308d3n << (F - 65n);
    fc.assert(
      fc.property(fc.oneof(number(-30, 5), number(-2, 62)), x => {
        let r = fixed(x) % half,
          n = fixed(x) / half;
        if (r * 2n > half) {
          r -= half;
          n++;
        } else if (r * 2n < -half) {
          r += half;
          n--;
        }
        const s = sin(r),
          c = cos(r),
          quadrant = ((n % 4n) + 4n) % 4n;
        const wantSin = [s, c, -s, -c][Number(quadrant)],
          wantCos = [c, -s, -c, s][Number(quadrant)];
        expect(error(run('fsin', x)[0], wantSin)).toBeLessThan(LIMIT);
        expect(error(run('fcos', x)[0], wantCos)).toBeLessThan(LIMIT);
        const [both0, both1] = run('fsincos', x),
          [one, tangent] = run('fptan', x);
        expect([error(both0, wantCos) < LIMIT, error(both1, wantSin) < LIMIT, one]).toEqual([
          true,
          true,
          0x3fff8000000000000000n,
        ]);
        expect(error(tangent, div(wantSin, wantCos))).toBeLessThan(LIMIT);
      }),
      runs,
    );
  });
});
