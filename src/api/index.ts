/** The package's interface, over Domain 0 wherever it runs. */
export { callsOf, hostAt } from './host.ts';
export { hostWords } from './host-words.ts';
export type { Domain0, HostCalls, Place } from './host-calls.ts';
export type * from './element.ts';
export type * from './types.ts';
