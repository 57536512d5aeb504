/** XDR: examples by RFC 4506, and lengths that are not true. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as xdr from './index.ts';

const hex = (bytes: Uint8Array): string => [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(' ');
const unhex = (text: string): Uint8Array => Uint8Array.from(text.split(' '), byte => Number.parseInt(byte, 16));

/** RFC 4506, section 7: a file with its name, its kind, its owner and its data. */
const file = xdr.struct({
  filename: xdr.string(255),
  kind: xdr.struct({ discriminant: xdr.int, interpretor: xdr.string(255) }),
  owner: xdr.string(32),
  data: xdr.bytes(65_535),
});
const SILLYPROG =
  '00 00 00 09 73 69 6c 6c 79 70 72 6f 67 00 00 00 00 00 00 02 00 00 00 04 6c 69 73 70 ' +
  '00 00 00 04 6a 6f 68 6e 00 00 00 06 28 71 75 69 74 29 00 00';

describe('XDR', () => {
  it('has the RFC’s example in its bytes, both ways', () => {
    const value = {
      filename: 'sillyprog',
      kind: { discriminant: 2, interpretor: 'lisp' },
      owner: 'john',
      data: new TextEncoder().encode('(quit)'),
    };
    expect(hex(xdr.encode(file, value))).toBe(SILLYPROG);
    expect(xdr.decode(file, unhex(SILLYPROG))).toEqual(value);
  });

  it('gives back whatever is written', () => {
    const type = xdr.struct({
      i: xdr.int,
      u: xdr.unsigned,
      h: xdr.hyper,
      uh: xdr.unsignedHyper,
      d: xdr.double,
      b: xdr.bool,
      s: xdr.optional(xdr.string(1000)),
      f: xdr.opaque(5),
      a: xdr.array(xdr.bytes(9), 20),
    });
    const values = fc.record({
      i: fc.integer(),
      u: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      h: fc.maxSafeInteger(),
      uh: fc.maxSafeNat(),
      d: fc.double(),
      b: fc.boolean(),
      s: fc.option(fc.string({ unit: 'grapheme', maxLength: 100 }), { nil: undefined }),
      f: fc.uint8Array({ minLength: 5, maxLength: 5 }),
      a: fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 20 }),
    });
    fc.assert(
      fc.property(values, value => {
        const bytes = xdr.encode(type, value);
        expect(bytes.length % 4).toBe(0);
        expect(xdr.decode(type, bytes)).toEqual(value);
      }),
    );
  });

  it('takes nothing of what is shorter', () => {
    const bytes = unhex(SILLYPROG);
    for (let length = 0; length < bytes.length - 3; length++)
      expect(() => xdr.decode(file, bytes.subarray(0, length))).toThrow(xdr.XdrError);
    expect(() => xdr.decode(file, new Uint8Array([...bytes, 0, 0, 0, 0]))).toThrow('4 bytes are left');
  });

  it('believes no length', () => {
    const huge = unhex('ff ff ff ff');
    expect(() => xdr.decode(xdr.string(100), huge)).toThrow('A length of 4294967295 is more than 100.');
    expect(() => xdr.decode(xdr.array(xdr.int, 2 ** 32), huge)).toThrow('4 bytes are wanted, and 0 are left.');
    expect(() => xdr.encode(xdr.string(3), 'four')).toThrow(xdr.XdrError);
  });

  it('keeps numbers beyond what JavaScript counts with at the farthest', () => {
    expect(xdr.decode(xdr.unsignedHyper, new Uint8Array(8).fill(0xff))).toBe(Number.MAX_SAFE_INTEGER);
    expect(xdr.decode(xdr.hyper, new Uint8Array(8).fill(0xff))).toBe(-1);
  });
});
