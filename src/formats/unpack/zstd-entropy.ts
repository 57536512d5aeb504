/**
 * Entropy coding of zstd: bits that are read from their end, FSE tables, Huffman codes.
 * Source: RFC 8878 (Zstandard); section numbers below are its.
 */
import { DecodeError } from './output.ts';

/** Section 4.2.1: no code is longer. */
const MOST_CODE_BITS = 11;
/** Section 4.2.1.2: accuracy of the table for weights, and how many weights there can be: one less than symbols. */
const MOST_WEIGHTS_LOG = 6,
  MOST_WEIGHT = 12,
  MOST_WEIGHTS = 255;

const floorLog2 = (value: number): number => 31 - Math.clz32(value);

/** Section 4.1: a stream of bits in bytes[start, end), read from its last bit to its first. */
export class BackwardBits {
  private readonly bytes: Uint8Array;
  private readonly start: number;
  /** The offset behind it. */
  readonly end: number;
  /** Bits that have not been read; below 0: this many were read that are not there. */
  left: number;

  /** @throws DecodeError where the bit that marks its end is missing */
  constructor(bytes: Uint8Array, start: number, end: number) {
    if (end <= start || bytes[end - 1] === 0) throw new DecodeError('corrupt: a zstd bit stream has no end mark', end);
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.left = (end - start - 1) * 8 + floorLog2(bytes[end - 1]);
  }

  /** `count` bits, at most 24, without reading them; what lies before the stream's begin is 0. */
  peek(count: number): number {
    const { bytes } = this;
    const from = this.left - count;
    if (from >= 0) {
      const at = this.start + (from >> 3);
      const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
      return (word >>> (from & 7)) & ((1 << count) - 1);
    }
    return this.left <= 0 ? 0 : (this.firstBits() & ((1 << this.left) - 1)) << -from;
  }

  /** `count` bits, at most 32, as an unsigned number. */
  read(count: number): number {
    if (count > 24) {
      const high = this.read(count - 16);
      return high * 2 ** 16 + this.read(16);
    }
    const value = this.peek(count);
    this.left -= count;
    return value;
  }

  /** @throws DecodeError unless each bit was read and none that is not there */
  expectEnd(): void {
    if (this.left !== 0) throw new DecodeError('corrupt: a zstd bit stream has another length', this.end);
  }

  private firstBits(): number {
    const { bytes, start, end } = this;
    let word = 0;
    for (let at = start; at < end && at < start + 4; at++) word |= bytes[at] << (8 * (at - start));
    return word;
  }
}

/** Section 4.1: an entry for each state, symbol | bits to read << 8 | what they are added to << 16. */
export interface FseTable {
  entries: Int32Array;
  log: number;
}

/** Section 3.1.1.3.2.1.1, RLE_Mode: one symbol, for which no bit is read. */
export const fseOfOne = (symbol: number): FseTable => ({ entries: Int32Array.of(symbol), log: 0 });

/** Section 4.1.1: probabilities of symbols to their table; -1: less than one. */
export function fseTable(probabilities: ArrayLike<number>, log: number): FseTable {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(probabilities.length);
  let high = size;
  for (let symbol = 0; symbol < probabilities.length; symbol++) {
    next[symbol] = Math.abs(probabilities[symbol]);
    if (probabilities[symbol] === -1) symbols[--high] = symbol;
  }
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  for (let symbol = 0; symbol < probabilities.length; symbol++)
    for (let i = 0; i < probabilities[symbol]; i++) {
      symbols[at] = symbol;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  const entries = new Int32Array(size);
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state];
    const place = next[symbol]++;
    const bits = log - floorLog2(place);
    entries[state] = symbol | (bits << 8) | (((place << bits) - size) << 16);
  }
  return { entries, log };
}

/**
 * Section 4.1.1: a table's description in bytes[start, end). `end` of the result: the offset behind it.
 * @throws DecodeError
 */
export function readFseTable(
  bytes: Uint8Array,
  start: number,
  end: number,
  { mostLog, mostSymbol }: { mostLog: number; mostSymbol: number },
): { table: FseTable; end: number } {
  const corrupt = (what: string): never => {
    throw new DecodeError(`corrupt: ${what} in an FSE table`, start);
  };
  let bit = 0;
  const peek = (count: number): number => {
    const at = start + (bit >> 3);
    const byte = (i: number): number => (at + i < end ? bytes[at + i] : 0);
    return ((byte(0) | (byte(1) << 8) | (byte(2) << 16)) >> (bit & 7)) & ((1 << count) - 1);
  };
  const log = peek(4) + 5;
  bit += 4;
  if (log > mostLog) corrupt(`accuracy ${log}`);
  const probabilities: number[] = [];
  for (let left = 1 << log; left > 0; ) {
    if (probabilities.length > mostSymbol) corrupt('too many symbols');
    // A value below `short` has a bit less.
    const bits = floorLog2(left + 1) + 1;
    const low = (1 << (bits - 1)) - 1;
    const short = (1 << bits) - 2 - left;
    let value = peek(bits);
    bit += bits;
    if ((value & low) < short) {
      value &= low;
      bit--;
    } else if (value > low) value -= short;
    probabilities.push(value - 1);
    left -= Math.abs(value - 1);
    if (value !== 1) continue;
    for (let zeros = 3; zeros === 3; ) {
      zeros = peek(2);
      bit += 2;
      for (let i = 0; i < zeros; i++) probabilities.push(0);
      if (probabilities.length > mostSymbol + 1) corrupt('too many symbols');
    }
  }
  const behind = start + ((bit + 7) >> 3);
  if (behind > end) throw new DecodeError('truncated: inside an FSE table', end);
  return { table: fseTable(probabilities, log), end: behind };
}

/** A prefix code as a table over the next `bits` bits: symbol << 4 | length. */
export interface HuffmanCode {
  table: Uint16Array;
  bits: number;
}

/** Section 4.2.1: the description of a code in bytes[start, end). `end` of the result: the offset behind it. @throws DecodeError */
export function readHuffmanCode(bytes: Uint8Array, start: number, end: number): { code: HuffmanCode; end: number } {
  if (start >= end) throw new DecodeError('truncated: a Huffman table is missing', end);
  const head = bytes[start];
  const isDirect = head >= 128;
  const behind = start + 1 + (isDirect ? (head - 126) >> 1 : head);
  if (behind > end) throw new DecodeError('truncated: inside a Huffman table', end);
  const weights: number[] = [];
  if (isDirect)
    for (let i = 0; i < head - 127; i++) weights.push((bytes[start + 1 + (i >> 1)] >> (i & 1 ? 0 : 4)) & 15);
  else readWeights(bytes, start + 1, behind, weights);
  return { code: huffmanCode(weights, start), end: behind };
}

/** Section 4.2.1.2: two states alternately, until bits are wanted that are not there. */
function readWeights(bytes: Uint8Array, start: number, end: number, weights: number[]): void {
  const { table, end: streamAt } = readFseTable(bytes, start, end, {
    mostLog: MOST_WEIGHTS_LOG,
    mostSymbol: MOST_WEIGHT,
  });
  const stream = new BackwardBits(bytes, streamAt, end);
  const states = [stream.read(table.log), stream.read(table.log)];
  for (let turn = 0; stream.left >= 0; turn ^= 1) {
    const entry = table.entries[states[turn]];
    weights.push(entry & 0xff);
    states[turn] = (entry >>> 16) + stream.read((entry >> 8) & 0xff);
    if (stream.left < 0) weights.push(table.entries[states[turn ^ 1]] & 0xff);
    if (weights.length > MOST_WEIGHTS) throw new DecodeError('corrupt: too many weights in a Huffman table', start);
  }
}

/** Section 4.2.1.3. The last symbol's weight is what is left to a power of two. */
function huffmanCode(weights: number[], offset: number): HuffmanCode {
  const sizeOf = (weight: number): number => (weight === 0 ? 0 : 1 << (weight - 1));
  const sum = weights.reduce((total, weight) => total + sizeOf(weight), 0);
  const bits = floorLog2(sum) + 1;
  const rest = (1 << bits) - sum;
  if (sum === 0 || bits > MOST_CODE_BITS || (rest & (rest - 1)) !== 0)
    throw new DecodeError('corrupt: the weights of a Huffman table do not fit', offset);
  const all = [...weights, floorLog2(rest) + 1];
  const table = new Uint16Array(1 << bits);
  let at = 0;
  for (let weight = 1; weight <= bits; weight++)
    for (let symbol = 0; symbol < all.length; symbol++) {
      if (all[symbol] !== weight) continue;
      table.fill((symbol << 4) | (bits + 1 - weight), at, at + sizeOf(weight));
      at += sizeOf(weight);
    }
  return { table, bits };
}

/** Section 4.2.2: symbols of a stream in bytes[start, end) to output[from, to). @throws DecodeError */
export function decodeHuffman(
  { table, bits }: HuffmanCode,
  bytes: Uint8Array,
  { start, end }: { start: number; end: number },
  output: Uint8Array,
  { from, to }: { from: number; to: number },
): void {
  const stream = new BackwardBits(bytes, start, end);
  for (let at = from; at < to; at++) {
    const entry = table[stream.peek(bits)];
    output[at] = entry >> 4;
    stream.left -= entry & 15;
  }
  stream.expectEnd();
}
