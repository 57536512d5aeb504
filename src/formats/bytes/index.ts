/** Bytes of no format in particular. */
export { concat, joined } from './joined.ts';
export { isAnythingOutside, outside, readBlob } from './outside.ts';
