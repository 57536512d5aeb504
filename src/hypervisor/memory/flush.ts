/**
 * Translations of a domain that runs elsewhere. Code that takes a frame out of its second stage, or begins to write one that it runs code from, asks its worker to
 * forget what its processor knows, and waits until it has; a worker that is not in its guest now does so before it enters it again.
 * Both sides write their word before they read the other's, so that one of them sees the other.
 */
import { MAILBOX } from '../layout/layout.ts';
import type { DomainRecord, Machine } from './machine.ts';

/** Looks before the thread that waits sleeps, and sleeps of a millisecond until it gives up: a worker that does not answer for this long is dead. */
const LOOKS = 1000,
  SLEEP_MS = 1,
  MOST_SLEEPS = 10_000;

const wordsOf = ({ mailboxOffset }: DomainRecord): number => mailboxOffset >>> 2;

/** Returns when a domain uses no translation any more that its second stage had before the call. False: its worker does not answer. */
export function flushDomain(machine: Machine, record: DomainRecord): boolean {
  const { words } = machine;
  const at = wordsOf(record),
    doorbell = at + MAILBOX.DOORBELL;
  const wanted = Atomics.add(words, at + MAILBOX.FLUSH_WANTED, 1) + 1;
  Atomics.add(words, doorbell, 1);
  Atomics.notify(words, doorbell);
  for (let looks = 0; looks < LOOKS + MOST_SLEEPS; looks++) {
    const done = Atomics.load(words, at + MAILBOX.FLUSH_DONE);
    if (
      ((done - wanted) | 0) >= 0 ||
      Atomics.load(words, at + MAILBOX.IN_GUEST) === 0 ||
      machine.isWorkerDead(record.index)
    )
      return true;
    // Two that wait for each other answer each other; where the domain is this thread's own, this is the answer.
    machine.relax();
    if (looks >= LOOKS) Atomics.wait(words, at + MAILBOX.FLUSH_DONE, done, SLEEP_MS);
  }
  return false;
}

/** The domain's worker is about to use translations. From now on others wait for it; those that it was to forget go next (`answerFlush`). */
export function enterGuest({ words }: Machine, record: DomainRecord): void {
  const at = wordsOf(record);
  Atomics.store(words, at + MAILBOX.IN_GUEST, 1);
}

/** It uses none now. */
export function leaveGuest({ words }: Machine, record: DomainRecord): void {
  const at = wordsOf(record);
  Atomics.store(words, at + MAILBOX.IN_GUEST, 0);
  if (Atomics.load(words, at + MAILBOX.FLUSH_WANTED) !== Atomics.load(words, at + MAILBOX.FLUSH_DONE))
    Atomics.notify(words, at + MAILBOX.FLUSH_DONE);
}

/** Does what was asked for. Only where nothing is in the middle of an access. */
export function answerFlush({ words }: Machine, record: DomainRecord, forget: () => void): void {
  const at = wordsOf(record);
  const wanted = Atomics.load(words, at + MAILBOX.FLUSH_WANTED);
  if (wanted === Atomics.load(words, at + MAILBOX.FLUSH_DONE)) return;
  forget();
  Atomics.store(words, at + MAILBOX.FLUSH_DONE, wanted);
  Atomics.notify(words, at + MAILBOX.FLUSH_DONE);
}

/** Whether its guest runs, and may use translations. */
export const isInGuest = ({ words }: Machine, record: DomainRecord): boolean =>
  Atomics.load(words, wordsOf(record) + MAILBOX.IN_GUEST) !== 0;

/** Its guest does not run, and its worker forgets its translations before it does: nobody waits. */
export function forgetBeforeGuest({ words }: Machine, record: DomainRecord): void {
  Atomics.add(words, wordsOf(record) + MAILBOX.FLUSH_WANTED, 1);
}
