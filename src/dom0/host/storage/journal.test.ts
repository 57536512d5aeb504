import { describe, expect, it } from 'vitest';
import { Journal } from './journal.ts';
import { cutJournal } from './power-cuts.ts';
import { MemoryStore, StoreDamaged } from './store.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (of: string): Uint8Array => new TextEncoder().encode(of);

describe('a journal', () => {
  const read = async (store: MemoryStore): Promise<string[]> => {
    const records: string[] = [];
    await Journal.open(store, 'j', record => records.push(text(record)));
    return records;
  };

  it('gives its records back in order', async () => {
    const store = new MemoryStore();
    const journal = await Journal.open(store, 'j', () => {});
    for (const record of ['one', '', 'three']) journal.append(bytes(record));
    journal.flush(() => []);
    expect(await read(store)).toEqual(['one', '', 'three']);
  });

  it('is written anew when it is long, and takes no more room then', async () => {
    const store = new MemoryStore();
    const journal = await Journal.open(store, 'j', () => {}, { leastCompaction: 1000 });
    for (let i = 0; i < 1000; i++) {
      journal.append(bytes(`number ${i}`));
      journal.flush(() => [bytes(`only ${i}`)]);
    }
    const records = await read(store);
    expect(records.length).toBeLessThan(60);
    expect(records[0]).toMatch(/^only/);
    expect(records.at(-1)).toMatch(/ 999$/);
    expect((await store.open('j.0')).bytes + (await store.open('j.1')).bytes).toBeLessThan(1100);
  });

  it('ends before a record that does not check', async () => {
    const store = new MemoryStore();
    const journal = await Journal.open(store, 'j', () => {});
    for (const record of ['one', 'two', 'three']) journal.append(bytes(record));
    journal.flush(() => []);
    const file = await store.open('j.1');
    file.write(32 + 8 + 3 + 8, bytes('T'));
    expect(await read(store)).toEqual(['one']);
    expect(file.bytes).toBe(32 + 8 + 3);
  });

  it('without a header is refused, not taken for a new one', async () => {
    const store = new MemoryStore();
    const journal = await Journal.open(store, 'j', () => {});
    journal.append(bytes('one'));
    journal.flush(() => []);
    (await store.open('j.1')).write(3, bytes('?'));
    await expect(read(store)).rejects.toThrow(StoreDamaged);
  });

  it('holds after a power cut what was flushed, and nothing that does not follow from it', async () => {
    expect(await cutJournal(1, 3000)).toBeUndefined();
  });
});
