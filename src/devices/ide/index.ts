/** What src/devices/ide offers to other rooms. */
export type { Disk, Place } from './disk.ts';
export type { IdeAttachment } from './piix-ide.ts';
