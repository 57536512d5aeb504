/** What src/hypervisor/xen/hvm offers to other rooms. */
export { getParam } from './params.ts';
