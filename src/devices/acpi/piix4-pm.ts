/**
 * ACPI hardware of the board: power-management function of the Intel 82371AB (PIIX4).
 * Sources: 82371AB datasheet, order number 290562, chapters 7 and 11; ACPI specification, chapter 4 (fixed hardware).
 * PM timer of 3.579545 MHz with 24 bits; the SCI is IRQ 9, level-triggered, shared.
 */
import type { Clock, Device, IrqLine, PortRange, State, Timer, Timers } from '../bus.ts';
import type { IoBus } from '../io-bus.ts';
import { OverlapError } from '../io-bus.ts';
import { PCI, PciFunction } from '../pci/pci.ts';
import { assignState, copyState, resetState } from '../state.ts';
import { cyclesAt, nsOfCycle } from '../timers.ts';

export const PM_TIMER_HZ = 3579545;
export const SCI_IRQ = 9;
/** Where our tables say it is; firmware may move it. */
export const PM_BASE = 0x600,
  SMBUS_BASE = 0x700;
/** Offsets in the PM block. */
export const PM1_STATUS = 0x00,
  PM1_CONTROL = 0x04,
  PM_TIMER = 0x08,
  GPE0_STATUS = 0x0c;
const PM1_ENABLE = 0x02,
  GPE0_ENABLE = 0x0e;
const PM_BLOCK_BYTES = 0x40;
/** Where QEMU's board has general-purpose events and PCI's hot plug. */
export const GPE0_BASE = 0xafe0,
  GPE0_BYTES = 4,
  PCI_HOTPLUG_BASE = 0xae00,
  PCI_HOTPLUG_BYTES = 0x14;
/** SMI command port and the values that switch SCI_EN (there is no system management mode behind it: the switch is here). */
export const SMI_COMMAND_PORT = 0xb2,
  ACPI_ENABLE = 0xf1,
  ACPI_DISABLE = 0xf0;

const STATUS_TIMER = 0x0001,
  STATUS_GLOBAL = 0x0020,
  STATUS_POWER_BUTTON = 0x0100,
  STATUS_RTC = 0x0400,
  STATUS_WAKE = 0x8000;
const STATUS_BITS = STATUS_TIMER | 0x0010 | STATUS_GLOBAL | STATUS_POWER_BUTTON | STATUS_RTC | STATUS_WAKE;
const ENABLE_BITS = STATUS_TIMER | STATUS_GLOBAL | STATUS_POWER_BUTTON | STATUS_RTC;
const CONTROL_SCI_EN = 0x0001,
  CONTROL_SLP_EN = 0x2000;
/** SUS_TYP of soft off and of suspend to RAM (82371AB datasheet, PMCNTRL); \_S5 and \_S3 say the same. */
export const SLEEP_TYPE_S5 = 0,
  SLEEP_TYPE_S3 = 1;
const CONFIG_PMBA = 0x40,
  CONFIG_PMREGMISC = 0x80,
  CONFIG_SMBBA = 0x90,
  CONFIG_SMBHSTCFG = 0xd2;

const initial = () => ({
  status: 0,
  enable: 0,
  control: 0,
  gpeStatus: 0,
  gpeEnable: 0,
  /** Everything else in the block, stored. */
  rest: new Uint8Array(PM_BLOCK_BYTES),
  /** Cycle of the PM timer up to which TMR_STS is known. */
  checkedCycle: 0,
  apmControl: 0,
  apmStatus: 0,
  smbus: new Uint8Array(16),
  smbusStatus: 0,
});

/** The power-management function's configuration space: where the blocks of registers are. */
export class Piix4PmFunction {
  readonly fn = new PciFunction('PIIX4 PM', {
    vendor: 0x8086,
    device: 0x7113,
    revision: 3,
    class: 0x068000,
    interruptPin: 1,
  });
  private readonly place: (pmBase: number, smbusBase: number) => void;

  /** `place` is called with where the PM and SMBus blocks are now; 0: nowhere. */
  constructor(place: (pmBase: number, smbusBase: number) => void) {
    this.place = place;
    const { fn } = this;
    fn.config[PCI.INTERRUPT_LINE] = SCI_IRQ;
    fn.writable[PCI.COMMAND] = 1;
    fn.put(CONFIG_PMBA, 1, 4);
    fn.allow(CONFIG_PMBA, 4, 0xffc0);
    fn.put(CONFIG_SMBBA, 1, 4);
    fn.allow(CONFIG_SMBBA, 4, 0xfff0);
    // Count A/B, general-purpose input, device activity and resource registers: stored.
    for (let offset = 0x44; offset < 0x80; offset++) fn.writable[offset] = 0xff;
    // DEVACTB.APMC_EN is set: firmware takes it that SMM (which this board has not) is set up.
    fn.config[0x5b] = 0x02;
    fn.writable[CONFIG_PMREGMISC] = 1;
    fn.writable[CONFIG_SMBHSTCFG] = 0x0f;
    for (let offset = 0xd3; offset <= 0xd5; offset++) fn.writable[offset] = 0xff;
    fn.onConfigWrite = () => this.map();
  }

  /** Puts the blocks where the generated tables say, for a machine that starts without firmware. */
  setFirmwareDefaults(): void {
    this.fn.put(CONFIG_PMBA, PM_BASE | 1, 4);
    this.fn.config[CONFIG_PMREGMISC] = 1;
    this.fn.put(CONFIG_SMBBA, SMBUS_BASE | 1, 4);
    // Host controller on, interrupt by IRQ 9.
    this.fn.config[CONFIG_SMBHSTCFG] = 0x09;
    this.fn.config[PCI.COMMAND] |= 1;
    this.map();
  }

  private map(): void {
    const { fn } = this;
    this.place(
      fn.config[CONFIG_PMREGMISC] & 1 ? fn.get(CONFIG_PMBA, 4) & 0xffc0 : 0,
      fn.config[CONFIG_SMBHSTCFG] & 1 ? fn.get(CONFIG_SMBBA, 4) & 0xfff0 : 0,
    );
  }
}

export class Piix4Pm implements Device {
  readonly name = 'acpi-pm';
  private readonly r = initial();
  private readonly clock: Clock;
  private readonly timer: Timer;
  private readonly sci: IrqLine;
  private readonly bus: IoBus;
  private readonly onPowerOff: () => void;
  private readonly onSleep: () => void;
  private readonly onWake: () => void;
  /** It sleeps (S3); what ended that, for the status that the reset behind it leaves. */
  private sleeps = false;
  private wokeBy = 0;
  private pmRange: PortRange | undefined;
  private smbusRange: PortRange | undefined;

  readonly smiPorts: PortRange = {
    base: SMI_COMMAND_PORT,
    count: 2,
    read: offset => (offset === 0 ? this.r.apmControl : this.r.apmStatus),
    write: (offset, value) => {
      if (offset === 1) this.r.apmStatus = value;
      else this.smiCommand(value);
    },
  };

  /** `onWake`: the board is to be reset, but for what S3 keeps. */
  constructor(
    timers: Timers,
    bus: IoBus,
    sci: IrqLine,
    onPowerOff: () => void,
    onSleep: () => void = () => {},
    onWake: () => void = () => {},
  ) {
    this.clock = timers.clock;
    this.timer = timers.create('acpi-pm', () => this.update());
    this.bus = bus;
    this.sci = sci;
    this.onPowerOff = onPowerOff;
    this.onSleep = onSleep;
    this.onWake = onWake;
  }

  /** The function's registers have put the PM and SMBus blocks there; 0: nowhere. */
  place(pmBase: number, smbusBase: number): void {
    this.pmRange = this.move(this.pmRange, {
      base: pmBase,
      count: PM_BLOCK_BYTES,
      width: 4,
      readsQuietly: true,
      read: (offset, size) => this.readPm(offset, size),
      write: (offset, value, size) => this.writePm(offset, value, size),
    });
    this.smbusRange = this.move(this.smbusRange, {
      base: smbusBase,
      count: 16,
      read: offset => this.readSmbus(offset),
      write: (offset, value) => this.writeSmbus(offset, value),
    });
  }

  /** Puts a block at its new place; base 0: nowhere. */
  private move(now: PortRange | undefined, next: PortRange): PortRange | undefined {
    if ((now?.base ?? 0) === next.base) return now;
    if (now) this.bus.unplugPorts(now);
    if (next.base === 0) return undefined;
    try {
      this.bus.plugPorts(next);
      return next;
    } catch (error) {
      // Firmware put the block over another device: who was first answers.
      if (error instanceof OverlapError) return undefined;
      throw error;
    }
  }

  // ---- PM block

  private cycle(): number {
    return cyclesAt(this.clock.nowNs(), PM_TIMER_HZ);
  }

  /** TMR_STS is set whenever the timer's highest bit (23) changes. */
  private collect(): number {
    const { r } = this;
    const cycle = this.cycle();
    if (Math.floor(cycle / 0x800000) !== Math.floor(r.checkedCycle / 0x800000)) r.status |= STATUS_TIMER;
    r.checkedCycle = cycle;
    return cycle;
  }

  private update(): void {
    const { r } = this;
    const cycle = this.collect();
    const event = (r.status & r.enable & ENABLE_BITS) !== 0 || (r.gpeStatus & r.gpeEnable) !== 0;
    this.sci.set(event && (r.control & CONTROL_SCI_EN) !== 0);
    const waits = (r.enable & STATUS_TIMER) !== 0 && !(r.status & STATUS_TIMER);
    this.timer.set(waits ? nsOfCycle((Math.floor(cycle / 0x800000) + 1) * 0x800000, PM_TIMER_HZ) : Infinity);
  }

  private readPm(offset: number, size: number): number {
    if (size === 4 && offset === PM_TIMER) return this.cycle() % 0x1000000;
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.readPmByte(offset + i) << (8 * i);
    return value >>> 0;
  }

  private readPmByte(offset: number): number {
    const { r } = this;
    const high = (offset & 1) * 8;
    switch (offset & ~1) {
      case PM1_STATUS:
        this.collect();
        return (r.status >> high) & 0xff;
      case PM1_ENABLE:
        return (r.enable >> high) & 0xff;
      case PM1_CONTROL:
        return (r.control >> high) & 0xff;
      case GPE0_STATUS:
        return (r.gpeStatus >> high) & 0xff;
      case GPE0_ENABLE:
        return (r.gpeEnable >> high) & 0xff;
      default:
        if (offset >= PM_TIMER && offset < PM_TIMER + 4)
          return ((this.cycle() % 0x1000000) >> (8 * (offset - PM_TIMER))) & 0xff;
        return r.rest[offset];
    }
  }

  private writePm(offset: number, value: number, size: number): void {
    for (let i = 0; i < size; i++) this.writePmByte(offset + i, (value >>> (8 * i)) & 0xff);
    this.update();
    // The sleep bit acts once the whole register is there.
    if (offset <= PM1_CONTROL + 1 && offset + size > PM1_CONTROL + 1) this.sleep();
  }

  private writePmByte(offset: number, value: number): void {
    const { r } = this;
    const high = (offset & 1) * 8;
    const put = (word: number) => (word & (0xff00 >> high)) | (value << high);
    switch (offset & ~1) {
      case PM1_STATUS:
        this.collect();
        r.status &= ~((value << high) & STATUS_BITS);
        return;
      case PM1_ENABLE:
        r.enable = put(r.enable) & ENABLE_BITS;
        return;
      case PM1_CONTROL:
        r.control = put(r.control);
        return;
      case GPE0_STATUS:
        r.gpeStatus &= ~(value << high);
        return;
      case GPE0_ENABLE:
        r.gpeEnable = put(r.gpeEnable);
        return;
      default:
        if (offset < PM_TIMER || offset >= PM_TIMER + 4) r.rest[offset] = value;
    }
  }

  private sleep(): void {
    const { r } = this;
    if (!(r.control & CONTROL_SLP_EN)) return;
    // SLP_EN is write-only.
    r.control &= ~CONTROL_SLP_EN;
    const type = (r.control >> 10) & 7;
    if (type === SLEEP_TYPE_S5) this.onPowerOff();
    if (type !== SLEEP_TYPE_S3) return;
    this.sleeps = true;
    this.onSleep();
  }

  /** Suspended to RAM. */
  get asleep(): boolean {
    return this.sleeps;
  }

  /** A resume event; without a cause it is the hypervisor's (Xen's s3resume). */
  wake(cause = 0): void {
    if (!this.sleeps) return;
    this.sleeps = false;
    this.wokeBy = STATUS_WAKE | cause;
    this.onWake();
  }

  /** The clock interrupts: with RTC_EN an event, and one that ends a sleep. */
  clockInterrupts(): void {
    const { r } = this;
    r.status |= STATUS_RTC;
    if (this.sleeps && r.enable & STATUS_RTC) this.wake(STATUS_RTC);
    else this.update();
  }

  private smiCommand(value: number): void {
    const { r } = this;
    r.apmControl = value;
    if (value === ACPI_ENABLE) r.control |= CONTROL_SCI_EN;
    else if (value === ACPI_DISABLE) r.control &= ~CONTROL_SCI_EN;
    this.update();
  }

  /** The power button was pressed: a fixed ACPI event. Returns false where the guest does not listen to it. */
  pressPowerButton(): boolean {
    const { r } = this;
    r.status |= STATUS_POWER_BUTTON;
    if (this.sleeps) {
      this.wake(STATUS_POWER_BUTTON);
      return true;
    }
    this.update();
    return (r.control & CONTROL_SCI_EN) !== 0 && (r.enable & STATUS_POWER_BUTTON) !== 0;
  }

  /** A general-purpose event, 0-15. */
  raiseGpe(bit: number): void {
    this.r.gpeStatus |= 1 << bit;
    this.update();
  }

  // ---- SMBus host controller: nothing is connected, every transfer ends with "no acknowledge".

  private readSmbus(offset: number): number {
    return offset === 0 ? this.r.smbusStatus : this.r.smbus[offset];
  }

  private writeSmbus(offset: number, value: number): void {
    const { r } = this;
    if (offset === 0) r.smbusStatus &= ~(value & 0x1e);
    else r.smbus[offset] = value;
    // Start: device error.
    if (offset === 2 && value & 0x40) {
      r.smbusStatus |= 0x04;
      r.smbus[2] &= ~0x40;
    }
  }

  get portRanges(): PortRange[] {
    return [this.smiPorts];
  }

  reset(): void {
    resetState(this.r, { ...initial(), checkedCycle: this.cycle(), status: this.wokeBy });
    this.sleeps = false;
    this.wokeBy = 0;
    this.update();
  }

  save(): State {
    return { ...copyState(this.r), deadlineNs: this.timer.deadlineNs, sleeps: this.sleeps };
  }

  /** The blocks' places are in configuration space and come back with it. */
  restore(state: State): void {
    assignState(this.name, this.r, state);
    this.sleeps = state.sleeps === true;
    this.timer.set(typeof state.deadlineNs === 'number' ? state.deadlineNs : Infinity);
  }

  peek(): State {
    return { ...copyState(this.r), timer: this.cycle() % 0x1000000 };
  }
}
