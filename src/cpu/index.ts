/** The processor: what the rest of the project may use. */
import { Cpu } from './cpu.ts';
import { type CpuModel, hasLongMode } from './architecture/cpuid.ts';
import type { Processor, ProcessorOptions } from './architecture/edge.ts';
import type { createCompiler } from './region/compiler.ts';

export { cpuid } from './architecture/cpuid.ts';
export * from './architecture/edge.ts';
export * from './architecture/registers.ts';
export { decode, disassemble, newDecoded, rows } from './table/index.ts';

let longMode: ProcessorOptions['longMode'];

/** A virtual processor in its state after RESET. One with 64-bit code needs `loadLevel` before it. */
export function createProcessor(options: ProcessorOptions): Processor {
  return new Cpu(longMode !== undefined && hasLongMode(options.cpuLevel) ? { longMode, ...options } : options);
}

/** Processors of this level can be made from then on. */
export async function loadLevel(level: CpuModel | undefined): Promise<void> {
  if (hasLongMode(level)) longMode ??= (await import('./long-mode.ts')).createLongMode;
}
export { MONITOR_NONE, endsWait, isInMwait } from './monitor.ts';

/** What `Regions.useCompiler` takes, loaded now. */
export const loadCompiler = async (): Promise<typeof createCompiler> =>
  (await import('./region/compiler.ts')).createCompiler;
