/** What guests write to images that were given: it outlives guest and page, and comes out as one file. */
import { expect, it } from 'vitest';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import { LoggingStore } from '../host/storage/logging-store.test-support.ts';
import { Storage } from '../host/storage/index.ts';
import { writerKernel, writerProblem } from '../host/storage/writer-guest.ts';
import type { Host } from './host.ts';
import { dotsOf, testFile, testHost, until } from './host.test-support.ts';

const SECTORS = 300;
const BYTES = SECTORS * 512;
/** Empty where the guest writes, and something behind that. */
const IMAGE = new Uint8Array(BYTES).fill(0xee, 256 * 512);
const kernel = testFile('writer.elf', writerKernel);
const definition = (name: string, type = 'hvm') =>
  testFile(
    `${name}.cfg`,
    `name = "${name}"\ntype = "${type}"\nmemory = 4\nkernel = "writer.elf"\ndisk = ["disk.img,raw,hda,w"]\n`,
  );
/** As a browser has it: with a time. */
const image = (lastModified = 1, bytes = IMAGE) => ({
  name: 'disk.img',
  data: new File([bytes as BlobPart], 'disk.img', { lastModified }),
});

const openStorage = (store: LoggingStore): Promise<Storage> =>
  Storage.open({ store, epochMs: () => 0, random: () => 0 });

async function makeHost(store = new LoggingStore(), kept = true): Promise<{ host: Host; storage: Storage }> {
  const storage = await openStorage(store);
  const host = testHost({
    storage: async () => storage,
    stateInfo: async () => ({ where: 'this browser', kept }),
    // Files cannot be read at once here.
    openMedium: () => new MemoryDisk(IMAGE, { readOnly: true }),
  });
  return { host, storage };
}

/** A guest that writes its disk until it has reported a number of durable writes; what it has reported of by its end. */
async function write(host: Host, name: string, most: number, file = image()): Promise<number> {
  const { id } = await host.create([definition(name), kernel, file]);
  const dots = await dotsOf(host, id);
  await until(() => dots() >= most, 60);
  await host.destroy(id);
  return dots();
}

const bytesOf = async (data: Blob): Promise<Uint8Array> => new Uint8Array(await data.arrayBuffer());

it('are there after a power cut, for the next guest with the same file, which can be downloaded whole', async () => {
  const store = new LoggingStore();
  const { host } = await makeHost(store);
  const { id } = await host.create([definition('web'), kernel, image()]);
  const dots = await dotsOf(host, id);
  await until(() => dots() > 6, 60);
  const shown = dots();
  const cut = store.afterCut(() => 0);
  const { name, data } = await host.consult('diskImage', id, 'hda');
  expect([name, data.size]).toEqual(['disk.img', BYTES]);
  const whole = await bytesOf(data);
  expect(writerProblem(whole.subarray(0, 256 * 512), shown)).toBeUndefined();
  expect(whole.subarray(256 * 512)).toEqual(IMAGE.subarray(256 * 512));
  expect((await host.inspect('guest', id)).drives[0]).toMatchObject({ vdev: 'hda', image: { isKept: true } });
  await host.destroy(id);

  const { host: next, storage } = await makeHost(cut as LoggingStore);
  expect(await next.consult('keptWrites', [image(), definition('web')])).toEqual([
    { name: 'disk.img', volume: storage.volumes[0]!.name, bytes: expect.any(Number) },
  ]);
  const again = await next.create([definition('web'), kernel, image()], false, true);
  const before = await bytesOf((await next.consult('diskImage', again.id, 'hda')).data);
  expect(writerProblem(before.subarray(0, 256 * 512), shown)).toBeUndefined();
  await next.destroy(again.id);
});

it('are of that file: one that was changed since begins as it is, and so does one whose writes somebody has removed', async () => {
  const { host, storage } = await makeHost();
  const shown = await write(host, 'web', 5);
  const fresh = async (file: ReturnType<typeof image>): Promise<boolean> => {
    const { id } = await host.create([definition('web'), kernel, file], false, true);
    const { data } = await host.consult('diskImage', id, 'hda');
    await host.destroy(id);
    return Buffer.compare(await bytesOf(data), IMAGE) === 0;
  };
  expect(shown).toBeGreaterThanOrEqual(5);
  expect(await fresh(image(2))).toBe(true);
  expect(await fresh(image())).toBe(false);
  const [{ volume }] = await host.consult('keptWrites', [image()]);
  await host.disk.diskCommand(['lvremove', '-f', `vg0/${volume}`]);
  expect(storage.volumes).toEqual([]);
  expect(await host.consult('keptWrites', [image()])).toEqual([]);
  expect(await fresh(image())).toBe(true);
});

it('of a second guest with the same file are in memory, and so are all where nothing outlives the page', async () => {
  const { host, storage } = await makeHost();
  const first = await host.create([definition('web'), kernel, image()]);
  const second = await host.create([definition('other'), kernel, image()]);
  const images = async (id: number) => (await host.inspect('guest', id)).drives[0]!.image?.isKept;
  expect(await images(first.id)).toBe(true);
  expect(await images(second.id)).toBe(false);
  expect(host.tasks.list().map(({ message }) => message)).toContain(
    'disk.img: what other writes to it is in memory alone, for web has the same image, and what that one writes is kept.',
  );
  const dots = await dotsOf(host, second.id);
  await until(() => dots() > 3, 60);
  const { data } = await host.consult('diskImage', second.id, 'hda');
  expect(writerProblem((await bytesOf(data)).subarray(0, 256 * 512), dots() - 1)).toBeUndefined();
  await host.destroy(first.id);
  await host.destroy(second.id);
  expect(storage.volumes).toHaveLength(1);

  const { host: unkept, storage: none } = await makeHost(new LoggingStore(), false);
  await write(unkept, 'web', 3);
  expect(none.volumes).toEqual([]);
});

it('go on in a guest that starts again, and to memory when the disk goes to another tab', async () => {
  const { host, storage } = await makeHost();
  const first = await host.create([definition('web'), kernel, image()]);
  const dots = await dotsOf(host, first.id);
  await until(() => dots() > 5, 60);
  await host.trigger(first.id, 'reset');
  const next = await until(() => host.domains.all().find(({ id }) => id !== first.id));
  const more = await dotsOf(host, next.id);
  await until(() => more() > 5, 60);
  const kept = async () => (await host.inspect('guest', next.id)).drives[0]!.image;
  expect(await kept()).toMatchObject({ isKept: true });
  await host.disk.endUsersOfDisk('Its disk is another tab’s now.');
  expect(storage.volumes[0]!.open).toBe(false);
  const then = more();
  await until(() => more() > then + 3, 60);
  await host.destroy(next.id);
});
