/** What src/dom0/host/state offers to other rooms. */
export { checkState, repairState, type StateCheck } from './check.ts';
export { BrowserState, type StateInfo } from './browser-state.ts';
export { flipStates } from './flips.ts';
export { identitiesOf } from './identity.ts';
export { readState, type StateHead } from './state-file.ts';
export { type HostState, openHostState } from './state.ts';
