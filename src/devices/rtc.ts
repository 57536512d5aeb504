/**
 * Motorola MC146818A real-time clock with the PC's 256 bytes of battery-backed memory.
 * Source: Motorola MC146818A datasheet (DS9936); PC wiring: index 0x70 (bit 7 masks NMI), data 0x71, upper bank 0x72/0x73 (PIIX3), IRQ 8.
 * The time of day is a function of the machine's clock and the epoch it starts from; flags are computed when somebody looks,
 * and a timer is set only while an enabled interrupt has yet to come.
 */
import { lowMiBOf, type Ram } from './e820.ts';
import type { Clock, Device, IrqLine, PortRange, State, Timer, Timers } from './bus.ts';
import { assignState, copyState } from './state.ts';

const SECONDS = 0,
  SECONDS_ALARM = 1,
  MINUTES = 2,
  MINUTES_ALARM = 3,
  HOURS = 4,
  HOURS_ALARM = 5,
  WEEKDAY = 6,
  DAY = 7,
  MONTH = 8,
  YEAR = 9;
const A = 10,
  B = 11,
  C = 12,
  D = 13;
/** Century, as ACPI's FADT says. */
export const CMOS_CENTURY = 0x32;
/** Where QEMU tells its firmware how to boot (hw/i386/pc.c, set_boot_dev): bit 0 is -no-fd-bootchk. */
export const CMOS_BOOT_FLAGS = 0x38,
  NO_SIGNATURE_CHECK = 1;
const A_UIP = 0x80,
  B_SET = 0x80,
  B_PIE = 0x40,
  B_AIE = 0x20,
  B_UIE = 0x10,
  B_BINARY = 0x04,
  B_24H = 0x02;
const C_IRQF = 0x80,
  C_PF = 0x40,
  C_AF = 0x20,
  C_UF = 0x10;
const D_VRT = 0x80;
const ALARM_ANY = 0xc0;

const SECOND_NS = 1e9;
/** t(BUC) + t(UC) with a 32768-Hz time base: UIP rises 244 µs before an update cycle of 1984 µs; the new second is there when it falls. */
const UIP_NS = (244 + 1984) * 1000;
/** The first update after the divider's reset comes half a second later. */
const DIVIDER_RELEASE_NS = SECOND_NS / 2;

const initial = () => ({
  ram: new Uint8Array(256),
  index: 0,
  upperIndex: 0,
  nmiMasked: false,
  /** At `originNs` of the machine's clock (a second's boundary) it was `originSeconds` since 1970 in the clock's own zone (UTC). */
  originNs: 0,
  originSeconds: 0,
  /** Days by which the weekday register is off the calendar. */
  weekdayOffset: 0,
  /** Flags C_PF, C_AF, C_UF up to `checkedNs`. */
  flags: 0,
  checkedNs: 0,
  /** The pin is high. */
  isHigh: false,
});

export interface RtcOptions extends Ram {
  /** Time of day when the machine's clock was 0, milliseconds since 1970, UTC. */
  startEpochMs: number;
  processors?: number;
  /** CMOS byte 10h: types of the floppy drives, A in the upper half (0: none). */
  floppyDrives?: number;
}

export class Rtc implements Device {
  readonly name = 'rtc';
  private readonly r = initial();
  private readonly clock: Clock;
  private readonly irq8: IrqLine;
  private readonly onInterrupt: (() => void) | undefined;
  private readonly timer: Timer;

  readonly ports: PortRange = {
    base: 0x70,
    count: 4,
    read: offset => this.readPort(offset),
    write: (offset, value) => this.writePort(offset, value),
  };

  /** `onInterrupt`: the pin rises. */
  constructor(timers: Timers, irq8: IrqLine, options: RtcOptions, onInterrupt?: () => void) {
    this.clock = timers.clock;
    this.irq8 = irq8;
    this.onInterrupt = onInterrupt;
    this.timer = timers.create('rtc', () => this.update());
    const { r } = this;
    r.originSeconds = Math.floor(options.startEpochMs / 1000);
    r.originNs = -Math.round((options.startEpochMs - r.originSeconds * 1000) * 1e6);
    // 32768-Hz time base, 1024-Hz periodic rate; 24 hours, BCD.
    r.ram[A] = 0x26;
    r.ram[B] = B_24H;
    r.ram[D] = D_VRT;
    this.fillCmos(options);
    r.checkedNs = this.clock.nowNs();
  }

  /** What a BIOS's set-up leaves (IBM AT technical reference; sizes above 16 MiB as SeaBIOS and QEMU have them). */
  private fillCmos(options: RtcOptions): void {
    const { memoryMiB, processors = 1, floppyDrives = 0 } = options;
    const { ram } = this.r;
    const put16 = (at: number, value: number) => {
      ram[at] = value & 0xff;
      ram[at + 1] = value >> 8;
    };
    ram[0x10] = floppyDrives;
    // PS/2 mouse, coprocessor; floppy drives, one fewer than there are in bits 7-6.
    ram[0x14] = 0x06 | (floppyDrives === 0 ? 0 : 1) | (floppyDrives & 0xf0 && floppyDrives & 0x0f ? 0x40 : 0);
    put16(0x15, 640);
    // What the PCI hole leaves no room for is counted from 4 GiB on.
    const below4G = lowMiBOf(options);
    const extendedKiB = Math.min((below4G - 1) * 1024, 65535);
    put16(0x17, extendedKiB);
    put16(0x30, extendedKiB);
    put16(0x34, below4G > 16 ? Math.min((below4G - 16) * 16, 65535) : 0);
    const above4G64K = (memoryMiB - below4G) * 16;
    for (let i = 0; i < 3; i++) ram[0x5b + i] = (above4G64K >> (8 * i)) & 0xff;
    ram[0x5f] = processors - 1;
    let sum = 0;
    for (let i = 0x10; i <= 0x2d; i++) sum += ram[i];
    ram[0x2e] = (sum >> 8) & 0xff;
    ram[0x2f] = sum & 0xff;
  }

  /** Byte of the battery-backed memory, as set-up would write it (0x0E-0x7F and the upper bank). */
  setCmos(index: number, value: number): void {
    this.r.ram[index] = value;
  }

  /** A byte of it. */
  cmos(index: number): number {
    return this.r.ram[index];
  }

  private get running(): boolean {
    const { ram } = this.r;
    return !(ram[B] & B_SET) && this.dividing;
  }

  /** Divider not held in reset (DV = 11x). */
  private get dividing(): boolean {
    return (this.r.ram[A] & 0x60) !== 0x60;
  }

  private secondsAt(ns: number): number {
    return this.r.originSeconds + Math.floor((ns - this.r.originNs) / SECOND_NS);
  }

  private encode(value: number): number {
    return this.r.ram[B] & B_BINARY ? value : (Math.floor(value / 10) << 4) | (value % 10);
  }

  private decode(value: number): number {
    return this.r.ram[B] & B_BINARY ? value : (value >> 4) * 10 + (value & 15);
  }

  private encodeHour(hour: number): number {
    if (this.r.ram[B] & B_24H) return this.encode(hour);
    return this.encode(hour % 12 || 12) | (hour >= 12 ? 0x80 : 0);
  }

  private decodeHour(value: number): number {
    if (this.r.ram[B] & B_24H) return this.decode(value);
    return (this.decode(value & 0x7f) % 12) + (value & 0x80 ? 12 : 0);
  }

  /** Time registers from the running clock into `ram`. */
  private loadRegisters(): void {
    const { r } = this;
    const date = new Date(this.secondsAt(this.clock.nowNs()) * 1000);
    r.ram[SECONDS] = this.encode(date.getUTCSeconds());
    r.ram[MINUTES] = this.encode(date.getUTCMinutes());
    r.ram[HOURS] = this.encodeHour(date.getUTCHours());
    r.ram[WEEKDAY] = ((date.getUTCDay() + r.weekdayOffset) % 7) + 1;
    r.ram[DAY] = this.encode(date.getUTCDate());
    r.ram[MONTH] = this.encode(date.getUTCMonth() + 1);
    r.ram[YEAR] = this.encode(date.getUTCFullYear() % 100);
    r.ram[CMOS_CENTURY] = this.encodeBcd(Math.floor(date.getUTCFullYear() / 100));
  }

  private encodeBcd(value: number): number {
    return (Math.floor(value / 10) << 4) | (value % 10);
  }

  /** The running clock from the time registers in `ram`; the fraction of the second goes on. */
  private storeRegisters(): void {
    const { r } = this;
    const { ram } = r;
    const century = (ram[CMOS_CENTURY] >> 4) * 10 + (ram[CMOS_CENTURY] & 15);
    const date = Date.UTC(
      century * 100 + this.decode(ram[YEAR]),
      this.decode(ram[MONTH]) - 1,
      this.decode(ram[DAY]),
      this.decodeHour(ram[HOURS]),
      this.decode(ram[MINUTES]),
      this.decode(ram[SECONDS]),
    );
    const now = this.clock.nowNs();
    r.originSeconds += date / 1000 - this.secondsAt(now);
    r.weekdayOffset = (((ram[WEEKDAY] - 1 - new Date(date).getUTCDay()) % 7) + 7) % 7;
  }

  /** Nanoseconds of a periodic interrupt, 0: none (datasheet, table 5, 32768-Hz time base). */
  private periodNs(): number {
    const rate = this.r.ram[A] & 15;
    if (rate === 0 || !this.dividing) return 0;
    return SECOND_NS / (32768 >> ((rate < 3 ? rate + 7 : rate) - 1));
  }

  private alarmMatches(seconds: number): boolean {
    const { ram } = this.r;
    const any = (value: number) => (value & ALARM_ANY) === ALARM_ANY;
    const day = ((seconds % 86400) + 86400) % 86400;
    return (
      (any(ram[SECONDS_ALARM]) || this.decode(ram[SECONDS_ALARM]) === day % 60) &&
      (any(ram[MINUTES_ALARM]) || this.decode(ram[MINUTES_ALARM]) === Math.floor(day / 60) % 60) &&
      (any(ram[HOURS_ALARM]) || this.decodeHour(ram[HOURS_ALARM]) === Math.floor(day / 3600))
    );
  }

  /** First second after `from`, at most `to`, at which the alarm matches; -1: none. A day holds every alarm that can match. */
  private nextAlarm(from: number, to: number): number {
    const last = Math.min(to, from + 86400);
    for (let second = from + 1; second <= last; second++) if (this.alarmMatches(second)) return second;
    return -1;
  }

  /** Sets the flags of everything that happened since they were last brought up to date. */
  private collect(): void {
    const { r } = this;
    const now = this.clock.nowNs();
    const before = r.checkedNs;
    if (now <= before) return;
    r.checkedNs = now;
    const period = this.periodNs();
    if (period !== 0 && Math.floor((now - r.originNs) / period) > Math.floor((before - r.originNs) / period))
      r.flags |= C_PF;
    if (!this.running) return;
    const from = this.secondsAt(before);
    const to = this.secondsAt(now);
    if (to === from) return;
    r.flags |= C_UF;
    if (!(r.flags & C_AF) && this.nextAlarm(from, to) >= 0) r.flags |= C_AF;
  }

  /** The IRQ pin, and the next time at which it could rise. */
  private update(): void {
    this.collect();
    const { r } = this;
    const now = r.checkedNs;
    const enabled = r.ram[B] & (B_PIE | B_AIE | B_UIE);
    const asserted = (r.flags & enabled) !== 0;
    this.irq8.set(asserted);
    if (asserted && !r.isHigh) this.onInterrupt?.();
    r.isHigh = asserted;
    let next = Infinity;
    if (!asserted && enabled !== 0) {
      const period = this.periodNs();
      if (enabled & B_PIE && period !== 0)
        next = r.originNs + Math.ceil((Math.floor((now - r.originNs) / period) + 1) * period);
      if (this.running) {
        const second = this.secondsAt(now);
        const at = (seconds: number) => r.originNs + (seconds - r.originSeconds) * SECOND_NS;
        if (enabled & B_UIE) next = Math.min(next, at(second + 1));
        if (enabled & B_AIE) {
          const alarm = this.nextAlarm(second, second + 86400);
          if (alarm >= 0) next = Math.min(next, at(alarm));
        }
      }
    }
    this.timer.set(next);
  }

  private registerC(): number {
    const { r } = this;
    this.collect();
    const value = r.flags | (r.flags & r.ram[B] & (B_PIE | B_AIE | B_UIE) ? C_IRQF : 0);
    return value;
  }

  private uip(): boolean {
    if (!this.running) return false;
    const phase = (this.clock.nowNs() - this.r.originNs) % SECOND_NS;
    return phase >= SECOND_NS - UIP_NS;
  }

  private readCmos(index: number): number {
    const { r } = this;
    if (index <= YEAR || index === CMOS_CENTURY) {
      if (this.running) this.loadRegisters();
      return r.ram[index];
    }
    switch (index) {
      case A:
        return r.ram[A] | (this.uip() ? A_UIP : 0);
      case C: {
        const value = this.registerC();
        r.flags = 0;
        // The line falls, also where what comes next is due by the next look at the clock: the interrupt controller waits for an edge.
        this.irq8.set(false);
        r.isHigh = false;
        this.update();
        return value;
      }
      case D:
        return D_VRT;
      default:
        return r.ram[index];
    }
  }

  private writeCmos(index: number, value: number): void {
    const { r } = this;
    const time =
      index === SECONDS ||
      index === MINUTES ||
      index === HOURS ||
      (index >= WEEKDAY && index <= YEAR) ||
      index === CMOS_CENTURY;
    this.collect();
    if (time) {
      if (this.running) {
        this.loadRegisters();
        r.ram[index] = value;
        this.storeRegisters();
      } else r.ram[index] = value;
      this.update();
      return;
    }
    switch (index) {
      case A: {
        const wasRunning = this.running;
        const wasDividing = this.dividing;
        if (wasRunning) this.loadRegisters();
        r.ram[A] = value & 0x7f;
        if (!wasDividing && this.dividing) {
          // Out of reset: the chain starts again and the first update comes after half a second.
          const now = this.clock.nowNs();
          r.originSeconds = this.secondsAt(now);
          r.originNs = now + DIVIDER_RELEASE_NS - SECOND_NS;
        }
        if (!wasRunning && this.running) this.storeRegisters();
        break;
      }
      case B: {
        const wasRunning = this.running;
        if (wasRunning) this.loadRegisters();
        // SET also clears UIE (datasheet, "Register B").
        r.ram[B] = value & B_SET ? value & ~B_UIE : value;
        if (!wasRunning && this.running) this.storeRegisters();
        break;
      }
      case C:
      case D:
        return;
      default:
        r.ram[index] = value;
        if (index > HOURS_ALARM) return;
    }
    this.update();
  }

  private readPort(offset: number): number {
    // The index registers are write-only.
    if (offset === 1) return this.readCmos(this.r.index);
    if (offset === 3) return this.readCmos(0x80 | this.r.upperIndex);
    return 0xff;
  }

  private writePort(offset: number, value: number): void {
    const { r } = this;
    if (offset === 0) {
      r.index = value & 0x7f;
      r.nmiMasked = (value & 0x80) !== 0;
    } else if (offset === 1) this.writeCmos(r.index, value);
    else if (offset === 2) r.upperIndex = value & 0x7f;
    else this.writeCmos(0x80 | r.upperIndex, value);
  }

  get portRanges(): PortRange[] {
    return [this.ports];
  }

  /** RESET pin: interrupt enables and flags are cleared, time and memory stay (datasheet, "RESET"). */
  reset(): void {
    const { r } = this;
    this.collect();
    r.ram[B] &= ~(B_PIE | B_AIE | B_UIE);
    r.flags = 0;
    r.nmiMasked = false;
    this.update();
  }

  save(): State {
    return { ...copyState(this.r), deadlineNs: this.timer.deadlineNs };
  }

  restore(state: State): void {
    // Of an older state it may rise again.
    assignState(this.name, this.r, { isHigh: false, ...state });
    this.timer.set(typeof state.deadlineNs === 'number' ? state.deadlineNs : Infinity);
  }

  peek(): State {
    const seconds = this.secondsAt(this.clock.nowNs());
    return {
      time: new Date(seconds * 1000).toISOString(),
      ram: this.r.ram.slice(),
      flags: this.r.flags,
      index: this.r.index,
    };
  }
}
