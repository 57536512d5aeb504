declare module 'virtual:interpreter' {
  import type { Cpu } from '../cpu.ts';
  import type { Op } from '../ops/context.ts';
  /** See gen/generate.ts. */
  export function createInterpreter(cpu: Cpu): { run(record: number): void; runNarrow(record: number): void; general: Op[] };
}
declare module 'virtual:plans' {
  import type { Plans } from '../plans.ts';
  /** Op numbers and facts of the interpreter's cases and functions. */
  export const plans: Plans;
}
