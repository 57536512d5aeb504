/** Bits that are flipped in the files of a kept disk: each is noticed when the disk is opened, or changes nothing of what the map says. */
import { ExtentDisk } from './extent-disk.ts';
import { FlippedStore } from './flipped-store.ts';
import { type Random, seeded } from './logging-store.test-support.ts';
import { type Store, StoreDamaged, type StoreFile } from './store.ts';

const EXTENT = 512,
  EXTENTS = 48;
const JOURNAL = ['disk.0', 'disk.1'] as const;
/** Lists of some hundred bytes, and of some ten thousand. */
const SMALL = 600,
  LARGE = 40_000;

function content(file: Pick<StoreFile, 'bytes' | 'read'>): Uint8Array {
  const bytes = new Uint8Array(file.bytes);
  file.read(0, bytes);
  return bytes;
}
const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

const open = (store: Store, leastCompaction: number): Promise<ExtentDisk> =>
  ExtentDisk.open(store, 'disk', { bytes: EXTENTS * EXTENT, extentBytes: EXTENT, leastCompaction });

async function made(random: Random, leastCompaction: number): Promise<{ store: FlippedStore; whole: Uint8Array }> {
  const store = new FlippedStore();
  const disk = await open(store, leastCompaction);
  for (let i = 0; i < leastCompaction / 60; i++) {
    disk.write(random(EXTENTS) * EXTENT, new Uint8Array(EXTENT).fill(1 + random(255)));
    if (random(4) === 0) disk.discard(random(EXTENTS) * EXTENT, EXTENT);
    disk.flush();
  }
  const whole = content(disk);
  disk.close();
  return { store, whole };
}

/** Every bit of a small map's files, and `count` random ones of a large one's. @returns what went wrong */
export async function flipBits(seed: number, count: number): Promise<string | undefined> {
  const random = seeded(seed);
  for (const leastCompaction of [SMALL, LARGE]) {
    const { store, whole } = await made(random, leastCompaction);
    const bits = JOURNAL.flatMap(name => ({ name, bits: 8 * (store.files.get(name)?.bytes ?? 0) }));
    const total = bits.reduce((sum, each) => sum + each.bits, 0);
    for (let i = 0; i < (leastCompaction === SMALL ? total : count); i++) {
      let bit = leastCompaction === SMALL ? i : random(total);
      const { name } = bits.find(each => (bit < each.bits ? true : ((bit -= each.bits), false)))!;
      const problem = await after(store.flipped(name, bit), whole, leastCompaction);
      if (problem) return `seed ${seed}: bit ${bit & 7} of byte ${bit >> 3} of ${name}: ${problem}`;
    }
  }
  return undefined;
}

async function after(store: FlippedStore, whole: Uint8Array, leastCompaction: number): Promise<string | undefined> {
  try {
    const disk = await open(store, leastCompaction);
    if (!same(content(disk), whole)) return 'the disk opens, and holds other bytes';
  } catch (error) {
    if (!(error instanceof StoreDamaged)) return `${(error as Error).stack}`;
  }
  return store.changed === undefined ? undefined : `${store.changed} was written by reading it`;
}
