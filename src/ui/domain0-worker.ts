/** Domain 0's worker as a page has it: how it is started, and how the page learns that it has ended. */
import * as Comlink from 'comlink';
import type { HostApi } from '../dom0/service/index.ts';
import { makeWorkersFor } from './workers.ts';

/** Without Web Locks it is asked this often whether it lives, and is given up when this many questions later it has not answered the first. */
const ASK_MS = 2000,
  MOST_UNANSWERED = 15;

export interface Domain0Worker {
  readonly api: Comlink.Remote<HostApi>;
  /** Ends it, and the workers that the page has made for it. */
  end(): void;
}

/** `inTurns`: its domains run in it, one after another, even where memory can be shared. `failed`: it threw this, or '' where its program could not be loaded. */
export function startDomain0({ inTurns }: { inTurns: boolean }, failed: (message: string) => void): Domain0Worker {
  // Two scripts: where domains have workers of their own, Domain 0's needs no processor.
  const shared = !inTurns && typeof SharedArrayBuffer !== 'undefined' && crossOriginIsolated !== false;
  const worker = shared
    ? new Worker(new URL('../dom0/service/worker.ts', import.meta.url), { type: 'module', name: 'Domain-0' })
    : new Worker(new URL('../dom0/service/turns-worker.ts', import.meta.url), { type: 'module', name: 'Domain-0' });
  const endMade = shared ? makeWorkersFor(worker) : undefined;
  worker.addEventListener('error', event => {
    event.preventDefault();
    failed(event.message ?? '');
  });
  return {
    api: Comlink.wrap<HostApi>(worker),
    end: () => {
      worker.terminate();
      endMade?.();
    },
  };
}

/** Calls `lost` once, when the worker has ended or answers no more. */
export async function followLife({ api }: Domain0Worker, lost: () => void): Promise<void> {
  const lock = await api.alive();
  if (lock !== undefined && 'locks' in navigator) return void navigator.locks.request(lock, lost);
  let silent = 0;
  const asking = setInterval(() => {
    if (silent++ === 0)
      void api.alive().then(() => {
        silent = 0;
      });
    if (silent <= MOST_UNANSWERED) return;
    clearInterval(asking);
    lost();
  }, ASK_MS);
}

/** Domain 0's calls by their names, asked by `ask`; functions among what is given are called back (comlink.proxy). */
export const callsBy = (ask: <T>(question: (api: HostApi) => Promise<T>) => Promise<T>): HostApi =>
  new Proxy({} as HostApi, {
    get:
      (_, name: keyof HostApi) =>
      (...given: unknown[]) =>
        ask(api =>
          (api[name] as (...given: unknown[]) => Promise<unknown>)(
            ...given.map(each => (typeof each === 'function' ? Comlink.proxy(each as () => void) : each)),
          ),
        ),
  });

/** Questions of a Domain 0 without an answer yet: nobody would answer them when it has ended. */
export class Unanswered {
  /** A promise for all of them would keep every answer as long as it lives. */
  private readonly rejects = new Set<(reason: Error) => void>();

  /** The answer, unless all are given up before. */
  wait<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.rejects.add(reject);
      answer.then(resolve, reject).finally(() => this.rejects.delete(reject));
    });
  }

  giveUp(reason: Error): void {
    for (const reject of this.rejects) reject(reason);
    this.rejects.clear();
  }
}
