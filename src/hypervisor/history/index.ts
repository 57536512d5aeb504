/** The past of a domain in virtual time, and moments of a whole host. */
export { type DebugWish, History, type PastNow, type PastWish } from './history.ts';
export type { Moment } from '../domain/slice-again.ts';
export { KeptMemory } from './kept-memory.ts';
export { KeptObjects } from './kept-objects.ts';
export { bytesOfPieces, type Piece } from './pieces.ts';
