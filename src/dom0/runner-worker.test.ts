import { expect, it } from 'vitest';
import { type FromDomainWorker, Machine, type ToDomainWorker } from '../hypervisor/index.ts';
import { WorkerRunner, type WorkerLike } from './runner-worker.ts';

it('is over at once when the worker could not build the domain', async () => {
  const machine = Machine.create(new SharedArrayBuffer(64 * 2 ** 20));
  let ended = 0;
  const worker: WorkerLike = {
    postMessage: () => queueMicrotask(() => worker.onmessage?.({ data: { kind: 'failed', sentence: 'It does not fit.' } satisfies FromDomainWorker })),
    terminate: () => ended++,
    onmessage: null,
    onerror: null,
  };
  const never = () => () => {};
  const listener = { serial: never, ended: never, problem: never, restarted: never, changed: never };
  const record = machine.createDomain(16, 0);
  const runner = new WorkerRunner(worker, machine, record, {} as ToDomainWorker, listener, never);
  await expect(runner.started).rejects.toThrow('It does not fit.');
  // Time does not pass here: a worker that still had to answer would keep this waiting.
  await runner.destroy();
  expect(ended).toBe(1);
});
