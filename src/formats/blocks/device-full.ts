/** What is known of devices before any is there: their unit, and the error of one that is full. */

/** The smallest unit of a device that may answer later. */
export const SECTOR_BYTES = 512;

/** The device has no room for what was not written before. Nothing is lost: the same write may be tried again once room was made. */
export class DeviceFull extends Error {
  override name = 'DeviceFull';
}
