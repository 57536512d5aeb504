/** What the hypervisor offers to Domain 0 and to the command line. */
export { type Boot, checkBoot, p2mFrames } from './boot.ts';
export { TSC_HZ, VIRTUAL_NS_PER_INSTRUCTION } from './clock.ts';
export { Domain, type DomainOptions, type Ending, type SliceResult } from './domain.ts';
export { attachDrives, type DriveImage, type ReadBlob, readBlobHere } from './drives.ts';
export { Mailbox, type MouseMove } from './mailbox.ts';
export { type DomainRecord, HostError, Machine } from './machine.ts';
export type { NicModel } from './platform.ts';
export { exitName } from './exit-reasons.ts';
export { readState, restoreInto, SAVED_MAGIC, saveDomain, savedChunks, type SavedAbout, type SavedState, SavedStateError, withToolstack } from './state.ts';
export type { FromDomainWorker, FromWatcher, ToDomainWorker, WatchedWorker } from './worker-messages.ts';
