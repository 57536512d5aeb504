import { describe, expect, it } from 'vitest';
import { FCW, FPR, FSW, FTW, STATE_WORDS } from '../architecture/registers.ts';
import { addExtended, divideExtended, multiplyExtended, squareRootExtended } from '../fpu/extended.ts';
import { pairValues } from '../fpu/pairs.ts';
import { decode, DECODED, newDecoded } from '../table/index.ts';
import type { Region } from './region.ts';
import { X87Plan } from './x87.ts';
import { patient } from '../../../test/support/patience.ts';

/** Operands of each operation; ENGINE's proof asks for ten million: X87_OPERANDS=2000000 npx vitest run src/cpu/region/x87.test.ts. */
const OPERANDS = Number(process.env.X87_OPERANDS ?? 30_000);

type Calculate = (R: Int32Array, d: number, a: number, b: number) => boolean;
const ST0 = FPR,
  ST1 = FPR + 4;
const OPERATIONS: [name: string, code: number[], calculate: Calculate][] = [
  ['FADD', [0xd8, 0xc1], (R, d, a, b) => addExtended(R, d, a, b, 0)],
  ['FSUB', [0xd8, 0xe1], (R, d, a, b) => addExtended(R, d, a, b, 0x8000)],
  ['FSUBR', [0xd8, 0xe9], (R, d, a, b) => addExtended(R, d, b, a, 0x8000)],
  ['FMUL', [0xd8, 0xc9], multiplyExtended],
  ['FDIV', [0xd8, 0xf1], divideExtended],
  ['FDIVR', [0xd8, 0xf9], (R, d, a, b) => divideExtended(R, d, b, a)],
  ['FSQRT', [0xd9, 0xfa], (R, d, a) => squareRootExtended(R, d, a)],
];

/** The instruction as a region has it; false: it left. */
function compile(code: number[]): (R: Int32Array) => boolean {
  const at = newDecoded();
  expect(decode(Uint8Array.from(code), 0, code.length, 32, at)).toBe(DECODED);
  const one = { offset: 0, decoded: at },
    block = { instructions: [one, one, one, one], successors: new Map(), header: true };
  const plan = X87Plan.of({ blocks: [block], entry: block } as unknown as Region)!;
  const { text } = plan.block(block as never)!.expand(at, 0, condition => `if (${condition}) return false;`)!;
  const names = Object.keys(pairValues);
  return new Function(
    ...names,
    `return R => { let base = 0, fk, fb, fr; ${plan.enter.replace('return;', 'return false;')} ${text} ${plan.leave} return true; };`,
  )(...Object.values(pairValues));
}

/** Words that are likely to make ties, carries and cancellations. */
function drawWords(random: () => number): [low: number, high: number, exponent: number] {
  const shape = random() % 8,
    top = 0x80000000;
  let high = random() | top | 0,
    low = random() | 0;
  if (shape === 0) low &= ~0x7ff;
  else if (shape === 1) low = 0;
  else if (shape === 2) {
    high = top | (random() & 0xff) | 0;
    low = 0;
  } else if (shape === 3) {
    high = -1;
    low = -1 << (random() % 32);
  } else if (shape === 4) {
    high = top | 0;
    low = random() % 3;
  } else if (shape === 5) low = (low & ~0x7ff) | 0x400;
  else if (shape === 6) {
    high = ((random() % 64) << 25) | top | 0;
    low = 0;
  }
  const sign = (random() & 1) * 0x8000;
  return [low, high, sign | (16383 - 70 + (random() % 140))];
}

describe('the x87 of regions in pairs of doubles', () => {
  for (const [name, code, calculate] of OPERATIONS) {
    it(`${name} gives the 80-bit result, PE and C1`, { timeout: patient(600_000) }, () => {
      const run = compile(code);
      let state = 12345,
        left = 0;
      const random = () => {
        state = (state + 0x9e3779b9) | 0;
        let x = state;
        x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
        x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
        return (x ^ (x >>> 15)) >>> 0;
      };
      const R = new Int32Array(STATE_WORDS),
        expected = new Int32Array(STATE_WORDS);
      for (let i = 0; i < OPERANDS; i++) {
        const a = drawWords(random),
          b = random() % 16 === 0 ? a : drawWords(random);
        // Nearby exponents cancel.
        if (random() % 3 === 0) b[2] = (b[2] & 0x8000) | ((a[2] & 0x7fff) + (random() % 3) - 1);
        if (random() % 64 === 0) b.fill(0);
        R[FCW] = 0x37f;
        R[FTW] = 3;
        R[FSW] = random() & 0x220;
        R.set(a, ST0);
        R.set(b, ST1);
        expected.set(R);
        calculate(expected, ST0, ST0, ST1);
        if (!run(R)) {
          left++;
          continue;
        }
        const result = (words: Int32Array) => [
          words[ST0],
          words[ST0 + 1],
          words[ST0 + 2],
          words[FSW],
          ...words.subarray(ST1, ST1 + 3),
        ];
        if (result(R).join() !== result(expected).join())
          expect({ a, b, result: result(R) }).toEqual({ a, b, result: result(expected) });
      }
      // Roots of negative numbers, division by zero: what makes no pair.
      expect(left / OPERANDS).toBeLessThan(name === 'FSQRT' ? 0.6 : 0.05);
    });
  }
});
