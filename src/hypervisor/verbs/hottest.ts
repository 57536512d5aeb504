/** The regions of a domain's compiled code that ran most. */
import type { HotRegion } from '../domain/second-tier.ts';
import { question } from './verb.ts';

export const hottest = question({
  apply: ({ domain }): HotRegion[] => domain.hottest(),
  gone: () => [],
});
