/**
 * Unpacks zstd files: frames one behind the other, skippable ones among them, with their checksums. Dictionaries are refused by number.
 * Source: RFC 8878 (Zstandard); section numbers below are its.
 * The output buffer is the window: what a frame has shown so far can be repeated, however far back, as zstd itself does that has the output in one piece.
 */
import { littleEndian, need, word } from './bytes.ts';
import { xxh64Low } from './xxh64.ts';
import { isZstd } from './magic.ts';
import { atOnce, DecodeError, Output } from './output.ts';
import { MOST_BLOCK_BYTES, ZstdBlocks } from './zstd-blocks.ts';

const DEFAULT_LIMIT_BYTES = 1 << 30;
/** What is said of the size may be wrong: this many times the packed bytes are made room for at once. */
const MOST_HINTED_GROWTH = 16;
/** Sections 3.1.1.2.2: types of blocks. */
const RAW = 0,
  RLE = 1,
  COMPRESSED = 2;
/** Section 3.1.2: 184D2A50H to 184D2A5FH. */
const SKIPPABLE = 0x184d2a5;

export interface ZstdOptions {
  /** Most bytes that may come out (default 1 GiB): a small file can claim to hold a great deal. */
  limit?: number;
  /** Stop behind the first frame and leave what follows it alone, as a kernel's payload needs. */
  firstFrameOnly?: boolean;
  /** Whether this many bytes out of this many are more than the content can be: unpacking ends there, and not at the limit. */
  isBomb?: (bytes: number, consumed: number) => boolean;
}

/**
 * Unpacks a whole .zst file.
 * @throws DecodeError that says what is wrong at which byte of the input.
 */
export function unzstd(input: Uint8Array, options: ZstdOptions = {}): Uint8Array<ArrayBuffer> {
  return atOnce(unzstdInSteps(input, options));
}

/** As `unzstd`, for a caller that others wait for: a step unpacks at most 128 KiB. */
export function* unzstdInSteps(input: Uint8Array, options: ZstdOptions = {}): Generator<void, Uint8Array<ArrayBuffer>> {
  const output = new Output(
    Math.min(statedZstdSize(input) ?? 0, MOST_HINTED_GROWTH * input.length),
    options.limit ?? DEFAULT_LIMIT_BYTES,
    { slack: MOST_BLOCK_BYTES, isBomb: options.isBomb },
  );
  if (input.length === 0) throw new DecodeError('empty, not a zstd file', 0);
  let offset = 0;
  do {
    const skipped = skippableBytes(input, offset);
    offset = skipped > 0 ? offset + skipped : yield* unpackFrame(input, offset, output);
  } while (!options.firstFrameOnly && offset < input.length);
  return output.take(offset);
}

/** What a .zst file begins with, as far as its own beginning tells it: of `most` bytes this many as could be unpacked. */
export function unzstdHead(input: Uint8Array, most: number): Uint8Array<ArrayBuffer> {
  const output = new Output(most, most, { slack: MOST_BLOCK_BYTES });
  try {
    const steps = unpackFrame(input, skippableBytes(input, 0), output);
    while (output.length < most && !steps.next().done);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return output.bytes.slice(0, Math.min(most, output.length));
}

/** Section 3.1.2: bytes of the skippable frame at `offset`; 0: there is none. */
function skippableBytes(input: Uint8Array, offset: number): number {
  if (input.length - offset < 8 || word(input, offset) >>> 4 !== SKIPPABLE) return 0;
  const bytes = 8 + word(input, offset + 4);
  need(input, offset, bytes, 'a skippable frame');
  return bytes;
}

interface FrameHeader {
  /** Where its blocks begin. */
  end: number;
  windowBytes: number;
  /** -1: not stated. */
  contentBytes: number;
  hasChecksum: boolean;
}

/** Section 3.1.1.1. @throws DecodeError */
function frameHeader(input: Uint8Array, start: number): FrameHeader {
  if (!isZstd(input.subarray(start)))
    throw new DecodeError(start === 0 ? 'not a zstd file' : 'corrupt: no zstd frame', start);
  need(input, start, 6, 'the frame header');
  const descriptor = input[start + 4];
  if (descriptor & 8) throw new DecodeError('unknown frame header flags', start + 4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3];
  const sizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6];
  const windowAt = start + 5;
  const dictionaryAt = windowAt + (isSingleSegment ? 0 : 1);
  const sizeAt = dictionaryAt + dictionaryBytes;
  const end = sizeAt + sizeBytes;
  need(input, start, end - start, 'the frame header');
  const dictionary = littleEndian(input, dictionaryAt, dictionaryBytes);
  if (dictionary !== 0)
    throw new DecodeError(`packed with dictionary ${dictionary}, and what is packed without one is read`, dictionaryAt);
  const contentBytes = sizeBytes === 0 ? -1 : littleEndian(input, sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
  const windowBase = 2 ** (10 + (input[windowAt] >> 3));
  const windowBytes = isSingleSegment ? contentBytes : windowBase + (windowBase / 8) * (input[windowAt] & 7);
  return { end, windowBytes, contentBytes, hasChecksum: (descriptor & 4) !== 0 };
}

/** Section 3.1.1. A step is a block; returns the offset behind the frame. */
function* unpackFrame(input: Uint8Array, start: number, output: Output): Generator<void, number> {
  const { end: blocksAt, windowBytes, contentBytes, hasChecksum } = frameHeader(input, start);
  const mostBlockBytes = Math.min(windowBytes, MOST_BLOCK_BYTES);
  const from = output.length;
  const blocks = new ZstdBlocks(input, output);
  let offset = blocksAt;
  for (let isLast = false; !isLast; ) {
    need(input, offset, 3, 'a block header');
    const header = littleEndian(input, offset, 3);
    const type = (header >> 1) & 3;
    const bytes = header >> 3;
    isLast = (header & 1) !== 0;
    offset += 3;
    const left = contentBytes < 0 ? mostBlockBytes : Math.min(mostBlockBytes, contentBytes - (output.length - from));
    if (bytes > mostBlockBytes)
      throw new DecodeError(`corrupt: a block of ${bytes} bytes, at most ${mostBlockBytes} are allowed`, offset - 3);
    need(input, offset, type === RLE ? 1 : bytes, 'a block');
    if (type !== COMPRESSED && bytes > left)
      throw new DecodeError('corrupt: the frame unpacks to more than it states', offset);
    output.reserve(type === COMPRESSED ? left : bytes, offset);
    if (type === COMPRESSED) blocks.decode(offset, offset + bytes, left);
    else if (type === RAW) output.bytes.set(input.subarray(offset, offset + bytes), output.length);
    else if (type === RLE) output.bytes.fill(input[offset], output.length, output.length + bytes);
    else throw new DecodeError('corrupt: zstd block type 3', offset - 3);
    if (type !== COMPRESSED) output.length += bytes;
    offset += type === RLE ? 1 : bytes;
    yield;
  }
  const bytes = output.length - from;
  if (contentBytes >= 0 && contentBytes !== bytes)
    throw new DecodeError(`corrupt: the frame states ${contentBytes} bytes, unpacks to ${bytes}`, start);
  if (!hasChecksum) return offset;
  need(input, offset, 4, 'the checksum');
  if (word(input, offset) !== xxh64Low(output.bytes, from, output.length))
    throw new DecodeError('corrupt: the checksum does not match', offset);
  return offset + 4;
}

/** What the first frame says that it unpacks to; undefined: it does not say so, or is none. @throws DecodeError */
export function statedZstdSize(input: Uint8Array): number | undefined {
  const bytes = isZstd(input) ? frameHeader(input, 0).contentBytes : -1;
  return bytes < 0 ? undefined : bytes;
}
