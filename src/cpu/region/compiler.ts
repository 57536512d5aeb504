/**
 * From guest code to the text of a region. It is loaded when something is first hot (`loadCompiler`), since it needs the descriptions of all instructions,
 * which no bundle of the processor holds; what runs often is in tier.ts, which is loaded with the processor.
 */
import type { Features } from '../architecture/cpuid.ts';
import type { RegionCompiler } from '../architecture/regions.ts';
import { Former } from './former.ts';
import { sourceOf } from './source.ts';

/** `bytes`: machine memory. `features`: instructions that the processor has now. */
export function createCompiler(bytes: Uint8Array, features: () => Features): RegionCompiler {
  const former = new Former(bytes, features);
  return {
    compile(offset, find, ran) {
      const region = former.form(offset, find, ran);
      if (region === null) return null;
      const { instructions, pages } = region;
      return { ...sourceOf(region), instructions, pages };
    },
    head: (trace, find) => former.head(trace, find),
  };
}
