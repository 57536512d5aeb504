/**
 * A worker whose domain was destroyed is kept for the next one: its engine has compiled what runs guests, and a guest that arrives there goes on at once, where
 * one in a new worker stands still for some 50 ms of that.
 */
import type { FromDomainWorker } from '../../../hypervisor/index.ts';
import type { Later } from '../../host/index.ts';
import type { Watching, WorkerLike } from './worker-watch.ts';

/** Its heap is some ten MiB, which nobody may want any more. */
const KEPT_MS = 60_000;

export type Ready = Extract<FromDomainWorker, { kind: 'ready' }>;

/** A worker that has said that it is ready for a domain. */
export interface Warm {
  worker: WorkerLike;
  ready: Pick<Ready, 'lock'>;
}

export class KeptWorker {
  private readonly worker: WorkerLike;
  private readonly ready: Warm['ready'];
  private readonly cancel: () => void;
  /** It is a domain's, or nobody's any more. */
  private isOver = false;

  constructor(worker: WorkerLike, ready: Warm['ready'], { later, watching }: { later: Later; watching?: Watching }) {
    this.worker = worker;
    this.ready = ready;
    this.cancel = later(KEPT_MS, () => this.end());
    worker.onmessage = null;
    worker.onerror = event => {
      event.preventDefault?.();
      this.end();
    };
    // It may end without a word.
    if (ready.lock !== undefined) watching?.whenFree(ready.lock, () => this.end());
  }

  /** For a domain; undefined: it has ended. */
  take(): Warm | undefined {
    if (this.isOver) return undefined;
    this.isOver = true;
    this.cancel();
    return { worker: this.worker, ready: this.ready };
  }

  end(): void {
    if (this.take()) this.worker.terminate();
  }
}
