/** The policies that there are, by their numbers in machine memory. */
import { credit } from './credit.ts';
import { fair } from './fair.ts';
import type { Policy } from './policy.ts';
import { roundRobin } from './round-robin.ts';

export const POLICIES: readonly Policy[] = [credit, roundRobin, fair];
