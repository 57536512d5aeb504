/** Compiled regions of guest code. Loaded apart from the processor: it needs the descriptions, which no bundle of the processor holds. */
export { type Compile, RegionTier, type TierOptions, type TierStatistics } from './tier.ts';
