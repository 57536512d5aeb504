import { expect, it } from 'vitest';
import { DOMAIN_0 } from '../../hypervisor/memory/index.ts';
import { runNsOf } from './run-time.ts';

it("is what vCPUs ran, and not what the machine's own system gave to others while they held a slot", () => {
  const scheduler = { runstates: () => ({ running: 804e9 }) };
  const view = (block: object | undefined) => ({ at: () => block, scheduler });
  const time = (index: number, block?: object): number =>
    runNsOf({ view: view(block), queue: { nowNs: () => 0 } } as never, index);
  const counted = { counters: () => ({ runNs: 30e9 }) };
  expect([time(3, counted), time(3), time(DOMAIN_0, counted)]).toEqual([30e9, 804e9, 804e9]);
});
