import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeGuest, FrontRing } from './fake-guest.test-support.ts';
import { BackRing, RingError, ringSlots } from './ring.ts';

function make(pages = 1, slotBytes = 12) {
  const guest = new FakeGuest();
  const granted = Array.from({ length: pages }, (_, i) => guest.grant(8 + i));
  return {
    granted,
    front: new FrontRing(granted, slotBytes),
    back: (saved?: { reqCons: number; rspProd: number }) => new BackRing(granted, slotBytes, saved),
  };
}

describe('a shared ring', () => {
  it('has as many slots as io/ring.h says', () => {
    expect([
      ringSlots(1, 108),
      ringSlots(1, 112),
      ringSlots(1, 12),
      ringSlots(1, 8),
      ringSlots(4, 112),
      ringSlots(16, 108),
    ]).toEqual([32, 32, 256, 256, 128, 512]);
  });

  it.each([1, 4])('carries requests and responses in order over %i pages, across its end', pages => {
    const { front, back } = make(pages, 112);
    const ring = back();
    const request = new Int32Array(28);
    for (let round = 0; round < 3 * front.slots; round += front.slots / 2) {
      for (let i = 0; i < front.slots / 2; i++)
        front.put(Int32Array.from({ length: 28 }, (_, word) => round * 1000 + i * 28 + word));
      front.push();
      for (let i = 0; ring.take(request); i++) {
        expect([...request]).toEqual(Array.from({ length: 28 }, (_, word) => round * 1000 + i * 28 + word));
        ring.respond(Int32Array.of(i));
      }
      ring.push();
      for (let i = 0; i < front.slots / 2; i++) expect(front.take(1)).toEqual(Int32Array.of(i));
      expect(front.take(1)).toBeUndefined();
    }
  });

  it('asks for an event when it has none left, and tells when one is waited for', () => {
    const { front, back } = make();
    const ring = back();
    front.put([1]);
    expect(front.push()).toBe(true);
    // Not asked for again yet.
    front.put([2]);
    expect(front.push()).toBe(false);
    const request = new Int32Array(3);
    while (ring.take(request)) ring.respond(request);
    expect(ring.push()).toBe(true);
    expect(ring.push()).toBe(false);
    expect(ring.finalCheck()).toBe(false);
    front.put([3]);
    expect(front.push()).toBe(true);
    expect(ring.finalCheck()).toBe(true);
    ring.take(request);
    ring.respond(request);
    // Its responses were not looked at since: the front end is awake.
    expect(ring.push()).toBe(false);
  });

  it('ends at a producer index that cannot be, forwards or backwards', () => {
    const { front, back } = make();
    const ring = back();
    for (let i = 0; i < 3; i++) front.put([i]);
    front.push();
    const request = new Int32Array(3);
    ring.take(request);
    ring.take(request);
    for (const index of [257, 1, -1, 0x7fffffff]) {
      front.header[0] = index;
      expect(() => ring.take(request), String(index)).toThrow(RingError);
      expect(() => ring.finalCheck(), String(index)).toThrow(RingError);
    }
    front.header[0] = 256;
    expect(ring.check()).toBe(254);
  });

  it('never has more responses than requests, whatever the page says', () => {
    const { front, back } = make();
    const ring = back();
    front.header.set([5, 99, 77, 3]);
    expect(() => ring.respond(Int32Array.of(1))).toThrow('a response to no request');
    ring.take(new Int32Array(3));
    ring.respond(Int32Array.of(1));
    ring.push();
    expect(front.header[2]).toBe(1);
  });

  it('goes on elsewhere with what is under way', () => {
    const { front, back } = make();
    const first = back();
    for (let i = 0; i < 5; i++) front.put([i]);
    front.push();
    const request = new Int32Array(3);
    for (let i = 0; i < 3; i++) first.take(request);
    first.respond(Int32Array.of(10));
    const second = back(first.save());
    expect([second.unanswered, front.take(1)]).toEqual([2, Int32Array.of(10)]);
    second.take(request);
    expect(request[0]).toBe(3);
    expect(() => back({ reqCons: 1000, rspProd: 0 })).toThrow(RingError);
    expect(() => back({ reqCons: 0, rspProd: 1 })).toThrow(RingError);
  });

  it('takes nothing twice and invents nothing, whatever the guest writes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), fc.integer())), changes => {
        const { front, back } = make();
        const ring = back();
        const request = new Int32Array(3);
        try {
          for (const [word, value] of changes) {
            front.header[word] = value;
            for (let i = 0; i < 300 && ring.take(request); i++) if (value & 1) ring.respond(request);
            ring.push();
            ring.finalCheck();
            expect(ring.unanswered).toBeLessThanOrEqual(256);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(RingError);
        }
      }),
    );
  });
});
