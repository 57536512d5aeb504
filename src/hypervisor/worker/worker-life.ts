/**
 * Whether the worker of a domain lives, as machine memory says it. Domain 0 says when it begins, and the worker when it goes; its death is said by the thread that
 * notices: a defect of ours ends it with an exception, the browser or node tell (watch.ts, cli/node-worker.ts), and who waits in vain for a lock that it
 * holds sees that it does not get on (lock.ts). A worker that is called dead and is not stops at once.
 */
import { DOMAIN } from '../layout/layout.ts';
import type { DomainEntries, EntryOf } from '../memory/domain-entries.ts';

type Slot = Pick<EntryOf, 'index'>;

const wordOf = (machine: DomainEntries, of: Slot): number => machine.domainEntry(of) + DOMAIN.WORKER;

/** Said for the worker before it is asked to start. */
export function workerBegins(machine: DomainEntries, record: EntryOf): void {
  Atomics.store(machine.words, wordOf(machine, record), record.id + 1);
}

/** Said by the worker when it touches nothing any more. */
export function workerLeaves(machine: DomainEntries, record: EntryOf): void {
  Atomics.compareExchange(machine.words, wordOf(machine, record), record.id + 1, 0);
}

/** It is gone and did not say so: true, also where it was called dead before. False: it said so, or the index is another domain's by now. */
export function callDead(machine: DomainEntries, { index, id }: EntryOf): boolean {
  const was = Atomics.compareExchange(machine.words, wordOf(machine, { index }), id + 1, -(id + 1));
  return was === id + 1 || was === -(id + 1);
}

/** A round of the worker's loop. */
export function beat(machine: DomainEntries, entry: number): void {
  machine.words[entry + DOMAIN.HEARTBEAT]++;
}

/** Rounds that a worker's loop has made. */
export function beats(machine: DomainEntries, of: Slot): number {
  return Atomics.load(machine.words, machine.domainEntry(of) + DOMAIN.HEARTBEAT);
}

/** The domain at an index of the table whose worker, as it says, runs; undefined: none, or it has died. */
export function liveWorker(machine: DomainEntries, of: Slot): EntryOf | undefined {
  const said = Atomics.load(machine.words, wordOf(machine, of));
  return said > 0 ? { index: of.index, id: said - 1 } : undefined;
}
