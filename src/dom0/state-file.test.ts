import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readState, STATE_FILES, StateFileError, type StateHead, unpackState, writeState } from './state-file.ts';
import { MemoryStore } from './storage/index.ts';

const HEAD: StateHead = { version: '1', savedMs: 5, guests: ['web'], volumes: [{ name: 'v', bytes: 2 ** 20 }], page: { theme: 'dark' } };
const bytesOf = (pieces: Iterable<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat([...pieces]));

async function storeOf(contents: Record<string, [at: number, bytes: Uint8Array][]>, sizes: Record<string, number> = {}) {
  const store = new MemoryStore();
  const files = [];
  for (const name of STATE_FILES) {
    const file = await store.open(name);
    for (const [at, bytes] of contents[name] ?? []) file.write(at, bytes);
    if (sizes[name]) file.truncate(sizes[name]);
    files.push({ name, file });
  }
  return files;
}

const packed = async (...given: Parameters<typeof storeOf>): Promise<Uint8Array> => bytesOf(writeState(HEAD, await storeOf(...given)));

describe('the file of a state', () => {
  it('gives back every byte of each part, and has no room for zeros', async () => {
    const data = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) | 1);
    const bytes = await packed({ 'disk.data': [[5, data], [40 * 2 ** 20, data]], 'files.0': [[0, data]] }, { 'disk.data': 60 * 2 ** 20, 'files.1': 3 });
    expect(bytes.length).toBeLessThan(4 * data.length);
    const store = new MemoryStore();
    expect(await unpackState(new Blob([bytes as BlobPart]), store)).toEqual(HEAD);
    const disk = await store.open('disk.data'), seen = new Uint8Array(data.length);
    expect([disk.size(), (await store.open('files.1')).size()]).toEqual([60 * 2 ** 20, 3]);
    for (const at of [5, 40 * 2 ** 20]) {
      disk.read(at, seen);
      expect(Buffer.compare(seen, data)).toBe(0);
    }
    disk.read(41 * 2 ** 20, seen);
    expect(seen.every(byte => byte === 0)).toBe(true);
  });

  it('is refused with a sentence wherever it was cut, changed or added to', async () => {
    const whole = await packed({ 'disk.0': [[0, Uint8Array.of(1, 2, 3)]], 'disk.data': [[20_000, Uint8Array.of(9)]] });
    const refused = async (bytes: Uint8Array): Promise<string> => {
      const error = await readState(new Blob([bytes as BlobPart])).then(() => undefined, thrown => thrown as Error);
      expect(error).toBeInstanceOf(StateFileError);
      return (error as Error).message;
    };
    await readState(new Blob([whole as BlobPart]));
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, bits) => {
        expect(await refused(whole.slice(0, at))).toMatch(/cut off|no exported host/);
        const changed = whole.slice();
        changed[at] ^= bits;
        await refused(changed);
      }),
      { numRuns: 150 },
    );
    expect(await refused(Uint8Array.of(...whole, 0))).toContain('comes after the end');
    // A part of it, with good check sums.
    const [first] = await storeOf({});
    expect(await refused(bytesOf(writeState(HEAD, [first!])))).toContain('parts are missing');
    expect(await refused(bytesOf(writeState(HEAD, [{ name: '../etc', file: first!.file }])))).toContain('no state has');
    expect(await refused(bytesOf(writeState({ ...HEAD, guests: 'all' as unknown as string[] }, [])))).toContain('does not say what the file holds');
  });
});
