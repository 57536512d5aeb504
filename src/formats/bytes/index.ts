/** Bytes of no format in particular. */
export { concat, joined } from './joined.ts';
