import { expect, it } from 'vitest';
import type { Network } from '../../host/network/index.ts';
import { Pings } from './pings.ts';

/** Time that passes where a test says so, and a guest that answers at once while it is there. */
function pinged() {
  let nowMs = 0,
    isThere = true;
  let timers: { atMs: number; callback: () => void }[] = [];
  const later = (ms: number, callback: () => void) => {
    const timer = { atMs: nowMs + ms, callback };
    timers.push(timer);
    return () => void (timers = timers.filter(each => each !== timer));
  };
  const echo = async (from: number, _id: number, _sequence: number, data: Uint8Array, over: Promise<void>) => {
    if (isThere) return { from, ttl: 64, bytes: data.length };
    await over;
    return undefined;
  };
  const network = { own: async () => ({ echo }) } as unknown as Pick<Network, 'own'>;
  const pings = new Pings(network, 1, 7, { later, nowMs: () => nowMs });
  const passes = async (ms: number, there: boolean): Promise<void> => {
    isThere = there;
    for (let left = ms; left > 0; left--) {
      for (let turns = 0; turns < 10; turns++) await Promise.resolve();
      nowMs++;
      const due = timers.filter(({ atMs }) => atMs <= nowMs);
      timers = timers.filter(({ atMs }) => atMs > nowMs);
      for (const { callback } of due) callback();
    }
    for (let turns = 0; turns < 10; turns++) await Promise.resolve();
  };
  return { pings, passes, now: () => nowMs, timers: () => timers.length };
}

it('tells the longest time between two answers, also where the last of them is yet to come', async () => {
  const { pings, passes, now, timers } = pinged();
  await passes(50, true);
  await passes(120, false);
  await passes(45, true);
  const longest = pings.longest(now(), 1000);
  await passes(20, true);
  // It answered at 50, and then at 180.
  expect(await longest).toBe(130);
  pings.end();
  await passes(3000, true);
  expect(timers()).toBe(0);
});

it('tells nothing of a guest that does not answer any more, or never did', async () => {
  const { pings, passes, now } = pinged();
  await passes(50, false);
  expect(await pings.longest(now(), 1000)).toBeUndefined();
  await passes(50, true);
  const longest = pings.longest(now(), 1000);
  await passes(1100, false);
  expect(await longest).toBeUndefined();
});
