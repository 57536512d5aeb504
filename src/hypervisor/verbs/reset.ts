/** A plain PC starts again in its own memory, also where it has stopped. */
import { verb } from './verb.ts';

export const reset = verb({ apply: ({ domain }) => domain.power.reset() });
