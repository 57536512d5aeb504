/** A domain in a worker of its own: requests go through its mailbox, what it says comes as messages. */
import { part } from '../../../formats/loading/index.ts';
import {
  type ArrivingByMessage,
  type DomainRecord,
  type FromDomainWorker,
  type GivenByMessage,
  type Machine,
  Mailbox,
  type VerbMessage,
  type ToDomainWorker,
} from '../../../hypervisor/index.ts';
import { MachineView } from '../../../hypervisor/view/index.ts';
import { leaveGuest, workerDied } from '../../../hypervisor/memory/index.ts';
import { type DomainListener, postMortem } from '../../../hypervisor/domain/index.ts';
import { type AskDomain, asking, gone, VERBS, type Verbs } from '../../../hypervisor/verbs/index.ts';
import { workerBegins } from '../../../hypervisor/worker/index.ts';
import {
  type ArrivalInWorker,
  type Arriving,
  type DomainRunner,
  type DomainStart,
  headOf,
  type Runners,
  type RunnersHost,
} from './runner.ts';
import type { Later } from '../../host/index.ts';
import { type Watching, type WorkerLike, WorkerWatch } from './worker-watch.ts';
import type { ForDomain, KeptWorker, Ready } from './kept-worker.ts';
import { hypercallsOf } from '../../../hypervisor/interfaces/xen/view/index.ts';

/**
 * Watches a domain's worker, which may end without a word: `ended` is called then. `lock`: the Web Lock that it holds while it lives; undefined: it could
 * have none. (Node tells by itself: WorkerLike.onerror.)
 */
export type Watch = (record: DomainRecord, lock: string | undefined, ended: () => void) => void;

/** How often what found the mailbox full is offered again. */
const RETRY_MS = 10;
/** A worker that does not answer is ended by force; a browser may need 2 s for that. */
const PATIENCE_MS = 1000,
  FORCE_MS = 2500,
  // Where its end is reported, nothing of it is touched before.
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

const keptWorker = part(() => import('./kept-worker.ts'), 'keeps workers');

/** Domains in workers of their own. */
export const inWorkers =
  (parts: WorkersParts) =>
  ({ machine, queue }: RunnersHost): Runners => {
    const watch = parts.endsSilently ? new WorkerWatch(machine, queue, parts.later, parts.watching) : undefined;
    let kept: KeptWorker | undefined;
    let isClosed = false;
    const rests = (worker: WorkerLike): void => {
      const ready = new Promise<Ready>(resolve => {
        worker.onmessage = ({ data }) => (data as Ready).kind === 'ready' && resolve(data as Ready);
      });
      void keptWorker.load().then(({ KeptWorker }) => {
        kept?.end();
        kept = new KeptWorker(worker, ready, parts);
        if (isClosed) kept.end();
      });
    };
    return {
      elsewhere: true,
      farthestNs: 0,
      start({ record, saved, ...what }: DomainStart, listener: DomainListener): DomainRunner {
        const message: ToDomainWorker = {
          memory: machine.memory as SharedArrayBuffer,
          index: record.index,
          ...what,
          ...(saved
            ? { saved: saved.file ? { state: saved.state, file: saved.file } : { state: headOf(saved.state) } }
            : {}),
        };
        const runner = new WorkerRunner(
          kept?.take() ?? { worker: parts.spawn() },
          machine,
          record,
          message,
          listener,
          { ...parts, rests },
          watch && ((...watched) => watch.watch(...watched)),
        );
        runner.takes(saved?.arriving);
        return runner;
      },
      forget: record => watch?.forget(record),
      close() {
        isClosed = true;
        kept?.end();
      },
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
  private readonly verbs: Verbs;
  private readonly listener: DomainListener;
  private readonly later: Later;
  private readonly hostMs: () => number;
  private readonly rests: (worker: WorkerLike) => void;
  private readonly watch: Watch | undefined;
  /** Its program is there, or nobody waits for it any more. */
  private readonly noLongerLoads: () => void;
  /** Until it has started, or could not. */
  private settleStart: { resolve: (about: string) => void; reject: (error: Error) => void } | null = null;
  /** Who asked, in the order of the answers. */
  private readonly askers: { name: string; resolve: (answer: unknown) => void; reject: (error: Error) => void }[] = [];
  /** It is to be destroyed. */
  private ending: Promise<Uint8Array[] | undefined> | undefined;
  private endIsTold = false;
  private dead = false;
  /** Its saved state comes. */
  private arrival: ArrivalInWorker | undefined;
  /** It was sent its domain. */
  private whenBegun = (): void => {};
  private readonly begun: Promise<void> = new Promise(resolve => (this.whenBegun = resolve));
  /** Messages for which there was no room yet. */
  private readonly waiting: VerbMessage[] = [];

  /** `rests`: takes the worker of a domain that was destroyed, for another one. */
  constructor(
    { worker, ready }: ForDomain,
    machine: Machine,
    record: DomainRecord,
    message: ToDomainWorker,
    listener: DomainListener,
    { later, hostMs, rests }: Pick<WorkersParts, 'later' | 'hostMs'> & { rests(worker: WorkerLike): void },
    watch?: Watch,
    verbs: Verbs = VERBS,
  ) {
    this.verbs = verbs;
    this.watch = watch;
    this.hostMs = hostMs;
    this.rests = rests;
    this.worker = worker;
    this.machine = machine;
    this.record = record;
    this.mailbox = new Mailbox(machine, record, verbs);
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
    if (!ready) return;
    this.noLongerLoads();
    this.begin(message, ready.lock);
  }

  /** From here on somebody else may notice that it has ended. */
  private begin(message: ToDomainWorker, lock: string | undefined): void {
    if (this.dead) return;
    workerBegins(this.machine, this.record);
    this.endIsTold = this.watch !== undefined && lock !== undefined;
    this.watch?.(this.record, lock, () => this.died('it was ended without a word, by the browser or by its tools'));
    this.worker.postMessage(message);
    this.whenBegun();
  }

  /** Its saved state comes by messages. */
  takes(arriving: Arriving | undefined): void {
    if (!arriving) return;
    this.arrival = arriving.inWorker!(async (piece, transfer = []) => {
      await this.begun;
      if (!this.dead) this.worker.postMessage({ arriving: piece } satisfies ArrivingByMessage, transfer);
    });
    arriving.to = this.arrival.to;
  }

  private hear(message: Exclude<FromDomainWorker, { kind: 'ready' }>): void {
    const start = this.settleStart;
    switch (message.kind) {
      case 'started':
        this.settleStart = null;
        return start?.resolve(message.about);
      case 'failed':
        // It never ran, so nothing answers a question.
        this.gone();
        this.worker.terminate();
        this.settleStart = null;
        return start?.reject(new Error(message.sentence));
      case 'placed':
        return this.arrival?.placed();
      case 'tells':
        return (this.listener[message.what] as ((...given: unknown[]) => void) | undefined)?.(...message.given);
      case 'answer': {
        const asker = this.askers.shift();
        if (message.sentence === undefined) return asker?.resolve(message.answer);
        return asker?.reject(new Error(message.sentence));
      }
    }
  }

  /** The worker runs nothing any more: nobody need wait for its processor to forget anything, or for an answer (`why` there is none). */
  private gone(why?: string): void {
    if (this.dead) return;
    this.dead = true;
    this.noLongerLoads();
    this.whenBegun();
    this.arrival?.end();
    leaveGuest(this.machine, this.record);
    for (const { name, resolve, reject } of this.askers.splice(0))
      gone(this.verbs, name)?.then(resolve, (error: Error) => reject(why === undefined ? error : new Error(why)));
  }

  /** The worker ended, by a defect of ours or by force: what it left half done is repaired, and registers and last exits are still in machine memory. */
  private died(what: string): void {
    if (this.dead) return;
    const sentence = `The domain's worker stopped with an internal error: ${what}.`;
    this.gone(sentence);
    // One that was called dead wrongly must not go on.
    this.worker.terminate();
    workerDied(this.machine, this.record);
    const start = this.settleStart;
    this.settleStart = null;
    // Callers that wait for its start or its end get the error there.
    start?.reject(new Error(sentence));
    if (start || this.ending) return;
    this.listener.ended({
      kind: 'crash',
      sentence,
      report: postMortem(this.machine.memory, this.record.id, sentence, hypercallsOf),
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

  readonly ask: AskDomain = asking((name, given) => {
    const row = this.verbs[name];
    if (this.dead) return gone(this.verbs, name);
    const answer =
      'gone' in row
        ? new Promise<unknown>((resolve, reject) => this.askers.push({ name, resolve, reject }))
        : undefined;
    if (row.by === 'message') this.worker.postMessage({ given } satisfies GivenByMessage);
    for (const message of this.mailbox.messages(name, given)) {
      if (this.waiting.length === 0 && this.mailbox.post(message)) continue;
      if (row.mayBeLost) continue;
      this.waiting.push(message);
      if (this.waiting.length === 1) this.later(RETRY_MS, () => this.offer());
    }
    return answer;
  });

  private offer(): void {
    while (this.waiting.length > 0 && !this.dead) {
      if (!this.mailbox.post(this.waiting[0])) {
        this.later(RETRY_MS, () => this.offer());
        return;
      }
      this.waiting.shift();
    }
  }

  destroy(keepsDisks = false): Promise<Uint8Array[] | undefined> {
    this.ending ??= this.end(keepsDisks);
    return this.ending;
  }

  private async end(keepsDisks: boolean): Promise<Uint8Array[] | undefined> {
    if (this.dead) return undefined;
    if (this.arrival && this.settleStart) {
      this.arrival.to.refused('It was destroyed before its state had come.');
      await this.started.catch(() => {});
    }
    if (this.dead) return undefined;
    let force = (): void => {};
    const cancel = this.later(PATIENCE_MS, () => {
      this.worker.terminate();
      force = this.later(this.endIsTold ? TOLD_FORCE_MS : FORCE_MS, () => {
        if (this.dead) return;
        workerDied(this.machine, this.record);
        this.gone();
      });
    });
    const disks = await this.ask('destroy', keepsDisks);
    cancel();
    force();
    // One that is dead was ended.
    if (!this.dead) this.rests(this.worker);
    this.gone();
    return disks;
  }
}
