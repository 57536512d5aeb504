/** Disks and a card come to a guest of KVM that runs, and go when it has let go of them; the guest's part is played on its ports. */
import { expect, it } from 'vitest';
import { VIRTIO_PLACE } from '../../devices/ide/index.ts';
import { listenToLives } from '../libvirt/index.ts';
import {
  CARD,
  CARD_SLOT,
  cardXml,
  DISK,
  diskXml,
  guestXml,
  kvmHost,
  MAC,
  NOBODY,
  VDB_SLOT,
} from './pci-hotplug.test-support.ts';

const disk = diskXml('vdb', '/root/b.img', 'readonly'),
  card = cardXml();

it('come, are kept in a saved state, and go; libvirt tells of both', async () => {
  const { host, files, virsh, identity, attach, detach, targets, member } = await kvmHost();
  for (const name of ['a', 'b'])
    await files.writeFile(`/root/${name}.img`, new Uint8Array(65536).fill(name.charCodeAt(0)));
  await files.writeFile('/root/k.xml', guestXml(diskXml('vda', '/root/a.img')));
  const told: string[] = [];
  expect(await virsh('define /root/k.xml')).toContain('defined');
  expect(await virsh('start k')).toContain('started');
  const stop = listenToLives(host, event => {
    if ('device' in event) told.push(`${event.device} ${event.kind.slice('device-'.length)}`);
  });
  expect([identity(VDB_SLOT), identity(CARD_SLOT)]).toEqual([NOBODY, NOBODY]);
  // Of two that want one place at once one gets it.
  for (const device of [disk, card]) {
    const [other, one] = (await Promise.all([attach(device), attach(device)])).sort();
    expect(one).toContain('Device attached successfully');
    expect(other).toMatch(/^1: .*(target vdb already exists|has its card|No more available PCI slots)/s);
  }
  expect([identity(VDB_SLOT), identity(CARD_SLOT)]).toEqual([DISK, CARD]);
  const both = ['vda /root/a.img', 'vdb /root/b.img'];
  expect(await targets()).toEqual(both);
  expect(await virsh('domiflist k')).toContain(MAC);
  expect(await attach(disk)).toMatch(/^1: .*target vdb already exists/s);

  expect(await virsh('save k /root/k.state')).toContain('saved');
  expect(await virsh('restore /root/k.state')).toContain('restored');
  expect([identity(VDB_SLOT), identity(CARD_SLOT), await targets()]).toEqual([DISK, CARD, both]);
  expect(await virsh('domiflist k')).toContain(MAC);

  expect(member().blueprint.drives).toMatchObject([
    { place: VIRTIO_PLACE, readOnly: false },
    { place: VIRTIO_PLACE + 1, readOnly: true },
  ]);

  for (const [device, slot] of [
    [disk, VDB_SLOT],
    [card, CARD_SLOT],
  ] as const) {
    expect(await detach(device, slot)).toContain('Device detached successfully');
    expect(identity(slot)).toBe(NOBODY);
  }
  expect(await targets()).toEqual(['vda /root/a.img']);
  for (const [device, slot, words] of [
    [disk, VDB_SLOT, 'disk vdb not found'],
    [card, CARD_SLOT, `no device matching MAC address ${MAC} found`],
  ] as const)
    expect(await detach(device, slot)).toContain(`error: device not found: ${words}`);
  await expect
    .poll(() => told.filter(each => each.startsWith('virtio-disk1')))
    .toEqual(['virtio-disk1 added', 'virtio-disk1 removed']);
  expect(told.filter(each => each.startsWith('net0'))).toEqual(['net0 added', 'net0 removed']);
  stop();
  // And by what they are called.
  expect(await virsh('attach-disk k /root/b.img vdb --targetbus virtio --live')).toContain(
    'Disk attached successfully',
  );
  expect(await virsh(`attach-interface k bridge xenbr0 --mac ${MAC} --model virtio`)).toContain('Interface attached');
  expect([identity(VDB_SLOT), identity(CARD_SLOT), await targets()]).toEqual([DISK, CARD, both]);
  expect(await detach('', VDB_SLOT, 'detach-disk k /root/b.img')).toContain('Disk detached successfully');
  expect(await detach('', CARD_SLOT, 'detach-interface k bridge --live')).toContain('Interface detached successfully');
  expect([identity(VDB_SLOT), identity(CARD_SLOT), await targets()]).toEqual([NOBODY, NOBODY, ['vda /root/a.img']]);
  expect(await attach(diskXml('hdb', '/root/b.img'))).toContain(
    "1: error: Failed to attach device from /root/device.xml\nerror: Operation not supported: disk bus 'ide' cannot be hotplugged.",
  );
});

it('wait for what is under way, as discs do, and neither come nor go where that took the guest away', async () => {
  const { host, files, virsh, xl, member } = await kvmHost();
  const image = new Uint8Array(65536);
  // The head of a primary volume descriptor (ECMA-119, 8.4).
  image.set([1, ...Buffer.from('CD001'), 1], 16 * 2048);
  for (const name of ['a.img', 'b.img', 'c.iso']) await files.writeFile(`/root/${name}`, image);
  const cd =
    "<disk type='file' device='cdrom'><source file='/root/c.iso'/><target dev='hdc' bus='ide'/><readonly/></disk>";
  await files.writeFile('/root/k.xml', guestXml(diskXml('vda', '/root/a.img') + cd));
  expect(await virsh('create /root/k.xml')).toContain('created');
  const guest = member(),
    { blueprint } = guest;
  let taken = (): void => {};
  const job = host.toolstack.jobs.run('k', 'Save', () => new Promise<void>(resolve => (taken = resolve)));
  const asked = [
    'attach-disk k /root/b.img vdb --targetbus virtio --live',
    `attach-interface k bridge xenbr0 --mac ${MAC} --model virtio --live`,
    'detach-disk k vda --live',
  ].map(virsh);
  asked.push(xl('cd-eject k hdc'));
  let settled = 0;
  for (const each of asked) void each.then(() => settled++);
  for (let turns = 0; turns < 100; turns++) await new Promise(resolve => setImmediate(resolve));
  expect([settled, guest.blueprint === blueprint]).toEqual([0, true]);
  expect(await xl('destroy k')).toBe('');
  taken();
  await job;
  for (const each of asked) expect(await each).toMatch(/^1: .*domain is not running/s);
  expect(guest.blueprint).toBe(blueprint);
});
