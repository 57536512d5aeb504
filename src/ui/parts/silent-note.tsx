/** A guest that has written nothing and drawn nothing yet: whether it works, and why that takes long. Loaded where one is silent. */

import type { Rates } from '../counters.ts';
import type { DomainSession } from '../sessions.ts';
import { whole } from '../units.ts';

/** A guest that does less waits for something. */
const LEAST_PER_SECOND = 10_000;

const millions = (n: number): string => (n < 9.95e6 ? (n / 1e6).toFixed(1) : whole(n / 1e6));

/** `retired`: instructions so far. */
export function silenceSaid(name: string, retired: number, rates: Rates | undefined): string {
  const perSecond = rates?.instructionsPerSecond ?? 0;
  if (perSecond < LEAST_PER_SECOND)
    return `${name} has shown nothing yet, and does next to nothing now: it waits for something, or has stopped. Inspect, Processor shows where.`;
  const slow =
    rates!.compiled === 0
      ? ', none of them by compiled code (64-bit code is interpreted here, so a boot takes minutes)'
      : '';
  return `${name} has shown nothing yet, and works: ${millions(retired)} million instructions so far, ${millions(perSecond)} million a second${slow}.`;
}

export function SilentNote({ session }: { session: DomainSession }) {
  const { name } = session.info.value,
    retired = session.sample.value?.retired;
  if (retired === undefined) return null;
  return (
    <div class="note" role="status">
      <span>{silenceSaid(name, retired, session.rates.value)}</span>
    </div>
  );
}
