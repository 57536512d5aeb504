/** Compiled regions of guest code, with their compiler loaded and all instructions: for tests and fuzzers. Who runs guests loads them later (../index.ts). */
import type { Processor } from '../architecture/edge.ts';
import { functionOf, type RegionStatistics } from '../architecture/regions.ts';
import type { Cpu } from '../cpu.ts';
import { fpuOps } from '../fpu/ops.ts';
import { addOperations } from '../ops/index.ts';
import { createCompiler } from './compiler.ts';
import { RegionTier } from './tier.ts';

export type { RegionStatistics };

addOperations(fpuOps);

/** Gives a processor its second tier. `threshold`: samples in an epoch from which a place is compiled; 1 compiles whatever a batch begins at. */
export function addRegions(processor: Processor, threshold?: number): Readonly<RegionStatistics> {
  const tier = new RegionTier(processor as Cpu, {
    compile: functionOf,
    ...(threshold === undefined ? {} : { threshold }),
  });
  tier.useCompiler(createCompiler);
  (processor as Cpu).regions = tier;
  return tier.statistics;
}

/** Has the TLB know the pages of this many bytes from `linear` on, as writes there do: a region leaves where it does not. They are mapped and may be written. */
export function fillTlb(processor: Processor, linear: number, bytes: number): void {
  for (let offset = 0; offset < bytes; offset += 4096) (processor as Cpu).memory.reach(linear + offset, true);
}
