/** Workers that the page makes for Domain 0's (ui/workers.ts says why it is not made here): what passes between the two, and such a worker as its owner has it. */
import type { WorkerLike } from '../toolstack/runners/index.ts';

/** What a worker runs. */
export type WorkerProgram = 'domain' | 'watch' | 'storage';

/**
 * To the page: make a worker with this name and hand it the port to its owner; end one; or make another one should it end without a word, and tell it that first
 * (no message: do not). The page sees to it, since Domain 0's worker may block until the other one has answered.
 */
export type ForPage =
  | { make: WorkerProgram; name: string; port: MessagePort }
  | { end: string }
  | { ifEnds: string; message: unknown };

/** From a worker to the page that has made it: the Web Lock that it holds while it lives. */
export interface HoldsLock {
  holds: string;
}

/** From the page: a worker of this name was made again, and is reached by this port. */
export interface MadeAgain {
  again: string;
  port: MessagePort;
}

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

/** A worker that the page makes. */
export interface PageWorker extends WorkerLike {
  /** The first message to the worker that the page makes should this one end without a word; undefined: it makes none. */
  ifEnds(message: unknown): void;
  /** The port to the one that runs now. */
  reachBy(port: MessagePort): void;
}

/** How workers are made from here on. */
export function workersOfPage(page: PageSide): (program: WorkerProgram, name: string) => PageWorker {
  const made = new Map<string, PageWorker>();
  page.addEventListener('message', ({ data }) => {
    const { failed, message, again, port } = data as Partial<WorkerFailed & MadeAgain>;
    if (failed !== undefined) made.get(failed)?.onerror?.({ message: message ?? '', preventDefault() {} });
    if (again !== undefined && port) made.get(again)?.reachBy(port);
  });
  return (program, name) => {
    // What is said before the worker is there waits in the port.
    const { port1, port2 } = new MessageChannel();
    let port = port1;
    const worker: PageWorker = {
      postMessage: (message, transfer = []) => port.postMessage(message, transfer),
      terminate: () => {
        if (!made.delete(name)) return;
        port.close();
        page.postMessage({ end: name });
      },
      ifEnds: message => page.postMessage({ ifEnds: name, message }),
      reachBy: next => {
        if (port !== next) port.close();
        port = next;
        port.onmessage = event => worker.onmessage?.(event);
      },
      onmessage: null,
      onerror: null,
    };
    made.set(name, worker);
    worker.reachBy(port1);
    page.postMessage({ make: program, name, port: port2 }, { transfer: [port2] });
    return worker;
  };
}
