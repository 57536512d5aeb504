/** What src/devices/ide offers to other rooms. */
export { type Disk, MemoryDisk, type Place } from './disk.ts';
export { FLOPPY_PLACE, floppyDriveTypes, type IdeAttachment, loadDrives, putDisc, removableKind } from './piix-ide.ts';
