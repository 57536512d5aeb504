import { describe, expect, it } from 'vitest';
import { crc32 } from '../../../formats/unpack/index.ts';
import { Journal } from './journal.ts';
import { frame } from './journal-format.ts';
import { cutJournal } from './power-cuts.ts';
import { MemoryFile, MemoryStore, type Store, StoreDamaged, type StoreFile } from './store.ts';

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (of: string): Uint8Array => new TextEncoder().encode(of);

/** Its files are short: each flip makes new ones. */
class SmallStore implements Store {
  readonly where = 'memory';
  readonly outlivesHost = false;
  private readonly files = new Map<string, MemoryFile>();

  async open(name: string): Promise<StoreFile> {
    const file = this.files.get(name) ?? new MemoryFile(1024);
    this.files.set(name, file);
    return file;
  }
}

const read = async (store: Store): Promise<string[]> => {
  const records: string[] = [];
  await Journal.open(store, 'j', record => records.push(text(record)));
  return records;
};

/** Each in a batch of its own. */
async function written(records: readonly string[], leastCompaction?: number): Promise<Store> {
  const store = new SmallStore();
  const journal = await Journal.open(store, 'j', () => {}, leastCompaction === undefined ? {} : { leastCompaction });
  for (const record of records) {
    journal.append(bytes(record));
    journal.flush(() => [bytes(`all until ${record}`)]);
  }
  journal.close();
  return store;
}

const FILES = ['j.0', 'j.1'];
const contents = async (store: Store): Promise<Uint8Array<ArrayBuffer>[]> =>
  Promise.all(
    FILES.map(async name => {
      const file = await store.open(name);
      const content = new Uint8Array(file.bytes);
      file.read(0, content);
      return content;
    }),
  );
async function storeOf(files: readonly Uint8Array[]): Promise<Store> {
  const store = new SmallStore();
  for (const [i, content] of files.entries()) (await store.open(FILES[i])).write(0, content);
  return store;
}

/** A list as earlier versions wrote it. */
function old(records: readonly string[]): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(32);
  const view = new DataView(header.buffer);
  header.set(bytes('RSJ1'));
  view.setBigUint64(8, 1n, true);
  let crc = crc32(header, 0, 16);
  view.setUint32(16, crc, true);
  const pieces: Uint8Array[] = [header];
  for (const record of records) {
    const framed = frame(bytes(record), crc);
    crc = framed.crc;
    pieces.push(framed.bytes);
  }
  return Uint8Array.from(pieces.flatMap(piece => [...piece]));
}

/** Reads what is left of these files with one byte, or their end, another; what reading changes fails. @returns 'refused', or the records */
async function after(
  files: readonly Uint8Array<ArrayBuffer>[],
  change: (files: Uint8Array<ArrayBuffer>[]) => void,
): Promise<string> {
  const changed = files.map(file => file.slice());
  change(changed);
  const store = await storeOf(changed);
  const result = await read(store).then(
    records => records.join(),
    error => {
      if (error instanceof StoreDamaged) return 'refused';
      throw error;
    },
  );
  const left = await contents(store);
  if (!left.every((content, i) => Buffer.compare(content, changed[i]) === 0))
    throw new Error('Reading wrote to a file.');
  return result;
}

describe('a journal', () => {
  it('gives its records back in order', async () => {
    const store = new MemoryStore();
    const journal = await Journal.open(store, 'j', () => {});
    for (const record of ['one', '', 'three']) journal.append(bytes(record));
    journal.flush(() => []);
    expect(await read(store)).toEqual(['one', '', 'three']);
  });

  it('is written anew when it is long, and takes no more room then', async () => {
    const store = new MemoryStore();
    const journal = await Journal.open(store, 'j', () => {}, { leastCompaction: 2000 });
    for (let i = 0; i < 1000; i++) {
      journal.append(bytes(`number ${i}`));
      journal.flush(() => [bytes(`only ${i}`)]);
    }
    const records = await read(store);
    expect(records.length).toBeLessThan(60);
    expect(records[0]).toMatch(/^only/);
    expect(records.at(-1)).toMatch(/ 999$/);
    expect((await store.open('j.0')).bytes + (await store.open('j.1')).bytes).toBeLessThan(2700);
  });

  it('is refused where a record that was flushed does not check, in words that name file and byte', async () => {
    const store = await written(['one', 'two', 'three']);
    const file = await store.open('j.1');
    file.write(64 + 20 + 8, bytes('O'));
    await expect(read(store)).rejects.toThrow(/^j\.1 in memory is damaged at byte 84: .* storage --state memory check/);
  });

  it('ends before a record that was never flushed, and cuts it off with the next write only', async () => {
    const store = await written(['one', 'two']);
    const list = await store.open('j.1');
    const { bytes: end } = list;
    list.write(end, frame(bytes('torn'), 0).bytes);
    const journal = await Journal.open(store, 'j', () => {});
    expect(list.bytes).toBe(end + 12);
    journal.append(bytes('three'));
    journal.flush(() => []);
    expect(await read(store)).toEqual(['one', 'two', 'three']);
  });

  it.each([
    ['every bit of a short one', ['one', 'two'], undefined, 1],
    ['samples of a longer one, written anew', ['one', 'two', 'three', 'four'], 100, 7],
  ])('notices bits that are flipped, or is read as it was: %s', async (_, records, leastCompaction, step) => {
    const files = await contents(await written(records, leastCompaction));
    const whole = await after(files, () => {});
    const wrong: string[] = [];
    for (let file = 0; file < 2; file++) {
      const isList = text(files[file].subarray(0, 4)) === 'RSJ2';
      for (let bit = 0; bit < 8 * files[file].length; bit += step) {
        const at = bit >> 3;
        // Between its two places the other file is never read.
        if (!isList && at >= 32 && files[file][at] === 0) continue;
        const result = await after(files, changed => (changed[file][at] ^= 1 << (bit & 7)));
        // The header is there twice, and how far the list was flushed is in its marks, too.
        if (result !== (isList && at >= 64 ? 'refused' : whole)) wrong.push(`${FILES[file]} ${at}: ${result}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('notices every shorter length of its files, and zeros in their place', async () => {
    const files = await contents(await written(['one', 'two', 'three']));
    const whole = await after(files, () => {});
    for (let file = 0; file < 2; file++)
      for (let length = 0; length < files[file].length; length++)
        for (const change of [
          (changed: Uint8Array<ArrayBuffer>[]) => (changed[file] = changed[file].slice(0, length)),
          (changed: Uint8Array<ArrayBuffer>[]) => changed[file].fill(0, length),
        ]) {
          const result = await after(files, change);
          // The other file tells nothing but how far the list was flushed.
          expect(result).toBe(file === 1 ? 'refused' : whole);
        }
  });

  it('is refused where its files are of two times', async () => {
    const times = await Promise.all(
      [1, 20, 25, 60].map(async count => contents(await written([...Array(count).keys()].map(String), 300))),
    );
    const lists = times.map(([a, b]) => (b.length > a.length ? 1 : 0));
    expect(new Set(lists)).toEqual(new Set([0, 1]));
    let refused = 0;
    for (const early of times)
      for (const late of times) {
        if (early === late) continue;
        const result = await after([early[0], late[1]], () => {});
        if (result === 'refused') refused++;
        // Else it is one of the two, whole.
        else expect(await Promise.all([early, late].map(each => after(each, () => {})))).toContain(result);
      }
    expect(refused).toBeGreaterThan(2);
  });

  it('without a header is refused, and none where there must be a list', async () => {
    const store = await written(['one']);
    const file = await store.open('j.1');
    for (const at of [3, 35]) file.write(at, bytes('?'));
    await expect(read(store)).rejects.toThrow(StoreDamaged);
    await expect(Journal.open(new MemoryStore(), 'j', () => {}, { expected: 'Its data are there.' })).rejects.toThrow(
      /^j\.0 and j\.1 in memory have no list. Its data are there/,
    );
  });

  it('holds after a power cut what was flushed, and nothing that does not follow from it', async () => {
    expect(await cutJournal(1, 600)).toBeUndefined();
  });
});

describe('a journal that an earlier version left', () => {
  const list = old(['one', 'two', 'three']);
  const nothing = new Uint8Array();

  it('is read, and written as those of today with the next flush', async () => {
    const store = await storeOf([nothing, list]);
    expect(await read(store)).toEqual(['one', 'two', 'three']);
    expect(await contents(store)).toEqual([nothing, list]);
    const journal = await Journal.open(store, 'j', () => {});
    journal.append(bytes('four'));
    journal.flush(() => [bytes('all four')]);
    expect(await read(store)).toEqual(['all four']);
    expect(text((await contents(store))[0].slice(0, 4))).toBe('RSJ2');
  });

  it('notices each bit that is flipped', async () => {
    const results: string[] = [];
    for (let bit = 0; bit < 8 * list.length; bit++)
      results.push(await after([nothing, list], ([, changed]) => (changed[bit >> 3] ^= 1 << (bit & 7))));
    // Nothing reads the end of its header.
    expect(results).toEqual(results.map((__, bit) => (bit >= 160 && bit < 256 ? 'one,two,three' : 'refused')));
  });

  it('ends before what a power cut tore at its end, not before records that follow', async () => {
    expect(await after([nothing, list], files => files[1].fill(0, list.length - 4))).toBe('one,two');
    expect(await after([nothing, list], files => files[1].fill(0, 34, 43))).toBe('refused');
  });
});
