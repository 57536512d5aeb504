import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Delta, type DeltaPart } from './delta.ts';

const put = (before: Uint8Array, parts: Iterable<DeltaPart>): Uint8Array =>
  Uint8Array.from(
    [...parts].flatMap(part => [...('from' in part ? before.subarray(part.from, part.from + part.bytes) : part)]),
  );
const newBytes = (parts: Iterable<DeltaPart>): number =>
  [...parts].reduce((sum, part) => sum + ('from' in part ? 0 : part.length), 0);
/** Bytes that do not repeat. */
const noise = (bytes: number, seed = 1): Uint8Array => {
  let x = seed;
  return Uint8Array.from({ length: bytes }, () => (x = (Math.imul(x, 1103515245) + 12345) >>> 0) >>> 16);
};

describe('what has changed between two states', () => {
  it('gives what comes, whatever was there before', () => {
    const bytes = fc.uint8Array({ maxLength: 3000, max: 3 });
    fc.assert(
      fc.property(bytes, bytes, (before, next) => {
        expect(put(before, new Delta(before).of(next))).toEqual(next);
      }),
    );
  });

  it('is what was put between, taken out and written over, and little more', () => {
    const before = noise(100_000);
    const next = Uint8Array.from([
      ...before.subarray(0, 30_001),
      ...noise(4096, 7),
      ...before.subarray(30_001, 60_000),
      ...before.subarray(61_000),
    ]);
    next[80_000]! ^= 1;
    const parts = [...new Delta(before).of(next)];
    expect(put(before, parts)).toEqual(next);
    expect(newBytes(parts)).toBeLessThan(4096 + 4 * 512);
  });

  it('is nothing where nothing has', () => {
    const before = noise(50_000);
    expect([...new Delta(before).of(before.slice())]).toEqual([{ from: 0, bytes: 50_000 }]);
  });
});
