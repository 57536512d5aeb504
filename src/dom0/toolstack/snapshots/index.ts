/** Snapshots of domains, and clones. */
export { cloneDomain } from './clone.ts';
export { CHECKPOINTS, currentOf, MOST_DESCRIPTION, type SnapshotRecord } from './record.ts';
export { deleteSnapshot, domainName, pathsOf, recordsOf, revertTo, takeSnapshot } from './snapshots.ts';
export { SNAPSHOTS_FOLDER } from './folder.ts';
