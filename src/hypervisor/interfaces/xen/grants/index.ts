/** What src/hypervisor/interfaces/xen/grants offers to other rooms. */
export { GTF, GrantTable } from './grants.ts';
