/**
 * The board of a guest that comes without a PC: local APICs and a debug console, as a hypervisor gives them to kernels that are entered directly (PVH).
 * No 8259A, 8254, I/O APIC, RTC, PCI, VGA, keyboard or serial port: unknown ports float high.
 */
import { installPvhAcpi } from './acpi/pvh-tables.ts';
import { ApicBus } from './apic/apic-bus.ts';
import { LocalApic } from './apic/local-apic.ts';
import { LOCAL_APIC_BASE } from './apic/local-apic-registers.ts';
import type { Dma, State, Timers } from './bus.ts';
import { IoBus } from './io-bus.ts';
import { subState } from './state.ts';

export interface PvhBoardOptions {
  timers: Timers;
  dma: Dma;
  /** Bytes of port 0xE9. */
  debug?: (byte: number) => void;
  processors?: number;
  /** Of these this many are enabled in the firmware tables (all). */
  online?: number;
  /** From one processor's APIC identifier to the next one's (default 1). */
  apicIdStep?: number;
  /** Guest-physical addresses of ACPI's root pointer and of its tables. */
  acpi: { rsdp: number; tables: number };
  onNmi?(processor: number): void;
  onInit?(processor: number): void;
  onStartup?(processor: number, vector: number): void;
  /** The processor that runs has sent another one an interprocessor message. */
  onMessage?(to: number): void;
}

const DEBUG_PORT = 0xe9;
const nothing = (): void => {};

export class PvhBoard {
  readonly bus = new IoBus();
  /** All devices are the hypervisor's: there is no device model. */
  readonly ownBus = this.bus;
  currentProcessor = 0;
  /** What people's hands reach on a PC: nobody listens here. */
  readonly keyboard = { key: nothing };
  readonly mouse = { move: nothing };
  readonly coprocessor = { assert: nothing };
  readonly vga = { memory: new Uint8Array(0) };
  private readonly options: PvhBoardOptions;
  private readonly localApics: LocalApic[] = [];

  constructor(options: PvhBoardOptions) {
    this.options = options;
    const bus = new ApicBus();
    const { processors = 1, apicIdStep = 1 } = options;
    for (let processor = 0; processor < processors; processor++) {
      this.localApics.push(
        new LocalApic({
          timers: options.timers,
          bus,
          processor,
          id: processor * apicIdStep,
          bootstrap: processor === 0,
          onChange: nothing,
          onNmi: () => options.onNmi?.(processor),
          onInit: () => options.onInit?.(processor),
          onStartup: vector => options.onStartup?.(processor, vector),
          onMessage: options.onMessage,
        }),
      );
    }
    this.bus.plugMemory({
      base: LOCAL_APIC_BASE,
      length: 0x1000,
      readQuietly: (offset, size) => this.localApics[this.currentProcessor].readQuietly(offset, size),
      read: (offset, size) => this.localApics[this.currentProcessor].read(offset, size),
      write: (offset, value, size) => this.localApics[this.currentProcessor].write(offset, value, size),
    });
    const debug = options.debug ?? nothing;
    this.bus.plugPorts({ base: DEBUG_PORT, count: 1, read: () => DEBUG_PORT, write: (_offset, value) => debug(value) });
  }

  intrOf(processor: number): boolean {
    return this.localApics[processor]?.intr ?? false;
  }

  acknowledge(processor: number): number {
    return this.localApics[processor].acknowledge();
  }

  /** Posts an edge-triggered interrupt at a processor's local APIC. */
  requestInterrupt(processor: number, vector: number): void {
    this.localApics[processor]?.post(vector);
  }

  localApic(processor: number): LocalApic | undefined {
    return this.localApics[processor];
  }

  serialInput(): number {
    return 0;
  }

  serialListening(): boolean {
    return false;
  }

  pressPowerButton(): boolean {
    return false;
  }

  /** Puts ACPI tables in place; returns the address of the root pointer. */
  installTables(): number {
    return installPvhAcpi(
      this.options.dma,
      this.options.acpi,
      this.localApics.length,
      this.options.apicIdStep,
      this.options.online,
    );
  }

  reset(): void {
    for (const local of this.localApics) local.reset();
  }

  save(): State {
    return Object.fromEntries(this.localApics.map(local => [local.name, local.save()]));
  }

  /** @throws StateError, naming device and field */
  restore(state: State): void {
    for (const local of this.localApics) subState('board', state, local.name);
    for (const local of this.localApics) local.restore(state[local.name] as State);
  }

  peek(): State {
    return Object.fromEntries(this.localApics.map(local => [local.name, local.peek()]));
  }
}
