/** Workers that the page makes for Domain 0's (ui/workers.ts says why it is not made here): what passes between the two, and such a worker as its owner has it. */
import type { WorkerLike } from './runner-worker.ts';

/** What a worker runs. */
export type WorkerProgram = 'domain' | 'watch' | 'storage';

/** To the page: make a worker with this name and hand it the port to its owner; or end one. */
export type ForPage = { make: WorkerProgram; name: string; port: MessagePort } | { end: string };

/** From the page: the worker of this name has failed. */
export interface WorkerFailed {
  failed: string;
  message: string;
}

/** The page, as Domain 0's worker knows it. */
export interface PageSide {
  postMessage(message: ForPage, options?: { transfer: Transferable[] }): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
}

/** How workers are made from here on. */
export function workersOfPage(page: PageSide): (program: WorkerProgram, name: string) => WorkerLike {
  const made = new Map<string, WorkerLike>();
  page.addEventListener('message', ({ data }) => {
    const { failed, message } = data as Partial<WorkerFailed>;
    if (failed !== undefined) made.get(failed)?.onerror?.({ message: message ?? '', preventDefault() {} });
  });
  return (program, name) => {
    // What is said before the worker is there waits in the port.
    const { port1, port2 } = new MessageChannel();
    const worker: WorkerLike = {
      postMessage: message => port1.postMessage(message),
      terminate: () => {
        if (!made.delete(name)) return;
        port1.close();
        page.postMessage({ end: name });
      },
      onmessage: null,
      onerror: null,
    };
    made.set(name, worker);
    port1.onmessage = event => worker.onmessage?.(event);
    page.postMessage({ make: program, name, port: port2 }, { transfer: [port2] });
    return worker;
  };
}
