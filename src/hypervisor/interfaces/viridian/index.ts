/** What src/hypervisor/interfaces/viridian offers to other rooms. */
export { viridianFeatures, viridianGroups } from './features.ts';
