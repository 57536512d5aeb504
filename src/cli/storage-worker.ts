/** Entry of the storage worker in node: src/dom0/service/storage-worker.ts finds the names that a browser's worker has, and a directory for its files. */
import { workerData } from 'node:worker_threads';
import { actAsWorker } from './as-worker.ts';
import { DirectoryStore } from './storage/directory-store.ts';

actAsWorker({
  openStore: async () => {
    try {
      const store = await DirectoryStore.open((workerData as { directory: string }).directory);
      return { store, held: { release: () => store.close() } };
    } catch (error) {
      return { why: (error as Error).message };
    }
  },
});

void import('../dom0/service/storage-worker.ts');
