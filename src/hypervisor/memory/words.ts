/** Numbers of 64 bits in blocks of 32-bit words. */

/** Writes a number as two words, the low one first: a count below 2^53, or one with a sign. */
export function put64(words: Int32Array, at: number, value: number): void {
  words[at] = value | 0;
  words[at + 1] = Math.floor(value / 2 ** 32);
}

/** Reads a count. */
export const get64 = (words: Int32Array, at: number): number => (words[at] >>> 0) + (words[at + 1] >>> 0) * 2 ** 32;

/** The same with a sign: exact from -2^53, as every canonical address is. */
export const getSigned64 = (words: Int32Array, at: number): number => words[at + 1] * 2 ** 32 + (words[at] >>> 0);

/** Reads a little-endian number of 64 bits of a structure: exact below 2^53. */
export const getUint64 = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);

/** The same with a sign: exact from -2^53, as every canonical address is. */
export const getInt64 = (view: DataView, at: number): number =>
  view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);

/** Writes such a number, with or without a sign. */
export function setUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 2 ** 32, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** Adds to a pair of words. */
export function add64(words: Int32Array, at: number, amount: number): void {
  const sum = (words[at + 1] >>> 0) * 2 ** 32 + (words[at] >>> 0) + amount;
  words[at] = sum | 0;
  words[at + 1] = Math.floor(sum / 2 ** 32);
}
