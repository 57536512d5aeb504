import { expect, it } from 'vitest';
import { DOMAIN_0 } from '../../hypervisor/memory/index.ts';
import { comparableRunNs, runNsOf } from './run-time.ts';

it("is what vCPUs ran, and not what the machine's own system gave to others while they held a slot", () => {
  const scheduler = { runstates: () => ({ running: 804e9 }) };
  const view = (block: object | undefined) => ({ at: () => block, scheduler });
  const time = (index: number, block?: object): number =>
    runNsOf({ view: view(block), queue: { nowNs: () => 0 } } as never, index);
  const counted = { counters: () => ({ runNs: 30e9 }) };
  expect([time(3, counted), time(3), time(DOMAIN_0, counted)]).toEqual([30e9, 804e9, 804e9]);
});

it('is not to be compared before a guest’s worker has told of it: one that comes from another host brings its time along', () => {
  const time = (block?: object): number | undefined =>
    comparableRunNs(
      {
        view: { at: () => block && { counters: () => block }, scheduler: { runstates: () => ({ running: 7 }) } },
        queue: { nowNs: () => 0 },
      } as never,
      3,
    );
  expect([time({ nowNs: 0, runNs: 0 }), time({ nowNs: 38e9, runNs: 20e9 }), time({ nowNs: 5, runNs: 0 })]).toEqual([
    undefined,
    20e9,
    0,
  ]);
  expect(time()).toBe(7);
});
