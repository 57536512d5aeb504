/** What src/dom0/pool/migration offers to other rooms. */
export { Receiver, type ReceiverParts } from './receiver.ts';
export { type DiskToMove, disksToMove } from './disks-to-move.ts';
export { migrate, type Ownership, type SenderParts } from './sender.ts';
export { encodeOffer, MESSAGE, PROTOCOL } from './messages.ts';
