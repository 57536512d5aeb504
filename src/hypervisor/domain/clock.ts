/**
 * A domain's time. One timeline feeds its devices (nanoseconds) and its TSC (a tick a nanosecond, TSC_HZ), so that they never disagree.
 *
 * Virtual time is instructions retired: the same run gives the same times anywhere. Host time follows a monotonic clock that is passed in;
 * between readings it advances by instructions retired, never backwards.
 */
import { DOUBLE_ZERO, type TimeSource } from '../../cpu/architecture/index.ts';
import type { Clock } from '../../devices/index.ts';

/** In virtual time every instruction takes this long: about what the interpreter needs, so that neither time nor work seems to race. */
export const VIRTUAL_NS_PER_INSTRUCTION = 4;

export interface DomainClock extends Clock, TimeSource {
  readonly virtual: boolean;
  /** Instructions that earlier lives of the processor (before a reset) retired. */
  retiredBefore: number;
  /** Time when the processor has retired this many, without looking at the host's clock: exact in virtual time, else an estimate. */
  estimateNs(retired: number): number;
  /** Instructions that may run before `deadlineNs`, at least 1. */
  instructionsUntil(deadlineNs: number, retired: number): number;
  /** The processor idles: time moves on, at most to the next deadline; virtual time jumps there, host time goes as far as the host is. */
  idleTo(deadlineNs: number): void;
  /** How long a processor that idles has to wait for this time: 0 or less where `idleTo` would get there now. `nowNs` is paused while nothing is retired. */
  idleNs(untilNs: number): number;
  /** Time is paused between these two: the domain is paused or being saved. */
  stop(): void;
  start(): void;
  /** Continues at this time (restore). */
  set(ns: number): void;
}

const HIGH = 2 ** 32;

export class VirtualClock implements DomainClock {
  readonly virtual = true;
  retiredBefore = 0;
  tscHigh = 0;
  private readonly retired: () => number;
  private skippedNs = 0;

  constructor(retired: () => number) {
    this.retired = retired;
  }

  nowNs(): number {
    return this.estimateNs(this.retired());
  }

  estimateNs(retired: number): number {
    return (this.retiredBefore + retired) * VIRTUAL_NS_PER_INSTRUCTION + this.skippedNs;
  }

  tsc(retired: number): number {
    const ticks = this.estimateNs(retired);
    this.tscHigh = Math.floor(ticks / HIGH) | 0;
    return ticks | 0;
  }

  instructionsUntil(deadlineNs: number, retired: number): number {
    return Math.max(1, Math.ceil((deadlineNs - this.estimateNs(retired)) / VIRTUAL_NS_PER_INSTRUCTION));
  }

  idleTo(deadlineNs: number): void {
    const now = this.nowNs();
    if (deadlineNs > now && deadlineNs !== Infinity) this.skippedNs += deadlineNs - now;
  }

  idleNs(untilNs: number): number {
    return untilNs - this.nowNs();
  }

  stop(): void {}
  start(): void {}

  set(ns: number): void {
    this.skippedNs += ns - this.nowNs();
  }
}

/** Instructions after which RDTSC looks at the host's clock again (a reading costs 30-250 ns). */
const REREAD_INSTRUCTIONS = 1000;
/** Interpolation runs slower than measured, so that the next reading is rarely overtaken. */
const CAUTION = 0.75;
/**
 * How far one reading may move the guest's time: this much, and this many times what the instructions since the last one usually take. When the host
 * gives our time to another program for some milliseconds, the guest then sees a short spell of quick time instead of a jump: no timer tick is lost, and
 * loops that compare two timers stay right. Who is far behind, because others have most of the processor all the time, must hurry more: as many times
 * more as it is half seconds behind, but not so much that ticks are lost where interrupts are off: Linux counts them to judge the TSC when it starts.
 * An idle guest catches up at once, from deadline to deadline.
 */
const STEP_NS = 4000,
  CATCH_UP = 2,
  HURRY_NS = 500e6,
  MOST_HURRY = 4;

/** A double, as DOUBLE_ZERO. */
const NOT_STOPPED = -1.5;

export class HostClock implements DomainClock {
  readonly virtual = false;
  retiredBefore = DOUBLE_ZERO;
  tscHigh = 0;
  private readonly retired: () => number;
  private readonly hostMs: () => number;
  /** Host reading at guest time 0. */
  private originMs: number;
  private stoppedNs = NOT_STOPPED;
  /** Latest time that was returned, with the instructions retired then. */
  private lastNs = DOUBLE_ZERO;
  private lastRetired = DOUBLE_ZERO;
  /** Latest change of the host's clock that was seen. */
  private tickNs = DOUBLE_ZERO;
  private tickRetired = DOUBLE_ZERO;
  /** Where the instructions are counted from whose time is measured. */
  private measuredNs = DOUBLE_ZERO;
  private measuredRetired = DOUBLE_ZERO;
  private nsPerInstruction = 8.5;
  /** How many times faster than that time goes while we are behind the host. */
  private pace = 1.5;

  /** `hostMs`: monotonic milliseconds with a fraction, as performance.now. */
  constructor(retired: () => number, hostMs: () => number) {
    this.retired = retired;
    this.hostMs = hostMs;
    this.originMs = hostMs();
  }

  nowNs(): number {
    return this.read(this.retired());
  }

  private hostNs(): number {
    return Math.floor((this.hostMs() - this.originMs) * 1e6);
  }

  private read(retired: number): number {
    if (this.stoppedNs >= 0) return this.stoppedNs;
    const host = this.hostNs();
    let target = host;
    const sinceTick = retired - this.tickRetired;
    if (host > this.tickNs) {
      this.measure(host, retired);
      this.tickNs = host;
      this.tickRetired = retired;
    } else if (sinceTick > 0) target = this.tickNs + sinceTick * this.nsPerInstruction * CAUTION;
    const hurry = CATCH_UP * Math.min(MOST_HURRY, Math.max(1, (target - this.lastNs) / HURRY_NS));
    const most = STEP_NS + hurry * Math.max(0, retired - this.lastRetired) * this.nsPerInstruction;
    this.pace = target > this.lastNs + most ? hurry : 1;
    if (target > this.lastNs) this.lastNs = Math.floor(Math.min(target, this.lastNs + most));
    this.lastRetired = retired;
    // Not -0, where nothing has passed.
    return this.lastNs + 0;
  }

  /**
   * How long instructions take. An interval must not be so short that the clock's grain counts; where instructions are slow because devices answer
   * them, a millisecond holds a few hundred.
   */
  private measure(host: number, retired: number): void {
    // Time in which none was retired is not theirs.
    if (retired === this.tickRetired) this.measuredNs += host - this.tickNs;
    const since = retired - this.measuredRetired,
      ns = host - this.measuredNs;
    if (since < 10_000 && (since < 100 || ns < 1e6)) return;
    const seen = ns / since;
    // After devices have answered for a while instructions are a thousand times quicker: a step of an eighth at a time would be fifty deadlines that come early.
    if (seen < this.nsPerInstruction / 2) this.nsPerInstruction /= 2;
    else this.nsPerInstruction += (Math.min(4 * this.nsPerInstruction, seen) - this.nsPerInstruction) / 8;
    this.measuredNs = host;
    this.measuredRetired = retired;
  }

  estimateNs(retired: number): number {
    return this.lastNs + Math.max(0, retired - this.lastRetired) * this.nsPerInstruction;
  }

  tsc(retired: number): number {
    const since = retired - this.lastRetired;
    const ns =
      since > REREAD_INSTRUCTIONS || since < 0
        ? this.read(retired)
        : Math.floor(this.lastNs + since * this.nsPerInstruction * CAUTION);
    if (ns > this.lastNs) {
      this.lastNs = ns;
      this.lastRetired = retired;
    }
    this.tscHigh = Math.floor(ns / HIGH) | 0;
    return ns | 0;
  }

  instructionsUntil(deadlineNs: number, retired: number): number {
    // Not below some hundred: a deadline that the estimate puts just ahead would be asked for again and again.
    return Math.max(500, Math.ceil((deadlineNs - this.estimateNs(retired)) / (this.nsPerInstruction * this.pace)));
  }

  idleTo(deadlineNs: number): void {
    if (this.stoppedNs >= 0) return;
    const host = this.hostNs();
    this.lastNs = Math.max(this.lastNs, Math.min(host, deadlineNs));
    this.lastRetired = this.tickRetired = this.measuredRetired = this.retired();
    // Idle time says nothing about instructions.
    this.tickNs = this.measuredNs = host;
  }

  idleNs(untilNs: number): number {
    return untilNs - (this.stoppedNs >= 0 ? this.stoppedNs : Math.max(this.lastNs, this.hostNs()));
  }

  stop(): void {
    if (this.stoppedNs < 0) this.stoppedNs = this.nowNs();
  }

  start(): void {
    if (this.stoppedNs < 0) return;
    const ns = this.stoppedNs;
    this.stoppedNs = -1;
    this.set(ns);
  }

  set(ns: number): void {
    if (this.stoppedNs >= 0) {
      this.stoppedNs = ns;
      return;
    }
    this.originMs = this.hostMs() - ns / 1e6;
    this.lastNs = this.tickNs = this.measuredNs = ns;
    this.lastRetired = this.tickRetired = this.measuredRetired = this.retired();
  }
}
