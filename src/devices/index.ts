/** What the devices' room offers. */
export type { Clock, Device, Dma, IrqLine, MemoryRange, PortRange, State, Timer, Timers } from './bus.ts';
export type { MemoryMapEntry } from './e820.ts';
export { E820_RAM, E820_RESERVED } from './e820.ts';
export type { Disk } from './ide/disk.ts';
export { MemoryDisk } from './ide/disk.ts';
export type { IdeAttachment } from './ide/piix-ide.ts';
export { setBootOrder } from './firmware-config.ts';
export { IoBus, OverlapError, RangeLimitError } from './io-bus.ts';
export type { PcOptions } from './machine.ts';
export { Pc } from './machine.ts';
export type { Ethernet } from './net/ethernet.ts';
export type { NicAttachment } from './net/pcnet-pci.ts';
export type { PeerOptions } from './net/peer.ts';
export { NetworkPeer } from './net/peer.ts';
export { StateError } from './state.ts';
export { TimerQueue } from './timers.ts';
export type { ScreenWriter, TextFrame, VideoMemory } from './vga/index.ts';
