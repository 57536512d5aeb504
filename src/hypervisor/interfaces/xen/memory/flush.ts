/**
 * Translations of a domain that runs elsewhere. Whoever takes a frame out of its p2m, or begins to write one that it runs code from, asks its worker to
 * forget what its processor knows, and waits until it has; a worker that is not in its guest now does so before it enters it again.
 * Both sides write their word before they read the other's, so that one of them sees the other.
 */
import { MAILBOX } from '../../../layout/layout.ts';
import { XEN } from '../layout.ts';
import type { DomainRecord, Machine } from '../../../memory/machine.ts';

/** Looks before the thread that waits sleeps, and sleeps of a millisecond until it gives up: a worker that does not answer for so long is dead. */
const LOOKS = 1000,
  SLEEP_MS = 1,
  MOST_SLEEPS = 10_000;

/** Returns when a domain uses no translation any more that its p2m had before the call. False: its worker does not answer. */
export function flushDomain(machine: Machine, record: DomainRecord): boolean {
  const { words } = machine;
  const xen = record.guestOffset >>> 2,
    doorbell = (record.mailboxOffset >>> 2) + MAILBOX.DOORBELL;
  const wanted = Atomics.add(words, xen + XEN.FLUSH_WANTED, 1) + 1;
  Atomics.add(words, doorbell, 1);
  Atomics.notify(words, doorbell);
  for (let looks = 0; looks < LOOKS + MOST_SLEEPS; looks++) {
    const done = Atomics.load(words, xen + XEN.FLUSH_DONE);
    if (
      ((done - wanted) | 0) >= 0 ||
      Atomics.load(words, xen + XEN.IN_GUEST) === 0 ||
      machine.isWorkerDead(record.index)
    )
      return true;
    // Two that wait for each other answer each other; where the domain is this thread's own, this is the answer.
    machine.relax();
    if (looks >= LOOKS) Atomics.wait(words, xen + XEN.FLUSH_DONE, done, SLEEP_MS);
  }
  return false;
}

/** The domain's worker is about to use translations. From now on others wait for it; those that it was to forget go next (`answerFlush`). */
export function enterGuest(words: Int32Array, xen: number): void {
  Atomics.store(words, xen + XEN.IN_GUEST, 1);
}

/** It uses none now. */
export function leaveGuest(words: Int32Array, xen: number): void {
  Atomics.store(words, xen + XEN.IN_GUEST, 0);
  if (Atomics.load(words, xen + XEN.FLUSH_WANTED) !== Atomics.load(words, xen + XEN.FLUSH_DONE))
    Atomics.notify(words, xen + XEN.FLUSH_DONE);
}

/** Does what was asked for. Only where nothing is in the middle of an access. */
export function answerFlush(words: Int32Array, xen: number, forget: () => void): void {
  const wanted = Atomics.load(words, xen + XEN.FLUSH_WANTED);
  if (wanted === Atomics.load(words, xen + XEN.FLUSH_DONE)) return;
  forget();
  Atomics.store(words, xen + XEN.FLUSH_DONE, wanted);
  Atomics.notify(words, xen + XEN.FLUSH_DONE);
}
