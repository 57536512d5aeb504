// Import types: in a module declared here an import by a relative name finds nothing, and everything would be of type any.
declare module 'virtual:interpreter' {
  /** See gen/generate.ts. */
  export function createInterpreter(cpu: import('../cpu.ts').Cpu): {
    run(record: number): void;
    runNarrow(record: number): void;
    general: import('../ops/context.ts').Op[];
  };
}
declare module 'virtual:long' {
  export function createLongInterpreter(cpu: import('../cpu.ts').Cpu): {
    runLong(record: number): void;
    general: import('../ops/context.ts').Op[];
  };
  export const plans: import('../plans.ts').LongPlans;
}
declare module 'virtual:plans' {
  /** Op numbers and facts of the interpreter's cases and functions. */
  export const plans: import('../plans.ts').Plans;
}
