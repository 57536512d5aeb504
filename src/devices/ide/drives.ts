/** The drives of an IDE channel, which come together where a machine has one. */
export { AtaDrive } from './ata-drive.ts';
export { AtapiDrive } from './atapi-drive.ts';
