/**
 * High Precision Event Timer: a counter and three comparators, each of which can interrupt by a pin of the I/O APIC, or (the first two) in the place of the
 * 8254 and of the clock. Source: Intel, IA-PC HPET Specification 1.0a, chapter 2. Identity, rate and pins are those of Xen's (xen/arch/x86/hvm/hpet.c).
 * No message-signalled interrupts (FSB_EN), as there.
 */
import type { Clock, Device, IrqLine, MemoryRange, State, Timer, Timers } from './bus.ts';
import { assignState, copyState, resetState } from './state.ts';

export const HPET_BASE = 0xfed00000,
  HPET_BYTES = 0x400;
/** Revision 1, three timers, 64 bits, legacy replacement, vendor Intel: the lower half of the capabilities, and what ACPI's table says. */
export const HPET_ID = 0x8086a201;
/** 62.5 MHz; the upper half of the capabilities has it in femtoseconds. */
const TICK_NS = 16,
  PERIOD_FS = TICK_NS * 1e6;
const TIMERS = 3;

const CAPABILITIES = 0x00,
  CONFIGURATION = 0x10,
  STATUS = 0x20,
  COUNTER = 0xf0,
  FIRST_TIMER = 0x100,
  TIMER_BYTES = 0x20,
  END_OF_TIMERS = FIRST_TIMER + TIMERS * TIMER_BYTES;
/** Within a timer's block. */
const COMPARATOR = 8;
const ENABLE = 1,
  LEGACY = 2;
const LEVEL = 0x02,
  INTERRUPTS = 0x04,
  PERIODIC = 0x08,
  PERIODIC_CAPABLE = 0x10,
  WIDE = 0x20,
  VALUE_SET = 0x40,
  NARROW_MODE = 0x100,
  ROUTE_SHIFT = 9,
  ROUTE_MASK = 0x1f;
const WRITABLE = LEVEL | INTERRUPTS | PERIODIC | VALUE_SET | NARROW_MODE | (ROUTE_MASK << ROUTE_SHIFT);
/** Pins of the I/O APIC that a timer can be led to: 20 to 23, which no ISA interrupt has. */
const ROUTES = 0x00f00000;

const TWO_TO_32 = 2 ** 32;
const ALL = (1n << 64n) - 1n,
  LOW = (1n << 32n) - 1n;

const initial = () => ({
  configuration: 0,
  status: 0,
  /** What the counter has at `startNs` while it counts, and all the time while it does not; 64-bit registers as two words each. */
  counter: new Uint32Array(2),
  startNs: 0,
  timers: new Uint32Array(TIMERS).fill(WIDE | PERIODIC_CAPABLE),
  comparators: new Uint32Array(2 * TIMERS).fill(0xffffffff),
  periods: new Uint32Array(2 * TIMERS),
});

const get64 = (words: Uint32Array, at = 0): bigint => (BigInt(words[2 * at + 1]) << 32n) | BigInt(words[2 * at]);
function set64(words: Uint32Array, value: bigint, at = 0): void {
  words[2 * at] = Number(value & LOW);
  words[2 * at + 1] = Number((value >> 32n) & LOW);
}

/** An interrupt that has two sources, of which one counts: the previous one, and the HPET that replaces it. */
class Replaceable {
  private readonly out: IrqLine;
  private level = false;
  private replaced = false;

  constructor(out: IrqLine) {
    this.out = out;
  }

  /** Of who is replaced. */
  readonly own: IrqLine = {
    set: level => {
      this.level = level;
      if (!this.replaced) this.out.set(level);
    },
  };

  readonly other: IrqLine = {
    set: level => {
      if (this.replaced) this.out.set(level);
    },
  };

  replace(replaced: boolean): void {
    if (replaced === this.replaced) return;
    this.replaced = replaced;
    this.out.set(!replaced && this.level);
  }

  /** The line has its level again already. */
  restore(replaced: boolean, level: boolean): void {
    this.replaced = replaced;
    this.level = level;
  }

  get ownLevel(): boolean {
    return this.level;
  }
}

export interface HpetLines {
  /** The timer's interrupt and the clock's. */
  irq0: IrqLine;
  irq8: IrqLine;
  /** A pin of the I/O APIC. */
  pin(pin: number, level: boolean): void;
}

export class Hpet implements Device {
  readonly name = 'hpet';
  readonly addedLater = true;
  readonly memoryRanges: readonly MemoryRange[];
  /** Where the 8254 and the clock interrupt: through here, since the HPET can take their place. */
  readonly timerLine: IrqLine;
  readonly clockLine: IrqLine;
  private readonly r = initial();
  private readonly clock: Clock;
  private readonly legacy: readonly Replaceable[];
  private readonly pin: HpetLines['pin'];
  private readonly deadlines: Timer[];

  constructor(timers: Timers, { irq0, irq8, pin }: HpetLines) {
    this.clock = timers.clock;
    this.legacy = [new Replaceable(irq0), new Replaceable(irq8)];
    this.timerLine = this.legacy[0].own;
    this.clockLine = this.legacy[1].own;
    this.pin = pin;
    this.deadlines = Array.from({ length: TIMERS }, (_, n) => timers.create(`hpet ${n}`, () => this.matches(n)));
    this.memoryRanges = [
      {
        base: HPET_BASE,
        length: HPET_BYTES,
        read: (offset, size) => this.read(offset, size),
        write: (offset, value, size) => this.write(offset, value, size),
      },
    ];
  }

  // ---- the counter

  private get counts(): boolean {
    return (this.r.configuration & ENABLE) !== 0;
  }

  /** Ticks since `startNs`. */
  private get elapsed(): number {
    return Math.max(0, Math.floor((this.clock.nowNs() - this.r.startNs) / TICK_NS));
  }

  private get count(): bigint {
    return (BigInt(this.countHalf(1)) << 32n) | BigInt(this.countHalf(0));
  }

  /** The counter's low (0) or high word: what clocks read without end. */
  private countHalf(half: number): number {
    const { counter } = this.r;
    if (!this.counts) return counter[half];
    const { elapsed } = this;
    const low = counter[0] + (elapsed % TWO_TO_32);
    return half === 0
      ? low % TWO_TO_32
      : (counter[1] + Math.floor(elapsed / TWO_TO_32) + (low >= TWO_TO_32 ? 1 : 0)) % TWO_TO_32;
  }

  /** The counter's bits that a timer compares. */
  private mask(n: number): bigint {
    return this.r.timers[n] & NARROW_MODE ? LOW : ALL;
  }

  /** When the counter next has a timer's comparator: it must come to it, so that one that it has passed waits for the counter to come round. */
  private schedule(n: number): void {
    const { r } = this;
    if (!this.counts) return this.deadlines[n].cancel();
    const now = this.elapsed;
    const ticks = (get64(r.comparators, n) - get64(r.counter) - BigInt(now)) & this.mask(n);
    this.deadlines[n].set(r.startNs + (now + Number(ticks === 0n ? this.mask(n) + 1n : ticks)) * TICK_NS);
  }

  /** The counter has come to a timer's comparator, which a period takes on. Periods that nobody looked at are one interrupt. */
  private matches(n: number): void {
    const { r } = this;
    const mask = this.mask(n),
      period = get64(r.periods, n) & mask;
    if (r.timers[n] & PERIODIC && period > 0n) {
      const late = (this.count - get64(r.comparators, n)) & mask;
      set64(r.comparators, (get64(r.comparators, n) + period * (late / period + 1n)) & mask, n);
    }
    if (r.timers[n] & LEVEL) {
      r.status |= 1 << n;
      this.drive(n);
    } else if (r.timers[n] & INTERRUPTS) {
      // Controllers take the edge; the level stays until the next one.
      this.line(n, false);
      this.line(n, true);
    }
    this.schedule(n);
  }

  // ---- interrupts

  private line(n: number, level: boolean): void {
    const { r } = this;
    if (r.configuration & LEGACY && n < 2) return this.legacy[n].other.set(level);
    const route = (r.timers[n] >> ROUTE_SHIFT) & ROUTE_MASK;
    if ((ROUTES >>> route) & 1) this.pin(route, level);
  }

  /** Level of a timer that has not interrupted by an edge. */
  private drive(n: number): void {
    const { timers, status } = this.r;
    this.line(n, (timers[n] & (LEVEL | INTERRUPTS)) === (LEVEL | INTERRUPTS) && ((status >> n) & 1) !== 0);
  }

  // ---- registers

  /** A 64-bit register's value; what is reserved reads as 0. */
  private register(offset: number): bigint {
    const { r } = this;
    switch (offset) {
      case CAPABILITIES:
        return (BigInt(PERIOD_FS) << 32n) | BigInt(HPET_ID);
      case CONFIGURATION:
        return BigInt(r.configuration);
      case STATUS:
        return BigInt(r.status);
      case COUNTER:
        return this.count;
    }
    if (offset < FIRST_TIMER || offset >= END_OF_TIMERS) return 0n;
    const n = Math.floor((offset - FIRST_TIMER) / TIMER_BYTES);
    switch ((offset - FIRST_TIMER) % TIMER_BYTES) {
      case 0:
        return (BigInt(ROUTES) << 32n) | BigInt(r.timers[n]);
      case COMPARATOR:
        return get64(r.comparators, n);
      default:
        return 0n;
    }
  }

  private read(offset: number, size: number): number {
    if (size === 4 && (offset & ~4) === COUNTER) return this.countHalf((offset >> 2) & 1);
    const value = this.register(offset & ~7) >> BigInt(8 * (offset & 7));
    return Number(value & ((1n << BigInt(8 * size)) - 1n));
  }

  /** Parts of a register that are not written keep what they have. */
  private write(offset: number, value: number, size: number): void {
    const at = offset & ~7,
      shift = BigInt(8 * (offset & 7));
    const bits = ((1n << BigInt(8 * size)) - 1n) << shift;
    const written = (BigInt(value >>> 0) << shift) & bits;
    // Ones clear, and nothing else is to be cleared with them.
    const whole = at === STATUS ? written : (this.register(at) & ~bits & ALL) | written;
    this.put(at, whole, bits);
  }

  private put(offset: number, value: bigint, bits: bigint): void {
    const { r } = this;
    const low = Number(value & LOW);
    switch (offset) {
      case CONFIGURATION:
        return this.configure(low & (ENABLE | LEGACY));
      case STATUS:
        r.status &= ~low;
        for (let n = 0; n < TIMERS; n++) if (r.timers[n] & LEVEL) this.drive(n);
        return;
      case COUNTER:
        // Software stops it before (2.3.7); one that counts goes on from there.
        set64(r.counter, value);
        r.startNs = this.clock.nowNs();
        return this.scheduleAll();
    }
    if (offset < FIRST_TIMER || offset >= END_OF_TIMERS) return;
    const n = Math.floor((offset - FIRST_TIMER) / TIMER_BYTES);
    const within = (offset - FIRST_TIMER) % TIMER_BYTES;
    if (within === 0) this.configureTimer(n, low);
    else if (within === COMPARATOR) this.compareWith(n, value, bits);
  }

  private configure(configuration: number): void {
    const { r } = this;
    const before = r.configuration;
    if (before & ENABLE && !(configuration & ENABLE)) set64(r.counter, this.count);
    if (!(before & ENABLE)) r.startNs = this.clock.nowNs();
    if ((before ^ configuration) & LEGACY) for (let n = 0; n < TIMERS; n++) this.line(n, false);
    r.configuration = configuration;
    for (const line of this.legacy) line.replace((configuration & LEGACY) !== 0);
    if ((before ^ configuration) & LEGACY) for (let n = 0; n < TIMERS; n++) this.drive(n);
    this.scheduleAll();
  }

  private configureTimer(n: number, low: number): void {
    const { r } = this;
    const { timers } = r;
    this.line(n, false);
    timers[n] = (timers[n] & ~WRITABLE) | (low & WRITABLE);
    if (timers[n] & NARROW_MODE) for (const words of [r.comparators, r.periods]) words[2 * n + 1] = 0;
    if (!(timers[n] & LEVEL)) r.status &= ~(1 << n);
    this.drive(n);
    this.schedule(n);
  }

  /** Of a periodic timer this is its period, and with Tn_VAL_SET_CNF, which counts once, where it starts, too (2.3.9.2.2). */
  private compareWith(n: number, value: bigint, bits: bigint): void {
    const { r } = this;
    const isPeriodic = (r.timers[n] & PERIODIC) !== 0;
    const merged = (before: bigint): bigint => ((before & ~bits) | (value & bits)) & this.mask(n);
    if (!isPeriodic || r.timers[n] & VALUE_SET) set64(r.comparators, merged(get64(r.comparators, n)), n);
    if (isPeriodic) set64(r.periods, merged(get64(r.periods, n)), n);
    // Two halves of one value: both are taken.
    if (bits >> 32n || r.timers[n] & NARROW_MODE) r.timers[n] &= ~VALUE_SET;
    this.schedule(n);
  }

  private scheduleAll(): void {
    for (let n = 0; n < TIMERS; n++) this.schedule(n);
  }

  // ---- the whole

  reset(): void {
    resetState(this.r, initial());
    for (const line of this.legacy) line.replace(false);
    for (let pin = 0; pin < 32; pin++) if ((ROUTES >>> pin) & 1) this.pin(pin, false);
    this.scheduleAll();
  }

  save(): State {
    return { ...copyState(this.r), legacy: this.legacy.map(line => line.ownLevel) };
  }

  /** Throws StateError. */
  restore(state: State): void {
    assignState(this.name, this.r, state);
    const levels = Array.isArray(state.legacy) ? state.legacy : [];
    this.legacy.forEach((line, n) => line.restore((this.r.configuration & LEGACY) !== 0, levels[n] === true));
    this.scheduleAll();
  }

  peek(): State {
    return { ...copyState(this.r), count: this.count.toString(16) };
  }
}
