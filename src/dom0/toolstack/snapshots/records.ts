/** What is stored of snapshots and clones, for what looks at them without taking one. */
export { savedChanges } from './clone.ts';
export { CHECKPOINTS, SnapshotRecords, volumesOf } from './record.ts';
export { settleUnfinished } from './unfinished.ts';
