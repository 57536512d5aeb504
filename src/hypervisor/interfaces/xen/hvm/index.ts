/** What src/hypervisor/interfaces/xen/hvm offers to other rooms. */
export { getParam } from './params.ts';
