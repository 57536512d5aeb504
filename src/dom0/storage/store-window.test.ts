import { describe, expect, it } from 'vitest';
import { LoggingStore } from './logging-store.test-support.ts';
import { MemoryStore, type Store, StoreFull } from './store.ts';
import { WINDOW_BYTES, WindowServer, WindowStore } from './store-window.ts';

/** Both sides on one thread: who rings is answered before the call returns. */
function through(store: Store): { asked: WindowStore; rings: () => number } {
  const memory = new SharedArrayBuffer(WINDOW_BYTES);
  const server = new WindowServer(memory, store);
  let rings = 0;
  const asked = new WindowStore({
    memory,
    where: 'behind the window',
    outlivesHost: true,
    ring: () => {
      rings++;
      server.serve();
    },
    open: name => server.open(name),
  });
  return { asked, rings: () => rings };
}

describe('a store through a window', () => {
  it('reads, writes, cuts off and tells the size as the store behind it, in pieces where the window is smaller', async () => {
    const store = new MemoryStore();
    const { asked } = through(store);
    const file = await asked.open('a');
    const direct = await store.open('a');
    const bytes = Uint8Array.from({ length: 2.5 * 2 ** 20 }, (_, i) => i * 7 + (i >> 12));
    // Past 4 GiB: a place is no 32-bit number.
    const at = 5 * 2 ** 30 + 13;
    file.write(at, bytes);
    expect([file.size(), direct.size()]).toEqual([at + bytes.length, at + bytes.length]);
    const found = new Uint8Array(bytes.length + 10).fill(9);
    file.read(at - 5, found);
    expect(Buffer.compare(found.subarray(5, -5), bytes)).toBe(0);
    expect([...found.subarray(-5), ...found.subarray(0, 5)]).toEqual(new Array(10).fill(0));
    file.truncate(at + 3);
    expect(direct.size()).toBe(at + 3);
    file.flush();
    const other = await asked.open('b');
    other.write(0, Uint8Array.of(1));
    expect([other.size(), file.size()]).toEqual([1, at + 3]);
  });

  it('says a flush is done when it is done there, and that there is no room in words of the store', async () => {
    const store = new LoggingStore();
    const { asked } = through(store);
    const file = await asked.open('a');
    file.write(0, Uint8Array.of(1, 2, 3));
    file.flush();
    const after = await store.afterCut(() => 0).open('a');
    expect(after.size()).toBe(3);
    store.roomLeft = 0;
    expect(() => file.write(3, new Uint8Array(100))).toThrow(StoreFull);
    store.roomLeft = 1000;
    file.write(3, new Uint8Array(100));
    expect(file.size()).toBe(103);
  });

  it('tells of a file that is closed', async () => {
    const { asked } = through(new MemoryStore());
    const file = await asked.open('a');
    file.close();
    expect(() => file.size()).toThrow('The file is closed.');
  });
});
