/**
 * Who owns a guest, among hosts that may lose each other: one host of the pool, its coordinator, keeps a lease for each guest and gives it to one host at a time.
 * Sources: Gray and Cheriton, "Leases" (SOSP 1989), for terms that end by themselves; the numbers of epochs fence off a host that missed its end, as in Chubby
 * (Burrows, OSDI 2006, 2.4, "sequencer"). What Xen leaves open is when nobody knows whether the target got its "go" (xl_migrate.c, "Domain state is now
 * undefined"): here the lease says so.
 */
import { fields, isCount, isText } from '../read.ts';

/** Milliseconds. The holder of a lease stops before anybody else can have it, however long messages take: clocks need only run alike. */
export interface LeaseTiming {
  /** A holder asks to go on this often. */
  renewMs: number;
  /** A holder that was not confirmed for this long, counted from when it asked, stops its guest. */
  fenceMs: number;
  /** A lease that was not renewed for this long, counted from when that was heard, can be given to another host. */
  takeOverMs: number;
}

export const LEASE_TIMING: LeaseTiming = { renewMs: 2000, fenceMs: 8000, takeOverMs: 12_000 };

/**
 * To the coordinator. It may be lost, and late; what is sent to one host comes in any order. Each host numbers its requests; an answer has the number of what it answers. `epoch`: the lease that the host has, or (acquire) on which the
 * copy that it has rests. A request about another epoch changes nothing.
 *
 *   acquire    the lease, where nobody has it, it is the host's own, or it has run out; `local`: its disks are this host's alone, so that it does not run out for
 *              others, but for one that has a copy; `isKept`: which copy that is (CopyKind)
 *   renew      the host goes on
 *   again       the host goes on, and no copy that it has given away counts: by the epoch after this one. `local` as in acquire, from now on
 *   reclaim    the host goes on after it had paused the guest for a copy: the epoch after this one, which makes the copy void
 *   hand-over  the copy that `to` has is the guest from now on; `local` as in acquire: no copy that was kept of it before counts
 *   release    the guest does not run any more
 *   ask        nothing
 */
export type LeaseRequest = { number: number; guest: string } & (
  | { what: 'acquire'; epoch?: number; isKept?: true; local?: true }
  | { what: 'anew'; epoch: number; local?: true }
  | { what: 'renew' | 'reclaim' | 'release'; epoch: number }
  | { what: 'hand-over'; epoch: number; to: string; local?: true }
  | { what: 'ask' }
);

/**
 * Of a guest's copies the moved one is its last of all: the host that sent it has paused it. One that is kept, for the case that its host is lost, is as the guest was
 * before. A lease is given to a host for one of them, so that the other, which comes late, is not the guest.
 */
export type CopyKind = 'moved' | 'kept';

export const isCopyKind = (value: unknown): value is CopyKind => value === 'moved' || value === 'kept';

/** How the lease is after a request. `number` 0: nobody asked, the host was given a lease. */
export interface LeaseAnswer {
  number: number;
  guest: string;
  /** Absent: nobody has it. */
  owner?: string;
  /** It grows with each change of owner, and where nobody is it any more. */
  epoch: number;
  /** It was given to a host because that has such a copy of the guest, which rests on the epoch before. */
  ofCopy?: CopyKind;
}

/**
 * Between the two hosts of a migration; nothing is said of a copy that is kept.
 *
 *   ready    the copy is whole here, and waits for the lease
 *   go       the lease is the target's; said again until that is answered
 *   started  the guest runs there: what is left of it here is of no use
 *   void     the sender wants it back, and nobody may answer who gives leases: the copy of this epoch is not to run
 *   voided   it has not run, and will not
 */
export interface HandShake {
  guest: string;
  epoch: number;
  what: 'ready' | 'go' | 'started' | 'void' | 'voided';
}

const SHAKES = ['ready', 'go', 'started', 'void', 'voided'];

/** @throws Error */
export function readShake(value: unknown): HandShake {
  const { guest, epoch, what } = fields(value);
  if (!isText(guest) || !isCount(epoch) || !SHAKES.includes(what as string)) throw new Error('no word about a copy');
  return { guest, epoch, what: what as HandShake['what'] };
}
