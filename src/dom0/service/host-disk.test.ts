/** Guests on volumes of the host's own disk: one at a time, over a restart of the host, and where there is no room. */
import { describe, expect, it, vi } from 'vitest';
import type { Host } from './host.ts';
import { dotsOf, later, testFile, testFiles, testHost, until } from './host.test-support.ts';
import { runStorageCommand, Storage } from '../host/storage/index.ts';
import { openHostState } from '../host/state/state.ts';
import { LoggingStore } from '../host/storage/logging-store.test-support.ts';
import { writerKernel, writerProblem } from '../host/storage/writer-guest.ts';

const definition = (name: string, volume = 'web') =>
  testFile(
    `${name}.cfg`,
    `name = "${name}"\ntype = "hvm"\nmemory = 4\nkernel = "writer.elf"\ndisk = ["phy:/dev/vg0/${volume},xvda,w"]\n`,
  );
const kernel = testFile('writer.elf', writerKernel);

async function makeHost(store = new LoggingStore()): Promise<{ host: Host; storage: Storage; store: LoggingStore }> {
  const storage = await Storage.open({ store, epochMs: () => 0, random: () => 0 });
  return { host: testHost({ storage: async () => storage }), storage, store };
}

const content = (storage: Storage): Uint8Array => {
  const bytes = new Uint8Array(256 * 512);
  storage.medium('/dev/vg0/web').read(0, bytes);
  return bytes;
};

describe('a guest on a volume of the host', () => {
  it('writes there: what it was told to be durable is there after a power cut', async () => {
    const { host, storage, store } = await makeHost();
    storage.createVolume('web', 8 * 2 ** 20);
    const { id } = await host.create([definition('web'), kernel]);
    const dots = await dotsOf(host, id);
    await until(() => dots() > 30, 60);
    const shown = dots();
    // By the registers of the disk's adapter, which is on the host's bus.
    expect(storage.disk.drivenBy?.disk.sectors).toBe(500e9 / 512);
    expect(host.toolstack.services.hardware.list()).toContain('00:02.0 0106: 8086:2922 (rev 02)');
    const after = await Storage.open({ store: store.afterCut(() => 0), epochMs: () => 0, random: () => 0 });
    expect(writerProblem(content(after), shown)).toBeUndefined();
    await host.destroy(id);
  });

  it('has it alone, and gives it back when it is destroyed', async () => {
    const { host, storage } = await makeHost();
    storage.createVolume('web', 8 * 2 ** 20);
    const first = await host.create([definition('web'), kernel]);
    expect(runStorageCommand(storage, ['lvs']).out).toMatch(/web +vg0 +-wi-ao----/);
    await expect(host.create([definition('other'), kernel])).rejects.toThrow(
      'Device /dev/vg0/web is mounted read-write in web, and so cannot be mounted now.',
    );
    expect(runStorageCommand(storage, ['lvremove', 'vg0/web'])).toMatchObject({
      status: 5,
      err: '  Logical volume vg0/web in use.\n  web has it open.\n',
    });
    expect((await host.list()).map(({ name }) => name)).toEqual(['web']);
    await host.destroy(first.id);
    const second = await host.create([definition('other'), kernel]);
    // Started again it has its device, too.
    await host.trigger(second.id, 'reset');
    const again = await until(() => host.domains.all().find(({ id, name }) => name === 'other' && id !== second.id));
    const dots = await dotsOf(host, again.id);
    await until(() => dots() > 3);
    await host.destroy(again.id);
    expect(runStorageCommand(storage, ['lvremove', 'vg0/web']).status).toBe(0);
  });

  it('is not made where there is no such volume, or no disk', async () => {
    const { host } = await makeHost();
    await expect(host.create([definition('web', 'none'), kernel])).rejects.toThrow(
      '/dev/vg0/none: there is no such device. lvs lists the volumes',
    );
    await expect(testHost().create([definition('web'), kernel])).rejects.toThrow('this host has no disk of its own');
  });

  it('waits while there is no room, is shown waiting, and goes on when there is', async () => {
    const { host, storage, store } = await makeHost();
    storage.createVolume('web', 8 * 2 ** 20);
    storage.createVolume('ballast', 8 * 2 ** 20);
    storage.medium('/dev/vg0/ballast').write(0, Uint8Array.of(1));
    storage.tidy();
    store.roomLeft = 100;
    const { id } = await host.create([definition('web'), kernel]);
    const dots = await dotsOf(host, id);
    await until(async () => (await host.list())[0].waitsForRoom);
    expect(
      host.tasks
        .list()
        .some(({ message }) =>
          /\/dev\/vg0\/web: the device is full, and the guest waits to write. Free space .* or remove a volume \(lvremove\)/.test(
            message ?? '',
          ),
        ),
    ).toBe(true);
    expect(dots()).toBe(0);
    // What the message says helps: the room of the volume is the guest's.
    expect(runStorageCommand(storage, ['lvremove', 'vg0/ballast']).status).toBe(0);
    await until(() => dots() > 5);
    expect((await host.list())[0].waitsForRoom).toBeUndefined();
    expect(writerProblem(content(storage), dots())).toBeUndefined();
    await host.destroy(id);
  });

  it('ends when the disk goes to another tab, and lets go of it', async () => {
    const { host, storage } = await makeHost();
    storage.createVolume('web', 8 * 2 ** 20);
    await host.create([definition('web'), kernel]);
    await host.disk.endUsersOfDisk('Its disk is another tab’s now.');
    expect(await host.list()).toEqual([]);
    expect(storage.volumes[0].open).toBe(false);
  });
});

it('an image under an overlay is read once for all who look meanwhile, and again when it has changed or lies under another disk', async () => {
  const files = await testFiles();
  await files.writeFile('/root/base.img', new Uint8Array(4096).fill(1));
  const open = async (): Promise<Storage> =>
    Storage.open({ store: new LoggingStore(), epochMs: () => 0, random: () => 0 });
  const disks = [await open(), await open()];
  let disk = disks[0]!;
  const host = testHost({ files, storage: async () => disk });
  for (const each of disks) each.createOverlay('over', '/root/base.img', await host.files.openImage('/root/base.img'));
  const reads = vi.spyOn(host.files, 'openImage');
  const given = disks.map(each => vi.spyOn(each, 'setImage'));
  const look = (): Promise<unknown> =>
    Promise.all([host.disk.openDevices(), host.disk.openDevices(), host.disk.openDevices()]);
  await look();
  await look();
  expect(reads).toHaveBeenCalledTimes(1);
  await files.writeFile('/root/base.img', new Uint8Array(8192).fill(2));
  await look();
  expect(reads).toHaveBeenCalledTimes(2);
  expect(given[0]!.mock.calls.map(([, image]) => image?.device.bytes)).toEqual([4096, 8192]);
  disk = disks[1]!;
  await look();
  expect(given[1]!.mock.calls.map(([, image]) => image?.device.bytes)).toEqual([8192]);
  await files.rm('/root/base.img');
  await look();
  expect(given[1]!.mock.calls.at(-1)).toEqual(['/root/base.img', undefined]);
  expect(reads).toHaveBeenCalledTimes(3);
});

describe('a guest on an image among Domain 0’s files', () => {
  const IMAGE = '/var/lib/xen/images/web.img';
  const onImage = testFile(
    'web.cfg',
    `name = "web"\ntype = "hvm"\nmemory = 4\nkernel = "writer.elf"\ndisk = ["${IMAGE},raw,xvda,w"]\n`,
  );

  async function make(store = new LoggingStore()) {
    const state = await openHostState(store, { epochMs: () => 0, random: () => 0, later });
    const files = await state.files();
    const host = testHost({ files, storage: async () => state.storage, readsWhole: true });
    return { ...state, files, host, store };
  }

  it('writes there, and the file has it after a power cut', async () => {
    const { host, files, storage, store, close } = await make();
    await files.truncate(IMAGE, 256 * 512);
    const plan = await host.files.plan([{ ...onImage, inDomain0: true }, kernel]);
    expect(plan.findings.find(({ key }) => key === 'disk')).toMatchObject({
      verdict: 'used',
      text: expect.stringContaining(`What the guest writes is on ${IMAGE}.`),
    });
    expect(plan.summary.writesFiles).toBeUndefined();
    const { id } = await host.create([{ ...onImage, inDomain0: true }, kernel]);
    const dots = await dotsOf(host, id);
    await until(() => dots() > 30, 60);
    const shown = dots();
    expect((await host.list())[0]).not.toHaveProperty('disks');
    await expect(files.rm(IMAGE)).rejects.toThrow(`web has ${IMAGE} open`);
    expect(runStorageCommand(storage, ['lvs']).out).toMatch(/image\+web.img +vg0 +-wi-ao---- 4.00m/);
    const cut = await make(store.afterCut(() => 0));
    expect(writerProblem(await cut.files.readFileBuffer(IMAGE), shown)).toBeUndefined();
    await host.destroy(id);
    expect(writerProblem(await files.readFileBuffer(IMAGE), dots())).toBeUndefined();
    cut.close();
    close();
  });

  it('may have a floppy disk there, too', async () => {
    const { host, files, close } = await make();
    await files.truncate('/var/lib/xen/images/dos.img', 1_474_560);
    const text = 'name = "dos"\ntype = "hvm"\nmemory = 4\nkernel = "writer.elf"\nfda = "/var/lib/xen/images/dos.img"\n';
    const plan = await host.files.plan([{ ...testFile('dos.cfg', text), inDomain0: true }, kernel]);
    expect(plan.findings.find(({ key }) => key === 'fda')).toMatchObject({
      verdict: 'used',
      text: 'The floppy disk is in drive A. What the guest writes is on /var/lib/xen/images/dos.img.',
    });
    close();
  });

  it('takes a file of that name that was dropped with its definition before one of Domain 0’s', async () => {
    const { host, files, storage, close } = await make();
    await files.truncate(IMAGE, 256 * 512);
    const { id } = await host.create([onImage, kernel, testFile('web.img', new Uint8Array(256 * 512))]);
    expect((await host.list())[0]!.disks).toBe(1);
    expect(storage.volumes[0]!.open).toBe(false);
    await host.destroy(id);
    // Alone the definition means Domain 0's.
    const other = await host.create([onImage, kernel]);
    expect(storage.volumes[0]!.open).toBe(true);
    await host.destroy(other.id);
    close();
  });
});
