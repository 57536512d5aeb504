/** One unit after the other, for the same time: no weights, no caps, no memory. What a credit scheduler is compared with. */
import { PRIORITY, UNIT } from './block.ts';
import { byPriority, type Policy } from './policy.ts';
import { DEFAULT_WEIGHT, XEN_PARAMETERS } from './shares.ts';

export const roundRobin: Policy = {
  ...byPriority,
  name: 'rr',
  ofXen: true,
  weight: DEFAULT_WEIGHT,
  defaults: () => XEN_PARAMETERS,
  tickNs: () => 10e6,
  accountingNs: () => 1e9,
  added: (block, unit) => block.set(unit, UNIT.PRIORITY, PRIORITY.UNDER),
  limited: () => {},
  removed: () => {},
  woken: () => {},
  charge: (block, unit, nowNs) => block.setUnitTime(unit, UNIT.CHARGED, nowNs),
  tick: () => {},
  account: () => {},
};
