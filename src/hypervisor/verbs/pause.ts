/** A domain is paused; answers once it is. */
import { question } from './verb.ts';

export const pause = question({ apply: on => on.setPaused(true), gone: () => {} });
