import { MemoryDisk } from '../../../formats/blocks/index.ts';
import fc from 'fast-check';
import { InMemoryFs } from 'just-bash/browser';
import { describe, expect, it } from 'vitest';
import { openHostState } from '../state/state.ts';
import { LoggingStore, PowerCut, seeded } from '../storage/logging-store.test-support.ts';
import { IMAGES, MemoryStore, Storage, type Store } from '../storage/index.ts';
import { KeptFiles } from './kept-files.ts';

const MIB = 2 ** 20,
  KIB = 1024;
const WEB = `${IMAGES}/web.img`;
const filled = (bytes: number, value: number): Uint8Array => new Uint8Array(bytes).fill(value);
const parts = {
  epochMs: () => 1_700_000_000_000,
  random: (below: number) => below >>> 1,
  later: () => () => {},
  diskBytes: 512 * MIB,
};

async function open(store: Store = new MemoryStore()) {
  const state = await openHostState(store, parts);
  return { ...state, files: await state.files() };
}

describe("images among Domain 0's files", () => {
  it('are volumes of the host’s disk, of their own length, and are there after the host', async () => {
    const store = new MemoryStore();
    const { files, storage, close } = await open(store);
    await files.writeFile(WEB, filled(5 * 512, 7));
    expect(storage.files).toEqual([{ path: WEB, volume: 'image+web.img', bytes: 2560, createdMs: 1_700_000_000_000 }]);
    // A guest writes.
    const { medium, close: letGo } = storage.open(WEB, 'web', true);
    medium.write(512, filled(512, 9));
    expect(() => medium.write(2560, filled(512, 1))).toThrow('do not lie within');
    letGo();
    expect([...(await files.readFileBuffer(WEB)).subarray(510, 514)]).toEqual([7, 7, 9, 9]);
    close();
    const next = await open(store);
    expect(await next.files.stat(WEB)).toMatchObject({ isFile: true, size: 2560, mtime: new Date(1_700_000_000_000) });
    expect((await next.files.readFileBuffer(WEB))[1023]).toBe(9);
    expect(await next.files.readdir(IMAGES)).toEqual(['web.img']);
    expect(next.storage.diskPath(WEB, 4).map(({ layer }) => layer)).toEqual([
      `image ${WEB}`,
      'volume vg0/image+web.img',
      'partition sda4',
      'disk sda',
      expect.stringMatching(/^file /),
    ]);
  });

  it('are those alone that have whole sectors, lie in their folder and are no qcow2', async () => {
    const { files, storage } = await open();
    await files.writeFile(`${IMAGES}/notes.txt`, 'no image');
    await files.writeFile('/root/disk.img', filled(512, 1));
    await files.writeFile(
      `${IMAGES}/cow.img`,
      Uint8Array.from({ length: 1024 }, (_, i) => [0x51, 0x46, 0x49, 0xfb][i] ?? 0),
    );
    expect(storage.files).toEqual([]);
    expect((await files.readFileBuffer(`${IMAGES}/cow.img`))[3]).toBe(0xfb);
    // What a guest writes into its first sector makes it no other format.
    await files.writeFile(WEB, filled(1024, 0));
    storage.medium(WEB).write(0, Uint8Array.of(0x51, 0x46, 0x49, 0xfb));
    expect(storage.files.map(({ path }) => path)).toEqual([WEB]);
  });

  it('are as long as the disk has room, without taking it, and are not read as a whole then', async () => {
    const { files, storage } = await open();
    await files.truncate(`${IMAGES}/big.img`, 80 * MIB);
    expect(await files.stat(`${IMAGES}/big.img`)).toMatchObject({ size: 80 * MIB });
    expect(storage.writtenBytes(`${IMAGES}/big.img`)).toBe(0);
    await expect(files.truncate(`${IMAGES}/huge.img`, 2 ** 40)).rejects.toThrow('insufficient free space');
    await expect(files.stat(`${IMAGES}/huge.img`)).rejects.toThrow('ENOENT');
    // What was cut off is zeros when it comes back.
    storage.medium(`${IMAGES}/big.img`).write(5 * MIB, filled(MIB, 3));
    await files.truncate(`${IMAGES}/big.img`, 5 * MIB + 512);
    await files.truncate(`${IMAGES}/big.img`, 9 * MIB);
    const whole = await files.readFileBuffer(`${IMAGES}/big.img`);
    expect([whole.length, whole[5 * MIB + 511], whole.subarray(5 * MIB + 512).some(byte => byte !== 0)]).toEqual([
      9 * MIB,
      3,
      false,
    ]);
  });

  it('stay while somebody has them open, as they are', async () => {
    const { files, storage } = await open();
    await files.writeFile(WEB, filled(1024, 7));
    await files.writeFile(`${IMAGES}/other.img`, filled(1024, 8));
    const { close } = storage.open(WEB, 'web', true);
    const busy = `EBUSY: resource busy or locked: web has ${WEB} open`;
    await expect(files.writeFile(WEB, 'x')).rejects.toThrow(busy);
    await expect(files.appendFile(WEB, 'x')).rejects.toThrow(busy);
    await expect(files.truncate(WEB, 512)).rejects.toThrow(busy);
    await expect(files.rm(WEB)).rejects.toThrow(busy);
    await expect(files.rm('/var/lib/xen', { recursive: true })).rejects.toThrow(busy);
    await expect(files.mv(WEB, '/root/web.img')).rejects.toThrow(busy);
    await expect(files.mv(IMAGES, '/root/images')).rejects.toThrow(busy);
    await expect(files.mv(`${IMAGES}/other.img`, WEB)).rejects.toThrow(busy);
    await expect(files.cp(`${IMAGES}/other.img`, WEB)).rejects.toThrow(busy);
    expect(await files.readFileBuffer(WEB)).toEqual(filled(1024, 7));
    // A copy of it is as it is now.
    await files.cp(WEB, `${IMAGES}/copy.img`);
    expect(await files.readFileBuffer(`${IMAGES}/copy.img`)).toEqual(filled(1024, 7));
    close();
    await files.rm(WEB);
    expect(storage.files.map(({ path }) => path)).toEqual([`${IMAGES}/other.img`, `${IMAGES}/copy.img`]);
  });

  it('share with their copies what neither writes', async () => {
    const { files, storage } = await open();
    await files.writeFile(WEB, filled(8 * MIB, 7));
    const before = storage.disk.stored.bytes;
    await files.cp(WEB, `${IMAGES}/copy.img`);
    expect(storage.disk.stored.bytes).toBe(before);
    storage.medium(`${IMAGES}/copy.img`).write(0, Uint8Array.of(1));
    expect((await files.readFileBuffer(WEB))[0]).toBe(7);
  });

  it('come and go with their volumes', async () => {
    const { files, storage } = await open();
    await files.writeFile(WEB, filled(512, 7));
    storage.renameVolume('image+web.img', 'image+mail.img');
    expect(await files.readdir(IMAGES)).toEqual(['mail.img']);
    storage.removeVolume('image+mail.img');
    expect(await files.readdir(IMAGES)).toEqual([]);
    storage.createVolume('image+of+20lvm', 4 * MIB);
    expect((await files.stat(`${IMAGES}/of lvm`)).size).toBe(4 * MIB);
  });

  it('are others, too, where they are large, and no devices', async () => {
    const store = new MemoryStore();
    const { files, storage, close } = await open(store);
    const large = filled(61 * MIB + 5, 3);
    await files.writeFile('/root/web.save', large);
    expect(storage.files).toMatchObject([
      { path: '/root/web.save', volume: 'file+root+2Fweb.save', bytes: large.length },
    ]);
    expect(storage.image('/root/web.save')).toBeUndefined();
    await files.mv('/root/web.save', '/srv/web.save');
    // A large qcow2 image is read as what it is, and none that guests have as a device.
    large.set([0x51, 0x46, 0x49, 0xfb]);
    const cow = `${IMAGES}/cow.img`;
    await files.writeFile(cow, large.subarray(0, 61 * MIB));
    expect(storage.image(cow)).toBeUndefined();
    close();
    const next = await open(store);
    expect(next.storage.files.map(({ path, volume }) => [path, volume])).toEqual([
      ['/srv/web.save', 'file+srv+2Fweb.save'],
      [cow, 'file+var+2Flib+2Fxen+2Fimages+2Fcow.img'],
    ]);
    expect([
      (await next.files.stat('/srv/web.save')).size,
      (await next.files.readFileBuffer('/srv/web.save'))[61 * MIB + 4],
    ]).toEqual([61 * MIB + 5, 3]);
    // A small one takes the place of a large one, and an image that of a file.
    await next.files.writeFile('/srv/web.save', 'small');
    await next.files.writeFile(cow, filled(512, 1));
    expect(next.storage.files.map(({ volume }) => volume)).toEqual(['image+cow.img']);
    // What belongs to one run of the host stays in memory.
    await next.files.writeFile('/tmp/large', large);
    expect(next.storage.files).toHaveLength(1);
  });

  it('are as they were when what would move them fails', async () => {
    const { files, storage } = await open();
    await files.truncate(`${IMAGES}/big.img`, 61 * MIB);
    await files.writeFile(WEB, filled(512, 7));
    await expect(files.mv(IMAGES, `/tmp/images`)).rejects.toThrow(`EFBIG: ${IMAGES}/big.img has 61 MiB`);
    // Somebody opens it between the look and the change.
    const { close } = storage.open(WEB, 'web', true);
    storage.whoHas = () => [];
    await expect(files.rm(WEB)).rejects.toThrow('web has it open');
    await expect(files.mv(WEB, `${IMAGES}/mail.img`)).rejects.toThrow('used by web');
    close();
    expect(await files.readdir(IMAGES)).toEqual(expect.arrayContaining(['big.img', 'web.img']));
    expect(await files.readFileBuffer(WEB)).toEqual(filled(512, 7));
  });

  it('come to the disk from a journal that had them as files', async () => {
    const store = new MemoryStore();
    const old = await KeptFiles.open(store, new InMemoryFs());
    await old.writeFile(WEB, filled(1024, 7));
    old.close();
    const first = await open(store);
    expect(first.storage.files.map(({ path }) => path)).toEqual([WEB]);
    first.storage.medium(WEB).write(0, Uint8Array.of(9));
    first.close();
    const next = await open(store);
    expect([...(await next.files.readFileBuffer(WEB)).subarray(0, 2)]).toEqual([9, 7]);
  });

  it('are after a power cut as they were before a change, or after it', async () => {
    const random = seeded(7);
    for (let cut = 0; cut < 60; cut++) {
      const store = new LoggingStore();
      const { files } = await open(store);
      await files.writeFile(WEB, filled(128 * KIB, 1));
      store.stepsLeft = random(80);
      const steps: (() => Promise<void>)[] = [
        () => files.writeFile(WEB, filled(192 * KIB, 2)),
        () => files.mv(WEB, `${IMAGES}/moved.img`),
        () => files.mv(`${IMAGES}/moved.img`, '/root/out.img'),
      ];
      let done = 0;
      try {
        for (const step of steps) {
          await step();
          if (store.stepsLeft >= 0) done++;
        }
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error;
      }
      const next = await open(store.afterCut(random));
      const states: (string | number)[][] = [
        [WEB, 128 * KIB, 1],
        [WEB, 192 * KIB, 2],
        [`${IMAGES}/moved.img`, 192 * KIB, 2],
        ['/root/out.img', 192 * KIB, 2],
      ];
      const found: (string | number)[][] = [];
      for (const path of [WEB, `${IMAGES}/moved.img`, '/root/out.img']) {
        const bytes = await next.files.readFileBuffer(path).catch(() => undefined);
        if (bytes)
          found.push([path, bytes.length, bytes[0]!, ...(bytes.every(byte => byte === bytes[0]) ? [] : ['torn'])]);
      }
      // A file that leaves the disk is in both places until its image is gone.
      const good = [states[done]!, states[done + 1]].filter(each => each !== undefined);
      expect(found.length, `cut ${cut} after ${done} steps`).toBeGreaterThan(0);
      for (const each of found) expect(good, `cut ${cut} after ${done} steps`).toContainEqual(each);
      expect(next.storage.volumes.length).toBeLessThanOrEqual(2);
    }
  });

  it('do in a tree what files do, and are there after the host', async () => {
    const names = ['/root', `${IMAGES}`, `${IMAGES}/sub`].flatMap(folder =>
      ['a', 'b'].map(name => `${folder}/${name}`),
    );
    const path = fc.constantFrom(...names);
    const bytes = fc
      .tuple(fc.constantFrom(0, 100, 512, 1024, 1536), fc.nat(255))
      .map(([length, value]) => filled(length, value));
    const step = fc.oneof(
      fc.record({ op: fc.constant('write' as const), path, bytes }),
      fc.record({ op: fc.constant('append' as const), path, bytes }),
      fc.record({ op: fc.constant('rm' as const), path }),
      fc.record({ op: fc.constantFrom('mv' as const, 'cp' as const), path, to: path }),
      fc.record({
        op: fc.constantFrom('mv' as const, 'cp' as const),
        path: fc.constantFrom(`${IMAGES}/sub`, '/root/dir'),
        to: fc.constantFrom('/root/dir', `${IMAGES}/sub`, `${IMAGES}/dir`),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async steps => {
        const store = new MemoryStore();
        const { files, close } = await open(store);
        const model = await KeptFiles.open(new MemoryStore(), new InMemoryFs());
        const apply = (tree: KeptFiles, one: (typeof steps)[number]): Promise<string> => {
          const run = (): Promise<void> => {
            if (one.op === 'write') return tree.writeFile(one.path, one.bytes);
            if (one.op === 'append') return tree.appendFile(one.path, one.bytes);
            if (one.op === 'rm') return tree.rm(one.path, { recursive: true });
            if (one.op === 'mv') return tree.mv(one.path, one.to);
            return tree.cp(one.path, one.to, { recursive: true });
          };
          return run().then(
            () => 'done',
            (error: Error) => error.message,
          );
        };
        const all = async (tree: KeptFiles): Promise<[string, Uint8Array | undefined][]> => {
          const found: [string, Uint8Array | undefined][] = [];
          const walk = async (folder: string): Promise<void> => {
            for (const name of (await tree.readdir(folder)).sort()) {
              const at = `${folder}/${name}`;
              const { isDirectory, size } = await tree.stat(at);
              if (isDirectory) {
                found.push([at, undefined]);
                await walk(at);
              } else {
                const content = await tree.readFileBuffer(at);
                expect(size).toBe(content.length);
                found.push([at, content]);
              }
            }
          };
          for (const folder of ['/root', IMAGES]) if (await tree.exists(folder)) await walk(folder);
          return found;
        };
        for (const one of steps) {
          expect(await apply(files, one)).toBe(await apply(model, one));
          expect(await all(files)).toEqual(await all(model));
        }
        close();
        expect((await all((await open(store)).files)).filter(([, content]) => content)).toEqual(
          (await all(model)).filter(([, content]) => content),
        );
      }),
      { numRuns: 100 },
    );
  });
});

it('an image under an overlay is not given to a guest that writes', async () => {
  const storage = await Storage.open({ ...parts, store: new MemoryStore() });
  storage.createVolume('image+base.img', 4 * MIB);
  storage.createOverlay('over', `${IMAGES}/base.img`, {
    device: new MemoryDisk(new Uint8Array(4 * MIB)),
    checksum: 1,
  });
  expect(() => storage.open(`${IMAGES}/base.img`, 'web', true)).toThrow(
    `${IMAGES}/base.img lies under the overlay /dev/vg0/over, and must stay as it is.`,
  );
  storage.open(`${IMAGES}/base.img`, 'web', false).close();
});
