/** A domain goes to a moment of its past, and is paused there; its past is kept from the first time that somebody asks. */
import { SavedStateError } from '../domain/saved-state-error.ts';
import type { DebugWish, PastNow, PastWish } from '../history/index.ts';
import { question } from './verb.ts';

export const past = question({
  apply: async (on, wish: PastWish | DebugWish): Promise<PastNow> => {
    if (!on.history)
      throw new SavedStateError(
        'Only a guest in virtual time can go back: load the page with ?time=virtual, or start it by ringside boot --virtual-time.',
      );
    const history = await on.history();
    if (wish !== 'keep') on.setPaused(true);
    return history.follow(wish);
  },
  gone: () => {
    throw new SavedStateError('The domain has stopped with an internal error: there is nothing to go back to.');
  },
});

/** Where it is, which changes nothing; undefined: its past is not kept. */
export const pastNow = question({
  apply: ({ keptHistory }): PastNow | undefined => keptHistory?.()?.standing,
  gone: () => undefined,
});
