/** Guests that go from one host of an experiment to another. */
import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { soon, timersOfTest } from '../../dom0/service/host.test-support.ts';
import { guestText, type Lab } from './lab.ts';
import { join, LINK_MIB, move, type Went } from './link.ts';
import { openLab } from './open-lab.ts';

const guests = new URL('../../../guests/', import.meta.url);
const COMPUTED_MS = 100;

const lab = (): Promise<Lab> =>
  openLab({ read: async path => new Uint8Array(readFileSync(new URL(path, guests))), ...timersOfTest() });

async function moved(): Promise<Went> {
  const here = await lab();
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

const INTERVAL_MS = 10,
  CHECKPOINTS = 4;

/** At which times of the hosts' clock checkpoints of a guest were there. */
async function checkpoints(): Promise<number[]> {
  const here = await lab(),
    there = await here.another(true),
    { neighbours } = join({ here, there }),
    guest = await here.boot(guestText('worker', 'pvh')),
    replicas = there.machine.keepFor('here'),
    taken: number[] = [];
  neighbours.get('there')!.serve('checkpoints', (channel, from) => void replicas.serve(channel, from));
  const stop = new AbortController(),
    over = here.machine.remus(neighbours.get('here')!).protect(here.machine.host.domains.member(guest.id), 'there', {
      intervalMs: INTERVAL_MS,
      holdsOutput: false,
      holdsDisk: true,
      taken: () => void taken.push(here.nowMs),
      signal: stop.signal,
    });
  over.catch(() => {});
  while (taken.length < CHECKPOINTS) await here.run(1);
  stop.abort();
  await here.machine.standing(() => over);
  return taken;
}

it('checkpoints come at the same times where the browser reads files by and by', async () => {
  const inNode = await checkpoints();
  const { arrayBuffer } = Blob.prototype;
  vi.spyOn(Blob.prototype, 'arrayBuffer').mockImplementation(async function (this: Blob) {
    for (let i = 0; i < 7; i++) await new Promise<void>(resolve => soon(resolve));
    return arrayBuffer.call(this);
  });
  expect(await checkpoints()).toEqual(inNode);
  vi.restoreAllMocks();
});
