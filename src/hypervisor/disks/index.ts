/** What src/hypervisor/disks offers to other rooms. */
export { DriveServer } from './drive-queue.ts';
export type { OpenMedium } from './drives.ts';
export { type DiskChange, type DiskSource, fingerprint } from './overlay-disk.ts';
export { isQcow2, Qcow2Error, readQcow2Header } from './qcow2.ts';
export { tracedDrives } from './traced-disk.ts';
export {
  type SavedDrive,
  areDrives,
  describeDrives,
  diskRecords,
  drivesDiffer,
  fingerprintOf,
  readDiskRecord,
  restoreChanges,
} from './saved-disks.ts';
