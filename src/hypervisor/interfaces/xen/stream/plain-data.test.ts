import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePlain, encodePlain, PlainDataError } from './plain-data.ts';

describe('plain data as bytes', () => {
  it('comes back as it was', () => {
    const value = {
      a: [1, -0, NaN, Infinity, null, true, false, 'ä\u0000'],
      b: Uint8Array.of(1, 2),
      c: { d: Int32Array.of(-1), e: undefined },
      __proto__x: 1,
    };
    expect(decodePlain(encodePlain(value))).toEqual(value);
    expect(decodePlain(Buffer.from(encodePlain(value)))).toEqual(value);
    fc.assert(
      fc.property(fc.jsonValue(), json => {
        expect(decodePlain(encodePlain(json))).toEqual(json);
      }),
    );
  });

  it('has names and words of any letters and length, and none that is more than a name', () => {
    const value = { ä: 'ö'.repeat(31), ['x'.repeat(40)]: 'x'.repeat(31) + 'é', '': '\u007f\u0080', b: '𝄞'.repeat(16) };
    expect(decodePlain(encodePlain(value))).toEqual(value);
    const proto = decodePlain(encodePlain(JSON.parse('{"__proto__": {"a": 1}}'))) as { a?: number };
    expect([Object.keys(proto), proto.a]).toEqual([['__proto__'], undefined]);
  });

  it('refuses any cut or changed length with the place, and what is no data', () => {
    const bytes = encodePlain({ name: 'x', list: [1, 2, 3] });
    for (let cut = 0; cut < bytes.length; cut++)
      expect(() => decodePlain(bytes.subarray(0, cut))).toThrow(PlainDataError);
    expect(() => decodePlain(Uint8Array.of(...bytes, 0))).toThrow(/1 bytes too many/);
    expect(() => decodePlain(Uint8Array.of(99))).toThrow(/unknown kind/);
    expect(() => encodePlain(() => 1)).toThrow(PlainDataError);
  });

  it('cannot be made to exhaust memory or the stack by a forged length', () => {
    expect(() => decodePlain(Uint8Array.of(6, 255, 255, 255, 255))).toThrow(PlainDataError);
    const nested = new Uint8Array(5 * 1000);
    for (let i = 0; i < nested.length; i += 5) nested.set([6, 1, 0, 0, 0], i);
    expect(() => decodePlain(nested)).toThrow(/nested too deeply/);
  });
});
