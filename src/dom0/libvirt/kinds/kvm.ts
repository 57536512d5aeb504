/** A guest of KVM, by what QEMU can do to it. */
import { VIRTIO_PLACE } from '../../../devices/ide/index.ts';
import { channelsOf, MOST_CARDS } from '../../../devices/index.ts';
import { emulatedCards, placeUnderKvm } from '../../definitions/config/index.ts';
import { cardAlias, channelAlias, virtioDiskAlias } from '../../toolstack/qemu/index.ts';
import { LibvirtError } from '../errors.ts';
import type { LibvirtKind } from './kind.ts';

export const kvm: LibvirtKind = {
  type: 'kvm',
  live: { memory: false, vcpus: false, disks: 'vd', mostCards: MOST_CARDS },
  countsVcpus: false,
  memoryStats: true,
  aliases: definition => [
    ...emulatedCards(definition).map(({ place }) => cardAlias(place)),
    ...definition.disks.flatMap(disk => {
      const unit = (placeUnderKvm(disk) ?? -1) - VIRTIO_PLACE;
      return unit >= 0 ? [virtioDiskAlias(unit)] : [];
    }),
    ...channelsOf(definition.virtio).map(({ port }) => channelAlias(port)),
  ],
  cardWords: { model: model => (model ? [`model=${model}`] : []), withoutAddress: '0' },
  // qemuDomainAttachDeviceDiskLiveInternal() and qemuDomainDetachPrepDisk() of src/qemu/qemu_hotplug.c.
  refuse: (has, { disks: [disk], cards: [card] }, how) => {
    const bus = disk && { hd: 'ide', sd: 'scsi' }[disk.vdev.slice(0, 2)];
    if (how === 'attach' && bus && disk.kind === 'disk')
      throw new LibvirtError('OPERATION_UNSUPPORTED', `disk bus '${bus}' cannot be hotplugged.`);
    if (how === 'detach' && bus && has.disks.some(({ vdev }) => vdev === disk.vdev))
      throw new LibvirtError('OPERATION_UNSUPPORTED', 'This type of disk cannot be hot unplugged');
    if (how === 'attach' && card && has.cards.length >= MOST_CARDS)
      throw new LibvirtError('INTERNAL_ERROR', 'No more available PCI slots');
  },
};
