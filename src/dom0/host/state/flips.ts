/**
 * Bits that are flipped in any file of a whole state: journals of files and map, and the data. Of the journals each is noticed, or changes nothing. Bytes of
 * disk.data have no check sums: a flip there is one wrong bit of the disk, or is noticed in the volume group; it changes no file of Domain 0 that is not on the
 * disk. Reading writes nothing, and nothing but StoreDamaged is thrown.
 */
import { type Random, seeded } from '../storage/logging-store.test-support.ts';
import { FlippedStore } from '../storage/flipped-store.ts';
import { type Store, StoreDamaged } from '../storage/index.ts';
import { STATE_FILES } from './state-file.ts';
import { openHostState } from './state.ts';

const MIB = 2 ** 20;
const DISK_BYTES = 96 * MIB;
/** Files of a small state, and of a large one, whose journals are some ten thousand bytes. */
const SMALL = 2,
  LARGE = 60;

interface Content {
  /** By extent, what was written. */
  disk: Map<number, Uint8Array>;
  volumes: string;
  files: string;
}

async function contentOf(store: Store): Promise<Content> {
  const { storage, files: opening } = await openHostState(store, {
    epochMs: () => 0,
    random: () => 0,
    later: () => () => {},
  });
  const tree = await opening();
  const texts: string[] = [];
  for (const name of (await tree.readdir('/root')).toSorted())
    texts.push(`${name} ${new TextDecoder().decode(await tree.readFileBuffer(`/root/${name}`))}`);
  const volumes = storage.volumes.map(({ name, bytes, uuid }) => `${name} ${bytes} ${uuid}`);
  const disk = new Map<number, Uint8Array>();
  for (let at = 0; at < DISK_BYTES; at += MIB) {
    if (storage.disk.writtenBytes(at, MIB) === 0) continue;
    const extent = new Uint8Array(MIB);
    storage.disk.read(at, extent);
    disk.set(at, extent);
  }
  return { disk, volumes: volumes.join('\n'), files: texts.join('\n') };
}

async function made(random: Random, count: number): Promise<FlippedStore> {
  const store = new FlippedStore();
  const state = await openHostState(store, { epochMs: () => 0, random, later: () => () => {}, diskBytes: DISK_BYTES });
  const files = await state.files();
  for (const name of ['d1', 'd2']) state.storage.createVolume(name, 8 * MIB);
  for (let i = 0; i < count; i++) {
    await files.writeFile(`/root/f${i}`, `number ${i}\n`.repeat(1 + random(40)));
    const medium = state.storage.medium(`vg0/d${1 + random(2)}`);
    medium.write(random(4) * MIB, new Uint8Array(512).fill(1 + random(255)));
    medium.flush();
  }
  state.close();
  return store;
}

/** `count` random bits, half of them of a small state and half of a large one; each file as often as the others. @returns what went wrong */
export async function flipStates(seed: number, count: number): Promise<string | undefined> {
  const random = seeded(seed);
  for (const size of [SMALL, LARGE]) {
    const store = await made(random, size);
    const whole = await contentOf(store);
    for (let i = 0; i < Math.ceil(count / 2); i++) {
      const name = STATE_FILES[random(STATE_FILES.length)];
      const bits = 8 * (store.files.get(name)?.bytes ?? 0);
      if (bits === 0) continue;
      const bit = random(bits);
      const problem = await after(store.flipped(name, bit), name, whole);
      if (problem) return `seed ${seed}: bit ${bit & 7} of byte ${bit >> 3} of ${name}: ${problem}`;
    }
  }
  return undefined;
}

async function after(store: FlippedStore, name: string, whole: Content): Promise<string | undefined> {
  try {
    const found = await contentOf(store);
    if (found.files !== whole.files) return 'a file of Domain 0 is another';
    if (found.volumes !== whole.volumes) return 'the volumes are others';
    const wrong = differing(found.disk, whole.disk);
    if (wrong > (name === 'disk.data' ? 1 : 0)) return `${wrong} bits of the disk are others`;
  } catch (error) {
    if (!(error instanceof StoreDamaged)) return `${(error as Error).stack}`;
  }
  return store.changed === undefined ? undefined : `${store.changed} was written by reading it`;
}

/** Bits that are others; all of an extent that only one of them has. */
function differing(a: Content['disk'], b: Content['disk']): number {
  let count = 0;
  for (const at of new Set([...a.keys(), ...b.keys()])) {
    const [one, other] = [a.get(at), b.get(at)];
    if (!one || !other) return Infinity;
    const [words, others] = [new Uint32Array(one.buffer), new Uint32Array(other.buffer)];
    for (let i = 0; i < words.length; i++) for (let bits = words[i] ^ others[i]; bits !== 0; bits &= bits - 1) count++;
  }
  return count;
}
