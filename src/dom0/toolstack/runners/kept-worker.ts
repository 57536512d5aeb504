/**
 * A worker whose domain was destroyed is kept for the next one: its engine has compiled what runs guests, and a guest that arrives there goes on at once, where
 * one in a new worker is paused for some 50 ms of that.
 */
import type { FromDomainWorker } from '../../../hypervisor/index.ts';
import type { Later } from '../../host/index.ts';
import type { Watching, WorkerLike } from './worker-watch.ts';

/** Its heap is some ten MiB, which may be used by no one any more. */
const KEPT_MS = 60_000;

export type Ready = Extract<FromDomainWorker, { kind: 'ready' }>;

/** A worker for a domain; `ready`: it has said so, else it will. */
export interface ForDomain {
  worker: WorkerLike;
  ready?: Ready;
}

export class KeptWorker {
  private readonly worker: WorkerLike;
  private ready: Ready | undefined;
  private readonly cancel: () => void;
  /** It is a domain's, or nobody's any more. */
  private isOver = false;

  /** `ready`: it runs no domain any more; before that it is nobody's to have. */
  constructor(worker: WorkerLike, ready: Promise<Ready>, { later, watching }: { later: Later; watching?: Watching }) {
    this.worker = worker;
    this.cancel = later(KEPT_MS, () => this.end());
    worker.onerror = event => {
      event.preventDefault?.();
      this.end();
    };
    void ready.then(said => {
      this.ready = said;
      // It may end without a word.
      if (said.lock !== undefined) watching?.whenFree(said.lock, () => this.end());
    });
  }

  /** For a domain; undefined: it is not ready, or has ended. */
  take(): ForDomain | undefined {
    const { worker, ready } = this;
    if (!ready || this.isOver) return undefined;
    this.over();
    return { worker, ready };
  }

  private over(): void {
    this.isOver = true;
    this.cancel();
  }

  end(): void {
    if (this.isOver) return;
    this.over();
    this.worker.terminate();
  }
}
