/**
 * The host as libvirt has it: what its daemon (cli/libvirtd) and Domain 0's virsh both answer from. Whatever fails is a LibvirtError, with libvirt's class and
 * number.
 */
export { capabilities, domainCapabilities } from './capabilities.ts';
export { cardName } from './cards.ts';
export { domainAddresses } from './addresses.ts';
export { ADDRESS_SOURCE, DESTROY, GUEST, MAXIMUM, SHUTDOWN, VCPU } from './constants.ts';
export * from './agent/index.ts';
export { blockPeek, blockResize, IN_BYTES, MOST_PEEKED } from './block-devices.ts';
export {
  CONTROL,
  controlInfo,
  DISK_ERROR,
  diskErrors,
  HUMAN,
  injectNmi,
  monitorCommand,
} from './control.ts';
export { attachDevice, blockInfo, blockStats, detachDevice, interfaceStats, updateDevice } from './devices.ts';
export * from './domains.ts';
export { failing, LibvirtError, libvirtErrorOf } from './errors.ts';
export { driverOf, errorDomainOf } from './hypervisors/index.ts';
export { checkFlags, CONFIG, LISTED, LIVE } from './flags.ts';
export { type DomainEvent, type EventKind, type EventOf, type EventParameter, listenToLives } from './events/index.ts';
export { abortJob, JOB_COMPLETED, JOB_OPERATIONS, JOB_TYPES, jobOf, jobParameters, PAGE_BYTES } from './jobs.ts';
export * from './life.ts';
export {
  changeHardware,
  type Device,
  type Hardware,
  type HardwareChange,
  hardwareOf,
  type Impact,
  type Proposal,
  proposeChange,
} from './hardware.ts';
export * from './migrating.ts';
export { hasManagedSave } from './managed-save.ts';
export { memoryStats, setMemoryStatsPeriod } from './memory-stats.ts';
export { KEPT_EVENT, type KeptEvent } from './kept.ts';
export { converted, NativeError } from './native.ts';
export * from './networks.ts';
export { cpuTimes, nodeMemory, sysinfo } from './node-stats.ts';
export { nodeInfo } from './node.ts';
export {
  pinsOf,
  pinVcpu,
  setMemory,
  setVcpus,
  type Vcpu,
  vcpuCount,
  vcpusOf,
} from './resources.ts';
export { SLEEP, sleepDomain, wakeDomain } from './power.ts';
export { schedulerOf, setShares, sharesOf } from './schedule.ts';
export { displayOf, MOST_KEYS, openGraphics, SCREENSHOT_TYPE, screenshot, sendKeys } from './screen.ts';
export { defineManagedSave, defineSaveImage, managedSaveXml, saveImageXml } from './save-images.ts';
export * from './snapshots.ts';
export { type Stat, statsOf } from './stats.ts';
export * from './pools.ts';
export { METADATA, metadataOf, setMetadata } from './metadata.ts';
export { setTags } from './tags.ts';
export { readXml, type XmlElement } from './xml.ts';
export { openBytes, type VolumeBytes } from './volume-bytes.ts';
export * from './volumes.ts';
