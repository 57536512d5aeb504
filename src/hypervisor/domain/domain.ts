/**
 * One domain: its vCPUs (vcpu.ts), a PC around them, the RAM they share; what happens at each VM exit is in exits.ts.
 * The same class runs in a worker of its own, next to other domains in one worker, and under the command line: it never waits and never looks at
 * a clock that was not passed in. The code that runs it calls `runSlice()` and, when that says so, sleeps until the deadline or a call to one of the inputs.
 */
import { ExitReason, type Probe, type Processor } from '../../cpu/architecture/index.ts';
import { type State, TimerQueue } from '../../devices/index.ts';
import { putDisc, removableKind } from '../../devices/ide/index.ts';
import type { ResetKind } from '../../devices/pci/index.ts';
import { A20Gate } from '../memory/a20.ts';
import { loadBoot } from './boot.ts';
import { boardOf, firmwareParts, processorOf, tellFirmware } from './board.ts';
import type { DomainOptions } from './domain-options.ts';
import { type BreakHit, Breaks, type BreakWish } from './breaks.ts';
import { type DomainClock, HostClock, VirtualClock } from './clock.ts';
import { answersOf } from './answers.ts';
import { Exits } from './exits.ts';
import type { FirmwareMap } from '../memory/firmware-map.ts';
import { demandFrame } from './frames-to-come.ts';
import { GuestMemory } from '../memory/guest-memory.ts';
import { ramGfn, ramRanges } from '../layout/ram-layout.ts';
import { COUNTER_WORDS } from '../layout/layout.ts';
import { mfnOf, type SecondStage } from '../memory/second-stage.ts';
import type { BlockDevice } from '../../formats/blocks/index.ts';
import type { Platform } from './platform.ts';
import type { Ending } from './ending.ts';
import type { GuestInterface, GuestParts, GuestTraits } from './guest-interface.ts';
import { guestParts } from './guest-parts.ts';
import type { ModelElsewhere } from './model-elsewhere.ts';
import type { MouseMove } from './mouse-move.ts';
import { crashReport, standsAt } from './report.ts';
import { ScreenBlock } from './screen.ts';
import { probeOf } from './probes.ts';
import { type DomainStats, publishCounters, publishState, statsOf } from './published.ts';
import { type HotRegion, hottestRegions } from './second-tier.ts';
import { SerialFeed } from './serial-feed.ts';
import { hasCome, instructionsLeft, isAtEnd, momentOf, type SliceAgain } from './slice-again.ts';
import { Step } from './step.ts';
import type { ShadowPaging } from './shadow-paging.ts';
import { SavedStateError } from './saved-state-error.ts';
import { SliceLength, type SliceResult } from './slice.ts';
import { ThreadTime } from './thread-time.ts';
import { whileInGuest } from './in-guest.ts';
import { IoTrace } from '../tracing/io-trace.ts';
import { tracedDrives } from '../disks/traced-disk.ts';
import { Trace } from '../tracing/trace.ts';
import { ACTIVE, WAITS_FOR_MODEL } from './vcpu.ts';
import { Vcpus } from './vcpus.ts';
import type { VideoFrames } from '../memory/video-memory.ts';
import { goBack, isWayBack, wakeUp } from './warm-reset.ts';
import { MachineView } from '../view/machine-view.ts';

/** A slice lasts no longer: its length was estimated from earlier instructions, and those now may be slower. */
const LONGEST_SLICE_MS = 4;
/** Accesses answered in place between two looks at the clock. */
const LOOK_ANSWERS = 256;
/** Deadlines that an idle processor lets pass in one slice. */
const SLICE_JUMPS = 256;

export class Domain {
  readonly options: DomainOptions;
  readonly memory: GuestMemory;
  readonly processor: Processor;
  readonly platform: Platform;
  readonly clock: DomainClock;
  readonly timers: TimerQueue;
  readonly screen: ScreenBlock;
  readonly vcpus: Vcpus;
  readonly trace: Trace;
  readonly io: IoTrace;
  readonly firmware: FirmwareMap | undefined;
  readonly video: VideoFrames | undefined;
  private readonly a20: A20Gate;
  readonly traits: GuestTraits;
  /** What the guest sees of its hypervisor. */
  readonly guest: GuestInterface;
  /** Its device model, where that runs elsewhere. */
  readonly remote: ModelElsewhere | undefined;
  readonly exits: Exits;
  /** Its shadow page tables; absent: the processor walks its own, and the second stage. */
  readonly shadow: ShadowPaging | undefined;
  ending: Ending | null = null;
  /** What was loaded, for logs. */
  about = '';
  /** Leaves the slice at the end of the exit under way; behind one: something else than its length, or that the guest waits, ended it. */
  leaveSlice = false;
  /** In virtual time: it left the slice for Domain 0. */
  private callsDomain0 = false;
  private resetAsked: ResetKind | null = null;
  /** A triple fault that resets the PC left this behind. */
  private restartReport: string | undefined;
  private endingAsked: Ending | null = null;
  private pausedByUser = false;
  readonly counters: Int32Array;
  readonly stage: SecondStage;
  private readonly sliceLength = new SliceLength();
  /** In host time: what of it the host gave. */
  private readonly thread: ThreadTime | undefined;
  private virtualRunNs = 0;
  private idleNs = 0;
  readonly serialFeed: SerialFeed;
  /** Stop exactly here (instructions since the start); Infinity: never. */
  stopAtInstruction = Infinity;
  private readonly steps = new Step();
  private breaks: Breaks | undefined;
  private onlooker: Probe | null = null;
  /** It looks on while a vCPU may be spinning. */
  private spinWatch: Probe | undefined;
  /** Its vCPUs' last instructions are kept. */
  private readonly lastCode: Probe | undefined;
  /** Where it is to stop, before it runs again. */
  private wantedBreaks: readonly BreakWish[] | undefined;

  /** Builds the domain and loads what it boots, or `restore` puts a saved state into it, at once or later. @throws LoadError, HostError: then the domain must not be used. */
  constructor(options: DomainOptions, restore?: ((domain: Domain) => void) | 'later') {
    this.options = options;
    const { machine, record } = options;
    this.counters = new Int32Array(machine.memory, record.countersOffset, COUNTER_WORDS);
    this.stage = machine.secondStage(record);
    this.memory = new GuestMemory(machine.bytes, this.stage);
    const traits = (this.traits = options.guest.traits(machine, record));
    const retired = (): number => this.processor?.retired ?? 0;
    this.clock = options.hostMs ? new HostClock(retired, options.hostMs) : new VirtualClock(retired);
    this.timers = new TimerQueue(this.clock);
    if (options.hostMs) this.thread = new ThreadTime(options.hostMs);
    this.trace = new Trace(machine, record, () => this.clock.estimateNs(retired()));
    this.io = new IoTrace(machine, this.trace);
    this.shadow = options.shadow && new options.shadow(machine, record);
    this.processor = options.createProcessor({
      ...processorOf(options, traits, { stage: this.stage, clock: this.clock, shadow: this.shadow }),
      ...answersOf(this, () => this.exits),
    });
    if (this.thread) this.processor.onWork = this.askForLook;
    const { boot } = options;
    this.a20 = new A20Gate(this.stage, ramRanges(record), open => {
      this.processor.flushTlb();
      traits.a20Changed?.(open);
    });
    const { firmware, video } = firmwareParts(options, traits, this.processor);
    this.firmware = firmware;
    this.video = video;
    this.memory.onWrite = mfn => {
      machine.writeLog.note(mfn);
      this.processor.invalidate(mfn);
      this.video?.frameWritten(mfn);
    };
    this.memory.onDemand = gfn => this.demand(gfn);
    this.screen = new ScreenBlock(machine, record, options.hostMs !== undefined);
    this.platform = options.createPlatform({
      ...boardOf(this, this.io),
      onA20: this.a20.set,
      onNmi: id => this.vcpus.nmi(id),
      onInit: id => this.init(id),
      onStartup: (id, vector) => this.vcpus.startup(id, vector),
      onMessage: to => this.vcpus.turns.call(to),
      onIgnoreNumericError: () => this.processor.ignoreNumericError(),
      onPowerOff: () => this.ask({ kind: 'poweroff', sentence: 'The guest powered off.' }),
      onSleep: () => this.askPower('sleep'),
      onWake: () => this.askPower('wake'),
      onReset: kind => this.askReset(kind),
      onDebugExit: value => this.debugExit(value),
    });
    this.serialFeed = new SerialFeed(this.platform);
    this.vcpus = new Vcpus(machine, record, this.processor, this.platform, traits.board.apicIdStep, watch => {
      this.spinWatch = watch;
      this.lookOn();
    });
    if (!this.clock.virtual) this.vcpus.turns.endByClock(this.clock);
    if (options.lastCode)
      this.processor.probe = this.lastCode = new options.lastCode(this.processor.regs, () => this.vcpus.current);
    this.guest = options.guest.create(this.guestParts());
    this.shadow?.begin(this);
    this.exits = new Exits(this, this.counters);
    if (traits.modelElsewhere) this.remote = this.remoteModel();
    tellFirmware(options, this.platform);
    if (restore) {
      if (boot.kind === 'firmware') this.firmware?.load(boot.image);
      this.guest.restoring();
      if (restore !== 'later') this.restore(restore);
    } else this.start();
    publishState(this.counters, this);
  }

  /** Goes on from a saved state, whose pages are in place, as soon as `put` has put the rest there: once, where it was built for that. @throws what `put` throws */
  restore(put: (domain: Domain) => void): void {
    put(this);
    this.guest.restored();
  }

  private remoteModel(): ModelElsewhere | undefined {
    const { guest, platform, video } = this;
    const { signals } = platform;
    if (!signals) return undefined;
    return guest.modelElsewhere(
      {
        signals,
        shadow: (base, length, readsRam, writesRam) => this.firmware?.shadow(base, length, readsRam, writesRam),
        a20: open => this.a20.set(open),
        videoAt: base => video?.moved(base),
        look: dirty => video?.takeDirtyPages().forEach((written, page) => (dirty[page] |= written)),
        reset: () => this.askReset('board'),
        debugExit: value => this.debugExit(value),
      },
      video?.first,
    );
  }

  /** It goes to sleep (S3), or wakes, once the instruction under way is complete. */
  private askPower(asked: 'sleep' | 'wake'): void {
    this.powerAsked = asked;
    this.leaveSlice = true;
  }
  private powerAsked: 'sleep' | 'wake' | undefined;

  private changePower(): void {
    const asked = this.powerAsked;
    this.powerAsked = undefined;
    if (asked === 'sleep') return this.vcpus.sleep();
    if (asked !== 'wake') return;
    this.platform.resetAfterSleep?.();
    this.resetProcessors();
    wakeUp(this);
    this.processor.reload();
    this.processor.flushTlb();
  }

  private askReset(kind: ResetKind): void {
    if (this.resetAsked !== 'board') this.resetAsked = kind;
    this.leaveSlice = true;
  }

  /** INIT of a processor. Processor 0 goes to the reset vector, where a PC without firmware has only a replacement for that. */
  private init(id: number): void {
    if (id === 0 && !this.traits.resetIsNewDomain && this.options.boot.kind !== 'firmware') this.askReset('processor');
    else this.vcpus.init(id);
  }

  /** A triple fault resets a PC's processors. False: that would lead nowhere, and is no way that a program takes on purpose. */
  tripleFault(): boolean {
    const wanted = isWayBack(this, 'processor');
    if (wanted) this.askReset('processor');
    return wanted;
  }

  private debugExit(value: number): void {
    this.ask({ kind: 'debug-exit', value, sentence: `The guest wrote ${value} to isa-debug-exit.` });
  }

  private guestParts(): GuestParts {
    return guestParts(this, {
      callDomain0: () => this.callDomain0(),
      end: ending => this.ask(ending),
      whereItWas: sentence => this.whereItWas(sentence),
    });
  }

  private ask(ending: Ending): void {
    this.endingAsked ??= ending;
    this.leaveSlice = true;
  }

  /** Loads what the domain boots into fresh memory and puts the processor at its entry. */
  private start(): void {
    this.platform.reset();
    this.resetProcessors();
    this.guest.start();
    this.about = loadBoot(this);
    this.processor.reload();
    this.processor.flushTlb();
  }

  /** The count of instructions goes on. */
  private resetProcessors(): void {
    this.clock.retiredBefore += this.processor.retired;
    this.vcpus.reset();
    this.clock.retiredBefore -= this.processor.retired;
  }

  /** A reset that the guest goes on after, with its memory. */
  private warmReset(kind: ResetKind): void {
    if (kind === 'board') this.platform.reset();
    else this.platform.resetProcessors?.();
    this.resetProcessors();
    goBack(this);
    this.processor.reload();
    this.processor.flushTlb();
  }

  /** Entry of the second stage for the RAM at a guest frame, also where firmware's ROM or a closed A20 gate hides it. */
  ramEntry(gfn: number): number {
    return this.firmware?.hides(gfn) ? this.firmware.ramEntry(gfn) : this.a20.entry(gfn);
  }

  /** Called with each frame that a vCPU waits for. */
  onAway: (gfn: number) => void = () => {};

  demand(gfn: number): boolean {
    return demandFrame(this, this.a20, gfn);
  }

  /** Instructions retired since the domain was started, resets included. */
  get instructions(): number {
    return this.clock.retiredBefore + this.processor.retired;
  }

  /** This many instructions from here on, below 0 this many exits: then `stepped` is true. 0: there is no step any more. */
  step(count: number): void {
    this.steps.begin(count, this.instructions, this.exits.total);
  }

  /** It has come to the end of its step, or to where it is to stop: its caller pauses it now. */
  get stepped(): boolean {
    return this.breaks?.isHit === true || this.steps.isOver(this.instructions, this.exits.total);
  }

  /** It stops there from now on; an empty list: nowhere. */
  setBreaks(points: readonly BreakWish[]): void {
    this.wantedBreaks = points;
  }

  /** Why it has stopped, once. */
  takeHit(): BreakHit | undefined {
    return this.breaks?.take();
  }

  /** Not while an instruction waits for the device model: what it has seen so far would be forgotten. */
  private changeBreaks(): void {
    const { wantedBreaks } = this;
    if (!wantedBreaks || this.remote?.waiting) return;
    this.wantedBreaks = undefined;
    this.breaks = new Breaks(this, wantedBreaks);
    this.lookOn();
  }

  /** `onlooker`: what goes through its past (null: nobody); absent: as before. */
  lookOn(onlooker = this.onlooker): void {
    this.onlooker = onlooker;
    this.processor.probe = probeOf(this.lastCode, this.breaks?.probe, this.spinWatch, onlooker);
  }

  /** An exit was counted: the last one of a step ends the slice. */
  afterCount(total: number): void {
    if (this.steps.endsSlice(total)) this.stopSlice();
  }

  /** Ends the slice soon: after the exit under way, or now where there is none. */
  stopSlice(): void {
    this.leaveSlice = true;
  }

  /** Where others share its time, when Domain 0 hears of an event is no matter of where a slice happens to end. */
  private callDomain0(): void {
    if (this.options.company) this.callsDomain0 = this.leaveSlice = true;
  }

  // Inputs. Call between slices.

  /** One that has ended is paused once it is brought back. */
  pause(): void {
    if (this.pausedByUser) return;
    this.pausedByUser = true;
    this.vcpus.setPaused(true);
    this.clock.stop();
    // It waits for nothing now.
    this.thread?.setSlot(true);
    publishState(this.counters, this);
  }

  unpause(): void {
    if (!this.pausedByUser) return;
    this.pausedByUser = false;
    this.clock.start();
    if (!this.hasSlot) this.thread?.setSlot(false);
    this.vcpus.setPaused(false);
    publishState(this.counters, this);
  }

  get paused(): boolean {
    return this.pausedByUser;
  }

  private hasSlot = true;

  /**
   * It has a slot of the host, or waits for one: who becomes runnable meanwhile waits from then on, as Xen's timers and events do not wait for a slot.
   * A guest that looks at its stolen time sees it pass; for others time does not jump (clock.ts).
   */
  setSlot(held: boolean): void {
    const { clock, timers, vcpus, guest } = this;
    if (held === this.hasSlot) return;
    if (held && guest.tellsStolenTime) clock.idleTo(Infinity);
    this.hasSlot = held;
    if (!this.pausedByUser) {
      this.thread?.setSlot(held);
      // Readers of the counters learn that they end where it was parked.
      if (!held) publishState(this.counters, this);
    }
    vcpus.setSlot(held);
    if (held || !vcpus.onState || this.pausedByUser || this.ending || !this.sleeps) return;
    this.idle();
    if (timers.nextDeadlineNs <= clock.estimateNs(this.processor.retired)) timers.run();
    for (const vcpu of vcpus.all) vcpus.canRun(vcpu);
  }

  /** A person has the PC start again, whatever `onReset` says, with empty memory. Also brings a domain back that has stopped. */
  reset(): void {
    const { machine, record } = this.options;
    for (let n = 0; n < record.ramFrames; n++) {
      const mfn = mfnOf(this.ramEntry(ramGfn(record, n)));
      if (mfn < 0) continue;
      machine.scrub(mfn);
      this.memory.onWrite(mfn);
    }
    this.startAgain();
  }

  /** RESET pin: memory keeps what is in it, as on a board and under QEMU; what is loaded lies over it. */
  private startAgain(): void {
    this.ending = this.endingAsked = this.resetAsked = null;
    this.serialFeed.drop();
    this.start();
    publishState(this.counters, this);
  }

  /** A guest that has suspended itself, and was not moved to another domain, goes on: its hypercall says that the suspend was cancelled. */
  resume(): void {
    if (this.ending?.kind !== 'suspend') return;
    this.guest.cancelSuspend();
    this.ending = null;
    publishState(this.counters, this);
  }

  pressPowerButton(): void {
    this.platform.pressPowerButton();
  }

  /** Ends a suspend to RAM (S3), as Xen's s3resume does. */
  wake(): void {
    this.platform.wake?.();
  }

  /** Another disk in the CD-ROM or floppy drive at a place, or none: the drive tells the guest. */
  insertMedium(place: number, disc: BlockDevice | null): void {
    putDisc(this.options.ide ?? [], place, disc);
    const [{ disk }] = tracedDrives([{ place, kind: removableKind(place), disk: disc }], this.io, this.options.record);
    this.platform.insert?.(place, disk);
  }

  /** Bytes for COM1; kept until the guest waits for some, since what comes earlier is lost when it opens the port. */
  serialInput(bytes: Uint8Array): void {
    this.serialFeed.add(bytes);
  }

  /** Serial bytes that wait for the guest to read. */
  get serialWaiting(): number {
    return this.serialFeed.waiting;
  }

  /** A key by its KeyboardEvent.code. */
  key(code: string, down: boolean): void {
    this.platform.keyboard.key(code, down);
  }

  /** The mouse moved, or its buttons changed. */
  mouse({ dx, dy, dz, buttons }: MouseMove): void {
    this.platform.mouse.move(dx, dy, dz, buttons);
  }

  // Running.

  /** Runs guest code for about a slice, or until there is none to run. */
  runSlice(): SliceResult {
    if (this.ending) return { state: 'ended', ending: this.ending };
    if (this.pausedByUser) return { state: 'paused' };
    return whileInGuest(this, () => this.slice());
  }

  /** Goes through a slice of its past again, paused or not; in virtual time. */
  runAgain(again: SliceAgain): void {
    if (!this.ending) whileInGuest(this, () => this.slice(again));
  }

  private takeWhatCame(): void {
    this.serialFeed.feed();
    this.options.arrivals?.();
    this.options.driveQueue?.poll();
    this.guest.service();
    this.remote?.service();
  }

  private slice(again?: SliceAgain): SliceResult {
    // What comes to a domain that sleeps comes at this time of the host, and not when it fell asleep; virtual time is paused.
    if (!this.clock.virtual && !this.stuck && this.sleeps) this.idle();
    if (!again?.begun) this.takeWhatCame();
    this.changeBreaks();
    const { clock, processor, thread, sliceLength } = this;
    thread?.begin(processor.retired);
    const startNs = clock.nowNs(),
      startRetired = processor.retired,
      startIdleNs = this.idleNs;
    // What came between two slices may have ended it already.
    this.leaveSlice = this.endingAsked !== null || this.resetAsked !== null || this.powerAsked !== undefined;
    this.callsDomain0 = false;
    this.steps.enter(again !== undefined);
    const stopAt = again
      ? again.end.instructions - clock.retiredBefore
      : startRetired + sliceLength.from(this.instructions, clock.virtual);
    let parked = this.loop(stopAt, again);
    if (parked && this.stuck) this.guest.stuck();
    if (this.powerAsked) this.changePower();
    if (this.resetAsked || this.endingAsked || this.restartReport !== undefined) this.finish();
    // The guest may have opened its port just before it went idle.
    else if (parked && (!again || clock.nowNs() >= again.end.ns) && this.serialFeed.feed()) parked = false;
    thread?.look(processor.retired);
    // Its adapter draws by a clock that is paused from now on: what it printed last is to be seen.
    if (this.ending || (parked && this.stuck)) this.platform.vga.refresh?.();
    const endNs = clock.nowNs();
    const ranNs = endNs - startNs - (this.idleNs - startIdleNs);
    if (clock.virtual) this.virtualRunNs += ranNs;
    else sliceLength.took(ranNs, processor.retired - startRetired);
    this.publish(endNs, parked ? 'b' : 'r');
    if (this.ending) return { state: 'ended', ending: this.ending };
    if (!parked && this.callsDomain0 && processor.retired < stopAt) return { state: 'running', callsDomain0: true };
    if (!parked) return { state: 'running' };
    if (this.stuck) return { state: 'parked', untilNs: Infinity, latestNs: Infinity };
    return { state: 'parked', untilNs: this.timers.nextDeadlineNs, latestNs: this.latestNs };
  }

  /** Halted with interrupts off: nothing but a reset wakes it. */
  get stuck(): boolean {
    return this.vcpus.stuck && this.platform.asleep !== true;
  }

  /** Runs until `retired` reaches `stopAt`, someone wants the slice to end, or (then true) all vCPUs wait for an interrupt that is not there. */
  private loop(stopAt: number, again?: SliceAgain): boolean {
    const { clock, processor, timers, vcpus, remote, thread, steps } = this;
    const exactStop = Math.min(this.stopAtInstruction, steps.instruction) - clock.retiredBefore;
    if (exactStop < stopAt && !again) stopAt = exactStop;
    let jumps = 0;
    while (!this.leaveSlice && !steps.isDone) {
      const { retired } = processor;
      if (again && hasCome(again, momentOf(this))) return false;
      const idle = !vcpus.turns.schedule();
      if (idle && (again ? isAtEnd(again, momentOf(this)) : this.options.company?.wanted())) return true;
      if (idle && !this.stuck) this.idle(again);
      if (!idle && vcpus.current.activity === WAITS_FOR_MODEL) remote?.complete();
      if (timers.nextDeadlineNs <= clock.estimateNs(retired)) timers.run();
      if (!idle || vcpus.turns.schedule()) vcpus.deliverEvents();
      if (this.leaveSlice || steps.isDone) break;
      if (vcpus.current.activity !== ACTIVE) {
        if (vcpus.turns.schedule()) continue;
        if (this.stuck || timers.nextDeadlineNs > clock.estimateNs(retired)) return true;
        // Deadlines whose interrupts the guest does not take would keep us here; the caller gets its chance to look for inputs.
        if (++jumps === SLICE_JUMPS && !again) return false;
        continue;
      }
      if (thread && thread.sliceMs > LONGEST_SLICE_MS) return false;
      let limit = stopAt - retired;
      const cut = again ? instructionsLeft(again, momentOf(this), clock, retired) : Infinity;
      // Another slot may be for it (xl vcpu-pin): the caller takes the domain there.
      if (limit <= 0 || cut <= 0 || !vcpus.place(vcpus.current.id)) return false;
      this.nextDeadlineNs = timers.nextDeadlineNs;
      if (timers.nextDeadlineNs !== Infinity)
        limit = Math.min(limit, clock.instructionsUntil(timers.nextDeadlineNs, retired));
      limit = Math.min(limit, vcpus.turns.turnLeft());
      this.shadow?.enter(vcpus.current.id, processor);
      if (thread) {
        const untilLook = thread.instructionsLeft(retired);
        const reason = processor.run(Math.min(limit, untilLook));
        // How far time may go on was guessed. Nothing else looks before the deadline is asked for again, and half the way each time is many times.
        if (reason === ExitReason.PREEMPTION_TIMER) clock.nowNs();
        const asked = this.lookAsked;
        this.lookAsked = false;
        if (asked) thread.look(processor.retired);
        else thread.pass(processor.retired);
        // Cut short for a look at the clock alone: no exit of the guest's.
        if (
          reason === ExitReason.PREEMPTION_TIMER &&
          (asked || (untilLook < limit && processor.retired - retired >= untilLook))
        )
          continue;
        this.handle(reason);
      } else {
        const reason = processor.run(Math.min(limit, cut));
        // Nor is a stop in the past that was none then.
        const isCut = cut < limit && processor.retired - retired >= cut;
        if (reason !== ExitReason.PREEMPTION_TIMER || !(isCut || steps.hasStopped)) this.handle(reason);
      }
    }
    return false;
  }

  private handle(reason: number): void {
    const { vcpus, exits } = this;
    if (vcpus.turns.isLook(reason)) return;
    if (reason !== ExitReason.PREEMPTION_TIMER && !exits.isChosen(reason)) vcpus.turns.exited();
    exits.handle(reason);
  }

  /** The deadline that `run()` was called with. */
  private nextDeadlineNs = Infinity;

  /** A device was reached from inside `run()`: that ends where something must be looked at before the next instruction. */
  answeredInPlace(): void {
    if (this.leaveSlice || this.timers.nextDeadlineNs < this.nextDeadlineNs || this.vcpus.eventWaits)
      this.processor.stop();
    else if (this.steps.isDone) {
      this.steps.hasStopped = true;
      this.processor.stop();
    } else if (this.thread && --this.answersLeft === 0) this.askForLook();
  }
  private answersLeft = LOOK_ANSWERS;

  /** In host time: what goes on inside `run()` takes longer than its instructions tell, so that the clock is to be looked at before the next one. */
  private readonly askForLook = (): void => {
    this.answersLeft = LOOK_ANSWERS;
    this.lookAsked = true;
    this.processor.stop();
  };
  private lookAsked = false;

  private get sleeps(): boolean {
    return this.vcpus.all.every(({ activity }) => activity !== ACTIVE);
  }

  /** While all vCPUs wait: time goes on to the next deadline, or as far as the others are. Virtual time is paused until the device model has answered. */
  idle(again?: SliceAgain): void {
    if (this.clock.virtual && this.remote?.waiting) return;
    const { clock, processor } = this;
    const before = clock.estimateNs(processor.retired);
    clock.idleTo(again ? Math.min(this.latestNs, again.end.ns, again.until.ns) : this.idleEndNs);
    this.idleNs += clock.estimateNs(processor.retired) - before;
  }

  /** Who wakes late finds that so much time has passed; virtual time has no reason to be late. */
  private get latestNs(): number {
    return this.clock.virtual ? this.timers.nextDeadlineNs : this.timers.latestNs;
  }

  private get idleEndNs(): number {
    const { company } = this.options;
    return company ? Math.min(this.latestNs, company.horizonNs()) : this.latestNs;
  }

  /** Ends the domain, or starts it again, with a report of where it was. */
  crash(sentence: string, then: 'restart' | 'end' = 'end'): void {
    if (then === 'end') return this.ask({ kind: 'crash', ...this.whereItWas(sentence) });
    this.restartReport = this.report(sentence);
    this.leaveSlice = true;
  }

  private whereItWas(sentence: string): Required<Pick<Ending, 'sentence' | 'report'>> {
    return {
      sentence: `${sentence} ${standsAt(this.processor.regs)}`,
      report: this.report(sentence),
    };
  }

  /** What a person needs to find out why the guest is where it is: registers, code, last exits. */
  report(sentence: string): string {
    const { options, vcpus } = this;
    return crashReport({
      sentence,
      vcpu: new MachineView(options.machine.memory).at(options.record.index)!.vcpus()[vcpus.current.id],
      retired: this.instructions,
      ...(options.disassemble ? { disassemble: options.disassemble } : {}),
    });
  }

  /** What a device or a fault asked for, once the instruction that caused it is complete. */
  private finish(): void {
    const asked = this.endingAsked,
      report = this.restartReport;
    this.restartReport = undefined;
    const kind = this.resetAsked;
    if (!asked && kind && isWayBack(this, kind)) {
      this.resetAsked = null;
      this.warmReset(kind);
      return;
    }
    if (!asked && (report !== undefined || this.options.onReset === 'restart')) {
      this.startAgain();
      this.options.onRestart?.(report);
      return;
    }
    this.endingAsked = null;
    this.ending = asked ?? { kind: 'reset', sentence: 'The guest asked for a reset.' };
    publishState(this.counters, this);
  }

  // What others see.

  private get runNs(): number {
    return this.thread ? this.thread.ranNs : this.virtualRunNs;
  }

  /** Brings the counters block up to date; exits by reason are there already. */
  private publish(nowNs: number, letter: 'r' | 'b'): void {
    const { counters, runNs, idleNs, thread } = this;
    publishCounters(counters, this, { nowNs, runNs, idleNs, thread }, letter);
  }

  /** Numbers for a report: exits by Intel's names. */
  stats(): DomainStats {
    const { counters, clock, runNs, idleNs } = this;
    return statsOf(counters, this, { nowNs: clock.nowNs(), runNs, idleNs });
  }

  /** The regions of compiled code that ran most. */
  hottest(): HotRegion[] {
    const { machine, disassemble } = this.options;
    return hottestRegions(this.processor.regions, machine.bytes, disassemble);
  }

  // Saved states (state.ts).

  /** Plain data beyond RAM and the processor's words. Call between slices. @throws SavedStateError where a device model elsewhere has not answered yet */
  saveParts(): State {
    if (this.remote?.settle() === false)
      throw new SavedStateError('The guest waits for its device model in Domain 0. Save it again.');
    return {
      vcpus: this.vcpus.save(),
      platform: this.platform.save(),
      nowNs: this.clock.nowNs(),
      retiredBefore: this.clock.retiredBefore,
      runNs: this.runNs,
      idleNs: this.idleNs,
      ...this.exits.save(),
    };
  }

  /** RAM and the processor's words are in place. @throws what devices throw for states that do not fit them. */
  restoreParts(parts: State): void {
    this.vcpus.restore(parts.vcpus as State);
    this.clock.retiredBefore = parts.retiredBefore as number;
    this.clock.set(parts.nowNs as number);
    this.platform.restore(parts.platform as State);
    if (this.thread) this.thread.ranNs = parts.runNs as number;
    else this.virtualRunNs = parts.runNs as number;
    this.idleNs = parts.idleNs as number;
    this.exits.restore(parts);
  }
}
