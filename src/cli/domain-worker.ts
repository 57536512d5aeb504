/** Entry of a domain's worker in node: src/hypervisor/worker/worker.ts finds the names that a browser's worker has, and a way to files. */
import { openFile } from './boot/image-file.ts';
import { parentPort, type Transferable } from 'node:worker_threads';

const port = parentPort;
if (!port) throw new Error('this module is the entry of a worker thread');

Object.assign(globalThis, {
  postMessage: (message: unknown, { transfer = [] }: { transfer?: Transferable[] } = {}) => port.postMessage(message, transfer),
  addEventListener: (_type: 'message', listener: (event: { data: unknown }) => void) => port.once('message', data => listener({ data })),
  close: () => port.close(),
  openMedium: openFile,
});

// Not waited for: a bundle may have what it imports in this very module, which would then wait for itself.
void import('../hypervisor/worker/worker.ts');
