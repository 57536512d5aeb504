/** A domain that stands still runs so many instructions, below 0 so many exits, and stands still again. */
import { verb } from './verb.ts';

export const step = verb({
  apply: (on, count: number) => {
    on.domain.step(count);
    on.setPaused(false);
  },
});
