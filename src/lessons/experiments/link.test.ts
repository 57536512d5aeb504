/** Guests that go from one host of an experiment to another. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { timersOfTest } from '../../dom0/service/host.test-support.ts';
import { guestText } from './lab.ts';
import { join, LINK_MIB, move, type Went } from './link.ts';
import { openLab } from './open-lab.ts';

const guests = new URL('../../../guests/', import.meta.url);
const COMPUTED_MS = 100;

async function moved(): Promise<Went> {
  const here = await openLab({
    read: async path => new Uint8Array(readFileSync(new URL(path, guests))),
    ...timersOfTest(),
  });
  const there = await here.another(true);
  join({ here, there });
  const guest = await here.boot(guestText('worker', 'pvh'));
  await guest.command(`hog ${COMPUTED_MS}`);
  const beganMs = here.nowMs;
  const { went, guest: other } = await move(guest, here, { name: 'there', lab: there });
  expect(here.nowMs - beganMs).toBeLessThan(COMPUTED_MS);
  expect((await other.facts()).counts.run_us! / 1000).toBeGreaterThan(COMPUTED_MS);
  return went;
}

it('a move takes the time of its link, whatever the guest has executed before, and the first one as much as the next', async () => {
  const first = await moved();
  expect(first.totalMs).toBeGreaterThan((1000 * first.mib) / LINK_MIB);
  expect(first.downMs).toBeLessThan(COMPUTED_MS / 2);
  expect(await moved()).toEqual(first);
});
