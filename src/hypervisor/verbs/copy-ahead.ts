/**
 * A domain that is about to be saved: some of its memory is copied, between two slices; asked again and again, it is all copied while the guest runs, and only
 * what was written since is left for `save`. Answers the next part of its state. `how`: by which rounds (stream/copied-ahead.ts); 'off': it is not saved after all.
 */
import type { Precopy, PrecopyWish, SavedPart } from '../domain/saved-part.ts';
import { moved } from './save.ts';
import { question } from './verb.ts';

export const copyAhead = question({
  apply: async (on, how: Precopy | 'off', wish?: PrecopyWish): Promise<SavedPart> => {
    if (how !== 'off') return on.copyAhead(how, wish);
    await on.forgetState();
    return NOTHING;
  },
  gone: () => NOTHING,
  transfer: moved,
});

const NOTHING: SavedPart = { pieces: [], isLast: true };
