/** A domain's state in pieces, as it is now; it goes on. */
import { question } from './verb.ts';

export const save = question({
  apply: on => on.state(),
  gone: () => {
    throw new Error('The domain has stopped with an internal error; there is nothing to save.');
  },
  transfer: chunks => chunks.map(({ buffer }) => buffer as ArrayBuffer),
});
