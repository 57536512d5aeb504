/** Debian's kernels move while they write and look at their clocks; 100 times each, with a worker a guest: npm run -s soak:migration. */
import { expect, it } from 'vitest';
import { later, soon, testHost } from '../../src/dom0/service/host.test-support.ts';
import { GUESTS, lastTurn, problemIn } from '../../src/workshop/soak-migration/guests.ts';
import { Soak } from '../../src/workshop/soak-migration/soak.ts';
import { haveGuests, NEEDS_GUESTS } from '../support/guests.ts';

const MOVES = 2;

it.skipIf(!haveGuests).each(GUESTS.filter(({ name }) => name === 'hvm' || name === 'pvh'))(
  `Debian ($name) goes to another host and back, and loses nothing ${NEEDS_GUESTS}`,
  async guest => {
    const soak = new Soak(guest, {
      make: parts => testHost(parts),
      soon,
      pause: ms => new Promise(resolve => void later(ms, resolve)),
      shared: false,
    });
    await soak.start();
    for (let i = 0; i < MOVES; i++) expect((await soak.move()).bytes).toBeGreaterThan(2 ** 20);
    await soak.end();
  },
);

it('finds a turn that is missing, a sum that differs, and a clock that goes back', () => {
  const shown = 'turn-1\r\nturn-2\r\nturn-3\r\n';
  expect([problemIn(shown), lastTurn(shown)]).toEqual([undefined, 3]);
  // A line that has not come whole.
  expect(problemIn(`${shown}turn-1`)).toBeUndefined();
  expect(problemIn(`${shown}turn-5\r\n`)).toBe('turn 5 follows turn 3');
  expect(problemIn(`${shown}turn-3\r\n`)).toBe('turn 3 follows turn 3');
  expect(problemIn(`${shown}LOST 4\r\n`)).toBe('LOST 4');
  expect(problemIn(`${shown}BACK 812 700\r\n`)).toBe('BACK 812 700');
});
