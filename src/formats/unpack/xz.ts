/**
 * Unpacks .xz files: LZMA2 with the x86 filter, CRC-32 and CRC-64 checks; several streams and padding.
 * Source: The .xz File Format 1.2.0; section numbers below are its. Other filters and SHA-256 checks are refused by name.
 */

import { need, word } from './bytes.ts';
import { crc32 } from './crc32.ts';
import { crc64 } from './crc64.ts';
import { Lzma2 } from './lzma2.ts';
import { atOnce, DecodeError, Output } from './output.ts';
import { isXz } from './magic.ts';

export { DecodeError } from './output.ts';

const HEADER_SIZE = 12;
const FILTER_X86 = 4;
const FILTER_LZMA2 = 0x21;
const FILTER_NAMES: { [id: number]: string } = {
  3: 'delta',
  5: 'PowerPC',
  6: 'IA-64',
  7: 'ARM',
  8: 'ARM Thumb',
  9: 'SPARC',
  10: 'ARM64',
  11: 'RISC-V',
};
const CHECK_NONE = 0;
const CHECK_CRC32 = 1;
const CHECK_CRC64 = 4;
/** Section 2.1.1.2: bytes of a check field by its ID. */
const CHECK_SIZES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];
const DEFAULT_LIMIT_BYTES = 1 << 30;
/** What is said of the size may be wrong: this many times the packed bytes are made room for at once. */
const MOST_HINTED_GROWTH = 16;
/** An LZMA2 chunk unpacks to this many bytes at most. */
const MOST_CHUNK_BYTES = 2 ** 21;

export interface XzOptions {
  /** Most bytes that may come out (default 1 GiB): a small file can claim to hold a great deal. */
  limit?: number;
  /** Stop behind the first stream and leave what follows it alone, as a kernel's payload needs. */
  firstStreamOnly?: boolean;
  /** Whether this many bytes out of this many are more than the content can be: unpacking ends there, and not at the limit. */
  isBomb?: (bytes: number, consumed: number) => boolean;
}

/**
 * Unpacks a whole .xz file.
 * @throws DecodeError that says what is wrong at which byte of the input.
 */
export function unxz(input: Uint8Array, options: XzOptions = {}): Uint8Array<ArrayBuffer> {
  return atOnce(unxzInSteps(input, options));
}

/** As `unxz`, for a caller that others wait for: a step unpacks at most 2 MiB. */
export function* unxzInSteps(input: Uint8Array, options: XzOptions = {}): Generator<void, Uint8Array<ArrayBuffer>> {
  const output = new Output(
    Math.min(unpackedSizeHint(input), MOST_HINTED_GROWTH * input.length),
    options.limit ?? DEFAULT_LIMIT_BYTES,
    { isBomb: options.isBomb },
  );
  let offset = yield* unpackStream(input, 0, output);
  while (!options.firstStreamOnly && offset < input.length) {
    // Section 2.2: stream padding is a multiple of four zero bytes.
    if (input[offset] === 0) {
      if (word(input, offset) !== 0 || offset + 4 > input.length)
        throw new DecodeError('corrupt: bad padding after the stream', offset);
      offset += 4;
    } else offset = yield* unpackStream(input, offset, output);
  }
  return output.take();
}

/** What an .xz file begins with, as far as its own beginning tells it: of `most` bytes this many as could be unpacked. */
export function unxzHead(input: Uint8Array, most: number): Uint8Array<ArrayBuffer> {
  const output = new Output(most, MOST_HINTED_GROWTH * input.length + most + MOST_CHUNK_BYTES);
  const steps = unpackStream(input, 0, output);
  try {
    while (output.length < most && !steps.next().done);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return output.bytes.slice(0, Math.min(most, output.length));
}

function* unpackStream(input: Uint8Array, start: number, output: Output): Generator<void, number> {
  if (input.length === 0) throw new DecodeError('empty, not an .xz file', 0);
  if (!isXz(input.subarray(start, start + 6)))
    throw new DecodeError(start === 0 ? 'not an .xz file' : 'corrupt: no stream header', start);
  need(input, start, HEADER_SIZE, 'the stream header');
  if (crc32(input, start + 6, start + 8) !== word(input, start + 8))
    throw new DecodeError('corrupt: stream header CRC-32 does not match', start + 8);
  if (input[start + 6] !== 0 || input[start + 7] > 15) throw new DecodeError('unknown stream flags', start + 6);
  const check = input[start + 7];
  if (check !== CHECK_NONE && check !== CHECK_CRC32 && check !== CHECK_CRC64) {
    const name = check === 10 ? 'SHA-256' : `number ${check}`;
    throw new DecodeError(`integrity check ${name} is not supported (pack with xz --check=crc64)`, start + 7);
  }
  const blocks: { unpadded: number; unpacked: number }[] = [];
  let offset = start + HEADER_SIZE;
  for (;;) {
    need(input, offset, 1, 'a block header');
    if (input[offset] === 0) break;
    offset = yield* unpackBlock(input, offset, check, output, blocks);
  }
  const indexStart = offset;
  offset = checkIndex(input, indexStart, blocks);
  need(input, offset, HEADER_SIZE, 'the stream footer');
  if (input[offset + 10] !== 0x59 || input[offset + 11] !== 0x5a)
    throw new DecodeError('corrupt: no stream footer', offset);
  if (crc32(input, offset + 4, offset + 10) !== word(input, offset))
    throw new DecodeError('corrupt: stream footer CRC-32 does not match', offset);
  if ((word(input, offset + 4) + 1) * 4 !== offset - indexStart)
    throw new DecodeError('corrupt: the footer gives another index size', offset + 4);
  if (input[offset + 8] !== input[start + 6] || input[offset + 9] !== check)
    throw new DecodeError('corrupt: footer and header flags differ', offset + 8);
  return offset + HEADER_SIZE;
}

/** Section 3. Returns the offset behind the block and adds its sizes to `blocks`. */
function* unpackBlock(
  input: Uint8Array,
  start: number,
  check: number,
  output: Output,
  blocks: { unpadded: number; unpacked: number }[],
): Generator<void, number> {
  const headerSize = (input[start] + 1) * 4;
  need(input, start, headerSize, 'a block header');
  const crcAt = start + headerSize - 4;
  if (crc32(input, start, crcAt) !== word(input, crcAt))
    throw new DecodeError('corrupt: block header CRC-32 does not match', crcAt);
  const header = new Fields(input, start + 1, crcAt);
  const flags = header.byte();
  if (flags & 0x3c) throw new DecodeError('unknown block flags', start + 1);
  const statedPacked = flags & 0x40 ? header.number() : -1;
  const statedUnpacked = flags & 0x80 ? header.number() : -1;
  let x86Start = -1;
  let dictionarySize = 0;
  for (let filter = 0, count = (flags & 3) + 1; filter < count; filter++) {
    const at = header.offset;
    const id = header.number();
    const size = header.number();
    const last = filter === count - 1;
    if (id === FILTER_LZMA2 && last && size === 1) dictionarySize = lzma2DictionarySize(header.byte(), at);
    else if (id === FILTER_X86 && !last && x86Start < 0 && (size === 0 || size === 4)) {
      x86Start = 0;
      for (let i = 0; i < size; i++) x86Start += header.byte() * 2 ** (8 * i);
    } else {
      const name =
        FILTER_NAMES[id] ??
        (id === FILTER_LZMA2
          ? 'LZMA2 in this place'
          : id === FILTER_X86
            ? 'x86 in this place'
            : `0x${id.toString(16)}`);
      throw new DecodeError(`filter ${name} is not supported (LZMA2 with or without x86 before it is)`, at);
    }
  }
  header.expectZeros();

  const from = output.length;
  const dataStart = start + headerSize;
  // Room for what is said to come, as far as it is likely.
  if (statedUnpacked > 0) output.reserve(Math.min(statedUnpacked, MOST_HINTED_GROWTH * input.length), start);
  let offset = yield* new Lzma2(input, output).decode(dataStart, dictionarySize);
  const packed = offset - dataStart;
  const unpacked = output.length - from;
  if (statedPacked >= 0 && statedPacked !== packed)
    throw new DecodeError(`corrupt: block states ${statedPacked} packed bytes, has ${packed}`, start);
  if (statedUnpacked >= 0 && statedUnpacked !== unpacked) {
    throw new DecodeError(`corrupt: block states ${statedUnpacked} bytes, unpacks to ${unpacked}`, start);
  }
  if (x86Start >= 0) undoX86Filter(output.bytes, from, output.length, x86Start);
  for (; (offset - dataStart) % 4 !== 0; offset++)
    if (input[offset] !== 0) throw new DecodeError('corrupt: bad block padding', offset);
  const checkSize = CHECK_SIZES[check];
  need(input, offset, checkSize, "a block's check");
  if (check === CHECK_CRC32) {
    if (crc32(output.bytes, from, output.length) !== word(input, offset))
      throw new DecodeError('corrupt: CRC-32 of the block does not match', offset);
  } else if (check === CHECK_CRC64) {
    const { low, high } = crc64(output.bytes, from, output.length);
    if (low !== word(input, offset) || high !== word(input, offset + 4))
      throw new DecodeError('corrupt: CRC-64 of the block does not match', offset);
  }
  blocks.push({ unpadded: headerSize + packed + checkSize, unpacked });
  return offset + checkSize;
}

/** Section 4. Returns the offset behind the index. */
function checkIndex(input: Uint8Array, start: number, blocks: { unpadded: number; unpacked: number }[]): number {
  const fields = new Fields(input, start + 1, input.length);
  if (fields.number() !== blocks.length)
    throw new DecodeError('corrupt: the index counts other blocks than there are', start + 1);
  for (const block of blocks) {
    const at = fields.offset;
    if (fields.number() !== block.unpadded || fields.number() !== block.unpacked)
      throw new DecodeError('corrupt: the index gives other block sizes', at);
  }
  let offset = fields.offset;
  for (; (offset - start) % 4 !== 0; offset++)
    if (input[offset] !== 0) throw new DecodeError('corrupt: bad index padding', offset);
  need(input, offset, 4, 'the index');
  if (crc32(input, start, offset) !== word(input, offset))
    throw new DecodeError('corrupt: CRC-32 of the index does not match', offset);
  return offset + 4;
}

/** Section 5.3.1. */
function lzma2DictionarySize(bits: number, offset: number): number {
  if (bits > 40) throw new DecodeError('corrupt: LZMA2 dictionary size', offset);
  return bits === 40 ? 0xffffffff : (2 | (bits & 1)) * 2 ** ((bits >> 1) + 11);
}

/**
 * Section 5.3.2, x86: turns the absolute targets of CALL (E8) and JMP (E9) back into relative ones, in place.
 * The encoder left an opcode byte alone when it could belong to the operand of an earlier candidate; `recent` repeats its reckoning:
 * bit n is set when n + 1 bytes back an opcode byte was seen and not converted.
 */
export function undoX86Filter(bytes: Uint8Array, start: number, end: number, startOffset: number): void {
  let recent = 0;
  for (let i = start; i + 4 < end; ) {
    if ((bytes[i] & 0xfe) !== 0xe8) {
      recent = (recent << 1) & 7;
      i++;
      continue;
    }
    // Distance to the one candidate before (1, 2, 3), 0 for none, -1 for several.
    const candidate = recent === 0 ? 0 : recent === 1 ? 1 : recent === 2 ? 2 : recent === 4 ? 3 : -1;
    const shadowed = candidate < 0 || (candidate > 0 && isSignByte(bytes[i + 4 - candidate]));
    if (shadowed || !isSignByte(bytes[i + 4])) {
      recent = ((recent << 1) | 1) & 7;
      i++;
      continue;
    }
    const next = (startOffset + (i - start) + 5) | 0;
    let target = bytes[i + 1] | (bytes[i + 2] << 8) | (bytes[i + 3] << 16) | (bytes[i + 4] << 24);
    let relative = (target - next) | 0;
    // The encoder went round until the earlier candidate's top byte was no sign byte.
    while (candidate > 0 && isSignByte((relative >>> (24 - 8 * candidate)) & 0xff)) {
      target = relative ^ (2 ** (32 - 8 * candidate) - 1);
      relative = (target - next) | 0;
    }
    bytes[i + 1] = relative;
    bytes[i + 2] = relative >>> 8;
    bytes[i + 3] = relative >>> 16;
    bytes[i + 4] = relative & 0x1000000 ? 0xff : 0;
    recent = 0;
    i += 5;
  }
}

function isSignByte(byte: number): boolean {
  return byte === 0 || byte === 0xff;
}

/** What the index at the end says; the unpacker believes only what it sees, this only saves it from growing its buffer. */
function unpackedSizeHint(input: Uint8Array): number {
  const guess = input.length * 4;
  return Math.min(statedSize(input) ?? guess, Math.max(guess, input.length * 64));
}

/** What the index at the end of a file, or of its last bytes, says that the last stream unpacks to; undefined: there is none. */
export function statedSize(input: Uint8Array): number | undefined {
  const footer = input.length - HEADER_SIZE;
  if (footer < HEADER_SIZE || input[footer + 10] !== 0x59 || input[footer + 11] !== 0x5a) return undefined;
  const index = footer - (word(input, footer + 4) + 1) * 4;
  if (index < 0 || input[index] !== 0) return undefined;
  const fields = new Fields(input, index + 1, footer);
  let total = 0;
  try {
    for (let count = fields.number(); count > 0; count--) {
      fields.number();
      total += fields.number();
    }
  } catch {
    return undefined;
  }
  return total;
}

/** A run of bytes and variable-length numbers (section 1.2). */
class Fields {
  offset: number;
  private readonly input: Uint8Array;
  private readonly end: number;

  constructor(input: Uint8Array, start: number, end: number) {
    this.input = input;
    this.offset = start;
    this.end = end;
  }

  byte(): number {
    if (this.offset >= this.end) throw new DecodeError('truncated: a header ends too early', this.offset);
    return this.input[this.offset++];
  }

  /** Up to 2^53: sizes beyond that are not sizes of anything here. */
  number(): number {
    const at = this.offset;
    let value = 0;
    for (let i = 0; i < 9; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        if (byte === 0 && i > 0) break;
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
    }
    throw new DecodeError('corrupt: bad number', at);
  }

  expectZeros(): void {
    for (; this.offset < this.end; this.offset++)
      if (this.input[this.offset] !== 0) throw new DecodeError('unknown block header field', this.offset);
  }
}
