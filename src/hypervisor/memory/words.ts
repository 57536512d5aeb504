/** Numbers of 64 bits in blocks of 32-bit words. */

/** Writes a count below 2^53 as two words, the low one first. */
export function put64(words: Int32Array, at: number, value: number): void {
  words[at] = value | 0;
  words[at + 1] = Math.floor(value / 2 ** 32);
}

/** Reads such a count. */
export const get64 = (words: Int32Array, at: number): number => (words[at] >>> 0) + (words[at + 1] >>> 0) * 2 ** 32;
