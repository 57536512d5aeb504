/** A guest of Xen that has suspended itself goes on. */
import { verb } from './verb.ts';

export const resume = verb({ apply: ({ domain }) => domain.power.resume() });
