/** What src/dom0/toolstack/terminal offers to other rooms. */
export { type Owned, type Terminal, untabbed, visible } from './terminal.ts';
export { type Input, KeyParser } from './keys.ts';
export * from './sequences.ts';
