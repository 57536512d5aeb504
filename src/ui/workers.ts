/**
 * Workers that Domain 0's asks for. The page makes them, since a worker that makes another can represent ever in Firefox: where a debugger listens (the
 * developer tools are open, or a test drives the browser), `new Worker` in a worker sleeps until the page's thread has registered the new one, on the condition
 * variable that the new one's own event loop sleeps on, and one of the two is woken (dom/workers/WorkerDebuggerManager.cpp, RegisterDebugger;
 * WorkerPrivate.h, SetIsDebuggerRegistered and WaitForIsDebuggerRegistered; seen in 153). The page's thread registers by itself, and waits for nobody.
 *
 * It also makes the storage worker again that has ended without a word: Domain 0's worker is paused until that has answered, and would never hear of it.
 */
import type { ForPage, HoldsLock, MadeAgain, WorkerFailed, WorkerProgram } from '../dom0/service/index.ts';

const make: Record<WorkerProgram, (name: string) => Worker> = {
  domain: name => new Worker(new URL('../hypervisor/worker/worker.ts', import.meta.url), { type: 'module', name }),
  watch: name => new Worker(new URL('../hypervisor/worker/watch.ts', import.meta.url), { type: 'module', name }),
  storage: name => new Worker(new URL('../dom0/service/storage-worker.ts', import.meta.url), { type: 'module', name }),
};

/** One that has not said this long after it was made that it lives was ended before it could. */
const LOAD_MS = 10_000;
/** One that ends this often in such a time is not made again. */
const MOST_ENDS = 20,
  ENDS_MS = 60_000;

interface Made {
  worker: Worker;
  program: WorkerProgram;
  /** The first message to its successor, should this one end. */
  ifEnds?: unknown;
  whenEnded: number[];
}

/** Makes what `domain0` asks for from here on. Call the result when that one has ended: nobody ends the others with it. */
export function makeWorkersFor(domain0: Worker): () => void {
  const made = new Map<string, Made>();
  domain0.addEventListener('message', ({ data }: MessageEvent<Partial<ForPage>>) => {
    if ('make' in data && data.make) begin(data.make, data.name!, data.port!);
    else if ('end' in data && data.end) end(data.end);
    else if ('ifEnds' in data && data.ifEnds) keep(data.ifEnds, data.message);
  });
  const begin = (program: WorkerProgram, name: string, port: MessagePort, whenEnded: number[] = []): Made => {
    const worker = make[program](name),
      mine: Made = { worker, program, whenEnded };
    made.set(name, mine);
    worker.onerror = event => {
      event.preventDefault();
      fail(name, event.message);
    };
    worker.postMessage({ owner: port }, [port]);
    return mine;
  };
  const fail = (name: string, message: string): void =>
    domain0.postMessage({ failed: name, message } satisfies WorkerFailed);
  const keep = (name: string, message: unknown): void => {
    const mine = made.get(name);
    if (!mine) return;
    const isFirst = mine.ifEnds === undefined;
    mine.ifEnds = message;
    if (isFirst && message !== undefined) watch(name, mine);
  };
  const watch = (name: string, mine: Made): void => {
    const ended = (): void => {
      if (made.get(name) === mine && mine.ifEnds !== undefined) again(name, mine);
    };
    const tooLate = setTimeout(ended, LOAD_MS);
    mine.worker.onmessage = ({ data }: MessageEvent<Partial<HoldsLock>>) => {
      if (data.holds === undefined) return;
      clearTimeout(tooLate);
      void navigator.locks.request(data.holds, ended);
    };
  };
  const again = (name: string, { worker, program, ifEnds, whenEnded }: Made): void => {
    const now = Date.now(),
      ends = [...whenEnded.filter(ms => now - ms < ENDS_MS), now];
    worker.terminate();
    if (ends.length > MOST_ENDS) return fail(name, `it ended ${ends.length} times in a minute`);
    const { port1, port2 } = new MessageChannel();
    const mine = begin(program, name, port1, ends);
    mine.ifEnds = ifEnds;
    watch(name, mine);
    port2.postMessage(ifEnds);
    domain0.postMessage({ again: name, port: port2 } satisfies MadeAgain, [port2]);
  };
  const end = (name: string): void => {
    made.get(name)?.worker.terminate();
    made.delete(name);
  };
  return () => {
    for (const name of [...made.keys()]) end(name);
  };
}
