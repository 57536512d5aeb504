/** The second tier of a domain's processor: whether there is one, and what is reported of it. */
import { type Compile, functionOf, type Processor, type RegionOptions } from '../../cpu/architecture/index.ts';
import { COUNTERS } from '../layout/layout.ts';
import { put64 } from '../memory/words.ts';

/** An instruction in Intel's words, and its length. */
export type Disassemble = (bytes: Uint8Array, address: number, bits: 16 | 32 | 64) => { text: string; length: number };

/** Whether hot guest code is compiled where nobody says. */
export const JIT_BY_DEFAULT = true;
/** Samples in an epoch from which a place is compiled, where nobody says. */
const THRESHOLD = 8;

/** The options of a domain's second tier. */
export interface JitOptions {
  /** Samples in an epoch from which a place is compiled; 0: nothing is. Absent: as JIT_BY_DEFAULT has it. */
  jitThreshold?: number;
  /** How a text becomes a function (default: by `new Function`). */
  compile?: Compile;
}

/** What its processor is made with. */
export function regionOptions({ jitThreshold = JIT_BY_DEFAULT ? THRESHOLD : 0, compile = functionOf }: JitOptions): {
  regions?: RegionOptions;
} {
  return jitThreshold > 0 ? { regions: { threshold: jitThreshold, compile } } : {};
}

/** Into the domain's counters block. */
export function publishTier(
  counters: Int32Array,
  { regions, lacksRegions }: Pick<Processor, 'regions' | 'lacksRegions'>,
): void {
  counters[COUNTERS.TIER] = regions?.off ? 2 : regions || lacksRegions ? 1 : 0;
  if (!regions) return;
  const { statistics, recordBytes } = regions;
  put64(counters, COUNTERS.TIER_RETIRED, statistics.retired);
  put64(counters, COUNTERS.TIER_SAMPLES, statistics.samples);
  put64(counters, COUNTERS.TIER_REGION_SAMPLES, statistics.regionSamples);
  counters[COUNTERS.TIER_REGIONS] = statistics.regions;
  counters[COUNTERS.TIER_COMPILED] = statistics.compiled;
  counters[COUNTERS.TIER_EVICTED] = statistics.evicted;
  counters[COUNTERS.TIER_DROPPED] = statistics.dropped;
  counters[COUNTERS.TIER_GIVEN_UP] = statistics.givenUp;
  counters[COUNTERS.TIER_TEXT_BYTES] = statistics.characters;
  counters[COUNTERS.TIER_RECORD_BYTES] = recordBytes;
}
