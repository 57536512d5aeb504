/** Ends a suspend to RAM (S3). */
import { verb } from './verb.ts';

export const wake = verb({ apply: ({ domain }) => domain.wake() });
