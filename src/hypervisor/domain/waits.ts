/** A domain that sleeps and that nothing of its own will wake. */
import type { Domain } from './domain.ts';
import type { SliceResult } from './slice.ts';

/** `event`: input, or a word of another domain, still can; `reset`: it halted with interrupts off, and only a reset can. */
export type WaitsFor = 'event' | 'reset';

const SENTENCES: Record<WaitsFor, string> = {
  event: 'The guest waits for an interrupt that cannot come: no timer runs and the input has ended.',
  reset: 'The guest halted with interrupts off: nothing but a reset can wake it.',
};

/** After a slice; undefined: it computes, or a timer of its own wakes it. */
export function waitsFor(domain: Domain, result: SliceResult): WaitsFor | undefined {
  if (result.state === 'ended' || result.state === 'paused') return undefined;
  if (domain.slices.stuck) return 'reset';
  return result.state === 'parked' && result.untilNs === Infinity && !domain.options.driveQueue?.isBusy
    ? 'event'
    : undefined;
}

/** Where it is, for people. */
export const waitsReport = (domain: Domain, what: WaitsFor | undefined): string | undefined =>
  what && domain.power.report(SENTENCES[what]);
