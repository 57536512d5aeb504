/** The next part of a domain's state, which is paused until there is no more; `copyAhead` ends it before. */
import type { SavedPart } from '../domain/saved-part.ts';
import { question } from './verb.ts';

export const save = question({
  apply: on => on.state(),
  gone: () => {
    throw new Error('The domain has stopped with an internal error; there is nothing to save.');
  },
  transfer: moved,
});

/** What of a part is moved, and not copied. */
export function moved({ pieces }: SavedPart): Transferable[] {
  return pieces.map(({ buffer }) => buffer as ArrayBuffer);
}
