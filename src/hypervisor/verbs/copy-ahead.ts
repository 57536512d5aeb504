/**
 * A domain that is about to be saved: some of its memory is copied, between two slices; asked again and again, it is all copied while the guest runs, and only
 * what was written since is left for `save`. Answers how many frames are left. `isOff`: it is not saved after all.
 */
import { question } from './verb.ts';

export const copyAhead = question({
  apply: (on, isOff: boolean = false): number | Promise<number> => on.copyAhead(isOff),
  gone: () => 0,
});
