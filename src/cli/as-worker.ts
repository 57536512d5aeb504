/** A worker thread of node with the names that a browser's worker has. */
import { parentPort, type Transferable } from 'node:worker_threads';

/** `more`: what the worker's own module looks for besides. @throws Error outside a worker thread */
export function actAsWorker(more: object): void {
  const port = parentPort;
  if (!port) throw new Error('this module is the entry of a worker thread');
  Object.assign(globalThis, {
    postMessage: (message: unknown, { transfer = [] }: { transfer?: Transferable[] } = {}) => port.postMessage(message, transfer),
    addEventListener: (_type: 'message', listener: (event: { data: unknown }) => void) => port.on('message', data => listener({ data })),
    close: () => port.close(),
    ...more,
  });
}
