/**
 * The devices that belong to a hypervisor: interrupt controllers, interval timer, real-time clock, ACPI's fixed hardware, FERR#. They are asked this often, and
 * decide so much of what a virtual processor does next, that hypervisors have them next to the processor, even if not the rest of the PC
 * (Xen: xen/arch/x86/hvm, vpic.c, vpit.c, vlapic.c, vioapic.c, rtc.c, pmtimer.c). `emulated-devices.ts` has the rest.
 */
import { Piix4Pm, SCI_IRQ } from './acpi/piix4-pm.ts';
import { ApicBus, apicMessage } from './apic/apic-bus.ts';
import { IoApic } from './apic/io-apic.ts';
import { LocalApic } from './apic/local-apic.ts';
import type { Device, MemoryRange, State, Timers } from './bus.ts';
import type { Ram } from './e820.ts';
import { COPROCESSOR_IRQ, CoprocessorError } from './coprocessor-error.ts';
import type { ModelSignals } from './emulated-devices.ts';
import { Hpet } from './hpet.ts';
import { IoBus, OverlapError } from './io-bus.ts';
import { IRQ_COUNT, IrqLines } from './irq-lines.ts';
import { PciLinks } from './pci/pci-links.ts';
import { Pic } from './pic.ts';
import { Pit } from './pit.ts';
import { Rtc } from './rtc.ts';
import { restoreDevice } from './state.ts';

export interface PlatformDeviceOptions extends Ram {
  timers: Timers;
  /** Types of the floppy drives, as CMOS has them (default: none). */
  floppyDrives?: number;
  /** Time of day when the machine's clock was 0: milliseconds since 1970, UTC. */
  startEpochMs: number;
  /** The guest entered S5. */
  onPowerOff(): void;
  /** It entered S3 (suspend to RAM), and something ended that: the clock, the power button, `wake`. */
  onSleep?(): void;
  onWake?(): void;
  /** Local APICs, I/O APIC (default: none). Without them CPUID must not show a local APIC. */
  apic?: boolean;
  /** Processors, with `apic` (default 1). */
  processors?: number;
  /** Of these this many are enabled in the firmware tables (all). */
  online?: number;
  /** From one processor's APIC identifier to the next one's (default 1). */
  apicIdStep?: number;
  /** Inputs of the I/O APIC (default: those of the 82093AA). */
  ioApicPins?: number;
  /** There is a HPET, too, where there is an I/O APIC. */
  hpet?: boolean;
  /** Time on the machine's clock at which the guest's TSC reaches a value; absent: no TSC-deadline timer (CPUID must not show it). */
  tscDeadlineNs?: (low: number, high: number) => number;
  /** Port 0xF0 was written: IGNNE# (Processor.ignoreNumericError). */
  onIgnoreNumericError?(): void;
  /** Interprocessor messages that act on a processor itself. `vector` << 12 is where a started one begins. */
  onNmi?(processor: number): void;
  onInit?(processor: number): void;
  onStartup?(processor: number, vector: number): void;
  /** The processor that runs has sent another one an interprocessor message. */
  onMessage?(to: number): void;
}

const APIC_WINDOW_BYTES = 4096,
  APIC_GLOBAL_ENABLE = 0x800;
/** IA32_TSC_DEADLINE (SDM vol. 4). */
const MSR_TSC_DEADLINE = 0x6e0;
/** The ISA interrupts that PCI links lead to once firmware, or code that replaces it, has routed them; with the SCI they are level-triggered. */
const LEVEL_TRIGGERED = [10, 11, SCI_IRQ];

export class PlatformDevices implements ModelSignals {
  readonly bus = new IoBus();
  readonly rtc: Rtc;
  /** FERR# of the processor goes here. */
  readonly coprocessor: CoprocessorError;
  /** INTR pin of processor 0 (others: `intrOf`). */
  intr = false;
  /** Called when a processor's INTR rises. */
  onIntr: ((processor: number) => void) | undefined;
  /** The processor whose accesses to its local APIC come next: all of them see theirs at one address. */
  currentProcessor = 0;
  /** In the order in which they are restored: interrupt controllers last, since the others drive their pins. */
  readonly devices: readonly Device[];

  private readonly pic: Pic;
  private readonly pit: Pit;
  private readonly pm: Piix4Pm;
  private readonly links: PciLinks;
  private readonly ioApic: IoApic | undefined;
  private readonly apicBus = new ApicBus();
  private readonly localApics: LocalApic[] = [];
  private readonly apicWindows: MemoryRange[] = [];
  private readonly pins: boolean[] = [];
  /** ISA interrupts as a device model has them, and as the event channel upcall drives one. */
  private readonly modelLine: { set(irq: number, level: boolean): void };
  private readonly upcallLine: { set(irq: number, level: boolean): void };

  constructor(options: PlatformDeviceOptions) {
    const { bus } = this;
    const { timers } = options;
    this.pic = new Pic(level => {
      if (level) this.localApics[0]?.lint0Rises();
      this.updateIntr(0);
    });
    if (options.apic) this.ioApic = this.addApics(options);
    const irqs = new IrqLines('irq-lines', (level, irq) => {
      this.pic.setLine(irq, level);
      // The timer is on pin 2, where the cascade has no request of its own.
      this.ioApic?.setLine(irq === 0 ? 2 : irq, level);
    });
    this.links = new PciLinks(irqs);
    this.pm = new Piix4Pm(
      timers,
      bus,
      irqs.source(SCI_IRQ),
      () => options.onPowerOff(),
      () => options.onSleep?.(),
      () => options.onWake?.(),
    );
    // Saved states number request lines in this order.
    const irq0 = irqs.source(0),
      irq8 = irqs.source(8);
    const hpet =
      options.hpet && this.ioApic
        ? new Hpet(timers, { irq0, irq8, pin: (pin, level) => this.ioApic?.setLine(pin, level) })
        : undefined;
    this.pit = new Pit(timers, hpet?.timerLine ?? irq0, () => this.timerWaits());
    this.rtc = new Rtc(timers, hpet?.clockLine ?? irq8, options, () => this.pm.clockInterrupts());
    this.coprocessor = new CoprocessorError(irqs.source(COPROCESSOR_IRQ), () => options.onIgnoreNumericError?.());
    this.modelLine = irqs.routed();
    this.upcallLine = irqs.routed();
    const { pic, pit, rtc, pm, coprocessor } = this;
    this.devices = [
      this.links,
      pm,
      ...(hpet ? [hpet] : []),
      pit,
      rtc,
      coprocessor,
      irqs,
      pic,
      ...(this.ioApic ? [this.ioApic] : []),
      ...this.localApics,
    ];
    for (const device of this.devices) bus.plug(device);
  }

  // ---- what a device model says

  setIsaIrqLevel(irq: number, level: boolean): void {
    this.modelLine.set(irq, level);
  }

  setPciIntxLevel(slot: number, pin: number, level: boolean): void {
    this.links.setIntx(slot, pin, level);
  }

  setPciLinkRoute(link: number, irq: number): void {
    this.links.setRoute(link, irq);
  }

  placePowerManagement(pmBase: number, smbusBase: number): void {
    this.pm.place(pmBase, smbusBase);
  }

  setIoApicPin(pin: number, level: boolean): void {
    this.ioApic?.setLine(pin, level);
  }

  sendMessage(address: number, data: number): void {
    const message = apicMessage(address, data);
    if (message) this.apicBus.deliver(message);
  }

  // ---- interrupts

  /** Posts an edge-triggered interrupt at a processor's local APIC. */
  requestInterrupt(processor: number, vector: number): void {
    this.localApics[processor]?.post(vector);
  }

  localApic(processor: number): LocalApic | undefined {
    return this.localApics[processor];
  }

  /** Drives a global interrupt for the code that notifies guests of events; ISA interrupts are shared with their devices. */
  setUpcallGsi(gsi: number, level: boolean): void {
    if (gsi < IRQ_COUNT) this.upcallLine.set(gsi, level);
    else this.ioApic?.setLine(gsi, level);
  }

  private addApics(options: PlatformDeviceOptions): IoApic {
    const bus = this.apicBus;
    const { processors = 1, apicIdStep = 1 } = options;
    for (let processor = 0; processor < processors; processor++) {
      this.localApics.push(
        new LocalApic({
          timers: options.timers,
          bus,
          processor,
          id: processor * apicIdStep,
          bootstrap: processor === 0,
          tscDeadlineNs: options.tscDeadlineNs,
          onChange: () => this.updateIntr(processor),
          onNmi: () => options.onNmi?.(processor),
          onInit: () => options.onInit?.(processor),
          onStartup: vector => options.onStartup?.(processor, vector),
          onMessage: options.onMessage,
        }),
      );
    }
    this.placeApics();
    return new IoApic(bus, options.ioApicPins);
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
        base,
        length: APIC_WINDOW_BYTES,
        readQuietly: (offset, size) => mine()?.readQuietly(offset, size) ?? -1,
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

  /** Returns false where no operating system listens to the button. */
  pressPowerButton(): boolean {
    return this.pm.pressPowerButton();
  }

  /** Suspended to RAM (S3). */
  get asleep(): boolean {
    return this.pm.asleep;
  }

  /** Ends that. */
  wake(): void {
    this.pm.wake();
  }

  // ---- the whole

  /** As firmware leaves them: vectors and masks of the interrupt controllers, timer at 18.2 Hz. */
  setFirmwareDefaults(): void {
    this.pic.setFirmwareDefaults();
    this.pit.setFirmwareDefaults();
    this.setLevelTriggered();
  }

  /** Edge/level control of the interrupts that PCI shares. */
  setLevelTriggered(): void {
    this.bus.writePort(
      0x4d1,
      LEVEL_TRIGGERED.reduce((bits, irq) => bits | (1 << (irq - 8)), 0),
      1,
    );
  }

  /** The I/O APIC's identifier, as firmware writes it where tables name another than RESET's; nothing without one. */
  setIoApicId(id: number): void {
    this.ioApic?.setId(id);
  }

  /** RESET pin of the board. Time of day and CMOS stay. */
  reset(): void {
    for (const device of this.devices) device.reset();
    this.placeApics();
  }

  /** RESET or INIT of the processors: their local APICs, with the 8259A's interrupts let through as firmware does it. */
  resetProcessors(): void {
    for (const local of this.localApics) local.reset();
    this.placeApics();
  }

  restore(state: State): void {
    for (const device of this.devices) restoreDevice(device, state);
    this.placeApics();
    this.updateIntr(0);
  }
}
