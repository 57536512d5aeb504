/** What the worker of a domain with drives needs: most guests have none at their first prompt. */
export { DriveQueue } from './drive-queue.ts';
export { attachDrives } from './drives.ts';
export { openBlob, readBlobHere } from './media.ts';
export { diskRecords } from './saved-disks.ts';
