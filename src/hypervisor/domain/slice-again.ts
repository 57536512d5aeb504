/** A slice of a domain's past that the domain goes through again (src/hypervisor/history). */
import type { DomainClock } from './clock.ts';

/** A place in a domain's run: instructions and exits since the start, and its time. */
export interface Moment {
  instructions: number;
  ns: number;
  exits: number;
}

interface Running {
  readonly instructions: number;
  readonly clock: DomainClock;
  readonly exits: { readonly total: number };
}

/** The moment at which a domain is. */
export const momentOf = ({ instructions, clock, exits }: Running): Moment => ({
  instructions,
  ns: clock.nowNs(),
  exits: exits.total,
});

/** The domain is in the state that it had then, and nothing of now has a say. */
export interface SliceAgain {
  /** It is in the middle of it. */
  begun: boolean;
  /** Where it ended, and whether that was for something else than its length or that the guest waited. */
  end: Moment;
  left: boolean;
  /** It goes no further than to the first of these. */
  until: Pick<Moment, 'instructions' | 'ns'>;
}

/** It has come to where the slice ended. Who waited there woke in the next one, once others had had their turn. */
export const isAtEnd = ({ end }: Pick<SliceAgain, 'end'>, { instructions, ns, exits }: Moment): boolean =>
  instructions >= end.instructions && ns >= end.ns && exits >= end.exits;

/** It has come to the time where it is to stop; or to where it was left, before anything more happened there. */
export const hasCome = (again: SliceAgain, now: Moment): boolean =>
  now.ns >= again.until.ns || (again.left && isAtEnd(again, now));

/** Instructions to where it is to stop; 0 or less: it is there. */
export const instructionsLeft = ({ until }: SliceAgain, at: Moment, clock: DomainClock, retired: number): number =>
  Math.min(
    until.instructions - at.instructions,
    until.ns === Infinity ? Infinity : clock.instructionsUntil(until.ns, retired),
  );
