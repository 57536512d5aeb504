/** Disks and a card come to a guest of KVM that runs, and go when it has let go of them; the guest's part is played on its ports. */
import { expect, it } from 'vitest';
import { VIRTIO_PLACE } from '../../devices/ide/index.ts';
import { listenToLives } from '../libvirt/index.ts';
import { startKvm } from '../service/index.ts';
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
    expect(other).toMatch(/^1: .*(target vdb already exists|has the station address)/s);
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

it('are several cards, each with its slot, its tap and its network, in saved states too', async () => {
  const { host, files, virsh, identity, attach, detach, domain, member } = await kvmHost({
    hypervisor: startKvm({ pcpus: 1, memoryMiB: 40, vt: true, diskBytes: 0 }, ''),
  });
  const macs = ['52:54:00:00:00:01', '52:54:00:00:00:02', '52:54:00:00:00:03'];
  const slots = [CARD_SLOT, 30, 29];
  const source = "type='network'><source network='n'/";
  await files.writeFile('/root/n.xml', "<network><name>n</name><ip address='192.168.77.1' prefix='24'/></network>");
  await files.writeFile('/root/k.xml', guestXml(cardXml(undefined, macs[0]) + cardXml(source, macs[1])));
  for (const words of ['net-define /root/n.xml', 'net-start n', 'define /root/k.xml', 'start k'])
    expect(await virsh(words)).not.toMatch(/^\d: /);
  const listed = async () =>
    [...(await virsh('domiflist k')).matchAll(/^ (vnet\d+) +\w+ +(\w+) +virtio +(\S+)/gm)].map(([, ...row]) => row);
  expect(await listed()).toEqual([
    ['vnet0', 'xenbr0', macs[0]],
    ['vnet1', 'n', macs[1]],
  ]);
  expect(await attach(cardXml(undefined, macs[2]))).toContain('attached');
  expect(slots.map(identity)).toEqual([CARD, CARD, CARD]);
  const places = async () =>
    [...(await virsh('dumpxml k')).matchAll(/<target dev='(\w+)'.*?<alias name='(net\d)'.*?slot='(\w+)'/gs)].map(
      ([, ...words]) => words,
    );
  expect(await places()).toEqual([
    ['vnet0', 'net0', '0x03'],
    ['vnet1', 'net1', '0x1e'],
    ['vnet2', 'net2', '0x1d'],
  ]);
  // As it would be started first.
  expect(await virsh('domxml-to-native qemu-argv --domain k')).toMatch(
    /"fd":"24",.*"vhostfd":"26","id":"hostnet0".*"fd":"27",.*"vhostfd":"28","id":"hostnet1".*"id":"net1".*"addr":"0x1e"/s,
  );
  // What one sends is counted at its own tap, and arrives on its own network.
  const frame = new Uint8Array(60).fill(0xff, 0, 6);
  frame.set([0x52, 0x54, 0, 0, 0, 2], 6);
  domain().options.wires!.get(1)!.send(frame);
  host.toolstack.runners.poke();
  await expect.poll(() => virsh('domifstat k vnet1')).toMatch(/vnet1 tx_packets 1|vnet1 rx_packets 1/);
  const { network } = host.toolstack.services;
  expect(
    [network.bridge, network.networkNamed('n')!.bridge].map(bridge => bridge.stations().map(({ mac }) => mac)),
  ).toEqual([expect.not.arrayContaining([macs[1]]), expect.arrayContaining([macs[1]])]);

  expect(await detach(cardXml(source, macs[1]), slots[1]!)).toContain('Device detached successfully');
  expect(await detach(cardXml(source, macs[1]), slots[1]!)).toContain(
    `no device matching MAC address ${macs[1]} found`,
  );
  expect((await listed()).map(([tap]) => tap)).toEqual(['vnet0', 'vnet2']);
  expect(await virsh('save k /root/k.state')).toContain('saved');
  expect(await virsh('restore /root/k.state')).toContain('restored');
  expect(slots.map(identity)).toEqual([CARD, NOBODY, CARD]);
  expect((await listed()).map(([, ...row]) => row)).toEqual([
    ['xenbr0', macs[0]],
    ['xenbr0', macs[2]],
  ]);
  expect((await places()).map(([, ...where]) => where)).toEqual([
    ['net0', '0x03'],
    ['net2', '0x1d'],
  ]);
  expect(await attach(cardXml(source, macs[1]))).toContain('attached');
  expect([member().blueprint.definition.cards.at(-1), identity(28)]).toEqual([
    { model: 'virtio', mac: macs[1], place: 3, options: { network: 'n' } },
    CARD,
  ]);
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
