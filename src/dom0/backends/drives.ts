/** What Domain 0 does with the media of a guest's drives: opens them, serves them to emulated drives elsewhere, and saves what the guest changed of them. */
import { type BlockDevice, MemoryDisk } from '../../formats/blocks/index.ts';

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

/** What back ends serve of an empty CD-ROM drive: libxl adds a virtual block device for it, too. */
export const NO_DISC: BlockDevice = new MemoryDisk(new Uint8Array(), { sectorBytes: 2048, readOnly: true });
