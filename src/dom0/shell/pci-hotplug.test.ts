/** Disks and a card come to a guest of KVM that runs, and go when it has let go of them; the guest's part is played on its ports. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VIRTIO_PLACE } from '../../devices/ide/index.ts';
import { MemoryDisk } from '../../formats/blocks/index.ts';
import type { Domain } from '../../hypervisor/index.ts';
import { testFiles, testHost } from '../service/host.test-support.ts';
import { listenToLives } from '../toolstack/libvirt/index.ts';
import type { Turns } from '../toolstack/runners/in-turns.ts';
import { COMMANDS } from '../toolstack/commands/index.ts';
import { virshProgram } from './virsh.ts';
import { xlProgram } from './xl.ts';

const demo = readFileSync(new URL('../../../guests/demo/demo.elf', import.meta.url));
const MAC = '52:54:00:12:34:56';
const CARD_SLOT = 3,
  VDB_SLOT = 6;
const DOWN = 0xae04,
  EJECT = 0xae08;
const DEFINITION = `<domain type='kvm'><name>k</name><memory unit='MiB'>8</memory><vcpu>1</vcpu><os><type>hvm</type><kernel>/boot/demo.elf</kernel></os><devices><disk type='file' device='disk'><source file='/root/a.img'/><target dev='vda' bus='virtio'/></disk></devices></domain>`;

const disk = (target: string, bus: string, isReadOnly = false): string =>
  `<disk type='file' device='disk'><source file='/root/b.img'/><target dev='${target}' bus='${bus}'/>${isReadOnly ? '<readonly/>' : ''}</disk>`;
const DEVICES = {
  disk: disk('vdb', 'virtio', true),
  ide: disk('hdb', 'ide'),
  card: `<interface type='bridge'><mac address='${MAC}'/><source bridge='xenbr0'/><model type='virtio'/></interface>`,
};

async function make() {
  const files = await testFiles();
  for (const [name, xml] of Object.entries(DEVICES)) await files.writeFile(`/root/${name}.xml`, xml);
  await files.writeFile('/boot/demo.elf', demo);
  for (const name of ['a', 'b'])
    await files.writeFile(`/root/${name}.img`, new Uint8Array(65536).fill(name.charCodeAt(0)));
  await files.writeFile('/root/k.xml', new TextEncoder().encode(DEFINITION));
  const host = testHost({ files, epochMs: () => 0, openMedium: () => new MemoryDisk(new Uint8Array(65536)) });
  const around = {
    stdin: '',
    directory: '/root',
    readFile: (path: string) => files.readFileBuffer(path),
    writeFile: (path: string, bytes: Uint8Array) => files.writeFile(path, bytes),
    signal: new AbortController().signal,
  };
  const program = virshProgram(host);
  const virsh = async (words: string): Promise<string> => {
    const { stdout, stderr, status } = await program.run(words.split(' '), around);
    return status === 0 ? stdout + stderr : `${status}: ${stderr}`;
  };
  const xl = async (words: string): Promise<number> =>
    (await xlProgram('xl', host, COMMANDS).run(words.split(' '), around)).status;
  const domain = (): Domain => (host.toolstack.runners as Turns).domains[0]!;
  const bus = () => domain().platform.modelBus!;
  return {
    host,
    virsh,
    xl,
    identity(slot: number): number {
      bus().writePort(0xcf8, 0x80000000 | (slot << 11), 4);
      return bus().readPort(0xcfc, 4) >>> 0;
    },
    isAsked: (slot: number) => (bus().readPort(DOWN, 4) & (1 << slot)) !== 0,
    lets: (slot: number) => {
      bus().writePort(EJECT, 1 << slot, 4);
      host.toolstack.runners.poke();
    },
    targets: async () => [...(await virsh('domblklist k')).matchAll(/^ (\w+) +\//gm)].map(([, target]) => target),
  };
}

it('come, are kept in a saved state, and go; libvirt tells of both', async () => {
  const { host, virsh, xl, identity, isAsked, lets, targets } = await make();
  const told: string[] = [];
  expect(await virsh('define /root/k.xml')).toContain('defined');
  expect(await virsh('start k')).toContain('started');
  const stop = listenToLives(host, event => {
    if ('device' in event) told.push(`${event.device} ${event.isThere ? 'added' : 'removed'}`);
  });
  expect([identity(VDB_SLOT), identity(CARD_SLOT)]).toEqual([0xffffffff, 0xffffffff]);
  // Of two that want one place at once one gets it.
  for (const device of ['disk', 'card']) {
    const attach = () => virsh(`attach-device k /root/${device}.xml --live`);
    const [other, one] = (await Promise.all([attach(), attach()])).sort();
    expect(one).toContain('Device attached successfully');
    expect(other).toMatch(/^1: .*(target vdb already exists|has its card)/s);
  }
  expect([identity(VDB_SLOT), identity(CARD_SLOT)]).toEqual([0x10011af4, 0x10001af4]);
  expect(await targets()).toEqual(['vda', 'vdb']);
  expect(await virsh('domiflist k')).toContain(MAC);
  expect(await virsh('attach-device k /root/disk.xml --live')).toMatch(/^1: .*target vdb already exists/s);

  expect(await virsh('save k /root/k.state')).toContain('saved');
  // libvirt's restore names no images, and these lie in files.
  expect(await xl('restore /root/k.state /root/a.img /root/b.img')).toBe(0);
  expect([identity(VDB_SLOT), identity(CARD_SLOT), await targets()]).toEqual([0x10011af4, 0x10001af4, ['vda', 'vdb']]);
  expect(await virsh('domiflist k')).toContain(MAC);

  const [member] = host.toolstack.members.values();
  expect(member!.blueprint.drives).toMatchObject([
    { place: VIRTIO_PLACE, readOnly: false },
    { place: VIRTIO_PLACE + 1, readOnly: true },
  ]);

  for (const [device, slot] of [
    ['disk', VDB_SLOT],
    ['card', CARD_SLOT],
  ] as const) {
    const detached = virsh(`detach-device k /root/${device}.xml --live`);
    await expect.poll(() => isAsked(slot)).toBe(true);
    lets(slot);
    expect(await detached).toContain('Device detached successfully');
    expect(identity(slot)).toBe(0xffffffff);
  }
  expect(await targets()).toEqual(['vda']);
  for (const [device, words] of [
    ['disk', 'disk vdb not found'],
    ['card', `no device matching MAC address ${MAC} found`],
  ])
    expect(await virsh(`detach-device k /root/${device}.xml --live`)).toContain(`error: device not found: ${words}`);
  await expect
    .poll(() => told.filter(each => each.startsWith('virtio-disk1')))
    .toEqual(['virtio-disk1 added', 'virtio-disk1 removed']);
  expect(told.filter(each => each.startsWith('net0'))).toEqual(['net0 added', 'net0 removed']);
  stop();
  expect(await virsh('attach-device k /root/ide.xml --live')).toMatch(/^1: .*disks of virtio can, vda to vdh/s);
});
