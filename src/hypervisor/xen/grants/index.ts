/** What src/hypervisor/xen/grants offers to other rooms. */
export { GTF, GrantTable } from './grants.ts';
