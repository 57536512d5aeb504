/** The drives of boards, IDE's and virtio's, which come together where a machine has one. */
export { AtaDrive } from '../ide/ata-drive.ts';
export { AtapiDrive } from '../ide/atapi-drive.ts';
export { VirtioBlk } from '../virtio/blk.ts';
