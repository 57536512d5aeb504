/** A worker thread of node with what a browser's worker has. */
import { parentPort, type Transferable } from 'node:worker_threads';
import type { Owner } from '../hypervisor/worker/index.ts';

/** `more`: what the worker's own module looks for besides. @throws Error outside a worker thread */
export function actAsWorker(more: object): void {
  const port = parentPort;
  if (!port) throw new Error('this module is the entry of a worker thread');
  Object.assign(globalThis, {
    parentThread: {
      postMessage: (message, options) => port.postMessage(message, (options?.transfer ?? []) as Transferable[]),
      set onmessage(listener: Owner['onmessage']) {
        port.on('message', data => listener?.({ data: data as never }));
      },
    } as Owner,
    ...more,
  });
}
