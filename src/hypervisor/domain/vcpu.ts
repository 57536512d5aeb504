/**
 * The virtual processors of one domain. They take turns on its one `Processor` (one TLB, one translator, so code that one of them writes is seen by
 * all): the state words of the current vCPU are where the processor runs, those of the others lie in their blocks of machine memory (layout.ts, VCPU).
 * With one vCPU the block is where the processor runs, and nothing is ever copied.
 */
import {
  EVENT_EXTERNAL,
  EVENT_NMI,
  EVENT_VALID,
  ExitReason,
  type Processor,
  type ProcessorExtra,
} from '../../cpu/architecture/index.ts';
import { endsWait, isInMwait, MONITOR_NONE } from '../../cpu/index.ts';
import { registers as R } from '../../cpu/architecture/index.ts';
import type { State } from '../../devices/index.ts';
import {
  DOMAIN,
  LAST_EXITS,
  LAST_EXITS_COUNT,
  LAST_EXITS_RING,
  LAST_EXIT_WORDS,
  VCPU_BYTES,
  VCPU_EXITS,
  VCPU_RETIRED,
} from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import { get64, put64 } from '../memory/words.ts';
import type { Platform } from './platform.ts';
import { LONGEST_LOOP, LONGEST_ROUND, type LoopState, restoredSpin, type Spin, SpinWatch } from './spin.ts';

/** What a vCPU does: Intel's activity states (SDM vol. 3, 25.4.2), and two of ours: it waits for an event of the hypervisor, or for a device model. */
export const ACTIVE = 0,
  HALTED = 1,
  WAIT_FOR_SIPI = 3,
  BLOCKED = 4,
  WAITS_FOR_MODEL = 5;
export type Activity = typeof ACTIVE | typeof HALTED | typeof WAIT_FOR_SIPI | typeof BLOCKED | typeof WAITS_FOR_MODEL;

const INTERRUPT_FLAG = 0x200;
/** Interruptibility: blocking by STI, MOV SS, NMI (SDM vol. 3, 25.4.2). */
const BLOCKS_NMI = 1 | 2 | 8;
/** IA32_APIC_BASE: bootstrap processor. */
const APIC_BASE_BSP = 0x100;
/**
 * Instructions of one turn while another vCPU could run, at most: long beside what a switch costs (the TLB fills again), short beside a timer tick.
 * A count, so that turns fall on the same instructions in every run of virtual time.
 */
export const TURN_INSTRUCTIONS = 50_000;
/** Of a turn that another gave up because it waits for this one: what it waits for (a lock, an answer to a message) is seldom long. */
const YIELDED_TURN_INSTRUCTIONS = 5_000;
/**
 * Instructions beyond its turn that a vCPU has to switch interrupts on: with interrupts off a system holds its locks, for which the others would wait in vain
 * (Uhlig and others, "Towards Scalable Multiprocessor Virtual Machines", 2004, 4.2).
 */
const HELD_INSTRUCTIONS = 2_000;
/** Turns until it is watched again whether a vCPU goes round for nothing, after it did not; twice as many each time, up to so many. Loops that are kept of each vCPU. */
const PATIENCE = 16,
  MOST_PATIENCE = 1_024,
  ROUNDS = 4;
/** What is left to a vCPU that has sent another a message, before that one has the processor: others are to be told, too, and then it begins to wait. */
const AFTER_MESSAGE_INSTRUCTIONS = 200;
/** What a vCPU gets of the turn of one that has sent it a message: an interrupt handler and its answer. */
const CALLED_INSTRUCTIONS = 1_000;
/** While one waits at an MWAIT the others stop so often for a look at its line, which costs some 4 per cent of what these run. */
const MONITOR_LOOK_INSTRUCTIONS = 10_000;

export class Vcpu {
  readonly id: number;
  /** Its block: state words (of a vCPU that is not current), then the ring of last exits. */
  readonly block: Int32Array;
  /** The state words of the block. */
  readonly saved: Int32Array;
  activity: Activity = ACTIVE;
  nmiPending = false;
  /** It waits no longer, though it has not gone on yet: an interrupt waits for it. */
  ready = false;
  /** INIT came while it ran: it takes effect before its next instruction. */
  initPending = false;
  /** Instructions that it has run inside turns of others since its last one. */
  ahead = 0;
  /** The loop in which it gave its turn up. */
  spin: Spin | undefined;
  /** Its registers at its last turn's end; loops in which it goes round for nothing; turns until that is watched again, and how many these were last. */
  rest: LoopState | undefined;
  rounds: Spin[] = [];
  patience = 0;
  patienceBefore = PATIENCE / 2;
  /** What the processor knows of it beyond the words, while another is current. */
  extra: ProcessorExtra = { version: 1, injection: [0, 0], accesses: [] };

  constructor(machine: Machine, record: DomainRecord, id: number) {
    this.id = id;
    const at = record.vcpuOffset + id * VCPU_BYTES;
    this.block = new Int32Array(machine.memory, at, VCPU_BYTES / 4);
    this.saved = new Int32Array(machine.memory, at, R.STATE_WORDS);
  }

  /** An exit of the reason with this counter (exits.ts). */
  countExit(counter: number): void {
    this.block[VCPU_EXITS + counter]++;
  }

  /** Adds an entry to the ring of last exits; `ip` and `detail` have signs where they have 64 bits. */
  recordExit(reason: number, qualification: number, ip: number, detail: number): void {
    const { block } = this;
    const at = LAST_EXITS_RING + ((block[LAST_EXITS] >>> 0) % LAST_EXITS_COUNT) * LAST_EXIT_WORDS;
    block[at] = reason;
    block[at + 1] = qualification;
    put64(block, at + 2, ip);
    put64(block, at + 4, detail);
    block[LAST_EXITS]++;
  }

  /** What the last of them was about is known only now. */
  detailExit(detail: number): void {
    const { block } = this;
    put64(block, LAST_EXITS_RING + (((block[LAST_EXITS] - 1) >>> 0) % LAST_EXITS_COUNT) * LAST_EXIT_WORDS + 4, detail);
  }
}

/** What a vCPU does, as Xen's runstates name it. */
export type VcpuState = 'running' | 'runnable' | 'blocked' | 'offline';

export class Vcpus {
  readonly all: readonly Vcpu[];
  /** The one whose state the processor holds. */
  current: Vcpu;
  /** Vector that a vCPU takes past its local APIC as soon as interrupts are on, until it is gone (Xen's callback by vector); -1: none. */
  directVector: (vcpu: number) => number = () => -1;
  /** Whether a device model in another domain has answered a vCPU that waits for it. */
  modelAnswered: (vcpu: number) => boolean = () => false;
  /** Whether a vCPU may run on the slot that the domain holds; said when it is about to (scheduler/slot.ts). */
  place: (vcpu: number) => boolean = () => true;
  /** Instructions of the next turn. */
  turnInstructions: () => number = () => TURN_INSTRUCTIONS;
  /** A vCPU's state has changed. */
  onState: ((vcpu: number, state: VcpuState) => void) | undefined;
  private readonly processor: Processor;
  private readonly platform: Platform;
  private readonly regs: Int32Array;
  /** State words after RESET, as the processor is made: where INIT puts a vCPU. */
  private readonly afterReset = new Int32Array(R.STATE_WORDS);
  private readonly words: Int32Array;
  private readonly p2m: Int32Array;
  /** Word of the domain table that tells others who is current. */
  private readonly currentWord: number;
  /** Whose turn it is. Inside it those run, too, that were sent messages. */
  private owner: Vcpu;
  /** When `processor.retired` gets here, the next one that can run has its turn. */
  private turnEnd = 0;
  /** When the current one went on inside the turn, and when it makes room for another one, at the latest at the turn's end. */
  private stretchStart = 0;
  private stretchEnd = 0;
  private called: Vcpu[] = [];
  /** Instructions that have been counted as some vCPU's. */
  private countedTo = 0;
  private yielded = false;
  private readonly spinWatch: SpinWatch;
  private readonly apicIdStep: number;
  /** Turns that began on another vCPU than the one before: each cost a TLB. */
  switches = 0;

  /** `apicIdStep`: from one vCPU's APIC identifier to the next one's; `listen`: the watch for vCPUs that spin is to hear of accesses, as a probe, or no longer. */
  constructor(
    machine: Machine,
    record: DomainRecord,
    processor: Processor,
    platform: Platform,
    apicIdStep = 1,
    listen: (watch: SpinWatch | undefined) => void = () => {},
  ) {
    this.apicIdStep = apicIdStep;
    this.processor = processor;
    this.platform = platform;
    this.regs = processor.regs;
    this.words = machine.words;
    this.p2m = machine.secondStage(record).words;
    this.currentWord = machine.domainEntry(record) + DOMAIN.CURRENT_VCPU;
    this.all = Array.from({ length: record.vcpus }, (_, id) => new Vcpu(machine, record, id));
    this.current = this.owner = this.all[0];
    this.afterReset.set(processor.regs);
    this.spinWatch = new SpinWatch(processor, on => listen(on ? this.spinWatch : undefined));
    // Who spins waits for another.
    processor.controls.pause = record.vcpus > 1;
  }

  /** The processors have no power (S3): nothing but a reset wakes one. */
  sleep(): void {
    for (const vcpu of this.all) {
      vcpu.nmiPending = vcpu.initPending = false;
      this.setActivity(vcpu, WAIT_FOR_SIPI);
    }
  }

  /** RESET: the processor is at its reset vector as vCPU 0, the others wait for a start-up message. */
  reset(): void {
    const { processor, all } = this;
    processor.reset();
    const fresh = processor.save();
    for (const vcpu of all) {
      vcpu.activity = vcpu.id === 0 ? ACTIVE : WAIT_FOR_SIPI;
      vcpu.nmiPending = vcpu.initPending = false;
      vcpu.ahead = 0;
      vcpu.spin = vcpu.rest = undefined;
      vcpu.rounds = [];
      vcpu.extra = fresh;
      if (vcpu.id > 0) this.putResetState(vcpu.saved, vcpu);
    }
    this.becomeCurrent(all[0]);
    this.owner = all[0];
    this.turnEnd = this.stretchEnd = 0;
    this.called = [];
    this.spinWatch.drop();
  }

  private putResetState(into: Int32Array, vcpu: Vcpu): void {
    into.set(this.afterReset);
    into[R.APIC_ID] = vcpu.id * this.apicIdStep;
    if (vcpu.id > 0) into[R.MSR_APIC_BASE] &= ~APIC_BASE_BSP;
    into[R.ACTIVITY] = vcpu.activity;
  }

  /** What the domain has retired since this was asked last is the current one's. */
  countInstructions(): void {
    const { processor, current } = this;
    // After a reset the processor counts from 0.
    const ran = processor.retired - Math.min(this.countedTo, processor.retired);
    this.countedTo = processor.retired;
    put64(current.block, VCPU_RETIRED, get64(current.block, VCPU_RETIRED) + ran);
  }

  private becomeCurrent(vcpu: Vcpu): void {
    this.countInstructions();
    const before = this.current;
    this.current = vcpu;
    this.onState?.(before.id, this.stateOf(before));
    this.onState?.(vcpu.id, this.stateOf(vcpu));
    this.platform.currentProcessor = vcpu.id;
    Atomics.store(this.words, this.currentWord, vcpu.id);
  }

  /** State words of a vCPU, wherever they are now. */
  registersOf(vcpu: Vcpu): Int32Array {
    return vcpu === this.current ? this.regs : vcpu.saved;
  }

  private setActivity(vcpu: Vcpu, activity: Activity): void {
    vcpu.activity = activity;
    vcpu.ready = false;
    if (activity === WAIT_FOR_SIPI) this.called = this.called.filter(other => other !== vcpu);
    this.onState?.(vcpu.id, this.stateOf(vcpu));
    const regs = this.registersOf(vcpu);
    regs[R.ACTIVITY] = activity;
    if (activity === ACTIVE) regs[R.MONITOR_STATE] = MONITOR_NONE;
  }

  private stateOf(vcpu: Vcpu): VcpuState {
    if (vcpu.activity === WAIT_FOR_SIPI) return 'offline';
    if (vcpu.activity !== ACTIVE && !vcpu.ready) return 'blocked';
    if (this.paused) return 'offline';
    return vcpu === this.current && this.holdsSlot ? 'running' : 'runnable';
  }

  private holdsSlot = true;
  private paused = false;

  /** The toolstack stopped the domain, or lets it go on: as in Xen, who is blocked stays so. */
  setPaused(paused: boolean): void {
    this.paused = paused;
    for (const vcpu of this.all) this.onState?.(vcpu.id, this.stateOf(vcpu));
  }

  /** The domain got a slot of the host, or lost it (scheduler/slot.ts). */
  setSlot(held: boolean): void {
    if (held === this.holdsSlot) return;
    this.holdsSlot = held;
    this.onState?.(this.current.id, this.stateOf(this.current));
  }

  private interruptsOn(vcpu: Vcpu): boolean {
    return ((vcpu === this.current ? this.processor.eflags : vcpu.saved[R.EFLAGS]) & INTERRUPT_FLAG) !== 0;
  }

  /** It waits at an MWAIT for no longer. */
  private mwaitEnds(vcpu: Vcpu): boolean {
    return endsWait(this.registersOf(vcpu), this.words, this.p2m, this.platform.intrOf(vcpu.id));
  }

  /** An interrupt that the vCPU would take now waits for it. */
  interruptWaits(vcpu: Vcpu): boolean {
    return (this.platform.intrOf(vcpu.id) || this.directVector(vcpu.id) >= 0) && this.interruptsOn(vcpu);
  }

  // ---- turns

  canRun(vcpu: Vcpu): boolean {
    if (vcpu.activity === ACTIVE) return true;
    const can = this.wakes(vcpu);
    if (can !== vcpu.ready) {
      vcpu.ready = can;
      this.onState?.(vcpu.id, this.stateOf(vcpu));
    }
    return can;
  }

  /** One that is not active need not wait any longer. */
  private wakes(vcpu: Vcpu): boolean {
    switch (vcpu.activity) {
      case HALTED:
      case BLOCKED:
        return vcpu.nmiPending || vcpu.initPending || this.interruptWaits(vcpu) || this.mwaitEnds(vcpu);
      case WAITS_FOR_MODEL:
        // Its instruction is half done: nothing else may happen to it before.
        return this.modelAnswered(vcpu.id);
      default:
        return vcpu.initPending;
    }
  }

  /** No vCPU can ever run again but by a reset: all are halted with interrupts off, or were never started. */
  get stuck(): boolean {
    return this.all.every(
      vcpu =>
        !vcpu.nmiPending &&
        !vcpu.initPending &&
        (vcpu.activity === WAIT_FOR_SIPI ||
          (vcpu.activity === HALTED && !this.interruptsOn(vcpu) && !isInMwait(this.registersOf(vcpu)))),
    );
  }

  /** Gives the processor to the next vCPU that can run, if the current one cannot or had its share; false: none can. */
  schedule(): boolean {
    const { all, current, processor } = this;
    const mine = this.canRun(current);
    if (this.helps && current.activity === ACTIVE) this.lookForSpin(current);
    if (all.length === 1 || (mine && (processor.retired < this.stretchEnd || this.isHeld))) return mine;
    const { used } = this;
    // Who stops by itself has no use for more: its next turn is whole.
    const ahead = mine ? current.ahead + used : 0;
    if (processor.retired < this.turnEnd + used) {
      const next = this.nextInTurn();
      if (next) {
        current.ahead = ahead;
        this.turnEnd += used;
        this.makeCurrent(next.id);
        this.stretchStart = processor.retired;
        this.stretchEnd = next === this.owner ? this.turnEnd : processor.retired + CALLED_INSTRUCTIONS;
        return true;
      }
    }
    // Nobody waits: whoever can run next interrupts it at once. Nothing else may change here, since this depends on where slices are cut.
    if (!this.isContended) {
      this.yielded = false;
      return mine;
    }
    if (mine && this.helps && this.mayGoRound(current)) return true;
    current.ahead = ahead;
    this.called = [];
    let next = this.owner;
    do next = all[(next.id + 1) % all.length];
    while (!this.canRun(next));
    this.makeCurrent(next.id);
    const turn = this.turnInstructions();
    this.beginTurn(
      Math.max(CALLED_INSTRUCTIONS, (this.yielded ? Math.min(turn, YIELDED_TURN_INSTRUCTIONS) : turn) - next.ahead),
    );
    next.ahead = 0;
    this.yielded = false;
    return true;
  }

  /** Who spins gives way, with PAUSE and without. Who has switched PAUSE exiting off wants to see how it is on a host without such help. */
  private get helps(): boolean {
    return this.processor.controls.pause;
  }

  /** The current one does nothing that leads anywhere: it gives way. */
  private lookForSpin(current: Vcpu): void {
    const spin = (current.spin = this.spinWatch.look());
    if (!spin) return;
    const isRound = spin.length > LONGEST_LOOP;
    if (isRound && !current.rounds.includes(spin)) {
      current.rounds = [spin, ...current.rounds].slice(0, ROUNDS);
      current.patienceBefore = PATIENCE / 2;
    }
    // Who goes round looks for something new, which may take long; who spins waits for what is under way.
    this.yieldTurn(!isRound);
  }

  /**
   * The current one's turn is over, and ends with the registers of the one before: perhaps it goes round for nothing. True: it goes on, since that is to be watched.
   * If it is known to, it looks once in its next turn, and gives way.
   */
  private mayGoRound(current: Vcpu): boolean {
    const { spinWatch, processor } = this;
    if (current !== this.owner || current.activity !== ACTIVE || processor.retired - this.turnEnd >= HELD_INSTRUCTIONS)
      return false;
    current.spin = current.rounds.find(({ state }) => spinWatch.isAt(state));
    if (current.spin) return false;
    const again = current.rest !== undefined && spinWatch.isAt(current.rest);
    current.rest = spinWatch.now();
    if (!again || --current.patience > 0) return false;
    current.patience = current.patienceBefore = Math.min(2 * current.patienceBefore, MOST_PATIENCE);
    spinWatch.watchFromHere(LONGEST_ROUND);
    this.turnEnd = this.stretchEnd = processor.retired + 2 * LONGEST_ROUND;
    return true;
  }

  /** Its share is over, but interrupts are off: it goes on until they are on, if that is soon. */
  private get isHeld(): boolean {
    const { processor, current, stretchEnd } = this;
    return (
      current.activity === ACTIVE && !processor.interruptible && processor.retired < stretchEnd + HELD_INSTRUCTIONS
    );
  }
  /** It was told to end `run()` where interrupts are on, though none waits. */
  private endsHold = false;

  /** Who goes on inside the turn: one that was sent a message, or its owner. */
  private nextInTurn(): Vcpu | undefined {
    for (let next = this.called.shift(); next; next = this.called.shift()) if (this.canRun(next)) return next;
    return this.canRun(this.owner) ? this.owner : undefined;
  }

  /** What the current one has run of another's turn since it went on. */
  private get used(): number {
    return this.current === this.owner ? 0 : Math.min(this.processor.retired - this.stretchStart, CALLED_INSTRUCTIONS);
  }

  private beginTurn(instructions: number): void {
    this.owner = this.current;
    this.turnEnd = this.stretchEnd = this.processor.retired + instructions;
    this.spinWatch.begin(this.current.spin);
  }

  /** Another vCPU than the current one could use the processor. */
  private get isContended(): boolean {
    return this.all.some(vcpu => vcpu !== this.current && this.canRun(vcpu));
  }

  /** Instructions until another vCPU is to go on; Infinity while nobody else could use the processor. */
  turnLeft(): number {
    if (this.all.length === 1) return Infinity;
    const watched = this.lookAtMonitors();
    const contended = this.isContended;
    if (!contended) this.spinWatch.stopWatching();
    const { controls, retired } = this.processor,
      held = contended && retired >= this.stretchEnd && this.isHeld;
    this.endsHold = held && !controls.interruptWindow;
    controls.interruptWindow ||= held;
    const left = contended
      ? Math.min(
          this.helps ? this.spinWatch.left : Infinity,
          Math.max(1, this.stretchEnd + (held ? HELD_INSTRUCTIONS : 0) - retired),
        )
      : Infinity;
    return watched ? Math.min(left, MONITOR_LOOK_INSTRUCTIONS) : left;
  }

  /** `run()` has ended, as it says, for a look at what the vCPU does, and for nothing that the guest did. */
  isLook(reason: number): boolean {
    return reason === ExitReason.PREEMPTION_TIMER
      ? this.helps && this.spinWatch.isDue
      : reason === ExitReason.INTERRUPT_WINDOW && this.endsHold;
  }

  /** The current one has done more than to compute and to access memory. */
  exited(): void {
    this.spinWatch.interrupt();
  }

  /** A store to a line that another vCPU watches (MWAIT) is a message to it, which nothing tells of but a look. Whether one watches still. */
  private lookAtMonitors(): boolean {
    let watched = false;
    for (const vcpu of this.all) {
      if (vcpu === this.current || vcpu.activity !== HALTED || !isInMwait(this.registersOf(vcpu))) continue;
      if (this.canRun(vcpu)) this.call(vcpu.id);
      else watched = true;
    }
    return watched;
  }

  /**
   * The current one waits for another (PAUSE, a yield): for those that it has sent messages, or else its turn is over. `isBrief`: it wants its next turn soon.
   */
  yieldTurn(isBrief = true): void {
    // Nothing holds it, interrupts on or off.
    this.stretchEnd = this.processor.retired - HELD_INSTRUCTIONS;
    if (this.called.length > 0 || this.current !== this.owner) return;
    this.turnEnd = this.stretchEnd;
    this.yielded = isBrief;
  }

  /**
   * The current vCPU has sent another one a message (an interrupt, an event): that one goes on soon, inside the turn, whether it was halted or computes,
   * and however the sender waits for its answer. What it runs then is taken from its own next turn, and once that is used up it waits for its turn.
   */
  call(id: number): void {
    const { current, processor, called } = this;
    const vcpu = this.all[id];
    if (vcpu === current || called.includes(vcpu) || vcpu.ahead >= TURN_INSTRUCTIONS || !this.canRun(vcpu)) return;
    if (processor.retired >= this.turnEnd + this.used) this.beginTurn(this.turnInstructions());
    called.push(vcpu);
    this.stretchEnd = Math.min(this.stretchEnd, processor.retired + AFTER_MESSAGE_INSTRUCTIONS);
  }

  /** Gives the turn to a vCPU, whatever it waits for. */
  makeCurrent(id: number): void {
    if (this.current.id !== id) this.switchTo(this.all[id]);
  }

  /** Puts the current vCPU's state away and takes another's in. */
  private switchTo(next: Vcpu): void {
    const { processor, regs, current } = this;
    current.extra = processor.save();
    current.saved.set(regs);
    current.saved[R.ACTIVITY] = current.activity;
    // The count of instructions is the domain's.
    const low = regs[R.RETIRED_LOW],
      high = regs[R.RETIRED_HIGH];
    regs.set(next.saved);
    regs[R.RETIRED_LOW] = low;
    regs[R.RETIRED_HIGH] = high;
    this.becomeCurrent(next);
    // No translation of the other one's is left after it.
    processor.restore(next.extra);
    this.spinWatch.begin(next.spin);
    this.switches++;
  }

  // ---- events

  /** An interrupt that `run()` would not leave for by itself: it began before. */
  get eventWaits(): boolean {
    const { current, processor, platform } = this;
    if (platform.intrOf(current.id) && !processor.controls.interruptWindow) return true;
    return this.all.length > 1 && this.all.some(vcpu => vcpu.activity === HALTED && this.canRun(vcpu));
  }

  /** Calls a paravirtual guest's event callback where one is due. */
  deliverUpcall: (() => void) | undefined;
  /** Calls its NMI handler: its processor has no IDT to find that in. */
  deliverNmi: (() => void) | undefined;

  /** Brings what waits for the current vCPU to the processor. Call before `run()`; afterwards its activity says whether it may run. */
  deliverEvents(): void {
    const { processor, platform, regs, current } = this;
    // Half way through an instruction, also once its answer is there: a device model in another thread may have answered a moment ago.
    if (current.activity === WAITS_FOR_MODEL) return;
    if (current.initPending) this.applyInit(current);
    if (current.activity === WAIT_FOR_SIPI) return;
    if (current.activity === HALTED && this.mwaitEnds(current)) this.setActivity(current, ACTIVE);
    const { controls } = processor;
    controls.nmiWindow = false;
    if (current.nmiPending) {
      if ((regs[R.INTERRUPTIBILITY] & BLOCKS_NMI) === 0 && nothingUnderWay(processor.save())) {
        current.nmiPending = false;
        this.setActivity(current, ACTIVE);
        if (this.deliverNmi) this.deliverNmi();
        else processor.inject(EVENT_VALID | EVENT_NMI | 2);
        return;
      }
      controls.nmiWindow = true;
    }
    const vector = this.directVector(current.id);
    if (vector >= 0) {
      if (processor.interruptible) {
        this.setActivity(current, ACTIVE);
        processor.inject(EVENT_VALID | EVENT_EXTERNAL | vector);
      }
      controls.interruptWindow = true;
    } else if (platform.intrOf(current.id)) {
      if (processor.interruptible) {
        this.setActivity(current, ACTIVE);
        processor.inject(EVENT_VALID | EVENT_EXTERNAL | platform.acknowledge(current.id));
      }
      controls.interruptWindow = platform.intrOf(current.id);
    } else controls.interruptWindow = false;
    if (current.activity === ACTIVE) this.deliverUpcall?.();
  }

  /** The current vCPU waits for an interrupt. */
  halt(): void {
    this.setActivity(this.current, HALTED);
  }

  /** The current vCPU waits for an event of the hypervisor (`unblock`); an interrupt ends that, too. */
  block(): void {
    this.setActivity(this.current, BLOCKED);
  }

  /** The current vCPU waits until a device model has answered. */
  waitForModel(): void {
    this.setActivity(this.current, WAITS_FOR_MODEL);
  }

  /** It has, and the current vCPU goes on. */
  modelDone(): void {
    this.setActivity(this.current, ACTIVE);
  }

  /** Nothing happens to a vCPU that is not blocked. */
  unblock(id: number): void {
    const vcpu = this.all[id];
    if (vcpu.activity === BLOCKED) this.setActivity(vcpu, ACTIVE);
  }

  /** Neither never started nor taken down. */
  isUp(id: number): boolean {
    return this.all[id].activity !== WAIT_FOR_SIPI;
  }

  get anyUp(): boolean {
    return this.all.some(vcpu => vcpu.activity !== WAIT_FOR_SIPI);
  }

  /** A vCPU goes on from where its registers are. */
  bringUp(id: number): void {
    this.setActivity(this.all[id], ACTIVE);
  }

  /** A vCPU stands still until it is started again. */
  takeDown(id: number): void {
    this.setActivity(this.all[id], WAIT_FOR_SIPI);
  }

  /** State words of a vCPU that is down, as after RESET: to be filled before it is brought up. */
  freshRegisters(id: number): Int32Array {
    const vcpu = this.all[id];
    this.putResetState(vcpu.saved, vcpu);
    vcpu.extra = { version: 1, injection: [0, 0], accesses: [] };
    return vcpu.saved;
  }

  nmi(id: number): void {
    this.all[id].nmiPending = true;
  }

  /** INIT (SDM vol. 3, 9.4): the state of RESET; the bootstrap processor starts at the reset vector, the others wait. */
  init(id: number): void {
    const vcpu = this.all[id];
    // The current one is in the middle of an instruction, and so is one that waits for a device.
    if (vcpu === this.current || vcpu.activity === WAITS_FOR_MODEL) vcpu.initPending = true;
    else this.applyInit(vcpu);
  }

  private applyInit(vcpu: Vcpu): void {
    const { processor, regs } = this;
    vcpu.initPending = vcpu.nmiPending = false;
    vcpu.activity = vcpu.id === 0 ? ACTIVE : WAIT_FOR_SIPI;
    if (vcpu !== this.current) {
      this.putResetState(vcpu.saved, vcpu);
      vcpu.extra = { version: 1, injection: [0, 0], accesses: [] };
    } else {
      const low = regs[R.RETIRED_LOW],
        high = regs[R.RETIRED_HIGH];
      this.putResetState(regs, vcpu);
      regs[R.RETIRED_LOW] = low;
      regs[R.RETIRED_HIGH] = high;
      processor.restore({ version: 1, injection: [0, 0], accesses: [] });
    }
    this.setActivity(vcpu, vcpu.activity);
  }

  /** Start-up message: real mode at `vector` << 12 (SDM vol. 3, 9.4.3); only a vCPU that waits for one takes it. */
  startup(id: number, vector: number): void {
    const vcpu = this.all[id];
    if (vcpu.initPending || vcpu.activity !== WAIT_FOR_SIPI) return;
    const { saved } = vcpu;
    const cs = R.SEG + R.CS * R.SEG_WORDS;
    saved[cs + R.SEG_SELECTOR] = vector << 8;
    saved[cs + R.SEG_BASE] = vector << 12;
    saved[R.EIP] = 0;
    this.setActivity(vcpu, ACTIVE);
  }

  // ---- saved states

  /** Instructions to an end of a turn; how far it has passed matters as far as a vCPU may be held. */
  private left(end: number): number {
    return Math.max(-HELD_INSTRUCTIONS, end - this.processor.retired);
  }

  /** What is not in the blocks. The current vCPU's words are put into its block, too. */
  save(): State {
    const { processor, regs, current, all } = this;
    current.extra = processor.save();
    if (current.saved.byteOffset !== regs.byteOffset) current.saved.set(regs);
    return {
      current: current.id,
      owner: this.owner.id,
      turnLeft: this.left(this.turnEnd),
      stretchRun: processor.retired - this.stretchStart,
      stretchLeft: this.left(this.stretchEnd),
      called: this.called.map(({ id }) => id),
      ahead: all.map(({ ahead }) => ahead),
      yielded: this.yielded,
      spinWatch: this.spinWatch.save(),
      all: all.map(({ activity, nmiPending, initPending, spin, rest, rounds, patience, patienceBefore, extra }) => ({
        activity,
        nmiPending,
        initPending,
        spin,
        rest,
        rounds,
        patience,
        patienceBefore,
        extra,
      })),
    };
  }

  /** The blocks are in place. */
  restore(state: State): void {
    const { processor, regs, all } = this;
    const saved = state.all as (Pick<Vcpu, 'activity' | 'nmiPending' | 'initPending' | 'spin' | 'extra'> &
      Partial<Pick<Vcpu, 'rest' | 'rounds' | 'patience' | 'patienceBefore'>>)[];
    this.afterReset.set(regs);
    all.forEach((vcpu, i) => {
      const { spin, rounds = [], rest, patience = 0, patienceBefore = PATIENCE / 2, ...others } = saved[i];
      Object.assign(vcpu, others, { rounds, rest, patience, patienceBefore, spin: restoredSpin(spin) });
    });
    this.becomeCurrent(all[state.current as number]);
    const { current } = this;
    if (current.saved.byteOffset !== regs.byteOffset) regs.set(current.saved);
    processor.reload();
    processor.restore(current.extra);
    processor.flushTlb();
    this.turnEnd = processor.retired + (state.turnLeft as number);
    this.restoreStretch(state);
    this.yielded = state.yielded as boolean;
    this.spinWatch.restore(state.spinWatch as State | undefined);
  }

  /** States of earlier versions have none of this: the current one is in a turn of its own. */
  private restoreStretch({
    current,
    turnLeft,
    owner = current,
    stretchRun = 0,
    stretchLeft = turnLeft,
    called = [],
    ahead = [],
  }: State): void {
    const { all, processor } = this;
    this.owner = all[owner as number];
    this.stretchStart = processor.retired - (stretchRun as number);
    this.stretchEnd = processor.retired + (stretchLeft as number);
    this.called = (called as number[]).map(id => all[id]);
    for (const vcpu of all) vcpu.ahead = (ahead as number[])[vcpu.id] ?? 0;
  }
}

/** No event waits for delivery, and no instruction for the rest of its answers. */
function nothingUnderWay({ injection, accesses }: ProcessorExtra): boolean {
  return injection[0] === 0 && accesses.length === 0;
}
