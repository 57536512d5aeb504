/** The regions of a domain's compiled code that ran most. */
import type { HotRegion } from '../domain/hot-regions.ts';
import { question } from './verb.ts';

export const hottest = question({
  apply: async ({ domain: { processor, options } }): Promise<HotRegion[]> =>
    (await import('../domain/hot-regions.ts')).hottestRegions(
      processor.regions,
      options.machine.bytes,
      options.disassemble,
    ),
  gone: () => [],
});
