/**
 * Workers that Domain 0's asks for. The page makes them, since a worker that makes another can stand for ever in Firefox: where a debugger listens (the
 * developer tools are open, or a test drives the browser), `new Worker` in a worker sleeps until the page's thread has registered the new one, on the condition
 * variable that the new one's own event loop sleeps on, and one of the two is woken (dom/workers/WorkerDebuggerManager.cpp, RegisterDebugger;
 * WorkerPrivate.h, SetIsDebuggerRegistered and WaitForIsDebuggerRegistered; seen in 153). The page's thread registers by itself, and waits for nobody.
 */
import type { ForPage, WorkerFailed, WorkerProgram } from '../dom0/index.ts';

const make: Record<WorkerProgram, (name: string) => Worker> = {
  domain: name => new Worker(new URL('../hypervisor/worker/worker.ts', import.meta.url), { type: 'module', name }),
  watch: name => new Worker(new URL('../hypervisor/worker/watch.ts', import.meta.url), { type: 'module', name }),
  storage: name => new Worker(new URL('../dom0/storage-worker.ts', import.meta.url), { type: 'module', name }),
};

/** Makes what `domain0` asks for from here on. Call the result when that one has ended: nobody ends the others with it. */
export function makeWorkersFor(domain0: Worker): () => void {
  const made = new Map<string, Worker>();
  domain0.addEventListener('message', ({ data }: MessageEvent<Partial<ForPage>>) => {
    if ('make' in data && data.make) begin(data.make, data.name!, data.port!);
    else if ('end' in data && data.end) end(data.end);
  });
  const begin = (program: WorkerProgram, name: string, port: MessagePort): void => {
    const worker = make[program](name);
    made.set(name, worker);
    worker.onerror = event => {
      event.preventDefault();
      domain0.postMessage({ failed: name, message: event.message } satisfies WorkerFailed);
    };
    worker.postMessage({ owner: port }, [port]);
  };
  const end = (name: string): void => {
    made.get(name)?.terminate();
    made.delete(name);
  };
  return () => {
    for (const name of [...made.keys()]) end(name);
  };
}
