/** What src/hypervisor/xen/viridian offers to other rooms. */
export { viridianFeatures, viridianGroups } from './features.ts';
