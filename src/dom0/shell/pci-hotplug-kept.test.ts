/** What came to a guest of KVM and what went is so in its saved states, its snapshots, and where it moves to. */
import { describe, expect, it } from 'vitest';
import { MESSAGE } from '../pool/migration/messages.ts';
import { Saver } from '../../hypervisor/index.ts';
import { readState } from '../../hypervisor/interfaces/xen/stream/index.ts';
import { Cable } from '../pool/migration/pair.test-support.ts';
import type { HostParts } from '../service/host.ts';
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
  VDA_SLOT,
  VDB_SLOT,
  VDC_SLOT,
} from './pci-hotplug.test-support.ts';

const MIB = 2 ** 20;
const Q = '/var/lib/libvirt/images/q.qcow2';
const VOLUME = '/dev/vg0/q';
const NETWORK = "<network><name>n</name><ip address='192.168.77.1' prefix='24'/></network>";
const onNetwork = cardXml("type='network'><source network='n'/");
const BOOT_MAC = '52:54:00:00:00:01';
type KvmHost = Awaited<ReturnType<typeof kvmHost>>;

/** Its boot disk and the card that it began with are gone; an image of qcow2, a file that it only reads, and a card of another network have come. */
async function changed(image = Q, parts: Partial<HostParts> = {}): Promise<KvmHost> {
  const made = await kvmHost(parts);
  const { files, storage, virsh, attach, detach } = made;
  storage.createVolume('a', MIB);
  storage.createVolume('q', 4 * MIB);
  await files.writeFile('/root/b.img', new Uint8Array(65536).fill(7));
  await files.writeFile('/root/n.xml', NETWORK);
  await files.writeFile(
    '/root/k.xml',
    guestXml(diskXml('vda', '/dev/vg0/a') + diskXml('vdc', '/root/b.img') + cardXml(undefined, BOOT_MAC)),
  );
  for (const words of [
    'net-define /root/n.xml',
    'net-start n',
    'vol-create-as images q.qcow2 4MiB --format qcow2',
    'define /root/k.xml',
    'start k',
  ])
    expect(await virsh(words)).not.toMatch(/^\d: /);
  expect(await detach(diskXml('vda', '/dev/vg0/a'), VDA_SLOT)).toContain('detached');
  expect(await detach(diskXml('vdc', '/root/b.img'), VDC_SLOT)).toContain('detached');
  expect(await detach(cardXml(undefined, BOOT_MAC), CARD_SLOT)).toContain('detached');
  expect(await attach(diskXml('vdb', image, 'qcow2'))).toContain('attached');
  // At the place of one that went.
  await files.writeFile('/root/c.img', new Uint8Array(65536).fill(9));
  expect(await attach(diskXml('vdc', '/root/c.img', 'readonly'))).toContain('attached');
  expect(await attach(onNetwork)).toContain('attached');
  return made;
}

/** What the guest and libvirt find. */
async function found({ identity, targets, member, virsh, domain }: KvmHost) {
  const { definition, drives } = member().blueprint;
  return {
    slots: [CARD_SLOT, VDA_SLOT, VDB_SLOT, VDC_SLOT].map(identity),
    targets: await targets(),
    formats: definition.disks.map(({ format, readOnly }) => `${format} ${readOnly}`),
    drives: drives?.map(({ place, readOnly }) => `${place} ${readOnly}`),
    sectors: domain().options.ide?.map(({ disk }) => disk?.sectors),
    card: (await virsh('domiflist k')).split('\n')[2]!.trim().split(/ +/).slice(1),
  };
}

const FOUND = {
  slots: [CARD, NOBODY, DISK, DISK],
  targets: [`vdb ${Q}`, 'vdc /root/c.img'],
  formats: ['qcow2 false', 'raw true'],
  drives: ['7 false', '8 true'],
  sectors: [(4 * MIB) / 512, 128],
  card: ['network', 'n', 'virtio', MAC],
};

/** Nothing of it is bound to the guest that was. */
async function goes(made: KvmHost, image = Q): Promise<void> {
  const { attach, detach, storage, targets } = made;
  expect(storage.whoHas('/dev/vg0/a')).toEqual([]);
  expect(await detach(diskXml('vdb', image), VDB_SLOT)).toContain('Device detached successfully');
  expect(await detach(diskXml('vdc', '/root/c.img'), VDC_SLOT)).toContain('Device detached successfully');
  expect(await detach(onNetwork, CARD_SLOT)).toContain('Device detached successfully');
  expect(await targets()).toEqual([]);
  expect(await attach(diskXml('vda', '/dev/vg0/a'))).toContain('attached');
  expect(await attach(cardXml(undefined, BOOT_MAC))).toContain('attached');
  expect(await found(made)).toMatchObject({
    slots: [CARD, DISK, NOBODY, NOBODY],
    card: ['bridge', 'xenbr0', 'virtio', BOOT_MAC],
  });
}

describe('a guest of KVM to which devices came, and from which others went', () => {
  it.each([
    ['virsh save and restore', ['save k /root/k.state', 'restore /root/k.state']],
    ['virsh managedsave and start', ['managedsave k', 'start k']],
  ])('is after %s as it was', async (_, commands) => {
    const made = await changed();
    expect(await found(made)).toEqual(FOUND);
    for (const words of commands) expect(await made.virsh(words)).not.toMatch(/^\d: /);
    expect(await found(made)).toEqual(FOUND);
    await goes(made);
  });

  it('is with a snapshot as it was then', async () => {
    const made = await changed();
    expect(await made.virsh('snapshot-create-as k s')).toContain('created');
    expect(await found(made)).toEqual(FOUND);
    await goes(made);
    expect(await made.virsh('snapshot-revert k s')).toContain('reverted');
    expect(await found(made)).toEqual(FOUND);
    await goes(made);
  });

  it('is on another host as it was', async () => {
    const cable = new Cable();
    const there = await kvmHost({ neighbours: cable.of('b') });
    await there.files.writeFile('/root/n.xml', NETWORK);
    for (const words of ['net-define /root/n.xml', 'net-start n'])
      expect(await there.virsh(words)).not.toMatch(/^\d: /);
    there.storage.createVolume('a', MIB);
    const made = await changed(VOLUME, { neighbours: cable.of('a') });
    const moved = { ...FOUND, targets: [`vdb ${VOLUME}`, 'vdc /root/c.img'] };
    expect(await found(made)).toEqual(moved);
    expect(await made.xl('migrate --copy-storage-all k b')).toContain('Migration successful.');
    expect([made.host.domains.all().length, made.storage.whoHas(VOLUME)]).toEqual([0, []]);
    expect(await found(there)).toEqual(moved);
    await goes(there, VOLUME);
  });

  it('lets go of a disk while it is moved, and is whole on the one host where it runs', async () => {
    const cable = new Cable();
    const there = await kvmHost({ neighbours: cable.of('b') });
    const made = await kvmHost({ neighbours: cable.of('a') });
    for (const { storage } of [there, made]) storage.createVolume('a', MIB);
    await made.files.writeFile('/root/k.xml', guestXml(diskXml('vda', '/dev/vg0/a')));
    await made.virsh('define /root/k.xml');
    await made.virsh('start k');
    let attached: Promise<string> | undefined;
    cable.passes = (from, bytes) => {
      if (from === 'a' && bytes[0] === MESSAGE.STREAM && bytes.length === 8 && !attached) {
        made.lets(VDA_SLOT);
        attached = made.attach(cardXml());
      }
      return true;
    };
    const told = await made.xl('migrate --copy-storage-all k b');
    expect(told).toContain('the guest had no drive as virtio disk vda');
    expect(told).toContain('Migration failed, resuming at sender.');
    // What is to come waits for the end of the move.
    expect(await attached).toContain('attached');
    expect([made, there].map(({ host, storage }) => [host.domains.all().length, storage.whoHas('/dev/vg0/a')])).toEqual(
      [
        [1, []],
        [0, []],
      ],
    );
    expect(await made.targets()).toEqual([]);
    expect(await made.virsh('domiflist k')).toContain(MAC);
  });

  it('says in a state what it has at its end, whatever its head said', async () => {
    const { files, storage, virsh, domain, detach } = await kvmHost();
    storage.createVolume('a', MIB);
    await files.writeFile('/root/k.xml', guestXml(diskXml('vda', '/dev/vg0/a') + cardXml(undefined, BOOT_MAC)));
    await virsh('define /root/k.xml');
    await virsh('start k');
    const pieces: Uint8Array[] = [];
    const saver = new Saver(domain(), { name: 'k', program: 'test', definition: '' });
    const copies = (): boolean => {
      const part = saver.copyAhead('save');
      pieces.push(...part.pieces);
      return !part.isLast;
    };
    copies();
    expect(await detach(diskXml('vda', '/dev/vg0/a'), VDA_SLOT)).toContain('detached');
    expect(await detach(cardXml(undefined, BOOT_MAC), CARD_SLOT)).toContain('detached');
    while (copies());
    for (let isLast = false; !isLast; ) {
      const part = saver.save();
      pieces.push(...part.pieces);
      ({ isLast } = part);
    }
    const read = (of: Uint8Array[]) => readState(Buffer.concat(of), 'k').about;
    expect(read(pieces)).toMatchObject({ drives: [] });
    expect(read(pieces).cards).toEqual([]);
  });
});

it('are images of one name in different folders, each in its drive again', async () => {
  const { files, virsh, domain } = await kvmHost();
  for (const [folder, kib] of [
    ['a', 64],
    ['b', 128],
  ] as const) {
    await files.mkdir(`/root/${folder}`, { recursive: true });
    await files.writeFile(`/root/${folder}/x.img`, new Uint8Array(kib * 1024).fill(kib));
  }
  const first = new Uint8Array(512);
  const seen = (): unknown[] =>
    domain().options.ide!.map(({ disk }) => {
      disk!.read(0, first);
      return [disk!.sectors, first[0]];
    });
  await files.writeFile('/root/k.xml', guestXml(diskXml('vdb', '/root/b/x.img') + diskXml('vda', '/root/a/x.img')));
  expect(await virsh('define /root/k.xml')).toContain('defined');
  expect(await virsh('start k')).toContain('started');
  const before = seen();
  expect(new Set(before.map(String)).size).toBe(2);
  expect(await virsh('save k /root/k.state')).toContain('saved');
  expect(await virsh('restore /root/k.state')).toContain('restored');
  expect(seen()).toEqual(before);
  expect(await virsh('snapshot-create-as k s')).toContain('created');
  expect(await virsh('destroy k')).toContain('destroyed');
  expect(await virsh('snapshot-revert k s')).not.toMatch(/^\d: /);
  expect(seen()).toEqual(before);
});
