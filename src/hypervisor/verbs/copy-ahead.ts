/**
 * A domain that is about to be saved: some of its memory is copied, between two slices; asked again and again, it is all copied while the guest runs, and only
 * what was written since is left for `save`. Answers the next part of its state. `isOff`: it is not saved after all.
 */
import type { SavedPart } from '../domain/saved-part.ts';
import { moved } from './save.ts';
import { question } from './verb.ts';

export const copyAhead = question({
  apply: async (on, isOff: boolean = false): Promise<SavedPart> => {
    if (!isOff) return on.copyAhead();
    await on.forgetState();
    return NOTHING;
  },
  gone: () => NOTHING,
  transfer: moved,
});

const NOTHING: SavedPart = { pieces: [], isLast: true };
