import { expect, it } from 'vitest';
import { later, soon, testHost } from '../../dom0/service/host.test-support.ts';
import { Moves, sidesHere } from './moves.ts';
import { HostSide } from './side.ts';
import { FIRST_GFN } from './writer.ts';

const pause = (ms: number): Promise<void> => new Promise(resolve => void later(ms, resolve));
const ROW = { name: 'heavy', mib: 8, dial: { frames: 900, spins: 1 } };

it('moves a guest that writes as fast as it can, and finds all that it wrote', async () => {
  const moves = new Moves(
    ROW,
    sidesHere(ROW, parts => testHost(parts), soon, pause),
    pause,
  );
  await moves.start();
  const { rounds } = await moves.move();
  // Five rounds are the most, and the first one has all of its memory.
  expect([rounds.length >= 2 && rounds.length <= 5, rounds[0]! >= 2000]).toEqual([true, true]);
  await moves.move();
  await moves.end();
}, 60_000);

it('hears of the guest what a copy has lost', async () => {
  const host = testHost();
  const side = new HostSide(host, ROW, pause);
  await side.create(ROW);
  const rounds = async (count: number): Promise<void> => {
    const last = (await side.round()) + count;
    while ((await side.round()) < last) await pause(1);
  };
  await rounds(2);
  expect(await side.problem()).toBeUndefined();
  const [id] = host.toolstack.members.keys();
  const { machine } = host.toolstack;
  machine.words[machine.secondStage(host.domains.member(id!).record).mfn(FIRST_GFN + 5) << 10] = 0;
  await rounds(2);
  expect(await side.problem()).toContain('1 frames did not have');
  await side.close();
}, 60_000);
