/**
 * The devices that a device model emulates: all of the PC that is not its hypervisor's (platform-devices.ts). They reach memory by DMA, and tell the
 * hypervisor's half by `ModelSignals`; wherever they are, next to the processor or in another domain, they are the same.
 */
import { AcpiHotplug } from './acpi/hotplug.ts';
import { acpiOf } from './acpi/tables.ts';
import type { PciHotplug } from './acpi/pci-hotplug.ts';
import { Piix4PmFunction } from './acpi/piix4-pm.ts';
import type { Device, Dma, IrqLine, State, Timers } from './bus.ts';
import type { Ram } from './e820.ts';
import { DebugPorts } from './debug-ports.ts';
import { describeMachine } from './firmware-config.ts';
import { FwCfg } from './fw-cfg.ts';
import type { BlockDevice } from '../formats/blocks/index.ts';
import { part } from '../formats/loading/index.ts';
import { floppiesIn, FLOPPY_PLACE, type IdeAttachment, PiixIde, VIRTIO_DISKS, VIRTIO_PLACE } from './ide/piix-ide.ts';
import { IoBus } from './io-bus.ts';
import type { FlashArray } from './flash.ts';
import { FloppyController } from './floppy/fdc.ts';
import { I8237 } from './i8237.ts';
import { IRQ_COUNT, IrqLines } from './irq-lines.ts';
import { NIC_MODELS, type NicAttachment, nicClass, type NicKind } from './net/models.ts';
import { i440fx, piix3, resetControl, type ResetKind, type Shadowing } from './pci/i440fx.ts';
import { flashed } from './pci/option-rom.ts';
import { PCI, PciBus, type PciFunction } from './pci/pci.ts';
import { NIC_SLOT, slotOfCard, VIRTIO_DISK_SLOT } from './pci/slots.ts';
import { ParallelPort } from './parallel.ts';
import { I8042 } from './ps2/i8042.ts';
import type { Keyboard } from './ps2/keyboard.ts';
import type { Mouse } from './ps2/mouse.ts';
import { restoreDevice } from './state.ts';
import { TestDevice } from './test-device.ts';
import { Uart } from './uart.ts';
import type { VirtioBlk } from './virtio/blk.ts';
import { virtioDisks } from './virtio/disks.ts';
import { isOfVirtio, type VirtioDevice, type VirtioWish, virtioDevices } from './virtio/kinds.ts';
import type { VirtioHost } from './virtio/transport.ts';
import { UNPLUG, XenPlatform } from './xen-platform.ts';
import type { ScreenWriter, VideoMemory } from './vga/screen.ts';
import { Vga } from './vga/vga.ts';

/** What a device model tells the hypervisor (xen/include/public/hvm/dm_op.h). */
export interface ModelSignals {
  /** Level of an ISA interrupt, all devices of the model on it together. */
  setIsaIrqLevel(irq: number, level: boolean): void;
  /** Level of an interrupt pin (0 INTA to 3 INTD) of a PCI slot. */
  setPciIntxLevel(slot: number, pin: number, level: boolean): void;
  /** The ISA interrupt that a PCI link (0 PIRQA to 3) leads to; 0: none. */
  setPciLinkRoute(link: number, irq: number): void;
  /** Ports where ACPI's blocks are; 0: nowhere. */
  placePowerManagement(pmBase: number, smbusBase: number): void;
  /** A PCI function's interrupt message, a write of `data` to an address of the local APICs. */
  sendMessage(address: number, data: number): void;
  /** A pin of the I/O APIC that is no ISA interrupt; absent: nothing of the model drives one. */
  setIoApicPin?(pin: number, level: boolean): void;
}

export interface EmulatedDeviceOptions extends Ram {
  timers: Timers;
  /** Guest memory, RAM only. */
  dma: Dma;
  /** Where COM1 and COM2 send their bytes. */
  serial: ((byte: number) => void)[];
  /** Bytes of ports 0xE9 and 0x402. */
  debug?: (byte: number) => void;
  /** The guest asked for a reset: of the processors (keyboard controller, port 0x92, 0xCF9), or of the board, `reset()`, with them (0xCF9). */
  onReset(kind: ResetKind): void;
  /** A value written to isa-debug-exit; the machine's status is `(value << 1) | 1`. */
  onDebugExit(value: number): void;
  screen?: ScreenWriter;
  /** Memory of the graphics adapter that the guest reaches without exits; absent: 16 MiB of its own. */
  videoMemory?: VideoMemory;
  /** VGA BIOS, as the adapter's expansion ROM for firmware to run. */
  vgaBios?: Uint8Array;
  /** What a printer on LPT1 gets. */
  printer?: (byte: number) => void;
  /** Disks and CD-ROM drives on the two IDE channels, floppy drives, and disks of virtio. */
  ide?: IdeAttachment[];
  /** Where firmware lies that is to write its variables, and who keeps what it writes. */
  flash?: { array: FlashArray; keep?: (offset: number, bytes: Uint8Array) => void };
  /** Network cards (the first in slot 3, or on the ISA bus) and their wires. */
  cards?: readonly NicAttachment[];
  /** Devices of virtio next to disks and cards. */
  virtio?: VirtioWish;
  /** What is behind them; the console is COM1's. */
  virtioHost?: Omit<VirtioHost, 'console'>;
  /** The first card's expansion ROM, where it has a PCI function. */
  nicRom?: Uint8Array;
  /** Firmware opened or closed RAM in 0xC0000-0xFFFFF (PAM registers). At reset reads and writes go to ROM. */
  onShadow?: Shadowing;
  /** The A20 gate was opened or closed (it is open at reset). */
  onA20?: (open: boolean) => void;
  /** QEMU's pc-testdev for test kernels (default: there). */
  testDevice?: boolean;
  /** The machine has APICs, and this many processors: firmware reports them to the guest. */
  apic?: boolean;
  processors?: number;
  /** From one processor's APIC identifier to the next one's (default 1). */
  apicIdStep?: number;
  /** The hypervisor's half has a HPET: firmware reports it to the guest. */
  hpet?: boolean;
  /** Xen's platform device (slot 4), for guests of Xen. */
  xenPlatform?: boolean;
  /** Cards and disks of virtio come to a running guest and go. */
  hotplug?: typeof PciHotplug | undefined;
  /**
   * Where QEMU's devices are not an IBM PC's, the machine is QEMU's (default: for guests of Xen, whose device model QEMU is): COM ports interrupt without OUT2,
   * the floppy controller goes on over the end of a cylinder.
   */
  likeQemu?: boolean;
}

/** Boards can have flash once it is loaded: firmware of most is in ROM. */
export const flash = part(() => import('./flash.ts'), 'is the firmware’s flash');

const COM = [
  { base: 0x3f8, irq: 4 },
  { base: 0x2f8, irq: 3 },
];
/** Where BARs go on a machine that starts without firmware. */
const FIRST_BAR_PORT = 0xc000,
  FIRST_BAR_ADDRESS = 0xf0000000,
  ROM_ALIGNMENT = 0x100000;
export const XEN_PLATFORM_SLOT = 4;
/** Of the first device of virtio behind all disks. */
export const VIRTIO_SLOT = VIRTIO_DISK_SLOT + VIRTIO_DISKS;
const FLOPPY_IRQ = 6,
  FLOPPY_DMA = 2;
const nothing = (): void => {};

export class EmulatedDevices {
  readonly bus = new IoBus();
  readonly keyboard: Keyboard;
  readonly mouse: Mouse;
  readonly vga: Vga;
  readonly pci: PciBus;
  readonly ide: PiixIde;
  readonly floppies: FloppyController;
  /** Where functions come to a running guest and go; absent: they stay. */
  readonly hotplug: PciHotplug | undefined;
  /** For firmware: more items and files can be set before it starts. */
  readonly fwCfg: FwCfg;
  /** In the order in which they were plugged in, which is that of restoring. */
  readonly devices: Device[] = [];
  private readonly uarts: Uart[];
  /** What people type at in place of COM1, while the guest waits there. */
  private readonly terminal: VirtioDevice | undefined;
  private readonly pm: Piix4PmFunction;
  private readonly dma: I8237;

  constructor(options: EmulatedDeviceOptions, signals: ModelSignals) {
    const { timers, dma } = options;
    const likeQemu = options.likeQemu ?? options.xenPlatform ?? false;
    const print = options.debug ?? nothing;
    const irqs = new IrqLines('model-irq-lines', (level, irq) => signals.setIsaIrqLevel(irq, level));
    // Saved states number request lines in this order: a new one comes last.
    const [primary, secondary, keyboard, mouse, ...com] = [14, 15, 1, 12, ...COM.map(({ irq }) => irq)].map(irq =>
      irqs.source(irq),
    );
    const printer = irqs.source(7);
    const testLines = Array.from({ length: IRQ_COUNT }, (_, irq) => irqs.source(irq));
    const intx = (slot: number): IrqLine => ({ set: level => signals.setPciIntxLevel(slot, 0, level) });

    this.pci = new PciBus(
      this.bus,
      resetControl(kind => options.onReset(kind)),
      dma,
      (address, data) => signals.sendMessage(address, data),
    );
    this.plug(this.pci);
    this.pci.add(0, 0, i440fx(options.onShadow));
    this.pci.add(
      1,
      0,
      piix3((link, irq) => signals.setPciLinkRoute(link, irq)),
    );
    this.pm = new Piix4PmFunction((pmBase, smbusBase) => signals.placePowerManagement(pmBase, smbusBase));
    this.pci.add(1, 3, this.pm.fn);

    const i8042 = this.plug(new I8042(timers, keyboard, mouse, () => options.onReset('processor'), options.onA20));
    this.keyboard = i8042.keyboard;
    this.mouse = i8042.mouse;
    this.uarts = COM.map(({ base }, i) =>
      this.plug(new Uart(`uart${i}`, base, com[i], options.serial[i] ?? nothing, !likeQemu)),
    );
    this.vga = this.plug(new Vga(timers, options.screen, options.videoMemory, options.vgaBios), 2);
    this.plug(new ParallelPort('parallel0', 0x378, printer, options.printer ?? nothing));
    // Before the drives, which it takes away again when it is restored.
    if (options.xenPlatform) this.plug(new XenPlatform(mask => this.unplug(mask), print), XEN_PLATFORM_SLOT);
    if (options.xenPlatform) this.plug(new AcpiHotplug());
    const { hotplug, partsOf } = this.plugHotplug(options, intx);
    this.hotplug = hotplug;
    this.ide = this.plug(new PiixIde([primary, secondary], options.ide ?? []), 1, 1);
    for (const card of options.cards ?? []) this.plugCard(card, options, partsOf, irqs);
    const disks = virtioDisks(options.ide ?? [], number => partsOf(VIRTIO_DISK_SLOT + number));
    for (const { number, device } of disks) this.plug(device, VIRTIO_DISK_SLOT + number);
    const host = { ...options.virtioHost, console: options.serial[0] ?? nothing };
    const others = virtioDevices(options.virtio, VIRTIO_SLOT, slot => ({ irq: intx(slot), timers, host }));
    for (const { slot, device } of others) this.plug(device, slot);
    this.terminal = this.virtio.find(({ input }) => input);
    this.fwCfg = this.plug(new FwCfg(dma));
    this.plug(new DebugPorts(print, value => options.onDebugExit(value), options.testDevice === false));
    if (options.testDevice !== false)
      this.plug(
        new TestDevice(print, (line, level) => {
          if (line < IRQ_COUNT) testLines[line].set(level);
          else signals.setIoApicPin?.(line, level);
        }),
      );
    this.dma = this.plug(new I8237(dma));
    this.floppies = this.plug(
      new FloppyController(
        timers,
        irqs.source(FLOPPY_IRQ),
        this.dma.channel(FLOPPY_DMA),
        floppiesIn(options.ide),
        likeQemu,
      ),
    );
    this.hotplug?.driveBy(irqs);
    if (options.flash) this.plug(new (flash.get().Flash)(options.flash.array, options.flash.keep));
    // Last, since the others drive them.
    this.plug(irqs);
    describeMachine(this.fwCfg, acpiOf(options));
  }

  /** What gives functions of slots, where they come and go, their timers and lines. */
  private plugHotplug(
    { hotplug: Hotplug, timers }: EmulatedDeviceOptions,
    intx: (slot: number) => IrqLine,
  ): { hotplug: PciHotplug | undefined; partsOf: PciHotplug['partsOf'] } {
    const { pci, devices } = this;
    const hotplug = Hotplug && this.plug(new Hotplug({ timers, pci, devices, intx }));
    return { hotplug, partsOf: (slot, wire) => hotplug?.partsOf(slot, wire) ?? { timers, irq: intx(slot) } };
  }

  /** A card, of which one of the ISA bus has a line of its own. */
  private plugCard(
    card: NicAttachment,
    { timers, nicRom }: EmulatedDeviceOptions,
    partsOf: PciHotplug['partsOf'],
    irqs: IrqLines,
  ): void {
    const { isaIrq }: NicKind = NIC_MODELS[card.model];
    const slot = slotOfCard(card.place ?? 0);
    const parts = isaIrq === undefined ? partsOf(slot, card.ethernet) : { timers, irq: irqs.source(isaIrq) };
    const { fn } = this.plug(new (nicClass(card.model))({ ...parts, ...card }), slot);
    if (nicRom && fn && slot === NIC_SLOT) fn.setRom(flashed(nicRom, fn.get(PCI.VENDOR, 2), fn.get(PCI.DEVICE, 2)));
  }

  /** Devices of virtio: card, disks, and the others in their order. */
  get virtio(): readonly VirtioDevice[] {
    return this.devices.filter(isOfVirtio);
  }

  /** Another disk, or none, in the CD-ROM or floppy drive at a place; where there is no such drive nothing happens. */
  insert(place: number, disk: BlockDevice | null): void {
    if (place >= FLOPPY_PLACE) this.floppies.insert(place - FLOPPY_PLACE, disk);
    else this.ide.cdrom(place)?.insert(disk);
  }

  /**
   * Plugs a device in, as a PCI function where it has a slot: the bus asks it from now on, and reset, save and restore reach it.
   * @throws OverlapError, RangeLimitError where another device answers what it would answer; nothing is changed then.
   */
  plug<D extends Device>(device: D): D;
  plug<D extends Device & { readonly fn?: PciFunction }>(device: D, slot: number, number?: number): D;
  plug<D extends Device & { readonly fn?: PciFunction }>(device: D, slot = -1, number = 0): D {
    this.bus.plug(device);
    if (device.fn && slot >= 0) this.pci.add(slot, number, device.fn);
    this.devices.push(device);
    return device;
  }

  /** The medium of a disk is longer or shorter now: one of virtio says so, and a PC's own drives have reported their size. */
  resized(place: number): void {
    for (const device of this.devices)
      if (device.name === `virtio-blk${place - VIRTIO_PLACE}`) (device as Partial<VirtioBlk>).resized?.();
  }

  /** A guest's drivers want emulated devices gone, of which they have others. */
  private unplug(mask: number): void {
    if (mask & UNPLUG.IDE_DISKS) this.ide.unplugDisks(false);
    else if (mask & UNPLUG.AUXILIARY_IDE_DISKS) this.ide.unplugDisks(true);
    if (mask & UNPLUG.NICS) this.pci.unplug(NIC_SLOT, 0);
  }

  // ---- people

  /** Bytes typed at COM1 (0) or COM2 (1). Returns how many were taken; offer the rest again later. */
  serialInput(port: number, bytes: Uint8Array): number {
    if (port === 0 && this.terminal?.listening) return this.terminal.input?.(bytes) ?? 0;
    return this.uarts[port]?.input(bytes) ?? 0;
  }

  /** Whether the guest waits for bytes at a serial port (Uart.listening). */
  serialListening(port: number): boolean {
    return (port === 0 && this.terminal?.listening) || (this.uarts[port]?.listening ?? false);
  }

  // ---- start without firmware, or before it

  /** As a BIOS leaves them before it starts a kernel: PM block in place, PCI resources and interrupts assigned, no ROM, text mode 3. */
  setFirmwareDefaults(): void {
    this.pm.setFirmwareDefaults();
    this.dma.setFirmwareDefaults();
    // All of 0xC0000-0xFFFFF is RAM: there is no ROM to hide.
    for (let pam = 0x59; pam <= 0x5f; pam++) this.pci.at(0, 0)?.write(pam, 0x33, 1);
    this.assignPciResources();
    this.routePciInterrupts();
    this.vga.setTextMode3();
  }

  /** What firmware on some hypervisors finds done (Xen's hvmloader): PCI resources and interrupts assigned, the PM block in place. */
  prepareForFirmware(): void {
    this.pm.setFirmwareDefaults();
    // Without the enable bit: firmware looks into the ROM itself.
    const roms = Math.ceil(this.assignPciResources() / ROM_ALIGNMENT) * ROM_ALIGNMENT;
    this.vga.fn.write(0x30, roms, 4);
    this.pci.at(NIC_SLOT, 0)?.write(0x30, roms + ROM_ALIGNMENT, 4);
    this.routePciInterrupts();
  }

  /** Every BAR gets a place and its function is switched on, in the order of slots. Returns where the memory windows end. */
  private assignPciResources(): number {
    let port = FIRST_BAR_PORT;
    let memory = FIRST_BAR_ADDRESS;
    for (let at = 0; at < 256; at++) {
      const fn = this.pci.at(at >> 3, at & 7);
      if (!fn) continue;
      for (const { index, kind, size } of fn.barSizes()) {
        if (kind === 'io') {
          port = Math.ceil(port / size) * size;
          fn.write(0x10 + 4 * index, port, 4);
          port += size;
        } else {
          memory = Math.ceil(memory / size) * size;
          fn.write(0x10 + 4 * index, memory, 4);
          memory += size;
        }
      }
      if (fn.barSizes().length > 0) fn.write(4, 7, 2);
    }
    return memory;
  }

  /** PIRQ A-D on 10, 10, 11, 11, the functions' interrupt lines to match. */
  private routePciInterrupts(): void {
    const routes = [10, 10, 11, 11];
    const bridge = this.pci.at(1, 0);
    routes.forEach((irq, pirq) => bridge?.write(0x60 + pirq, irq, 1));
    for (let slot = 2; slot < 32; slot++) {
      for (let number = 0; number < 8; number++) {
        const fn = this.pci.at(slot, number);
        const pin = fn?.config[0x3d] ?? 0;
        if (fn && pin > 0) fn.config[0x3c] = routes[(slot - 1 + pin - 1) & 3];
      }
    }
  }

  // ---- the whole

  /** RESET pin of the board. */
  reset(): void {
    for (const device of this.devices) device.reset();
  }

  /** Throws StateError, naming device and field. */
  restore(state: State): void {
    for (const device of this.devices) restoreDevice(device, state);
  }
}
