/** Guests that come from other hosts, with their disks. */
export { IncomingDisks } from '../incoming-disks.ts';
export { keptText, Receiving } from '../receiving.ts';
