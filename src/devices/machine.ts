/**
 * The board: a PC as a hypervisor has it, in two halves with a bus each: the hypervisor's own devices (platform-devices.ts), and those of a device model
 * (emulated-devices.ts). `Pc` has both; `HvmBoard` is the first half alone, for a machine whose device model is elsewhere.
 * `Pc` keeps no time and runs no processor: its owner calls `timers` (TimerQueue.run), asks `intr` and answers with `acknowledge()`.
 */
import type { PciHotplug } from './acpi/pci-hotplug.ts';
import { acpiOf, installAcpi, ioApicIdOf } from './acpi/tables.ts';
import type { LocalApic } from './apic/local-apic.ts';
import type { Device, Dma, State } from './bus.ts';
import { installBiosData } from './bios-data.ts';
import { installBiosInterrupts } from './bios-interrupts.ts';
import type { CoprocessorError } from './coprocessor-error.ts';
import { memoryMap, type MemoryMapEntry } from './e820.ts';
import {
  EmulatedDevices,
  type EmulatedDeviceOptions,
  type ModelSignals,
  XEN_PLATFORM_SLOT,
} from './emulated-devices.ts';
import type { FwCfg } from './fw-cfg.ts';
import type { BlockDevice } from '../formats/blocks/index.ts';
import { floppyDriveTypes, type PiixIde } from './ide/piix-ide.ts';
import type { IoBus } from './io-bus.ts';
import { installMpTable } from './mp-table.ts';
import type { PciBus } from './pci/pci.ts';
import { PlatformDevices, type PlatformDeviceOptions } from './platform-devices.ts';
import type { Keyboard } from './ps2/keyboard.ts';
import type { Mouse } from './ps2/mouse.ts';
import type { Rtc } from './rtc.ts';
import { installSmbios } from './smbios.ts';
import { subState } from './state.ts';
import type { Vga } from './vga/vga.ts';

/** Byte of the battery-backed memory (IBM AT technical reference, "shutdown status byte"). */
const CMOS_SHUTDOWN_CODE = 0x0f;

export interface BoardOptions extends PlatformDeviceOptions {
  /** Guest memory, RAM only. */
  dma: Dma;
  /** Xen's platform device (slot 4), for guests of Xen. */
  xenPlatform?: boolean;
  /** Card and disks of virtio come to a running guest and go. */
  hotplug?: typeof PciHotplug | undefined;
}

export interface PcOptions extends BoardOptions, EmulatedDeviceOptions {}

/** Ports and addresses as a processor sees them: the hypervisor's devices first, the device model has the rest. */
class WholeBus {
  private readonly own: IoBus;
  private readonly model: IoBus;

  constructor(own: IoBus, model: IoBus) {
    this.own = own;
    this.model = model;
  }

  private ofPort(port: number): IoBus {
    return this.own.hasPort(port) ? this.own : this.model;
  }

  private ofAddress(address: number): IoBus {
    return this.own.isMemoryMapped(address) ? this.own : this.model;
  }

  readPort(port: number, size: number): number {
    return this.ofPort(port).readPort(port, size);
  }

  writePort(port: number, value: number, size: number): void {
    this.ofPort(port).writePort(port, value, size);
  }

  readPortBlock(port: number, size: number, into: Uint8Array): number {
    return this.ofPort(port).readPortBlock(port, size, into);
  }

  writePortBlock(port: number, size: number, from: Uint8Array): number {
    return this.ofPort(port).writePortBlock(port, size, from);
  }

  readMemory(address: number, size: number): number {
    return this.ofAddress(address).readMemory(address, size);
  }

  writeMemory(address: number, value: number, size: number): void {
    this.ofAddress(address).writeMemory(address, value, size);
  }

  isMemoryMapped(address: number): boolean {
    return this.own.isMemoryMapped(address) || this.model.isMemoryMapped(address);
  }
}

const nothing = (): void => {};

export class HvmBoard {
  /** The hypervisor's devices. */
  protected readonly own: PlatformDevices;
  readonly ownBus: IoBus;
  /** What a device model says goes there. */
  readonly signals: ModelSignals;
  private readonly boardOptions: BoardOptions;

  constructor(options: BoardOptions) {
    this.boardOptions = options;
    this.own = new PlatformDevices(options);
    this.ownBus = this.own.bus;
    this.signals = this.own;
  }

  /** The device model's devices, in the order in which they are restored. */
  protected get modelDevices(): readonly Device[] {
    return [];
  }

  get rtc(): Rtc {
    return this.own.rtc;
  }

  get coprocessor(): CoprocessorError {
    return this.own.coprocessor;
  }

  /** INTR pin of processor 0 (others: `intrOf`). */
  get intr(): boolean {
    return this.own.intr;
  }

  /** Called when a processor's INTR rises. */
  set onIntr(rises: (processor: number) => void) {
    this.own.onIntr = rises;
  }

  /** The processor whose accesses to its local APIC come next: all of them see theirs at one address. */
  get currentProcessor(): number {
    return this.own.currentProcessor;
  }

  set currentProcessor(id: number) {
    this.own.currentProcessor = id;
  }

  // ---- interrupts and MSRs

  intrOf(processor: number): boolean {
    return this.own.intrOf(processor);
  }

  /** INTA: the vector. Spurious if `intr` has dropped meanwhile, as on the board. */
  acknowledge(processor = 0): number {
    return this.own.acknowledge(processor);
  }

  requestInterrupt(processor: number, vector: number): void {
    this.own.requestInterrupt(processor, vector);
  }

  localApic(processor: number): LocalApic | undefined {
    return this.own.localApic(processor);
  }

  setUpcallGsi(gsi: number, level: boolean): void {
    this.own.setUpcallGsi(gsi, level);
  }

  /** Drives INTA of the platform device. Other pins are not wired to it. */
  setUpcallPin(slot: number, pin: number, level: boolean): void {
    if (this.boardOptions.xenPlatform && slot === XEN_PLATFORM_SLOT && pin === 0)
      this.own.setPciIntxLevel(slot, pin, level);
  }

  setApicBase(low: number, processor: number): void {
    this.own.setApicBase(low, processor);
  }

  readMsr(index: number, processor = 0): [low: number, high: number] | undefined {
    return this.own.readMsr(index, processor);
  }

  writeMsr(index: number, low: number, high: number, processor = 0): boolean {
    return this.own.writeMsr(index, low, high, processor);
  }

  // ---- people

  /** Returns false where no operating system listens to the button. */
  pressPowerButton(): boolean {
    return this.own.pressPowerButton();
  }

  get asleep(): boolean {
    return this.own.asleep;
  }

  /** Ends a suspend to RAM. */
  wake(): void {
    this.own.wake();
  }

  // ---- start without firmware

  /**
   * ACPI and SMBIOS tables in 0xE0000-0xFFFFF; returns the guest-physical address of the RSDP. `asBios`: leaves the board as a BIOS does before it starts a
   * kernel, with vectors and masks of the interrupt controllers, timer at 18.2 Hz, the BIOS data area and an interrupt table; else as after RESET.
   */
  installTables(asBios = true): number {
    const { dma, startEpochMs, timers } = this.boardOptions;
    if (asBios) {
      this.own.setFirmwareDefaults();
      this.shutdownCode = 0;
      installBiosInterrupts(dma);
      installBiosData(dma, startEpochMs + timers.clock.nowNs() / 1e6, this.boardOptions.floppyDrives);
    }
    installSmbios(dma, this.boardOptions);
    const acpi = acpiOf(this.boardOptions);
    this.own.setIoApicId(ioApicIdOf(acpi));
    return installAcpi(dma, acpi);
  }

  /** What firmware on some hypervisors finds done (Xen's hvmloader): ACPI, SMBIOS and MultiProcessor tables at the given addresses. */
  prepareForFirmware(at: { acpi: number; rsdp: number; smbios: number; mp: number }): void {
    const { dma } = this.boardOptions;
    const acpi = acpiOf(this.boardOptions),
      ioApicId = ioApicIdOf(acpi);
    this.own.setLevelTriggered();
    this.own.setIoApicId(ioApicId);
    installSmbios(dma, this.boardOptions, at.smbios);
    installAcpi(dma, acpi, { rsdp: at.rsdp, tables: at.acpi });
    if (acpi.apic) installMpTable(dma, { online: acpi.online ?? 1, apicIdStep: acpi.apicIdStep ?? 1, ioApicId }, at.mp);
  }

  /** Memory map as INT 15h, E820 would tell it. */
  e820(): MemoryMapEntry[] {
    return memoryMap(this.boardOptions);
  }

  // ---- the whole

  private get devices(): readonly Device[] {
    return [...this.modelDevices, ...this.own.devices];
  }

  /** RESET pin of the board. Time of day and CMOS stay. */
  reset(): void {
    this.own.reset();
  }

  /** RESET or INIT of the processors alone: their local APICs. */
  resetProcessors(): void {
    this.own.resetProcessors();
  }

  /** What S3 does not keep is as after RESET: all but memory, clock and what ended the sleep; under Xen its own devices alone (hvm_s3_suspend). */
  resetAfterSleep(): void {
    this.own.reset();
  }

  /** And as a BIOS has it when it hands over to the waking vector. */
  setFirmwareDefaults(): void {
    this.own.setFirmwareDefaults();
  }

  /** Why a reset was asked for, by what the guest left in the battery-backed memory for firmware. */
  get shutdownCode(): number {
    return this.rtc.cmos(CMOS_SHUTDOWN_CODE);
  }

  set shutdownCode(code: number) {
    this.rtc.setCmos(CMOS_SHUTDOWN_CODE, code);
  }

  save(): State {
    return Object.fromEntries(this.devices.map(device => [device.name, device.save()]));
  }

  /** Throws StateError, naming device and field, where the state does not fit; the machine is then to be thrown away or reset. */
  restore(state: State): void {
    for (const device of this.devices) if (!device.addedLater) subState('machine', state, device.name);
    this.restoreModel(state);
    this.own.restore(state);
  }

  protected restoreModel(_state: State): void {}

  peek(): State {
    return Object.fromEntries(this.devices.map(device => [device.name, device.peek()]));
  }
}

/** The half of the hypervisor alone, as a platform: what people's hands reach is elsewhere. */
export class BareHvmBoard extends HvmBoard {
  readonly keyboard = { key: nothing };
  readonly mouse = { move: nothing };
  readonly vga = { memory: new Uint8Array(0) };

  serialInput(): number {
    return 0;
  }

  serialListening(): boolean {
    return false;
  }
}

export class Pc extends HvmBoard {
  /** Both halves, for callers that look at the machine from outside. */
  readonly bus: WholeBus;
  readonly modelBus: IoBus;
  readonly keyboard: Keyboard;
  readonly mouse: Mouse;
  readonly vga: Vga;
  readonly pci: PciBus;
  readonly ide: PiixIde;
  /** For firmware: more items and files can be set before it starts. */
  readonly fwCfg: FwCfg;
  private readonly model: EmulatedDevices;
  /** Of guests of Xen, whose device model hears nothing of a resume. */
  private readonly keepsModel: boolean;

  constructor(options: PcOptions) {
    super({ floppyDrives: floppyDriveTypes(options.ide), ...options });
    const model = new EmulatedDevices(options, this.own);
    this.model = model;
    this.keepsModel = options.xenPlatform === true;
    this.modelBus = model.bus;
    this.bus = new WholeBus(this.ownBus, this.modelBus);
    this.keyboard = model.keyboard;
    this.mouse = model.mouse;
    this.vga = model.vga;
    this.pci = model.pci;
    this.ide = model.ide;
    this.fwCfg = model.fwCfg;
  }

  get hotplug(): EmulatedDevices['hotplug'] {
    return this.model.hotplug;
  }

  get virtio(): EmulatedDevices['virtio'] {
    return this.model.virtio;
  }

  protected override get modelDevices(): readonly Device[] {
    return this.model.devices;
  }

  /** Another disk, or none, in the CD-ROM or floppy drive at a place; where there is no such drive nothing happens. */
  resized(place: number): void {
    this.model.resized(place);
  }

  insert(place: number, disk: BlockDevice | null): void {
    this.model.insert(place, disk);
  }

  /** One more device of the device model (EmulatedDevices.plug). */
  plug<D extends Device>(device: D): D {
    return this.model.plug(device);
  }

  serialInput(port: number, bytes: Uint8Array): number {
    return this.model.serialInput(port, bytes);
  }

  serialListening(port: number): boolean {
    return this.model.serialListening(port);
  }

  override installTables(asBios = true): number {
    this.model.setFirmwareDefaults();
    return super.installTables(asBios);
  }

  override prepareForFirmware(at: { acpi: number; rsdp: number; smbios: number; mp: number }): void {
    this.model.prepareForFirmware();
    super.prepareForFirmware(at);
  }

  /** Shows a linear picture in its BAR, as a boot loader does with a VBE mode; undefined: the adapter cannot. */
  setPicture(
    width: number,
    height: number,
    depth: number,
  ): { address: number; pitch: number; width: number; height: number; depth: number } | undefined {
    return this.vga.setLinearMode(width, height, depth);
  }

  override reset(): void {
    this.model.reset();
    super.reset();
  }

  override resetAfterSleep(): void {
    if (!this.keepsModel) this.model.reset();
    super.resetAfterSleep();
  }

  override setFirmwareDefaults(): void {
    if (!this.keepsModel) this.model.setFirmwareDefaults();
    super.setFirmwareDefaults();
  }

  protected override restoreModel(state: State): void {
    this.model.restore(state);
  }
}
