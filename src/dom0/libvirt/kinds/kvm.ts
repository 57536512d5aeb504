/** A guest of KVM, by what QEMU can do to it. */
import { VIRTIO_PLACE } from '../../../devices/ide/index.ts';
import { channelsOf } from '../../../devices/index.ts';
import { placeUnderKvm } from '../../definitions/config/index.ts';
import { channelAlias, virtioDiskAlias } from '../../toolstack/qemu/index.ts';
import { LibvirtError } from '../errors.ts';
import type { LibvirtKind } from './kind.ts';

export const kvm: LibvirtKind = {
  type: 'kvm',
  // A board of KVM has a place for one card.
  live: { memory: false, vcpus: false, disks: 'vd', mostCards: 1 },
  countsVcpus: false,
  memoryStats: true,
  aliases: ({ cards, disks, virtio }) => [
    ...(cards.length > 0 ? ['net0'] : []),
    ...disks.flatMap(disk => {
      const unit = (placeUnderKvm(disk) ?? -1) - VIRTIO_PLACE;
      return unit >= 0 ? [virtioDiskAlias(unit)] : [];
    }),
    ...channelsOf(virtio).map(({ port }) => channelAlias(port)),
  ],
  cardWords: { model: model => (model ? [`model=${model}`] : []), withoutAddress: '0' },
  // qemuDomainAttachDeviceDiskLiveInternal() and qemuDomainDetachPrepDisk() of src/qemu/qemu_hotplug.c.
  refuse: (has, { disks: [disk], cards: [card] }, how) => {
    const bus = disk && { hd: 'ide', sd: 'scsi' }[disk.vdev.slice(0, 2)];
    if (how === 'attach' && bus && disk.kind === 'disk')
      throw new LibvirtError('OPERATION_UNSUPPORTED', `disk bus '${bus}' cannot be hotplugged.`);
    if (how === 'detach' && bus && has.disks.some(({ vdev }) => vdev === disk.vdev))
      throw new LibvirtError('OPERATION_UNSUPPORTED', 'This type of disk cannot be hot unplugged');
    if (how === 'attach' && card && has.cards.length > 0)
      throw new LibvirtError('INTERNAL_ERROR', 'No more available PCI slots');
  },
};
