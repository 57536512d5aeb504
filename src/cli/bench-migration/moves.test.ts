import { expect, it } from 'vitest';
import { later, soon, testHost } from '../../dom0/service/host.test-support.ts';
import { Moves, sidesHere } from './moves.ts';

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
