import { describe, expect, it } from 'vitest';
import { createDomain, destroyDomain } from '../../../hypervisor/memory/domain-table.ts';
import { audit } from '../../../hypervisor/memory/audit.ts';
import { type DomainRecord, type Ending, Machine, type ToDomainWorker } from '../../../hypervisor/index.ts';
import { callDead, liveWorker, workerLeaves } from '../../../hypervisor/worker/worker-life.ts';
import { FakeWorker } from './fake-worker.test-support.ts';
import { WorkerRunner } from './in-workers.ts';

const never = () => () => {};

function make() {
  const machine = Machine.create(new SharedArrayBuffer(64 * 2 ** 20));
  const record = createDomain(machine, 16);
  const worker = new FakeWorker();
  const endings: Ending[] = [],
    watched: { lock: string | undefined; end: () => void }[] = [],
    timers: { ms: number; callback: () => void; cancelled: boolean }[] = [];
  const listener = {
    serial: never,
    ended: (ending: Ending) => void endings.push(ending),
    problem: never,
    restarted: never,
    changed: never,
  };
  const later = (ms: number, callback: () => void) => {
    const timer = { ms, callback, cancelled: false };
    timers.push(timer);
    return () => {
      timer.cancelled = true;
    };
  };
  const watch = (_record: DomainRecord, lock: string | undefined, end: () => void): void =>
    void watched.push({ lock, end });
  const runner = new WorkerRunner(
    { worker },
    machine,
    record,
    {} as ToDomainWorker,
    listener,
    { later, hostMs: () => 0, rests: ended => ended.terminate() },
    watch,
  );
  return { machine, record, worker, runner, endings, watched, timers };
}

describe("a domain's worker", () => {
  it('is over at once when it could not build the domain', async () => {
    const { machine, record, worker, runner } = make();
    worker.says({ kind: 'ready' });
    workerLeaves(machine, record);
    worker.says({ kind: 'failed', sentence: 'It does not fit.' });
    await expect(runner.started).rejects.toThrow('It does not fit.');
    // Time does not pass here: a worker that still had to answer would keep this waiting.
    await runner.destroy();
    expect(worker.terminated).toBe(1);
  });

  it('is asked to start when its program is there and somebody would notice its end', () => {
    const { machine, record, worker, watched } = make();
    expect([worker.asked.length, liveWorker(machine, record)]).toEqual([0, undefined]);
    worker.says({ kind: 'ready', lock: 'its lock' });
    expect([worker.asked.length, watched.map(({ lock }) => lock), liveWorker(machine, record)?.id]).toEqual([
      1,
      ['its lock'],
      record.id,
    ]);
  });

  it('that never comes is given up with a sentence', async () => {
    const { runner, timers, endings } = make();
    timers[0].callback();
    await expect(runner.started).rejects.toThrow('its program was not loaded within 20 s');
    expect(endings).toEqual([]);
  });

  it('that ends without a word before it has started fails the start, and nothing else', async () => {
    const { worker, runner, watched, endings } = make();
    worker.says({ kind: 'ready' });
    watched[0].end();
    await expect(runner.started).rejects.toThrow('ended without a word');
    expect(endings).toEqual([]);
    await runner.destroy();
  });

  it('that ends without a word is a crash with its registers; saves are refused, and it can be destroyed', async () => {
    const { machine, record, worker, runner, watched, endings } = make();
    worker.says({ kind: 'ready' });
    worker.says({ kind: 'started', about: '' });
    const saved = runner.ask('save');
    watched[0].end();
    await expect(saved).rejects.toThrow('ended without a word');
    await expect(runner.ask('save')).rejects.toThrow('nothing to save');
    expect(endings.map(({ kind, workerDied, report }) => [kind, workerDied, /eip/i.test(report ?? '')])).toEqual([
      ['crash', true, true],
    ]);
    // Called dead wrongly it would go on: it is ended.
    expect([worker.terminated, machine.isWorkerDead(record.index)]).toEqual([1, true]);
    watched[0].end();
    worker.onerror?.({ message: 'late' });
    expect(endings).toHaveLength(1);
    await runner.destroy();
    expect([destroyDomain(machine, record), audit(machine)]).toEqual([true, []]);
  });

  it('that ends while it is to be destroyed is destroyed, and did not crash', async () => {
    const { worker, runner, watched, endings, timers } = make();
    worker.says({ kind: 'ready', lock: 'its lock' });
    worker.says({ kind: 'started', about: '' });
    const destroyed = runner.destroy();
    watched[0].end();
    await destroyed;
    expect(endings).toEqual([]);
    expect(timers.every(({ cancelled }) => cancelled)).toBe(true);
  });
});

it('a slot that went to another domain is not called dead for the one before', () => {
  const { machine, record } = make();
  const before = { ...record };
  destroyDomain(machine, record);
  const next = createDomain(machine, 16);
  expect([next.index, callDead(machine, before), machine.isWorkerDead(next.index)]).toEqual([
    before.index,
    false,
    false,
  ]);
});
