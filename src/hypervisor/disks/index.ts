/** What src/hypervisor/disks offers to other rooms. */
export {
  askedNow,
  OWN_OPERATION,
  QueueClient,
  QueueServer,
  type QueueShape,
  queueBytes,
  type Taken,
  wakeClient,
} from './block-queue.ts';
export { DriveServer } from './drive-queue.ts';
export type { OpenMedium } from './media.ts';
export { fingerprint, fingerprintOfFile } from './fingerprint.ts';
export { type ChangeKeeper, type DiskChange, OVERLAY_BLOCK_BYTES, type OverlayDisk } from './overlay-disk.ts';
export {
  checkQcow2,
  type ImageCheck,
  isQcow2,
  Qcow2Error,
  readQcow2Header,
} from '../../formats/qcow2/index.ts';
export { tracedDrives } from './traced-disk.ts';
export { areDrives, type SavedDrive } from './saved-drive.ts';
export {
  describeDrives,
  diskRecords,
  drivesDiffer,
  endTaking,
  fingerprintOf,
  readDiskRecord,
  restoreChanges,
  takenRecords,
} from './saved-disks.ts';
