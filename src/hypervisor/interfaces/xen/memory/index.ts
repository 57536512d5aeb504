/** What src/hypervisor/interfaces/xen/memory offers to other rooms. */
export { leaveGuest } from './flush.ts';
export { Pod } from './pod.ts';
