/** Entry of the storage worker in node: src/dom0/storage-worker.ts finds the names that a browser's worker has, and a directory for its files. */
import { parentPort, type Transferable, workerData } from 'node:worker_threads';
import { DirectoryStore } from './storage/directory-store.ts';

const port = parentPort;
if (!port) throw new Error('this module is the entry of a worker thread');

Object.assign(globalThis, {
  postMessage: (message: unknown, { transfer = [] }: { transfer?: Transferable[] } = {}) => port.postMessage(message, transfer),
  addEventListener: (_type: 'message', listener: (event: { data: unknown }) => void) => port.on('message', data => listener({ data })),
  close: () => port.close(),
  openStore: async () => {
    try {
      const store = await DirectoryStore.open((workerData as { directory: string }).directory);
      return { store, held: { release: () => store.close() } };
    } catch (error) {
      return { why: (error as Error).message };
    }
  },
});

void import('../dom0/storage-worker.ts');
