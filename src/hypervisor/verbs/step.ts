/** A domain that is paused runs this many instructions, below 0 this many exits, and is paused again. */
import { verb } from './verb.ts';

export const step = verb({
  apply: (on, count: number) => {
    on.domain.stops.step(count);
    on.setPaused(false);
  },
});
