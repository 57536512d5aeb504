/** What src/hypervisor/stream offers to other rooms. */
export { SavedStateError, saveDomain } from './state.ts';
