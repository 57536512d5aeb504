import { expect, it } from 'vitest';
import { createDomain } from '../../../hypervisor/memory/domain-table.ts';
import { Machine } from '../../../hypervisor/index.ts';
import { workerLeaves } from '../../../hypervisor/worker/worker-life.ts';
import { FakeWorker } from './fake-worker.test-support.ts';
import { inWorkers } from './in-workers.ts';
import type { DomainStart, RunnersHost } from './runner.ts';

function host() {
  const machine = Machine.create(new SharedArrayBuffer(64 * 2 ** 20));
  const workers: FakeWorker[] = [],
    said: string[] = [],
    timers: { ms: number; callback: () => void; isOff: boolean }[] = [];
  const runners = inWorkers({
    spawn: () => {
      const worker = new FakeWorker();
      workers.push(worker);
      return worker;
    },
    later: (ms, callback) => {
      const timer = { ms, callback, isOff: false };
      timers.push(timer);
      return () => {
        timer.isOff = true;
      };
    },
    hostMs: () => 0,
  })({ machine } as RunnersHost);
  const listener = { serial: () => {}, ended: () => {}, restarted: () => {}, changed: () => {} };
  const start = (name: string) => {
    const record = createDomain(machine, 4);
    const told = { ...listener, problem: (sentence: string) => void said.push(`${name}: ${sentence}`) };
    return { record, runner: runners.start({ record, name } as DomainStart, told) };
  };
  /** Starts one in a new worker, and destroys it. */
  const oneGoes = async (): Promise<FakeWorker> => {
    const { record, runner } = start('first');
    const worker = workers.at(-1)!;
    worker.says({ kind: 'ready', lock: 'its lock' });
    worker.says({ kind: 'started', about: '' });
    const destroyed = runner.destroy();
    workerLeaves(machine, record);
    worker.says({ kind: 'answer', answer: undefined });
    await destroyed;
    return worker;
  };
  const rests = async (worker: FakeWorker): Promise<void> => {
    worker.says({ kind: 'ready', lock: 'its lock' });
    await import('./kept-worker.ts');
    // The part is used a few turns after its module is there.
    await new Promise<void>(resolve => void setImmediate(resolve));
  };
  return { workers, timers, said, runners, start, oneGoes, rests };
}

it('the worker of a domain that was destroyed runs the next one, which hears nothing that was for the one before', async () => {
  const { workers, said, start, oneGoes, rests } = host();
  const worker = await oneGoes();
  worker.says({ kind: 'tells', what: 'problem', given: ['late'] });
  await rests(worker);
  start('second');
  expect([workers.length, worker.terminated, said, worker.asked.at(-1)]).toMatchObject([1, 0, [], { name: 'second' }]);
  worker.says({ kind: 'tells', what: 'problem', given: ['its own'] });
  start('third');
  expect([workers.length, said]).toEqual([2, ['second: its own']]);
});

it('a worker that does not say that it is ready again is not waited for', async () => {
  const { workers, start, oneGoes } = host();
  await oneGoes();
  start('second');
  expect(workers).toHaveLength(2);
});

it('one worker is kept, for a minute, until it fails, or until the host goes', async () => {
  for (const end of [
    ({ timers }) => timers.find(({ ms, isOff }) => ms === 60_000 && !isOff)!.callback(),
    ({ workers }) => workers[0]!.onerror!({ message: 'out of memory' }),
    ({ runners }) => runners.close!(),
  ] satisfies ((of: ReturnType<typeof host>) => void)[]) {
    const made = host();
    await made.rests(await made.oneGoes());
    end(made);
    made.start('second');
    expect([made.workers.length, made.workers[0]!.terminated]).toEqual([2, 1]);
  }
  const made = host();
  const first = await made.oneGoes();
  const second = await made.oneGoes();
  await made.rests(first);
  await made.rests(second);
  expect([first.terminated, second.terminated]).toEqual([1, 0]);
});

it('a worker that never says so, or says so behind the end of its host, is ended', async () => {
  const silent = host();
  const worker = await silent.oneGoes();
  await import('./kept-worker.ts');
  silent.timers.find(({ ms, isOff }) => ms === 60_000 && !isOff)!.callback();
  expect(worker.terminated).toBe(1);
  const closed = host();
  const late = await closed.oneGoes();
  closed.runners.close!();
  await closed.rests(late);
  expect(late.terminated).toBe(1);
});
