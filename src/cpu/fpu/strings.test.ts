/** Comparisons of byte strings by words against the SDM's definition, byte by byte (vol. 1, 12.8; vol. 2, 4.1). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { implicitIndex } from './strings.ts';

const EQUAL_EACH = 2;

/** ECX, and above its eight bits EFLAGS, as PCMPISTRI's description says. */
function described(first: readonly number[], second: readonly number[], mode: number, immediate: number): number {
  const lengthOf = (text: readonly number[]): number => (text.includes(0) ? text.indexOf(0) : 16),
    length1 = lengthOf(first),
    length2 = lengthOf(second);
  const hits = second.map((byte, i) => {
    if (mode === EQUAL_EACH) return i >= length1 || i >= length2 ? i >= length1 && i >= length2 : byte === first[i];
    return i < length2 && first.slice(0, length1).includes(byte);
  });
  const result = hits.map((hit, i) =>
    (immediate & 0x10) !== 0 && ((immediate & 0x20) === 0 || i < length2) ? !hit : hit,
  );
  const index = (immediate & 0x40) === 0 ? result.indexOf(true) : result.lastIndexOf(true);
  return (
    (index < 0 ? 16 : index) |
    (((result.includes(true) ? 1 : 0) |
      (length2 < 16 ? 0x40 : 0) |
      (length1 < 16 ? 0x80 : 0) |
      (result[0] ? 0x800 : 0)) <<
      8)
  );
}

it('PCMPISTRI finds bytes of a set, and the first that differs, whatever was asked before', () => {
  const R = new Int32Array(8),
    bytes = new Uint8Array(R.buffer);
  const text = fc.array(fc.constantFrom(0, 1, 0x41, 0x42, 0x7f, 0x80, 0xff), { minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(
      text,
      fc.option(text, { nil: undefined }),
      fc.constantFrom(0, EQUAL_EACH),
      fc.constantFrom(0, 2),
      fc.integer({ min: 0, max: 7 }),
      (first, other, mode, signed, rest) => {
        const second = other ?? first,
          immediate = (rest << 4) | (mode << 2) | signed;
        bytes.set(first);
        bytes.set(second, 16);
        expect(implicitIndex(R, 0, 4, immediate)).toBe(described(first, second, mode, immediate));
      },
    ),
    { numRuns: 20_000 },
  );
});
