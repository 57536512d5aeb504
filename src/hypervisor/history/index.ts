/** The past of a domain in virtual time. */
export { type DebugWish, History, type PastNow, type PastWish } from './history.ts';
export type { Moment } from '../domain/slice-again.ts';
