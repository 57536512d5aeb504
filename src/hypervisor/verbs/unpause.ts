/** A domain that was paused goes on. */
import { verb } from './verb.ts';

export const unpause = verb({
  apply: on => {
    // A step that waits for something does not end what comes now.
    on.domain.stops.step(0);
    on.setPaused(false);
  },
});
