/**
 * *Idea.* Delivering an event means to find its gate, switch to the handler's privilege level and stack, and push a frame. Each of these steps reads
 * guest memory and can fault itself, and any of them can be a VM exit. Delivery therefore records which event is in progress (`loop.delivering`): a
 * fault during delivery is combined with it into a double fault or a shutdown, and an exit reports it, so that the hypervisor can inject it again.
 * The common case, flat segments into ring 0, is in flat-transfers.ts.
 *
 * Sources: SDM vol. 3, chapter 6; vol. 2, INT n and IRET; for exits, vol. 3, 25.2 and 27.2.
 */
import type { Cpu } from './cpu.ts';
import {
  EVENT_ERROR_CODE,
  EVENT_EXCEPTION,
  EVENT_NMI,
  EVENT_PRIVILEGED_SOFTWARE,
  EVENT_SOFTWARE,
  EVENT_SOFTWARE_EXCEPTION,
  EVENT_TYPE_MASK,
  EVENT_VALID,
  ExitReason,
} from './architecture/edge.ts';
import { AC, IF, IOPL, NT, RF, TF, VIF, VIP, VM } from './architecture/flags.ts';
import { CR0_PE } from './architecture/control-bits.ts';
import { AC_, DB, DE, DF_, FAULT, GP, NP, PF_, SS_, TS } from './faults.ts';
import { inLongMode } from './mode.ts';
import { plainRealInterrupt, plainRealReturn } from './real-transfers.ts';
import { JUMP, S_STOP } from './scratch.ts';
import {
  CPL,
  CR0,
  CR2,
  CS,
  DR,
  DS,
  EFLAGS,
  EIP,
  ES,
  ESP,
  FS,
  GS,
  HIGH,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  PENDING_DEBUG,
  SEG,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_SELECTOR,
  SEG_WORDS,
  SS,
} from './architecture/registers.ts';
import {
  descriptorDpl,
  descriptorLimit,
  descriptorPresent,
  descriptorType,
  enterCode,
  gateOffset,
  innerStack,
  inVirtual8086,
  isCode,
  enterRealCode,
  isConforming,
  leaveTask,
  nestedReturn,
  pushFrame,
  readDescriptor,
  returnTo,
  setAccessed,
  setNull,
  setRealSegment,
  setSegment,
  throughTaskGate,
} from './segments.ts';
import { TASK_INTERRUPT } from './tasks.ts';
import {
  checkedVirtualFlags,
  checkVirtualPending,
  flagsAreVirtual,
  isRedirected,
  redirectInterrupt,
  VIRTUAL_FLAGS_CHANGED,
} from './virtual-interrupts.ts';

const SOFTWARE = 1,
  INTERNAL = 0;
/** Vectors that push an error code (SDM vol. 3, table 6-1). */
const hasErrorCode = (vector: number) => vector === DF_ || (vector >= TS && vector <= PF_) || vector === AC_;
/** 0 benign, 1 contributory, 2 page fault (SDM vol. 3, table 6-4). */
const severity = (vector: number) => (vector === PF_ ? 2 : vector === DE || (vector >= TS && vector <= GP) ? 1 : 0);

/** Delivers what the hypervisor (VM-entry injection) or the machine (an external interrupt) asks for. Throws FAULT when that fails. */
export function deliverEvent(cpu: Cpu, information: number, errorCode: number, instructionLength: number): void {
  const vector = information & 255;
  const type = information & EVENT_TYPE_MASK;
  cpu.loop.delivering = information;
  cpu.loop.deliveringError = errorCode;
  // One that was cut short has been seen before.
  if (!cpu.mmio.pending) cpu.probe?.event?.(information, errorCode);
  cpu.R[INTERRUPTIBILITY]! &= ~3;
  if (type === EVENT_NMI) cpu.R[INTERRUPTIBILITY]! |= 8;
  const software = type === EVENT_SOFTWARE || type === EVENT_SOFTWARE_EXCEPTION || type === EVENT_PRIVILEGED_SOFTWARE;
  const next = (cpu.R[EIP]! + (software ? instructionLength : 0)) | 0;
  const origin = software && type !== EVENT_PRIVILEGED_SOFTWARE ? SOFTWARE : INTERNAL,
    error = (information & EVENT_ERROR_CODE) !== 0 ? errorCode : -1;
  if (cpu.flat.interrupt(vector, error, origin === SOFTWARE, next, false) || plainRealInterrupt(cpu, vector, next))
    return;
  // A fault while a software interrupt is delivered finds EIP at its instruction (SDM vol. 3, 27.6.1.1).
  leaveTask(cpu, next, () => {
    if (type === EVENT_SOFTWARE && inVirtual8086(cpu) && intoProgram(cpu, vector)) return;
    interrupt(cpu, vector, error, origin);
  });
}

/** INT n in virtual-8086 mode (SDM vol. 3, table 20-2): true if the 8086 program's own handler has it; else it needs IOPL 3. INT3 and INTO do not. */
function intoProgram(cpu: Cpu, vector: number): boolean {
  if (isRedirected(cpu, vector)) {
    redirectInterrupt(cpu, vector);
    return true;
  }
  if ((cpu.R[EFLAGS]! & IOPL) !== IOPL) cpu.fault(GP, 0);
  return false;
}

/**
 * What an exception makes of the event whose delivery it cut short: itself, a double fault, or the processor's shutdown (SDM vol. 3, table 6-5). Only exceptions
 * make double faults; a fault while an interrupt is delivered is delivered alone.
 */
export function togetherWith(before: number, vector: number): number | 'shutdown' {
  const first = before & 255;
  if ((before & EVENT_TYPE_MASK) !== EVENT_EXCEPTION) return vector;
  if (first === DF_) return 'shutdown';
  const a = severity(first),
    b = severity(vector);
  return (a === 1 && b === 1) || (a === 2 && b > 0) ? DF_ : vector;
}

/**
 * Delivers the fault that was thrown (cpu.faults.vector ...), and what comes of it: double fault, shutdown. True if an exit was taken instead.
 */
export function deliverFault(cpu: Cpu): boolean {
  const { controls, exit, R } = cpu;
  cpu.faults.forgetUndelivered();
  // Of an event without an error code the word is that of one before.
  if (cpu.loop.delivering !== 0)
    cpu.faults.noteUndelivered(
      cpu.loop.delivering,
      (cpu.loop.delivering & EVENT_ERROR_CODE) !== 0 ? cpu.loop.deliveringError : 0,
    );
  for (;;) {
    const vector = cpu.faults.vector;
    const before = cpu.loop.delivering;
    let error = cpu.faults.error;
    cpu.faults.noteUndelivered(exceptionInformation(cpu, vector), hasErrorCode(vector) ? error : 0, vector === PF_);
    // One of the bitmap exits as it is: what it makes of the event before it is the hypervisor's to find (SDM vol. 3, 26.2).
    if (before !== 0 && ((controls.exceptionBitmap >>> vector) & 1) === 0) {
      const made = togetherWith(before, vector);
      if (made === 'shutdown') {
        cpu.loop.delivering = 0;
        exit.reason = ExitReason.TRIPLE_FAULT;
        cpu.faults.tellUndelivered(R);
        exit.qualification = 0;
        exit.instructionLength = 0;
        return true;
      }
      if (made === DF_) {
        cpu.faults.vector = DF_;
        cpu.faults.error = error = 0;
        if (((controls.exceptionBitmap >>> DF_) & 1) === 0 && !controls.hypervisorIdt) {
          cpu.probe?.event?.(EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_CODE | DF_ | 0, 0);
          cpu.faults.noteUndelivered(exceptionInformation(cpu, DF_), 0);
          cpu.loop.delivering = EVENT_VALID | EVENT_EXCEPTION | DF_;
          if (attempt(cpu, DF_, 0)) return false;
          continue;
        }
      }
    }
    const taken = cpu.faults.vector;
    const information = exceptionInformation(cpu, taken);
    // With shadow tables a page fault may be none of the guest's; one that is comes again, as the hypervisor's.
    if (taken !== PF_ || cpu.memory.shadow === null) cpu.probe?.event?.(information, error);
    if (controls.hypervisorIdt || ((controls.exceptionBitmap >>> taken) & 1) !== 0) {
      // The flags saved are those that would have been pushed (SDM vol. 3, 28.3.3).
      if (!controls.hypervisorIdt && pushesRf(cpu, taken)) R[EFLAGS]! |= RF;
      exit.reason = controls.hypervisorIdt ? ExitReason.IDT_FIRST + taken : ExitReason.EXCEPTION_OR_NMI;
      exit.interruption = information;
      exit.errorCode = error;
      exit.qualification = taken === PF_ ? cpu.faults.linear : taken === DB ? cpu.faults.debug : 0;
      exit.guestLinear = cpu.faults.linear;
      exit.instructionLength = 0;
      exit.idtVectoring = before;
      exit.idtVectoringErrorCode = cpu.loop.deliveringError;
      cpu.loop.delivering = 0;
      return true;
    }
    if (taken === PF_) setCr2(cpu);
    if (taken === DB) setDr6(R, cpu.faults.debug);
    cpu.loop.delivering = information;
    cpu.loop.deliveringError = error;
    if (attempt(cpu, taken, error)) return false;
  }
}

/**
 * The same of a fault that an instruction of a batch threw, where it goes straight to the guest's handler: nothing watches, nothing is half done. False: nothing
 * was changed, `deliverFault` is to do it.
 */
export function deliverPlainFault(cpu: Cpu): boolean {
  const {
    controls,
    R,
    faults: { vector, error },
  } = cpu;
  if (
    vector === DB ||
    controls.hypervisorIdt ||
    ((controls.exceptionBitmap >>> vector) & 1) !== 0 ||
    cpu.loop.delivering !== 0 ||
    cpu.debug.active
  )
    return false;
  if (!cpu.flat.interrupt(vector, hasErrorCode(vector) ? error : -1, false, R[EIP]!, true)) return false;
  if (vector === PF_) setCr2(cpu);
  return true;
}

function setCr2({ R, faults }: Cpu): void {
  R[CR2] = faults.address;
  R[CR2 + HIGH] = faults.addressHigh;
}

/** DR7: general detect. */
const DR7_GD = 1 << 13;
/** A debug exception says in DR6 what it is of, and ends DR7.GD (SDM vol. 3, 17.2.3 and 17.2.4). */
export function setDr6(R: Int32Array, debug: number): void {
  R[DR + 6] = (R[DR + 6]! & ~15) | (debug & 0xe00f);
  R[DR + 7]! &= ~DR7_GD;
}

/** Interruption-information word of an exception (SDM vol. 3, table 25-17). */
const exceptionInformation = (cpu: Cpu, vector: number): number =>
  EVENT_VALID | EVENT_EXCEPTION | vector | (hasErrorCode(vector) && inProtectedMode(cpu) ? EVENT_ERROR_CODE : 0) | 0;

const inProtectedMode = (cpu: Cpu) => (cpu.R[CR0]! & CR0_PE) !== 0;

/** Faults push RF set, but for an instruction breakpoint; traps push it as it is (SDM vol. 3, 17.3.1.1). */
const pushesRf = (cpu: Cpu, vector: number): boolean => vector !== DB || cpu.faults.debug === 0x2000;

/** True if the exception was delivered; false if the delivery itself faulted (cpu.faults.vector says how). */
function attempt(cpu: Cpu, vector: number, error: number): boolean {
  const { R } = cpu;
  const resume = pushesRf(cpu, vector);
  const pushed = hasErrorCode(vector) && inProtectedMode(cpu) ? error : -1;
  try {
    if (!cpu.flat.interrupt(vector, pushed, false, R[EIP]!, resume)) interrupt(cpu, vector, pushed, INTERNAL, resume);
    cpu.loop.delivering = 0;
    return true;
  } catch (thrown) {
    if (thrown === FAULT) return false;
    // Cut short by a VM exit: the flags saved are those that would have been pushed (SDM vol. 3, 28.3.3).
    if (resume) R[EFLAGS]! |= RF;
    throw thrown;
  }
}

/** INT n, INT3 and INTO (software exceptions, which the bitmap may catch), INT1 (privileged): `type` in interruption-information format. */
export function softwareInterrupt(cpu: Cpu, vector: number, length: number, p: number, type: number): void {
  const { R, controls, exit } = cpu;
  const exception = type !== EVENT_SOFTWARE;
  cpu.probe?.event?.(EVENT_VALID | type | vector | 0, 0);
  if (controls.hypervisorIdt || (exception && ((controls.exceptionBitmap >>> vector) & 1) !== 0)) {
    cpu.loop.vmExit(controls.hypervisorIdt ? ExitReason.IDT_FIRST + vector : ExitReason.EXCEPTION_OR_NMI, 0, p);
    exit.interruption = EVENT_VALID | type | vector | 0;
    exit.errorCode = 0;
    return;
  }
  // INT1 is a debug exception itself: what MOV SS before it held back is reported by the same one (Intel, kvm-unit-tests).
  if (type === EVENT_PRIVILEGED_SOFTWARE) {
    R[DR + 6]! |= R[PENDING_DEBUG]! & 15;
    R[PENDING_DEBUG] = 0;
  }
  // RF is cleared when an instruction starts: what INT pushes has it clear (SDM vol. 3, 17.3.1.1).
  R[EFLAGS]! &= ~RF;
  const next = (R[EIP]! + length) | 0,
    origin = type === EVENT_PRIVILEGED_SOFTWARE ? INTERNAL : SOFTWARE;
  if (cpu.flat.interrupt(vector, -1, origin === SOFTWARE, next, false) || plainRealInterrupt(cpu, vector, next)) return;
  anySoftwareInterrupt(cpu, vector, type, next, origin);
}

/** By itself: a function that makes a closure somewhere makes room for what that holds whenever it is called. */
function anySoftwareInterrupt(cpu: Cpu, vector: number, type: number, next: number, origin: number): void {
  cpu.loop.delivering = EVENT_VALID | type | vector | 0;
  leaveTask(cpu, next, () => {
    if (type === EVENT_SOFTWARE && inVirtual8086(cpu) && intoProgram(cpu, vector)) return;
    interrupt(cpu, vector, -1, origin);
  });
  cpu.loop.delivering = 0;
}

/** Through the IVT or IDT. `error` -1: none is pushed. `origin` SOFTWARE: gate DPL is checked and error codes have EXT clear. */
export function interrupt(cpu: Cpu, vector: number, error: number, origin: number, resume = false): void {
  const { R } = cpu;
  cpu.loop.noTrap = true;
  R[INTERRUPTIBILITY]! &= ~3;
  if (!inProtectedMode(cpu)) {
    realInterrupt(cpu, vector);
    return;
  }
  if (inLongMode(R)) return cpu.longMode!.interrupt(vector, error, origin === SOFTWARE, resume);
  const external = origin === SOFTWARE ? 0 : 1;
  const gateError = vector * 8 + 2 + external;
  if (vector * 8 + 7 > R[IDTR_LIMIT]!) cpu.fault(GP, gateError);
  const at = (R[IDTR_BASE]! + vector * 8) | 0;
  const gate = { low: cpu.memory.readSystem32(at), high: cpu.memory.readSystem32((at + 4) | 0), at };
  const type = descriptorType(gate);
  if (type !== 5 && type !== 6 && type !== 7 && type !== 14 && type !== 15) cpu.fault(GP, gateError);
  const cpl = R[CPL]!;
  if (origin === SOFTWARE && descriptorDpl(gate) < cpl) cpu.fault(GP, gateError);
  if (!descriptorPresent(gate)) cpu.fault(NP, gateError);
  if (type === 5) {
    if (resume) R[EFLAGS]! |= RF;
    throughTaskGate(cpu, gate, TASK_INTERRUPT, external);
    if (error >= 0) cpu.stack.push(error, (R[SEG + 7 * SEG_WORDS + SEG_RIGHTS]! & 8) !== 0 ? 32 : 16);
    return;
  }
  const wide = type >= 14;
  const entry = gateOffset(gate, type);
  const selector = gate.low >>> 16;
  if ((selector & 0xfffc) === 0) cpu.fault(GP, external);
  const code = readDescriptor(cpu, selector, GP, external);
  const error1 = (selector & 0xfffc) | external;
  if (!isCode(code) || descriptorDpl(code) > cpl) cpu.fault(GP, error1);
  if (!descriptorPresent(code)) cpu.fault(NP, error1);
  const v86 = inVirtual8086(cpu);
  const inner = isConforming(code) ? cpl : descriptorDpl(code);
  if (v86 && (isConforming(code) || inner !== 0)) cpu.fault(GP, error1);

  const flags = cpu.eflags | (resume ? RF : 0);
  const values: number[] = [];
  const oldCs = R[SEG + CS * SEG_WORDS + SEG_SELECTOR]!;
  if (inner < cpl || v86) {
    const stack = innerStack(cpu, inner, external);
    if (v86) for (const segment of [GS, FS, DS, ES]) values.push(R[SEG + segment * SEG_WORDS + SEG_SELECTOR]!);
    values.push(R[SEG + SS * SEG_WORDS + SEG_SELECTOR]!, R[ESP]!, flags, oldCs, R[EIP]!);
    if (error >= 0) values.push(error);
    if (entry >>> 0 > descriptorLimit(code) >>> 0) cpu.fault(GP, external);
    setAccessed(cpu, stack.descriptor);
    setAccessed(cpu, code);
    const esp = pushFrame(cpu, stack, inner, values, wide, external);
    if (v86) {
      R[EFLAGS]! &= ~VM;
      for (const segment of [GS, FS, DS, ES]) setNull(cpu, segment, 0);
    }
    setSegment(cpu, SS, (stack.ss & 0xfffc) | inner, stack.descriptor);
    R[ESP] = esp;
  } else {
    values.push(flags, oldCs, R[EIP]!);
    if (error >= 0) values.push(error);
    if (entry >>> 0 > descriptorLimit(code) >>> 0) cpu.fault(GP, external);
    const n = wide ? 4 : 2;
    setAccessed(cpu, code);
    try {
      for (let i = 1; i <= values.length; i++) cpu.memory.probeWrite(cpu.stack.at(-i * n, n, true), n);
    } catch (thrown) {
      if (thrown === FAULT && cpu.faults.vector === SS_) cpu.faults.error |= external;
      throw thrown;
    }
    for (let i = 1; i <= values.length; i++) {
      const slot = cpu.stack.at(-i * n, n, true);
      if (wide) cpu.memory.write32(slot, values[i - 1]!);
      else cpu.memory.write16(slot, values[i - 1]!);
    }
    cpu.stack.move(-values.length * n);
  }
  R[EFLAGS]! &= ~(TF | NT | RF | VM);
  // Interrupt gates (even types) clear IF.
  if ((type & 1) === 0) R[EFLAGS]! &= ~IF;
  enterCode(cpu, selector, code, entry, inner);
}

function realInterrupt(cpu: Cpu, vector: number): void {
  const { R } = cpu;
  if (vector * 4 + 3 > R[IDTR_LIMIT]!) cpu.fault(GP, 0);
  const at = (R[IDTR_BASE]! + vector * 4) | 0;
  const ip = cpu.memory.readSystem16(at),
    cs = cpu.memory.readSystem16((at + 2) | 0);
  const slots = [cpu.stack.at(-2, 2, true), cpu.stack.at(-4, 2, true), cpu.stack.at(-6, 2, true)];
  cpu.memory.write16(slots[0]!, cpu.eflags);
  cpu.memory.write16(slots[1]!, R[SEG + CS * SEG_WORDS + SEG_SELECTOR]!);
  cpu.memory.write16(slots[2]!, R[EIP]!);
  cpu.stack.move(-6);
  R[EFLAGS]! &= ~(IF | TF | AC | RF);
  enterRealCode(cpu, cs, ip);
}

/** IRET and IRETD. */
export function interruptReturn(cpu: Cpu, size: 16 | 32, next: number): void {
  const { R } = cpu;
  cpu.loop.keepRf = size === 32;
  // NMIs come through again even if the IRET faults (SDM vol. 3, 6.7.1).
  if ((R[INTERRUPTIBILITY]! & 8) !== 0) {
    R[INTERRUPTIBILITY]! &= ~8;
    if (cpu.controls.nmiWindow) cpu.loop.endBatch();
  }
  if (size === 32 ? cpu.flat.interruptReturn() : plainRealReturn(cpu)) return;
  anyReturn(cpu, size, next);
}

/** By itself, as `anySoftwareInterrupt`. */
function anyReturn(cpu: Cpu, size: 16 | 32, next: number): void {
  const { R } = cpu,
    n = size >> 3;
  if (!inProtectedMode(cpu) || inVirtual8086(cpu)) {
    const isVirtual = flagsAreVirtual(cpu, size);
    const eip = cpu.stack.top(size),
      selector = cpu.stack.top(size, n) & 0xffff,
      image = cpu.stack.top(size, 2 * n);
    if (eip >>> 0 > R[SEG + CS * SEG_WORDS + SEG_LIMIT]! >>> 0) cpu.fault(GP, 0);
    const flags = isVirtual ? checkedVirtualFlags(cpu, image) : image;
    cpu.stack.move(3 * n);
    // Virtual-8086 mode cannot change IOPL; VM, VIF, VIP stay in both.
    const keep = inVirtual8086(cpu) ? IOPL : 0;
    cpu.changeFlags(flags, isVirtual ? VIRTUAL_FLAGS_CHANGED : (size === 32 ? 0x257fd5 : 0x7fd5) & ~keep);
    enterRealCode(cpu, selector, eip);
    return;
  }
  if ((R[EFLAGS]! & NT) !== 0) {
    leaveTask(cpu, next, () => nestedReturn(cpu));
    return;
  }
  const eip = cpu.stack.top(size),
    selector = cpu.stack.top(size, n) & 0xffff,
    flags = cpu.stack.top(size, 2 * n);
  const cpl = R[CPL]!;
  if (size === 32 && (flags & VM) !== 0 && cpl === 0) {
    returnToVirtual8086(cpu, eip, selector, flags);
    return;
  }
  // IF needs CPL <= IOPL, IOPL needs CPL 0 (SDM vol. 2, IRET); VIF and VIP change at CPL 0 alone.
  let mask = size === 32 ? 0x254dd5 : 0x4dd5;
  if (cpl <= (R[EFLAGS]! & IOPL) >>> 12) mask |= IF;
  if (cpl === 0) mask |= IOPL | (size === 32 ? VIF | VIP : 0);
  returnTo(cpu, selector, eip, size, 3 * n, 0, () => cpu.changeFlags(flags, mask));
  checkVirtualPending(cpu);
}

function returnToVirtual8086(cpu: Cpu, eip: number, cs: number, flags: number): void {
  const { R } = cpu;
  const esp = cpu.stack.top(32, 12);
  const selectors = [0, 0, 0, 0, 0, 0];
  selectors[SS] = cpu.stack.top(32, 16) & 0xffff;
  selectors[ES] = cpu.stack.top(32, 20) & 0xffff;
  selectors[DS] = cpu.stack.top(32, 24) & 0xffff;
  selectors[FS] = cpu.stack.top(32, 28) & 0xffff;
  selectors[GS] = cpu.stack.top(32, 32) & 0xffff;
  selectors[CS] = cs;
  if (eip >>> 0 > 0xffff) cpu.fault(GP, 0);
  cpu.changeFlags(flags, 0x3f7fd5);
  R[ESP] = esp;
  R[CPL] = 3;
  for (const segment of [ES, CS, SS, DS, FS, GS]) setRealSegment(cpu, segment, selectors[segment]!);
  R[EIP] = eip & 0xffff;
  cpu.mode.changed();
  cpu.S[S_STOP] = JUMP;
  checkVirtualPending(cpu);
}
