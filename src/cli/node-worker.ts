/** Worker threads of node, as Domain 0's side of them knows workers. */
import { dirname, join } from 'node:path';
import { type TransferListItem, Worker } from 'node:worker_threads';
import type { WorkerLike } from '../dom0/service/index.ts';
import type { StorageWorker } from '../dom0/host/storage/index.ts';

/** A domain's worker (domain-worker.ts), whose bundle lies next to this program's, or in `folder`. */
export function spawnDomainWorker(folder = dirname(process.argv[1])): WorkerLike {
  const worker = new Worker(join(folder, 'worker.js'));
  const like: WorkerLike = {
    postMessage: (message, transfer) => worker.postMessage(message, transfer as TransferListItem[]),
    terminate: () => void worker.terminate(),
    onmessage: null,
    onerror: null,
  };
  worker.on('message', data => like.onmessage?.({ data }));
  worker.on('error', (error: Error) => like.onerror?.({ message: error.message }));
  // Ended by force, or by itself: the code that did that on purpose does not listen any more.
  worker.on('exit', status => like.onerror?.({ message: `it was ended (status ${status})` }));
  return like;
}

/** The storage worker with the files of a directory (storage-worker.ts). The process does not go on for it alone, but while it is asked for something. */
export function spawnStorageWorker(directory: string, folder = dirname(process.argv[1])): StorageWorker {
  const worker = new Worker(join(folder, 'storage.js'), { workerData: { directory } });
  const like: StorageWorker = {
    postMessage: message => {
      if ('start' in message || 'open' in message || 'disk' in message || 'machine' in message) worker.ref();
      worker.postMessage(message);
    },
    terminate: () => void worker.terminate(),
    // Its event comes with a turn of the event loop; the waiter sees the handle, which says -1 for a loop that has stopped (src/node_worker.cc, LoopIdleTime).
    isAlive: () => !hasExited && worker.performance.eventLoopUtilization().idle >= 0,
    onmessage: null,
    onerror: null,
  };
  worker.on('message', data => {
    worker.unref();
    like.onmessage?.({ data } as MessageEvent);
  });
  let hasExited = false;
  worker.on('exit', () => {
    hasExited = true;
  });
  const ended = (message: string): void => void like.onerror?.({ message, preventDefault: () => {} } as ErrorEvent);
  worker.on('error', (error: Error) => ended(error.message));
  // Released in order it ends by itself: then nobody asks it for anything.
  worker.on('exit', status => ended(`it was ended (status ${status})`));
  return like;
}
