import { expect, it } from 'vitest';
import { FRAME } from '../layout/layout.ts';
import { DirtyLog, framesIn } from './dirty-log.ts';
import { createDomain } from './domain-table.ts';
import { Machine } from './machine.ts';

/** A guest frame, and words of its machine frame's entry. */
const GFN = 3;

it('has what another domain has written and lets go of, at whatever moment that is', () => {
  const machine = Machine.create(new SharedArrayBuffer(8 * 2 ** 20)),
    { words, writeLog } = machine;
  const record = createDomain(machine, 1);
  const mfn = machine.secondStage(record).mfn(GFN),
    writers = machine.frameEntry(mfn) + FRAME.SHARED;
  let meanwhile = (): void => {};
  const log = new DirtyLog({
    machine,
    record,
    flush: () => {},
    // It is asked for in the middle of a look.
    *ownWrites() {
      meanwhile();
      // One that is nowhere now.
      yield -1;
    },
  });
  Atomics.add(words, writers, 1);
  expect([...framesIn(log.clean())]).toEqual([GFN]);
  meanwhile = () => {
    writeLog.note(mfn);
    Atomics.sub(words, writers, 1);
  };
  expect([...framesIn(log.last())]).toEqual([GFN]);
});
