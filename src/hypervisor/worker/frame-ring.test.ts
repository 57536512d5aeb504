import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FRAME_RING, FRAME_RING_BYTES } from '../layout/layout.ts';
import { FrameRing, LONGEST_FRAME } from './frame-ring.ts';

function make(start = 0) {
  const memory = new SharedArrayBuffer(64 + FRAME_RING_BYTES);
  const machine = { words: new Int32Array(memory), bytes: new Uint8Array(memory) };
  machine.words[FRAME_RING.WRITTEN] = machine.words[FRAME_RING.READ] = start;
  return { machine, ring: new FrameRing(machine, 0, 64) };
}
const frame = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7 + seed);

describe('a ring of frames', () => {
  it('gives out in order what went in, wherever its indices stand, and takes no more than it holds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 4 }),
        fc.array(
          fc.oneof(fc.record({ put: fc.nat(LONGEST_FRAME) }), fc.record({ take: fc.integer({ min: 1, max: 9 }) })),
          { maxLength: 120 },
        ),
        (start, steps) => {
          const { ring } = make(start & ~3);
          const expected: Uint8Array[] = [];
          let held = 0;
          steps.forEach((step, seed) => {
            if ('put' in step) {
              const fits = held + 8 + ((step.put + 3) & ~3) <= FRAME_RING_BYTES;
              expect(ring.put(frame(step.put, seed))).toBe(fits);
              if (!fits) return;
              held += 8 + ((step.put + 3) & ~3);
              expected.push(frame(step.put, seed));
            } else
              for (let i = 0; i < step.take; i++) {
                const next = expected.shift();
                expect(ring.take()).toEqual(next);
                if (next) held -= 8 + ((next.length + 3) & ~3);
              }
          });
          expect(ring.isEmpty).toBe(expected.length === 0);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('counts what found no room', () => {
    const { ring } = make();
    expect(ring.put(new Uint8Array(LONGEST_FRAME + 1))).toBe(false);
    while (ring.hasRoom) ring.put(frame(1514, 1));
    const before = ring.dropped;
    while (ring.put(frame(1514, 1)));
    expect([before, ring.dropped]).toEqual([1, 2]);
  });

  it('is emptied where its writer left nonsense', () => {
    const { machine, ring } = make();
    ring.put(frame(60, 1));
    machine.words[16] = 5000;
    expect([ring.take(), ring.isEmpty]).toEqual([undefined, true]);
    machine.words[FRAME_RING.WRITTEN] += FRAME_RING_BYTES * 2;
    expect([ring.take(), ring.isEmpty]).toEqual([undefined, true]);
    expect(ring.put(frame(60, 2))).toBe(true);
    expect(ring.take()).toEqual(frame(60, 2));
  });
});
