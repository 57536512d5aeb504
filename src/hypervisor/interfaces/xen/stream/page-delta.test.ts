import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { applyDelta, encodeDelta, SentPages } from './page-delta.ts';

const PAGE_BYTES = 4096;

/** A page that holds these from byte 1001 on, as in the example of QEMU's docs/xbzrle.txt. */
function page(hex: string): Uint8Array {
  const bytes = new Uint8Array(PAGE_BYTES);
  bytes.set(Buffer.from(hex, 'hex'), 1001);
  return bytes;
}

describe('a delta of a page', () => {
  it("is that of QEMU's example", () => {
    const delta = encodeDelta(
      page('05060708090a0b0c0d0e0f101112136800006b006d'),
      page('0102030405060708090a0b0c0d0e0f680000670069'),
    );
    expect(Buffer.from(delta!).toString('hex')).toBe('e9070f0102030405060708090a0b0c0d0e0f0301670101' + '69');
  });

  it('makes of any page any other, and is none where that would be no shorter', () => {
    const runs = fc.array(fc.tuple(fc.nat(PAGE_BYTES - 1), fc.uint8Array({ minLength: 1, maxLength: 900 })));
    fc.assert(
      fc.property(runs, runs, (first, then) => {
        const before = new Uint8Array(PAGE_BYTES);
        for (const [at, bytes] of first) before.set(bytes.subarray(0, PAGE_BYTES - at), at);
        const now = before.slice();
        for (const [at, bytes] of then) now.set(bytes.subarray(0, PAGE_BYTES - at), at);
        const delta = encodeDelta(before, now);
        if (!delta) return now.filter((byte, i) => byte !== before[i]).length > PAGE_BYTES / 8;
        expect([applyDelta(before, delta), Buffer.from(before).equals(now)]).toEqual([true, true]);
        return true;
      }),
    );
  });

  it('that no page could have is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        const at = new Uint8Array(PAGE_BYTES);
        expect(typeof applyDelta(at, bytes)).toBe('boolean');
      }),
    );
    const none = (hex: string): boolean => !applyDelta(new Uint8Array(PAGE_BYTES), Buffer.from(hex, 'hex'));
    expect(['00', '0000', '000201', 'ff1f0201' + '02', '8080'].map(none)).toEqual(Array(5).fill(true));
  });
});

describe('pages that were sent', () => {
  it('are sent whole, then by what has changed, then not at all, and whole again once they were gone', () => {
    const sent = new SentPages();
    const is = page('01');
    const kind = (): string[] => Object.keys(sent.next(7, is) ?? {});
    expect([kind(), kind()]).toEqual([['whole'], []]);
    is[5] = 1;
    expect([kind(), kind()]).toEqual([['delta'], []]);
    is.fill(3);
    expect(kind()).toEqual(['whole']);
    sent.forget(7);
    expect(kind()).toEqual(['whole']);
  });
});
