/**
 * Entry of the worker that watches the others: it asks for the Web Locks that they hold, and gets one when its holder has ended, however it did. It says so
 * in machine memory, where Domain 0 sees it even while it waits for a lock that the dead one had, and then as a message.
 */
import { holdLifeLock } from './life-lock.ts';
import { DomainEntries } from '../memory/domain-entries.ts';
import { findOwner } from './owner.ts';
import { callDead } from './worker-life.ts';
import type { FromWatcher, WatchedWorker } from './worker-messages.ts';

type Send = (message: FromWatcher) => void;

function watch({ memory, lock, index, id }: WatchedWorker, send: Send): void {
  void navigator.locks.request(lock, () => {
    callDead(new DomainEntries(memory), { index, id });
    // One that went in order, too: Domain 0, which ended it by force meanwhile, may not have heard its answer.
    send({ kind: 'ended', id });
  });
}

// It may end like any other.
void Promise.all([findOwner(), holdLifeLock((globalThis as { name?: string }).name)]).then(([owner, lock]) => {
  const send: Send = message => owner.postMessage(message);
  owner.onmessage = event => watch(event.data, send);
  if (lock !== undefined) send({ kind: 'ready', lock });
});
