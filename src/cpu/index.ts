/** The processor: what the rest of the project may use. */
import { Cpu } from './cpu.ts';
import type { Processor, ProcessorOptions } from './architecture/edge.ts';
import type { createCompiler } from './region/compiler.ts';

export { cpuid } from './architecture/cpuid.ts';
export * from './architecture/edge.ts';
export * from './architecture/registers.ts';
export { decode, disassemble, newDecoded, rows } from './table/index.ts';

/** A virtual processor in its state after RESET. */
export function createProcessor(options: ProcessorOptions): Processor {
  return new Cpu(options);
}
export { MONITOR_NONE, endsWait, isInMwait } from './monitor.ts';

/** `ProcessorOptions.longMode`, loaded now. */
export const loadLongMode = async (): Promise<NonNullable<ProcessorOptions['longMode']>> =>
  (await import('./long-mode.ts')).createLongMode;

/** What `Regions.useCompiler` takes, loaded now. */
export const loadCompiler = async (): Promise<typeof createCompiler> =>
  (await import('./region/compiler.ts')).createCompiler;
