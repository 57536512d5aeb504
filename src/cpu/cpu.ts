/**
 * One virtual processor: state, segments, stack and the loop round the interpreter. Instructions live in ops/ and fpu/, paging in memory.ts,
 * descriptor tables and far transfers in segments.ts, interrupts and exceptions in interrupts.ts.
 */
import { CPU_LEVELS, type Features, featuresOf } from './cpuid.ts';
import { type Controls, EVENT_OTHER, EVENT_TYPE_MASK, EVENT_VALID, ExitReason, type Probe, type Processor, type ProcessorExtra, type ProcessorOptions, type TimeSource } from './edge.ts';
import { AC, ALL, ARITHMETIC, arithmetic, IF, RF, TF, ZF } from './flags.ts';
import { resetFpu } from './fpu/index.ts';
import { deliverEvent, deliverFault } from './interrupts.ts';
import {
  CR0_ET, CR4_DE, EXIT, FAULT, GO, GP, JUMP, LEAVE, S_BUDGET, S_PATCH, S_SHADOW, S_STOP, S_USER, SS_, STALE, THROWN,
} from './memory.ts';
import { MISC_MONITOR } from './monitor.ts';
import { operations } from './ops/index.ts';
import { cr4BitsOf } from './ops/system.ts';
import { completePort, completePortBlock, portMemory } from './ops/ports.ts';
import {
  BASE, type Core, DISP, INDEX, META, META_ADDRESS16, META_LENGTH, META_SEGMENT, type OpFactory,
} from './ops/context.ts';
import { CPU_LEVEL,
  ACTIVITY, CPL, CR0, CR4, CS, DR, DS, EDX, EFLAGS, EIP, ES, ESP, FA, FB, FERR, FK, FR, FS, GDTR_LIMIT, GS, IDTR_LIMIT, INTERRUPTIBILITY, LDTR,
  MSR_APIC_BASE, MSR_MISC_ENABLE, MSR_PAT, PENDING_DEBUG, PORT_ANSWERED, PORT_STATE, RETIRED_HIGH, RETIRED_LOW, SEG, SEG_BASE, SEG_LIMIT, SEG_RIGHTS, SEG_SELECTOR, SEG_WORDS, SS, TR, ZERO,
} from './registers.ts';
import type { Row } from './table/index.ts';
import { KEY_CODE32, KEY_FLAT, KEY_STACK32, Translator } from './translator.ts';
import { warmUp, warmUpBetween } from './warm.ts';
import { createInterpreter } from 'virtual:interpreter';
import { plans } from 'virtual:plans';

/** Access rights in VMX format (registers.ts). */
export const RIGHTS_UNUSABLE = 1 << 16, RIGHTS_DB = 1 << 14, RIGHTS_P = 1 << 7, RIGHTS_S = 1 << 4;
/** A data segment that may be read and written, does not expand down: S and W set; code, expand-down, unusable clear. */
const PLAIN_MASK = RIGHTS_UNUSABLE | RIGHTS_S | 0xe, PLAIN = RIGHTS_S | 2;

const USER = 1 << 20;
/** In IA32_MISC_ENABLE (SDM vol. 4). */
const MISC_FAST_STRINGS = 1;
/** R/W field of DR7: I/O reads and writes. */
const BREAK_PORT = 2;
const FERR_ASSERTED = 1, IGNNE = 2;
/** Instructions before the loop looks at the doorbell again: some 50 µs, so that an event reaches a guest that computes within 100. */
const DOORBELL_INSTRUCTIONS = 5_000;
/** 16-bit instructions after which their switch is worth warming up. */
const NARROW_WARM = 10_000;

export class Cpu extends Translator implements Core, Processor {
  readonly controls: Controls = {
    exceptionBitmap: 0, cpuid: false, invlpg: false, rdtsc: false, monitor: false, mwait: false, pause: false, taskSwitch: false, interruptWindow: false, nmiWindow: false, monitorTrap: false,
    ioBitmaps: null, msrBitmap: null, cr0Mask: 0, cr0Shadow: 0, cr4Mask: 0, cr4Shadow: 0, cr3Load: false, cr3Store: false, movDr: false, hypervisorIdt: false,
  };
  readonly time: TimeSource;
  /** What CPUID shows. */
  features: Features = featuresOf();
  protected override instructions: Features = this.features;
  private readonly masksCpuid: boolean;
  cr4Bits = cr4BitsOf(this.features);
  protected override readonly core: Core = this;
  private readonly interpret: (record: number) => void;
  /** The same for 16-bit code. */
  private readonly interpretNarrow: (record: number) => void;
  private readonly doorbell: number;
  private readonly apic: boolean;
  private readonly cpuLevel: number;
  readonly apicBaseChanged: ProcessorOptions['apicBaseChanged'];

  /** Waiting injection (interruption-information word), its error code and, of software events, the length of their instruction. */
  private injection = 0;
  private injectionError = 0;
  private injectionLength = 0;
  /** Instructions taken from the budget to end the loop early. */
  private withheld = 0;
  /** The event being delivered, for the IDT-vectoring field and double faults. */
  delivering = 0;
  deliveringError = 0;
  /** Length of the instruction that was about to be left behind when a VM exit cut its event or task switch short. */
  cutLength = 0;

  constructor(options: ProcessorOptions) {
    super(options);
    this.time = options.time;
    this.doorbell = options.doorbell;
    this.apic = options.apic ?? false;
    this.masksCpuid = options.masksCpuid ?? false;
    this.cpuLevel = CPU_LEVELS.indexOf(options.cpuLevel ?? 'max');
    this.apicBaseChanged = options.apicBaseChanged;
    const { run, runNarrow, general } = createInterpreter(this);
    this.interpret = run;
    this.interpretNarrow = runNarrow;
    this.general = general;
    warmUp(this, run, plans.wide);
    this.reset();
  }

  get regs(): Int32Array { return this.R; }
  get codeLimit(): number { return this.csLimit; }

  protected override factory(row: Row): OpFactory | undefined {
    return operations[row.op];
  }

  // ---- flags ----

  getFlags(): number {
    const { R } = this;
    return arithmetic(R[FK]!, R[FA]!, R[FB]!, R[FR]!);
  }

  setFlags(bits: number): void {
    const { R } = this;
    R[FK] = ALL;
    R[FB] = bits & ARITHMETIC;
    R[FR] = (bits & ZF) !== 0 ? 0 : 1;
  }

  get eflags(): number { return this.getFlags() | this.R[EFLAGS]! | 2; }

  set eflags(value: number) {
    this.setFlags(value);
    this.R[EFLAGS] = value & ~ARITHMETIC & 0x3f7fd7;
  }

  /** Replaces the bits of `mask`; whatever may now be taken (an interrupt, a single step) is taken after this instruction. */
  changeFlags(value: number, mask: number): void {
    const before = this.eflags;
    const after = (before & ~mask) | (value & mask);
    this.eflags = after;
    if (((before ^ after) & AC) !== 0) {
      this.modeChanged();
      this.codeGoesOn();
    }
    if (((before | after) & TF) !== 0 || ((after & ~before & IF) !== 0 && this.controls.interruptWindow)) this.leaveLoop();
  }

  /** An instruction waits that the machine has answered in part: the answers are its own, so that nothing may come between. */
  private get halfDone(): boolean {
    return this.accesses.length > 0 || this.R[PORT_STATE] === PORT_ANSWERED;
  }

  get interruptible(): boolean {
    return (this.R[EFLAGS]! & IF) !== 0 && (this.R[INTERRUPTIBILITY]! & 3) === 0 && this.injection === 0 && !this.halfDone;
  }

  // ---- the loop ----

  /** Asked from inside `run()` too: without the instruction under way. */
  get retired(): number { return this.retiredBefore + Math.max(0, this.batch - this.S[S_BUDGET]! - this.withheld - 1); }
  private get retiredBefore(): number { return (this.R[RETIRED_LOW]! >>> 0) + this.R[RETIRED_HIGH]! * 2 ** 32; }

  /** Retired so far, the instructions of the running batch included. */
  get retiredNow(): number { return this.retiredBefore + this.batch - this.S[S_BUDGET]! - this.withheld; }
  private batch = 0;

  /** Ends the interpreter's loop after the instruction under way, so that pending events are looked at. */
  leaveLoop(): void {
    this.withheld += this.S[S_BUDGET]!;
    this.S[S_BUDGET] = 0;
  }

  stop(): void {
    this.stopping = true;
    this.leaveLoop();
  }
  /** `run()` is to end before the next instruction. */
  stopping = false;

  /** Interrupts stay blocked for the next instruction (SDM vol. 3, 6.8.3): 1 after STI, 2 after MOV SS. */
  shadow(kind: 1 | 2): void {
    this.S[S_SHADOW] = this.S[S_BUDGET]!;
    this.shadowKind = kind;
    if (this.controls.interruptWindow || (this.R[EFLAGS]! & TF) !== 0) this.leaveLoop();
    if (this.S[S_BUDGET] === 0) this.S[S_SHADOW] = 0;
  }
  private shadowKind = 0;

  /** Asks for a VM exit at this instruction; the op must have changed nothing and must return at once. */
  vmExit(reason: number, qualification: number, p: number): void {
    const { exit } = this;
    exit.reason = reason;
    exit.qualification = qualification;
    exit.instructionLength = (this.A[p + META]! >>> META_LENGTH) & 15;
    this.S[S_STOP] = EXIT;
    // It did not retire.
    this.withheld++;
  }

  /** EIP was set: the next record is looked up. */
  jumped(): void { this.S[S_STOP] = JUMP; }

  /** The mode or the mapping of code may have changed under the instruction: its successor is looked up anew. */
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
    this.told((this.csBase + R[EIP]!) >>> 0);
    R[EIP] = (R[EIP]! + this.exit.instructionLength) | 0;
    R[INTERRUPTIBILITY]! &= ~3;
    R[EFLAGS]! &= ~RF;
    this.count(1);
    if ((R[EFLAGS]! & TF) !== 0) R[PENDING_DEBUG]! |= 1 << 14;
  }

  private count(n: number): void {
    const { R } = this;
    const low = (R[RETIRED_LOW]! >>> 0) + n;
    R[RETIRED_LOW] = low | 0;
    if (low >= 2 ** 32) R[RETIRED_HIGH]!++;
  }

  run(limit: number): number {
    const { R, S, exit } = this;
    const bell = this.doorbell >= 0 ? this.M4[this.doorbell]! : 0;
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
          this.accessIndex = 0;
          this.seen.drop();
          deliverEvent(this, information, this.injectionError, this.injectionLength);
          this.delivering = 0;
          this.accesses.length = 0;
          this.told();
          // SDM vol. 3, 26.5.2: pending before the first instruction after an injection.
          if (this.controls.monitorTrap) return this.leave(ExitReason.MONITOR_TRAP_FLAG);
        }
        if (R[PENDING_DEBUG] !== 0) this.debugTrap();
        if (this.controls.interruptWindow && this.interruptible) return this.leave(ExitReason.INTERRUPT_WINDOW);
        if (this.controls.nmiWindow && (R[INTERRUPTIBILITY]! & 11) === 0 && !this.halfDone) return this.leave(ExitReason.NMI_WINDOW);
        if (left <= 0 || this.stopping) return this.leave(ExitReason.PREEMPTION_TIMER);
        if (this.doorbell >= 0 && Atomics.load(this.M4, this.doorbell) !== bell) return this.leave(ExitReason.EXTERNAL_INTERRUPT);
        const single = (R[EFLAGS]! & (TF | RF)) !== 0 || (R[INTERRUPTIBILITY]! & 3) !== 0 || this.accesses.length > 0 || this.controls.monitorTrap
          || this.codeBreakpoints !== 0 || this.dataBreakpoints !== 0 || this.portBreakpoints !== 0 || this.watcher !== null;
        if (single) left -= this.step();
        else left -= this.batchOf(Math.min(left, DOORBELL_INSTRUCTIONS));
        // Thrown and caught beside the instruction: it is not thrown once more, which would cost a microsecond.
        if (S[S_STOP] === THROWN) {
          S[S_STOP] = GO;
          left -= this.thrownOut();
          if (this.interrupted(this.thrown)) return exit.reason;
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

  /** After something was thrown: what the batch takes from the limit. */
  private thrownOut(): number {
    // What threw did not retire.
    this.withheld++;
    // Faults count too, so that a handler that faults at once cannot keep `run()` for ever.
    return Math.max(1, this.settle());
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
    // What the machine answered belonged to the instruction that faulted, or to the delivery that faults now.
    this.accesses.length = this.accessIndex = 0;
    this.seen.drop();
    try {
      const left = deliverFault(this);
      this.told();
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
    if (delivering !== 0 && exit.reason !== ExitReason.TASK_SWITCH) this.inject(delivering, this.deliveringError, cutLength);
  }

  private leave(reason: number): number {
    this.exit.reason = reason;
    this.exit.instructionLength = 0;
    this.exit.interruption = this.exit.idtVectoring = 0;
    return reason;
  }

  /** What an instruction threw: the interpreter catches it at once and leaves. */
  thrown: unknown = null;

  /** Runs up to `n` instructions; how many retired. */
  private batchOf(n: number): number {
    const { S } = this;
    if (this.narrowRetired > NARROW_WARM) {
      this.narrowRetired = -Infinity;
      warmUpBetween(this, this.interpretNarrow, plans.narrow);
    }
    this.batch = n;
    this.withheld = 0;
    S[S_BUDGET] = n;
    S[S_SHADOW] = -1;
    const p = this.enter(0);
    if (p !== 0) {
      if (this.code32) this.interpret(p);
      else this.interpretNarrow(p);
    }
    if (S[S_STOP] === THROWN) return 0;
    const done = this.settle();
    if (!this.code32) this.narrowRetired += done;
    return done;
  }
  /** Instructions of 16-bit code, until its switch is warmed up. */
  private narrowRetired = 0;

  /** Books what a batch did, whether it ended or was thrown out of; returns the number of instructions retired. */
  private settle(): number {
    const { R, S } = this;
    const budget = Math.max(0, S[S_BUDGET]!);
    const done = this.batch - budget - this.withheld;
    if (S[S_SHADOW] === budget && this.shadowKind !== 0 && S[S_SHADOW] >= 0) R[INTERRUPTIBILITY] = (R[INTERRUPTIBILITY]! & ~3) | this.shadowKind;
    S[S_SHADOW] = -1;
    this.shadowKind = 0;
    this.batch = this.withheld = 0;
    S[S_BUDGET] = 0;
    if (done > 0) this.count(done);
    return done;
  }

  /** One instruction with everything watched that the fast loop does not watch. */
  private step(): number {
    const { R } = this;
    const blocked = R[INTERRUPTIBILITY]! & 3;
    // MOV SS and POP SS suppress a breakpoint on the next instruction, as if RF were set (SDM vol. 3, 6.8.3).
    if (this.codeBreakpoints !== 0 && (R[EFLAGS]! & RF) === 0 && (blocked & 2) === 0) this.checkCodeBreakpoints();
    const traced = (R[EFLAGS]! & TF) !== 0;
    this.accessIndex = 0;
    this.hitBreakpoints = 0;
    this.seen.drop();
    this.keepRf = this.noTrap = false;
    const eflags = R[EFLAGS]!, begin = (this.csBase + R[EIP]!) >>> 0;
    const done = this.batchOf(1);
    if (done > 0) {
      this.accesses.length = 0;
      this.accessIndex = 0;
      this.told(begin);
      if (blocked !== 0 && (R[INTERRUPTIBILITY]! & 3) === blocked) R[INTERRUPTIBILITY]! &= ~3;
      if ((eflags & RF) !== 0 && !this.keepRf) R[EFLAGS]! &= ~RF;
      if (this.hitBreakpoints !== 0) R[PENDING_DEBUG]! |= this.hitBreakpoints;
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

  /** A REP is done. */
  ended(): void { this.R[EFLAGS]! &= ~RF; }
  codeBreakpoints = 0;

  private portBreakpoints = 0;

  get probe(): Probe | null { return this.watcher; }

  set probe(probe: Probe | null) {
    this.watcher = probe;
    this.seen.drop();
    this.flushAll();
    this.leaveLoop();
  }

  /** Tells a probe of the accesses that are complete and of the instruction that retired, if one did: it began at `linear`. */
  told(linear = -1): void {
    if (this.watcher === null) return;
    this.seen.tell(this.watcher);
    if (linear >= 0) this.watcher.retired?.(linear);
  }

  /** I/O breakpoints, which CR4.DE allows (SDM vol. 3, 17.2.4): a trap after the access. */
  portBreakpoint(port: number, size: number): void {
    if (this.portBreakpoints === 0 || (this.R[CR4]! & CR4_DE) === 0) return;
    this.hitBreakpoints |= this.matching(port, size, kind => kind === BREAK_PORT);
  }

  private checkCodeBreakpoints(): void {
    const { R } = this;
    const linear = (R[EIP]! + this.csBase) | 0;
    const dr7 = R[DR + 7]!;
    let hits = 0;
    for (let i = 0; i < 4; i++) {
      if (((dr7 >>> (2 * i)) & 3) !== 0 && ((dr7 >>> (16 + 4 * i)) & 3) === 0 && R[DR + i] === linear) hits |= 1 << i;
    }
    if (hits === 0) return;
    this.debugFault(hits);
  }

  /** Debug traps that the last instruction earned (SDM vol. 3, 17.3). */
  private debugTrap(): void {
    const { R } = this;
    if ((R[INTERRUPTIBILITY]! & 2) !== 0) return;
    const pending = R[PENDING_DEBUG]!;
    R[PENDING_DEBUG] = 0;
    this.debugFault(pending & 0xe00f);
  }

  // ---- segments and stack ----

  /** Derives what is cached from segment registers, CR0 and CPL. Call after any of them changed. */
  modeChanged(): void {
    const { R } = this;
    const cs = SEG + CS * SEG_WORDS, ss = SEG + SS * SEG_WORDS;
    this.csBase = R[cs + SEG_BASE]!;
    this.csLimit = R[cs + SEG_LIMIT]! >>> 0;
    this.S[S_USER] = R[CPL] === 3 ? USER : 0;
    if (R[CPL] === 3) this.enterUser();
    let key = 0;
    if ((R[cs + SEG_RIGHTS]! & RIGHTS_DB) !== 0) key |= KEY_CODE32;
    if ((R[ss + SEG_RIGHTS]! & RIGHTS_DB) !== 0) key |= KEY_STACK32;
    if ((key & KEY_CODE32) === 0) {
      if (this.narrowCode(R[cs + SEG_RIGHTS]!) && !this.checksAlignment && this.narrow(ES) && this.narrow(SS) && this.narrow(DS) && this.narrow(FS) && this.narrow(GS)) key |= KEY_FLAT;
      // The page that the segment ends in: what was found there was perhaps not for a segment that ends.
      const end = this.csBase + this.csLimit;
      if (((end + 1) & 4095) !== 0) this.CP[((end >>> 12) & (USER - 1)) + this.S[S_USER]!] = 0;
    } else if (this.csBase === 0 && this.csLimit === 0xffffffff && !this.checksAlignment && this.plainFlat(ES) && this.plainFlat(SS) && this.plainFlat(DS)) key |= KEY_FLAT;
    if (key !== this.key) {
      this.key = key;
      this.flushCodePages();
    }
  }

  private plainFlat(segment: number): boolean {
    const s = SEG + segment * SEG_WORDS;
    const { R } = this;
    return R[s + SEG_BASE] === 0 && R[s + SEG_LIMIT] === -1 && (R[s + SEG_RIGHTS]! & PLAIN_MASK) === PLAIN;
  }

  /** What the second switch asks of data segments: see gen/narrow.ts. */
  private narrow(segment: number): boolean {
    const s = SEG + segment * SEG_WORDS;
    const { R } = this;
    return (R[s + SEG_BASE]! & 3) === 0 && R[s + SEG_LIMIT]! >>> 0 >= 0xffff && (R[s + SEG_RIGHTS]! & PLAIN_MASK) === PLAIN;
  }

  /** Of a code segment: readable code, or (real mode) data. */
  private narrowCode(rights: number): boolean {
    return (this.csBase & 3) === 0 && this.csLimit >= 0xffff && (rights & (RIGHTS_UNUSABLE | RIGHTS_S | 2)) === (RIGHTS_S | 2);
  }

  /** Mode key: records of one do not run in another. */
  get mode(): number { return this.key; }
  /** 16-bit code whose segments satisfy the second switch. A selector loaded in real mode leaves it so: limits stay, bases are paragraphs. */
  get narrowSegments(): boolean { return (this.key & (KEY_CODE32 | KEY_FLAT)) === KEY_FLAT; }

  get stack32(): boolean { return (this.key & KEY_STACK32) !== 0; }
  get code32(): boolean { return (this.key & KEY_CODE32) !== 0; }

  /** Effective address of the record's memory operand, without the segment. */
  offset(p: number): number {
    const { A, R } = this;
    const index = A[p + INDEX]!;
    const sum = (R[A[p + BASE]!]! + (R[index & 15]! << ((index >>> 4) & 3)) + A[p + DISP]!) | 0;
    return (A[p + META]! & META_ADDRESS16) !== 0 ? sum & 0xffff : sum;
  }

  address(p: number, size: number, write: boolean): number {
    const linear = this.operand(p, size, write);
    if ((this.R[EFLAGS]! & AC) !== 0) this.checkAlignment(linear, size);
    return linear;
  }

  /** The same without the alignment check, for operands of several words that are checked one by one. */
  operand(p: number, size: number, write: boolean): number {
    return this.linear((this.A[p + META]! >>> META_SEGMENT) & 7, this.offset(p), size, write);
  }

  aligned128(p: number, write: boolean): number {
    const segment = (this.A[p + META]! >>> META_SEGMENT) & 7;
    // Before the segment's limit, so that #GP is raised where a stack segment's would be #SS.
    if (((this.R[SEG + segment * SEG_WORDS + SEG_BASE]! + this.offset(p)) & 15) !== 0) this.fault(GP, 0);
    return this.address(p, 16, write);
  }

  /** Linear address of `offset` in a segment, with the checks of SDM vol. 3, 5.3 and 5.5. */
  linear(segment: number, offset: number, size: number, write: boolean): number {
    const { R } = this;
    const s = SEG + segment * SEG_WORDS;
    const rights = R[s + SEG_RIGHTS]!;
    if (R[s + SEG_LIMIT] === -1 && (rights & PLAIN_MASK) === PLAIN) return (R[s + SEG_BASE]! + offset) | 0;
    const vector = segment === SS ? SS_ : GP;
    if ((rights & RIGHTS_UNUSABLE) !== 0) this.fault(vector, 0);
    const code = (rights & 8) !== 0;
    // Code segments can be read if bit 1 says so, never written; data segments can be written if bit 1 says so.
    if (code ? write || (rights & 2) === 0 : write && (rights & 2) === 0) this.fault(vector, 0);
    const first = offset >>> 0, last = first + size - 1, limit = R[s + SEG_LIMIT]! >>> 0;
    if (!code && (rights & 4) !== 0) {
      if (first <= limit || last > ((rights & RIGHTS_DB) !== 0 ? 0xffffffff : 0xffff)) this.fault(vector, 0);
    } else if (last > limit) this.fault(vector, 0);
    return (R[s + SEG_BASE]! + offset) | 0;
  }

  /** Linear address of the stack slot `delta` bytes from the top. */
  stackAt(delta: number, size: number, write: boolean): number {
    const esp = (this.R[ESP]! + delta) | 0;
    return this.linear(SS, this.stack32 ? esp : esp & 0xffff, size, write);
  }

  moveStack(delta: number): void {
    const { R } = this;
    const esp = (R[ESP]! + delta) | 0;
    R[ESP] = this.stack32 ? esp : (R[ESP]! & -65536) | (esp & 0xffff);
  }

  push(value: number, size: 16 | 32): void {
    if (size === 32) this.write32(this.stackAt(-4, 4, true), value);
    else this.write16(this.stackAt(-2, 2, true), value);
    this.moveStack(size === 32 ? -4 : -2);
  }

  /** The top of the stack; ESP is moved by the caller, once nothing can fault any more. */
  top(size: 16 | 32, delta = 0): number {
    return size === 32 ? this.read32(this.stackAt(delta, 4, false)) : this.read16(this.stackAt(delta, 2, false));
  }

  // ---- memory and ports answered by the machine ----

  completeMemoryAccess(value: number): void {
    const { exit } = this;
    this.accesses.push(exit.guestPhysical, exit.size, (exit.qualification & 2) !== 0 ? 1 : 0, value);
  }

  completePortAccess(value: number): void { completePort(this, value); }
  portMemory(): Uint8Array | null { return portMemory(this); }
  completePortBlock(bytes: number): void { completePortBlock(this, bytes); }

  ferr(): void {
    const { R, exit } = this;
    if ((R[FERR]! & IGNNE) !== 0) return;
    R[FERR] = FERR_ASSERTED;
    exit.reason = ExitReason.FERR;
    exit.qualification = 0;
    throw LEAVE;
  }

  ignoreNumericError(): void {
    if ((this.R[FERR]! & FERR_ASSERTED) !== 0) this.R[FERR]! |= IGNNE;
  }

  invalidate(mfn: number): void {
    if (this.codeLines[mfn] !== 0) this.dropCode(mfn);
  }

  flushTlb(): void { this.flushAll(); }

  // ---- whole state ----

  reset(): void {
    const { R } = this;
    R.fill(0);
    R[EFLAGS] = 0;
    R[FK] = ALL;
    R[FR] = 1;
    for (let s = ES; s <= TR; s++) {
      const at = SEG + s * SEG_WORDS;
      R[at + SEG_LIMIT] = 0xffff;
      R[at + SEG_RIGHTS] = s === LDTR ? 0x82 : s === TR ? 0x8b : s === CS ? 0x9b : 0x93;
    }
    // SDM vol. 3, table 9-1.
    R[SEG + CS * SEG_WORDS + SEG_SELECTOR] = 0xf000;
    R[SEG + CS * SEG_WORDS + SEG_BASE] = 0xffff0000 | 0;
    R[EIP] = 0xfff0;
    R[EDX] = 0x000106ca;
    R[CR0] = 0x60000000 | CR0_ET;
    R[CR4] = 0;
    R[DR + 6] = 0xffff0ff0 | 0;
    R[DR + 7] = 0x400;
    R[GDTR_LIMIT] = R[IDTR_LIMIT] = 0xffff;
    R[MSR_PAT] = 0x00070406;
    R[MSR_PAT + 1] = 0x00070406;
    R[MSR_APIC_BASE] = this.apic ? 0xfee00900 | 0 : 0;
    R[CPU_LEVEL] = this.cpuLevel;
    R[MSR_MISC_ENABLE] = MISC_FAST_STRINGS | (featuresOf(this.cpuLevel).has('monitor') ? MISC_MONITOR : 0);
    R[ZERO] = 0;
    resetFpu(R);
    this.injection = 0;
    this.accesses.length = 0;
    this.reload();
  }

  reload(): void {
    const features = featuresOf(this.R[CPU_LEVEL]);
    if (features !== this.features) {
      this.features = features;
      if (!this.masksCpuid) this.instructions = features;
      this.cr4Bits = cr4BitsOf(features);
      this.paging.pse36 = features.has('pse36');
      this.dropAllCode();
    }
    this.flushAll();
    this.breakpointsChanged();
    this.key = -1;
    this.modeChanged();
  }

  /** After DR7 or an address changed. */
  breakpointsChanged(): void {
    const dr7 = this.R[DR + 7]!;
    this.codeBreakpoints = this.dataBreakpoints = this.portBreakpoints = 0;
    for (let i = 0; i < 4; i++) {
      if (((dr7 >>> (2 * i)) & 3) === 0) continue;
      const kind = (dr7 >>> (16 + 4 * i)) & 3;
      if (kind === 0) this.codeBreakpoints++;
      else if (kind === BREAK_PORT) this.portBreakpoints++;
      else this.dataBreakpoints++;
    }
    this.flushAll();
    this.leaveLoop();
  }

  save(): ProcessorExtra {
    return { version: 1, injection: [this.injection, this.injectionError, this.injectionLength], accesses: [...this.accesses] };
  }

  restore(extra: ProcessorExtra): void {
    this.injection = extra.injection[0];
    this.injectionError = extra.injection[1];
    this.injectionLength = extra.injection[2] ?? 0;
    this.accesses = [...extra.accesses];
    this.reload();
  }

}
