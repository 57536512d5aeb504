/** What src/devices/ide offers to other rooms. */
export { FLOPPY_PLACE, floppyDriveTypes, type IdeAttachment, loadDrives, putDisc, removableKind } from './piix-ide.ts';
