/** What src/devices/ide offers to other rooms. */
export {
  FLOPPY_PLACE,
  floppyDriveTypes,
  type IdeAttachment,
  putDisc,
  removableKind,
  VIRTIO_DISKS,
  VIRTIO_PLACE,
} from './piix-ide.ts';
export { loadDrives } from '../drives.ts';
