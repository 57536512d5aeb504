/** The toolstack: domains built, run, saved and buried. */
export {
  type Blueprint,
  type DomainConsole,
  hasScreen,
  type Member,
  type OpenDevice,
  type KeepsWrites,
  type OpenHostDevice,
  shapeOf,
} from './running-domain.ts';
export { changeDisc } from './hotplug.ts';
export { kindOfMember } from './kinds/index.ts';
export * from './parts.ts';
export { Services, WHOLE_P2M } from './services.ts';
export { Toolstack } from './toolstack.ts';
export type { FramesAway, ToolstackListener, ToolstackParts } from './toolstack-parts.ts';
export { GUEST_COMMANDS } from './commands/guest-commands.ts';
export { bind, type Bound, type Deeds } from './commands/command.ts';
export { findManaged, managedOf, remove } from './commands/managed.ts';
export { createFrom, filesFor } from './commands/life-usage.ts';
export type { ConsoleInput, ConsoleOutput, DomainInfo, DomainView, HostInfo, Task } from './wire.ts';
export type { Cause, Caused, TaskRecord } from './recorder.ts';
export { Tasks } from './tasks.ts';
export { newKindsOn } from './kinds/index.ts';
export { commandOf, type CommandValue, type Line } from './hypervisors/command/command-value.ts';
export type {
  ClockService,
  CommandHost,
  ConsoleService,
  CopyStorage,
  DefinitionService,
  DiskService,
  DomainService,
  FileService,
  Guest,
  Moved,
  MoveService,
  MoveWish,
  RemusWish,
  Uses,
  WrittenImage,
} from './command-host.ts';
export type { Job, JobMemory, PostcopyCounts } from './domains/index.ts';
export type { Held } from './saving.ts';
export type { Receiving } from './receiving.ts';
export type { DiskCopy, IncomingDisks } from './incoming-disks.ts';
export { findImage, type ImageDigest, imageDigest, mediumData, mediumDigest, sha256Of } from './image-digests.ts';
export { incomingName, migratedAwayName } from './taken.ts';
export { actionOf, follows, hasStopped, lastExits } from './endings.ts';
export { Viewers } from './viewers.ts';
export type { CardInfo, Devices } from './devices/index.ts';
export { addressesOf, type CardAddress } from './guest-addresses.ts';
export { type Domain, domainsOf, type JobInfo, type Status } from './domains/index.ts';
export { balloonedKiB, balloonView, hasBalloon, mostMiBOf, residentKiB } from './kinds/kvm/memory.ts';
export { onlineOf } from './commands/processors.ts';
export { type BlockCounts, blockCounts } from './block-counts.ts';
export { comparableRunNs, runNsOf } from './run-time.ts';
export { clockOf, timeOf } from './time-words.ts';
export { MACHINE } from './commands/host.ts';
export { AGENT_CHANNEL, type Channel, type ChannelEnd } from './channels.ts';
export type { ChannelRefusal } from './kinds/kvm/channel-hotplug.ts';
export { uuidOf, uuidOfName } from './uuid.ts';
export { xorshift } from './random.ts';
export { blueprintOf, savedDrives } from './saved-blueprint.ts';
