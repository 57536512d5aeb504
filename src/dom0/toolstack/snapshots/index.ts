/** Snapshots of domains, and clones. */
export { cloneDomain } from './clone.ts';
export type { SnapshotRecord } from './record.ts';
export { deleteSnapshot, domainName, pathsOf, recordsOf, revertTo, takeSnapshot } from './snapshots.ts';
export { CHECKPOINTS, currentOf, MOST_DESCRIPTION } from './record.ts';
