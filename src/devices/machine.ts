/**
 * The board: every device of the PC, plugged in. One line a device; what it may touch stands in its constructor.
 * `Pc` keeps no time and runs no processor: whoever does calls `timers` (TimerQueue.run), asks `intr` and answers with `acknowledge()`.
 */
import { installAcpi } from './acpi/tables.ts';
import { Piix4Pm, SCI_IRQ } from './acpi/piix4-pm.ts';
import { ApicBus } from './apic/apic-bus.ts';
import { IoApic } from './apic/io-apic.ts';
import { LocalApic } from './apic/local-apic.ts';
import type { Device, Dma, MemoryRange, State, Timers } from './bus.ts';
import { installBiosData } from './bios-data.ts';
import { COPROCESSOR_IRQ, CoprocessorError } from './coprocessor-error.ts';
import { DebugPorts } from './debug-ports.ts';
import { memoryMap, type MemoryMapEntry } from './e820.ts';
import { FwCfg } from './fw-cfg.ts';
import { describeMachine } from './firmware-config.ts';
import { type IdeAttachment, PiixIde } from './ide/piix-ide.ts';
import { IoBus, OverlapError } from './io-bus.ts';
import { IRQ_COUNT, IrqLines } from './irq-lines.ts';
import { type NicAttachment, PcnetPci } from './net/pcnet-pci.ts';
import { i440fx, Piix3, resetControl, type Shadowing } from './pci/i440fx.ts';
import { PciBus } from './pci/pci.ts';
import { ParallelPort } from './parallel.ts';
import { Pic } from './pic.ts';
import { Pit } from './pit.ts';
import { I8042 } from './ps2/i8042.ts';
import type { Keyboard } from './ps2/keyboard.ts';
import type { Mouse } from './ps2/mouse.ts';
import { Rtc } from './rtc.ts';
import { installSmbios } from './smbios.ts';
import { subState } from './state.ts';
import { TestDevice } from './test-device.ts';
import { Uart } from './uart.ts';
import { UNPLUG, XenPlatform } from './xen-platform.ts';
import type { ScreenWriter, VideoMemory } from './vga/screen.ts';
import { Vga } from './vga/vga.ts';

export interface PcOptions {
  timers: Timers;
  /** Guest memory, RAM only. */
  dma: Dma;
  memoryMiB: number;
  /** Time of day when the machine's clock was 0: milliseconds since 1970, UTC. */
  startEpochMs: number;
  /** Where COM1 and COM2 send their bytes. */
  serial: ((byte: number) => void)[];
  /** Bytes of ports 0xE9 and 0x402. */
  debug?: (byte: number) => void;
  /** The guest entered S5. */
  onPowerOff(): void;
  /** The guest asked for a reset (keyboard controller, port 0x92, 0xCF9): call `reset()` and reset the processors. */
  onReset(): void;
  /** A value written to isa-debug-exit; the machine's status is `(value << 1) | 1`. */
  onDebugExit(value: number): void;
  screen?: ScreenWriter;
  /** Memory of the graphics adapter that the guest reaches without exits; absent: 16 MiB of its own. */
  videoMemory?: VideoMemory;
  /** VGA BIOS, as the adapter's expansion ROM for firmware to run. */
  vgaBios?: Uint8Array;
  /** What a printer on LPT1 gets. */
  printer?: (byte: number) => void;
  /** Disks and CD-ROM drives on the two IDE channels. */
  ide?: IdeAttachment[];
  /** A network card (Am79C970A, slot 3) and its wire. */
  nic?: NicAttachment;
  /** Firmware opened or closed RAM in 0xC0000-0xFFFFF (PAM registers). At reset reads and writes go to ROM. */
  onShadow?: Shadowing;
  /** The A20 gate was opened or closed (it is open at reset). */
  onA20?: (open: boolean) => void;
  /** QEMU's pc-testdev for test kernels (default: there). */
  testDevice?: boolean;
  /** Local APICs, I/O APIC and MADT (default: none). Without them CPUID must not show a local APIC. */
  apic?: boolean;
  /** Processors, with `apic` (default 1). */
  processors?: number;
  /** Xen's platform device (slot 4), for guests of Xen. */
  xenPlatform?: boolean;
  /** Time on the machine's clock at which the guest's TSC reaches a value; absent: no TSC-deadline timer (CPUID must not show it). */
  tscDeadlineNs?: (low: number, high: number) => number;
  /** Port 0xF0 was written: IGNNE# (Processor.ignoreNumericError). */
  onIgnoreNumericError?(): void;
  /** Interprocessor messages that act on a processor itself. `vector` << 12 is where a started one begins. */
  onNmi?(processor: number): void;
  onInit?(processor: number): void;
  onStartup?(processor: number, vector: number): void;
}

const COM = [{ base: 0x3f8, irq: 4 }, { base: 0x2f8, irq: 3 }];
/** Where BARs go on a machine that starts without firmware. */
const FIRST_BAR_PORT = 0xc000, FIRST_BAR_ADDRESS = 0xf0000000, ROM_ALIGNMENT = 0x100000;
const APIC_WINDOW_BYTES = 4096, APIC_GLOBAL_ENABLE = 0x800;
/** IA32_TSC_DEADLINE (SDM vol. 4). */
const MSR_TSC_DEADLINE = 0x6e0;
const NIC_SLOT = 3, XEN_PLATFORM_SLOT = 4;
const nothing = (): void => {};

export class Pc {
  readonly bus = new IoBus();
  readonly keyboard: Keyboard;
  readonly mouse: Mouse;
  readonly vga: Vga;
  readonly pci: PciBus;
  readonly rtc: Rtc;
  /** For firmware: more items and files can be set before it starts. */
  readonly fwCfg: FwCfg;
  /** INTR pin of processor 0 (others: `intrOf`). */
  intr = false;
  /** Called when a processor's INTR rises. */
  onIntr: ((processor: number) => void) | undefined;
  /** The processor whose accesses to its local APIC come next: all of them see theirs at one address. */
  currentProcessor = 0;

  readonly ide: PiixIde;
  /** FERR# of the processor goes here. */
  readonly coprocessor: CoprocessorError;

  private readonly options: PcOptions;
  /** In the order in which they are restored: interrupt controllers last, since the others drive their pins. */
  private readonly devices: Device[] = [];
  private readonly pic: Pic;
  private readonly pit: Pit;
  private readonly uarts: Uart[];
  private readonly pm: Piix4Pm;
  private readonly ioApic: IoApic | undefined;
  private readonly localApics: LocalApic[] = [];
  private readonly apicWindows: MemoryRange[] = [];
  private readonly pins: boolean[] = [];
  private upcallPin: ((level: boolean) => void) | undefined;
  private upcallLine: ((irq: number, level: boolean) => void) | undefined;

  constructor(options: PcOptions) {
    this.options = options;
    const { bus } = this;
    const { timers } = options;
    this.pic = new Pic(level => {
      if (level) this.localApics[0]?.lint0Rises();
      this.updateIntr(0);
    });
    if (options.apic) this.ioApic = this.addApics(options);
    const irqs = new IrqLines((level, irq) => {
      this.pic.setLine(irq, level);
      // The timer is on pin 2, where the cascade has no request of its own.
      this.ioApic?.setLine(irq === 0 ? 2 : irq, level);
    });
    const reset = (): void => options.onReset();

    this.pci = new PciBus(bus, resetControl(reset));
    const piix3 = new Piix3(irqs);
    this.pm = new Piix4Pm(timers, bus, irqs.source(SCI_IRQ), () => options.onPowerOff());
    this.pci.add(0, 0, i440fx(options.onShadow));
    this.pci.add(1, 0, piix3.fn);
    this.ide = new PiixIde(options.dma, [irqs.source(14), irqs.source(15)], options.ide ?? []);
    this.pci.add(1, 1, this.ide.fn);
    this.pci.add(1, 3, this.pm.fn);

    this.pit = new Pit(timers, irqs.source(0), () => this.timerWaits());
    const i8042 = new I8042(timers, irqs.source(1), irqs.source(12), reset, options.onA20);
    this.keyboard = i8042.keyboard;
    this.mouse = i8042.mouse;
    this.rtc = new Rtc(timers, irqs.source(8), options);
    this.uarts = COM.map(({ base, irq }, i) => new Uart(`uart${i}`, base, irqs.source(irq), options.serial[i] ?? nothing));
    this.vga = new Vga(timers, options.screen, options.videoMemory, options.vgaBios);
    this.pci.add(2, 0, this.vga.fn);
    const nic = options.nic && new PcnetPci(timers, options.dma, piix3.intx(NIC_SLOT, 1), options.nic);
    if (nic) this.pci.add(NIC_SLOT, 0, nic.fn);
    const xenPlatform = options.xenPlatform ? new XenPlatform(mask => this.unplug(mask), options.debug ?? nothing) : undefined;
    if (xenPlatform) {
      this.pci.add(XEN_PLATFORM_SLOT, 0, xenPlatform.fn);
      const pin = piix3.intx(XEN_PLATFORM_SLOT, 1);
      this.upcallPin = level => pin.set(level);
      const line = irqs.routed();
      this.upcallLine = (irq, level) => line.set(irq, level);
    }
    const parallel = new ParallelPort('parallel0', 0x378, irqs.source(7), options.printer ?? nothing);
    const print = options.debug ?? nothing;
    const debug = new DebugPorts(print, value => options.onDebugExit(value), options.testDevice === false);
    this.fwCfg = new FwCfg(options.dma);
    describeMachine(this.fwCfg, { memoryMiB: options.memoryMiB, apic: options.apic ?? false, processors: options.processors ?? 1 });
    const testLines = Array.from({ length: IRQ_COUNT }, (_, irq) => irqs.source(irq));
    const test = options.testDevice === false ? undefined : new TestDevice(print, (line, level) => {
      if (line < IRQ_COUNT) testLines[line].set(level);
      else this.ioApic?.setLine(line, level);
    });

    this.coprocessor = new CoprocessorError(irqs.source(COPROCESSOR_IRQ), () => options.onIgnoreNumericError?.());

    const { pic, pit, rtc, vga, pm } = this;
    this.devices.push(
      this.pci, piix3, pm, pit, rtc, i8042, ...this.uarts, vga, parallel, ...(xenPlatform ? [xenPlatform] : []), this.ide, ...(nic ? [nic] : []), this.fwCfg, debug, this.coprocessor,
      ...(test ? [test] : []), irqs, pic, ...(this.ioApic ? [this.ioApic] : []), ...this.localApics,
    );
    for (const range of [
      pic.masterPorts, pic.slavePorts, pic.elcrPorts, pit.ports, pit.portBPorts, i8042.dataPorts, i8042.commandPorts, i8042.port92, rtc.ports,
      ...this.uarts.map(uart => uart.ports), vga.ports, vga.colourPorts, vga.monoPorts, vga.dispiPorts, this.pci.ports, pm.smiPorts, parallel.ports, this.coprocessor.ports,
      ...this.ide.channels.flatMap(channel => [channel.taskPorts, channel.controlPorts]),
      ...this.fwCfg.portRanges, ...debug.ranges, ...(test?.portRanges ?? []),
    ]) bus.plugPorts(range);
    if (xenPlatform) bus.plugPorts(xenPlatform.ports);
    bus.plugMemory(vga.window);
    if (test) bus.plugMemory(test.memoryRange);
  }

  /** A guest's drivers want emulated devices gone, of which they have others. */
  private unplug(mask: number): void {
    if (mask & UNPLUG.IDE_DISKS) this.ide.unplugDisks(false);
    else if (mask & UNPLUG.AUXILIARY_IDE_DISKS) this.ide.unplugDisks(true);
    if (mask & UNPLUG.NICS) this.pci.unplug(NIC_SLOT, 0);
  }

  // ---- interrupts

  /** Posts an edge-triggered interrupt at a processor's local APIC. */
  requestInterrupt(processor: number, vector: number): void {
    this.localApics[processor]?.post(vector);
  }

  /** Drives a global interrupt for whoever tells guests of events; ISA interrupts are shared with their devices. */
  setUpcallGsi(gsi: number, level: boolean): void {
    if (gsi < IRQ_COUNT) this.upcallLine?.(gsi, level);
    else this.ioApic?.setLine(gsi, level);
  }

  /** Drives INTA of the platform device. Other pins are not wired to it. */
  setUpcallPin(slot: number, pin: number, level: boolean): void {
    if (slot === XEN_PLATFORM_SLOT && pin === 0) this.upcallPin?.(level);
  }

  private addApics(options: PcOptions): IoApic {
    const bus = new ApicBus();
    for (let id = 0; id < (options.processors ?? 1); id++) {
      this.localApics.push(new LocalApic({
        timers: options.timers, bus, id, bootstrap: id === 0, tscDeadlineNs: options.tscDeadlineNs,
        onChange: () => this.updateIntr(id),
        onNmi: () => options.onNmi?.(id),
        onInit: () => options.onInit?.(id),
        onStartup: vector => options.onStartup?.(id, vector),
      }));
    }
    this.placeApics();
    const ioApic = new IoApic(bus);
    this.bus.plugMemory(ioApic.range);
    return ioApic;
  }

  /** Registers of the local APICs where IA32_APIC_BASE has them: each processor sees its own. A place that something else has is left to that. */
  private placeApics(): void {
    for (const window of this.apicWindows.splice(0)) this.bus.unplugMemory(window);
    for (const base of new Set(this.localApics.map(local => local.base))) {
      if (base < 0) continue;
      const mine = (): LocalApic | undefined => {
        const local = this.localApics[this.currentProcessor];
        return local.base === base ? local : undefined;
      };
      const window: MemoryRange = {
        base, length: APIC_WINDOW_BYTES,
        read: (offset, size) => mine()?.read(offset, size) ?? 0xffffffff,
        write: (offset, value, size) => mine()?.write(offset, value, size),
      };
      try {
        this.bus.plugMemory(window);
        this.apicWindows.push(window);
      } catch (error) {
        if (!(error instanceof OverlapError)) throw error;
      }
    }
  }

  /** A processor has written IA32_APIC_BASE (low word; SDM vol. 3, 11.4.4: global enable 11, base from 12). */
  setApicBase(low: number, processor: number): void {
    this.localApics[processor]?.setBase((low & -APIC_WINDOW_BYTES) >>> 0, (low & APIC_GLOBAL_ENABLE) !== 0);
    this.placeApics();
  }

  /** INTR of a processor: its local APIC's, or the 8259A's where that comes through. */
  private updateIntr(processor: number): void {
    const local = this.localApics[processor];
    const level = local ? local.intr || (processor === 0 && this.pic.int && local.acceptsPic) : this.pic.int;
    const before = this.pins[processor] ?? false;
    this.pins[processor] = level;
    if (processor === 0) this.intr = level;
    if (level && !before) this.onIntr?.(processor);
  }

  /** Channel 0's interrupt is on its way through one of the controllers. */
  private timerWaits(): boolean {
    const vector = this.ioApic?.vectorOf(2) ?? -1;
    return this.pic.isWaiting(0) || (vector >= 0 && this.localApics.some(local => local.isWaiting(vector)));
  }

  intrOf(processor: number): boolean {
    return this.pins[processor] ?? false;
  }

  /** INTA: the vector. Spurious if `intr` has dropped meanwhile, as on the board. */
  acknowledge(processor = 0): number {
    const local = this.localApics[processor];
    if (!local) return this.pic.acknowledge();
    if (!local.intr && processor === 0 && this.pic.int && local.acceptsPic) return this.pic.acknowledge();
    return local.acknowledge();
  }

  /** MSRs that belong to a device: IA32_TSC_DEADLINE. Low and high word; undefined: not one of them. */
  readMsr(index: number, processor = 0): [low: number, high: number] | undefined {
    const local = this.localApics[processor];
    return index === MSR_TSC_DEADLINE && local?.hasDeadlineMode ? local.readDeadline() : undefined;
  }

  /** False: not a device's MSR. */
  writeMsr(index: number, low: number, high: number, processor = 0): boolean {
    const local = this.localApics[processor];
    if (index !== MSR_TSC_DEADLINE || !local?.hasDeadlineMode) return false;
    local.writeDeadline(low, high);
    return true;
  }

  // ---- people

  /** Bytes typed at COM1 (0) or COM2 (1). Returns how many were taken; offer the rest again later. */
  serialInput(port: number, bytes: Uint8Array): number {
    return this.uarts[port]?.input(bytes) ?? 0;
  }

  /** Whether the guest waits for bytes at a serial port (Uart.listening). */
  serialListening(port: number): boolean {
    return this.uarts[port]?.listening ?? false;
  }

  /** Returns false where no operating system listens to the button. */
  pressPowerButton(): boolean {
    return this.pm.pressPowerButton();
  }

  // ---- start without firmware

  /**
   * Leaves the board as a BIOS does before it starts a kernel: vectors and masks of the interrupt controllers, timer at 18.2 Hz, PM block in place,
   * PCI interrupts routed, text mode 3, and ACPI and SMBIOS tables in 0xE0000-0xFFFFF. Returns the guest-physical address of the RSDP.
   */
  installTables(): number {
    this.pic.setFirmwareDefaults();
    this.pit.setFirmwareDefaults();
    this.pm.setFirmwareDefaults();
    // All of 0xC0000-0xFFFFF is RAM: there is no ROM to hide.
    for (let pam = 0x59; pam <= 0x5f; pam++) this.pci.at(0, 0)?.write(pam, 0x33, 1);
    this.assignPciResources();
    this.routePciInterrupts();
    this.setTextMode3();
    installBiosData(this.options.dma);
    installSmbios(this.options.dma, this.options.memoryMiB);
    return installAcpi(this.options.dma, {
      memoryMiB: this.options.memoryMiB, apic: this.options.apic ?? false, processors: this.options.processors ?? 1,
    });
  }

  /**
   * What firmware on some hypervisors finds done (Xen's hvmloader): PCI resources and interrupts assigned, the PM block in place, and ACPI and SMBIOS
   * tables where it is told.
   */
  prepareForFirmware(at: { acpi: number; rsdp: number; smbios: number }): void {
    const { dma, memoryMiB, apic = false, processors = 1 } = this.options;
    this.pm.setFirmwareDefaults();
    // Without the enable bit: firmware looks into the ROM itself.
    this.vga.fn.write(0x30, Math.ceil(this.assignPciResources() / ROM_ALIGNMENT) * ROM_ALIGNMENT, 4);
    this.routePciInterrupts();
    installSmbios(dma, memoryMiB, at.smbios);
    installAcpi(dma, { memoryMiB, apic, processors }, { rsdp: at.rsdp, tables: at.acpi });
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

  /** PIRQ A-D on 10, 10, 11, 11 and level-triggered, the functions' interrupt lines to match. */
  private routePciInterrupts(): void {
    const routes = [10, 10, 11, 11];
    const bridge = this.pci.at(1, 0);
    routes.forEach((irq, pirq) => bridge?.write(0x60 + pirq, irq, 1));
    this.bus.writePort(0x4d1, (1 << (10 - 8)) | (1 << (11 - 8)) | (1 << (SCI_IRQ - 8)), 1);
    for (let slot = 2; slot < 32; slot++) {
      for (let number = 0; number < 8; number++) {
        const fn = this.pci.at(slot, number);
        const pin = fn?.config[0x3d] ?? 0;
        if (fn && pin > 0) fn.config[0x3c] = routes[(slot - 1 + pin - 1) & 3];
      }
    }
  }

  setTextMode3(): void {
    this.vga.setTextMode3();
  }

  /** Shows a linear picture in its BAR, as a boot loader does with a VBE mode; undefined: the adapter cannot. */
  setPicture(width: number, height: number, depth: number): { address: number; pitch: number; width: number; height: number; depth: number } | undefined {
    return this.vga.setLinearMode(width, height, depth);
  }

  /** Memory map as INT 15h, E820 would tell it. */
  e820(): MemoryMapEntry[] {
    return memoryMap(this.options.memoryMiB);
  }

  // ---- the whole

  /** RESET pin of the board. Time of day and CMOS stay. */
  reset(): void {
    for (const device of this.devices) device.reset();
    this.placeApics();
  }

  save(): State {
    return Object.fromEntries(this.devices.map(device => [device.name, device.save()]));
  }

  /** Throws StateError, naming device and field, where the state does not fit; the machine is then to be thrown away or reset. */
  restore(state: State): void {
    for (const device of this.devices) subState('machine', state, device.name);
    for (const device of this.devices) device.restore(state[device.name] as State);
    this.placeApics();
    this.updateIntr(0);
  }

  peek(): State {
    return Object.fromEntries(this.devices.map(device => [device.name, device.peek()]));
  }
}
