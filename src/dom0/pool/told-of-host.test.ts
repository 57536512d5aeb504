import { expect, it } from 'vitest';
import { DOMAIN_0 } from '../../hypervisor/memory/index.ts';
import { tellOfHost } from './told-of-host.ts';

it('tells of a guest that has just come what it does here, and not what it had done where it came from', () => {
  let atMs = 0,
    tellAgain = (): void => {},
    counters = { nowNs: 0, runNs: 0 };
  const loads: { busy: number; guests: { guest: string; busySlots: number }[] }[] = [];
  const host = {
    machine: { frames: 1024, freeFrames: 512, hasVt: true },
    tasks: { list: () => [] },
    clock: { hostMs: () => atMs, later: (_: number, then: () => void) => (tellAgain = then) },
    parts: { version: '1' },
    toolstack: {
      identity: { name: 'one' },
      queue: { pcpus: 2, nowNs: () => 0 },
      services: { network: { ownStation: 0 } },
      view: {
        at: (index: number) => (index === DOMAIN_0 ? undefined : { counters: () => counters }),
        scheduler: { runstates: () => ({ running: 0 }) },
      },
      members: new Map([
        [1, { uuid: 'u', name: 'web', memoryMiB: 16, record: { index: 3 }, blueprint: { definition: {} } }],
      ]),
      state: () => 'r',
    },
  };
  const state = { setLoad: (load: never) => loads.push(load), setHost: () => {}, setGuests: () => {}, hosts: [] };
  tellOfHost(host as never, { inOrder: ['one'], me: 'one', receives: true } as never, state as never);
  const look = (ms: number, now: typeof counters): void => {
    atMs += ms;
    counters = now;
    tellAgain();
  };
  look(2000, { nowNs: 0, runNs: 0 });
  // It is here, with what it ran there.
  look(2000, { nowNs: 60e9, runNs: 40e9 });
  look(2000, { nowNs: 62e9, runNs: 41e9 });
  expect(loads.slice(1).map(({ busy, guests }) => [busy, guests[0]!.busySlots])).toEqual([
    [0, 0],
    [0, 0],
    [0.25, 0.5],
  ]);
});
