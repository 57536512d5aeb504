import { describe, expect, it } from 'vitest';
import { createDomain } from '../../../hypervisor/memory/domain-table.ts';
import { type FromWatcher, Machine } from '../../../hypervisor/index.ts';
import { Scheduler } from '../../../hypervisor/scheduler/scheduler.ts';
import { beat, callDead, workerBegins, workerLeaves } from '../../../hypervisor/worker/worker-life.ts';
import { type Watching, type WorkerLike, WorkerWatch } from './worker-watch.ts';

function make(withLocks: boolean) {
  const machine = Machine.create(new SharedArrayBuffer(16 * 2 ** 20));
  const queue = new Scheduler(machine, () => 0);
  queue.configure({ pcpus: 1 });
  const record = createDomain(machine, 1);
  queue.add(record, { doorbell: -1 });
  workerBegins(machine, record);
  const timers: (() => void)[] = [];
  const watchers: (WorkerLike & { asked: unknown[] })[] = [],
    freed = new Map<string, () => void>();
  const watching: Watching = {
    spawn: () => {
      const asked: unknown[] = [];
      watchers.push({
        asked,
        postMessage: message => void asked.push(message),
        terminate() {},
        onmessage: null,
        onerror: null,
      });
      return watchers[watchers.length - 1];
    },
    whenFree: (lock, then) => void freed.set(lock, then),
  };
  const later = (_ms: number, callback: () => void) => {
    timers.push(callback);
    return () => {};
  };
  const watch = new WorkerWatch(machine, queue, later, withLocks ? watching : undefined);
  let ended = 0;
  watch.watch(record, withLocks ? 'its lock' : undefined, () => void ended++);
  /** Half a second passes; whether somebody looks again then. */
  const look = (): boolean => {
    const due = timers.splice(0);
    for (const callback of due) callback();
    return timers.length > 0;
  };
  return {
    machine,
    queue,
    record,
    entry: machine.domainEntry(record),
    watch,
    watchers,
    freed,
    look,
    ended: () => ended,
  };
}

describe('with Web Locks', () => {
  it('the end of a worker is what the watching one says, until its domain is destroyed', () => {
    const { record, watch, watchers, look, ended } = make(true);
    const [{ asked }] = watchers,
      say = (id: number): void => watchers[0].onmessage?.({ data: { kind: 'ended', id } satisfies FromWatcher });
    expect(asked).toMatchObject([{ lock: 'its lock', index: record.index, id: record.id }]);
    expect(look()).toBe(false);
    say(record.id + 1);
    expect(ended()).toBe(0);
    say(record.id);
    expect(ended()).toBe(1);
    watch.forget(record);
    say(record.id);
    expect(ended()).toBe(1);
  });

  it('the watching one may end itself: the next is asked what it was asked', () => {
    const { record, watchers, freed, ended } = make(true);
    watchers[0].onmessage?.({ data: { kind: 'ready', lock: 'watch-1' } satisfies FromWatcher });
    freed.get('watch-1')?.();
    expect(watchers).toHaveLength(2);
    expect(watchers[1].asked).toEqual(watchers[0].asked);
    watchers[1].onmessage?.({ data: { kind: 'ended', id: record.id } satisfies FromWatcher });
    expect(ended()).toBe(1);
  });
});

describe('without them', () => {
  it('a worker that holds a slot and whose loop makes no round is called dead after ten looks', () => {
    const { machine, queue, record, look, ended } = make(false);
    queue.wake(record.index);
    expect(queue.runs(record.index)).toBe(true);
    for (let looks = 0; looks < 9; looks++) expect([look(), ended()]).toEqual([true, 0]);
    expect([look(), ended(), machine.isWorkerDead(record.index)]).toEqual([false, 1, true]);
  });

  it('one whose loop goes round, however slowly, is not; nor one that has no slot', () => {
    const { machine, queue, record, entry, look, ended } = make(false);
    for (let looks = 0; looks < 40; looks++) look();
    queue.wake(record.index);
    for (let looks = 0; looks < 40; looks++) {
      if (looks % 8 === 0) beat(machine, entry);
      expect(look()).toBe(true);
    }
    expect(ended()).toBe(0);
  });

  it('one that others have called dead is told of, and one that went in order is not', () => {
    const first = make(false);
    callDead(first.machine, first.record);
    expect([first.look(), first.ended()]).toEqual([false, 1]);
    const second = make(false);
    workerLeaves(second.machine, second.record);
    expect([second.look(), second.ended()]).toEqual([false, 0]);
  });
});
