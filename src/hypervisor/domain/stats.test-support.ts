/** What a domain has done, for tests: exits by Intel's names. */
import { COUNTERS } from '../layout/layout.ts';
import { exitsByName } from '../view/counters.ts';
import { EXIT_COUNTERS } from '../view/exit-reasons.ts';
import type { Domain } from './domain.ts';

export function statsOf({ counters, clock, exits, slices }: Domain) {
  return {
    nowNs: clock.nowNs(),
    idleNs: slices.time.idleNs,
    exits: exits.total,
    exitsByReason: exitsByName(counters.subarray(COUNTERS.EXITS, COUNTERS.EXITS + EXIT_COUNTERS)),
    apicReads: exits.apicReads,
  };
}
