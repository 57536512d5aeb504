/** The processor: what the rest of the project may use. */
import { Cpu } from './cpu.ts';
import { type CpuModel, hasLongMode } from './architecture/cpuid.ts';
import type { Processor, ProcessorOptions } from './architecture/edge.ts';
import { addOperations } from './ops/index.ts';
import type { createCompiler } from './region/compiler.ts';
import type { RegionTier } from './region/tier.ts';

export { cpuid } from './architecture/cpuid.ts';
export * from './architecture/edge.ts';
export * from './architecture/registers.ts';
export { decode, disassemble, newDecoded, rows } from './table/index.ts';

let longMode: ProcessorOptions['longMode'];
let Tier: typeof RegionTier | undefined;

/** A virtual processor in its state after RESET. One with 64-bit code needs `loadLevel` before it. */
export function createProcessor(options: ProcessorOptions): Processor {
  const cpu = new Cpu(longMode !== undefined && hasLongMode(options.cpuLevel) ? { longMode, ...options } : options);
  if (Tier) cpu.takeRegions(Tier);
  return cpu;
}

/** Processors know all instructions from then on: what only some guests run, and none at first, comes with it. */
export async function loadOperations(): Promise<void> {
  addOperations((await import('./fpu/ops.ts')).fpuOps);
}

/** Processors that are made from then on have their second tier at once. */
export async function loadTier(): Promise<typeof RegionTier> {
  // Its regions call the functions of any instruction.
  await loadOperations();
  return (Tier ??= (await import('./region/tier.ts')).RegionTier);
}

/** Gives its second tier to a processor that lacks it: a small guest has its prompt without one. */
export async function giveTier(processor: Processor): Promise<void> {
  (processor as Cpu).takeRegions(await loadTier());
}

/** Processors of this level can be made from then on. */
export async function loadLevel(level: CpuModel | undefined): Promise<void> {
  if (hasLongMode(level)) longMode ??= (await import('./long-mode.ts')).createLongMode;
}
export { MONITOR_NONE, endsWait, isInMwait } from './monitor.ts';

/** What `Regions.useCompiler` takes, loaded now. */
export const loadCompiler = async (): Promise<typeof createCompiler> =>
  (await import('./region/compiler.ts')).createCompiler;
