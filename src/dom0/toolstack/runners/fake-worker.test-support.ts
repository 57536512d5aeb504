import type { FromDomainWorker } from '../../../hypervisor/index.ts';
import type { WorkerLike } from './worker-watch.ts';

/** A worker whose program is a test. */
export class FakeWorker implements WorkerLike {
  asked: unknown[] = [];
  terminated = 0;
  onmessage: WorkerLike['onmessage'] = null;
  onerror: WorkerLike['onerror'] = null;
  postMessage(message: unknown): void {
    this.asked.push(message);
  }
  terminate(): void {
    this.terminated++;
  }
  says(message: FromDomainWorker): void {
    this.onmessage?.({ data: message });
  }
}
