/**
 * LZMA2 chunks, as a block of an .xz file holds them.
 * Source: the LZMA specification (lzma-specification.txt of the LZMA SDK, public domain) for the symbols, XZ Embedded's documentation for the chunks.
 * The output buffer is the dictionary: chunks state their size in advance, so that room is made once a chunk and the inner loop checks nothing.
 */

import { DecodeError, type Output } from './output.ts';

// The probabilities lie in one array; names as in the LZMA specification.
const STATES = 12;
const POSITION_STATES = 16;
const IS_MATCH = 0;
const IS_REP = IS_MATCH + STATES * POSITION_STATES;
const IS_REP_G0 = IS_REP + STATES;
const IS_REP_G1 = IS_REP_G0 + STATES;
const IS_REP_G2 = IS_REP_G1 + STATES;
const IS_REP0_LONG = IS_REP_G2 + STATES;
const POS_SLOT = IS_REP0_LONG + STATES * POSITION_STATES;
const POS_DECODERS = POS_SLOT + 4 * 64;
const ALIGN = POS_DECODERS + 128;
const LENGTH = ALIGN + 16;
// A length coder: two choice bits, then 16 trees of 8, 16 trees of 8, one of 256.
const LENGTH_LOW = 2;
const LENGTH_MID = LENGTH_LOW + POSITION_STATES * 8;
const LENGTH_HIGH = LENGTH_MID + POSITION_STATES * 8;
const REP_LENGTH = LENGTH + LENGTH_HIGH + 256;
const LITERAL = REP_LENGTH + LENGTH_HIGH + 256;
/** LZMA2 allows lc + lp up to 4. */
const PROBABILITIES = LITERAL + (0x300 << 4);
const PROBABILITY_HALF = 1024;
const MATCH_MIN_LENGTH = 2;

export class Lzma2 {
  private readonly input: Uint8Array;
  private readonly output: Output;
  private readonly probabilities = new Uint16Array(PROBABILITIES);
  /** The range coder. As signed 32-bit numbers, to stay integers in the engine; comparisons are unsigned. */
  private range = 0;
  private code = 0;
  private position = 0;
  private state = 0;
  private readonly reps = new Int32Array(4);
  private lc = 0;
  private literalPositionMask = 0;
  private positionMask = 0;

  constructor(input: Uint8Array, output: Output) {
    this.input = input;
    this.output = output;
  }

  /** Decodes the chunks from `start` to the end marker into the output, one a step; returns the offset behind the marker. */
  *decode(start: number, dictionarySize: number): Generator<void, number> {
    const { input, output } = this;
    let offset = start;
    let dictionaryStart = -1;
    let stateKnown = false;
    let propertiesKnown = false;
    for (;;) {
      if (offset >= input.length) throw new DecodeError('truncated: the LZMA2 data has no end marker', offset);
      const control = input[offset];
      if (control === 0) return offset + 1;
      const compressed = control >= 0x80;
      const headerSize = !compressed ? 3 : control >= 0xc0 ? 6 : 5;
      if (offset + headerSize > input.length)
        throw new DecodeError('truncated: inside an LZMA2 chunk header', input.length);
      if (control === 1 || control >= 0xe0) dictionaryStart = output.length;
      else if (dictionaryStart < 0)
        throw new DecodeError('corrupt: the first LZMA2 chunk does not reset the dictionary', offset);
      const packed = compressed
        ? ((input[offset + 3] << 8) | input[offset + 4]) + 1
        : ((input[offset + 1] << 8) | input[offset + 2]) + 1;
      const unpacked = compressed
        ? (((control & 0x1f) << 16) | (input[offset + 1] << 8) | input[offset + 2]) + 1
        : packed;
      const data = offset + headerSize;
      if (data + packed > input.length) {
        throw new DecodeError(
          `truncated: an LZMA2 chunk wants ${packed} bytes, ${input.length - data} are left`,
          input.length,
        );
      }
      output.reserve(unpacked, offset);
      if (!compressed) {
        if (control > 2) throw new DecodeError(`corrupt: LZMA2 control byte 0x${control.toString(16)}`, offset);
        output.bytes.set(input.subarray(data, data + packed), output.length);
        output.length += packed;
      } else {
        if (control >= 0xc0) {
          this.setProperties(input[offset + 5], offset + 5);
          propertiesKnown = true;
        } else if (!propertiesKnown)
          throw new DecodeError('corrupt: the first LZMA chunk states no properties', offset);
        if (control >= 0xa0) {
          this.resetState();
          stateKnown = true;
        } else if (!stateKnown) throw new DecodeError('corrupt: the first LZMA chunk does not reset the state', offset);
        if (input[data] !== 0 || packed < 5) throw new DecodeError('corrupt: bad start of LZMA data', data);
        this.range = -1;
        this.code = (input[data + 1] << 24) | (input[data + 2] << 16) | (input[data + 3] << 8) | input[data + 4];
        this.position = data + 5;
        this.decodeChunk(output.length + unpacked, dictionaryStart, dictionarySize, data + packed);
        if (this.position !== data + packed || this.code !== 0)
          throw new DecodeError('corrupt: LZMA chunk does not end where it says', this.position);
      }
      offset = data + packed;
      yield;
    }
  }

  private setProperties(byte: number, offset: number): void {
    const lc = byte % 9;
    const rest = (byte - lc) / 9;
    const lp = rest % 5;
    const pb = (rest - lp) / 5;
    if (byte >= 9 * 5 * 5 || lc + lp > 4)
      throw new DecodeError(`corrupt: LZMA2 properties 0x${byte.toString(16)}`, offset);
    this.lc = lc;
    this.literalPositionMask = (1 << lp) - 1;
    this.positionMask = (1 << pb) - 1;
  }

  private resetState(): void {
    this.probabilities.fill(PROBABILITY_HALF);
    this.state = 0;
    this.reps.fill(0);
  }

  /** One bit with the probability at `index` (adapts it). */
  private bit(index: number): number {
    const { probabilities } = this;
    const probability = probabilities[index];
    const bound = Math.imul(this.range >>> 11, probability);
    let bit: number;
    if (this.code >>> 0 < bound >>> 0) {
      this.range = bound;
      probabilities[index] = probability + ((2048 - probability) >> 5);
      bit = 0;
    } else {
      this.range = (this.range - bound) | 0;
      this.code = (this.code - bound) | 0;
      probabilities[index] = probability - (probability >> 5);
      bit = 1;
    }
    if ((this.range & 0xff000000) === 0) {
      this.range <<= 8;
      this.code = (this.code << 8) | this.input[this.position++];
    }
    return bit;
  }

  /** `count` bits of even odds, highest first. */
  private direct(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) {
      const half = this.range >>> 1;
      this.range = half;
      if (this.code >>> 0 >= half) {
        this.code = (this.code - half) | 0;
        value = (value << 1) | 1;
      } else value <<= 1;
      if ((half & 0xff000000) === 0) {
        this.range = half << 8;
        this.code = (this.code << 8) | this.input[this.position++];
      }
    }
    return value;
  }

  private tree(base: number, bits: number): number {
    let node = 1;
    for (let i = 0; i < bits; i++) node = (node << 1) | this.bit(base + node);
    return node - (1 << bits);
  }

  private reverseTree(base: number, bits: number): number {
    let node = 1;
    let value = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.bit(base + node);
      node = (node << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  private length(base: number, positionState: number): number {
    if (this.bit(base) === 0) return this.tree(base + LENGTH_LOW + positionState * 8, 3);
    if (this.bit(base + 1) === 0) return 8 + this.tree(base + LENGTH_MID + positionState * 8, 3);
    return 16 + this.tree(base + LENGTH_HIGH, 8);
  }

  private distance(length: number): number {
    const slot = this.tree(POS_SLOT + (length < 4 ? length : 3) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) << bits;
    if (slot < 14) return base + this.reverseTree(POS_DECODERS + base - slot, bits);
    return (base + (this.direct(bits - 4) << 4) + this.reverseTree(ALIGN, 4)) | 0;
  }

  /** The literal loop: the range coder in local variables, since most of the time is spent here. */
  private literal(base: number, matchByte: number): number {
    const { probabilities, input } = this;
    let { range, code, position } = this;
    let symbol = 1;
    // After a match the byte that the match would have continued with steers the tree until the first bit that differs.
    let offset = matchByte < 0 ? 0 : 0x100;
    let match = matchByte;
    do {
      match <<= 1;
      const index = base + symbol + offset + (match & offset);
      const probability = probabilities[index];
      const bound = Math.imul(range >>> 11, probability);
      if (code >>> 0 < bound >>> 0) {
        range = bound;
        probabilities[index] = probability + ((2048 - probability) >> 5);
        symbol <<= 1;
        offset &= ~match;
      } else {
        range = (range - bound) | 0;
        code = (code - bound) | 0;
        probabilities[index] = probability - (probability >> 5);
        symbol = (symbol << 1) | 1;
        offset &= match;
      }
      if ((range & 0xff000000) === 0) {
        range <<= 8;
        code = (code << 8) | input[position++];
      }
    } while (symbol < 0x100);
    this.range = range;
    this.code = code;
    this.position = position;
    return symbol & 0xff;
  }

  private decodeChunk(end: number, dictionaryStart: number, dictionarySize: number, inputEnd: number): void {
    const { reps, lc, literalPositionMask, positionMask } = this;
    const bytes = this.output.bytes;
    let at = this.output.length;
    let state = this.state;
    while (at < end) {
      // Positions count from the start of the dictionary, that is of this block's data.
      const place = at - dictionaryStart;
      const positionState = place & positionMask;
      if (this.bit(IS_MATCH + state * POSITION_STATES + positionState) === 0) {
        const previous = place > 0 ? bytes[at - 1] : 0;
        const base = LITERAL + 0x300 * (((place & literalPositionMask) << lc) + (previous >> (8 - lc)));
        if (state >= 7 && reps[0] >= place)
          throw new DecodeError('corrupt: LZMA distance before the start of the data', this.position);
        bytes[at] = this.literal(base, state < 7 ? -1 : bytes[at - reps[0] - 1]);
        at++;
        state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
        continue;
      }
      let length: number;
      if (this.bit(IS_REP + state) === 0) {
        reps[3] = reps[2];
        reps[2] = reps[1];
        reps[1] = reps[0];
        length = this.length(LENGTH, positionState);
        reps[0] = this.distance(length);
        state = state < 7 ? 7 : 10;
      } else {
        if (this.bit(IS_REP_G0 + state) === 0) {
          if (this.bit(IS_REP0_LONG + state * POSITION_STATES + positionState) === 0) {
            if (reps[0] < 0 || reps[0] >= place)
              throw new DecodeError('corrupt: LZMA distance before the start of the data', this.position);
            bytes[at] = bytes[at - reps[0] - 1];
            at++;
            state = state < 7 ? 9 : 11;
            continue;
          }
        } else {
          let chosen: number;
          if (this.bit(IS_REP_G1 + state) === 0) chosen = reps[1];
          else {
            if (this.bit(IS_REP_G2 + state) === 0) chosen = reps[2];
            else {
              chosen = reps[3];
              reps[3] = reps[2];
            }
            reps[2] = reps[1];
          }
          reps[1] = reps[0];
          reps[0] = chosen;
        }
        length = this.length(REP_LENGTH, positionState);
        state = state < 7 ? 8 : 11;
      }
      length += MATCH_MIN_LENGTH;
      const back = reps[0] + 1;
      if (back <= 0 || back > place || back > dictionarySize) {
        throw new DecodeError('corrupt: LZMA distance before the start of the data', this.position);
      }
      if (at + length > end) throw new DecodeError('corrupt: LZMA match goes beyond its chunk', this.position);
      if (this.position > inputEnd) throw new DecodeError('corrupt: LZMA data goes beyond its chunk', this.position);
      if (back >= length && length > 32) {
        bytes.copyWithin(at, at - back, at - back + length);
        at += length;
      } else for (const stop = at + length; at < stop; at++) bytes[at] = bytes[at - back];
    }
    this.state = state;
    this.output.length = at;
  }
}
