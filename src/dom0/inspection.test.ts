/** What inspectors ask of Domain 0, against what its tools say; and single steps. */
import { describe, expect, it } from 'vitest';
import { testFiles, testHost, until } from './host.test-support.ts';
import { MemoryStore, Storage } from './storage/index.ts';
import { print, pvhKernel, waitForKey } from '../hypervisor/xen/pvh-kernel.test-support.ts';

async function hostWithGuest() {
  const store = new MemoryStore();
  const files = await testFiles(store);
  const storage = await Storage.open({ store, epochMs: () => 0, random: () => 0 });
  await files.mkdir('/etc/xen/vm', { recursive: true });
  await files.mkdir('/boot', { recursive: true });
  await files.writeFile('/etc/xen/vm/web', 'name = "web"\ntype = "pvh"\nmemory = 8\nmaxmem = 12\nkernel = "/boot/k.elf"\ndisk = ["phy:/dev/vg0/web,xvda,w"]\nvif = [""]\n');
  await files.writeFile('/boot/k.elf', pvhKernel([...print('here'), ...waitForKey()]));
  storage.createVolume('web', 8 * 2 ** 20);
  const host = testHost({ files, storage: async () => storage });
  const { id } = await host.start('web');
  await until(() => host.toolstack.members.has(id));
  return { host, id };
}

describe('what inspectors ask of Domain 0', () => {
  it('is what a guest has, as the commands that change it say', async () => {
    const { host, id } = await hostWithGuest();
    await host['sched-credit']({ domain: id, weight: 512, cap: 50 });
    await host['network-attach'](id);
    const facts = await host.inspect('guest', id);
    expect(facts).toMatchObject({ memoryMiB: 8, mostMiB: 12, weight: 512, cap: 50, hasPv: true, vcpus: { most: 1, canChange: true } });
    expect(facts.drives).toMatchObject([{ vdev: 'xvda', target: '/dev/vg0/web', isEmulated: false, pv: { reads: 0 } }]);
    expect(facts.cards.map(({ devid }) => devid)).toEqual([0, 1]);
    await host['network-detach'](id, '1', true);
    expect((await host.inspect('guest', id)).cards).toHaveLength(1);
    // The driver of this kernel has connected no ring.
    expect(await host.inspect('rings', id)).toEqual([]);
    await expect(host.inspect('guest', 99)).rejects.toThrow(/99/);
    await host.destroy(id);
  });

  it('is the whole store with who watches what', async () => {
    const { host, id } = await hostWithGuest();
    const { client } = host.toolstack.services;
    const look = async () => (await host.inspect('store')).nodes.find(({ path }) => path === `/local/domain/${id}/memory/target`)!;
    const before = await look();
    expect(before).toMatchObject({ value: client.read(`/local/domain/${id}/memory/target`), children: 0 });
    expect(before.permissions).toMatch(new RegExp(`^n0,r${id}$`));
    await host['mem-set'](id, 9);
    const after = await look();
    expect(after.value).toBe(String(9 * 1024));
    expect(after.generation).toBeGreaterThan(before.generation);
    const watches = async () => (await host.inspect('store')).watches.filter(({ path }) => path === '/a/b').map(({ domid }) => domid);
    const stop = client.watch('/a/b', () => {});
    expect(await watches()).toEqual([0]);
    stop();
    expect(await watches()).toEqual([]);
    await host.destroy(id);
  });

  it('steps a guest that stands still, and no other', async () => {
    const { host, id } = await hostWithGuest();
    await expect(host.step(id)).rejects.toThrow(/pause it first/);
    await host.pause(id);
    await expect(host.step(id, 0)).rejects.toThrow(/from 1 to/);
    const retired = (): number => host.toolstack.view.domain(id)!.vcpus()[0]!.look().retired;
    const before = await until(async () => { const at = retired(); await new Promise(done => setTimeout(done, 30)); return retired() === at && at + 1; }) - 1;
    expect((await host.list()).find(each => each.id === id)!.state).toBe('p');
    await host.step(id, 1, 'instructions');
    // It may wait for a key: then nothing retires, and it stands still when somebody lets it run.
    await host.unpause(id);
    expect(retired()).toBeGreaterThanOrEqual(before);
    await host.destroy(id);
  });
});
