import { afterAll, expect, it, vi } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import { createDomain } from '../memory/domain-table.ts';
import { Machine } from '../memory/machine.ts';
import type { FromWatcher, WatchedWorker } from './worker-messages.ts';
import { workerBegins, workerLeaves } from './worker-life.ts';

afterAll(() => vi.unstubAllGlobals());

it('tells of each worker that ended, also of one that went in order: its answer may have come too late to be heard', async () => {
  const told: FromWatcher[] = [],
    granted = new Map<string, () => void>();
  const owner: { postMessage(message: FromWatcher): void; onmessage?: (event: { data: WatchedWorker }) => void } = {
    postMessage: message => void told.push(message),
  };
  vi.stubGlobal('parentThread', owner);
  vi.stubGlobal('name', undefined);
  vi.stubGlobal('navigator', {
    locks: { request: async (lock: string, then: () => void) => void granted.set(lock, then) },
  });
  await import('./watch.ts');
  await eventually(() => expect(owner.onmessage).toBeDefined());
  const machine = Machine.create(new SharedArrayBuffer(64 * 2 ** 20));
  const memory = machine.memory as SharedArrayBuffer;
  const records = ['dies', 'goes'].map(lock => {
    const record = createDomain(machine, 4);
    workerBegins(machine, record);
    owner.onmessage!({ data: { memory, lock, index: record.index, id: record.id } });
    return record;
  });
  workerLeaves(machine, records[1]);
  for (const end of granted.values()) end();
  expect(told).toEqual(records.map(({ id }) => ({ kind: 'ended', id })));
  expect(records.map(({ index }) => machine.isWorkerDead(index))).toEqual([true, false]);
});
