/** Words by which workers wake one another. */
import { MAILBOX, XENHEAP } from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';

/** Wakes the worker of a record's domain; where there is no Domain 0 yet, none need be woken. */
export function ringDoorbell(
  { words }: Pick<Machine, 'words'>,
  { mailboxOffset }: Pick<DomainRecord, 'mailboxOffset'>,
): void {
  if (mailboxOffset === 0) return;
  const doorbell = (mailboxOffset >>> 2) + MAILBOX.DOORBELL;
  Atomics.add(words, doorbell, 1);
  Atomics.notify(words, doorbell);
}

/** Wakes the storage worker, where there is one. */
export function ringStorage({ words }: Pick<Machine, 'words'>): void {
  Atomics.add(words, XENHEAP.STORAGE_DOORBELL, 1);
  Atomics.notify(words, XENHEAP.STORAGE_DOORBELL);
}
