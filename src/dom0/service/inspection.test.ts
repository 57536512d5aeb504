/** What inspectors ask of Domain 0, against what its tools say; and single steps. */
import { asm } from '../../cpu/test-support/asm.ts';
import { describe, expect, it } from 'vitest';
import { registers as R } from '../../cpu/architecture/index.ts';
import { testFiles, testHost, until } from './host.test-support.ts';
import { diskRequest } from './ring-facts.ts';
import { MemoryStore, Storage } from '../host/storage/index.ts';
import { print, pvhKernel, waitForKey } from '../../hypervisor/interfaces/xen/pvh-kernel.test-support.ts';

async function hostWithGuest() {
  const store = new MemoryStore();
  const files = await testFiles(store);
  const storage = await Storage.open({ store, epochMs: () => 0, random: () => 0 });
  await files.mkdir('/etc/xen/vm', { recursive: true });
  await files.mkdir('/boot', { recursive: true });
  await files.writeFile(
    '/etc/xen/vm/web',
    'name = "web"\ntype = "pvh"\nmemory = 8\nmaxmem = 12\nkernel = "/boot/k.elf"\ndisk = ["phy:/dev/vg0/web,xvda,w"]\nvif = [""]\n',
  );
  await files.writeFile('/boot/k.elf', pvhKernel([...print('here'), ...waitForKey()]));
  storage.createVolume('web', 8 * 2 ** 20);
  const host = testHost({ files, storage: async () => storage });
  const { id } = await host.start('web');
  await until(() => host.toolstack.members.has(id));
  return { host, id };
}

describe('a request to a disk', () => {
  const head = { op: 0, id: [12, 0], sector: 1024, discard: 0, segments: [] } as const,
    indirect = { ...head, segments: [], count: 3, list: { refs: [918], count: 3 } };
  /** blkif_request_segment: gref, first_sect and last_sect. */
  const page = Int32Array.from({ length: 1024 }, (_, i) => (i % 2 === 0 ? 489 + i / 2 : 0x0700));

  it('that is indirect is followed to its segments, where the page that lists them is there', () => {
    const { fields, refs } = diskRequest(indirect, ref => (ref === 918 ? page : undefined));
    expect(fields).toEqual([
      ['operation', '6 BLKIF_OP_INDIRECT'],
      ['indirect_op', '0 BLKIF_OP_READ'],
      ['id', '12'],
      ['sector_number', '1024'],
      ['nr_segments', '3, listed in the page of gref 918'],
    ]);
    expect(refs).toEqual([489, 490, 491].map(ref => ({ ref, what: 'sectors 0 to 7 of the page' })));
    expect(diskRequest(indirect, () => undefined).refs).toEqual([{ ref: 918, what: 'a page of segments' }]);
  });

  it('that is made up claims no more segments than its page has, and may name no page at all', () => {
    expect(
      diskRequest({ ...indirect, count: 65535, list: { refs: [918, 919], count: 65535 } }, () => page).refs,
    ).toHaveLength(512);
    expect(diskRequest({ ...indirect, count: 0, list: { refs: [], count: 0 } }, () => undefined)).toMatchObject({
      fields: expect.arrayContaining([['nr_segments', '0']]),
      refs: [],
    });
  });
});

describe('what inspectors ask of Domain 0', () => {
  it('is what a guest has, as the commands that change it say', async () => {
    const { host, id } = await hostWithGuest();
    await host['sched-credit']({ domain: id, weight: 512, cap: 50 });
    await host['network-attach'](id);
    const facts = await host.inspect('guest', id);
    expect(facts).toMatchObject({
      memoryMiB: 8,
      mostMiB: 12,
      weight: 512,
      cap: 50,
      attaches: true,
      vcpus: { most: 1, canChange: true },
    });
    expect(facts.drives).toMatchObject([
      { vdev: 'xvda', target: '/dev/vg0/web', isEmulated: false, pv: {}, counts: { reads: 0 } },
    ]);
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
    const look = async () =>
      (await host.inspect('store')).nodes.find(({ path }) => path === `/local/domain/${id}/memory/target`)!;
    const before = await look();
    expect(before).toMatchObject({ value: client.read(`/local/domain/${id}/memory/target`), children: 0 });
    expect(before.permissions).toMatch(new RegExp(`^n0,r${id}$`));
    await host['mem-set'](id, 9);
    const after = await look();
    expect(after.value).toBe(String(9 * 1024));
    expect(after.generation).toBeGreaterThan(before.generation);
    const watches = async () =>
      (await host.inspect('store')).watches.filter(({ path }) => path === '/a/b').map(({ domid }) => domid);
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
    const before =
      (await until(async () => {
        const at = retired();
        await new Promise(done => setTimeout(done, 30));
        return retired() === at && at + 1;
      })) - 1;
    expect((await host.list()).find(each => each.id === id)!.state).toBe('p');
    await host.step(id, 1, 'instructions');
    // It may wait for a key: then nothing retires, and it is paused when somebody lets it run.
    await host.unpause(id);
    expect(retired()).toBeGreaterThanOrEqual(before);
    await host.destroy(id);
  });

  it('stops a guest before an instruction and after a write, says why, and lets it go on from there', async () => {
    const files = await testFiles();
    await files.mkdir('/boot', { recursive: true });
    const kernel = pvhKernel(asm('again: inc dword [0x200000]; nop; jmp again'));
    await files.writeFile('/boot/k.elf', kernel);
    const host = testHost({ files });
    const { id } = await host.create([
      { name: 'loop.cfg', data: new Blob(['name = "loop"\ntype = "pvh"\nmemory = 8\nkernel = "loop.elf"\n']) },
      { name: 'loop.elf', data: new Blob([kernel as BlobPart]) },
    ]);
    const look = () => host.toolstack.view.domain(id)!.vcpus()[0]!.look();
    const word = (): number => new DataView(look().bytesAt(0x200000, 4).slice().buffer).getUint32(0, true);
    const stopped = async (before?: number) => {
      await until(async () => {
        const { hit } = await host.inspect('breaks', id);
        return hit !== undefined && hit.retired !== before && host.domains.member(id).paused;
      });
      return (await host.inspect('breaks', id)).hit!;
    };
    // Somewhere in the loop, after many rounds.
    await until(() => word() > 100_000);
    await host.pause(id);
    await until(() => {
      const { retired } = look();
      return retired > 0 && look().retired === retired;
    });
    const start = look().linear(R.CS, look().regs[R.EIP]!) & ~0xf,
      at = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
        .map(i => start - 8 + i)
        .find(linear => Buffer.compare(look().bytesAt(linear, 2), Uint8Array.of(0xff, 5)) === 0)!;
    await host.break(id, [{ kind: 'execute', linear: at + 6, bytes: 1 }]);
    await host.unpause(id);
    const first = await stopped();
    expect([look().regs[R.EIP]! >>> 0, first.retired, first.instruction]).toEqual([at + 6, look().retired, at + 6]);
    const before = word();
    await host.unpause(id);
    const second = await stopped(first.retired);
    // A round later.
    expect([second.retired - first.retired, word(), look().regs[R.EIP]! >>> 0]).toEqual([3, before + 1, at + 6]);
    await host.break(id, [{ kind: 'write', linear: 0x200002, bytes: 1 }]);
    await host.unpause(id);
    const third = await stopped(second.retired);
    expect(third).toMatchObject({
      instruction: at,
      access: { linear: 0x200000, bytes: 4, isWrite: true, value: before + 2 },
    });
    // The guest's own are as after a reset (SDM vol. 3, table 10-1).
    expect([look().regs[R.EIP]! >>> 0, look().regs[R.DR], look().regs[R.DR + 7]]).toEqual([at + 6, 0, 0x400]);
    await host.break(id, []);
    await host.unpause(id);
    const on = word();
    await until(() => word() > on + 100_000);
    await expect(host.break(id, [{ kind: 'execute', linear: 2 ** 47, bytes: 1 }])).rejects.toThrow(/canonical/);
    await expect(host.break(id, [{ kind: 'write', linear: 0, bytes: 1e6 }])).rejects.toThrow(/4096/);
    await expect(host.break(id, Array(9).fill({ kind: 'write', linear: 0, bytes: 1 }))).rejects.toThrow(
      /at most 8 breakpoints/,
    );
    await host.destroy(id);
  });
});
