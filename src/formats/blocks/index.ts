/** What src/formats/blocks offers to other rooms. */
export {
  type AskedBy,
  BlockDevice,
  type BlockRequest,
  type Done,
  ImmediateDevice,
  type Place,
} from './block-device.ts';
export { DeviceFull, SECTOR_BYTES } from './device-full.ts';
export { endOf, gather, inUnits, lengthOf, outside, scatter, within } from './extents.ts';
export { deviceOf, MemoryDisk } from './memory-disk.ts';
export { WriteLog } from './write-log.ts';
