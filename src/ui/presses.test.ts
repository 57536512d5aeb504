import { expect, it } from 'vitest';
import { inTheMaking, isUnderWay, keepingPresses, keepPress, notingPress, type Press } from './presses.ts';

const listed = (): Promise<void> => Promise.resolve();

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
    listed,
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
    listed,
    async name => void done.push(name),
  );
  await expect(work).rejects.toThrow('no memory');
  expect([done, inTheMaking.value.size]).toEqual([['lab'], 0]);
});

it('loses none between the end of the work and the list that has the new guest', async () => {
  const done: [string, Press][] = [];
  await keepingPresses(
    ['lab'],
    async () => {},
    async () => void keepPress('lab', 'pause'),
    async (name, press) => void done.push([name, press]),
  );
  expect(done).toEqual([['lab', 'pause']]);
});

it('knows whose presses the list is behind of, whatever comes of them', async () => {
  let refuse = (_: Error): void => {};
  const first = notingPress(4, new Promise<void>((_, reject) => (refuse = reject))),
    second = notingPress(4, Promise.resolve());
  await second;
  expect([isUnderWay(4), isUnderWay(5)]).toEqual([true, false]);
  refuse(new Error('no such domain'));
  await expect(first).rejects.toThrow('no such domain');
  expect(isUnderWay(4)).toBe(false);
});
