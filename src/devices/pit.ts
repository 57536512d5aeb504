/**
 * Intel 8254 programmable interval timer, and system control port B (0x61) that gates its channel 2 to the speaker.
 * Source: Intel 8254 datasheet, order number 231164; PC wiring: channel 0 → IRQ 0, channel 1 → DRAM refresh, channel 2 → speaker;
 * port 0x61: PIIX3 (290550).
 * Counts are a function of time (in cycles of 1.193182 MHz); a timer is set only for the next rise of channel 0's output.
 */
import type { Clock, Device, IrqLine, PortRange, State, Timer, Timers } from './bus.ts';
import { assignState, copyState, resetState, StateError } from './state.ts';
import { cyclesAt, nsOfCycle } from './timers.ts';

export const PIT_HZ = 1193182;
const CONTROL = 3;
/** At least this much between interrupts that make up for lost periods (84 µs), and how many are remembered. */
const MAKE_UP_CYCLES = 100,
  MOST_OWED = 2000;
/** Values of the RW field of a control word. */
const RW_LATCH = 0,
  RW_LOW = 1,
  RW_HIGH = 2,
  RW_BOTH = 3;
const STATUS_OUT = 0x80,
  STATUS_NULL_COUNT = 0x40;

const initial = () => ({
  mode: 0,
  bcd: false,
  rw: RW_BOTH,
  gate: true,
  /** Count last loaded into the counting element (1 to 65536), and the cycle at which it was; Infinity: not running. */
  count: 65536,
  loadedAt: Infinity,
  /** Modes 2 and 3: a count that takes over at cycle `nextAt`; 0: none. Modes 1 and 5: the count that the next trigger loads. */
  next: 0,
  nextAt: 0,
  /** Counting element while the gate stops it; -1: it runs. */
  stopped: -1,
  /** First byte of a two-byte write; -1: none. */
  writeLow: -1,
  /** Next read of a two-byte read is the high byte. */
  readHigh: false,
  /** Latched count and status; -1: none. */
  latch: -1,
  status: -1,
});

/** One of the three counters. `now` is in cycles everywhere. */
class Counter {
  readonly r = initial();

  private get modulus(): number {
    return this.r.bcd ? 10000 : 65536;
  }

  /** Takes over the count that waited for the end of a period. */
  private settle(now: number): void {
    const { r } = this;
    if (r.next === 0 || (r.mode !== 2 && r.mode !== 3) || now < r.nextAt || r.stopped >= 0) return;
    r.count = r.next;
    r.loadedAt = r.nextAt;
    r.next = 0;
  }

  control(mode: number, bcd: boolean, rw: number): void {
    const { r } = this;
    r.mode = mode > 5 ? mode - 4 : mode;
    r.bcd = bcd;
    r.rw = rw;
    r.loadedAt = Infinity;
    r.next = 0;
    r.stopped = -1;
    r.writeLow = -1;
    r.readHigh = false;
    r.latch = -1;
    r.status = -1;
  }

  write(value: number, now: number): void {
    const { r } = this;
    if (r.rw === RW_LOW) this.load(value, now);
    else if (r.rw === RW_HIGH) this.load(value << 8, now);
    else if (r.writeLow < 0) {
      r.writeLow = value;
      // Mode 0: the first byte stops counting and takes OUT low.
      if (r.mode === 0) r.loadedAt = Infinity;
    } else {
      const low = r.writeLow;
      r.writeLow = -1;
      this.load(low | (value << 8), now);
    }
  }

  /** A whole count: the counting element takes it at the next cycle, except where a period must end first. */
  private load(raw: number, now: number): void {
    const { r } = this;
    const digits = r.bcd ? (raw >> 12) * 1000 + ((raw >> 8) & 15) * 100 + ((raw >> 4) & 15) * 10 + (raw & 15) : raw;
    const count = digits === 0 ? this.modulus : digits;
    this.settle(now);
    if (r.mode === 1 || r.mode === 5) {
      r.next = count;
      return;
    }
    if ((r.mode === 2 || r.mode === 3) && r.loadedAt !== Infinity) {
      r.next = count;
      r.nextAt = this.periodEnd(now);
      return;
    }
    r.count = count;
    r.next = 0;
    r.loadedAt = now + 1;
    if (r.stopped >= 0 || !r.gate) r.stopped = count;
  }

  /** Mode 2: end of the period, mode 3: of the half period, that runs at `now`. */
  private periodEnd(now: number): number {
    const { r } = this;
    if (now < r.loadedAt) return r.loadedAt;
    const phase = (now - r.loadedAt) % r.count;
    const start = now - phase;
    const high = (r.count + 1) >> 1;
    return r.mode === 3 && phase < high ? start + high : start + r.count;
  }

  /** GATE input. Its rising edge triggers modes 1, 2, 3 and 5; low stops modes 0, 2, 3 and 4. */
  setGate(level: boolean, now: number): void {
    const { r } = this;
    if (level === r.gate) return;
    this.settle(now);
    if (r.mode === 1 || r.mode === 5) {
      r.gate = level;
      if (!level) return;
      if (r.next !== 0) {
        r.count = r.next;
        r.next = 0;
      } else if (r.loadedAt === Infinity) return;
      r.loadedAt = now + 1;
      return;
    }
    if (!level) {
      // Mode 0 past its terminal count has nothing left to stop: OUT stays high.
      const expired = r.mode === 0 && this.out(now);
      r.stopped = r.loadedAt === Infinity || expired ? -1 : this.value(now);
      r.gate = false;
      return;
    }
    r.gate = true;
    if (r.stopped < 0) return;
    if (r.mode === 2 || r.mode === 3) {
      if (r.next !== 0) r.count = r.next;
      r.next = 0;
      r.loadedAt = now + 1;
    } else r.loadedAt = now - (r.count - r.stopped);
    r.stopped = -1;
  }

  /** Counting element, in counts (not BCD). */
  value(now: number): number {
    const { r } = this;
    this.settle(now);
    if (r.stopped >= 0) return r.stopped;
    if (r.loadedAt === Infinity || now < r.loadedAt) return r.count;
    const elapsed = now - r.loadedAt;
    if (r.mode === 2) return r.count - (elapsed % r.count);
    if (r.mode === 3) {
      const phase = elapsed % r.count;
      const high = (r.count + 1) >> 1;
      return (r.count & ~1) - 2 * (phase < high ? phase : phase - high);
    }
    const left = (r.count - elapsed) % this.modulus;
    return left < 0 ? left + this.modulus : left;
  }

  /** OUT pin. */
  out(now: number): boolean {
    const { r } = this;
    this.settle(now);
    const elapsed = now - r.loadedAt;
    const loaded = elapsed >= 0;
    switch (r.mode) {
      case 0:
        return r.loadedAt !== Infinity && r.stopped < 0 && loaded && elapsed >= r.count;
      case 1:
        return r.loadedAt === Infinity || (loaded && elapsed >= r.count);
      case 2:
        return r.stopped >= 0 || !loaded || elapsed % r.count !== r.count - 1 || r.count === 1;
      case 3:
        return r.stopped >= 0 || !loaded || elapsed % r.count < (r.count + 1) >> 1;
      default:
        return r.stopped >= 0 || elapsed !== r.count;
    }
  }

  /** Cycles of a period of a periodic mode that runs; 0: none. */
  get period(): number {
    const { r } = this;
    return (r.mode === 2 || r.mode === 3) && r.loadedAt !== Infinity && r.stopped < 0 ? r.count : 0;
  }

  /** Cycle, after `now`, at which OUT rises next; Infinity: never. */
  nextRise(now: number): number {
    const { r } = this;
    this.settle(now);
    if (r.loadedAt === Infinity || r.stopped >= 0) return Infinity;
    switch (r.mode) {
      case 0:
      case 1: {
        const rise = r.loadedAt + r.count;
        return rise > now ? rise : Infinity;
      }
      case 4:
      case 5: {
        const rise = r.loadedAt + r.count + 1;
        return rise > now ? rise : Infinity;
      }
      default: {
        let { count, loadedAt } = r;
        if (now < loadedAt) return loadedAt + count;
        const end = now - ((now - loadedAt) % count) + count;
        if (r.next === 0 || r.nextAt >= end) return end;
        // A new count takes over in the middle of this square wave: the next rise is a whole new period later.
        count = r.next;
        loadedAt = r.nextAt;
        return loadedAt + count;
      }
    }
  }

  private statusByte(now: number): number {
    const { r } = this;
    const nullCount = r.next !== 0 || r.loadedAt === Infinity || now < r.loadedAt;
    return (
      (this.out(now) ? STATUS_OUT : 0) |
      (nullCount ? STATUS_NULL_COUNT : 0) |
      (r.rw << 4) |
      (r.mode << 1) |
      (r.bcd ? 1 : 0)
    );
  }

  latchStatus(now: number): void {
    if (this.r.status < 0) this.r.status = this.statusByte(now);
  }

  private raw(now: number): number {
    const value = this.value(now);
    if (!this.r.bcd) return value & 0xffff;
    const v = value % 10000;
    return (
      (Math.floor(v / 1000) << 12) | ((Math.floor(v / 100) % 10) << 8) | ((Math.floor(v / 10) % 10) << 4) | (v % 10)
    );
  }

  latchCount(now: number): void {
    if (this.r.latch < 0) this.r.latch = this.raw(now);
  }

  read(now: number): number {
    const { r } = this;
    if (r.status >= 0) {
      const status = r.status;
      r.status = -1;
      return status;
    }
    const value = r.latch >= 0 ? r.latch : this.raw(now);
    if (r.rw === RW_BOTH) {
      r.readHigh = !r.readHigh;
      if (r.readHigh) return value & 0xff;
    }
    r.latch = -1;
    return r.rw === RW_LOW ? value & 0xff : value >> 8;
  }

  peek(now: number): State {
    return { ...copyState(this.r), value: this.value(now), out: this.out(now) };
  }
}

export class Pit implements Device {
  readonly name = 'pit';
  private readonly clock: Clock;
  private readonly irq0: IrqLine;
  private readonly unserved: () => boolean;
  private readonly timer: Timer;
  private readonly counters = [new Counter(), new Counter(), new Counter()];
  /** Port 0x61 bits that are stored: 0 gate of channel 2, 1 speaker data, 2-3 parity and I/O check disabled. */
  private portB = 0;
  /** Periods of channel 0 that passed while nobody could serve them, and whether the next rise is one of them. */
  private owed = 0;
  private madeUp = false;
  /** Cycle for which the timer is set. */
  private dueCycle = Infinity;

  readonly ports: PortRange = {
    base: 0x40,
    count: 4,
    readsQuietly: true,
    read: offset => this.read(offset),
    write: (offset, value) => this.write(offset, value),
  };
  readonly portBPorts: PortRange = {
    base: 0x61,
    count: 1,
    readsQuietly: true,
    read: () => this.readPortB(),
    write: (_offset, value) => this.writePortB(value),
  };

  /** `unserved`: whether channel 0's last interrupt is enabled and has not reached the processor yet. */
  constructor(timers: Timers, irq0: IrqLine, unserved: () => boolean = () => false) {
    this.clock = timers.clock;
    this.irq0 = irq0;
    this.unserved = unserved;
    this.timer = timers.create('pit', () => this.tick());
    this.reset();
  }

  private now(): number {
    return cyclesAt(this.clock.nowNs(), PIT_HZ);
  }

  /**
   * OUT of channel 0 has risen (a pulse or the end of a wave's low half came before). The processor of a real board is never late by whole periods;
   * ours may be, when its host was busy or because code with interrupts off takes longer. Systems count these interrupts as time, so periods that
   * passed meanwhile are made up for, a few times faster.
   */
  private tick(): void {
    const now = this.now();
    const counter = this.counters[0];
    const period = counter.period;
    const late = period === 0 ? 0 : Math.floor((now - this.dueCycle) / period);
    if (this.madeUp) this.owed--;
    // A request that still waits for its INTA swallows this one.
    const swallowed = period !== 0 && this.unserved() ? 1 : 0;
    this.owed = Math.min(MOST_OWED, this.owed + late + swallowed);
    this.irq0.set(false);
    this.irq0.set(true);
    this.schedule();
  }

  private schedule(): void {
    const now = this.now();
    const counter = this.counters[0];
    const rise = counter.nextRise(now);
    const extra = this.owed > 0 ? now + Math.max(MAKE_UP_CYCLES, counter.period >> 2) : Infinity;
    this.madeUp = extra < rise;
    // A made-up period is not late: lateness is measured from the next one of the wave's own.
    this.dueCycle = this.madeUp ? extra : rise;
    this.timer.set(nsOfCycle(this.dueCycle, PIT_HZ));
  }

  private update(channel: number): void {
    if (channel !== 0) return;
    this.owed = 0;
    this.irq0.set(this.counters[0].out(this.now()));
    this.schedule();
  }

  private write(offset: number, value: number): void {
    const now = this.now();
    if (offset !== CONTROL) {
      this.counters[offset].write(value, now);
      this.update(offset);
      return;
    }
    const select = value >> 6;
    if (select === 3) {
      // Read-back command: bits 1-3 select counters, bit 5 low latches counts, bit 4 low status.
      this.counters.forEach((counter, channel) => {
        if (!(value & (2 << channel))) return;
        if (!(value & 0x20)) counter.latchCount(now);
        if (!(value & 0x10)) counter.latchStatus(now);
      });
      return;
    }
    const rw = (value >> 4) & 3;
    if (rw === RW_LATCH) {
      this.counters[select].latchCount(now);
      return;
    }
    this.counters[select].control((value >> 1) & 7, (value & 1) !== 0, rw);
    this.update(select);
  }

  private read(offset: number): number {
    // The control word cannot be read: the data bus floats.
    return offset === CONTROL ? 0xff : this.counters[offset].read(this.now());
  }

  private readPortB(): number {
    const now = this.now();
    // Bit 4 toggles with each refresh request: channel 1 counts 18 cycles, one request every 15.085 µs.
    const refresh = Math.floor(now / 18) & 1;
    return this.portB | (refresh << 4) | (this.counters[2].out(now) ? 0x20 : 0);
  }

  private writePortB(value: number): void {
    this.portB = value & 0x0f;
    this.counters[2].setGate((value & 1) !== 0, this.now());
  }

  /** As a PC BIOS leaves it: channel 0 at 18.2 Hz in mode 3, channel 1 refreshing. */
  setFirmwareDefaults(): void {
    for (const [port, value] of [
      [CONTROL, 0x36],
      [0, 0],
      [0, 0],
      [CONTROL, 0x54],
      [1, 18],
    ])
      this.write(port, value);
  }

  get portRanges(): PortRange[] {
    return [this.ports, this.portBPorts];
  }

  reset(): void {
    for (const counter of this.counters) resetState(counter.r, initial());
    this.portB = 0;
    this.owed = 0;
    this.madeUp = false;
    this.dueCycle = Infinity;
    this.counters[2].r.gate = false;
    this.timer.cancel();
    this.irq0.set(false);
  }

  save(): State {
    const { portB, owed, madeUp, dueCycle } = this;
    return {
      counters: this.counters.map(counter => copyState(counter.r)),
      portB,
      owed,
      madeUp,
      dueCycle,
      deadlineNs: this.timer.deadlineNs,
    };
  }

  restore(state: State): void {
    const counters = state.counters;
    if (!Array.isArray(counters) || counters.length !== 3) throw new StateError(this.name, 'counters', 'are not three');
    const { portB, owed, madeUp, dueCycle, deadlineNs } = state;
    if (
      typeof portB !== 'number' ||
      typeof owed !== 'number' ||
      typeof dueCycle !== 'number' ||
      typeof deadlineNs !== 'number'
    ) {
      throw new StateError(this.name, 'portB, owed, dueCycle, deadlineNs', 'are not numbers');
    }
    this.counters.forEach((counter, channel) => {
      assignState(`${this.name}${channel}`, counter.r, counters[channel] as State);
    });
    this.portB = portB;
    this.owed = owed;
    this.madeUp = madeUp === true;
    this.dueCycle = dueCycle;
    this.timer.set(deadlineNs);
  }

  peek(): State {
    const now = this.now();
    return { counters: this.counters.map(counter => counter.peek(now)), portB: this.portB, owed: this.owed };
  }
}
