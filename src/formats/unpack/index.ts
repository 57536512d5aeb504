/** What src/formats/unpack offers to other rooms. */
import { part } from '../loading/index.ts';

export { crc32 } from './crc32.ts';
export { inflate } from './inflate.ts';
export { isGzip, isXz, isZstd } from './magic.ts';
export { DecodeError, TooLargeError } from './output.ts';
export { has, nameInside, type Packing, packingOf, unpacksHere } from './packings.ts';
export { unzstd } from './zstd.ts';

/** What unpacks files: most guests at their first prompt had none that is packed. */
export const unpackers = part(() => import('./unpackers.ts'), 'unpacks files');
