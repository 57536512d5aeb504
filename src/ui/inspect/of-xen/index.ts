/** Inspectors of what Xen alone has. */
export { Events } from '../events.tsx';
export { Grants } from '../grants.tsx';
export { XenStore } from '../xenstore/index.ts';
