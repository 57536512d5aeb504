/** Guests of Xen, as xl creates them: fully virtual (HVM), paravirtual in a container of VT-x (PVH), paravirtual (PV). */
import { VIRTIO_PLACE } from '../../../../devices/ide/index.ts';
import { HVM_PARAM, XEN_RECORDS } from '../../../../hypervisor/interfaces/xen/index.ts';
import { hasBoard, type XenKind } from '../../../../hypervisor/kinds/index.ts';
import { emulatedCards } from '../../../definitions/config/index.ts';
import { isOpenOnce } from '../../devices/open-once.ts';
import type { GuestKind } from '../kind.ts';
import { IN_DOMAIN_0 } from '../model-place.ts';
import { pc } from '../pc.ts';
import { XEN_DOMAINS } from './domain.ts';

/** What all of them have. Without a board a guest has only the drives of its PV drivers, which Domain 0 opens. */
const guestOfXen = (kind: XenKind): GuestKind => ({
  ...pc,
  kind,
  records: XEN_RECORDS[kind],
  hasStore: true,
  hasBoard: hasBoard(kind),
  hasButton: XEN_DOMAINS[kind].hasButton,
  vcpusChange: !hasBoard(kind),
  reach: '4 GiB',
  restartsInPlace: false,
  seesMost: () => true,
  reserves: () => ({ cards: 0, drives: false }),
  opensInDomain0: ({ medium }) => medium !== undefined,
  emulates: () => false,
  offers: () => true,
  prepare: (services, record, uuid) => services.prepare(record, uuid),
  setParam: (services, id, name, value) => services.dom0.setHvmParam(id, HVM_PARAM[name], value),
});

export const hvm: GuestKind = {
  ...guestOfXen('hvm'),
  mayShadow: true,
  // Where all run on one thread a device of the host answers in Domain 0's turn, in which a model there is awake.
  modelAt: planned =>
    planned.definition.modelInDomain0 ||
    (!planned.elsewhere && planned.drives.some(({ medium }) => medium !== undefined && 'device' in medium))
      ? IN_DOMAIN_0
      : pc.modelAt(planned),
  reserves: ({ definition, drives }) => ({
    cards: emulatedCards(definition).length,
    drives: drives.some(({ place }) => place >= 0),
  }),
  // PV drivers share a disk with the emulated drive.
  opensInDomain0: (drive, { queues }) => !queues || drive.place < 0 || drive.kind === 'disk' || isOpenOnce(drive),
  emulates: ({ kind, place }) => kind === 'floppy' || place >= 0,
  // What virtio has is no disk of Xen's.
  offers: ({ place }) => place < VIRTIO_PLACE,
};

export const pvh = guestOfXen('pvh');

/** It has a memory map of what it has, made of machine frames. */
export const pv: GuestKind = { ...guestOfXen('pv'), reach: 'machine', suspendsItself: true, seesMost: () => false };
