import { DeviceFull } from '../../../formats/blocks/index.ts';
import { describe, expect, it } from 'vitest';
import { QUEUE, SLOT } from '../../../hypervisor/disks/block-queue.ts';
import { DriveQueue, DriveServer } from '../../../hypervisor/disks/drive-queue.ts';
import { createDomain } from '../../../hypervisor/memory/domain-table.ts';
import { Machine } from '../../../hypervisor/memory/machine.ts';
import { IO_HOP, within } from '../../../hypervisor/tracing/index.ts';
import { LoggingStore } from './logging-store.test-support.ts';
import { MemoryFile, MemoryStore, type Store } from './store.ts';
import { Storage } from './storage.ts';
import { layoutOf } from './part.ts';
import type { DriveNews } from './stored-disk.ts';
import { abandon, WINDOW_BYTES, type Windowed, WindowServer, WindowStore } from './store-window.ts';
import { XEN_HVM } from '../../../hypervisor/interfaces/xen/records.ts';

const outcomeOf = (error?: Error): string => (error instanceof DeviceFull ? 'full' : error ? 'bad' : 'good');

/** Both sides on one thread: who rings is answered before the call returns. */
function through(store: Store): {
  asked: WindowStore;
  rings: () => number;
  begun: () => number;
  serve(): void;
  retry(): void;
} {
  const memory = new SharedArrayBuffer(WINDOW_BYTES);
  let hear = (_news: DriveNews): void => {};
  const retries: (() => void)[] = [];
  const server = new WindowServer(
    memory,
    store,
    (_ms, what) => (retries.push(what), () => {}),
    news => hear(news),
  );
  let rings = 0,
    begun = 0;
  const asked = new WindowStore({
    memory,
    where: 'behind the window',
    outlivesHost: true,
    ring: () => {
      rings++;
      server.serve();
    },
    open: (name, file) => server.open(name, file),
    openDisk: (name, bytes, file) => server.openDisk(name, bytes, file),
    begin: async machine => {
      begun++;
      server.begin(machine);
    },
    heard: listener => {
      hear = listener;
    },
  });
  return {
    asked,
    rings: () => rings,
    begun: () => begun,
    serve: () => server.serve(),
    retry: () => retries.splice(0).forEach(what => what()),
  };
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
    expect([file.bytes, direct.bytes]).toEqual([at + bytes.length, at + bytes.length]);
    const found = new Uint8Array(bytes.length + 10).fill(9);
    file.read(at - 5, found);
    expect(Buffer.compare(found.subarray(5, -5), bytes)).toBe(0);
    expect([...found.subarray(-5), ...found.subarray(0, 5)]).toEqual(new Array(10).fill(0));
    file.truncate(at + 3);
    expect(direct.bytes).toBe(at + 3);
    file.flush();
    const other = await asked.open('b');
    other.write(0, Uint8Array.of(1));
    expect([other.bytes, file.bytes]).toEqual([1, at + 3]);
  });

  it('says a flush is done when it is done there, and that there is no room in words of the store', async () => {
    const store = new LoggingStore();
    const { asked } = through(store);
    const file = await asked.open('a');
    file.write(0, Uint8Array.of(1, 2, 3));
    file.flush();
    const after = await store.afterCut(() => 0).open('a');
    expect(after.bytes).toBe(3);
    store.roomLeft = 0;
    expect(() => file.write(3, new Uint8Array(100))).toThrow(DeviceFull);
    store.roomLeft = 1000;
    file.write(3, new Uint8Array(100));
    expect(file.bytes).toBe(103);
  });

  it('tells of a file that is closed', async () => {
    const { asked } = through(new MemoryStore());
    const file = await asked.open('a');
    file.close();
    expect(() => file.bytes).toThrow('The file is closed.');
  });
});

const MIB = 2 ** 20;
const open = (store: Store): Promise<Storage> =>
  Storage.open({ store, epochMs: () => 0, random: () => 0, diskBytes: 2 ** 30 });

describe('the disk behind a window', () => {
  it('is the one that is stored there: volumes, copies, what they take, where a byte lies', async () => {
    const store = new LoggingStore();
    const { asked } = through(store);
    const far = await open(asked);
    far.createVolume('web', 8 * MIB);
    far.medium('vg0/web').write(5 * MIB, Uint8Array.of(1, 2, 3));
    far.copyToVolume('vg0/web', 'copy');
    expect([far.writtenBytes('vg0/web'), far.writtenBytes('vg0/copy')]).toEqual([MIB, MIB]);
    far.medium('vg0/copy').write(5 * MIB, Uint8Array.of(9));
    far.disk.flush();
    // As a host finds it that has the same files open itself, after a power cut.
    const near = await open(store.afterCut(() => 0));
    for (const name of ['vg0/web', 'vg0/copy']) {
      const [one, other] = [far, near].map(({ medium }, i) => {
        const bytes = new Uint8Array(4);
        medium.call([far, near][i], name).read(5 * MIB, bytes);
        return [...bytes];
      });
      expect(one).toEqual(other);
      expect(far.medium(name).place(5 * MIB)).toEqual(near.medium(name).place(5 * MIB));
    }
    expect(far.disk.stored).toEqual(near.disk.stored);
    far.removeVolume('copy');
    expect(far.disk.stored.usedBytes).toBe(near.disk.stored.usedBytes - MIB);
  });

  it('tells what a request has passed there', async () => {
    const { asked } = through(new MemoryStore());
    const storage = await open(asked);
    storage.createVolume('web', 4 * MIB);
    const medium = storage.medium('vg0/web');
    const hops: number[] = [];
    within({ hop: (_request, hop) => void hops.push(hop) }, 7, () => medium.read(512, new Uint8Array(512)));
    expect(hops).toEqual([IO_HOP.VOLUME, IO_HOP.PARTITION, IO_HOP.DISK, IO_HOP.STORED]);
  });

  it('is told of the machine once, however many ask for it at the same time', async () => {
    const { asked, begun } = through(new MemoryStore());
    const { disk } = await open(asked);
    const machine = Machine.create(new SharedArrayBuffer(16 * MIB)).memory as SharedArrayBuffer;
    await Promise.all([disk.drives!.begin(machine), disk.drives!.begin(machine)]);
    await disk.drives!.begin(machine);
    expect([begun(), disk.drives!.memory]).toEqual([1, machine]);
  });

  it('serves drives of domains: what they flush is durable, a write waits for room and is told of, and nothing is under way once they are detached', async () => {
    const store = new LoggingStore();
    const { asked, serve, retry } = through(store);
    const storage = await open(asked);
    storage.createVolume('web', 4 * MIB);
    const medium = storage.medium('vg0/web');
    const machine = Machine.create(new SharedArrayBuffer(16 * MIB));
    const record = createDomain(machine, 1, 256, { guest: XEN_HVM, drives: true });
    const drives = storage.disk.drives!;
    await drives.begin(machine.memory as SharedArrayBuffer);
    const news: DriveNews[] = [];
    drives.attach(
      record.index,
      0,
      { layout: layoutOf(medium)!, label: 'web', sectorBytes: 512, readOnly: false },
      each => news.push(each),
    );
    new DriveServer(machine, record).attach(0, 'storage');
    const queue = new DriveQueue(machine, record);
    const drive = queue.disk(0, { sectorBytes: 512, bytes: 8192 * 512, readOnly: false, label: 'web' });
    const told: boolean[] = [];
    const done = (error?: Error): void => void told.push(!error);
    const turn = (): boolean[] => {
      serve();
      queue.poll();
      return told.splice(0);
    };
    drive.request({ op: 'write', at: 3 * 512, pieces: [new Uint8Array(512).fill(7)] }, done);
    drive.request({ op: 'flush' }, done);
    expect(turn()).toEqual([true, true]);
    const bytes = new Uint8Array(512);
    (await open(store.afterCut(() => 0))).medium('vg0/web').read(3 * 512, bytes);
    expect([...new Set(bytes)]).toEqual([7]);
    // Domain 0 sees the same at once.
    drive.request({ op: 'write', at: 3 * 512, pieces: [new Uint8Array(512).fill(8)] }, done);
    expect(turn()).toEqual([true]);
    medium.read(3 * 512, bytes);
    expect(bytes[0]).toBe(8);
    store.roomLeft = 0;
    drive.request({ op: 'write', at: 2 * MIB, pieces: [new Uint8Array(512).fill(9)] }, done);
    drive.request({ op: 'flush' }, done);
    expect([turn(), news.at(-1)]).toEqual([
      [],
      { domain: record.index, place: 0, waits: true, sentence: expect.stringContaining('the guest waits to write') },
    ]);
    retry();
    expect(turn()).toEqual([]);
    store.roomLeft = 10 * MIB;
    retry();
    expect([turn(), news.at(-1)!.waits]).toEqual([[true, true], false]);
    store.roomLeft = 0;
    drive.request({ op: 'write', at: 3 * MIB, pieces: [new Uint8Array(512)] }, done);
    expect(turn()).toEqual([]);
    drives.detach(record.index);
    store.roomLeft = 10 * MIB;
    retry();
    expect([turn(), medium.place(3 * MIB).at(-1)!.at]).toEqual([[], undefined]);
  });

  it('carries out commands of the adapter in the frames that they name, in their order and before what is asked later', async () => {
    const store = new LoggingStore();
    const { asked, serve } = through(store);
    const { disk } = await open(asked);
    const machine = Machine.create(new SharedArrayBuffer(16 * MIB));
    const frames = (at: number, bytes: number): Uint8Array =>
      machine.bytes.subarray(8 * MIB + at, 8 * MIB + at + bytes);
    const { drive } = disk;
    const ended: string[] = [];
    const done =
      (name: string) =>
      (error?: Error): void =>
        void ended.push(`${name} ${outcomeOf(error)}`);
    // Before the machine is known, and of what lies in no frame, all goes through the window.
    drive.request({ op: 'write', at: 2048 * 512, pieces: [new Uint8Array(512).fill(1)] }, done('window'));
    await disk.drives!.begin(machine.memory as SharedArrayBuffer);
    drive.request({ op: 'write', at: 2049 * 512, pieces: [new Uint8Array(512).fill(2)] }, done('copy'));
    expect([ended.splice(0), drive.pending]).toEqual([['window good', 'copy good'], false]);
    frames(0, 1024).fill(3);
    frames(4096, 512).fill(4);
    drive.request({ op: 'write', at: 2048 * 512, pieces: [frames(0, 1024), frames(4096, 512)] }, done('first'));
    drive.request({ op: 'write', at: 2050 * 512, pieces: [frames(0, 512)] }, done('second'));
    drive.request({ op: 'read', at: 2048 * 512, pieces: [frames(8192, 512), frames(12288, 1024)] }, done('third'));
    drive.request({ op: 'flush' }, done('fourth'));
    expect(ended).toEqual([]);
    serve();
    expect([ended, drive.pending, frames(8192, 1)[0], frames(12288, 1)[0], frames(12800, 1)[0]]).toEqual([
      [],
      true,
      3,
      3,
      3,
    ]);
    drive.poll();
    expect([ended.splice(0), drive.pending]).toEqual([
      ['first good', 'second good', 'third good', 'fourth good'],
      false,
    ]);
    // As many as the adapter has; one more takes the other way, behind them.
    for (let i = 0; i < 33; i++)
      drive.request({ op: 'write', at: 4096 * 512, pieces: [frames(0, 512).fill(i)] }, done(String(i)));
    expect(ended.splice(0)).toEqual(['32 good']);
    drive.poll();
    expect(ended.splice(0)).toHaveLength(32);
    store.roomLeft = 0;
    drive.request({ op: 'discard', at: 0, bytes: 0 }, done('nothing'));
    drive.request({ op: 'write', at: 99 * MIB, pieces: [frames(0, 512)] }, done('no room'));
    drive.request({ op: 'read', at: 2 ** 40 * 512, pieces: [frames(0, 512)] }, done('outside'));
    serve();
    drive.poll();
    expect(ended.splice(0)).toEqual(['nothing good', 'no room full', 'outside bad']);
    expect(drive.problem).toMatch(/do not lie within the disk/);
    // What a request passes there is told when it ends.
    const hops: number[] = [];
    within({ hop: (_request, hop) => void hops.push(hop) }, 9, () =>
      drive.request({ op: 'read', at: 0, pieces: [frames(0, 512)] }, () => hops.push(IO_HOP.DONE)),
    );
    serve();
    drive.poll();
    expect(hops).toEqual([IO_HOP.DISK, IO_HOP.STORED, IO_HOP.DONE]);
  });

  it('that is lost ends what it was asked with an error, and is asked no more', async () => {
    const { asked } = through(new MemoryStore());
    const storage = await open(asked);
    storage.createVolume('web', 4 * MIB);
    const machine = Machine.create(new SharedArrayBuffer(16 * MIB));
    const { disk } = storage;
    await disk.drives!.begin(machine.memory as SharedArrayBuffer);
    const news: DriveNews[] = [];
    const { index } = createDomain(machine, 1, 256, { guest: XEN_HVM, drives: true });
    disk.drives!.attach(
      index,
      0,
      { layout: layoutOf(storage.medium('vg0/web'))!, label: 'web', sectorBytes: 512, readOnly: false },
      each => news.push(each),
    );
    const ended: string[] = [];
    disk.drive.request({ op: 'read', at: 0, pieces: [machine.bytes.subarray(4096, 4608)] }, error =>
      ended.push(outcomeOf(error)),
    );
    asked.lose();
    expect([ended, news]).toEqual([['bad'], [expect.objectContaining({ domain: index, place: 0, lost: true })]]);
    disk.drive.request({ op: 'read', at: 0, pieces: [machine.bytes.subarray(4096, 4608)] }, error =>
      ended.push(outcomeOf(error)),
    );
    disk.drive.rest();
    expect([ended, disk.drives!.memory]).toEqual([['bad', 'bad'], undefined]);
    expect(() => disk.flush()).toThrow('does not answer any more');
    // A domain that had it open can go all the same.
    disk.drives!.detach(index);
  });
});

describe('a server that ends without a word', () => {
  /** A host through a window whose server can be replaced by another one with the same files, as the page does that. */
  async function replaceable(store: Store) {
    const memory = new SharedArrayBuffer(WINDOW_BYTES);
    const serve = (): WindowServer => new WindowServer(memory, store, () => () => {});
    let server = serve(),
      kept: Windowed | undefined;
    const asked = new WindowStore({
      memory,
      where: 'behind the window',
      outlivesHost: true,
      ring: () => server.serve(),
      open: (name, file) => server.open(name, file),
      openDisk: (name, bytes, file) => server.openDisk(name, bytes, file),
      begin: async machine => server.begin(machine),
      heard: () => {},
      keep: windowed => {
        kept = structuredClone(windowed);
      },
    });
    const replace = async (): Promise<void> => {
      const next = serve();
      await next.takeOver(kept!);
      server = next;
    };
    return { asked, replace, memory, kept: () => kept! };
  }

  it('is followed by one that knows all that was answered, what was not flushed, too; a power cut afterwards leaves what was flushed', async () => {
    const store = new LoggingStore();
    const { asked, replace } = await replaceable(store);
    const far = await open(asked);
    const file = await asked.open('notes');
    file.write(0, Uint8Array.of(7, 8, 9));
    far.createVolume('web', 8 * MIB);
    const web = far.medium('vg0/web');
    web.write(0, Uint8Array.of(1));
    web.flush();
    const before = store.afterCut(() => 0);
    // To an extent that has a slot, to one that gets one, and one that is given up; nothing of it is flushed.
    web.write(1, Uint8Array.of(2));
    web.write(3 * MIB, Uint8Array.of(3));
    web.write(5 * MIB, Uint8Array.of(5));
    web.discard(5 * MIB, MIB);
    await replace();
    const read = (storage: Storage, at: number, count: number): number[] => {
      const bytes = new Uint8Array(count);
      storage.medium('vg0/web').read(at, bytes);
      return [...bytes];
    };
    const seen = (storage: Storage): number[][] => [
      read(storage, 0, 2),
      read(storage, 3 * MIB, 1),
      read(storage, 5 * MIB, 1),
    ];
    expect(seen(far)).toEqual([[1, 2], [3], [0]]);
    const found = new Uint8Array(3);
    file.read(0, found);
    expect([...found, file.bytes]).toEqual([7, 8, 9, 3]);
    // It goes on, and ends again.
    web.write(7 * MIB, Uint8Array.of(6));
    await replace();
    expect([...seen(far), read(far, 7 * MIB, 1)]).toEqual([[1, 2], [3], [0], [6]]);
    web.flush();
    file.close();
    expect(seen(await open(store.afterCut(() => 0)))).toEqual([[1, 2], [3], [0]]);
    expect(seen(await open(before))[0]![0]).toBe(1);
  });

  it('leaves more changes than fit there flushed', async () => {
    const { asked, replace } = await replaceable(new MemoryStore());
    const disk = await asked.openDisk('disk', 2 ** 34);
    disk.write(0, Uint8Array.of(1));
    disk.share(0, MIB, 5000 * MIB);
    await replace();
    const byte = new Uint8Array(1);
    // Each of them is what the one before is.
    disk.read(5000 * MIB, byte);
    expect([byte[0], disk.stored.usedBytes]).toEqual([1, MIB]);
  });

  it('opens what was on its way to be opened once, and no file that could not be', async () => {
    const { asked, replace, kept } = await replaceable({
      ...new MemoryStore(),
      open: async name => {
        if (name === 'bad') throw new Error('it cannot be read');
        return new MemoryFile();
      },
    } as Store);
    await asked.open('good');
    await expect(asked.open('bad')).rejects.toThrow('it cannot be read');
    expect(kept().files.map(({ name }) => name)).toEqual(['good']);
    await replace();
    await replace();
  });

  it('says so to whoever waits where nobody takes its place', async () => {
    const { asked, memory } = await replaceable(new MemoryStore());
    const file = await asked.open('a');
    const lost: string[] = [];
    asked.onLost(sentence => void lost.push(sentence));
    abandon(memory);
    const words = new Int32Array(memory);
    const began = performance.now();
    expect(() => file.bytes).toThrow('does not answer any more. Load the page again: what was flushed is kept.');
    expect(performance.now() - began).toBeLessThan(5000);
    // What it asked stands there, in the queue's only slot.
    expect([lost.length, Atomics.load(words, 16 + QUEUE.SLOTS + SLOT.STATE)]).toEqual([1, 1]);
  });
});
