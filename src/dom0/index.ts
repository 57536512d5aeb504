/** What Domain 0 offers to the page and to the command line. */
export type { ConsoleInput, ConsoleOutput, DomainInfo, DomainView, Finding, FirmwareFiles, HostApi, HostInfo, MouseMove, NamedFile, OfferedGuest, Plan, StateInfo, Task } from './api.ts';
export * from './boot/index.ts';
export { OWN_GUESTS, type ShippedGuest } from './files/index.ts';
export { createHost } from './host.ts';
export { HEAD_BYTES, type ImageKind, imageKind, imageProblem, isBootable, isFloppy } from './images.ts';
export { type Firmware, NO_FIRMWARE, type NamedBytes, type NamedImage, type Planned, type PlannedDrive, baseName, bootPaths, decode, ideName, isDefinition, planDefinition, planKernel, startsWith, withOptions } from './plan.ts';
export type { FollowedRequest, GuestDrive, GuestFacts, Inspected, RingFacts, SlotFacts, StoreNode } from './inspection.ts';
export type { BridgePortInfo, DefinedDomain, DiskInfo, Inventory, StoredState, VolumeInfo } from './inventory.ts';
export { inTurns, type Pace } from './runner-local.ts';
export { type WorkerLike, WorkerRunner, inWorkers } from './runner-worker.ts';
export type { Later } from './runner.ts';
export type { ShellInput, ShellOutput } from './shell/index.ts';
export { type HostState, openHostState } from './state.ts';
export { domain0Log } from './boot/domain0-log.ts';
export { stopGuests } from './boot/stop-guests.ts';
export { VIRTUAL_EPOCH_MS } from './virtual-epoch.ts';
export type { Fingerprint, LoggedInput, TimeCalls, TimeNow } from './virtual-time.ts';
export type { Facts } from './facts.ts';
