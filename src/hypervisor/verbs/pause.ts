/** A domain stands still. */
import { verb } from './verb.ts';

export const pause = verb({ apply: on => on.setPaused(true) });
