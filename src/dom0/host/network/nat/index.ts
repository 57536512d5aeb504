/** What src/dom0/host/network/nat offers to other rooms. */
export { readForward, readForwardToAny, type Forward } from './forward.ts';
export { natTo } from './nat.ts';
export type { Datagrams, OpenForward, Outside, Refusal, Stream } from './outside.ts';
