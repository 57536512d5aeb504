/**
 * Who notices that a domain's worker has ended without a word (terminated, closed, out of memory). Where it holds a Web Lock, a worker that does nothing
 * else asks for that lock, too (hypervisor/worker/watch.ts), and is given it at once. Where there are no Web Locks, a worker that holds a slot and whose loop
 * makes no round is called dead after some seconds; a worker without a slot keeps nobody waiting.
 */
import type { DomainRecord, FromWatcher, Machine, WatchedWorker } from '../../../hypervisor/index.ts';
import type { Scheduler } from '../../../hypervisor/scheduler/index.ts';
import { beats, callDead, liveWorker } from '../../../hypervisor/worker/index.ts';
import type { Later } from '../../host/index.ts';

/** A web worker, as far as it is used here. */
export interface WorkerLike {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  terminate(): void;
  onmessage: ((event: { data: unknown }) => void) | null;
  onerror: ((event: { message?: string; preventDefault?(): void }) => void) | null;
}

/** How often heartbeats are looked at, and looks in a row without one: a long slice, a save or a slow file take less. */
const LOOK_MS = 500,
  MOST_LOOKS = 10;

/** Where there are Web Locks. */
export interface Watching {
  /** Makes a worker that runs hypervisor/worker/watch.ts. */
  spawn(): WorkerLike;
  /** Calls back when nobody holds a Web Lock any more. */
  whenFree(lock: string, then: () => void): void;
}

export class WorkerWatch {
  private readonly machine: Machine;
  private readonly queue: Scheduler;
  private readonly later: Later;
  private watcher: WorkerLike | undefined;
  /** By domain id. */
  private readonly watched = new Map<number, { what: WatchedWorker; ended: () => void }>();

  constructor(machine: Machine, queue: Scheduler, later: Later, watching?: Watching) {
    this.machine = machine;
    this.queue = queue;
    this.later = later;
    if (watching) this.begin(watching);
  }

  /** The watching worker may end without a word, too: then another takes its place, and finds what ended meanwhile. */
  private begin(watching: Watching): void {
    const watcher = watching.spawn();
    this.watcher = watcher;
    watcher.onmessage = ({ data }) => {
      const message = data as FromWatcher;
      if (message.kind === 'ready') watching.whenFree(message.lock, () => this.begin(watching));
      else this.watched.get(message.id)?.ended();
    };
    for (const { what } of this.watched.values()) watcher.postMessage(what);
  }

  watch(record: DomainRecord, lock: string | undefined, ended: () => void): void {
    const { index, id } = record;
    if (!this.watcher || lock === undefined) return this.look(record, ended, 0, 0);
    const what: WatchedWorker = { memory: this.machine.memory as SharedArrayBuffer, lock, index, id };
    this.watched.set(id, { what, ended });
    this.watcher.postMessage(what);
  }

  /** The domain is destroyed. */
  forget({ id }: DomainRecord): void {
    this.watched.delete(id);
  }

  /** Our own timer's rounds are what its are held against: a host that was paused stops both. */
  private look(record: DomainRecord, ended: () => void, lastBeats: number, silent: number): void {
    this.later(LOOK_MS, () => {
      const { machine } = this;
      if (machine.isWorkerDead(record.index)) return callDead(machine, record) ? ended() : undefined;
      if (liveWorker(machine, record)?.id !== record.id) return;
      const now = beats(machine, record),
        looks = this.queue.runs(record.index) && now === lastBeats ? silent + 1 : 0;
      if (looks === MOST_LOOKS && callDead(machine, record)) return ended();
      this.look(record, ended, now, looks);
    });
  }
}
