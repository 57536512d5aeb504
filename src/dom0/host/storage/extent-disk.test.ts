import { DeviceFull } from '../../../formats/blocks/index.ts';
import { describe, expect, it } from 'vitest';
import { cutExtentDisk } from './power-cuts.ts';
import { EXTENT_BYTES, ExtentDisk } from './extent-disk.ts';
import { LoggingStore } from './logging-store.test-support.ts';
import { MemoryStore, StoreDamaged } from './store.ts';

const GB = 1e9;
const filled = (bytes: number, value: number): Uint8Array => new Uint8Array(bytes).fill(value);
const got = (disk: ExtentDisk, at: number, bytes: number): Uint8Array => {
  const into = filled(bytes, 0xee);
  disk.read(at, into);
  return into;
};

describe('the 500-GB disk', () => {
  it('reads as zeros where nothing was written, and takes no room for it', async () => {
    const store = new MemoryStore();
    const disk = await ExtentDisk.open(store, 'disk', { bytes: 500 * GB });
    expect(got(disk, 499 * GB, 4096)).toEqual(filled(4096, 0));
    disk.write(499 * GB, filled(512, 7));
    disk.flush();
    expect(disk.stored).toEqual({ bytes: EXTENT_BYTES, usedBytes: EXTENT_BYTES });
    const again = await ExtentDisk.open(store, 'disk', { bytes: 1 });
    expect(again.bytes).toBe(500 * GB);
    expect(got(again, 499 * GB - 512, 1536)).toEqual(
      Uint8Array.from([...filled(512, 0), ...filled(512, 7), ...filled(512, 0)]),
    );
  });

  it('tells where in its file a byte lies', async () => {
    const store = new MemoryStore();
    const disk = await ExtentDisk.open(store, 'disk', { bytes: 500 * GB });
    disk.write(300 * GB, Uint8Array.of(1));
    const at = 400 * GB + 12345;
    expect(disk.place(at)[1]).toEqual({ layer: 'file disk.data' });
    disk.write(at, filled(100, 9));
    disk.flush();
    const [sda, file] = disk.place(at);
    expect(sda).toEqual({ layer: 'disk sda', at, unit: { name: 'extent', number: Math.floor(at / EXTENT_BYTES) } });
    expect(file.unit).toEqual({ name: 'slot', number: 1 });
    const bytes = new Uint8Array(100);
    (await store.open('disk.data')).read(file.at as number, bytes);
    expect(bytes).toEqual(filled(100, 9));
  });

  it('lets extents share what neither has written since, and gives room back when the last one goes', async () => {
    const store = new MemoryStore();
    const disk = await ExtentDisk.open(store, 'disk', { bytes: GB });
    const other = 100 * EXTENT_BYTES;
    disk.write(0, filled(EXTENT_BYTES, 1));
    disk.share(0, other);
    disk.flush();
    expect(disk.stored.usedBytes).toBe(EXTENT_BYTES);
    disk.write(0, filled(512, 2));
    disk.flush();
    const again = await ExtentDisk.open(store, 'disk', { bytes: GB });
    expect([got(again, 0, 513), got(again, other, 513)]).toEqual([Uint8Array.of(...filled(512, 2), 1), filled(513, 1)]);
    expect(again.stored.usedBytes).toBe(2 * EXTENT_BYTES);
    again.share(0, other);
    again.discard(0, EXTENT_BYTES);
    again.flush();
    expect([again.stored.usedBytes, got(again, other, 1)]).toEqual([EXTENT_BYTES, Uint8Array.of(2)]);
    again.reclaim(8);
    again.discard(other, EXTENT_BYTES);
    again.flush();
    expect(again.stored).toEqual({ bytes: 0, usedBytes: 0 });
    expect(() => again.share(5, other)).toThrow('not both the beginning of an extent');
  });

  it('gives a discarded extent’s room to others, without what was in it', async () => {
    const disk = await ExtentDisk.open(new MemoryStore(), 'disk', { bytes: GB });
    disk.write(0, filled(EXTENT_BYTES, 1));
    disk.write(EXTENT_BYTES, filled(EXTENT_BYTES, 2));
    disk.flush();
    disk.discard(0, EXTENT_BYTES);
    expect(got(disk, 0, 16)).toEqual(filled(16, 0));
    disk.flush();
    disk.write(9 * EXTENT_BYTES + 5, Uint8Array.of(3));
    expect(disk.stored.bytes).toBe(2 * EXTENT_BYTES);
    expect(got(disk, 9 * EXTENT_BYTES, 8)).toEqual(Uint8Array.of(0, 0, 0, 0, 0, 3, 0, 0));
  });

  it('keeps what a discard leaves of an extent', async () => {
    const disk = await ExtentDisk.open(new MemoryStore(), 'disk', { bytes: GB });
    disk.write(0, filled(2 * EXTENT_BYTES, 1));
    disk.discard(512, 2 * EXTENT_BYTES - 512);
    expect(got(disk, 0, 4)).toEqual(filled(4, 1));
    expect(got(disk, EXTENT_BYTES, 4)).toEqual(filled(4, 0));
  });

  it('makes its file shorter by what is free in it', async () => {
    const disk = await ExtentDisk.open(new MemoryStore(), 'disk', { bytes: GB });
    for (let extent = 0; extent < 10; extent++) disk.write(extent * EXTENT_BYTES, filled(512, extent + 1));
    disk.discard(0, 4 * EXTENT_BYTES);
    disk.flush();
    expect(disk.stored).toEqual({ bytes: 10 * EXTENT_BYTES, usedBytes: 6 * EXTENT_BYTES });
    while (disk.reclaim(2) > 0);
    expect(disk.stored).toEqual({ bytes: 6 * EXTENT_BYTES, usedBytes: 6 * EXTENT_BYTES });
    for (let extent = 4; extent < 10; extent++) expect(got(disk, extent * EXTENT_BYTES, 1)[0]).toBe(extent + 1);
  });

  it('loses nothing where the device is full, and goes on when there is room', async () => {
    const store = new LoggingStore();
    const disk = await ExtentDisk.open(store, 'disk', { bytes: 64 * 4096, extentBytes: 4096 });
    disk.write(0, filled(4096, 1));
    disk.flush();
    store.roomLeft = 10;
    expect(() => disk.write(4096, filled(4096, 2))).toThrow(DeviceFull);
    expect(got(disk, 0, 4096)).toEqual(filled(4096, 1));
    // The journal finds no room, and has the record when there is some.
    store.roomLeft = 4096;
    disk.write(4096, filled(4096, 2));
    expect(() => disk.flush()).toThrow(DeviceFull);
    store.roomLeft = Infinity;
    disk.flush();
    const after = await ExtentDisk.open(
      store.afterCut(() => 0),
      'disk',
      { bytes: 1 },
    );
    expect(got(after, 4096, 4096)).toEqual(filled(4096, 2));
  });

  it('says what is wrong with files that contradict each other', async () => {
    const store = new MemoryStore();
    const disk = await ExtentDisk.open(store, 'disk', { bytes: GB });
    disk.write(5 * EXTENT_BYTES, Uint8Array.of(1));
    disk.flush();
    (await store.open('disk.data')).truncate(0);
    await expect(ExtentDisk.open(store, 'disk', { bytes: GB })).rejects.toThrow(
      /^The disk in memory is damaged: its data end at byte 0, .* check says what can be read/,
    );
    for (const name of ['disk.0', 'disk.1']) (await store.open(name)).write(0, new Uint8Array(100));
    await expect(ExtentDisk.open(store, 'disk', { bytes: GB })).rejects.toThrow(StoreDamaged);
  });

  it('has after a power cut what was flushed, whatever else was lost or torn', async () => {
    expect(await cutExtentDisk(1, 400)).toBeUndefined();
  });
});
