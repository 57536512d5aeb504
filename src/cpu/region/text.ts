/** Pieces of a region's text. */
import type { Value } from '../gen/emitter.ts';

/** How a region's text writes a number, whatever precedes it. */
export const number = (n: number): string => (n < 0 ? `(${n | 0})` : String(n | 0));

/** As in gen/record.ts. `u` represents where the entries of the region's privilege begin; `sourceOf` puts the number there. */
export const miss = (table: 'TR' | 'TW', at: Value, bytes: number): Value =>
  bytes === 1
    ? `(e = ${table}[(${at} >>> 12) + u]) & 1`
    : `((e = ${table}[(${at} >>> 12) + u]) | ${at}) & ${bytes - 1}`;
