/** What src/hypervisor/unpack offers to other rooms. */
export { crc32 } from './checksums.ts';
export { gunzip, gunzipHead, isGzip } from './inflate.ts';
export { DecodeError, TooLargeError } from './output.ts';
export { has, nameInside, type Packing, packingOf, unpacksHere } from './packings.ts';

/** What unpacks .xz files: most people never have one. */
export const loadXz = (): Promise<typeof import('./xz.ts')> => import('./xz.ts');
