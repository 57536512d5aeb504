import { type BlockDevice, MemoryDisk } from '../../../formats/blocks/index.ts';
import { fingerprint } from '../../../hypervisor/disks/index.ts';
import { describe, expect, it, vi } from 'vitest';
import { HostDisk } from './host-disk.ts';
import { LoggingStore, seeded } from './logging-store.test-support.ts';
import { MediumDisk } from './medium-disk.ts';
import { readPartitions } from '../../../formats/file-systems/index.ts';
import { cutVolumes } from './power-cuts.ts';
import { Storage } from './storage.ts';
import { MemoryStore, StorageError, type Store } from './store.ts';

const GIB = 2 ** 30;
const open = (store: Store = new MemoryStore(), diskBytes?: number): Promise<Storage> =>
  Storage.open({ store, epochMs: () => 1_767_225_600_000, random: seeded(1), ...(diskBytes ? { diskBytes } : {}) });
const sector = (value: number): Uint8Array => new Uint8Array(512).fill(value);

/** A transfer disk of web whose format ends after some writes. */
function beginTransferDisk(storage: Storage): void {
  const volumesStart = storage.partitions[3].firstSector * 512 + 2 ** 20;
  const { request } = HostDisk.prototype;
  let left = 3;
  const spy = vi.spyOn(storage.disk, 'request').mockImplementation(function (this: HostDisk, asked, done) {
    if (asked.op === 'write' && asked.at >= volumesStart && left-- === 0) return done(new Error('cut'));
    request.call(this, asked, done);
  });
  expect(() => storage.deviceOf('transfer:8M', 'web')).toThrow('cut');
  spy.mockRestore();
  storage.tidy();
  expect(storage.writtenBytes('vg0/transfer-web')).toBeGreaterThan(0);
}

describe('the host’s storage', () => {
  it('has the partitions that an installer leaves, and an empty volume group', async () => {
    const storage = await open();
    expect(storage.disk.bytes).toBe(500e9);
    expect(
      storage.partitions.map(({ number, type, active, sectors }) => [
        number,
        type,
        active,
        Math.round((sectors * 512) / GIB),
      ]),
    ).toEqual([
      [1, 0x82, false, 2],
      [2, 0x83, true, 64],
      [3, 0x83, false, 20],
      [4, 0x8e, false, 380],
    ]);
    expect(storage.volumes).toEqual([]);
    expect(storage.disk.stored.bytes).toBeLessThan(16 * 2 ** 20);
  });

  it('keeps its volumes and what is in them over a restart', async () => {
    const store = new MemoryStore();
    const storage = await open(store);
    storage.createVolume('web', 20 * GIB);
    storage.medium('phy:/dev/vg0/web').write(19 * GIB, sector(7));
    storage.close();
    const again = await open(store);
    expect(again.volumes).toMatchObject([{ name: 'web', bytes: 20 * GIB, open: false }]);
    const into = sector(0);
    again.medium('vg0/web').read(19 * GIB, into);
    expect(into).toEqual(sector(7));
  });

  it('tells the way of a sector to the file, where its bytes are', async () => {
    const store = new MemoryStore();
    const storage = await open(store);
    storage.createVolume('first', GIB);
    storage.createVolume('web', 20 * GIB);
    storage.medium('/dev/vg0/web').write(1_000_000 * 512, sector(0x5a));
    const [volume, partition, sda, file] = storage.diskPath('/dev/vg0/web', 1_000_000);
    expect([volume.layer, volume.at, volume.unit?.number]).toEqual(['volume vg0/web', 512_000_000, 122]);
    const onPartition = 2 ** 20 + GIB + 512_000_000;
    expect([partition.layer, partition.at]).toEqual(['partition sda4', onPartition]);
    expect(sda.at).toBe(storage.partitions[3].firstSector * 512 + onPartition);
    const into = sector(0);
    (await store.open('disk.data')).read(file.at as number, into);
    expect(into).toEqual(sector(0x5a));
    storage.disk.read(sda.at as number, into);
    expect(into).toEqual(sector(0x5a));
    expect(() => storage.diskPath('/dev/vg0/web', (20 * GIB) / 512)).toThrow('has the sectors 0 to 41943039');
  });

  it('makes volumes of what others left, without what was in it', async () => {
    const storage = await open(new MemoryStore(), 4 * GIB);
    const names = ['a', 'b', 'c'];
    for (const name of names) storage.createVolume(name, GIB / 2);
    for (const name of names) storage.medium(`/dev/vg0/${name}`).write(0, sector(9));
    storage.removeVolume('b');
    storage.extendVolume('a', GIB);
    const medium = storage.medium('/dev/vg0/a');
    const into = sector(1);
    medium.read(GIB / 2, into);
    expect([medium.bytes, into]).toEqual([GIB, sector(0)]);
    medium.read(0, into);
    expect(into).toEqual(sector(9));
    storage.removeVolume('a');
    storage.removeVolume('c');
    const all = storage.freeExtents;
    expect(all).toBe(storage.extents);
    storage.createVolume('c', GIB);
    storage.medium('vg0/c').read(0, into);
    expect(into).toEqual(sector(0));
  });

  it('refuses in the words of LVM2 and xend, and changes nothing', async () => {
    const storage = await open();
    storage.createVolume('web', GIB);
    const close = storage.open('/dev/vg0/web', 'domain web', true);
    for (const [what, words] of [
      [() => storage.createVolume('web', GIB), 'Logical Volume "web" already exists in volume group "vg0"'],
      [() => storage.createVolume('../x', GIB), 'Logical volume name "../x" is invalid.'],
      [
        () => storage.createVolume('big', 900 * GIB),
        /^Volume group "vg0" has insufficient free space \(\d+ extents\): 230400 required\.$/,
      ],
      [() => storage.removeVolume('none'), 'Failed to find logical volume "vg0/none"'],
      [() => storage.removeVolume('web'), 'Logical volume vg0/web in use.\n  domain web has it open.'],
      [() => storage.extendVolume('web', GIB), /not larger than existing size/],
      [
        () => storage.open('/dev/vg0/web', 'domain b', false),
        /^Device \/dev\/vg0\/web is mounted read-write in domain web, and so cannot be mounted now/,
      ],
      [() => storage.open('/dev/sda2', 'domain b', true), /^Device \/dev\/sda2 is in use by Domain-0/],
      [() => storage.open('/dev/vg0/../sda', 'domain b', true), /no such device/],
      [() => storage.open('/dev/sda9', 'domain b', true), /no such device/],
    ] as const)
      expect(what).toThrow(words);
    expect(() => storage.medium('/dev/vg0/constructor')).toThrow(StorageError);
    close.close();
    storage.removeVolume('web');
    expect(storage.volumes).toEqual([]);
  });

  it('has several writers of a raw volume that share it, and one of an image', async () => {
    const storage = await open();
    storage.createVolume('web', GIB);
    const shared = (who: string) => storage.open('/dev/vg0/web', who, true, '', 'raw', true);
    const [first, second] = [shared('a'), shared('b')];
    const into = sector(0);
    first.medium.write(0, sector(5));
    second.medium.read(0, into);
    expect(into).toEqual(sector(5));
    for (const writes of [true, false])
      expect(() => storage.open('/dev/vg0/web', 'c', writes)).toThrow('is mounted read-write in a');
    first.close();
    second.close();
    storage.open('/dev/vg0/web', 'c', true);
    expect(() => shared('a')).toThrow('is mounted read-write in c');
  });

  it('knows a volume again by a sample of it, as a file with the same bytes, and tells one that somebody wrote', async () => {
    const storage = await open(new MemoryStore(), 8 * GIB);
    storage.createVolume('web', 4 * 2 ** 20);
    const bytes = new Uint8Array(4 * 2 ** 20);
    bytes.set(sector(5), 4096);
    storage.medium('vg0/web').write(4096, sector(5));
    const disk = new MediumDisk({
      medium: storage.medium('vg0/web'),
      label: '/dev/vg0/web',
      later: () => () => {},
      say: () => {},
    });
    expect(disk.fingerprint()).toBe(fingerprint(new MemoryDisk(bytes)));
    storage.medium('vg0/web').write(4096, sector(6));
    expect(disk.fingerprint()).not.toBe(fingerprint(new MemoryDisk(bytes)));
  });

  it('lets a guest wait where the device is full, and go on when there is room', async () => {
    const store = new LoggingStore();
    const storage = await open(store, 8 * GIB);
    storage.createVolume('web', GIB);
    const said: string[] = [];
    const timers: (() => void)[] = [];
    const disk = new MediumDisk({
      medium: storage.medium('vg0/web'),
      label: '/dev/vg0/web',
      later: (_ms, callback) => (timers.push(callback), () => {}),
      say: sentence => said.push(sentence),
    });
    const results: string[] = [];
    store.roomLeft = 0;
    const buffer = sector(3);
    disk.request({ op: 'write', at: 100_000 * 512, pieces: [buffer] }, error => results.push(`write ${!error}`));
    disk.request({ op: 'flush' }, error => results.push(`flush ${!error}`));
    buffer.fill(4);
    timers.shift()?.();
    expect([results, disk.isWaiting, timers.length]).toEqual([[], true, 1]);
    store.roomLeft = Infinity;
    timers.shift()?.();
    expect([results, disk.isWaiting]).toEqual([['write true', 'flush true'], false]);
    expect(said).toEqual([
      expect.stringMatching(/is full, and the guest waits/),
      expect.stringMatching(/there is room again/),
    ]);
    const into = sector(0);
    storage.medium('vg0/web').read(100_000 * 512, into);
    expect(into).toEqual(sector(3));
  });

  it('writes nothing that waited for room to what was the disk of a guest that is gone', async () => {
    const store = new LoggingStore();
    const storage = await open(store, 8 * GIB);
    storage.createVolume('web', GIB);
    const timers = new Set<() => void>();
    const later = (_ms: number, callback: () => void) => (timers.add(callback), () => void timers.delete(callback));
    const disk = new MediumDisk({ medium: storage.medium('vg0/web'), label: '/dev/vg0/web', later, say: () => {} });
    const results: boolean[] = [];
    store.roomLeft = 0;
    disk.request({ op: 'write', at: 0, pieces: [sector(3)] }, error => results.push(!error));
    disk.close();
    // Its pages are not kept for ever.
    expect([disk.isWaiting, timers.size, results]).toEqual([false, 0, [false]]);
    store.roomLeft = Infinity;
    disk.request({ op: 'write', at: 8 * 512, pieces: [sector(4)] }, error => results.push(!error));
    const into = new Uint8Array(16 * 512);
    storage.medium('vg0/web').read(0, into);
    expect([into.every(byte => byte === 0), results]).toEqual([true, [false, false]]);
  });

  it('exchanges what devices hold, a partition, too, and takes it back', async () => {
    const storage = await open();
    const is = (path: string): number => {
      const into = sector(0);
      storage.medium(path).read(2 ** 22, into);
      return into[0];
    };
    for (const [name, value] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ] as const) {
      storage.createVolume(name, 2 ** 23);
      storage.medium(`vg0/${name}`).write(2 ** 22, sector(value));
    }
    storage.medium('/dev/sda3').write(2 ** 22, sector(4));
    const uuid = storage.volumes[0].uuid;
    const pairs = [
      { path: '/dev/vg0/a', by: 'b' },
      { path: '/dev/sda3', by: 'c' },
    ];
    const user = storage.open('vg0/b', 'other', true);
    expect(() => storage.exchange(pairs)).toThrow('Device /dev/vg0/b is used by other.');
    user.close();
    storage.exchange(pairs);
    expect(['vg0/a', 'vg0/b', '/dev/sda3', 'vg0/c'].map(is)).toEqual([2, 1, 3, 4]);
    expect([storage.volumes.find(({ name }) => name === 'a')?.uuid, storage.unfinished]).toEqual([uuid, ['b']]);
    storage.exchange(pairs);
    expect(['vg0/a', 'vg0/b', '/dev/sda3', 'vg0/c'].map(is)).toEqual([1, 2, 4, 3]);
    storage.removeVolume('a');
    storage.exchange(pairs.slice(0, 1));
    expect([is('vg0/a'), storage.volumes.map(({ name }) => name).sort()]).toEqual([2, ['a', 'c']]);
    storage.exchange(pairs.slice(0, 1));
    expect([is('vg0/b'), storage.volumes.map(({ name }) => name).sort()]).toEqual([2, ['b', 'c']]);
  });

  it('formats a transfer disk that it has made, over a cut of the power, and nothing that anybody wrote', async () => {
    const store = new MemoryStore();
    const storage = await open(store, 8 * GIB);
    const isFat = (medium: BlockDevice): boolean => readPartitions(medium).length === 1;
    beginTransferDisk(storage);
    const next = await open(store);
    expect(isFat(next.medium('vg0/transfer-web'))).toBe(false);
    expect(next.deviceOf('transfer:8M', 'web')).toBe('/dev/vg0/transfer-web');
    expect(isFat(next.medium('vg0/transfer-web'))).toBe(true);
    // A guest has a file system of its own on the whole disk: it begins with zeros.
    next.medium('vg0/transfer-web').discard(0, 2 ** 20);
    next.medium('vg0/transfer-web').write(0, new Uint8Array(1024));
    next.medium('vg0/transfer-web').write(1024, sector(0x53));
    next.createVolume('transfer-mine', 2 ** 23);
    next.medium('vg0/transfer-mine').write(2 ** 22, sector(9));
    next.createVolume('transfer-empty', 2 ** 23);
    for (const [domain, formatted] of [
      ['web', false],
      ['mine', false],
      ['empty', true],
    ] as const) {
      const path = next.deviceOf('transfer:', domain);
      expect([domain, isFat(next.medium(path))]).toEqual([domain, formatted]);
    }
    expect(() => next.deviceOf('transfer:64M', 'web')).toThrow(
      'transfer:64M: the transfer disk of web is there, and has 8 MiB. Write transfer:8M',
    );
  });

  it('does not format what somebody opened before the transfer disk was finished', async () => {
    const storage = await open(new MemoryStore(), 8 * GIB);
    beginTransferDisk(storage);
    const { medium, close } = storage.open('vg0/transfer-web', 'other', true);
    medium.write(2048, sector(5));
    close();
    storage.deviceOf('transfer:8M', 'web');
    const into = sector(0);
    medium.read(2048, into);
    expect([into, readPartitions(medium)]).toEqual([sector(5), []]);
  });

  it('has after a power cut every volume that lvcreate acknowledged, and none that lvremove removed', async () => {
    expect(await cutVolumes(1, 60)).toBeUndefined();
  });
});
