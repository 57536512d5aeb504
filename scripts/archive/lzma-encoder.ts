/**
 * Writes an LZMA stream: raw, without header or end mark, lc = 3, lp = 0, pb = 2, as GRUB's decompressor for PCs expects.
 * Source: Igor Pavlov, LZMA specification (LZMA SDK). It codes literals only: what it is for is small, and any decoder reads it.
 */

const PROBABILITY_BITS = 11,
  LEARNING_SHIFT = 5,
  TOP = 2 ** 24;
const LITERAL_CONTEXT_BITS = 3,
  POSITION_STATES = 4;

export function lzmaLiterals(data: Uint8Array): Uint8Array {
  const out: number[] = [];
  let low = 0,
    range = 0xffffffff,
    held = 0,
    pending = 1;

  /** Moves the top byte of `low` out; a byte of ones is held back until it is known whether a carry comes. */
  const shiftLow = () => {
    if (low < 0xff000000 || low > 0xffffffff) {
      const carry = low > 0xffffffff ? 1 : 0;
      for (; pending > 0; pending--) {
        out.push((held + carry) & 0xff);
        held = 0xff;
      }
      held = Math.floor(low / TOP) & 0xff;
    }
    pending++;
    low = (low % TOP) * 256;
  };
  const encode = (probabilities: Uint16Array, index: number, bit: number) => {
    const probability = probabilities[index];
    const bound = (range >>> PROBABILITY_BITS) * probability;
    if (bit === 0) {
      range = bound;
      probabilities[index] += ((1 << PROBABILITY_BITS) - probability) >> LEARNING_SHIFT;
    } else {
      low += bound;
      range -= bound;
      probabilities[index] -= probability >> LEARNING_SHIFT;
    }
    while (range < TOP) {
      range = (range * 256) >>> 0;
      shiftLow();
    }
  };
  const even = (length: number) => new Uint16Array(length).fill(1 << (PROBABILITY_BITS - 1));

  const isMatch = even(POSITION_STATES);
  const literals = Array.from({ length: 1 << LITERAL_CONTEXT_BITS }, () => even(256));
  let before = 0;
  data.forEach((byte, at) => {
    encode(isMatch, at % POSITION_STATES, 0);
    const tree = literals[before >> (8 - LITERAL_CONTEXT_BITS)];
    let node = 1;
    for (let shift = 7; shift >= 0; shift--) {
      const bit = (byte >> shift) & 1;
      encode(tree, node, bit);
      node = node * 2 + bit;
    }
    before = byte;
  });
  for (let i = 0; i < 5; i++) shiftLow();
  return Uint8Array.from(out);
}
