/** The PC as a domain sees it: what `Pc` of src/devices offers to the code that runs the processor. */
import type { LocalApic } from '../../devices/apic/index.ts';
import type { Dma, Ram, State, Timers } from '../../devices/index.ts';
import type { ModelSignals } from '../../devices/index.ts';
import type { FlashArray, FwCfg, PciHotplug, VirtioDevice, VirtioHost, VirtioWish } from '../../devices/index.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import type { IdeAttachment } from '../../devices/ide/index.ts';
import type { ResetKind, Shadowing } from '../../devices/pci/index.ts';
import type { ScreenWriter, VideoMemory } from '../../devices/vga/index.ts';
import type { IoTrace } from '../tracing/io-trace.ts';
import type { E820Entry, FrameBuffer } from '../loader/index.ts';

export interface PlatformOptions extends Ram {
  timers: Timers;
  dma: Dma;
  startEpochMs: number;
  serial: ((byte: number) => void)[];
  debug: (byte: number) => void;
  screen: ScreenWriter;
  videoMemory?: VideoMemory;
  vgaBios?: Uint8Array;
  /** Where firmware lies that is to write its variables, and who keeps what it writes. */
  flash?: { array: FlashArray; keep?: (offset: number, bytes: Uint8Array) => void };
  /** Devices of virtio next to disks and cards. */
  virtio?: VirtioWish;
  virtioHost?: Omit<VirtioHost, 'console'>;
  /** The network card's expansion ROM. */
  nicRom?: Uint8Array;
  ide?: IdeAttachment[];
  /** Types of the floppy drives, as CMOS has them (default: of those among `ide`). */
  floppyDrives?: number;
  /** Follows frames of the network card. */
  io?: IoTrace;
  onShadow?: Shadowing;
  onA20?: (open: boolean) => void;
  apic?: boolean;
  processors?: number;
  /** Of these this many are enabled in the firmware tables (all). */
  online?: number;
  /** From one processor's APIC identifier to the next one's (default 1). */
  apicIdStep?: number;
  /** Its devices are QEMU's where those are not an IBM PC's (default: where there is Xen's platform device). */
  likeQemu?: boolean;
  /** Inputs of its I/O APIC (default: 24). */
  ioApicPins?: number;
  /** With a HPET. */
  hpet?: boolean;
  /** A PC (default); the hypervisor's own devices of one, its device model being elsewhere; or local APICs alone. */
  board?: 'pc' | 'hypervisors-devices' | 'local-apics';
  /** Of local APICs alone: guest-physical addresses of ACPI's root pointer and of its tables. */
  acpi?: { rsdp: number; tables: number };
  /** With Xen's platform device. */
  xenPlatform?: boolean;
  /** Card and disks of virtio come to a running guest and go. */
  hotplug?: typeof PciHotplug;
  /** With the device by which tests of a PC end (default), or without. */
  testDevice?: boolean;
  /** Interprocessor messages that act on a processor itself; one that is started begins at `vector` << 12. */
  onNmi?: (processor: number) => void;
  onInit?: (processor: number) => void;
  onStartup?: (processor: number, vector: number) => void;
  /** The processor that runs has sent another one an interprocessor message. */
  onMessage?: (to: number) => void;
  /** IGNNE# (Processor.ignoreNumericError). */
  onIgnoreNumericError: () => void;
  onPowerOff: () => void;
  /** It entered S3 (suspend to RAM), and something ended that. */
  onSleep?: () => void;
  onWake?: () => void;
  onReset: (kind: ResetKind) => void;
  onDebugExit: (value: number) => void;
}

/** Ports and guest-physical addresses that devices answer. */
export interface DeviceBus {
  hasPort(port: number): boolean;
  /** Whether reading a port changes no interrupt line. */
  readsQuietly(port: number): boolean;
  readPort(port: number, size: number): number;
  writePort(port: number, value: number, size: number): void;
  /** REP INS and OUTS in bulk: bytes moved; 0: one by one. */
  readPortBlock(port: number, size: number, into: Uint8Array): number;
  writePortBlock(port: number, size: number, from: Uint8Array): number;
  readMemory(address: number, size: number): number;
  writeMemory(address: number, value: number, size: number): void;
  isMemoryMapped(address: number): boolean;
  /** Whether a read there changes nothing, so that no exit need tell of it. */
  readMemoryQuietly(address: number, size: number): number;
}

export interface Platform {
  /** The hypervisor's own devices, which are asked first. */
  readonly ownBus: DeviceBus;
  /** Devices of the device model next to it, for all that is not the hypervisor's; absent: it is elsewhere, or there is none. */
  readonly modelBus?: DeviceBus | undefined;
  /** Where a device model that is elsewhere drives interrupts. */
  readonly signals?: ModelSignals;
  /** A processor's INTR pin. */
  intrOf(processor: number): boolean;
  /** INTA cycle: the vector. */
  acknowledge(processor: number): number;
  /** The processor whose accesses come next: each finds its own local APIC at the same address. */
  currentProcessor: number;
  /** An edge-triggered fixed interrupt for a local APIC. */
  requestInterrupt?(processor: number, vector: number): void;
  localApic?(processor: number): LocalApic | undefined;
  /** Xen's event channel upcall on an interrupt line: a global interrupt, or a pin (0 INTA to 3 INTD) of a PCI slot. */
  setUpcallGsi?(gsi: number, level: boolean): void;
  setUpcallPin?(slot: number, pin: number, level: boolean): void;
  /** Files and items for firmware. */
  readonly fwCfg?: FwCfg;
  /** Its battery-backed memory, where firmware finds what set-up wrote. */
  readonly rtc?: { setCmos(index: number, value: number): void };
  /** The adapter's memory: planes, with the font in them. */
  readonly vga: {
    readonly memory: Uint8Array /** Shows what is in it now, and not when it would next. */;
    refresh?(): void;
  };
  /** FERR# goes there. */
  readonly coprocessor: { assert(): void };
  readonly keyboard: { key(code: string, down: boolean): void };
  /** Counts right, up and of the wheel towards the user; bits of the buttons that are down: left, right, middle, two at the side. */
  readonly mouse: { move(dx: number, dy: number, dz: number, buttons: number): void };
  /** Where functions come to a running guest and go; absent: they stay. */
  readonly hotplug?: PciHotplug | undefined;
  /** Devices of virtio next to disks and card. */
  readonly virtio?: readonly VirtioDevice[];
  /** Another disk, or none, in the CD-ROM or floppy drive at a place. Absent: this board has no drives. */
  insert?(place: number, disk: BlockDevice | null): void;
  /** The medium of the disk at a place has another length. Absent: this board has no disks. */
  resized?(place: number): void;
  /** Bytes for a serial port; returns how many were taken. */
  serialInput(port: number, bytes: Uint8Array): number;
  /** Whether the guest waits for bytes there. */
  serialListening(port: number): boolean;
  /** False: no operating system listens. */
  pressPowerButton(): boolean;
  reset(): void;
  /** RESET or INIT of the processors alone: their local APICs. Absent, as the next: the board has no such reset. */
  resetProcessors?(): void;
  /** Suspended to RAM; `wake` ends that. Absent, as the next: the board has no such state. */
  readonly asleep?: boolean;
  wake?(): void;
  /** Devices are as after RESET, but for what S3 keeps; and as a BIOS has them when it hands over to the waking vector. */
  resetAfterSleep?(): void;
  setFirmwareDefaults?(): void;
  /** What the guest left in CMOS for the firmware that a reset starts. */
  shutdownCode?: number;
  save(): State;
  restore(state: State): void;
  /** ACPI tables: returns the guest-physical address of their root pointer. The board is as a BIOS leaves it before it starts a kernel, unless `asBios` is false. */
  installTables(asBios?: boolean): number;
  /** Does what firmware for guests of Xen finds done, with ACPI and SMBIOS tables at these addresses. */
  prepareForFirmware?(at: { acpi: number; rsdp: number; smbios: number; mp: number }): void;
  /** Memory map as firmware would tell it; absent: the board has no firmware to speak of. */
  e820?(): E820Entry[];
  /** A graphics mode as a boot loader sets one; undefined: there is no such mode. */
  setPicture?(width: number, height: number, depth: number): FrameBuffer | undefined;
  /** A processor has written IA32_APIC_BASE (low word). */
  setApicBase?(low: number, processor: number): void;
  /** MSRs that belong to a device (the local APIC's): low and high word; undefined: not mine. */
  readMsr?(index: number, processor: number): [low: number, high: number] | undefined;
  writeMsr?(index: number, low: number, high: number, processor: number): boolean;
}
