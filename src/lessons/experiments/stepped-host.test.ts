/** The clock that hosts of an experiment share. */
import { expect, it, vi } from 'vitest';
import { outside } from '../../formats/bytes/index.ts';
import { soon } from '../../dom0/service/host.test-support.ts';
import { SteppedTime } from './stepped-host.ts';

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise<void>(resolve => soon(resolve));
};

it('does not move while a file is read or a part is loaded, however many turns of the event loop that takes', async () => {
  const time = new SteppedTime(soon),
    ended = vi.fn();
  time.later(10, () =>
    outside(turns(20)).then(() =>
      // What was read leads to the next.
      outside(turns(20)).then(() => ended(time.nowMs())),
    ),
  );
  await time.goTo(50);
  expect(ended).toHaveBeenCalledWith(10);
  expect(time.nowMs()).toBe(50);
});

it('moves on from work outside that failed', async () => {
  const time = new SteppedTime(soon);
  outside(turns(3).then(() => Promise.reject(new Error('gone')))).catch(() => {});
  await time.goTo(5);
  expect(time.nowMs()).toBe(5);
});
