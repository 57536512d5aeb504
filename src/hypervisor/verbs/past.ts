/** A domain goes to a moment of its past, and stands there; its past is kept from the first time that somebody asks. */
import { SavedStateError } from '../domain/saved-state-error.ts';
import type { AddressPoint } from '../domain/break-points.ts';
import type { History, Hit, Moment, Target } from '../history/index.ts';
import { question } from './verb.ts';

/** `keep`: nothing but that it is kept from now on. `goOn`: what came after is forgotten, and the guest may run from here. */
export type PastWish =
  | { goTo: Target }
  | { back: Target }
  | { backTo: readonly AddressPoint[] }
  | 'present'
  | 'goOn'
  | 'keep';

/** Where it stands now, how far back it can go, and where its present is. */
export interface PastNow {
  at: Moment;
  oldest: Moment;
  newest: Moment;
  isInPast: boolean;
  /** Memory that its past takes, about, bytes. */
  bytes: number;
  /** Of `backTo`: what it was; absent: none was, and it stands where it stood. */
  hit?: Hit;
}

export const past = question({
  apply: async (on, wish: PastWish): Promise<PastNow> => {
    if (!on.history)
      throw new SavedStateError('Only a guest in virtual time can go back: load the page with ?time=virtual.');
    const history = await on.history();
    if (wish !== 'keep') on.setPaused(true);
    let hit: Hit | undefined;
    if (wish === 'present') history.toPresent();
    else if (wish === 'goOn') history.goOn();
    else if (wish === 'keep') hit = undefined;
    else if ('back' in wish) history.back(wish.back);
    else if ('backTo' in wish) hit = history.backTo(wish.backTo);
    else history.goTo(wish.goTo);
    return { ...nowOf(history), ...(hit ? { hit } : {}) };
  },
  gone: () => {
    throw new SavedStateError('The domain has stopped with an internal error: there is nothing to go back to.');
  },
});

const nowOf = ({ now: at, oldest, newest, isInPast, bytes }: History): PastNow => ({
  at,
  oldest,
  newest,
  isInPast,
  bytes,
});

/** Where it stands, which changes nothing; undefined: its past is not kept. */
export const pastNow = question({
  apply: ({ keptHistory }): PastNow | undefined => {
    const history = keptHistory?.();
    return history && nowOf(history);
  },
  gone: () => undefined,
});
