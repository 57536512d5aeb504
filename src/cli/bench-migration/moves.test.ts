import { expect, it } from 'vitest';
import { later, soon, testHost } from '../../dom0/service/host.test-support.ts';
import { Moves, sidesHere } from './moves.ts';
import { writerProblem } from './writer.ts';

const pause = (ms: number): Promise<void> => new Promise(resolve => void later(ms, resolve));

it('moves a guest that writes as fast as it can, and finds all that it wrote', async () => {
  const row = { name: 'heavy', mib: 8, dial: { frames: 900, spins: 1 } };
  const moves = new Moves(
    row,
    sidesHere(row, parts => testHost(parts), soon, pause),
    pause,
  );
  await moves.start();
  const { rounds } = await moves.move();
  // Five rounds are the most, and the first one has all of its memory.
  expect([rounds.length >= 2 && rounds.length <= 5, rounds[0]! >= 2000]).toEqual([true, true]);
  await moves.move();
  await moves.end();
}, 60_000);

it('finds what a copy has lost', () => {
  const frames = [7, 7, 6, 6];
  const word = (gfn: number): number => frames[gfn - 0x200]!;
  expect(writerProblem({ frames: 4, spins: 1 }, word)).toBeUndefined();
  frames[3] = 5;
  expect(writerProblem({ frames: 4, spins: 1 }, word)).toContain('half done');
  frames[3] = 2;
  expect(writerProblem({ frames: 4, spins: 1 }, word)).toContain('frame 3 has 2');
});
