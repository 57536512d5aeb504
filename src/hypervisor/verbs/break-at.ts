/** Where a domain is to stop from now on; an empty list: nowhere (domain/breaks.ts). */
import type { BreakPoint } from '../domain/break-points.ts';
import { verb } from './verb.ts';

export const breakAt = verb({ apply: ({ domain }, points: readonly BreakPoint[]) => domain.setBreaks(points) });
