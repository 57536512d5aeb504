/** The processor: what the rest of the project may use. */
import { Cpu } from './cpu.ts';
import type { Processor, ProcessorOptions } from './edge.ts';

export { cpuid } from './cpuid.ts';
export * from './edge.ts';
export * from './registers.ts';
export { decode, disassemble, newDecoded, rows } from './table/index.ts';

/** A virtual processor in its state after RESET. */
export function createProcessor(options: ProcessorOptions): Processor {
  return new Cpu(options);
}
