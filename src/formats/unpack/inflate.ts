/**
 * Unpacks gzip files and raw deflate data.
 * Sources: RFC 1951 (deflate), RFC 1952 (gzip); section numbers below are theirs.
 */

import { crc32 } from './crc32.ts';
import { isGzip } from './magic.ts';
import { DecodeError, Output } from './output.ts';

const DEFAULT_LIMIT_BYTES = 1 << 30;
/** A symbol makes at most 258 bytes: room for many is made at once. */
const BATCH_BYTES = 1 << 16;
const MAX_CODE_BITS = 15;
// RFC 1951, section 3.2.5.
const LENGTH_BASE = Uint16Array.of(
  3,
  4,
  5,
  6,
  7,
  8,
  9,
  10,
  11,
  13,
  15,
  17,
  19,
  23,
  27,
  31,
  35,
  43,
  51,
  59,
  67,
  83,
  99,
  115,
  131,
  163,
  195,
  227,
  258,
);
const LENGTH_EXTRA = Uint8Array.of(
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  1,
  1,
  1,
  1,
  2,
  2,
  2,
  2,
  3,
  3,
  3,
  3,
  4,
  4,
  4,
  4,
  5,
  5,
  5,
  5,
  0,
);
const DISTANCE_BASE = new Uint16Array(30);
const DISTANCE_EXTRA = new Uint8Array(30);
for (let code = 0, base = 1; code < 30; code++) {
  DISTANCE_EXTRA[code] = code < 4 ? 0 : (code >> 1) - 1;
  DISTANCE_BASE[code] = base;
  base += 1 << DISTANCE_EXTRA[code];
}
/** RFC 1951, section 3.2.7: the order in which the lengths of the code length code come. */
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

export interface InflateOptions {
  /** Most bytes that may come out (default 1 GiB). */
  limit?: number;
  /** Whether this many bytes out of this many are more than the content can be: unpacking ends there, and not at the limit. */
  isBomb?: (bytes: number, consumed: number) => boolean;
}

/**
 * Unpacks a gzip file (all its members).
 * @throws DecodeError that says what is wrong at which byte of the input.
 */
export function gunzip(input: Uint8Array, options: InflateOptions = {}): Uint8Array<ArrayBuffer> {
  if (input.length === 0) throw new DecodeError('empty, not a gzip file', 0);
  const output = new Output(input.length * 4, options.limit ?? DEFAULT_LIMIT_BYTES, {
    slack: BATCH_BYTES,
    isBomb: options.isBomb,
  });
  let offset = 0;
  // Zeros behind the last member are padding (tapes, cpio archives).
  do offset = unpackMember(input, offset, output);
  while (offset < input.length && input[offset] !== 0);
  return output.take(offset);
}

/** What a gzip file begins with, as far as its own beginning tells it: of `most` bytes this many as could be unpacked. */
export function gunzipHead(input: Uint8Array, most: number): Uint8Array<ArrayBuffer> {
  const output = new Output(most, most, { slack: BATCH_BYTES });
  try {
    unpackMember(input, 0, output);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return output.bytes.slice(0, Math.min(most, output.length));
}

/** Unpacks raw deflate data. */
export function inflate(input: Uint8Array, options: { limit?: number } = {}): Uint8Array<ArrayBuffer> {
  const output = new Output(input.length * 4, options.limit ?? DEFAULT_LIMIT_BYTES, { slack: BATCH_BYTES });
  return output.take(new Inflate(input, 0, output).run());
}

function unpackMember(input: Uint8Array, start: number, output: Output): number {
  if (!isGzip(input.subarray(start)))
    throw new DecodeError(start === 0 ? 'not a gzip file' : 'corrupt: no gzip member', start);
  if (start + 18 > input.length) throw new DecodeError('truncated: inside the gzip header', input.length);
  if (input[start + 2] !== 8) throw new DecodeError(`gzip method ${input[start + 2]} is not deflate`, start + 2);
  const flags = input[start + 3];
  let offset = start + 10;
  const skipText = () => {
    while (offset < input.length && input[offset] !== 0) offset++;
    offset++;
  };
  if (flags & 4) offset += 2 + (input[offset] | (input[offset + 1] << 8));
  if (flags & 8) skipText();
  if (flags & 16) skipText();
  if (flags & 2) offset += 2;
  const from = output.length;
  offset = new Inflate(input, offset, output).run();
  if (offset + 8 > input.length) throw new DecodeError('truncated: inside the gzip trailer', input.length);
  const view = new DataView(input.buffer, input.byteOffset + offset, 8);
  if (view.getUint32(0, true) !== crc32(output.bytes, from, output.length))
    throw new DecodeError('corrupt: gzip CRC-32 does not match', offset);
  if (view.getUint32(4, true) !== (output.length - from) % 2 ** 32)
    throw new DecodeError('corrupt: gzip size does not match', offset + 4);
  return offset + 8;
}

/** A prefix code as a table over the next `bits` bits: symbol << 4 | length; 0: no code. */
interface Code {
  table: Uint16Array;
  bits: number;
}

class Inflate {
  private readonly input: Uint8Array;
  private readonly output: Output;
  private position: number;
  private held = 0;
  private heldBits = 0;

  constructor(input: Uint8Array, start: number, output: Output) {
    this.input = input;
    this.position = start;
    this.output = output;
  }

  /** Returns the offset behind the deflate data. */
  run(): number {
    let last = 0;
    while (!last) {
      last = this.take(1);
      const type = this.take(2);
      if (type === 0) this.stored();
      else if (type === 1) this.compressed(fixedLiterals, fixedDistances);
      else if (type === 2) this.dynamic();
      else throw new DecodeError('corrupt: deflate block type 3', this.position);
    }
    // Bytes that were read ahead and not used go back.
    return this.position - (this.heldBits >> 3);
  }

  private fill(count: number): void {
    while (this.heldBits < count) {
      // Past the end come zeros: a code may be shorter than what is looked ahead. Two bytes at most are looked ahead for nothing.
      if (this.position >= this.input.length + 2)
        throw new DecodeError('truncated: the deflate data has no end', this.input.length);
      this.held |= (this.position < this.input.length ? this.input[this.position] : 0) << this.heldBits;
      this.position++;
      this.heldBits += 8;
    }
  }

  /** `count` bits, at most 16. */
  private take(count: number): number {
    this.fill(count);
    const value = this.held & ((1 << count) - 1);
    this.held >>>= count;
    this.heldBits -= count;
    return value;
  }

  private symbol(code: Code): number {
    this.fill(code.bits);
    const entry = code.table[this.held & ((1 << code.bits) - 1)];
    if (entry === 0) throw new DecodeError('corrupt: no such deflate code', this.position);
    this.held >>>= entry & 15;
    this.heldBits -= entry & 15;
    return entry >> 4;
  }

  private stored(): void {
    this.position -= this.heldBits >> 3;
    this.held = 0;
    this.heldBits = 0;
    const { input, output } = this;
    const length = this.take(16);
    if ((this.take(16) ^ length) !== 0xffff) throw new DecodeError('corrupt: stored block length', this.position - 4);
    if (this.position + length > input.length) throw new DecodeError('truncated: inside a stored block', input.length);
    output.reserve(length, this.position);
    output.bytes.set(input.subarray(this.position, this.position + length), output.length);
    output.length += length;
    this.position += length;
  }

  private dynamic(): void {
    const literalCount = this.take(5) + 257;
    const distanceCount = this.take(5) + 1;
    const codeLengthCount = this.take(4) + 4;
    const lengths = new Uint8Array(19);
    for (let i = 0; i < codeLengthCount; i++) lengths[CODE_LENGTH_ORDER[i]] = this.take(3);
    const codeLengths = buildCode(lengths, this.position);
    const all = new Uint8Array(literalCount + distanceCount);
    for (let i = 0; i < all.length; ) {
      const symbol = this.symbol(codeLengths);
      if (symbol < 16) {
        all[i++] = symbol;
        continue;
      }
      if (symbol === 16 && i === 0)
        throw new DecodeError('corrupt: repeat without a code length before', this.position);
      const value = symbol === 16 ? all[i - 1] : 0;
      const count = symbol === 16 ? 3 + this.take(2) : symbol === 17 ? 3 + this.take(3) : 11 + this.take(7);
      if (i + count > all.length) throw new DecodeError('corrupt: too many code lengths', this.position);
      all.fill(value, i, i + count);
      i += count;
    }
    this.compressed(
      buildCode(all.subarray(0, literalCount), this.position),
      buildCode(all.subarray(literalCount), this.position),
    );
  }

  private compressed(literals: Code, distances: Code): void {
    const { output } = this;
    for (;;) {
      if (output.bytes.length - output.length < 258)
        output.reserve(Math.max(258, Math.min(BATCH_BYTES, output.bytes.length)), this.position);
      const bytes = output.bytes;
      const stop = bytes.length - 258;
      let at = output.length;
      while (at <= stop) {
        const symbol = this.symbol(literals);
        if (symbol < 256) {
          bytes[at++] = symbol;
          continue;
        }
        if (symbol === 256) {
          output.length = at;
          return;
        }
        if (symbol > 285) throw new DecodeError('corrupt: deflate length code', this.position);
        const length = LENGTH_BASE[symbol - 257] + this.take(LENGTH_EXTRA[symbol - 257]);
        const distanceCode = this.symbol(distances);
        if (distanceCode > 29) throw new DecodeError('corrupt: deflate distance code', this.position);
        const distance = DISTANCE_BASE[distanceCode] + this.take(DISTANCE_EXTRA[distanceCode]);
        if (distance > at)
          throw new DecodeError('corrupt: deflate distance before the start of the data', this.position);
        for (const end = at + length; at < end; at++) bytes[at] = bytes[at - distance];
      }
      output.length = at;
    }
  }
}

/** RFC 1951, section 3.2.2; codes come bit-reversed, so that the next bits of the stream index the table. */
function buildCode(lengths: Uint8Array, offset: number): Code {
  const counts = new Uint16Array(MAX_CODE_BITS + 1);
  for (const length of lengths) counts[length]++;
  counts[0] = 0;
  let bits = MAX_CODE_BITS;
  while (bits > 1 && counts[bits] === 0) bits--;
  const next = new Uint16Array(MAX_CODE_BITS + 2);
  let left = 1;
  for (let length = 1; length <= MAX_CODE_BITS; length++) {
    next[length + 1] = (next[length] + counts[length]) << 1;
    left = left * 2 - counts[length];
    if (left < 0) throw new DecodeError('corrupt: too many deflate codes of a length', offset);
  }
  const table = new Uint16Array(1 << bits);
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol];
    if (length === 0) continue;
    let code = next[length]++;
    let reversed = 0;
    for (let i = 0; i < length; i++, code >>= 1) reversed = (reversed << 1) | (code & 1);
    for (let i = reversed; i < table.length; i += 1 << length) table[i] = (symbol << 4) | length;
  }
  return { table, bits };
}

const fixedLengths = new Uint8Array(288).fill(8, 0, 144).fill(9, 144, 256).fill(7, 256, 280).fill(8, 280);
const fixedLiterals = buildCode(fixedLengths, 0);
const fixedDistances = buildCode(new Uint8Array(32).fill(5), 0);
