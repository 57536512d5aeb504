/** What src/hypervisor/interfaces/xen/events offers to other rooms. */
export { Ports } from './ports.ts';
