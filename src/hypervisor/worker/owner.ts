/**
 * Whom a worker works for: Domain 0's. In a browser the page makes all workers (ui/workers.ts says why) and hands each the port to its owner as the first
 * message. In node the owner makes them itself, and is the thread's parent (cli/as-worker.ts).
 */
export interface Owner {
  postMessage(message: unknown, options?: { transfer: Transferable[] }): void;
  /** Messages wait until it is set. */
  onmessage: ((event: { data: never }) => void) | null;
}

/** The page's first message to a worker that it makes. */
export interface Owned {
  owner: MessagePort;
}

/** Resolves once it is known. */
export function findOwner(): Promise<Owner> {
  const { parentThread } = globalThis as { parentThread?: Owner };
  if (parentThread) return Promise.resolve(parentThread);
  return new Promise(resolve => {
    addEventListener('message', event => resolve((event as MessageEvent<Owned>).data.owner as unknown as Owner), {
      once: true,
    });
  });
}
