/** What the page's tree shows of a host, against what its tools say. */
import { describe, expect, it } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import type { StateInfo } from '../host/state/browser-state.ts';
import { testFiles, testHost, until } from './host.test-support.ts';
import { SnapshotRecords } from '../toolstack/snapshots/record.ts';
import { MemoryStore, Storage } from '../host/storage/index.ts';
import { print, pvhKernel, waitForKey } from '../../hypervisor/interfaces/xen/pvh-kernel.test-support.ts';

const kernel = pvhKernel([...print('here'), ...waitForKey()]);

async function hostWithState() {
  const store = new MemoryStore();
  const files = await testFiles(store);
  const storage = await Storage.open({ store, epochMs: () => 0, random: () => 0 });
  await files.mkdir('/etc/xen/vm', { recursive: true });
  await files.writeFile(
    '/etc/xen/vm/web',
    'name = "web"\ntype = "pvh"\nmemory = 8\nkernel = "/boot/k.elf"\ndisk = ["phy:/dev/vg0/web,xvda,w"]\n',
  );
  await files.writeFile('/etc/xen/vm/broken', 'name = "broken"\nmemory = "much"\n');
  await files.mkdir('/boot', { recursive: true });
  await files.writeFile('/boot/k.elf', kernel);
  storage.createVolume('web', 8 * 2 ** 20);
  return { storage, host: testHost({ files, storage: async () => storage }) };
}

describe('the inventory of a host', () => {
  it('opens nothing that it is not asked to open', async () => {
    let opened = false;
    const host = testHost({
      storage: async () => {
        opened = true;
        throw new Error('the disk is open');
      },
    });
    const inventory = await host.inventory(false);
    expect(inventory.stored).toBeUndefined();
    expect(opened).toBe(false);
    expect(inventory.bridge.ports.map(({ name }) => name)).toEqual(['eth0']);
    expect(inventory).toMatchObject({ domain0: { vcpus: 1 }, hasVt: true, scheduler: 'credit' });
  });

  it('lists what is defined with its errors, volumes with their users, and ports as guests come and go', async () => {
    const { host, storage } = await hostWithState();
    const before = (await host.inventory(true)).stored!;
    expect(before.defined.map(({ name, errors }) => [name, errors.length > 0])).toEqual([
      ['broken', true],
      ['web', false],
    ]);
    expect(before.disk).toMatchObject({
      path: '/dev/sda',
      bytes: storage.disk.bytes,
      volumes: [{ name: 'web', bytes: 8 * 2 ** 20, users: [] }],
    });
    expect(before.disk!.freeBytes).toBe(before.disk!.groupBytes - 8 * 2 ** 20);
    expect(before.disk!.partitions.map(({ name, users }) => [name, ...users])).toEqual([
      ['sda1', 'Domain-0'],
      ['sda2', 'Domain-0'],
      ['sda3'],
      ['sda4', 'Domain-0'],
    ]);

    const { id } = await host.start('web');
    await until(() => host.toolstack.members.has(id));
    const { stored } = await host.inventory(true);
    // Whether it runs or not.
    expect(stored!.defined.map(({ name }) => name)).toEqual(['broken', 'web']);
    expect(stored!.disk!.volumes[0]!.users).toEqual(['web']);
    // Once its worker has reported it.
    await eventually(async () => expect((await host.inventory(true)).runNs[id]).toBeGreaterThanOrEqual(0));
    await host.destroy(id);
    expect((await host.inventory(true)).stored!.defined).toHaveLength(2);
  });

  it('tells volumes that snapshots are made of from disks', async () => {
    const { host, storage } = await hostWithState();
    storage.createVolume('snap_web_one_web', 8 * 2 ** 20);
    storage.createVolume('snap_web_one_state', 8 * 2 ** 20);
    const { files } = host.parts;
    await new SnapshotRecords(files!).write({
      domain: 'web',
      name: 'one',
      createdMs: 0,
      definition: 'name = "web"',
      disks: [{ device: '/dev/vg0/web', volume: 'snap_web_one_web' }],
      state: { volume: 'snap_web_one_state', bytes: 4096 },
    });
    const { volumes } = (await host.inventory(true)).stored!.disk!;
    expect(volumes.map(({ name, snapshot }) => [name, snapshot?.domain, snapshot?.name])).toEqual([
      ['web', undefined, undefined],
      ['snap_web_one_web', 'web', 'one'],
      ['snap_web_one_state', 'web', 'one'],
    ]);
  });

  it('says with every look where files and disk are: another tab may have taken them', async () => {
    let where: StateInfo = { where: 'this browser', kept: true };
    const host = testHost({ files: await testFiles(new MemoryStore()), stateInfo: async () => where });
    expect((await host.inventory(true)).stored!.where).toEqual(where);
    where = { where: 'memory', kept: false, why: 'Another tab has taken them over.' };
    expect((await host.inventory(true)).stored!.where).toEqual(where);
    expect((await host.inventory(false)).stored).toBeUndefined();
  });

  it('refuses in the words of the disk that cannot be opened', async () => {
    const host = testHost({ storage: async () => Promise.reject(new Error('The disk is another tab’s.')) });
    await expect(host.inventory(true)).rejects.toThrow('The disk is another tab’s.');
  });
});
