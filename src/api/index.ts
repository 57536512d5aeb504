/** The package's interface, over Domain 0 wherever it runs. */
export { hostAt } from './host.ts';
export type { Domain0, Place } from './host-calls.ts';
export type * from './types.ts';
