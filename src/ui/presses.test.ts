import { expect, it } from 'vitest';
import { inTheMaking, keepingPresses, keepPress, type Press } from './presses.ts';

it('keeps the last press while a guest is made anew, for whoever has its name then', async () => {
  const done: [string, Press][] = [],
    carryOut = async (name: string, press: Press) => void done.push([name, press]);
  expect(keepPress('lab', 'pause')).toBe(false);
  let made = (): void => {};
  const work = keepingPresses(
    ['lab', 'other'],
    () =>
      new Promise<void>(resolve => {
        made = resolve;
      }),
    carryOut,
  );
  expect([
    keepPress('lab', 'pause'),
    keepPress('lab', 'unpause'),
    keepPress('lab', 'pause'),
    keepPress('web', 'pause'),
  ]).toEqual([true, true, true, false]);
  expect([...inTheMaking.value]).toEqual([
    ['lab', 'pause'],
    ['other', undefined],
  ]);
  expect(done).toEqual([]);
  made();
  await work;
  expect([done, inTheMaking.value.size, keepPress('lab', 'pause')]).toEqual([[['lab', 'pause']], 0, false]);
});

it('loses none where the guest could not be made', async () => {
  const done: string[] = [];
  const work = keepingPresses(
    ['lab'],
    async () => {
      keepPress('lab', 'pause');
      throw new Error('no memory');
    },
    async name => void done.push(name),
  );
  await expect(work).rejects.toThrow('no memory');
  expect([done, inTheMaking.value.size]).toEqual([['lab'], 0]);
});
