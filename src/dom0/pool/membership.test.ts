import { getRandomValues } from 'node:crypto';
import { expect, it } from 'vitest';
import type { TabsChannel } from '../host/index.ts';
import { later, testFile, testHost, until } from '../service/host.test-support.ts';
import { membershipOf } from './membership.ts';
import { guestFile } from './recovery/recovery.test-support.ts';

const HOUR_MS = 3_600_000;

/** A browser with this tab alone. */
const ways = {
  webSocket: () => {
    throw new Error('There is no hub here.');
  },
  tabs: (): TabsChannel => ({ postMessage: () => {}, onmessage: null, close: () => {} }),
  random: (count: number) => getRandomValues(new Uint8Array(count)),
};

it('a host that slept knows it by its wall clock or the time since its machine started, though its monotonic clock stood still', async () => {
  const behind = { wallMs: 0, upMs: 0 };
  const host = testHost({
    ways,
    later: (ms, callback) => later(ms / 20, callback),
    epochMs: () => Date.now() + behind.wallMs,
    upMs: { nowMs: () => performance.now() + behind.upMs, grainMs: 100 },
  });
  const { ownership } = await membershipOf(host).join('tabs', { name: 'alfa' });
  const definition = 'name = "web"\ntype = "pvh"\nmemory = 8\nkernel = "minipv.elf"\nha = 1\n';
  const { id } = await host.create([
    testFile('web.cfg', definition),
    testFile('minipv.elf', guestFile('minipv/minipv.elf')),
  ]);
  const { uuid } = host.domains.member(id);
  const isMine = (): boolean => ownership.holds(uuid) && ownership.isSure(uuid);
  for (const clock of ['wallMs', 'upMs'] as const) {
    await until(isMine);
    behind[clock] += HOUR_MS;
    expect(isMine()).toBe(false);
  }
  await until(isMine);
  // A clock that is set back may hide a sleep.
  behind.wallMs -= HOUR_MS;
  expect(isMine()).toBe(false);
  await until(isMine);
  await membershipOf(host).leave();
  await host.destroy(id);
});
