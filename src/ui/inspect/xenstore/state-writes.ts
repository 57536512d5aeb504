/** How the two halves of a device came together: who wrote which state when, whose watch fired, and what was written before. */

import type { StoreNode } from '../../../dom0/service/index.ts';

export type Side = 'front' | 'back';
/** A state that a side wrote. */
export interface StateWrite {
  side: Side;
  ms: number;
  by: number;
  value: string;
  /** The other side's watch fired. */
  hears: boolean;
}
export interface Meeting {
  /** When the first of all was written. */
  firstMs: number;
  all: StateWrite[];
  /** With which the toolstack made both directories: the guest's own is written by Domain 0 only then. */
  made: StateWrite[];
  /** Those after that. `before`: nodes of the front end's directory that it wrote since the step before. */
  later: (StateWrite & { before: string[] })[];
}

/** `front` and `back` are the nodes of both states; undefined: none was written. */
export function meetingOf(
  front: StoreNode,
  back: StoreNode,
  nodes: readonly StoreNode[],
  guestId: number,
  backId: number,
): Meeting | undefined {
  const of = (side: Side, { writes }: StoreNode): StateWrite[] =>
    writes.map(({ ms, by, value, heard }) => ({
      side,
      ms,
      by,
      value,
      hears: heard.some(({ domid }) => domid === (side === 'front' ? backId : guestId)),
    }));
  const all = [...of('front', front), ...of('back', back)]
      .filter(({ value }) => value !== '')
      .sort((a, b) => a.ms - b.ms),
    firstMs = all[0]?.ms;
  if (firstMs === undefined) return undefined;
  const isMade = ({ by, side, value }: StateWrite, i: number): boolean =>
    by === backId && value === '1' && !all.slice(0, i).some(each => each.side === side);
  const folder = front.path.replace(/\/state$/, '/'),
    later = all.filter((each, i) => !isMade(each, i));
  const writtenBefore = (sinceMs: number, untilMs: number): string[] =>
    nodes
      .filter(
        ({ path, writes }) =>
          path.startsWith(folder) &&
          path !== front.path &&
          writes.some(({ ms, by }) => by === guestId && ms <= untilMs && ms > sinceMs),
      )
      .map(({ path }) => path.slice(folder.length));
  return {
    firstMs,
    all,
    made: all.filter(isMade),
    later: later.map((write, i) => ({
      ...write,
      before: write.side === 'back' ? [] : writtenBefore(later[i - 1]?.ms ?? firstMs, write.ms),
    })),
  };
}
