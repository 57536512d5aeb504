/** Everyone in turn, for the same time: no weights, no caps, no memory. What a credit scheduler is compared with. */
import { PRIORITY, UNIT } from './block.ts';
import type { Policy } from './policy.ts';

export const roundRobin: Policy = {
  name: 'rr',
  tickNs: () => 10e6,
  accountingNs: () => 1e9,
  added: (block, unit) => block.set(unit, UNIT.PRIORITY, PRIORITY.UNDER),
  removed: () => {},
  woken: () => {},
  charge: (block, unit, nowNs) => block.setUnitTime(unit, UNIT.CHARGED, nowNs),
  tick: () => {},
  account: () => {},
};
