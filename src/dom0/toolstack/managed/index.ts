/** Domains that are defined, whether they run or not. */
export { type ManagedDomain, ManagedDomains, QEMU_FOLDERS, XEN_FOLDERS } from './managed-domains.ts';
export { drawingOf } from './drawing.ts';
