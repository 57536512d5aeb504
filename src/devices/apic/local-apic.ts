/**
 * Local APIC (xAPIC) of one processor, with its timer.
 * Source: Intel SDM vol. 3, chapter 11. Registers lie 16 bytes apart from 0xFEE00000.
 */
import type { Clock, Device, State, Timer, Timers } from '../bus.ts';
import { assignState, copyState, resetState } from '../state.ts';
import {
  type ApicBus,
  type ApicTarget,
  BROADCAST,
  EXTINT,
  FIXED,
  INIT,
  LOWEST_PRIORITY,
  NMI,
  STARTUP,
} from './apic-bus.ts';
import {
  APR,
  CURRENT_COUNT,
  DELIVERY_PENDING,
  DFR,
  DIVIDE,
  EOI,
  ERROR,
  ESR,
  ESR_ILLEGAL_REGISTER,
  ESR_RECEIVE_ILLEGAL_VECTOR,
  ESR_SEND_ILLEGAL_VECTOR,
  ICR_HIGH,
  ICR_LOW,
  ID,
  INITIAL_COUNT,
  IRR,
  ISR,
  LDR,
  LINT0,
  LVT_ERROR,
  LVT_LEVEL,
  LVT_TIMER,
  LVT_WRITABLE,
  MASKED,
  PPR,
  READ_WITHOUT_EXIT,
  SVR,
  SVR_ENABLED,
  TIMER,
  TIMER_DEADLINE,
  TIMER_PERIODIC,
  TMR,
  TPR,
  VERSION,
  VERSION_VALUE,
  initial,
} from './local-apic-registers.ts';

/** Input clock of the timer before its divider. */
export const APIC_TIMER_HZ = 100_000_000;
const CYCLE_NS = 1e9 / APIC_TIMER_HZ;
/** Between interrupts that make up for lost periods, at least; and how many are remembered. */
const MAKE_UP_NS = 50_000,
  MOST_OWED = 2000;

/** Someone who lets software leave out writes to EOI, and hears of those that come. */
export interface EoiAssist {
  /** An edge-triggered vector is in service, alone: its end may be left out. */
  offer(): void;
  /** The end that was offered has been left out, and was not asked for before. */
  omitted(): boolean;
  /** The end is wanted after all, or has come. */
  withdraw(): void;
  /** A vector whose interrupts end when they are taken. */
  isAutomatic(vector: number): boolean;
  /** A vector's interrupt has ended. */
  ended(vector: number): void;
}

export interface LocalApicOptions {
  timers: Timers;
  bus: ApicBus;
  /** Which processor it belongs to. */
  processor: number;
  /** Its identifier after reset. */
  id: number;
  /** The bootstrap processor's LINT0 takes the 8259A after reset, as firmware would set it. */
  bootstrap: boolean;
  /** Guest TSC to the machine's clock; absent: the timer has no TSC-deadline mode. */
  tscDeadlineNs?: ((low: number, high: number) => number) | undefined;
  /** INTR to this processor may have changed. */
  onChange(): void;
  onNmi(): void;
  onInit(): void;
  onStartup(vector: number): void;
  /** The processor has sent another one a message. */
  onMessage?: ((to: number) => void) | undefined;
}

/** Highest bit set in 256; -1: none. */
function highest(bits: Uint32Array): number {
  for (let i = 7; i >= 0; i--) if (bits[i] !== 0) return i * 32 + 31 - Math.clz32(bits[i]);
  return -1;
}

export class LocalApic implements Device, ApicTarget {
  readonly name: string;
  readonly processor: number;
  private readonly r = initial();
  private readonly options: LocalApicOptions;
  private readonly clock: Clock;
  private readonly timer: Timer;
  /** Something in IRR outranks the processor's priority. */
  intr = false;
  assist: EoiAssist | undefined;

  constructor(options: LocalApicOptions) {
    this.options = options;
    this.processor = options.processor;
    this.name = `lapic${options.processor}`;
    this.clock = options.timers.clock;
    this.timer = options.timers.create(this.name, () => this.expire());
    options.bus.add(this);
    this.reset();
  }

  get id(): number {
    return this.r.id;
  }

  /** Guest-physical address of its registers; -1: globally disabled (SDM vol. 3, 11.4.3), it answers nowhere and takes nothing. */
  get base(): number {
    return this.r.on ? this.r.base : -1;
  }

  /** IA32_APIC_BASE was written. Disabling loses the registers: they come back as after power-up. */
  setBase(base: number, on: boolean): void {
    const { r } = this;
    if (!on) this.reset();
    r.base = base;
    r.on = on;
    this.update();
  }

  /** Software enable (spurious-interrupt vector register). */
  get enabled(): boolean {
    return (this.r.svr & SVR_ENABLED) !== 0;
  }

  /** Processor priority: the higher class of task priority and interrupt in service. */
  private get ppr(): number {
    const { r } = this;
    const service = Math.max(0, highest(r.isr));
    return (r.tpr & 0xf0) >= (service & 0xf0) ? r.tpr : service & 0xf0;
  }

  get priority(): number {
    return this.ppr;
  }

  private update(): void {
    const vector = highest(this.r.irr);
    if (this.assist && vector >= 0) this.settleOmitted(vector, this.assist);
    this.intr = vector >= 0 && this.enabled && this.r.on && (vector & 0xf0) > (this.ppr & 0xf0);
    this.options.onChange();
  }

  /** Something waits: an interrupt whose end was left out is over, and of one that holds it back the end is wanted (vlapic_has_pending_irq in Xen). */
  private settleOmitted(waiting: number, assist: EoiAssist): void {
    const { isr } = this.r;
    const vector = highest(isr);
    if (vector < 0) return;
    if (assist.omitted()) isr[vector >> 5] &= ~(1 << (vector & 31));
    else if ((waiting & 0xf0) <= (vector & 0xf0)) assist.withdraw();
  }

  // ---- inputs

  matches(destination: number, logical: boolean): boolean {
    const { r } = this;
    if (!r.on) return false;
    if (!logical) return destination === BROADCAST || destination === r.id;
    if (destination === BROADCAST) return true;
    const mine = r.ldr >>> 24;
    if (r.dfr >>> 28 === 0xf) return (mine & destination) !== 0;
    // Cluster model: cluster in the high four bits, members in the low.
    return (mine & 0xf0) === (destination & 0xf0) && (mine & destination & 0x0f) !== 0;
  }

  accept(mode: number, vector: number, level: boolean): void {
    switch (mode) {
      case FIXED:
      case LOWEST_PRIORITY:
        this.request(vector, level);
        return;
      case NMI:
        this.options.onNmi();
        return;
      case INIT:
        this.resetByInit();
        this.options.onInit();
        return;
      case STARTUP:
        this.options.onStartup(vector);
        return;
      default:
      // SMI: there is no system management mode on this board.
    }
  }

  /** In IRR: accepted, and not yet taken by the processor. */
  isWaiting(vector: number): boolean {
    return (this.r.irr[vector >> 5] & (1 << (vector & 31))) !== 0;
  }

  /** Posts an edge-triggered interrupt past the buses, as a hypervisor does: it waits in IRR also while software has the APIC disabled. */
  post(vector: number): void {
    const { r } = this;
    r.irr[vector >> 5] |= 1 << (vector & 31);
    r.tmr[vector >> 5] &= ~(1 << (vector & 31));
    this.update();
  }

  private request(vector: number, level: boolean): void {
    const { r } = this;
    if (vector < 16) {
      this.error(ESR_RECEIVE_ILLEGAL_VECTOR);
      return;
    }
    if (!this.enabled) return;
    const word = vector >> 5;
    const bit = 1 << (vector & 31);
    r.irr[word] |= bit;
    if (level) r.tmr[word] |= bit;
    else r.tmr[word] &= ~bit;
    this.update();
  }

  private error(bit: number): void {
    this.r.errors |= bit;
    this.local(ERROR);
  }

  /** Delivers a local vector table entry's interrupt. */
  private local(entry: number): void {
    const value = this.r.lvt[entry];
    if (value & MASKED) return;
    const mode = (value >> 8) & 7;
    if (entry === TIMER || entry === ERROR || mode === FIXED) {
      // An illegal vector in the error entry itself is an error as well (SDM vol. 3, 10.5.3), but must not come back here.
      if (entry === ERROR && (value & 0xff) < 16) this.r.errors |= ESR_RECEIVE_ILLEGAL_VECTOR;
      else this.request(value & 0xff, false);
    } else this.accept(mode, value & 0xff, false);
  }

  /** Whether the 8259A's INT goes through LINT0 as an external interrupt. */
  get acceptsPic(): boolean {
    const lint0 = this.r.lvt[LINT0];
    // Without its APIC the processor has the pin for itself.
    return !this.r.on || (!(lint0 & MASKED) && ((lint0 >> 8) & 7) === EXTINT);
  }

  /** The 8259A's INT on LINT0 has risen: matters where it is programmed as a fixed interrupt (virtual wire). */
  lint0Rises(): void {
    if (((this.r.lvt[LINT0] >> 8) & 7) !== EXTINT) this.local(LINT0);
  }

  // ---- the processor's side

  /** Vector for the processor; the spurious vector where the request has gone below its priority meanwhile. */
  acknowledge(): number {
    const { r, assist } = this;
    const vector = highest(r.irr);
    if (!this.intr || vector < 0) return r.svr & 0xff;
    const word = vector >> 5;
    const bit = 1 << (vector & 31);
    if (assist && !(r.tmr[word] & bit) && highest(r.isr) < 0 && vector > 16) assist.offer();
    r.irr[word] &= ~bit;
    if (!assist?.isAutomatic(vector)) r.isr[word] |= bit;
    this.update();
    return vector;
  }

  private endOfInterrupt(): void {
    // One that was left out before this one: then this one is of a lower vector.
    this.settleOffer();
    this.endHighest();
  }

  /** An end that was offered to be left out has been, or is to come after all. */
  settleOffer(): void {
    const { assist } = this;
    if (assist?.omitted()) this.endHighest();
    else assist?.withdraw();
  }

  private endHighest(): void {
    const { r } = this;
    const vector = highest(r.isr);
    if (vector < 0) return;
    const word = vector >> 5;
    const bit = 1 << (vector & 31);
    r.isr[word] &= ~bit;
    this.update();
    if (r.tmr[word] & bit) this.options.bus.endOfInterrupt(vector);
    this.assist?.ended(vector);
  }

  // ---- timer

  private get timerMode(): number {
    return (this.r.lvt[TIMER] >> 17) & 3;
  }

  /** Bus cycles of one count: 2, 4, … 128, 1 for the codes 0 … 7 in bits 0, 1, 3. */
  private get divisor(): number {
    const code = (this.r.divide & 3) | ((this.r.divide & 8) >> 1);
    return code === 7 ? 1 : 2 << code;
  }

  private get countNs(): number {
    return this.divisor * CYCLE_NS;
  }

  private startTimer(): void {
    const { r } = this;
    if (this.timerMode === TIMER_DEADLINE) return;
    r.startNs = this.clock.nowNs();
    r.owed = 0;
    this.timer.set(r.initialCount === 0 ? Infinity : r.startNs + r.initialCount * this.countNs);
  }

  private expire(): void {
    const { r } = this;
    if (this.timerMode === TIMER_DEADLINE) {
      r.deadlineLow = 0;
      r.deadlineHigh = 0;
    } else if (this.timerMode === TIMER_PERIODIC) this.nextPeriod();
    this.local(TIMER);
  }

  /**
   * Periods that the processor could not take (its host was busy, or interrupts were off for longer than on a board) are made up for at four times
   * the rate: systems count them as time.
   */
  private nextPeriod(): void {
    const { r } = this;
    const now = this.clock.nowNs();
    const period = r.initialCount * this.countNs;
    const passed = Math.floor((now - r.startNs) / period);
    if (passed === 0) r.owed--;
    else {
      r.startNs += passed * period;
      r.owed += passed - 1;
    }
    const entry = r.lvt[TIMER];
    if (entry & MASKED) r.owed = 0;
    else if (this.isWaiting(entry & 0xff)) r.owed++;
    r.owed = Math.min(r.owed, MOST_OWED);
    const natural = r.startNs + period;
    this.timer.set(r.owed > 0 ? Math.min(natural, now + Math.max(MAKE_UP_NS, period / 4)) : natural);
  }

  private currentCount(): number {
    const { r } = this;
    if (this.timer.deadlineNs === Infinity || this.timerMode === TIMER_DEADLINE) return 0;
    const elapsed = Math.floor((this.clock.nowNs() - r.startNs) / this.countNs);
    if (this.timerMode === TIMER_PERIODIC) return r.initialCount - (elapsed % r.initialCount);
    return Math.max(0, r.initialCount - elapsed);
  }

  /** IA32_TSC_DEADLINE (MSR 0x6E0). */
  readDeadline(): [low: number, high: number] {
    return [this.r.deadlineLow, this.r.deadlineHigh];
  }

  /** Writes are ignored in the other modes (SDM vol. 3, 11.5.4.1). */
  writeDeadline(low: number, high: number): void {
    const { r, options } = this;
    if (this.timerMode !== TIMER_DEADLINE || !options.tscDeadlineNs) return;
    r.deadlineLow = low >>> 0;
    r.deadlineHigh = high >>> 0;
    this.timer.set(low === 0 && high === 0 ? Infinity : options.tscDeadlineNs(low >>> 0, high >>> 0));
  }

  get hasDeadlineMode(): boolean {
    return this.options.tscDeadlineNs !== undefined;
  }

  private writeTimerEntry(value: number): void {
    const { r } = this;
    const before = this.timerMode;
    // Mode 3 is reserved, and so is 2 without a TSC to compare with.
    if (((value >> 17) & 3) > (this.hasDeadlineMode ? 2 : 1)) value &= ~0x40000;
    r.lvt[TIMER] = value;
    const after = this.timerMode;
    if ((before === TIMER_DEADLINE) === (after === TIMER_DEADLINE)) return;
    // A change to or from TSC-deadline mode disarms the timer.
    this.timer.cancel();
    r.initialCount = 0;
    r.deadlineLow = 0;
    r.deadlineHigh = 0;
  }

  // ---- registers

  /** A read that changes nothing, lies in the low four bytes of a register and tells what only writes and interrupts change, unsigned; -1: it is none. */
  readQuietly(offset: number, size: number): number {
    return READ_WITHOUT_EXIT[offset >> 4] === 1 && (offset & 15) + size <= 4 ? this.read(offset, size) >>> 0 : -1;
  }

  read(offset: number, size: number): number {
    // Registers are read with 32 bits; narrower reads take their part, as they do on processors.
    const value = this.readRegister(offset & 0xff0);
    const shift = (offset & 15) * 8;
    if (shift > 24) return 0;
    return (value >>> shift) & (size === 4 ? 0xffffffff : size === 2 ? 0xffff : 0xff);
  }

  private readRegister(offset: number): number {
    const { r } = this;
    if (offset >= ISR && offset < ISR + 0x80) return r.isr[(offset - ISR) >> 4];
    if (offset >= TMR && offset < TMR + 0x80) return r.tmr[(offset - TMR) >> 4];
    if (offset >= IRR && offset < IRR + 0x80) return r.irr[(offset - IRR) >> 4];
    if (offset >= LVT_TIMER && offset <= LVT_ERROR) return r.lvt[(offset - LVT_TIMER) >> 4];
    switch (offset) {
      case ID:
        return r.id << 24;
      case VERSION:
        return VERSION_VALUE;
      case TPR:
        return r.tpr;
      case APR:
      case PPR:
        return this.ppr;
      case LDR:
        return r.ldr;
      case DFR:
        return r.dfr;
      case SVR:
        return r.svr;
      case ESR:
        return r.esr;
      case ICR_LOW:
        return r.icrLow;
      case ICR_HIGH:
        return r.icrHigh;
      case INITIAL_COUNT:
        return r.initialCount;
      case CURRENT_COUNT:
        return this.currentCount();
      case DIVIDE:
        return r.divide;
      case EOI:
        return 0;
      default:
        this.error(ESR_ILLEGAL_REGISTER);
        return 0;
    }
  }

  write(offset: number, value: number, size: number): void {
    // Narrower writes are undefined; a doubleword that is not aligned hits nothing.
    if (size !== 4 || offset & 15) return;
    const { r } = this;
    value >>>= 0;
    if (offset >= LVT_TIMER && offset <= LVT_ERROR) {
      const entry = (offset - LVT_TIMER) >> 4;
      // Software-disabled, the mask bits stay set.
      const next = (value & LVT_WRITABLE[entry]) | (this.enabled ? 0 : MASKED);
      if (entry === TIMER) this.writeTimerEntry(next);
      else r.lvt[entry] = next;
      // LINT0 opens or closes the way of the 8259A.
      this.options.onChange();
      return;
    }
    switch (offset) {
      case ID:
        r.id = value >>> 24;
        return;
      case TPR:
        r.tpr = value & 0xff;
        this.update();
        return;
      case EOI:
        this.endOfInterrupt();
        return;
      case LDR:
        r.ldr = (value & 0xff000000) >>> 0;
        return;
      case DFR:
        r.dfr = (value | 0x0fffffff) >>> 0;
        return;
      case SVR:
        r.svr = value & 0x1ff;
        if (!this.enabled) for (let entry = 0; entry < r.lvt.length; entry++) r.lvt[entry] |= MASKED;
        this.update();
        return;
      case ESR:
        r.esr = r.errors;
        r.errors = 0;
        return;
      case ICR_LOW:
        r.icrLow = (value & 0x000ccfff & ~DELIVERY_PENDING) >>> 0;
        this.sendIpi();
        return;
      case ICR_HIGH:
        r.icrHigh = (value & 0xff000000) >>> 0;
        return;
      case INITIAL_COUNT:
        if (this.timerMode === TIMER_DEADLINE) return;
        r.initialCount = value;
        this.startTimer();
        return;
      case DIVIDE: {
        const left = this.currentCount();
        r.divide = value & 0x0b;
        // What is left of the count runs on at the new rate.
        if (r.initialCount !== 0 && this.timer.deadlineNs !== Infinity) {
          r.startNs = this.clock.nowNs() - (r.initialCount - left) * this.countNs;
          this.timer.set(this.clock.nowNs() + left * this.countNs);
        }
        return;
      }
      case VERSION:
      case PPR:
      case CURRENT_COUNT:
        return;
      default:
        this.error(ESR_ILLEGAL_REGISTER);
    }
  }

  private sendIpi(): void {
    const { r } = this;
    const mode = (r.icrLow >> 8) & 7;
    const vector = r.icrLow & 0xff;
    const shorthand = (r.icrLow >> 18) & 3;
    if (vector < 16 && (mode === FIXED || mode === LOWEST_PRIORITY)) {
      this.error(ESR_SEND_ILLEGAL_VECTOR);
      return;
    }
    // INIT level de-assert only sets arbitration identifiers.
    if (mode === INIT && (r.icrLow & 0xc000) === LVT_LEVEL) return;
    const level = false;
    if (shorthand === 1) {
      this.accept(mode, vector, level);
      return;
    }
    const { bus, onMessage } = this.options;
    const got =
      shorthand === 0
        ? bus.deliver({ mode, vector, level, destination: r.icrHigh >>> 24, logical: (r.icrLow & 0x800) !== 0 })
        : bus.deliver(
            { mode, vector, level, destination: BROADCAST, logical: false },
            shorthand === 3 ? this : undefined,
          );
    for (const { processor } of got) if (processor !== this.processor) onMessage?.(processor);
  }

  // ---- the whole

  private resetByInit(): void {
    const { id, base, on } = this.r;
    resetState(this.r, { ...initial(), id, base, on });
    this.assist?.withdraw();
    this.timer.cancel();
    this.update();
  }

  reset(): void {
    resetState(this.r, { ...initial(), id: this.options.id });
    if (this.options.bootstrap) this.r.lvt[LINT0] = EXTINT << 8;
    this.assist?.withdraw();
    this.timer.cancel();
    this.update();
  }

  save(): State {
    return { ...copyState(this.r), deadlineNs: this.timer.deadlineNs };
  }

  restore(state: State): void {
    assignState(this.name, this.r, state);
    this.timer.set(typeof state.deadlineNs === 'number' ? state.deadlineNs : Infinity);
    this.update();
  }

  peek(): State {
    return { ...copyState(this.r), ppr: this.ppr, currentCount: this.currentCount() };
  }
}
