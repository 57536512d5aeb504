/** What Domain 0 offers to the page and to the command line. */
export type {
  Cause,
  Caused,
  ConsoleInput,
  ConsoleOutput,
  DomainInfo,
  DomainView,
  HostInfo,
  Task,
  TaskRecord,
} from '../toolstack/index.ts';
export type { FirmwareFiles } from './firmware-files.ts';
export { apiOf } from './api.ts';
export type { ApiOf, HostApi, MouseMove, OfferedGuest, StateHead, StateInfo, StatePiece } from './api.ts';
export {
  baseName,
  bootPaths,
  decode,
  type Finding,
  type Firmware,
  type FirmwareNeeds,
  ideName,
  isDefinition,
  type Loaded,
  type LoaderNeeds,
  type NamedBytes,
  type NamedFile,
  type NamedImage,
  NO_FIRMWARE,
  NO_IPXE,
  type Plan,
  planDefinition,
  planKernel,
  type Planned,
  type PlannedDrive,
  startsWith,
  withOptions,
} from '../definitions/index.ts';
export * from '../toolstack/boot/index.ts';
export { OWN_GUESTS, type ShippedGuest } from '../host/files/index.ts';
export { loadEverything, loadMoves } from './load-everything.ts';
export { createHost } from './create-host.ts';
export type { Host, HostParts } from './host.ts';
export {
  damaged,
  HEAD_BYTES,
  imageHead,
  type ImageKind,
  imageKind,
  imageProblem,
  isBootable,
  onlyForUefi,
  uefiProblem,
  isFloppy,
  LastUnpacked,
  MOST_UNPACKED_BYTES,
  PACKED_HEAD_BYTES,
  startedUnsigned,
  unsignedProblem,
  unsignedWarning,
} from '../definitions/images/index.ts';
export type { Changes, Edited, JudgedText, OpenedDefinition } from './editing.ts';
export type { NetworkFacts, PoolFacts, Verdicts } from './managing.ts';
export type { Device, Hardware, HardwareChange, Impact, Proposal } from '../libvirt/index.ts';
export type { Definition } from '../definitions/config/index.ts';
export type { PastNow, PastWish } from '../../hypervisor/verbs/index.ts';
export type { AddressPoint, BreakHit, BreakPoint, TracePoint } from '../../hypervisor/domain/index.ts';
export type { FollowedRequest, GuestDrive, GuestFacts, Inspected, StoreNode } from './inspection.ts';
export type { RingFacts, SlotFacts } from './front-rings.ts';
export type { BridgePortInfo } from './counters.ts';
export type { Checkpoint, DefinedDomain, DiskInfo, Inventory, StoredState, VolumeInfo } from './inventory.ts';
export type { Reading } from './readings/index.ts';
export type { ForPage, HoldsLock, MadeAgain, WorkerFailed, WorkerProgram } from './workers-of-page.ts';
export { inTurns, inWorkers, type Pace, type WorkerLike, WorkerRunner } from '../toolstack/runners/index.ts';
export type { Later } from '../host/index.ts';
export type { ShellInput, ShellOutput } from '../shell/index.ts';
export type { LookedGuest, LookedHost, PoolLook, Role } from '../pool/index.ts';
export { checkState, type HostState, identitiesOf, openHostState, repairState } from '../host/state/index.ts';
export { domain0Log, stopGuests } from '../toolstack/boot/index.ts';
export { VIRTUAL_EPOCH_MS } from './virtual-epoch.ts';
export { type Fingerprint, type LoggedInput, type TimeCalls, type TimeNow, VirtualTime } from './virtual-time.ts';
export type { Facts } from './lesson-facts/index.ts';
export { FACTS, nearestFact, rowsOfFact, WORDS as FACT_WORDS } from './lesson-facts/table.ts';
