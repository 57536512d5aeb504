/** What src/devices/ide offers to other rooms. */
export type { Disk, Place } from './disk.ts';
export { type IdeAttachment, putDisc } from './piix-ide.ts';
