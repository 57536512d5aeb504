/** What src/dom0/host/storage offers to other rooms. */
export { copyInTurns, type CopyParts } from './copy.ts';
export { COMMANDS, formatPlace, runStorageCommand } from './commands.ts';
export { MediumDisk } from './medium-disk.ts';
export { DISK_DRIVER_BYTES } from './ahci-driver.ts';
export { DiskController } from './disk-controller.ts';
export { hasOpfs, type NotKept, openOpfs } from './opfs-in-worker.ts';
export { ExtentDisk } from './extent-disk.ts';
export { flipBits } from './flips.ts';
export {
  type BaseImage,
  OVERLAY_BLOCK_BYTES,
  overlayHeaderOf,
  type OverlayVolume,
} from './overlay-volume.ts';
export { cutExtentDisk, cutJournal, cutOften, cutVolumes } from './power-cuts.ts';
export {
  type HeldStore,
  type OpenStore,
  openRemoteStore,
  type StorageAnswer,
  type StorageRequest,
  type StorageWorker,
} from './remote-store.ts';
export type { Held } from './state-lock.ts';
export { IMAGES, imageVolume, largeVolume } from './image-names.ts';
export { DISK_BYTES, devicesOverlap, GIVEN, GROUP, isDevice, isGiven, PE_BYTES, volumeIn } from './device-names.ts';
export { DiskUsers, type OpenDisk } from './disk-users.ts';
export { Storage, type StoredFile } from './storage.ts';
export { areOfTwo, Journal } from './journal.ts';
export { headOf, type JournalLook, lookAtJournal, writeJournal } from './salvage.ts';
export { type MapSalvage, salvageMap } from './salvage-map.ts';
export { partOf } from './part.ts';
export { damaged, MemoryFile, MemoryStore, StorageError, type Store, StoreDamaged, type StoreFile } from './store.ts';
export { SidedStore } from './sides.ts';
export { isTransfer, transferVolume } from './transfer-names.ts';
export type { StorageDrives } from './stored-disk.ts';
export { abandon, type Windowed, WindowServer } from './store-window.ts';
export { writtenRanges } from './written-ranges.ts';
export { writerKernel, writerProblem } from './writer-guest.ts';
