/** Runs of physical extents, as volumes are made of them. */
import { PE_BYTES } from './device-names.ts';
import type { Segment } from './part.ts';

export const count = (segments: readonly Segment[]): number =>
  segments.reduce((sum, segment) => sum + segment.count, 0);
/** The first extents of a volume, this many, and those behind them. */
export function firstOf(segments: readonly Segment[], extents: number): Segment[] {
  let left = extents;
  return segments.flatMap(({ first, count: had }) => {
    const taken = Math.min(left, had);
    left -= taken;
    return taken > 0 ? [{ first, count: taken }] : [];
  });
}

export function lastOf(segments: readonly Segment[], from: number): Segment[] {
  let skip = from;
  return segments.flatMap(({ first, count: had }) => {
    const skipped = Math.min(skip, had);
    skip -= skipped;
    return skipped < had ? [{ first: first + skipped, count: had - skipped }] : [];
  });
}

export const bytesOf = (segments: readonly Segment[]): number => count(segments) * PE_BYTES;

export function merged(segments: Segment[]): Segment[] {
  const result: Segment[] = [];
  for (const segment of segments) {
    const last = result.at(-1);
    if (last && last.first + last.count === segment.first) last.count += segment.count;
    else result.push({ ...segment });
  }
  return result;
}

/** The first `wanted` of `extents` that none of these segments has; fewer where fewer are free. */
export function firstFit(taken: readonly Segment[], extents: number, wanted: number): Segment[] {
  const found: Segment[] = [];
  let next = 0,
    left = wanted;
  for (const { first, count } of [...taken].sort((a, b) => a.first - b.first).concat({ first: extents, count: 0 })) {
    const room = Math.min(left, first - next);
    if (room > 0) {
      found.push({ first: next, count: room });
      left -= room;
    }
    next = first + count;
  }
  return found;
}
