/** Where functions are on the board's bus that definitions can have. */
import { VIRTIO_PLACE } from '../ide/piix-ide.ts';

export const NIC_SLOT = 3;
/** Cards of a board: those behind the first are at the end of the bus, where devices of virtio come last. */
export const MOST_CARDS = 8;
const LAST_CARD_SLOT = 31;
export const slotOfCard = (place: number): number => (place === 0 ? NIC_SLOT : LAST_CARD_SLOT - place);
/** Undefined: none is in that slot. */
export function cardInSlot(slot: number): number | undefined {
  const place = slot === NIC_SLOT ? 0 : LAST_CARD_SLOT - slot;
  return slotOfCard(place) === slot && place < MOST_CARDS ? place : undefined;
}
/** Of the first disk of virtio; the others are in those behind it. */
export const VIRTIO_DISK_SLOT = 5;
/** Of the disk of virtio at a place among drives, and the place of the one in a slot. */
export const slotOfDisk = (place: number): number => VIRTIO_DISK_SLOT + place - VIRTIO_PLACE;
export const placeInSlot = (slot: number): number => VIRTIO_PLACE + slot - VIRTIO_DISK_SLOT;
