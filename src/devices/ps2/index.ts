/** What the keyboard offers to other rooms: its keys, by `KeyboardEvent.code`. */
export { knownKeys, set1, set2 } from './scancodes.ts';
export { type Stroke, strokeOf } from './us-layout.ts';
export { keyOfLinux, keyOfXt } from './xt-codes.ts';
