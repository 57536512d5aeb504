/** Entry of a domain's worker in node: src/hypervisor/worker/worker.ts finds the names that a browser's worker has, and a way to files. */
import { openFile } from './boot/image-file.ts';
import { parentPort, type Transferable } from 'node:worker_threads';

const port = parentPort;
if (!port) throw new Error('this module is the entry of a worker thread');

Object.assign(globalThis, {
  postMessage: (message: unknown, { transfer = [] }: { transfer?: Transferable[] } = {}) => port.postMessage(message, transfer),
  addEventListener: (_type: 'message', listener: (event: { data: unknown }) => void) => port.on('message', data => listener({ data })),
  close: () => port.close(),
  openMedium: openFile,
});

void import('../hypervisor/worker/worker.ts');
