/** What Domain 0 offers to the page and to the command line. */
export type {
  ConsoleInput,
  ConsoleOutput,
  DomainInfo,
  DomainView,
  Finding,
  FirmwareFiles,
  HostApi,
  HostInfo,
  MouseMove,
  NamedFile,
  OfferedGuest,
  Plan,
  StateHead,
  StateInfo,
  StatePiece,
  Task,
} from './api.ts';
export * from '../toolstack/boot/index.ts';
export { OWN_GUESTS, type ShippedGuest } from '../host/files/index.ts';
export { loadAtHand } from './at-hand.ts';
export { createHost } from './create-host.ts';
export {
  HEAD_BYTES,
  type ImageKind,
  imageKind,
  imageProblem,
  isBootable,
  isFloppy,
  MOST_UNPACKED_BYTES,
  NO_SIGNATURE,
  startedUnsigned,
  unsignedWarning,
} from '../host/images/images.ts';
export { damaged, LastUnpacked } from '../host/images/packed-images.ts';
export { PACKED_HEAD_BYTES } from '../host/images/packed.ts';
export {
  type Firmware,
  type FirmwareNeeds,
  NO_FIRMWARE,
  type Loaded,
  type LoaderNeeds,
  NO_IPXE,
  type NamedBytes,
  type NamedImage,
  type Planned,
  type PlannedDrive,
  baseName,
  bootPaths,
  decode,
  ideName,
  isDefinition,
  planDefinition,
  planKernel,
  startsWith,
  withOptions,
} from '../definitions/plan.ts';
export type { Changes, Edited, JudgedText, OpenedDefinition } from './editing.ts';
export type { Definition } from '../definitions/config/index.ts';
export type { BreakHit, BreakPoint } from '../../hypervisor/domain/index.ts';
export type {
  FollowedRequest,
  GuestDrive,
  GuestFacts,
  Inspected,
  RingFacts,
  SlotFacts,
  StoreNode,
} from './inspection.ts';
export type {
  BridgePortInfo,
  Checkpoint,
  DefinedDomain,
  DiskInfo,
  Inventory,
  StoredState,
  VolumeInfo,
} from './inventory.ts';
export type { ForPage, HoldsLock, MadeAgain, WorkerFailed, WorkerProgram } from './page-worker.ts';
export { inTurns, type Pace } from '../toolstack/runners/runner-local.ts';
export { type WorkerLike, WorkerRunner, inWorkers } from '../toolstack/runners/runner-worker.ts';
export type { Cause, Caused, TaskRecord } from '../toolstack/recorder.ts';
export type { Later } from '../toolstack/runners/runner.ts';
export type { ShellInput, ShellOutput } from '../shell/index.ts';
export { type HostState, openHostState } from '../host/state/state.ts';
export { domain0Log } from '../toolstack/boot/domain0-log.ts';
export { stopGuests } from '../toolstack/boot/stop-guests.ts';
export { VIRTUAL_EPOCH_MS } from './virtual-epoch.ts';
export type { Fingerprint, LoggedInput, TimeCalls, TimeNow } from './virtual-time.ts';
export type { Facts } from './facts.ts';
