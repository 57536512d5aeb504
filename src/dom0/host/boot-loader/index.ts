/** What src/dom0/host/boot-loader offers to other rooms. */
export { bootFromDisk, BootLoaderError, type Found, type GuestMedium } from './boot-loader.ts';
export { readableOf } from './medium-bytes.ts';
