/** What src/hypervisor/xen/events offers to other rooms. */
export { Ports } from './ports.ts';
