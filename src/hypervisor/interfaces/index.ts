/** What guests see of their hypervisor, an interface a folder, and domains put together with theirs. */
export { assembleDomain } from './assemble.ts';
