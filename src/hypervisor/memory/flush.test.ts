import { expect, it } from 'vitest';
import { createDomain } from './domain-table.ts';
import { workerDied } from './dead-worker.ts';
import { answerFlush, enterGuest, flushDomain, leaveGuest } from './flush.ts';
import { Machine } from './machine.ts';

it('waits for a domain that runs, of whatever interface, and for no other', () => {
  const machine = Machine.create(new SharedArrayBuffer(8 * 2 ** 20)),
    record = createDomain(machine, 1),
    domains = new Machine(machine.memory, record.index);
  let forgot = 0;
  const answer = (): void => answerFlush(domains, record, () => forgot++);
  machine.relax = answer;
  expect([flushDomain(machine, record), forgot]).toEqual([true, 0]);
  // What it was to forget it forgets before its guest runs.
  enterGuest(domains, record);
  answer();
  expect(forgot).toBe(1);
  expect([flushDomain(machine, record), forgot]).toEqual([true, 2]);
  leaveGuest(domains, record);
  expect([flushDomain(machine, record), forgot]).toEqual([true, 2]);
  enterGuest(domains, record);
  machine.relax = () => {};
  workerDied(machine, record);
  expect([flushDomain(machine, record), forgot]).toEqual([true, 2]);
});
