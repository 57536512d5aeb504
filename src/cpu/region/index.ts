/** Compiled regions of guest code. Loaded apart from the processor: it needs the descriptions, which no bundle of the processor holds. */
import type { Processor } from '../architecture/edge.ts';
import type { Cpu } from '../cpu.ts';
import { type Compile, RegionTier, type TierStatistics } from './tier.ts';

export type { TierStatistics };

/** `new Function`; null where the page's policy forbids it: the interpreter then runs alone. */
const compile: Compile = (names, text) => {
  try {
    return new Function(...names, text) as ReturnType<Compile>;
  } catch (error) {
    if (error instanceof EvalError) return null;
    throw error;
  }
};

/** Gives a processor its second tier. `threshold`: samples in an epoch from which a place is compiled; 1 compiles whatever a batch begins at. */
export function addRegions(processor: Processor, threshold?: number): Readonly<TierStatistics> {
  const cpu = processor as Cpu;
  const tier = new RegionTier(cpu, { compile, ...(threshold === undefined ? {} : { threshold }) });
  cpu.regions = tier;
  return tier.statistics;
}
