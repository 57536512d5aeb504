/** What the hypervisor offers to Domain 0 and to the command line. */
export { p2mFrames } from './domain/boot.ts';
export type { Boot } from './domain/booted.ts';
export { checkBoot } from './interfaces/check-boot.ts';
export { pvBuilder } from './interfaces/xen/boot-rules.ts';
export { TSC_HZ } from '../cpu/architecture/index.ts';
export { VIRTUAL_NS_PER_INSTRUCTION } from './domain/clock.ts';
export { Domain } from './domain/domain.ts';
export type { DomainOptions } from './domain/domain-options.ts';
export type { SliceResult } from './domain/slice.ts';
export type { Ending } from './domain/ending.ts';
export { attachDrives } from './disks/drives.ts';
export {
  type DriveImage,
  type Medium,
  noMedia,
  openBlob,
  type OpenMedium,
  type ReadBlob,
  readBlobHere,
} from './disks/media.ts';
export type { MouseMove } from './domain/mouse-move.ts';
export { Mailbox, type VerbMessage } from './worker/mailbox.ts';
export { type DomainRecord, HostError, Machine } from './memory/machine.ts';
export type { Precopy, PrecopyRound, PrecopyWish } from './domain/saved-part.ts';
export type { NicModel } from '../devices/index.ts';
export { exitName } from './view/exit-reasons.ts';
export { decodePlain, encodePlain } from './interfaces/xen/stream/plain-data.ts';
export { XL_HEADER_BYTES, XL_MAGIC } from './interfaces/xen/stream/xl-header.ts';
export {
  readState,
  readStateAsItComes,
  readStateFrom,
  restoreInto,
  SAVED_MAGIC,
  saveDomain,
  Saver,
  type SavedAbout,
  type SavedHead,
  type SavedPages,
  type SavedRest,
  type SavedState,
  SavedStateError,
} from './interfaces/xen/stream/state.ts';
export { Arrival } from './interfaces/xen/stream/arrival.ts';
export type {
  Arriving,
  ArrivingByMessage,
  GivenByMessage,
  FromDomainWorker,
  FromWatcher,
  ToDomainWorker,
  WatchedWorker,
} from './worker/worker-messages.ts';
