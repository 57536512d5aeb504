/**
 * The virtual processors of one domain. They take turns (turns.ts) on its one `Processor` (one TLB, one translator, so code that one of them writes is seen by
 * all): the state words of the current vCPU are where the processor runs, those of the others lie in their blocks of machine memory.
 * With one vCPU the block is where the processor runs, and nothing is ever copied.
 */
import {
  EVENT_EXTERNAL,
  EVENT_NMI,
  EVENT_VALID,
  P2M_AWAY,
  type Processor,
  type ProcessorExtra,
  registers as R,
} from '../../cpu/architecture/index.ts';
import { endsWait, isInMwait, MONITOR_NONE } from '../../cpu/index.ts';
import type { State } from '../../devices/index.ts';
import { DOMAIN, VCPU_RETIRED } from '../layout/layout.ts';
import type { DomainRecord, Machine } from '../memory/machine.ts';
import { get64, put64 } from '../memory/words.ts';
import type { Platform } from './platform.ts';
import { restoredSpin, type SpinWatch } from './spin.ts';
import { Turns } from './turns.ts';
import {
  ACTIVE,
  type Activity,
  BLOCKED,
  HALTED,
  PATIENCE,
  Vcpu,
  type VcpuState,
  WAIT_FOR_SIPI,
  WAITS_FOR_FRAME,
  WAITS_FOR_MODEL,
} from './vcpu.ts';

const INTERRUPT_FLAG = 0x200;
/** Interruptibility: blocking by STI, MOV SS, NMI (SDM vol. 3, 25.4.2). */
const BLOCKS_NMI = 1 | 2 | 8;
/** IA32_APIC_BASE: bootstrap processor. */
const APIC_BASE_BSP = 0x100;
export class Vcpus {
  readonly all: readonly Vcpu[];
  /** Whose turn it is. */
  readonly turns: Turns;
  /** The one whose state the processor holds. */
  current: Vcpu;
  /** Vector that a vCPU takes past its local APIC as soon as interrupts are on, until it is gone (Xen's callback by vector); -1: none. */
  directVector: (vcpu: number) => number = () => -1;
  /** Whether a device model in another domain has answered a vCPU that waits for it. */
  modelAnswered: (vcpu: number) => boolean = () => false;
  /** Whether a vCPU may run on the slot that the domain holds; said when it is about to (scheduler/slot.ts). */
  place: (vcpu: number) => boolean = () => true;
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
  /** Instructions that have been counted as some vCPU's. */
  private countedTo = 0;
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
    this.current = this.all[0];
    this.afterReset.set(processor.regs);
    this.turns = new Turns(this, processor, listen);
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
    this.turns.reset();
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
    if (activity === WAIT_FOR_SIPI) this.turns.forget(vcpu);
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
      case WAITS_FOR_FRAME:
        return !this.isAway(vcpu.awaits);
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
    this.turns.switched();
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
    if (current.activity === WAITS_FOR_FRAME) {
      if (this.isAway(current.awaits)) return;
      // Its instruction, or the delivery of its event, runs again.
      this.setActivity(current, ACTIVE);
    }
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

  /** Ends a HLT, whether interrupts are on or not; false: the vCPU is in none. */
  endHalt(id: number): boolean {
    const vcpu = this.all[id];
    if (vcpu.activity !== HALTED) return false;
    this.setActivity(vcpu, ACTIVE);
    return true;
  }

  /** The current vCPU waits for an event of the hypervisor (`unblock`); an interrupt ends that, too. */
  block(): void {
    this.setActivity(this.current, BLOCKED);
  }

  /** The current vCPU waits until a device model has answered. */
  waitForModel(): void {
    this.setActivity(this.current, WAITS_FOR_MODEL);
  }

  /** The current vCPU waits until a guest frame has come from another host. */
  waitForFrame(gfn: number): void {
    this.current.awaits = gfn;
    this.setActivity(this.current, WAITS_FOR_FRAME);
  }

  private isAway(gfn: number): boolean {
    return (Atomics.load(this.p2m, gfn) & P2M_AWAY) !== 0;
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

  /** A vCPU is paused until it is started again. */
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
    if (vcpu === this.current || vcpu.activity === WAITS_FOR_MODEL || vcpu.activity === WAITS_FOR_FRAME)
      vcpu.initPending = true;
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

  /** What is not in the blocks. The current vCPU's words are put into its block, too. */
  save(): State {
    const { processor, regs, current, all } = this;
    current.extra = processor.save();
    if (current.saved.byteOffset !== regs.byteOffset) current.saved.set(regs);
    return {
      current: current.id,
      ...this.turns.save(),
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
    this.turns.restore(state);
  }
}

/** No event waits for delivery, and no instruction for the rest of its answers. */
function nothingUnderWay({ injection, accesses }: ProcessorExtra): boolean {
  return injection[0] === 0 && accesses.length === 0;
}
