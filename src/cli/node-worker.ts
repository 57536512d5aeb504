/** Worker threads of node, as Domain 0's side of them knows workers. */
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { WorkerLike } from '../dom0/index.ts';

/** A domain's worker (domain-worker.ts), whose bundle lies beside this program's, or in `folder`. */
export function spawnDomainWorker(folder = dirname(process.argv[1])): WorkerLike {
  const worker = new Worker(join(folder, 'worker.js'));
  const like: WorkerLike = {
    postMessage: message => worker.postMessage(message),
    terminate: () => void worker.terminate(),
    onmessage: null,
    onerror: null,
  };
  worker.on('message', data => like.onmessage?.({ data }));
  worker.on('error', (error: Error) => like.onerror?.({ message: error.message }));
  // Ended by force, or by itself: whoever did that on purpose does not listen any more.
  worker.on('exit', status => like.onerror?.({ message: `it was ended (status ${status})` }));
  return like;
}
