/** Where a domain is to stop from now on; an empty list: nowhere (domain/breaks.ts). */
import type { BreakWish } from '../domain/breaks.ts';
import { verb } from './verb.ts';

export const breakAt = verb({ apply: ({ domain }, points: readonly BreakWish[]) => domain.stops.setBreaks(points) });
