/** Power cuts, simulated: random work on a store that loses and tears what was not flushed, and what must be there after each cut. */
import { ExtentDisk } from './extent-disk.ts';
import { Journal } from './journal.ts';
import { Storage } from './storage.ts';
import { LoggingStore, PowerCut, type Random, seeded } from './logging-store.test-support.ts';

/** What a medium's bytes may be: as at the last flush, or as of any write since. */
export class Expected {
  private readonly sure: Uint8Array;
  private maybe: { at: number; bytes: Uint8Array }[] = [];

  constructor(bytes: number) {
    this.sure = new Uint8Array(bytes);
  }

  write(at: number, bytes: Uint8Array): void {
    this.maybe.push({ at, bytes });
  }

  flushed(): void {
    for (const { at, bytes } of this.maybe) this.sure.set(bytes, at);
    this.maybe = [];
  }

  /** Takes what is there for what was flushed. @returns what must not be there */
  settle(is: Uint8Array): string | undefined {
    const possible = is.map((byte, i) => (byte === this.sure[i] ? 1 : 0));
    for (const { at, bytes } of this.maybe)
      for (let i = 0; i < bytes.length; i++) if (is[at + i] === bytes[i]) possible[at + i] = 1;
    const bad = possible.indexOf(0);
    if (bad >= 0)
      return `byte ${bad} is ${is[bad]}; it was flushed as ${this.sure[bad]}, and nothing that was written since has it so`;
    this.sure.set(is);
    this.maybe = [];
    return undefined;
  }

  /** What it must be while the power is on. */
  now(): Uint8Array {
    const bytes = this.sure.slice();
    for (const change of this.maybe) bytes.set(change.bytes, change.at);
    return bytes;
  }
}

/** Runs `work` until the power is cut, `cuts` times, and `check` with what the cut left. @returns what went wrong, with the number of the cut */
export async function cutOften<T>(
  seed: number,
  cuts: number,
  open: (store: LoggingStore) => Promise<T>,
  work: (opened: T, random: Random) => void | Promise<void>,
  check: (opened: T) => string | undefined,
): Promise<string | undefined> {
  const random = seeded(seed);
  let store = new LoggingStore();
  for (let cut = 0; cut < cuts; cut++) {
    let opened: T | undefined;
    try {
      // Some cuts come while the host starts.
      if (random(8) === 0) store.stepsLeft = random(6);
      opened = await open(store);
      const problem = check(opened);
      if (problem) return `seed ${seed}, cut ${cut}: ${problem}`;
      store.stepsLeft = 1 + random([4, 30, 200][random(3)]);
      for (;;) await work(opened, random);
    } catch (error) {
      if (!(error instanceof PowerCut) && store.stepsLeft >= 0)
        return `seed ${seed}, cut ${cut}: ${(error as Error).stack}`;
    }
    store = store.afterCut(random);
  }
  return undefined;
}

/** Numbers appended to a journal one after another. @returns what went wrong */
export async function cutJournal(seed: number, cuts: number): Promise<string | undefined> {
  let appended = 0,
    flushed = 0;
  return cutOften(
    seed,
    cuts,
    async store => {
      let count = 0;
      const problems: string[] = [];
      const journal = await Journal.open(
        store,
        'journal',
        record => {
          const number = new DataView(record.buffer, record.byteOffset).getUint32(0, true);
          if (record[4] === 0 && number !== count + 1) problems.push(`${number} follows ${count}`);
          count = number;
        },
        { leastCompaction: 300 },
      );
      return { journal, count, problems };
    },
    ({ journal }, random) => {
      const record = (number: number, isWhole: boolean): Uint8Array => {
        // Some are of one length and content every time, so that what an earlier cut left could be taken for them.
        const bytes = new Uint8Array(5 + (random(2) === 0 ? 0 : random(20)));
        new DataView(bytes.buffer).setUint32(0, number, true);
        bytes[4] = isWhole ? 1 : 0;
        return bytes;
      };
      if (random(2) === 0) journal.append(record(++appended, false));
      else {
        journal.flush(() => [record(0, true), record(appended, true)]);
        flushed = appended;
      }
    },
    ({ count, problems }) => {
      const seen = appended;
      [appended, flushed] = [count, Math.min(flushed, seen)];
      if (problems.length > 0) return problems[0];
      return count < flushed || count > seen
        ? `${count} records are there; ${flushed} were flushed and ${seen} appended`
        : ((flushed = count), undefined);
    },
  );
}

const EXTENT = 512,
  SECTOR = 128,
  EXTENTS = 48;

/** Writes, flushes, discards, shared extents and reclaims on a small disk. @returns what went wrong */
export async function cutExtentDisk(seed: number, cuts: number): Promise<string | undefined> {
  const bytes = EXTENTS * EXTENT;
  const expected = new Expected(bytes);
  let stamp = 0;
  const whole = (disk: ExtentDisk): Uint8Array => {
    const is = new Uint8Array(bytes);
    disk.read(0, is);
    return is;
  };
  return cutOften(
    seed,
    cuts,
    store => ExtentDisk.open(store, 'disk', { bytes, extentBytes: EXTENT, leastCompaction: 600 }),
    (disk, random) => {
      const what = random(18);
      if (what >= 16) {
        const [from, to] = [random(EXTENTS) * EXTENT, random(EXTENTS) * EXTENT];
        expected.write(to, expected.now().slice(from, from + EXTENT));
        disk.share(from, to);
      } else if (what < 9) {
        const at = random(bytes / SECTOR) * SECTOR;
        const content = new Uint8Array(Math.min(bytes - at, (1 + random(5)) * SECTOR)).fill(++stamp % 255 || 1);
        expected.write(at, content);
        disk.write(at, content);
      } else if (what < 11) {
        const at = random(EXTENTS) * EXTENT;
        const count = Math.min(bytes - at, (1 + random(4)) * EXTENT);
        expected.write(at, new Uint8Array(count));
        disk.discard(at, count);
      } else if (what < 15) {
        disk.flush();
        expected.flushed();
      } else {
        disk.reclaim(1 + random(4));
        expected.flushed();
      }
      if (random(16) > 0) return;
      const must = expected.now();
      const differs = whole(disk).findIndex((byte, i) => byte !== must[i]);
      if (differs >= 0) throw new Error(`byte ${differs} is not what was written last`);
    },
    disk => expected.settle(whole(disk)),
  );
}

const VOLUMES_DISK_BYTES = 96 * 2 ** 20;

/** Volumes made, removed, lengthened and written. @returns what went wrong */
export async function cutVolumes(seed: number, cuts: number): Promise<string | undefined> {
  /** Of each name: extents when it was acknowledged last, 0: none; and what a command that the cut came into was to make of it. */
  const sure = new Map<string, number>(),
    asked = new Map<string, number>();
  const marks = new Map<string, number>();
  const PE = 4 * 2 ** 20;
  return cutOften(
    seed,
    cuts,
    store => Storage.open({ store, epochMs: () => 0, random: seeded(seed), diskBytes: VOLUMES_DISK_BYTES }),
    (storage, random) => {
      const name = `v${random(4)}`;
      const extents = sure.get(name) ?? 0;
      const what = random(16);
      const ask = (next: number, what: () => void): void => {
        asked.set(name, next);
        what();
        sure.set(name, next);
        asked.clear();
      };
      try {
        if (extents === 0) {
          marks.delete(name);
          ask(1 + random(3), () => storage.createVolume(name, (asked.get(name) as number) * PE));
        } else if (what < 4) ask(0, () => storage.removeVolume(name));
        else if (what < 7) ask(extents + 1, () => storage.extendVolume(name, (extents + 1) * PE));
        else {
          const mark = 1 + random(255);
          marks.delete(name);
          const medium = storage.medium(`vg0/${name}`);
          medium.write((extents - 1) * PE, new Uint8Array(512).fill(mark));
          medium.write(0, new Uint8Array(512).fill(mark));
          medium.flush();
          marks.set(name, mark);
        }
      } catch (error) {
        if (!/insufficient free space/.test((error as Error).message)) throw error;
        asked.clear();
      }
    },
    storage => {
      for (const name of ['v0', 'v1', 'v2', 'v3']) {
        const is = (storage.volumes.find(each => each.name === name)?.bytes ?? 0) / PE;
        const was = sure.get(name) ?? 0;
        if (is !== was && is !== asked.get(name)) return `${name} has ${is} extents, and ${was} were acknowledged`;
        const mark = marks.get(name);
        if (is > 0 && mark !== undefined) {
          const sector = new Uint8Array(512);
          storage.medium(`vg0/${name}`).read(0, sector);
          if (sector.some(byte => byte !== mark)) return `${name} does not hold what was flushed`;
        }
        sure.set(name, is);
      }
      asked.clear();
      return undefined;
    },
  );
}
