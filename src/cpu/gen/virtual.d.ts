declare module 'virtual:interpreter' {
  import type { Cpu } from '../cpu.ts';
  import type { Op } from '../ops/context.ts';
  /** See gen/generate.ts. */
  export function createInterpreter(cpu: Cpu): { run(record: number): void; runNarrow(record: number): void; general: Op[] };
}
