/**
 * The slices in which a domain runs. Its caller (a worker of its own, or a thread that several domains share) calls `run()` and, when that says so, sleeps until
 * the deadline or a call to one of the inputs. A slice never waits. In it the processor runs until an exit, exits.ts handles that, and so on, until the slice's
 * length is used up, something wants it to end (run-state.ts), or all vCPUs wait.
 */
import { ExitReason } from '../../cpu/architecture/index.ts';
import type { TimerQueue } from '../../devices/index.ts';
import type { BuiltDomain } from './built-domain.ts';
import type { DomainClock } from './clock.ts';
import type { Ending } from './ending.ts';
import type { Exits } from './exits.ts';
import { whileInGuest } from './in-guest.ts';
import type { ModelElsewhere } from './model-elsewhere.ts';
import type { Power } from './power.ts';
import { publishCounters, publishState } from './published.ts';
import type { RunState } from './run-state.ts';
import { RunTime } from './run-time.ts';
import type { SerialFeed } from './serial-feed.ts';
import type { ShadowPaging } from './shadow-paging.ts';
import { SliceLength, type SliceResult } from './slice.ts';
import { hasCome, instructionsLeft, isAtEnd, momentOf, type SliceAgain } from './slice-again.ts';
import type { Stops } from './stops.ts';
import type { ThreadTime } from './thread-time.ts';
import { ACTIVE, WAITS_FOR_MODEL } from './vcpu.ts';
import type { Vcpus } from './vcpus.ts';

/** Milliseconds: a slice lasts no longer. Its length was estimated from earlier instructions, and those now may be slower. */
const LONGEST_SLICE_MS = 4;
/** Accesses answered in place between two looks at the host's clock. */
const LOOK_ANSWERS = 256;
/** Deadlines that an idle processor lets pass in one slice. */
const SLICE_JUMPS = 256;

/** What is needed of the domain. */
interface Sliced extends BuiltDomain {
  readonly clock: DomainClock;
  readonly timers: TimerQueue;
  readonly vcpus: Vcpus;
  readonly exits: Exits;
  readonly remote: ModelElsewhere | undefined;
  readonly shadow: ShadowPaging | undefined;
  readonly serialFeed: SerialFeed;
  readonly state: RunState;
  readonly power: Power;
  readonly stops: Stops;
  readonly counters: Int32Array;
  readonly instructions: number;
  readonly ending: Ending | null;
  readonly paused: boolean;
}

export class Slices {
  readonly time: RunTime;
  /** The toolstack paused the domain. */
  paused = false;
  /** Something else than its length, or that the guest waits, ended the latest slice. */
  left = false;
  private readonly domain: Sliced;
  private readonly length = new SliceLength();
  private hasSlot = true;
  /** The deadline that the processor runs to. */
  private nextDeadlineNs = Infinity;
  /** In host time: accesses that may be answered in place before a look at the clock; 0: it is looked at before the next instruction. */
  private answersLeft = LOOK_ANSWERS;

  constructor(domain: Sliced) {
    this.domain = domain;
    this.time = new RunTime(domain.options.hostMs);
  }

  // ---- what keeps the domain from a slice. Call between slices.

  /** One that has ended is paused once it is brought back. */
  pause(): void {
    if (this.paused) return;
    this.paused = true;
    this.domain.vcpus.setPaused(true);
    this.domain.clock.stop();
    // It waits for nothing now.
    this.time.thread?.setSlot(true);
    this.publishState();
  }

  unpause(): void {
    if (!this.paused) return;
    this.paused = false;
    this.domain.clock.start();
    if (!this.hasSlot) this.time.thread?.setSlot(false);
    this.domain.vcpus.setPaused(false);
    this.publishState();
  }

  /**
   * It has a slot of the host, or waits for one: who becomes runnable meanwhile waits from then on, as Xen's timers and events do not wait for a slot.
   * A guest that looks at its stolen time sees it pass; for others time does not jump (clock.ts).
   */
  setSlot(held: boolean): void {
    const { clock, timers, vcpus, guest, ending, processor } = this.domain;
    if (held === this.hasSlot) return;
    if (held && guest.tellsStolenTime) clock.idleTo(Infinity);
    this.hasSlot = held;
    if (!this.paused) {
      this.time.thread?.setSlot(held);
      // Readers of the counters learn that they end where it was parked.
      if (!held) this.publishState();
    }
    vcpus.setSlot(held);
    if (held || !vcpus.onState || this.paused || ending || !this.sleeps) return;
    this.idle();
    if (timers.nextDeadlineNs <= clock.estimateNs(processor.retired)) timers.run();
    for (const vcpu of vcpus.all) vcpus.canRun(vcpu);
  }

  private publishState(): void {
    publishState(this.domain.counters, this.domain);
  }

  // ---- a slice

  /** Runs guest code for about a slice, or until there is none to run. */
  run(): SliceResult {
    const { ending } = this.domain;
    if (ending) return { state: 'ended', ending };
    if (this.paused) return { state: 'paused' };
    return this.inGuest();
  }

  /** Goes through a slice of its past again, paused or not; in virtual time. */
  runAgain(again: SliceAgain): void {
    if (!this.domain.ending) this.inGuest(again);
  }

  private inGuest(again?: SliceAgain): SliceResult {
    const { domain } = this;
    return whileInGuest(domain, () => {
      try {
        return this.slice(again);
      } finally {
        this.left = !domain.state.runs;
        domain.state.take('leave');
      }
    });
  }

  private takeWhatCame(): void {
    const { serialFeed, options, guest, remote } = this.domain;
    serialFeed.feed();
    if (options.wires) for (const wire of options.wires.values()) wire.poll();
    options.driveQueue?.poll();
    guest.service();
    remote?.service();
  }

  private slice(again?: SliceAgain): SliceResult {
    const { length, time, domain } = this;
    const { clock, processor, state, stops, power, serialFeed, guest, platform, timers } = domain;
    // What comes to a domain that sleeps comes at this time of the host, and not when it fell asleep; virtual time is paused.
    if (!clock.virtual && !this.stuck && this.sleeps) this.idle();
    if (!again?.begun) this.takeWhatCame();
    stops.changeBreaks();
    time.thread?.begin(processor.retired);
    const startNs = clock.nowNs(),
      startRetired = processor.retired,
      startIdleNs = time.idleNs;
    state.take('enter');
    stops.steps.enter(again !== undefined);
    const stopAt = again
      ? again.end.instructions - clock.retiredBefore
      : startRetired + length.from(domain.instructions, clock.virtual);
    let parked = this.loop(stopAt, again);
    const callsDomain0 = state.phase === 'calling';
    if (parked && this.stuck) guest.stuck();
    // The guest may have opened its port just before it went idle.
    if (!power.settle() && parked && (!again || clock.nowNs() >= again.end.ns) && serialFeed.feed()) parked = false;
    time.thread?.look(processor.retired);
    // Its adapter draws by a clock that is paused from now on: what it printed last is to be seen.
    if (domain.ending || (parked && this.stuck)) platform.vga.refresh?.();
    const endNs = clock.nowNs();
    const ranNs = endNs - startNs - (time.idleNs - startIdleNs);
    if (clock.virtual) time.ran(ranNs);
    else length.took(ranNs, processor.retired - startRetired);
    const { runNs, idleNs, thread } = time;
    publishCounters(domain.counters, domain, { nowNs: endNs, runNs, idleNs, thread }, parked ? 'b' : 'r');
    if (domain.ending) return { state: 'ended', ending: domain.ending };
    if (!parked && callsDomain0 && processor.retired < stopAt) return { state: 'running', callsDomain0: true };
    if (!parked) return { state: 'running' };
    if (this.stuck) return { state: 'parked', untilNs: Infinity, latestNs: Infinity };
    return { state: 'parked', untilNs: timers.nextDeadlineNs, latestNs: this.latestNs };
  }

  /** Halted with interrupts off: nothing but a reset wakes it. */
  get stuck(): boolean {
    return this.domain.vcpus.stuck && this.domain.platform.asleep !== true;
  }

  /** Runs until `retired` reaches `stopAt`, something wants the slice to end, or (then true) all vCPUs wait for an interrupt that is not there. */
  private loop(stopAt: number, again?: SliceAgain): boolean {
    const { domain } = this,
      { thread } = this.time;
    const { clock, processor, timers, vcpus, remote, state, options, stops, shadow } = domain,
      { steps } = stops;
    const exactStop = Math.min(stops.atInstruction, steps.instruction) - clock.retiredBefore;
    if (exactStop < stopAt && !again) stopAt = exactStop;
    let jumps = 0;
    while (state.runs && !steps.isDone) {
      const { retired } = processor;
      if (again && hasCome(again, momentOf(domain))) return false;
      const idle = !vcpus.turns.schedule();
      if (idle && (again ? isAtEnd(again, momentOf(domain)) : options.company?.wanted())) return true;
      if (idle && !this.stuck) this.idle(again);
      if (!idle && vcpus.current.activity === WAITS_FOR_MODEL) remote?.complete();
      if (timers.nextDeadlineNs <= clock.estimateNs(retired)) timers.run();
      if (!idle || vcpus.turns.schedule()) vcpus.deliverEvents();
      if (!state.runs || steps.isDone) break;
      if (vcpus.current.activity !== ACTIVE) {
        if (vcpus.turns.schedule()) continue;
        if (this.stuck || timers.nextDeadlineNs > clock.estimateNs(retired)) return true;
        // Deadlines whose interrupts the guest does not take would keep us here; the caller gets its chance to look for inputs.
        if (++jumps === SLICE_JUMPS && !again) return false;
        continue;
      }
      if (thread && thread.sliceMs > LONGEST_SLICE_MS) return false;
      let limit = stopAt - retired;
      const cut = again ? instructionsLeft(again, momentOf(domain), clock, retired) : Infinity;
      // Another slot may be for it (xl vcpu-pin): the caller takes the domain there.
      if (limit <= 0 || cut <= 0 || !vcpus.place(vcpus.current.id)) return false;
      this.nextDeadlineNs = timers.nextDeadlineNs;
      if (timers.nextDeadlineNs !== Infinity)
        limit = Math.min(limit, clock.instructionsUntil(timers.nextDeadlineNs, retired));
      limit = Math.min(limit, vcpus.turns.turnLeft());
      shadow?.enter(vcpus.current.id, processor);
      if (thread) this.runByClock(limit, thread);
      else this.runByCount(limit, cut);
    }
    return false;
  }

  /** In host time the processor also stops for a look at the clock, which is no exit of the guest's. */
  private runByClock(limit: number, thread: ThreadTime): void {
    const { clock, processor } = this.domain,
      { retired } = processor;
    const untilLook = thread.instructionsLeft(retired);
    const reason = processor.run(Math.min(limit, untilLook));
    const isTimer = reason === ExitReason.PREEMPTION_TIMER;
    // How far time may go on was guessed. Nothing else looks before the deadline is asked for again, and half the way each time is many times.
    if (isTimer) clock.nowNs();
    const asked = this.answersLeft <= 0;
    if (asked) {
      this.answersLeft = LOOK_ANSWERS;
      thread.look(processor.retired);
    } else thread.pass(processor.retired);
    if (!isTimer || !(asked || (untilLook < limit && processor.retired - retired >= untilLook))) this.handle(reason);
  }

  /** In virtual time, as far as `cut` in the past: a stop there is no exit if it was none then. */
  private runByCount(limit: number, cut: number): void {
    const { processor, stops } = this.domain,
      { retired } = processor;
    const reason = processor.run(Math.min(limit, cut));
    const isCut = cut < limit && processor.retired - retired >= cut;
    if (reason !== ExitReason.PREEMPTION_TIMER || !(isCut || stops.steps.hasStopped)) this.handle(reason);
  }

  private handle(reason: number): void {
    const { vcpus, exits } = this.domain;
    if (vcpus.turns.isLook(reason)) return;
    if (reason !== ExitReason.PREEMPTION_TIMER && !exits.isChosen(reason)) vcpus.turns.exited();
    exits.handle(reason);
  }

  /** An exit was counted: the last one of a step ends the slice. */
  afterCount(total: number): void {
    const { stops, state } = this.domain;
    if (stops.steps.endsSlice(total)) state.stop();
  }

  /** A device was reached from inside `processor.run()`: that ends where something must be looked at before the next instruction. */
  answeredInPlace(): void {
    const { state, timers, vcpus, processor, stops } = this.domain;
    if (!state.runs || timers.nextDeadlineNs < this.nextDeadlineNs || vcpus.eventWaits) processor.stop();
    else if (stops.steps.isDone) {
      stops.steps.hasStopped = true;
      processor.stop();
    } else if (this.time.thread && --this.answersLeft === 0) processor.stop();
  }

  /** In host time: what happens inside `processor.run()` takes longer than its instructions tell, so that the clock is to be looked at before the next one. */
  readonly askForLook = (): void => {
    this.answersLeft = 0;
    this.domain.processor.stop();
  };

  // ---- waiting

  private get sleeps(): boolean {
    return this.domain.vcpus.all.every(({ activity }) => activity !== ACTIVE);
  }

  /** While all vCPUs wait: time goes on to the next deadline, or as far as the others are. Virtual time is paused until the device model has answered. */
  idle(again?: SliceAgain): void {
    const { clock, processor, remote } = this.domain;
    if (clock.virtual && remote?.waiting) return;
    const before = clock.estimateNs(processor.retired);
    clock.idleTo(again ? Math.min(this.latestNs, again.end.ns, again.until.ns) : this.idleEndNs);
    this.time.idleNs += clock.estimateNs(processor.retired) - before;
  }

  /** A timer whose domain wakes late finds that this much time has passed; virtual time has no reason to be late. */
  private get latestNs(): number {
    const { clock, timers } = this.domain;
    return clock.virtual ? timers.nextDeadlineNs : timers.latestNs;
  }

  private get idleEndNs(): number {
    const { company } = this.domain.options;
    return company ? Math.min(this.latestNs, company.horizonNs()) : this.latestNs;
  }
}
