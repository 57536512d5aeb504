/** Entry of a domain's worker in node: src/hypervisor/worker/worker.ts finds the names that a browser's worker has, and a way to files. */
import { actAsWorker } from './as-worker.ts';
import { openFile } from './boot/image-file.ts';

actAsWorker({ openMedium: openFile });

void import('../hypervisor/worker/worker.ts');
