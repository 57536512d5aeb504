/**
 * The loop round the interpreter: runs instructions in batches or one by one, delivers faults and injected events, ends in VM exits; and what instructions ask
 * of it (to end, to go on elsewhere, to exit). What it counts: instructions retired, and the budget of the batch under way.
 */
import type { Cpu } from './cpu.ts';
import type { Debug } from './debug.ts';
import {
  type Controls,
  EVENT_OTHER,
  EVENT_TYPE_MASK,
  EVENT_VALID,
  type ExitInfo,
  ExitReason,
} from './architecture/edge.ts';
import { FAULT, LEAVE, PF_ } from './faults.ts';
import { IF, RF, TF } from './architecture/flags.ts';
import { deliverEvent, deliverFault, deliverPlainFault } from './interrupts.ts';
import type { Mmio } from './mmio.ts';
import { META, META_LENGTH } from './record.ts';
import {
  ACTIVITY,
  EFLAGS,
  EIP,
  HIGH,
  INTERRUPTIBILITY,
  PENDING_DEBUG,
  PORT_ANSWERED,
  PORT_STATE,
  RETIRED_HIGH,
  RETIRED_LOW,
} from './architecture/registers.ts';
import type { RegionTier } from './region/tier.ts';
import { EXIT, GO, JUMP, S_BUDGET, S_PATCH, S_SHADOW, S_SHADOW_KIND, S_STOP, STALE, THROWN } from './scratch.ts';
import { warmUpBetween } from './warm.ts';
import { plans } from 'virtual:plans';

/** Instructions before the loop looks at the doorbell again: some 50 µs, so that an event reaches a guest that computes within 100. */
const DOORBELL_INSTRUCTIONS = 5_000;
/** Elements of string instructions, done in bulk, in about a tenth of a millisecond. */
const WORK_ELEMENTS = 2 ** 18;
/** 16-bit instructions after which their switch is worth warming up. */
const NARROW_WARM = 10_000;

/** The two switches (gen/generate.ts): they run from a record on until the budget is used up or S_STOP says otherwise. */
export interface Interpreter {
  run(record: number): void;
  runNarrow(record: number): void;
}

export class Loop {
  private readonly cpu: Cpu;
  private readonly R: Int32Array;
  private readonly S: Int32Array;
  private readonly exit: ExitInfo;
  private readonly controls: Controls;
  private readonly debug: Debug;
  private readonly mmio: Mmio;
  private readonly interpreter: Interpreter;
  private readonly doorbell: number;

  /** Waiting injection (interruption-information word), its error code and, of software events, the length of their instruction. */
  injection = 0;
  injectionError = 0;
  injectionLength = 0;
  /** Instructions taken from the budget to end the loop early. */
  private withheld = 0;
  /** The event being delivered, for the IDT-vectoring field and double faults. */
  delivering = 0;
  deliveringError = 0;
  /** Length of the instruction that was about to be left behind when a VM exit cut its event or task switch short. */
  cutLength = 0;

  constructor(cpu: Cpu, interpreter: Interpreter, doorbell: number) {
    this.cpu = cpu;
    this.R = cpu.R;
    this.S = cpu.S;
    this.exit = cpu.exit;
    this.controls = cpu.controls;
    this.debug = cpu.debug;
    this.mmio = cpu.mmio;
    this.interpreter = interpreter;
    this.doorbell = doorbell;
  }

  /** An instruction waits that the machine has answered in part: the answers are its own, so that nothing may come between. */
  private get halfDone(): boolean {
    return this.mmio.pending || this.R[PORT_STATE] === PORT_ANSWERED;
  }

  /** An external interrupt would be taken now. Traps of the instruction before it come first (SDM vol. 3, table 6-2). */
  get interruptible(): boolean {
    const { R } = this;
    return (
      (R[EFLAGS]! & IF) !== 0 &&
      (R[INTERRUPTIBILITY]! & 3) === 0 &&
      R[PENDING_DEBUG] === 0 &&
      this.injection === 0 &&
      !this.halfDone
    );
  }

  /** Asked from inside `run()` too: without the instruction under way. */
  get retired(): number {
    return this.retiredBefore + Math.max(0, this.batch - this.S[S_BUDGET]! - this.withheld - 1);
  }
  /** A double from the first instruction on: of what was a small integer up to then V8 throws all code away where it counts past 2^31. */
  private get retiredBefore(): number {
    const low = this.R[RETIRED_LOW]!;
    return this.R[RETIRED_HIGH]! * 2 ** 32 + (low & 0x7fffffff) + (low < 0 ? 2 ** 31 : 0);
  }

  /** Retired so far, the instructions of the running batch included. */
  get retiredNow(): number {
    return this.retiredBefore + this.batch - this.S[S_BUDGET]! - this.withheld;
  }
  private batch = 0;

  /** What somebody does in the place of the instruction that exited, while that counts as under way: its time is that of the instruction. */
  within<Outcome>(instead: () => Outcome): Outcome {
    this.batch = 1;
    try {
      return instead();
    } finally {
      this.batch = 0;
    }
  }

  /** Ends the interpreter's loop after the instruction under way, so that pending events are looked at. */
  endBatch(): void {
    this.withheld += this.S[S_BUDGET]!;
    this.S[S_BUDGET] = 0;
  }

  stop(): void {
    this.stopping = true;
    this.endBatch();
  }
  /** `run()` is to end before the next instruction. */
  stopping = false;

  /** Interrupts stay blocked for the next instruction (SDM vol. 3, 6.8.3): 1 after STI, 2 after MOV SS. */
  shadow(kind: 1 | 2): void {
    this.S[S_SHADOW] = this.S[S_BUDGET]!;
    this.S[S_SHADOW_KIND] = kind;
    if (this.controls.interruptWindow || (this.R[EFLAGS]! & TF) !== 0) this.endBatch();
    if (this.S[S_BUDGET] === 0) this.S[S_SHADOW] = 0;
  }

  /** Asks for a VM exit at this instruction; the op must have changed nothing and must return at once. */
  vmExit(reason: number, qualification: number, p: number): void {
    this.describeExit(reason, qualification, p);
    this.S[S_STOP] = EXIT;
    this.cpu.pauses.entered();
    // It did not retire.
    this.withheld++;
  }

  /** Of the instruction under way, also where the machine answers it without the way out. */
  describeExit(reason: number, qualification: number, p: number): void {
    const { exit } = this;
    exit.reason = reason;
    exit.qualification = qualification;
    exit.instructionLength = (this.cpu.A[p + META]! >>> META_LENGTH) & 15;
  }

  /** EIP was set: the next record is looked up. */
  jumped(): void {
    this.S[S_STOP] = JUMP;
  }

  /** The mode or the mapping of code may have changed under the instruction: its successor is looked up again. */
  codeGoesOn(): void {
    if (this.S[S_STOP] === GO) this.S[S_STOP] = STALE;
  }

  inject(information: number, errorCode = 0, instructionLength = this.exit.instructionLength): void {
    this.injection = information;
    this.injectionError = errorCode;
    this.injectionLength = instructionLength;
  }

  skipInstruction(): void {
    const { R } = this;
    this.debug.tell(this.linear);
    const eip = R[EIP]!;
    R[EIP] = eip + this.exit.instructionLength;
    if (this.cpu.mode.long && R[EIP]! >>> 0 < eip >>> 0) R[EIP + HIGH]!++;
    R[INTERRUPTIBILITY]! &= ~3;
    R[EFLAGS]! &= ~RF;
    this.count(1);
    if ((R[EFLAGS]! & TF) !== 0) R[PENDING_DEBUG]! |= 1 << 14;
  }

  /** This many have retired. */
  count(n: number): void {
    const { R } = this;
    const low = R[RETIRED_LOW]!,
      after = (low + n) | 0;
    R[RETIRED_LOW] = after;
    // The sign bit falls when it goes round.
    R[RETIRED_HIGH]! += (low & ~after) >>> 31;
  }

  run(limit: number): number {
    const { R, S, exit } = this;
    const bell = this.doorbell >= 0 ? this.cpu.M4[this.doorbell]! : 0;
    let left = limit;
    this.stopping = false;
    R[ACTIVITY] = 0;
    for (;;) {
      try {
        S[S_STOP] = GO;
        S[S_PATCH] = 0;
        if ((this.injection & EVENT_VALID) !== 0) {
          const information = this.injection;
          this.injection = 0;
          if ((information & EVENT_TYPE_MASK) === EVENT_OTHER) return this.leave(ExitReason.MONITOR_TRAP_FLAG);
          this.mmio.rewind();
          this.debug.seen.drop();
          deliverEvent(this.cpu, information, this.injectionError, this.injectionLength);
          this.delivering = 0;
          this.mmio.forget();
          this.debug.tell();
          // SDM vol. 3, 26.5.2: pending before the first instruction after an injection.
          if (this.controls.monitorTrap) return this.leave(ExitReason.MONITOR_TRAP_FLAG);
        }
        if (R[PENDING_DEBUG] !== 0) this.debug.trap();
        if (this.controls.interruptWindow && this.interruptible) return this.leave(ExitReason.INTERRUPT_WINDOW);
        if (this.controls.nmiWindow && (R[INTERRUPTIBILITY]! & 11) === 0 && !this.halfDone)
          return this.leave(ExitReason.NMI_WINDOW);
        if (left <= 0 || this.stopping) return this.leave(ExitReason.PREEMPTION_TIMER);
        if (this.doorbell >= 0 && Atomics.load(this.cpu.M4, this.doorbell) !== bell)
          return this.leave(ExitReason.EXTERNAL_INTERRUPT);
        const single =
          (R[EFLAGS]! & (TF | RF)) !== 0 ||
          (R[INTERRUPTIBILITY]! & 3) !== 0 ||
          this.mmio.pending ||
          this.controls.monitorTrap ||
          this.debug.active;
        if (single && this.stopsHere()) return this.leave(ExitReason.PREEMPTION_TIMER);
        if (single) left -= this.step();
        else left -= this.batchOf(Math.min(left, this.regions?.batch ?? DOORBELL_INSTRUCTIONS));
        left -= this.faults;
        this.faults = 0;
        // Thrown and caught next to the instruction: it is not thrown again, which would cost a microsecond.
        if (S[S_STOP] === THROWN) {
          S[S_STOP] = GO;
          left -= this.thrownOut();
          if (this.interrupted(this.cpu.faults.thrown)) return exit.reason;
          continue;
        }
        if (S[S_STOP] === EXIT) {
          S[S_STOP] = GO;
          exit.idtVectoring = 0;
          return exit.reason;
        }
        if (this.controls.monitorTrap) return this.leave(ExitReason.MONITOR_TRAP_FLAG);
      } catch (thrown) {
        left -= this.thrownOut();
        if (this.interrupted(thrown)) return exit.reason;
      }
    }
  }

  /**
   * What the instruction under way threw was delivered and the batch goes on at the handler. False: nothing was changed, and the batch is to end. Called by the
   * interpreter.
   */
  handled(): boolean {
    const { R, cpu } = this;
    if (
      cpu.faults.thrown !== FAULT ||
      (R[EFLAGS]! & (TF | RF)) !== 0 ||
      (R[INTERRUPTIBILITY]! & 3) !== 0 ||
      this.mmio.pending ||
      this.controls.monitorTrap
    )
      return false;
    if (!deliverPlainFault(cpu)) return false;
    this.mmio.committed();
    // As in `thrownOut`: it did not retire, and takes from the limit.
    this.withheld++;
    // The delivery ended the shadow that the instruction was in.
    this.S[S_SHADOW] = -1;
    this.faults++;
    return true;
  }
  /** Faults that the batch delivered itself. */
  private faults = 0;

  /** After something was thrown: what the batch takes from the limit. */
  private thrownOut(): number {
    // What threw did not retire.
    this.withheld++;
    // Faults count too, so that a handler that faults at once cannot keep `run()` for ever; each, so that the deadline does not depend on where batches end.
    const faults = this.faults + 1;
    this.faults = 0;
    // It took its one from the budget before it threw.
    return Math.max(0, this.settle(1)) + faults;
  }

  /** Delivers what was thrown, if it is a fault. True: `run()` ends, `exit` says why. */
  private interrupted(thrown: unknown): boolean {
    if (thrown === FAULT) {
      if (this.fail()) return true;
      if (this.controls.monitorTrap) this.leave(ExitReason.MONITOR_TRAP_FLAG);
      return this.controls.monitorTrap;
    }
    if (thrown !== LEAVE) throw thrown;
    this.cutShort();
    return true;
  }

  /** Delivers the fault that was thrown. True: that ended in an exit. */
  private fail(): boolean {
    // What the machine answered belonged to the instruction that faulted, or to the delivery that faults now. With shadow tables it may run again.
    if (this.cpu.memory.shadow === null || this.cpu.faults.vector !== PF_) this.mmio.forget();
    else this.mmio.keep();
    this.debug.seen.drop();
    try {
      const left = deliverFault(this.cpu);
      this.debug.tell();
      return left;
    } catch (thrown) {
      if (thrown !== LEAVE) throw thrown;
      this.cutShort();
      return true;
    }
  }

  /** An access of the instruction, or of the delivery of an event, left for the machine; or a task switch did. */
  private cutShort(): void {
    const { exit, delivering, cutLength } = this;
    exit.instructionLength = cutLength;
    exit.interruption = 0;
    exit.idtVectoring = delivering;
    this.cutLength = this.delivering = 0;
    // The event was not delivered: it is tried again when the access is answered. A task switch is the hypervisor's now, event and all.
    if (delivering !== 0 && exit.reason !== ExitReason.TASK_SWITCH)
      this.inject(delivering, this.deliveringError, cutLength);
  }

  private leave(reason: number): number {
    this.exit.reason = reason;
    // SDM vol. 3, 28.2.1: cleared for reasons of which it says nothing.
    this.exit.qualification = this.exit.instructionLength = 0;
    this.exit.interruption = this.exit.idtVectoring = 0;
    return reason;
  }

  /** The second tier, where it has something to do: nothing compiles 64-bit code. */
  private get regions(): RegionTier | null {
    return this.cpu.mode.long ? null : this.cpu.regions;
  }

  /** Runs up to `n` instructions; how many retired. */
  private batchOf(n: number): number {
    const { S } = this;
    if (this.narrowRetired > NARROW_WARM) {
      this.narrowRetired = -Infinity;
      warmUpBetween(this.cpu, this.interpreter.runNarrow, plans.narrow);
    }
    if (this.longRetired > NARROW_WARM) {
      this.longRetired = -Infinity;
      this.cpu.longMode!.warmUp();
    }
    this.batch = n;
    this.withheld = 0;
    S[S_BUDGET] = n;
    S[S_SHADOW] = -1;
    const p = this.cpu.translator.enter(0);
    if (p !== 0) {
      // Where instructions are watched, this one is the first.
      if (this.regions?.sample(p, n) === true) this.batch = S[S_BUDGET] = 1;
      if (this.cpu.mode.long) this.cpu.longMode!.runLong(p);
      else if (this.cpu.mode.code32) this.interpreter.run(p);
      else this.interpreter.runNarrow(p);
    }
    if (S[S_STOP] === THROWN) return 0;
    const done = this.settle();
    if (this.cpu.mode.long) this.longRetired += done;
    else if (!this.cpu.mode.code32) this.narrowRetired += done;
    return done;
  }
  /** Instructions of 16-bit code, until its switch is warmed up. */
  private narrowRetired = 0;
  private longRetired = 0;

  /**
   * Books what a batch did, whether it ended or was thrown out of; returns the number of instructions retired. `undone`: how many took from the budget and
   * left before they did anything; a shadow that began right before these still lasts (SDM vol. 3, 28.3.2).
   */
  private settle(undone = 0): number {
    const { R, S } = this;
    const budget = Math.max(0, S[S_BUDGET]!);
    const done = this.batch - budget - this.withheld;
    if (S[S_SHADOW]! >= 0 && S[S_SHADOW] === budget + undone && S[S_SHADOW_KIND] !== 0)
      R[INTERRUPTIBILITY] = (R[INTERRUPTIBILITY]! & ~3) | S[S_SHADOW_KIND]!;
    S[S_SHADOW] = -1;
    S[S_SHADOW_KIND] = 0;
    this.batch = this.withheld = 0;
    S[S_BUDGET] = 0;
    if (done > 0) this.count(done);
    return done;
  }

  /** Where the next instruction lies, as `Tlb.linearOf` has it. */
  private get linear(): number {
    const {
      R,
      cpu: { mode },
    } = this;
    return (mode.long ? R[EIP + HIGH]! * 2 ** 32 : 0) + ((mode.csBase + R[EIP]!) >>> 0);
  }

  /** The probe has the run end before the next instruction. */
  private stopsHere(): boolean {
    const {
      R,
      debug: { probe },
    } = this;
    return probe?.before !== undefined && !this.halfDone && (R[EFLAGS]! & RF) === 0 && probe.before(this.linear);
  }

  /** One instruction with everything watched that the fast loop does not watch. */
  private step(): number {
    const { R, debug, mmio } = this;
    const blocked = R[INTERRUPTIBILITY]! & 3;
    debug.code(this.linear);
    const traced = (R[EFLAGS]! & TF) !== 0;
    mmio.rewind();
    debug.hits = 0;
    debug.seen.drop();
    this.keepRf = this.noTrap = false;
    const eflags = R[EFLAGS]!,
      begin = this.linear;
    const done = this.batchOf(1);
    if (done > 0) {
      mmio.forget();
      debug.tell(begin);
      if (blocked !== 0 && (R[INTERRUPTIBILITY]! & 3) === blocked) R[INTERRUPTIBILITY]! &= ~3;
      if ((eflags & RF) !== 0 && !this.keepRf) R[EFLAGS]! &= ~RF;
      if (debug.hits !== 0) R[PENDING_DEBUG]! |= debug.hits;
      // The trap of MOV SS and POP SS is suppressed, not held back (SDM vol. 3, 6.8.3); an instruction that loads TF itself is not traced.
      if (traced && !this.noTrap && (R[INTERRUPTIBILITY]! & 2) === 0) R[PENDING_DEBUG]! |= 1 << 14;
    }
    return done;
  }
  /** Set by IRET and the like, which load RF, and by `goOn()`; by INT and the like, which are not followed by a trap. */
  keepRf = false;
  noTrap = false;

  /**
   * A REP has more to do, after interrupts were looked at. RF is set between its elements, so that a breakpoint on it does not hit again (SDM vol. 3,
   * 17.3.1.1), until `ended()`.
   */
  goOn(): void {
    this.R[EFLAGS]! |= RF;
    this.keepRf = true;
  }

  /** A string instruction did this many elements: `onWork` is called each time that WORK_ELEMENTS are reached. */
  worked(elements: number): void {
    if ((this.work += elements) < WORK_ELEMENTS) return;
    this.work = 0;
    this.cpu.onWork?.();
  }
  private work = 0;

  /** A REP is done. */
  ended(): void {
    this.R[EFLAGS]! &= ~RF;
  }
}
