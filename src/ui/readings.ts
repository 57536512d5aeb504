/** Readings of the host's counters, as they are shown. */

import type { Reading } from '../dom0/service/index.ts';

export { ownsMemory, type Reading } from '../dom0/service/readings/index.ts';

/** What is drawn where nothing else was chosen. */
export const HISTORY_MS = 60_000;
/** A shorter reading, of a page just opened or a domain just begun, says little of a second. */
const LEAST_MS = 900;

/** Readings that say something of a second, and those that know nothing. */
export const telling = (all: readonly Reading[]): readonly Reading[] =>
  all.filter(({ overMs }) => overMs === 0 || overMs >= LEAST_MS);

/** A value for each of the last `seconds`, oldest first, from the reading that it lies in; undefined: no reading tells. */
export function bySecond(
  all: readonly Reading[],
  seconds: number,
  of: (reading: Reading) => number | undefined,
): (number | undefined)[] {
  const last = all.at(-1);
  if (!last) return [];
  const known = Math.min(seconds, Math.ceil((last.atMs - all[0]!.atMs + all[0]!.overMs) / 1000));
  return Array.from({ length: known }, (_, i) => {
    const middleMs = last.atMs - (known - i - 0.5) * 1000;
    const reading = all.find(({ atMs, overMs }) => atMs - overMs <= middleMs && middleMs < atMs);
    return reading && of(reading);
  });
}
