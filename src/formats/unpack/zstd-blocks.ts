/**
 * Compressed blocks of zstd: literals, and sequences that say where literals and what was shown before go.
 * Source: RFC 8878 (Zstandard), section 3.1.1.3; section numbers below are its.
 */
import { littleEndian } from './bytes.ts';
import { DecodeError, type Output } from './output.ts';
import {
  BackwardBits,
  decodeHuffman,
  type FseTable,
  fseOfOne,
  fseTable,
  type HuffmanCode,
  readFseTable,
  readHuffmanCode,
} from './zstd-entropy.ts';

/** Section 3.1.1.2.4: of a block, packed or not, and so of its literals. */
export const MOST_BLOCK_BYTES = 128 << 10;
/** Section 3.1.1.3.1.1: types of literals. */
const RAW = 0,
  RLE = 1,
  COMPRESSED = 2;
/** Section 3.1.1.3.2.1.1: where a table comes from. */
const PREDEFINED = 0,
  ONE_SYMBOL = 1,
  DESCRIBED = 2;

/** A code of lengths: what its first value is, and how many bits are added. */
interface LengthCodes {
  bases: Int32Array;
  bits: Uint8Array;
}

/** From `first` on, codes with these numbers of extra bits. */
function lengthCodes(first: number, bits: number[]): LengthCodes {
  const bases = new Int32Array(bits.length);
  for (let code = 0, base = first; code < bits.length; base += 1 << bits[code++]) bases[code] = base;
  return { bases, bits: Uint8Array.from(bits) };
}

/** Numbers as they are listed; "2*3 5" is 2 three times, then 5. */
const listed = (text: string): number[] =>
  text.split(' ').flatMap(run => {
    const [value, times = 1] = run.split('*').map(Number);
    return new Array<number>(times).fill(value);
  });
/** Section 3.1.1.3.2.1.1. */
const LITERALS_LENGTH = lengthCodes(0, listed('0*16 1*4 2*2 3*2 4 6 7 8 9 10 11 12 13 14 15 16'));
const MATCH_LENGTH = lengthCodes(3, listed('0*32 1*4 2*2 3*2 4*2 5 7 8 9 10 11 12 13 14 15 16'));

/** What is known of a kind of code: its limits, and its table where a block has none (3.1.1.3.2.2). */
interface Kind {
  mostLog: number;
  mostSymbol: number;
  predefined: FseTable;
}
const LITERALS_LENGTH_KIND: Kind = {
  mostLog: 9,
  mostSymbol: 35,
  predefined: fseTable(listed('4 3 2*11 1*3 2*9 3 2 1*5 -1*4'), 6),
};
const MATCH_LENGTH_KIND: Kind = {
  mostLog: 9,
  mostSymbol: 52,
  predefined: fseTable(listed('1 4 3 2*6 1*37 -1*7'), 6),
};
const OFFSET_KIND: Kind = {
  mostLog: 8,
  mostSymbol: 31,
  predefined: fseTable(listed('1*6 2*3 1*15 -1*5'), 5),
};

/** What the blocks of one frame hand on to each other. */
export class ZstdBlocks {
  private readonly input: Uint8Array;
  private readonly output: Output;
  /** Where the frame begins in the output: nothing before it can be repeated. */
  private readonly frameFrom: number;
  /** What the block unpacks to at most. */
  private most = 0;
  private readonly literals = new Uint8Array(MOST_BLOCK_BYTES);
  private literalCount = 0;
  private huffman: HuffmanCode | undefined;
  private literalsLengths: FseTable | undefined;
  private offsets: FseTable | undefined;
  private matchLengths: FseTable | undefined;
  /** Section 3.1.1.5. */
  private readonly repeated = Int32Array.of(1, 4, 8);

  constructor(input: Uint8Array, output: Output) {
    this.input = input;
    this.output = output;
    this.frameFrom = output.length;
  }

  /** The block in input[start, end) to the output, which has room for `most` bytes. @throws DecodeError */
  decode(start: number, end: number, most: number): void {
    this.most = most;
    this.sequences(this.readLiterals(start, end), end);
  }

  /** Section 3.1.1.3.1. Returns the offset behind the literals. */
  private readLiterals(start: number, end: number): number {
    const { input } = this;
    if (start >= end) throw new DecodeError('truncated: a block without literals', start);
    const type = input[start] & 3;
    const form = (input[start] >> 2) & 3;
    const isPacked = type >= COMPRESSED;
    // How many bytes the header has, and how many bits each size in it.
    const headerBytes = isPacked ? [3, 3, 4, 5][form] : [1, 2, 1, 3][form];
    const sizeBits = isPacked ? [10, 10, 14, 18][form] : [5, 12, 5, 20][form];
    const at = start + headerBytes;
    if (at > end) throw new DecodeError('truncated: inside the header of literals', end);
    const sizes = Math.floor(littleEndian(input, start, headerBytes) / (isPacked || form & 1 ? 16 : 8));
    const count = sizes % 2 ** sizeBits;
    if (count > this.most) throw new DecodeError(`corrupt: ${count} literals in a block`, start);
    this.literalCount = count;
    const packed = isPacked ? Math.floor(sizes / 2 ** sizeBits) : type === RLE ? 1 : count;
    if (at + packed > end) throw new DecodeError('truncated: inside literals', end);
    if (type === RAW) this.literals.set(input.subarray(at, at + count));
    else if (type === RLE) this.literals.fill(input[at], 0, count);
    else this.unpackLiterals(at, at + packed, { isNew: type === COMPRESSED, isOneStream: form === 0 });
    return at + packed;
  }

  /** Section 3.1.1.3.1.6: one stream or four in input[start, end), behind the code's description where that is new. */
  private unpackLiterals(
    start: number,
    end: number,
    { isNew, isOneStream }: { isNew: boolean; isOneStream: boolean },
  ): void {
    const { input, literals, literalCount } = this;
    let at = start;
    if (isNew) ({ code: this.huffman, end: at } = readHuffmanCode(input, start, end));
    const code = this.huffman;
    if (!code) throw new DecodeError('corrupt: literals want the code of a block that has none', start);
    if (isOneStream) {
      decodeHuffman(code, input, { start: at, end }, literals, { from: 0, to: literalCount });
      return;
    }
    if (at + 6 > end) throw new DecodeError('truncated: inside the jump table of literals', end);
    const share = (literalCount + 3) >> 2;
    if (3 * share > literalCount) throw new DecodeError(`corrupt: ${literalCount} literals in four streams`, start);
    let streamAt = at + 6;
    for (let i = 0; i < 4; i++) {
      const streamEnd = i === 3 ? end : streamAt + (input[at + 2 * i] | (input[at + 2 * i + 1] << 8));
      if (streamEnd > end) throw new DecodeError('truncated: inside a stream of literals', end);
      const to = i === 3 ? literalCount : (i + 1) * share;
      decodeHuffman(code, input, { start: streamAt, end: streamEnd }, literals, { from: i * share, to });
      streamAt = streamEnd;
    }
  }

  /** Section 3.1.1.3.2: input[start, end). */
  private sequences(start: number, end: number): void {
    const { input } = this;
    if (start >= end) throw new DecodeError('truncated: a block without its number of sequences', end);
    let count = input[start];
    let at = start + (count < 128 ? 1 : count < 255 ? 2 : 3);
    if (at > end) throw new DecodeError('truncated: inside the number of sequences', end);
    if (count === 255) count = input[start + 1] + (input[start + 2] << 8) + 0x7f00;
    else if (count >= 128) count = ((count - 128) << 8) + input[start + 1];
    if (count > 0) {
      if (at >= end) throw new DecodeError('truncated: inside the header of sequences', end);
      const modes = input[at++];
      if (modes & 3) throw new DecodeError('unknown modes of sequences', at - 1);
      const tableOf = (mode: number, kind: Kind, before: FseTable | undefined): FseTable => {
        const { table, end: behind } = readTable(input, at, end, mode, kind, before);
        at = behind;
        return table;
      };
      this.literalsLengths = tableOf(modes >> 6, LITERALS_LENGTH_KIND, this.literalsLengths);
      this.offsets = tableOf((modes >> 4) & 3, OFFSET_KIND, this.offsets);
      this.matchLengths = tableOf((modes >> 2) & 3, MATCH_LENGTH_KIND, this.matchLengths);
      this.execute(count, new BackwardBits(input, at, end), {
        literalsLengths: this.literalsLengths,
        offsets: this.offsets,
        matchLengths: this.matchLengths,
      });
    } else if (at !== end) throw new DecodeError('corrupt: bytes behind a block without sequences', at);
    else this.literalsToOutput(0);
  }

  /** Sections 3.1.1.3.2.1.2 and 3.1.1.4: decodes sequences and does what they say. */
  private execute(
    count: number,
    stream: BackwardBits,
    tables: { literalsLengths: FseTable; offsets: FseTable; matchLengths: FseTable },
  ): void {
    const { output, literals } = this;
    const literalsLengths = tables.literalsLengths.entries,
      offsets = tables.offsets.entries,
      matchLengths = tables.matchLengths.entries;
    let literalsState = stream.read(tables.literalsLengths.log),
      offsetState = stream.read(tables.offsets.log),
      matchState = stream.read(tables.matchLengths.log);
    const bytes = output.bytes;
    const most = output.length + this.most;
    let at = output.length;
    let literalAt = 0;
    for (let left = count; left > 0; left--) {
      const literalsEntry = literalsLengths[literalsState],
        offsetEntry = offsets[offsetState],
        matchEntry = matchLengths[matchState];
      const offsetCode = offsetEntry & 0xff,
        matchCode = matchEntry & 0xff,
        literalsCode = literalsEntry & 0xff;
      const offsetValue = 2 ** offsetCode + stream.read(offsetCode);
      const matchLength = MATCH_LENGTH.bases[matchCode] + stream.read(MATCH_LENGTH.bits[matchCode]);
      const literalsLength = LITERALS_LENGTH.bases[literalsCode] + stream.read(LITERALS_LENGTH.bits[literalsCode]);
      const distance = this.distance(offsetValue, literalsLength);
      const literalEnd = literalAt + literalsLength;
      if (literalEnd > this.literalCount || at + literalsLength + matchLength > most)
        throw new DecodeError('corrupt: a sequence is longer than its block', stream.end);
      for (; literalAt < literalEnd; literalAt++) bytes[at++] = literals[literalAt];
      if (distance === 0 || distance > at - this.frameFrom)
        throw new DecodeError(`corrupt: a match ${distance} bytes back, before the frame`, stream.end);
      for (const end = at + matchLength; at < end; at++) bytes[at] = bytes[at - distance];
      if (left === 1) break;
      literalsState = (literalsEntry >>> 16) + stream.read((literalsEntry >> 8) & 0xff);
      matchState = (matchEntry >>> 16) + stream.read((matchEntry >> 8) & 0xff);
      offsetState = (offsetEntry >>> 16) + stream.read((offsetEntry >> 8) & 0xff);
    }
    stream.expectEnd();
    output.length = at;
    if (most - at < this.literalCount - literalAt)
      throw new DecodeError('corrupt: more literals than a block can have', stream.end);
    this.literalsToOutput(literalAt);
  }

  /** Section 3.1.1.5: how far back; values to 3 name one of the last three, others are made the last. */
  private distance(value: number, literalsLength: number): number {
    const { repeated } = this;
    if (value > 3) {
      repeated[2] = repeated[1];
      repeated[1] = repeated[0];
      repeated[0] = value - 3;
      return value - 3;
    }
    const which = literalsLength === 0 ? value : value - 1;
    const distance = which === 3 ? repeated[0] - 1 : repeated[which];
    if (which >= 2) repeated[2] = repeated[1];
    if (which >= 1) repeated[1] = repeated[0];
    repeated[0] = distance;
    return distance;
  }

  /** Those that no sequence took. */
  private literalsToOutput(from: number): void {
    const { output, literals, literalCount } = this;
    output.bytes.set(literals.subarray(from, literalCount), output.length);
    output.length += literalCount - from;
  }
}

/** Section 3.1.1.3.2.1.1: the table that `mode` says, from input[at, end) where it is there. @throws DecodeError */
function readTable(
  input: Uint8Array,
  at: number,
  end: number,
  mode: number,
  kind: Kind,
  before: FseTable | undefined,
): { table: FseTable; end: number } {
  if (mode === PREDEFINED) return { table: kind.predefined, end: at };
  if (mode === DESCRIBED) return readFseTable(input, at, end, kind);
  if (mode === ONE_SYMBOL) {
    if (at >= end) throw new DecodeError('truncated: inside the header of sequences', end);
    if (input[at] > kind.mostSymbol) throw new DecodeError(`corrupt: no code ${input[at]} in sequences`, at);
    return { table: fseOfOne(input[at]), end: at + 1 };
  }
  if (!before) throw new DecodeError('corrupt: sequences want the table of a block that has none', at);
  return { table: before, end: at };
}
