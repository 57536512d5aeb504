/** What src/hypervisor/stream offers to other rooms. */
export { readState, SavedStateError, saveDomain, withToolstack } from './state.ts';
