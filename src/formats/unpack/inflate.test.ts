import { constants, deflateRawSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gunzip, inflate } from './inflate.ts';
import { DecodeError } from './output.ts';

const text = 'Ringside has a seat close enough to see. '.repeat(400);

describe('gzip', () => {
  it('unpacks what zlib packed, at every level and strategy', () => {
    for (const level of [0, 1, 6, 9]) {
      for (const strategy of [
        constants.Z_DEFAULT_STRATEGY,
        constants.Z_FIXED,
        constants.Z_HUFFMAN_ONLY,
        constants.Z_RLE,
      ]) {
        expect(new TextDecoder().decode(gunzip(gzipSync(text, { level, strategy })))).toBe(text);
      }
    }
  });

  it('unpacks any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.integer({ min: 1, max: 60 }), (unit, times) => {
        const data = Buffer.concat(Array(times).fill(unit));
        expect(Buffer.compare(gunzip(gzipSync(data)), data)).toBe(0);
        expect(Buffer.compare(inflate(deflateRawSync(data)), data)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('unpacks to as much as is allowed and no more', () => {
    for (const bytes of [1, 512, 65536, 200_000]) {
      const data = Buffer.alloc(bytes, 7);
      expect(inflate(deflateRawSync(data), { limit: bytes })).toHaveLength(bytes);
      expect(gunzip(gzipSync(data), { limit: bytes })).toHaveLength(bytes);
      expect(() => inflate(deflateRawSync(data), { limit: bytes - 1 })).toThrow(
        `more than the ${bytes - 1} bytes allowed`,
      );
      expect(() => gunzip(gzipSync(data), { limit: bytes - 1 })).toThrow(`more than the ${bytes - 1} bytes allowed`);
    }
  });

  it('unpacks members one behind the other, and ignores padding with zeros', () => {
    const packed = Buffer.concat([gzipSync('one '), gzipSync('two'), new Uint8Array(512)]);
    expect(new TextDecoder().decode(gunzip(packed))).toBe('one two');
  });

  it('skips the optional header fields of RFC 1952', () => {
    const packed = gzipSync(text);
    const fields = [2, 0, 65, 66, ...Buffer.from('name\0comment\0'), 0, 0];
    const header = Buffer.from(packed.subarray(0, 10));
    header[3] = 4 | 8 | 16 | 2;
    expect(new TextDecoder().decode(gunzip(Buffer.concat([header, Buffer.from(fields), packed.subarray(10)])))).toBe(
      text,
    );
  });

  it('refuses truncated and damaged files', () => {
    const packed = gzipSync(text);
    for (let length = 0; length < packed.length; length++)
      expect(() => gunzip(packed.subarray(0, length)), `${length} bytes`).toThrow(DecodeError);
    for (let at = 10; at < packed.length; at++) {
      const damaged = Uint8Array.from(packed);
      damaged[at] ^= 0x10;
      // The bits between the end of the deflate data and the trailer mean nothing.
      let unpacked = '';
      try {
        unpacked = new TextDecoder().decode(gunzip(damaged));
      } catch (error) {
        expect(error, `byte ${at}`).toBeInstanceOf(DecodeError);
        continue;
      }
      expect(unpacked, `byte ${at}`).toBe(text);
    }
    expect(() => gunzip(new TextEncoder().encode('text'))).toThrow('not a gzip file at byte 0');
  });
});
