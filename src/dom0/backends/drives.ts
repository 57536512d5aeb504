/** What Domain 0 does with the media of a guest's drives: opens them, serves them to emulated drives elsewhere, and saves what the guest changed of them. */
export { attachDrives } from '../../hypervisor/index.ts';
export { MediumDisk } from '../host/storage/index.ts';
export {
  describeDrives,
  diskRecords,
  DriveServer,
  drivesDiffer,
  fingerprintOf,
  readDiskRecord,
  restoreChanges,
} from '../../hypervisor/disks/index.ts';
