import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changed, changedParts, ChangeError, changeOf } from './changes.ts';
import { decodePlain, encodePlain } from './plain-data.ts';
import type { LongParts } from './saved-state.ts';

/** As it comes to the other host. */
const sent = <Value>(value: Value): Value => decodePlain(encodePlain(value)) as Value;

const bytes = fc.uint8Array({ maxLength: 300 });
const plain = fc.letrec(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<unknown>(null, undefined, true, -0, NaN, 7),
    fc.string(),
    bytes,
    bytes.map(each => Int32Array.from(each)),
    fc.array(tie('value')),
    fc.dictionary(fc.oneof(fc.constantFrom('__proto__', 'a', 'b'), fc.string()), tie('value')),
  ),
})).value;

describe('what of plain data is not as it was', () => {
  it('makes of what it was what it is, whatever that is', () => {
    fc.assert(
      fc.property(plain, plain, (before, now) => {
        const was = sent(before);
        expect(encodePlain(changed(was, sent(changeOf(before, now))))).toHaveLength(encodePlain(now).length);
        expect(changed(was, sent(changeOf(before, now)))).toEqual(now);
        expect(was).toEqual(before);
        expect(changeOf(now, sent(now))).toBeUndefined();
      }),
    );
  });

  it('is the bytes that differ, and what is not told of is shared', () => {
    const before = { memory: new Uint8Array(0x10000), clock: { nowNs: 1 }, ports: [{ mask: 0 }, { mask: 0 }], old: 1 };
    const now = {
      memory: before.memory.slice(),
      clock: { nowNs: 1 },
      ports: [{ mask: 0 }, { mask: 1 }],
      new: 2,
    };
    now.memory.set([1, 2], 0x1003);
    now.memory[0x1010] = 3;
    now.memory[0xffff] = 4;
    const change = changeOf(before, now);
    const run = now.memory.slice(0x1003, 0x1011);
    expect(change).toEqual([
      1,
      {
        memory: [2, 0x1003, run, 0xffff, Uint8Array.of(4)],
        ports: [1, { 1: [1, { mask: [0, 1] }, []] }, []],
        new: [0, 2],
      },
      ['old'],
    ]);
    const after = changed(before, change) as typeof now;
    expect(after).toEqual(now);
    expect(after.clock).toBe(before.clock);
    expect(before.memory.every(byte => byte === 0)).toBe(true);
  });

  it.each([
    [{}, 7],
    [{}, [0]],
    [{}, [9, 1]],
    [7, [1, {}, []]],
    [[], [1, { 0: [0, 1] }, []]],
    [[1], [1, { length: [0, 1e9] }, []]],
    [{}, [2, 0, Uint8Array.of(1)]],
    [new Uint8Array(4), [2, 3, Uint8Array.of(1, 2)]],
    [new Uint8Array(4), [2, -1, Uint8Array.of(1)]],
    [new Uint8Array(4), [2, 0, [1]]],
    [{ a: 1 }, [1, { a: [1, {}, []] }, []]],
  ])('of another value is refused (%#)', (before, change) => {
    expect(() => changed(before, change)).toThrow(ChangeError);
  });

  it('does not let a state grow as often as somebody says', () => {
    const fail = (what: string): never => {
      throw new Error(what);
    };
    const grown = (of: (i: number) => unknown): number => {
      let parts: LongParts = { domain: {}, emulator: { devices: {}, screen: new Uint8Array() } };
      for (let i = 0; i < 100; i++) {
        const more = [1, { domain: [1, { [`more ${i}`]: [0, of(i)] }, []] }, []];
        try {
          parts = changedParts(parts, more, fail);
        } catch (error) {
          expect((error as Error).message).toBe('makes more of the state than any guest has');
          return i;
        }
      }
      return Infinity;
    };
    expect(grown(() => new Uint8Array(2 ** 22))).toBe(7);
    expect(grown(() => 'x'.repeat(2 ** 22))).toBe(7);
    expect(grown(() => new Array(2 ** 20).fill({}))).toBe(1);
    expect(grown(i => i)).toBe(Infinity);
  });
});
