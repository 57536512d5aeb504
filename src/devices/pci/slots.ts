/** Where functions are on the board's bus that definitions can have. */
import { VIRTIO_PLACE } from '../ide/piix-ide.ts';

export const NIC_SLOT = 3;
/** Of the first disk of virtio; the others are in those behind it. */
export const VIRTIO_DISK_SLOT = 5;
/** Of the disk of virtio at a place among drives, and the place of the one in a slot. */
export const slotOfDisk = (place: number): number => VIRTIO_DISK_SLOT + place - VIRTIO_PLACE;
export const placeInSlot = (slot: number): number => VIRTIO_PLACE + slot - VIRTIO_DISK_SLOT;
