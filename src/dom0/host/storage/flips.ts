/** Bits that are flipped in the files of a kept disk: each is noticed when the disk is opened, or changes nothing of what the map says. */
import { ExtentDisk } from './extent-disk.ts';
import { type Random, seeded } from './logging-store.test-support.ts';
import { MemoryFile, type Store, StoreDamaged, type StoreFile } from './store.ts';

const EXTENT = 512,
  EXTENTS = 48;
const JOURNAL = ['disk.0', 'disk.1'] as const;
/** Lists of some hundred bytes, and of some ten thousand. */
const SMALL = 600,
  LARGE = 40_000;

/** Its files are short: each flip makes new ones. */
class SmallStore implements Store {
  readonly where = 'a store in which a bit is flipped';
  readonly outlivesHost = true;
  readonly files = new Map<string, MemoryFile>();

  async open(name: string): Promise<StoreFile> {
    const file = this.files.get(name) ?? new MemoryFile(4096);
    this.files.set(name, file);
    return file;
  }

  /** The same files, of which nothing here is changed. */
  copy(): SmallStore {
    const copy = new SmallStore();
    for (const [name, file] of this.files) copy.files.set(name, file.copy());
    return copy;
  }
}

function content(file: Pick<StoreFile, 'bytes' | 'read'>): Uint8Array {
  const bytes = new Uint8Array(file.bytes);
  file.read(0, bytes);
  return bytes;
}
const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((byte, i) => byte === b[i]);

const open = (store: Store, leastCompaction: number): Promise<ExtentDisk> =>
  ExtentDisk.open(store, 'disk', { bytes: EXTENTS * EXTENT, extentBytes: EXTENT, leastCompaction });

async function made(random: Random, leastCompaction: number): Promise<{ store: SmallStore; whole: Uint8Array }> {
  const store = new SmallStore();
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
      const problem = await after(store.copy(), name, bit, whole, leastCompaction);
      if (problem) return `seed ${seed}: bit ${bit & 7} of byte ${bit >> 3} of ${name}: ${problem}`;
    }
  }
  return undefined;
}

async function after(
  store: SmallStore,
  name: string,
  bit: number,
  whole: Uint8Array,
  leastCompaction: number,
): Promise<string | undefined> {
  const file = store.files.get(name)!;
  const byte = new Uint8Array(1);
  file.read(bit >> 3, byte);
  byte[0] ^= 1 << (bit & 7);
  file.write(bit >> 3, byte);
  const before = new Map([...store.files].map(([each, left]) => [each, content(left)]));
  try {
    const disk = await open(store, leastCompaction);
    if (!same(content(disk), whole)) return 'the disk opens, and holds other bytes';
  } catch (error) {
    if (!(error instanceof StoreDamaged)) return `${(error as Error).stack}`;
  }
  for (const [each, left] of store.files)
    if (!same(content(left), before.get(each)!)) return `${each} was written by reading it`;
  return undefined;
}
