import { afterEach, describe, expect, it, vi } from 'vitest';
import { dropLock, takeLock } from './lock.ts';
import { XENHEAP } from '../layout/layout.ts';
import { createDomain } from './domain-table.ts';
import { Machine } from './machine.ts';
import { beat, callDead, workerBegins } from '../worker/worker-life.ts';

/** Machine memory where the worker of a domain has taken a lock and lets it go no more; sleeps are counted and take no time. */
function held() {
  const machine = Machine.create(new SharedArrayBuffer(8 * 2 ** 20));
  const record = createDomain(machine, 1);
  workerBegins(machine, record);
  const theirs = new Machine(machine.memory, record.index);
  takeLock(theirs, XENHEAP.PORT_LOCK);
  let sleeps = 0,
    onSleep = (_sleeps: number): void => {};
  vi.spyOn(Atomics, 'wait').mockImplementation(() => {
    onSleep(++sleeps);
    return 'timed-out';
  });
  return {
    machine,
    record,
    theirs,
    entry: machine.domainEntry(record),
    sleeps: () => sleeps,
    each: (what: typeof onSleep) => void (onSleep = what),
  };
}

afterEach(() => void vi.restoreAllMocks());

describe('a lock whose holder does not let go', () => {
  it('is taken from it as soon as somebody calls it dead, also while the one that waits does nothing else', () => {
    const { machine, record, each, sleeps } = held();
    each(count => void (count === 3 && callDead(machine, record)));
    expect(takeLock(machine, XENHEAP.PORT_LOCK)).toBe(true);
    expect(sleeps()).toBe(3);
    dropLock(machine, XENHEAP.PORT_LOCK);
  });

  it('is taken from it after ten thousand sleeps in which its loop made no round: it is called dead then', () => {
    const { machine, record, sleeps } = held();
    expect(takeLock(machine, XENHEAP.PORT_LOCK)).toBe(true);
    expect([sleeps(), machine.isWorkerDead(record.index)]).toEqual([10_000, true]);
  });

  it('stays with one whose loop goes round, however often the lock is found taken by it', () => {
    const { machine, record, theirs, entry, each, sleeps } = held();
    each(count => {
      if (count % 9_000 === 0) beat(machine, entry);
      if (count === 50_000) dropLock(theirs, XENHEAP.PORT_LOCK);
    });
    expect(takeLock(machine, XENHEAP.PORT_LOCK)).toBe(false);
    expect([sleeps(), machine.isWorkerDead(record.index)]).toEqual([50_000, false]);
  });

  it('is no more to be dropped by one that was called dead and was not: that one stops', () => {
    const { machine, record, theirs } = held();
    callDead(machine, record);
    takeLock(machine, XENHEAP.PORT_LOCK);
    expect(() => dropLock(theirs, XENHEAP.PORT_LOCK)).toThrow('was taken from this worker');
    dropLock(machine, XENHEAP.PORT_LOCK);
  });

  it('keeps those waiting that share its thread, or Domain 0, which nobody calls dead', () => {
    const { machine, theirs, each } = held();
    dropLock(theirs, XENHEAP.PORT_LOCK);
    takeLock(machine, XENHEAP.PORT_LOCK);
    each(count => void (count === 30_000 && dropLock(machine, XENHEAP.PORT_LOCK)));
    expect(takeLock(theirs, XENHEAP.PORT_LOCK)).toBe(false);
  });
});
