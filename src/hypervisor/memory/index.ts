/** Machine memory, its domain table, and who looks after both. */
export { audit, dirtyFreeFrame } from './audit.ts';
export { FrameAway } from './away-frames.ts';
export { workerDied } from './dead-worker.ts';
export {
  createDomain,
  destroyDomain,
  type DomainShape,
  machineBytesFor,
  releaseRam,
  skipIds,
} from './domain-table.ts';
export { DOMAIN_0, type DomainRecord, FRAME_BYTES, FRAME_SHIFT, HostError, Machine, VIDEO_BYTES } from './machine.ts';
export { letGo } from './let-go.ts';
export { flushDomain, leaveGuest } from './flush.ts';
export { DirtyLog, type DirtyLogParts } from './dirty-log.ts';
export type { FrameHolder, GuestRecords } from './frame-holder.ts';
