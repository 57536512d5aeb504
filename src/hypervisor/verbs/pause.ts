/** A domain stands still; answers once it does. */
import { question } from './verb.ts';

export const pause = question({ apply: on => on.setPaused(true), gone: () => {} });
