/**
 * Who notices that a domain's worker has ended without a word (terminated, closed, out of memory). Where it holds a Web Lock, a worker that does nothing
 * else asks for that lock, too (hypervisor/watch.ts), and is given it at once. Where there are no Web Locks, a worker that holds a slot and whose loop
 * makes no round is called dead after some seconds; whoever has no slot keeps nobody waiting.
 */
import type { DomainRecord, EndedWorker, Machine, WatchedWorker } from '../hypervisor/index.ts';
import type { Scheduler } from '../hypervisor/scheduler/scheduler.ts';
import { beats, callDead, liveWorker } from '../hypervisor/worker-life.ts';
import type { WorkerLike } from './runner-worker.ts';
import type { Later } from './runner.ts';

/** How often heartbeats are looked at, and looks in a row without one: a long slice, a save or a slow file take less. */
const LOOK_MS = 500,
  MOST_LOOKS = 10;

export class WorkerWatch {
  private readonly machine: Machine;
  private readonly queue: Scheduler;
  private readonly later: Later;
  private readonly watcher: WorkerLike | undefined;
  /** By domain id. */
  private readonly ended = new Map<number, () => void>();

  /** `watcher`: runs hypervisor/watch.ts. */
  constructor(machine: Machine, queue: Scheduler, later: Later, watcher?: WorkerLike) {
    this.machine = machine;
    this.queue = queue;
    this.later = later;
    this.watcher = watcher;
    if (watcher) watcher.onmessage = ({ data }) => this.ended.get((data as EndedWorker).id)?.();
  }

  watch(record: DomainRecord, lock: string | undefined, ended: () => void): void {
    const { slot, id } = record;
    if (!this.watcher || lock === undefined) return this.look(record, ended, 0, 0);
    this.ended.set(id, ended);
    this.watcher.postMessage({ memory: this.machine.memory as SharedArrayBuffer, lock, slot, id } satisfies WatchedWorker);
  }

  /** The domain is destroyed. */
  forget({ id }: DomainRecord): void {
    this.ended.delete(id);
  }

  /** Our own timer's rounds are what its are held against: a host that stood still stops both. */
  private look(record: DomainRecord, ended: () => void, lastBeats: number, silent: number): void {
    this.later(LOOK_MS, () => {
      const { machine } = this;
      if (machine.isWorkerDead(record.slot)) return callDead(machine, record) ? ended() : undefined;
      if (liveWorker(machine, record)?.id !== record.id) return;
      const now = beats(machine, record),
        looks = this.queue.runs(record.slot) && now === lastBeats ? silent + 1 : 0;
      if (looks === MOST_LOOKS && callDead(machine, record)) return ended();
      this.look(record, ended, now, looks);
    });
  }
}
