/** Volumes go with their guest while it writes them: what it was told to be durable is on the one host where it runs, and the other has nothing of it. */
import { describe, expect, it } from 'vitest';
import { type OverlayDisk, readDiskRecord } from '../../../hypervisor/disks/index.ts';
import { readState } from '../../../hypervisor/index.ts';
import type { KeptFiles } from '../../host/files/index.ts';
import { MemoryStore, Storage, writerKernel, writerProblem } from '../../host/storage/index.ts';
import { dotsOf, testFile, testFiles, testHost, until } from '../../service/host.test-support.ts';
import type { Host } from '../../service/host.ts';
import { MESSAGE } from './messages.ts';
import { Cable, GUESTS, running, xl } from './pair.test-support.ts';

const MIB = 2 ** 20;
const VOLUME = '/dev/vg0/web';

interface Side {
  host: Host;
  storage: Storage;
  files: KeptFiles;
}

async function side(cable: Cable, name: string): Promise<Side> {
  const storage = await Storage.open({ store: new MemoryStore(), epochMs: () => 0, random: () => 0 });
  const files = await testFiles();
  const host = testHost({
    memory: new SharedArrayBuffer(40 * MIB),
    neighbours: cable.of(name),
    files,
    readsWhole: true,
    storage: async () => storage,
  });
  return { host, storage, files };
}

async function sides(): Promise<{ cable: Cable; a: Side; b: Side }> {
  const cable = new Cable();
  return { cable, a: await side(cable, 'a'), b: await side(cable, 'b') };
}

const writes = ({ host }: Side, more = '', target = `phy:${VOLUME}`): Promise<{ id: number }> =>
  host.create([
    testFile(
      'web.cfg',
      `name = "web"\ntype = "hvm"\nmemory = 4\nkernel = "writer.elf"\ndisk = ["${target},xvda,w"]\n${more}`,
    ),
    testFile('writer.elf', writerKernel),
  ]);

const sectors = ({ storage }: Side): Uint8Array => {
  const bytes = new Uint8Array(256 * 512);
  storage.medium(VOLUME).read(0, bytes);
  return bytes;
};

const overlay = ({ host }: Side, domid: number): OverlayDisk =>
  host.domains.member(domid).attachments.media[0]!.disk as OverlayDisk;
const names = ({ storage }: Side): string[] => storage.volumes.map(({ name }) => name);
const move = ({ host }: Side, to: string, how = '--copy-storage-all') => xl(host, 'migrate', how, 'web', to);
const shown = async ({ host }: Side): Promise<() => number> => dotsOf(host, (await host.list())[0]!.id);

describe('a guest whose volume goes with it', () => {
  it('writes on where it goes, and finds there all that it was told to be durable', async () => {
    const { a, b } = await sides();
    a.storage.createVolume('web', 8 * MIB);
    a.storage.medium(VOLUME).write(6 * MIB, Uint8Array.of(1, 2, 3));
    const { id } = await writes(a);
    const here = await dotsOf(a.host, id);
    await until(() => here() > 20);
    const { out, err } = await move(a, 'b');
    expect([err, out.endsWith('Migration successful.\n')]).toEqual(['', true]);
    expect([await running(a.host), await running(b.host)]).toEqual([[], ['web']]);
    expect(writerProblem(sectors(b), here())).toBeUndefined();
    // Its console comes with it.
    const there = await shown(b);
    await until(() => there() > here() + 20);
    expect(writerProblem(sectors(b), there())).toBeUndefined();
    const far = new Uint8Array(3);
    b.storage.medium(VOLUME).read(6 * MIB, far);
    expect([...far]).toEqual([1, 2, 3]);
    // What it left is nobody's, and is as it was when it left.
    expect([names(a), names(b)]).toEqual([['web'], ['web']]);
    expect([a.storage.whoHas(VOLUME), b.storage.whoHas(VOLUME), b.storage.unfinished]).toEqual([[], ['web'], []]);
    // And back, in place of that.
    expect((await move(b, 'a')).err).toBe('');
    expect(writerProblem(sectors(a), there())).toBeUndefined();
    expect([names(a), a.storage.unfinished]).toEqual([['web'], []]);
    const again = await shown(a);
    await until(() => again() > there() + 20);
    expect(writerProblem(sectors(a), again())).toBeUndefined();
    await a.host.destroy((await a.host.list())[0]!.id);
  });

  it('takes of an overlay what was written alone where the other host has its image, under any name', async () => {
    const { a, b } = await sides();
    const image = new Uint8Array(4 * MIB).map((_, i) => i >>> 9);
    await a.files.writeFile('/root/base.img', image);
    await b.files.mkdir('/srv/images', { recursive: true });
    await b.files.writeFile('/srv/images/other.img', image.slice().reverse());
    a.storage.createOverlay('web', '/root/base.img', await a.host.files.openImage('/root/base.img'));
    await until(async () => (await a.host.disk.openDevices())?.isThere(VOLUME));
    const { id } = await writes(a);
    const here = await dotsOf(a.host, id);
    await until(() => here() > 5);
    expect((await move(a, 'b', '--copy-storage-inc')).err).toMatch(
      /No file here has the contents of \/root\/base\.img \(4194304 bytes, SHA-256 [0-9a-f]{16}…\)\. Copy it to this host/,
    );
    expect([await running(a.host), names(b)]).toEqual([['web'], []]);
    await b.files.writeFile('/srv/images/other.img', image);
    expect((await move(a, 'b', '--copy-storage-inc')).err).toBe('');
    const there = await shown(b);
    await until(() => there() > here() + 5);
    expect(b.storage.overlayHeaders.map(({ name, header }) => [name, header.path])).toEqual([
      ['web', '/srv/images/other.img'],
    ]);
    expect(b.storage.writtenBytes(VOLUME)).toBeLessThan(256 * 512);
    const rest = new Uint8Array(image.length - 256 * 512);
    b.storage.medium(VOLUME).read(256 * 512, rest);
    expect(Buffer.compare(rest, image.subarray(256 * 512))).toBe(0);
  });

  it('finds the files in its drives by what is in them', async () => {
    const { cable, a, b } = await sides();
    const image = new Uint8Array(MIB).fill(7);
    await a.host.create([
      ...GUESTS.minipv('web', 'disk = ["d.img,raw,xvda,w"]\n', 'pvh'),
      { name: 'd.img', data: new Blob([image]) },
    ]);
    expect((await move(a, 'b', '--live')).err).toContain(
      'No file here has the contents of d.img (1048576 bytes, SHA-256 ',
    );
    await b.files.mkdir('/srv', { recursive: true });
    await b.files.writeFile('/srv/like-d.img', image);
    const [{ id }] = await a.host.list();
    overlay(a, id).write(4096, Uint8Array.of(1, 2, 3));
    cable.passes = (_from, bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      if (view.getUint32(0, true) === MESSAGE.BLOCKS) view.setUint32(8, 99, true);
      return true;
    };
    expect((await move(a, 'b', '--live')).err).toContain(
      'What web has written comes for a drive that it does not have.',
    );
    await until(async () => (await b.host.list()).length === 0);
    expect(await running(a.host)).toEqual(['web']);
    cable.passes = () => true;
    expect((await move(a, 'b', '--live')).err).toBe('');
    expect(await running(b.host)).toEqual(['web']);
    const written = new Uint8Array(4);
    overlay(b, (await b.host.list())[0]!.id).read(4096, written);
    expect([...written]).toEqual([1, 2, 3, 7]);
  });

  it('brings the files in its drives that the other host has under no name, and nothing where it does not come', async () => {
    const { cable, a, b } = await sides();
    const image = new Uint8Array(3 * MIB).map((_, i) => i >>> 11);
    await a.host.create([
      ...GUESTS.minipv('web', 'disk = ["d.img,raw,xvda,w"]\n', 'pvh'),
      { name: 'd.img', data: new Blob([image]) },
    ]);
    await b.files.writeFile('/d.img', new Uint8Array(MIB));
    const there = async (): Promise<string[]> => (await b.files.readdir('/')).filter(name => /img/.test(name));
    let images = 0;
    cable.passes = (from, bytes) =>
      from !== 'a' ||
      new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) !== MESSAGE.IMAGE ||
      ++images !== 2;
    expect((await move(a, 'b')).err).toContain('The link to b broke');
    await until(async () => (await b.host.list()).length === 0);
    expect([await running(a.host), await there()]).toEqual([['web'], ['d.img']]);
    cable.passes = () => true;
    expect((await move(a, 'b')).err).toBe('');
    expect(await running(b.host)).toEqual(['web']);
    const [, mine] = await there();
    expect(mine).toMatch(/^d\.img\.[0-9a-f]{16}$/);
    expect(Buffer.compare(await b.files.readFileBuffer(`/${mine}`), image)).toBe(0);
    // It is there now, and does not come again.
    expect((await move(b, 'a')).err).toBe('');
    images = 0;
    cable.passes = (from, bytes) => {
      if (from === 'a' && new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true) === MESSAGE.IMAGE) images++;
      return true;
    };
    expect([(await move(a, 'b')).err, images]).toEqual(['', 0]);
  });

  it.each([
    ['hvm', 'xvda'],
    ['hvm', 'hda'],
  ])(
    'brings what it has written of a file that is only read while it runs, and the last of that in the pause: %s, %s',
    async (type, vdev) => {
      const { cable, a, b } = await sides();
      const image = new Uint8Array(4 * MIB).map((_, i) => i >>> 9);
      image.fill(0, 0, 256 * 512);
      await b.files.writeFile('/d.img', image);
      const { id } = await a.host.create([
        testFile(
          'web.cfg',
          `name = "web"\ntype = "${type}"\nmemory = 4\nkernel = "writer.elf"\ndisk = ["d.img,raw,${vdev},w"]\n`,
        ),
        testFile('writer.elf', writerKernel),
        { name: 'd.img', data: new Blob([image]) },
      ]);
      const noise = new Uint8Array(2 * MIB).map((_, i) => (i * 7) ^ (i >>> 8));
      overlay(a, id).write(MIB, noise);
      overlay(a, id).discard(MIB, 4096);
      const here = await dotsOf(a.host, id);
      await until(() => here() > 5);
      let early = 0;
      cable.passes = (_from, bytes) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        if (view.getUint32(0, true) === MESSAGE.BLOCKS) early += view.getUint32(4, true);
        return true;
      };
      expect((await move(a, 'b', '--live')).err).toBe('');
      const { id: there } = (await b.host.list())[0]!;
      const dots = await dotsOf(b.host, there);
      await until(() => dots() > here() + 5);
      expect(early).toBeGreaterThan(2 * MIB);
      expect(a.host.toolstack.jobs.completed('web')!.memory!.restBytes).toBeLessThan(MIB);
      const all = new Uint8Array(4 * MIB);
      overlay(b, there).read(0, all);
      expect(writerProblem(all, dots())).toBeUndefined();
      noise.set(image.subarray(MIB, MIB + 4096));
      expect(Buffer.compare(all.subarray(MIB, 3 * MIB), noise)).toBe(0);
      // And what is saved there next has all of it.
      expect([...overlay(b, there).changesLeft()].length).toBeGreaterThan(512);
    },
  );

  it('brings what it has written of a file that whoever runs it has open while it runs: of KVM', async () => {
    const { cable, a, b } = await sides();
    const image = new Uint8Array(MIB).map((_, i) => i >>> 9);
    image.fill(0, 0, 256 * 512);
    await b.files.writeFile('/d.img', image);
    const { id } = await a.host.create([
      testFile(
        'web.cfg',
        'name = "web"\ntype = "hvm"\nkvm = 1\nmemory = 4\nkernel = "writer.elf"\ndisk = ["d.img,raw,hda,w"]\n',
      ),
      testFile('writer.elf', writerKernel),
      { name: 'd.img', data: new Blob([image]) },
    ]);
    const here = await dotsOf(a.host, id);
    await until(() => here() > 50);
    const early = new Map<number, Uint8Array>();
    cable.passes = (_from, bytes) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      if (view.getUint32(0, true) === MESSAGE.BLOCKS)
        for (const { block, bytes: written } of readDiskRecord(bytes.subarray(8))!.changes)
          early.set(block, written.slice());
      return true;
    };
    expect((await move(a, 'b', '--live')).err).toBe('');
    expect(early.size).toBeGreaterThan(10);
    const { id: there } = (await b.host.list())[0]!;
    const dots = await dotsOf(b.host, there);
    await until(() => dots() > here() + 5);
    await b.host.pause(there);
    const state = new Uint8Array(await (await b.host.save(there)).arrayBuffer());
    for (const { changes } of readState(state, 'web').disks)
      for (const { block, bytes } of changes) image.set(bytes, block * 4096);
    expect(writerProblem(image, dots())).toBeUndefined();
  });

  it('finds each of two files of one name in its own drive, whatever they are called there', async () => {
    for (const how of ['--live', '--copy-storage-all']) {
      const { a, b } = await sides();
      const files = ['one', 'two'].map(folder => ({
        path: `/${folder}/d.img`,
        bytes: new Uint8Array(65536).fill(folder.charCodeAt(0)),
      }));
      for (const [i, { bytes }] of files.entries()) if (how === '--live') await b.files.writeFile(`/${i}.img`, bytes);
      await a.host.create([
        testFile(
          'web.cfg',
          `name = "web"\ntype = "hvm"\nkvm = 1\nmemory = 4\nkernel = "writer.elf"\ndisk = ["${files[0]!.path},raw,hda,w", "${files[1]!.path},raw,hdb,w"]\n`,
        ),
        testFile('writer.elf', writerKernel),
        ...files.map(({ path, bytes }) => ({ name: path, data: new Blob([bytes]) })),
      ]);
      expect((await move(a, 'b', how)).err).toBe('');
      const [member] = [...b.host.toolstack.members.values()];
      const last = member!.blueprint.drives!.map(({ medium }) =>
        medium && 'bytes' in medium ? String.fromCharCode(medium.bytes[65535]!) : undefined,
      );
      expect(last).toEqual(['o', 't']);
    }
  });

  it('stays as it was where the other host has no room, or another domain has the volume there', async () => {
    const { a, b } = await sides();
    a.storage.createVolume('web', 8 * MIB);
    await writes(a);
    b.storage.createVolume('web', 4 * MIB);
    b.storage.medium(VOLUME).write(0, Uint8Array.of(9));
    const held = b.storage.open(VOLUME, 'other', true);
    expect((await move(a, 'b')).err).toContain('Device /dev/vg0/web is used by other here.');
    held.close();
    b.storage.createVolume('large', b.storage.freeExtents * 4 * MIB);
    expect((await move(a, 'b')).err).toContain(
      'Volume group "vg0" has insufficient free space (0 extents): 2 required.',
    );
    expect([await running(a.host), names(b)]).toEqual([['web'], ['web', 'large']]);
    const first = new Uint8Array(1);
    b.storage.medium(VOLUME).read(0, first);
    expect(first[0]).toBe(9);
    expect((await move(a, 'b', '--live')).err).toContain('or migrate it with --copy-storage-all.');
    a.storage.disk.writtenBytes = () => {
      throw new Error('The disk is gone.');
    };
    expect((await move(a, 'b')).err).toContain('The disk is gone.');
    // Nobody notes what it writes any more: the storage worker may serve its drive again.
    const [{ disk }] = a.host.domains.member((await a.host.list())[0]!.id).attachments.devices;
    expect(disk.served).toBeDefined();
  });
});
