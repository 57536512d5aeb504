/** What src/hypervisor/interfaces/xen/memory offers to other rooms. */
export { Pod } from './pod.ts';
