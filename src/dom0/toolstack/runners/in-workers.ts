/** A domain in a worker of its own: requests go through its mailbox, what it says comes as messages. */
import {
  type DiscForWorker,
  type DomainRecord,
  type FromDomainWorker,
  type Machine,
  Mailbox,
  type Medium,
  type MouseMove,
  type ToDomainWorker,
} from '../../../hypervisor/index.ts';
import { MachineView } from '../../../hypervisor/view/index.ts';
import { workerDied } from '../../../hypervisor/memory/index.ts';
import { COMMAND } from '../../../hypervisor/layout/index.ts';
import { type BreakPoint, type HotRegion, postMortem } from '../../../hypervisor/domain/index.ts';
import { workerBegins } from '../../../hypervisor/worker/index.ts';
import { leaveGuest } from '../../../hypervisor/interfaces/xen/memory/index.ts';
import type { DomainListener, DomainRunner, DomainStart, Runners, RunnersHost } from './runner.ts';
import type { Later } from '../../host/index.ts';
import { type Watching, type WorkerLike, WorkerWatch } from './worker-watch.ts';

/**
 * Watches a domain's worker, which may end without a word: `ended` is called then. `lock`: the Web Lock that it holds while it lives; undefined: it could
 * have none. (Node tells by itself: WorkerLike.onerror.)
 */
export type Watch = (record: DomainRecord, lock: string | undefined, ended: () => void) => void;

/** How often input that found the ring full is offered again. */
const RETRY_MS = 10;
/** A worker that does not answer is ended by force; a browser may need 2 s for that. */
const PATIENCE_MS = 1000,
  FORCE_MS = 2500,
  // Where its end is told, nothing of it is touched before.
  TOLD_FORCE_MS = 20_000;
/** What a worker may take to load its program: nothing tells of one that was ended before. */
const LOAD_MS = 20_000;

export interface WorkersParts {
  /** Makes a domain's worker. */
  spawn(): WorkerLike;
  later: Later;
  /** Monotonic milliseconds that all workers share (performance.timeOrigin + performance.now()). */
  hostMs(): number;
  /** A worker may end without a word, as in browsers: its Web Lock is watched where there are any (`watching`), else its silence. Node tells by itself. */
  endsSilently?: boolean;
  watching?: Watching;
}

/** Domains in workers of their own. */
export const inWorkers =
  (parts: WorkersParts) =>
  ({ machine, queue }: RunnersHost): Runners => {
    const watch = parts.endsSilently ? new WorkerWatch(machine, queue, parts.later, parts.watching) : undefined;
    return {
      elsewhere: true,
      farthestNs: 0,
      start({ record, saved, ...what }: DomainStart, listener: DomainListener): DomainRunner {
        const message: ToDomainWorker = {
          memory: machine.memory as SharedArrayBuffer,
          index: record.index,
          ...what,
          ...(saved ? { saved: saved.bytes } : {}),
        };
        return new WorkerRunner(
          parts.spawn(),
          machine,
          record,
          message,
          listener,
          parts,
          watch && ((...watched) => watch.watch(...watched)),
        );
      },
      forget: record => watch?.forget(record),
      poke() {},
      hold() {},
      go() {},
    };
  };

export class WorkerRunner implements DomainRunner {
  readonly started: Promise<string>;
  private readonly worker: WorkerLike;
  private readonly machine: Machine;
  private readonly record: DomainRecord;
  private readonly mailbox: Mailbox;
  private readonly listener: DomainListener;
  private readonly later: Later;
  private readonly hostMs: () => number;
  private readonly watch: Watch | undefined;
  /** Its program is there, or nobody waits for it any more. */
  private readonly noLongerLoads: () => void;
  /** Until it has started, or could not. */
  private settleStart: { resolve: (about: string) => void; reject: (error: Error) => void } | null = null;
  private savers: { resolve: (chunks: Uint8Array[]) => void; reject: (error: Error) => void }[] = [];
  /** Who asked for regions. */
  private askers: ((regions: HotRegion[]) => void)[] = [];
  /** The disc before is in its drive, or cannot be. */
  private lastDisc: Promise<void> = Promise.resolve();
  private whenInserted: (sentence?: string) => void = () => {};
  private onGone: ((disks?: Uint8Array[]) => void) | null = null;
  private endIsTold = false;
  private dead = false;
  private waiting: Uint8Array[] = [];

  constructor(
    worker: WorkerLike,
    machine: Machine,
    record: DomainRecord,
    message: ToDomainWorker,
    listener: DomainListener,
    { later, hostMs }: Pick<WorkersParts, 'later' | 'hostMs'>,
    watch?: Watch,
  ) {
    this.watch = watch;
    this.hostMs = hostMs;
    this.worker = worker;
    this.machine = machine;
    this.record = record;
    this.mailbox = new Mailbox(machine, record);
    this.listener = listener;
    this.later = later;
    this.started = new Promise((resolve, reject) => {
      this.settleStart = { resolve, reject };
    });
    this.noLongerLoads = later(LOAD_MS, () => this.died(`its program was not loaded within ${LOAD_MS / 1000} s`));
    worker.onmessage = event => {
      const heard = event.data as FromDomainWorker;
      if (heard.kind !== 'ready') return this.hear(heard);
      this.noLongerLoads();
      this.begin(message, heard.lock);
    };
    worker.onerror = event => {
      event.preventDefault?.();
      this.died(event.message ?? 'no message');
    };
  }

  /** From here on somebody else may notice that it has ended. */
  private begin(message: ToDomainWorker, lock: string | undefined): void {
    if (this.dead) return;
    workerBegins(this.machine, this.record);
    this.endIsTold = this.watch !== undefined && lock !== undefined;
    this.watch?.(this.record, lock, () => this.died('it was ended without a word, by the browser or by its tools'));
    this.worker.postMessage(message);
  }

  private hear(message: Exclude<FromDomainWorker, { kind: 'ready' }>): void {
    const start = this.settleStart;
    switch (message.kind) {
      case 'started':
        this.settleStart = null;
        return start?.resolve(message.about);
      case 'failed':
        // It never ran, so nothing answers a DESTROY.
        this.gone();
        this.worker.terminate();
        this.settleStart = null;
        return start?.reject(new Error(message.sentence));
      case 'serial':
        return this.listener.serial(message.bytes);
      case 'xen-console':
        return this.listener.xenConsole?.(message.bytes);
      case 'debug':
        return this.listener.debug?.(message.bytes);
      case 'waits':
        return this.listener.waits?.(message.what, message.report);
      case 'reached':
        return this.listener.reached?.();
      case 'broke':
        return this.listener.broke?.(message.hit);
      case 'problem':
        return this.listener.problem(message.sentence);
      case 'ended':
        return this.listener.ended(message.ending);
      case 'reset':
        return this.listener.restarted(message.report);
      case 'saved':
        return this.savers.shift()?.resolve(message.chunks);
      case 'not-saved':
        return this.savers.shift()?.reject(new Error(message.sentence));
      case 'inserted':
        return this.whenInserted(message.sentence);
      case 'hottest':
        return this.askers.splice(0).forEach(resolve => resolve(message.regions));
      case 'gone':
        return this.onGone?.(message.disks);
    }
  }

  /** The worker runs nothing any more: nobody need wait for its processor to forget anything. */
  private gone(): void {
    this.dead = true;
    for (const resolve of this.askers.splice(0)) resolve([]);
    this.whenInserted('The domain has ended.');
    this.noLongerLoads();
    if (this.record.xenOffset !== 0) leaveGuest(this.machine.words, this.record.xenOffset >>> 2);
  }

  /** The worker ended, by a defect of ours or by force: what it left half done is repaired, and registers and last exits are still in machine memory. */
  private died(what: string): void {
    if (this.dead) return;
    this.gone();
    // One that was called dead wrongly must not go on.
    this.worker.terminate();
    workerDied(this.machine, this.record);
    const sentence = `The domain's worker stopped with an internal error: ${what}.`;
    const start = this.settleStart;
    this.settleStart = null;
    for (const saver of this.savers.splice(0)) saver.reject(new Error(sentence));
    // Who waits for its start or its end is told there.
    if (start) start.reject(new Error(sentence));
    if (this.onGone) return this.onGone();
    if (start) return;
    this.listener.ended({
      kind: 'crash',
      sentence,
      report: postMortem(this.machine.memory, this.record.id, sentence),
      workerDied: true,
    });
  }

  /** As it was at the end of a slice; since then time has passed if it sleeps. */
  get nowNs(): number {
    const { state, nowNs, hostUs } = new MachineView(this.machine.memory).at(this.record.index)?.counters() ?? {
      state: '',
      nowNs: 0,
      hostUs: 0,
    };
    return state === 'b' ? nowNs + Math.max(0, this.hostMs() * 1000 - hostUs) * 1000 : nowNs;
  }

  step(count: number): void {
    this.mailbox.step(count);
  }

  setBreaks(points: readonly BreakPoint[]): void {
    this.mailbox.setBreaks(points);
  }

  setPaused(paused: boolean): void {
    // A step that waits for something does not end what comes now.
    if (!paused) this.mailbox.step(0);
    this.mailbox.setPaused(paused);
  }

  reset(): void {
    this.mailbox.command(COMMAND.RESET);
  }

  resume(): void {
    this.mailbox.command(COMMAND.RESUME);
  }

  pressPowerButton(): void {
    this.mailbox.command(COMMAND.POWER_BUTTON);
  }

  wake(): void {
    this.mailbox.command(COMMAND.WAKE);
  }

  nmi(vcpu: number): void {
    this.mailbox.nmi(vcpu);
  }

  /** One after the other: the mailbox says that a message comes, and not how many. */
  insertMedium(place: number, medium?: Medium, readOnly = true): Promise<void> {
    const insert = (): Promise<void> => {
      if (this.dead) return Promise.reject(new Error('The domain has stopped with an internal error.'));
      return new Promise((resolve, reject) => {
        this.whenInserted = sentence => (sentence === undefined ? resolve() : reject(new Error(sentence)));
        this.worker.postMessage({ place, readOnly, ...(medium ? { medium } : {}) } satisfies DiscForWorker);
        this.mailbox.command(COMMAND.MEDIUM);
      });
    };
    const inserted = this.lastDisc.then(insert);
    this.lastDisc = inserted.catch(() => {});
    return inserted;
  }

  serial(bytes: Uint8Array): void {
    this.waiting.push(bytes);
    if (this.waiting.length === 1) this.offer();
  }

  private offer(): void {
    while (this.waiting.length > 0 && !this.dead) {
      const sent = this.mailbox.sendSerial(this.waiting[0]);
      if (sent < this.waiting[0].length) {
        this.waiting[0] = this.waiting[0].subarray(sent);
        this.later(RETRY_MS, () => this.offer());
        return;
      }
      this.waiting.shift();
    }
  }

  key(code: string, down: boolean): void {
    this.mailbox.sendKey(code, down);
  }

  mouse(move: MouseMove): void {
    this.mailbox.sendMouse(move);
  }

  save(): Promise<Uint8Array[]> {
    if (this.dead)
      return Promise.reject(new Error('The domain has stopped with an internal error; there is nothing to save.'));
    return new Promise((resolve, reject) => {
      this.savers.push({ resolve, reject });
      this.mailbox.command(COMMAND.SAVE);
    });
  }

  hottest(): Promise<HotRegion[]> {
    if (this.dead) return Promise.resolve([]);
    return new Promise(resolve => {
      this.askers.push(resolve);
      this.mailbox.command(COMMAND.HOTTEST);
    });
  }

  destroy(keepsDisks = false): Promise<Uint8Array[] | undefined> {
    return new Promise(resolve => {
      if (this.dead) return resolve(undefined);
      const gone = (disks?: Uint8Array[]): void => {
        cancel();
        force();
        this.gone();
        this.worker.terminate();
        resolve(disks);
      };
      let force = (): void => {};
      const cancel = this.later(PATIENCE_MS, () => {
        this.worker.terminate();
        force = this.later(this.endIsTold ? TOLD_FORCE_MS : FORCE_MS, () => {
          if (this.dead) return;
          workerDied(this.machine, this.record);
          gone();
        });
      });
      // Whoever asked before hears of it too.
      const { onGone } = this;
      this.onGone = disks => {
        onGone?.(disks);
        gone(disks);
      };
      for (const saver of this.savers.splice(0)) saver.reject(new Error('The domain was destroyed.'));
      this.mailbox.command(keepsDisks ? COMMAND.DESTROY_KEEPING_DISKS : COMMAND.DESTROY);
    });
  }
}
