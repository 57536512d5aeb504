/**
 * From guest code to the text of a region. It is loaded when something is first hot (`loadCompiler`), since it needs the descriptions of all instructions,
 * which no bundle of the processor holds; what runs often is in tier.ts, which is loaded with the processor.
 */
import type { Features } from '../architecture/cpuid.ts';
import { codeOf, type RegionCompiler } from '../architecture/regions.ts';
import { BRIEF, Former, LASTING } from './former.ts';
import { sourceOf } from './source.ts';

/**
 * Characters of a text. V8 never optimises functions of more than 60 KB of bytecode, and a character is up to 1.5 bytes of it: instructions of SSE have long
 * texts (region/text.test.ts).
 */
const MAX_CHARACTERS = 36_000;

/** `bytes`: machine memory. `features`: instructions that the processor has now. */
export function createCompiler(bytes: Uint8Array, features: () => Features): RegionCompiler {
  const former = new Former(bytes, features);
  return {
    *compile(seen, offset, find, user, entry, isLasting = false) {
      const limits = isLasting ? LASTING : BRIEF;
      for (let most = limits.instructions; ; ) {
        const region = former.form(seen, offset, find, { ...limits, instructions: most });
        if (region === null) return null;
        const { instructions, pages } = region,
          code = codeOf(bytes, pages).map(piece => piece.slice()),
          made = yield* sourceOf(region, seen.kind, user, entry),
          { length } = made.text;
        if (length <= MAX_CHARACTERS || most === 1) return { ...made, instructions, pages, code };
        most = Math.max(1, Math.min(most - 1, Math.floor(((instructions * MAX_CHARACTERS) / length) * 0.9)));
      }
    },
    head: (code32, trace, find) => former.head(code32, trace, find),
  };
}
