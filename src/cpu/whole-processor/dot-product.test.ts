/**
 * Which of several NaNs DPPS and DPPD deliver. The SDM (vol. 2, DPPS) gives no order of operands; these are the answers of an Intel Xeon at 2.5 GHz (family 6,
 * with SSE4.1), asked by _mm_dp_ps and _mm_dp_pd with immediate F1h and 31h: product i is a NaN that says i where the mask has bit i, and 1.0 elsewhere.
 */
import { expect, it } from 'vitest';
import { CR4, EIP, ESI, ESP, XMM } from '../architecture/registers.ts';
import { Bench, CODE, DATA } from '../test-support/bench.ts';

const OSFXSR = 512,
  ONE = 0x3f800000,
  INFINITY = 0x7f800000,
  INDEFINITE = 0xffc00000;
const nan = (i: number, quiet = true): number => 0x7f800010 + i + (quiet ? 0x400000 : 0);

const b = new Bench().protectedMode();
b.R[CR4]! |= OSFXSR;

/** The low result of an instruction on XMM1 and 16 bytes at ESI. */
function low(code: string, left: number[], right: number[]): number[] {
  b.put(CODE, code, 'hlt');
  b.R[ESI] = DATA;
  b.R[ESP] = 0x9000;
  b.R[EIP] = CODE;
  left.forEach((word, i) => (b.R[XMM + 4 + i] = word));
  new Uint8Array(Uint32Array.from(right).buffer).forEach((byte, i) => (b.bytes[DATA + i] = byte));
  b.run();
  return [b.R[XMM + 4]! >>> 0, b.R[XMM + 5]! >>> 0];
}
const dpps = (left: number[], right: number[]): number => low('dpps xmm1, [esi], 0xf1', left, right)[0]!;

it.each([true, false])(
  'DPPS: of each half the upper one, of two halves the lower one (quiet: %s, on either side)',
  quiet => {
    const seen = [0, 1, 1, 2, 0, 1, 1, 3, 0, 1, 1, 3, 0, 1, 1];
    for (let mask = 1; mask < 16; mask++) {
      const products = [0, 1, 2, 3].map(i => ((mask >> i) & 1 ? nan(i, quiet) : ONE));
      const ones = [ONE, ONE, ONE, ONE];
      expect([dpps(products, ones), dpps(ones, products)], `mask ${mask}`).toEqual([
        nan(seen[mask - 1]!),
        nan(seen[mask - 1]!),
      ]);
    }
  },
);

it('DPPS: a NaN of an invalid product or sum counts as any other', () => {
  // Rows: which product is infinity times 0; columns: which is a NaN.
  const seen = [
    [-1, 1, -2, -2],
    [-2, -1, -2, -2],
    [0, 1, -1, 3],
    [0, 1, -2, -1],
  ];
  seen.forEach((row, invalid) =>
    row.forEach((which, at) => {
      if (invalid === at) return;
      const left = [ONE, ONE, ONE, ONE],
        right = [ONE, ONE, ONE, ONE];
      left[invalid] = INFINITY;
      right[invalid] = 0;
      left[at] = nan(at);
      expect(dpps(left, right), `invalid ${invalid}, NaN ${at}`).toBe(which < 0 ? INDEFINITE : nan(which));
    }),
  );
  expect(dpps([INFINITY, INFINITY + 0x80000000, nan(2), ONE], [ONE, ONE, ONE, ONE])).toBe(INDEFINITE);
  expect(dpps([nan(0), ONE, INFINITY, INFINITY + 0x80000000], [ONE, ONE, ONE, ONE])).toBe(nan(0));
});

it('DPPS: each lane takes its neighbour’s before its own, and its own half’s before the other’s', () => {
  // All four lanes as NaNs, and of each half the one that says so.
  b.put(CODE, 'dpps xmm1, [esi], 0xff; hlt');
  const ones = new Uint8Array(Uint32Array.of(ONE, ONE, ONE, ONE).buffer);
  const lanes = (...products: number[]): number[] => {
    products.forEach((word, i) => (b.R[XMM + 4 + i] = word));
    ones.forEach((byte, i) => (b.bytes[DATA + i] = byte));
    b.R[ESI] = DATA;
    b.R[ESP] = 0x9000;
    b.R[EIP] = CODE;
    b.run();
    return Array.from(b.R.subarray(XMM + 4, XMM + 8), word => word >>> 0);
  };
  expect(lanes(nan(0), nan(1), nan(2), nan(3))).toEqual([nan(1), nan(0), nan(3), nan(2)]);
  expect(lanes(ONE, nan(1), nan(2), ONE)).toEqual([nan(1), nan(1), nan(2), nan(2)]);
});

it('DPPD: the lower one', () => {
  const double = (i: number): number[] => [0x10 + i, 0x7ff80000];
  const one = [0, 0x3ff00000];
  const of = (...parts: number[][]): number[] => low('dppd xmm1, [esi], 0x31', parts.flat(), [...one, ...one]);
  expect([of(double(0), one), of(one, double(1)), of(double(0), double(1))]).toEqual([double(0), double(1), double(0)]);
});
