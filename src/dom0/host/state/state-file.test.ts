import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  PARTS,
  readState,
  StateFileError,
  type StateHead,
  type StatePart,
  unpackState,
  writeState,
} from './state-file.ts';
import { ExtentDisk } from '../storage/extent-disk.ts';
import { MemoryFile, MemoryStore } from '../storage/store.ts';

const HEAD: StateHead = {
  version: '1',
  savedMs: 5,
  guests: ['web'],
  volumes: [{ name: 'v', bytes: 2 ** 20 }],
  page: { theme: 'dark' },
};
const bytesOf = (pieces: Iterable<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat([...pieces]));

/** Parts, each zeros but for what is given. */
function partsOf(
  contents: Record<string, [at: number, bytes: Uint8Array][]>,
  sizes: Record<string, number> = {},
): StatePart[] {
  return PARTS.map(name => {
    const file = new MemoryFile();
    for (const [at, bytes] of contents[name] ?? []) file.write(at, bytes);
    file.truncate(sizes[name] ?? file.bytes);
    const holds =
      name === 'disk'
        ? (at: number, bytes: number) =>
            (contents[name] ?? []).some(([from, data]) => at < from + data.length && from < at + bytes)
        : undefined;
    return { name, bytes: file.bytes, read: (at, into) => file.read(at, into), ...(holds ? { holds } : {}) };
  });
}

const packed = (...given: Parameters<typeof partsOf>): Uint8Array => bytesOf(writeState(HEAD, partsOf(...given)));

describe('the file of a state', () => {
  it('gives back every byte of each part, and has no room for zeros', async () => {
    const data = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) | 1);
    const bytes = packed(
      {
        disk: [
          [5, data],
          [400e9, data],
        ],
        'files.0': [[0, data]],
      },
      { disk: 500e9, 'files.1': 3 },
    );
    expect(bytes.length).toBeLessThan(4 * data.length);
    const store = new MemoryStore();
    expect(await unpackState(new Blob([bytes as BlobPart]), store)).toEqual(HEAD);
    const disk = await ExtentDisk.open(store, 'disk', { bytes: 512 }),
      seen = new Uint8Array(data.length);
    expect([disk.bytes, disk.stored.bytes]).toEqual([500e9, 2 * 2 ** 20]);
    const tree = new Uint8Array(data.length);
    (await store.open('files.0')).read(0, tree);
    expect(Buffer.compare(tree, data)).toBe(0);
    for (const at of [5, 400e9]) {
      disk.read(at, seen);
      expect(Buffer.compare(seen, data)).toBe(0);
    }
    disk.read(401e9, seen);
    expect(seen.every(byte => byte === 0)).toBe(true);
  });

  it('is refused with a sentence wherever it was cut, changed or added to', async () => {
    const whole = packed(
      { 'files.1': [[0, Uint8Array.of(1, 2, 3)]], disk: [[20_000, Uint8Array.of(9)]] },
      { disk: 2 ** 20 },
    );
    const refused = async (bytes: Uint8Array): Promise<string> => {
      const error = await readState(new Blob([bytes as BlobPart])).then(
        () => undefined,
        thrown => thrown as Error,
      );
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
    const [first] = partsOf({});
    expect(await refused(bytesOf(writeState(HEAD, [first!])))).toContain('parts are missing');
    expect(await refused(bytesOf(writeState(HEAD, [{ ...first!, name: '../etc' }])))).toContain('no state has');
    expect(await refused(bytesOf(writeState({ ...HEAD, guests: 'all' as unknown as string[] }, [])))).toContain(
      'does not say what the file holds',
    );
  });
});
