import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OwnPieces } from './own-pieces.ts';

/** As much as is worth giving back. */
const BYTES = 64 * 1024;

const NUMBERED = Uint8Array.from({ length: BYTES }, (_, i) => i);
const numbered = (): Uint8Array<ArrayBuffer> => NUMBERED.slice();

describe('pieces of their own', () => {
  it('give back a buffer once all of it has come and was copied, and no other', () => {
    const held = new OwnPieces();
    const alone = numbered(),
      shared = numbered();
    held.push(alone);
    held.push(shared.subarray(32));
    held.push(shared.subarray(0, 32));
    held.fill(new Uint8Array(BYTES - 1));
    expect(alone).toHaveLength(BYTES);
    expect(held.fill(new Uint8Array(4))).toEqual(Uint8Array.of(255, 32, 33, 34));
    held.fill(new Uint8Array(held.bytes));
    expect([alone.length, shared.length]).toEqual([0, BYTES]);
  });

  it('have all bytes, however a buffer is cut and taken', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: BYTES / 4 }), { maxLength: 12 });
    fc.assert(
      fc.property(cuts, cuts, (sent, taken) => {
        const whole = numbered(),
          held = new OwnPieces();
        let at = 0;
        for (const bytes of [...sent, BYTES]) {
          const piece = whole.subarray(at, at + bytes);
          at += piece.length;
          if (piece.length > 0) held.push(piece);
        }
        const got = new Uint8Array(BYTES);
        let done = 0;
        for (const bytes of [...taken, BYTES]) {
          const some = held.fill(new Uint8Array(Math.min(bytes, held.bytes)));
          got.set(some, done);
          done += some.length;
        }
        expect(Buffer.compare(got, NUMBERED)).toBe(0);
        expect(whole).toHaveLength(0);
      }),
    );
  });
});
