/** What src/dom0/storage offers to other rooms. */
export { copyInTurns, type CopyParts } from './copy.ts';
export { COMMANDS, formatPlace, runStorageCommand } from './commands.ts';
export { MediumDisk } from './medium-disk.ts';
export { type Medium, SECTOR_BYTES } from './medium.ts';
export { hasOpfs, type NotKept, openOpfs } from './opfs-in-worker.ts';
export type { BaseImage } from './overlay-volume.ts';
export { cutExtentDisk, cutJournal, cutVolumes } from './power-cuts.ts';
export { type HeldStore, type OpenStore, openRemoteStore, type StorageAnswer, type StorageRequest, type StorageWorker } from './remote-store.ts';
export type { Held } from './state-lock.ts';
export { PE_BYTES } from './lvm.ts';
export { DISK_BYTES, GROUP, Storage, StorageError } from './storage.ts';
export { Journal } from './journal.ts';
export { partOf, readPartitions, TYPE, writePartitions } from './partitions.ts';
export { MemoryStore, type Store, StoreDamaged, type StoreFile, StoreFull } from './store.ts';
export { isTransfer, transferVolume } from './transfer-disk.ts';
export { WindowServer } from './store-window.ts';
export { writerKernel, writerProblem } from './writer-guest.ts';
