/** The past of a domain in virtual time. */
export { History, type HistoryOptions, type PastNow, type PastWish, type Target } from './history.ts';
export type { Hit } from './last-hit.ts';
export type { Moment } from '../domain/slice-again.ts';
