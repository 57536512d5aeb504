/** Readers of machine memory: they need the memory and nothing else. */
export { type Counters, exitsByName, readCounters, type TierCounters } from './counters.ts';
export { exitSource, exitTitle, reasonOf, vectorOf } from './exit-reasons.ts';
export { MachineView } from './machine-view.ts';
export type { TraceEntry } from './trace.ts';
export type { ModelAccount } from './model-account.ts';
