/** What the devices' room offers. */
import { part } from '../formats/loading/index.ts';

export type { EoiAssist, LocalApic } from './apic/local-apic.ts';
export { APIC_TIMER_HZ } from './apic/local-apic.ts';
export type { Clock, Device, Dma, IrqLine, MemoryRange, PortRange, State, Timer, Timers } from './bus.ts';
export type { MemoryMapEntry, Ram } from './e820.ts';
export { E820_RAM, E820_RESERVED } from './e820.ts';
export type { IdeAttachment } from './ide/piix-ide.ts';
export { setBootOrder } from './firmware-config.ts';
export { IoBus, OverlapError, RangeLimitError } from './io-bus.ts';
export type { EmulatedDeviceOptions, ModelSignals } from './emulated-devices.ts';
export { EmulatedDevices, VIRTIO_SLOT } from './emulated-devices.ts';
export {
  cardInSlot,
  MOST_CARDS,
  NIC_SLOT,
  placeInSlot,
  slotOfCard,
  slotOfDisk,
  VIRTIO_DISK_SLOT,
} from './pci/slots.ts';
export { PciHotplug } from './acpi/pci-hotplug.ts';
export type { PcOptions } from './machine.ts';
export { BareHvmBoard, Pc } from './machine.ts';
export type { Ethernet } from './net/ethernet.ts';
export type { BoardCard, NicAttachment, NicDevice, NicKind, NicModel, NicParts } from './net/models.ts';
export type { BalloonReport, BalloonWish } from './virtio/balloon-words.ts';
export { STAT_TAGS } from './virtio/balloon-words.ts';
export type { ChannelTold, ChannelWish } from './virtio/channel-words.ts';
export { isChannelName, MOST_CHANNEL_BYTES, MOST_CHANNELS } from './virtio/channel-words.ts';
export { ERRNO, type FileFacts, type FolderAnswer, type FolderRequest } from './virtio/folder-words.ts';
export {
  hasVirtio,
  isVirtioName,
  loadVirtio,
  VIRTIO_KINDS,
  type VirtioDevice,
  type VirtioName,
  virtioProblem,
  boardNames,
  inSlots,
  isOneTooMany,
  ownSlot,
  type VirtioWish,
  virtioWords,
} from './virtio/kinds.ts';
export { type ChannelPort, channelsOf, hasPorts, nextPort, withChannels } from './virtio/ports.ts';
export type { VirtQueueLook } from './virtio/queue.ts';
export type { VirtioHost } from './virtio/transport.ts';
export { isNicModel, loadNic, loadNics, NIC_MODELS, romOf } from './net/models.ts';
export type { PeerOptions } from './net/peer.ts';
export { NetworkPeer } from './net/peer.ts';
export { ofNetwork } from './net/stations.ts';
export type { PvhBoardOptions } from './pvh-board.ts';
export const pvhBoard = part(() => import('./pvh-board.ts'), 'is the board of guests without a PC');
export { PvhBoard } from './pvh-board.ts';
export type { FlashArray } from './flash.ts';
export { flash } from './emulated-devices.ts';
export { CMOS_BOOT_FLAGS, NO_SIGNATURE_CHECK } from './rtc.ts';
export { assignState, copyState, resetState, StateError } from './state.ts';
export { TimerQueue } from './timers.ts';
export type { ScreenWriter, TextFrame, VideoMemory } from './vga/index.ts';
export { memoryMap } from './e820.ts';
export { type LinuxForFirmware, isLinuxForFirmware, setLinux } from './firmware-linux.ts';
export type { FwCfg } from './fw-cfg.ts';
