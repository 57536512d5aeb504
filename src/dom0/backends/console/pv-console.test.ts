import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PvConsole } from './pv-console.ts';

const IN_CONS = 768,
  IN_PROD = 769,
  OUT_CONS = 770,
  OUT_PROD = 771;

/** A guest as Linux's hvc_xen, and the hypervisor between. */
function make(start = 0): {
  bytes: Uint8Array;
  words: Int32Array;
  console: PvConsole;
  out: () => string;
  sends: () => number;
  unmapped: () => boolean;
} {
  const bytes = new Uint8Array(new SharedArrayBuffer(4096)),
    words = new Int32Array(bytes.buffer);
  words.fill(start, IN_CONS, OUT_PROD + 1);
  let text = '',
    sends = 0,
    unmapped = false;
  const console = new PvConsole(
    {
      mapForeign: () => ({ bytes, words, unmap: () => (unmapped = true) }),
      bindInterdomain: () => 5,
      send: port => {
        expect(port).toBe(5);
        sends++;
      },
      close() {},
    },
    1,
    0xfefff,
    2,
    part => (text += String.fromCharCode(...part)),
  );
  return { bytes, words, console, out: () => text, sends: () => sends, unmapped: () => unmapped };
}

function print(guest: ReturnType<typeof make>, text: string): void {
  for (const character of text) guest.bytes[1024 + (guest.words[OUT_PROD]++ & 2047)] = character.charCodeAt(0);
}

describe('the PV console (io/console.h)', () => {
  it("takes what the guest printed, across the ring's end, and tells it so", () => {
    const guest = make(-3);
    print(guest, 'hello');
    guest.console.poll();
    expect([guest.out(), guest.words[OUT_CONS], guest.sends()]).toEqual(['hello', 2, 1]);
    guest.console.poll();
    expect(guest.sends()).toBe(1);
  });

  it('gives typed bytes as the guest reads, all and in order', () => {
    const guest = make();
    guest.console.input(new Uint8Array(1000).fill(65));
    guest.console.input(new Uint8Array(1000).fill(66));
    expect([guest.words[IN_PROD], guest.console.typed.length]).toEqual([1024, 976]);
    let read = '';
    while (guest.words[IN_CONS] !== guest.words[IN_PROD]) {
      read += String.fromCharCode(guest.bytes[guest.words[IN_CONS]++ & 1023]);
      guest.console.poll();
    }
    expect(read).toBe('A'.repeat(1000) + 'B'.repeat(1000));
  });

  it('does nothing while indices cannot be true', () => {
    const guest = make();
    guest.words[OUT_PROD] = 2049;
    guest.words[IN_CONS] = 1;
    guest.console.input(Uint8Array.of(1));
    expect([guest.out(), guest.words[IN_PROD], guest.sends()]).toEqual(['', 0, 0]);
    guest.words[OUT_PROD] = 1;
    guest.words[IN_CONS] = 0;
    guest.console.poll();
    expect([guest.out().length, guest.words[IN_PROD]]).toEqual([1, 1]);
  });

  it('keeps a bounded number of typed bytes for a guest that does not read', () => {
    const guest = make();
    for (let i = 0; i < 100; i++) guest.console.input(new Uint8Array(4096));
    expect(guest.console.typed.length).toBeLessThanOrEqual(65536);
  });

  it('hears the last words', () => {
    const guest = make();
    print(guest, 'bye');
    guest.console.close();
    expect([guest.out(), guest.unmapped()]).toEqual(['bye', true]);
  });

  it('survives any indices', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(IN_CONS, IN_PROD, OUT_CONS, OUT_PROD), fc.integer())), changes => {
        const guest = make();
        for (const [index, value] of changes) {
          guest.words[index] = value;
          guest.console.input(Uint8Array.of(1, 2, 3));
        }
        expect(guest.out().length).toBeLessThanOrEqual(2048 * changes.length);
      }),
    );
  });
});
