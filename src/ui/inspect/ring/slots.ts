/** Whose turn each slot of a ring is, from its indices (io/ring.h). */
import type { RingFacts } from '../../../dom0/service/index.ts';

/** D: the front end has drafted a request, and not pushed it; W: it waits for the back end; T: that has taken it; A: the response waits for the front end; F: free. */
export type SlotState = 'D' | 'W' | 'T' | 'A' | 'F';

/** The request that a slot held last, by its index; below 0: none yet. */
export const lastIn = ({ reqProd, slots }: Pick<RingFacts, 'reqProd' | 'slots'>, slot: number): number =>
  reqProd - 1 - ((reqProd - 1 - slot) & (slots - 1));

/**
 * Whose turn each slot is. Where the front end's own indices are not known, `rspEvent` - 1 represents its rsp_cons, as drivers set it when they have read all
 * (RING_FINAL_CHECK_FOR_RESPONSES), and no draft is seen.
 */
export function slotStates({
  slots,
  reqProd,
  reqCons,
  rspProd,
  rspProdPvt,
  rspEvent,
  front,
}: Pick<RingFacts, 'slots' | 'reqProd' | 'reqCons' | 'rspProd' | 'rspProdPvt' | 'rspEvent' | 'front'>): SlotState[] {
  const states = Array.from({ length: slots }, (): SlotState => 'F');
  const mark = (from: number, to: number, state: SlotState): void => {
    const count = (to - from) >>> 0;
    // Further apart than the ring is long: the indices make no sense, or were read in the middle of a change.
    if (count > slots) return;
    for (let i = 0; i < count; i++) states[(from + i) & (slots - 1)] = state;
  };
  const read = front?.rspCons ?? rspEvent - 1;
  if (((rspProd - read) | 0) > 0) mark(read, rspProd, 'A');
  mark(rspProdPvt, reqCons, 'T');
  mark(reqCons, reqProd, 'W');
  if (front) mark(reqProd, front.reqProdPvt, 'D');
  return states;
}
