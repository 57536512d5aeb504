/**
 * Interrupts, IRET, far transfers and fast system calls of long mode. Sources: SDM vol. 3, 6.14 (interrupts), 5.8.5 and 5.8.8 (transfers, SYSCALL); vol. 2, INT n,
 * IRET, JMP, CALL, RET, SYSCALL, SYSRET, SYSENTER, SYSEXIT. Tasks and virtual-8086 mode do not exist there.
 */
import { isCanonical } from './addressing.ts';
import type { Cpu } from './cpu.ts';
import { EFER_SCE } from './architecture/control-bits.ts';
import { IF, IOPL, NT, RF, TF, VIF, VIP, VM } from './architecture/flags.ts';
import { GP, NP, SS_, TS, UD } from './faults.ts';
import { JUMP, S_HIGH, S_STOP, S_USER, USER } from './scratch.ts';
import {
  CPL,
  CS,
  ECX,
  EDX,
  EFER,
  EFLAGS,
  EIP,
  ESP,
  GDTR_LIMIT,
  HIGH,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  LDTR,
  MSR_FMASK,
  MSR_LSTAR,
  MSR_STAR,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  PENDING_DEBUG,
  R11,
  RIGHTS_DB,
  RIGHTS_L,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_SELECTOR,
  SEG_WORDS,
  SS,
  TR,
} from './architecture/registers.ts';
import {
  checkCode,
  type Descriptor,
  descriptorDpl,
  descriptorLimit,
  descriptorPresent,
  descriptorType,
  DESCRIPTOR_L,
  dropInnerSegments,
  isCode,
  isConforming,
  isWritableData,
  readDescriptor,
  setAccessed,
  setNull,
  setSegment,
  tableAddress,
} from './segments.ts';
import { addedHigh } from './stack.ts';

/** L and D of a code descriptor, in its high word. */
const D_L = DESCRIPTOR_L,
  D_D = 1 << 22;
const isLong = (d: Descriptor): boolean => (d.high & D_L) !== 0;
const isBadCode = (d: Descriptor): boolean => (d.high & (D_L | D_D)) === (D_L | D_D);

const selectorOf = (cpu: Cpu, segment: number): number => cpu.R[SEG + segment * SEG_WORDS + SEG_SELECTOR]!;

/** Sets CS:RIP from a checked code descriptor. */
function enter(cpu: Cpu, selector: number, d: Descriptor, low: number, high: number, cpl: number): void {
  const { R } = cpu;
  setAccessed(cpu, d);
  setSegment(cpu, CS, (selector & 0xfffc) | cpl, d);
  R[CPL] = cpl;
  R[EIP] = low;
  R[EIP + HIGH] = high;
  cpu.mode.changed();
  cpu.S[S_STOP] = JUMP;
}

/** #GP(0) for an offset that the code segment does not have. */
function checkEntry(cpu: Cpu, d: Descriptor, low: number, high: number): void {
  if (isLong(d) ? !isCanonical(high) : high !== 0 || low >>> 0 > descriptorLimit(d) >>> 0) cpu.fault(GP, 0);
}

// ---- interrupts ----

export interface Pointer {
  low: number;
  high: number;
}

/** A stack pointer of the task state: RSP of a level, or of the interrupt stack table. */
function stackOf(cpu: Cpu, at: number, external: number): Pointer {
  const { R, memory } = cpu,
    tr = SEG + TR * SEG_WORDS;
  if (at + 7 > R[tr + SEG_LIMIT]! >>> 0) cpu.fault(TS, (R[tr + SEG_SELECTOR]! & 0xfffc) | external);
  const slot = tableAddress(cpu, tr + SEG_BASE, at, 8);
  const pointer = { low: memory.readSystem32(slot), high: memory.readSystem32((slot + 4) | 0) };
  if (!isCanonical(pointer.high)) cpu.fault(SS_, external);
  return pointer;
}
/** Offsets in the task state (SDM vol. 3, figure 7-11). */
const RSP0 = 4,
  IST1 = 36;

/** Writes quads to a stack of level `cpl`, the last at its top; the new pointer. */
function pushFrame(cpu: Cpu, { low, high }: Pointer, cpl: number, quads: readonly Pointer[], external = 0): Pointer {
  const { S, memory } = cpu,
    bytes = quads.length * 8;
  const top = { low: (low - bytes) | 0, high: addedHigh(low, high, -bytes) };
  if (!isCanonical(top.high) || !isCanonical(high)) cpu.fault(SS_, external);
  const at = cpu.tlb.slotAddresses(top.low, top.high, bytes),
    user = S[S_USER]!;
  S[S_USER] = cpl === 3 ? USER : 0;
  try {
    memory.probeWrite(at, bytes);
    for (const [i, quad] of quads.entries()) memory.write64((at + bytes - 8 - 8 * i) | 0, quad.low, quad.high);
  } finally {
    S[S_USER] = user;
  }
  return top;
}

/** Through the IDT of long mode. `error` -1: none is pushed. `software`: the gate's DPL is checked and error codes have EXT clear. */
export function interruptLong(cpu: Cpu, vector: number, error: number, software: boolean, resume: boolean): void {
  const { R, memory } = cpu,
    external = software ? 0 : 1,
    gateError = vector * 8 + 2 + external,
    cpl = R[CPL]!;
  cpu.mode.settle();
  if (vector * 16 + 15 > R[IDTR_LIMIT]!) cpu.fault(GP, gateError);
  const at = tableAddress(cpu, IDTR_BASE, vector * 16, 16);
  const gate = { low: memory.readSystem32(at), high: memory.readSystem32((at + 4) | 0), at },
    offsetHigh = memory.readSystem32((at + 8) | 0),
    type = descriptorType(gate);
  if (type !== 14 && type !== 15) cpu.fault(GP, gateError);
  if (software && descriptorDpl(gate) < cpl) cpu.fault(GP, gateError);
  if (!descriptorPresent(gate)) cpu.fault(NP, gateError);
  const selector = gate.low >>> 16,
    codeError = (selector & 0xfffc) | external;
  if ((selector & 0xfffc) === 0) cpu.fault(GP, external);
  const code = readDescriptor(cpu, selector, GP, external);
  if (!isCode(code) || descriptorDpl(code) > cpl || (code.high & (D_L | D_D)) !== D_L) cpu.fault(GP, codeError);
  if (!descriptorPresent(code)) cpu.fault(NP, codeError);

  const inner = isConforming(code) ? cpl : descriptorDpl(code),
    ist = gate.high & 7;
  const stack =
    ist !== 0
      ? stackOf(cpu, IST1 + 8 * (ist - 1), external)
      : inner < cpl
        ? stackOf(cpu, RSP0 + 8 * inner, external)
        : { low: R[ESP]!, high: cpu.mode.long ? R[ESP + HIGH]! : 0 };
  if (!isCanonical(offsetHigh)) cpu.fault(GP, external);
  const quads: Pointer[] = [
    { low: selectorOf(cpu, SS), high: 0 },
    { low: R[ESP]!, high: cpu.mode.long ? R[ESP + HIGH]! : 0 },
    { low: cpu.eflags | (resume ? RF : 0), high: 0 },
    { low: selectorOf(cpu, CS), high: 0 },
    { low: R[EIP]!, high: R[EIP + HIGH]! },
  ];
  if (error >= 0) quads.push({ low: error, high: 0 });
  const top = pushFrame(cpu, { low: stack.low & -16, high: stack.high }, inner, quads, external);
  if (inner < cpl) setNull(cpu, SS, inner);
  R[ESP] = top.low;
  R[ESP + HIGH] = top.high;
  R[EFLAGS]! &= ~(TF | NT | RF | VM);
  // Interrupt gates (even types) clear IF.
  if ((type & 1) === 0) R[EFLAGS]! &= ~IF;
  const entry = (gate.low & 0xffff) | (gate.high & 0xffff0000);
  enter(cpu, selector, code, entry, offsetHigh, inner);
}

// ---- returns ----

/** A value of the stack, `delta` bytes from its top. */
function popped(cpu: Cpu, size: 16 | 32 | 64, delta: number): Pointer {
  const low = cpu.stack.top(size, delta);
  return { low, high: size === 64 ? cpu.S[S_HIGH]! : 0 };
}

/** The code segment that a return leads to, checked. */
function returnCode(cpu: Cpu, selector: number): Descriptor {
  const error = selector & 0xfffc,
    rpl = selector & 3;
  if (error === 0) cpu.fault(GP, 0);
  const d = readDescriptor(cpu, selector);
  if (!isCode(d) || rpl < cpu.R[CPL]! || isBadCode(d)) cpu.fault(GP, error);
  if (isConforming(d) ? descriptorDpl(d) > rpl : descriptorDpl(d) !== rpl) cpu.fault(GP, error);
  if (!descriptorPresent(d)) cpu.fault(NP, error);
  return d;
}

/** SS of a return: null for 64-bit code but of ring 3. */
function returnStack(cpu: Cpu, ss: number, rpl: number, code: Descriptor): Descriptor | null {
  const error = ss & 0xfffc;
  if (error === 0) {
    if (!isLong(code) || rpl === 3 || (ss & 3) !== rpl) cpu.fault(GP, 0);
    return null;
  }
  const d = readDescriptor(cpu, ss);
  if ((ss & 3) !== rpl || !isWritableData(d) || descriptorDpl(d) !== rpl) cpu.fault(GP, error);
  if (!descriptorPresent(d)) cpu.fault(SS_, error);
  return d;
}

/** To CS:RIP at the same or an outer level, with a stack of its own. `flags` runs once nothing can fault any more. */
function leaveFor(
  cpu: Cpu,
  selector: number,
  rip: Pointer,
  outer: { rsp: Pointer; ss: number } | null,
  flags: () => void,
): void {
  const { R } = cpu,
    rpl = selector & 3,
    isOuter = rpl > R[CPL]!;
  const code = returnCode(cpu, selector),
    // One object is reused.
    kept = { ...code },
    stack = outer === null ? null : returnStack(cpu, outer.ss, rpl, kept);
  checkEntry(cpu, kept, rip.low, rip.high);
  flags();
  if (outer !== null) {
    if (stack === null) setNull(cpu, SS, outer.ss);
    else {
      setAccessed(cpu, stack);
      setSegment(cpu, SS, outer.ss, stack);
    }
    R[ESP] = outer.rsp.low;
    R[ESP + HIGH] = outer.rsp.high;
  }
  enter(cpu, selector, kept, rip.low, rip.high, rpl);
  if (isOuter) {
    dropInnerSegments(cpu);
    cpu.mode.changed();
  }
}

/** IRET in 64-bit code: SS:RSP is always popped. */
export function returnFromInterrupt(cpu: Cpu, size: 16 | 32 | 64): void {
  const { R } = cpu,
    n = size >> 3,
    cpl = R[CPL]!;
  cpu.loop.keepRf = size !== 16;
  // NMIs come through again even if the IRET faults (SDM vol. 3, 6.7.1).
  if ((R[INTERRUPTIBILITY]! & 8) !== 0) {
    R[INTERRUPTIBILITY]! &= ~8;
    if (cpu.controls.nmiWindow) cpu.loop.endBatch();
  }
  if ((R[EFLAGS]! & NT) !== 0) cpu.fault(GP, 0);
  const rip = popped(cpu, size, 0),
    selector = popped(cpu, size, n).low & 0xffff,
    flags = popped(cpu, size, 2 * n).low,
    rsp = popped(cpu, size, 3 * n),
    ss = popped(cpu, size, 4 * n).low & 0xffff;
  let mask = size === 16 ? 0x4dd5 : 0x254dd5;
  if (cpl <= (R[EFLAGS]! & IOPL) >>> 12) mask |= IF;
  if (cpl === 0) mask |= IOPL | (size === 16 ? 0 : VIF | VIP);
  leaveFor(cpu, selector, rip, { rsp, ss }, () => cpu.changeFlags(flags, mask));
}

/** RETF in 64-bit code. `release` bytes of parameters are skipped. */
export function returnFar(cpu: Cpu, size: 16 | 32 | 64, release: number): void {
  const n = size >> 3,
    rip = popped(cpu, size, 0),
    selector = popped(cpu, size, n).low & 0xffff;
  if ((selector & 3) <= cpu.R[CPL]!) {
    leaveFor(cpu, selector, rip, null, () => cpu.stack.move(2 * n + release));
    return;
  }
  const rsp = popped(cpu, size, 2 * n + release),
    ss = popped(cpu, size, 3 * n + release).low & 0xffff;
  const after = { low: (rsp.low + release) | 0, high: addedHigh(rsp.low, rsp.high, release) };
  leaveFor(cpu, selector, rip, { rsp: after, ss }, () => {});
}

// ---- far jumps and calls ----

/** What a far pointer names: code, checked, or something else. */
function farTarget(cpu: Cpu, selector: number, { low, high }: Pointer): Descriptor {
  const error = selector & 0xfffc;
  if (error === 0) cpu.fault(GP, 0);
  const d = readDescriptor(cpu, selector);
  if (!isCode(d)) return d;
  if (isBadCode(d)) cpu.fault(GP, error);
  checkCode(cpu, selector, d);
  checkEntry(cpu, d, low, high);
  return d;
}

export function jumpFar(cpu: Cpu, selector: number, to: Pointer): void {
  const d = farTarget(cpu, selector, to);
  if (isCode(d)) enter(cpu, selector, d, to.low, to.high, cpu.R[CPL]!);
  else throughGate(cpu, selector, d, null);
}

/** A call gate of 64 bits, which has 16 bytes, has no parameters and leads to 64-bit code: the only system descriptor that there is for JMP and CALL. */
export function throughGate(cpu: Cpu, selector: number, d: Descriptor, next: Pointer | null): void {
  const { R } = cpu,
    error = selector & 0xfffc,
    cpl = R[CPL]!,
    gate = { ...d };
  if (descriptorType(gate) !== CALL_GATE || descriptorDpl(gate) < Math.max(cpl, selector & 3)) cpu.fault(GP, error);
  const limit = R[(selector & 4) !== 0 ? SEG + LDTR * SEG_WORDS + SEG_LIMIT : GDTR_LIMIT]! >>> 0;
  if ((selector | 7) + 8 > limit) cpu.fault(GP, error);
  const upper = readDescriptor(cpu, selector + 8);
  if ((upper.high & 0x1f00) !== 0) cpu.fault(GP, error);
  if (!descriptorPresent(gate)) cpu.fault(NP, error);
  const target = gate.low >>> 16,
    targetError = target & 0xfffc,
    entry = { low: (gate.low & 0xffff) | (gate.high & 0xffff0000), high: upper.low };
  if (targetError === 0) cpu.fault(GP, 0);
  const code = readDescriptor(cpu, target),
    dpl = descriptorDpl(code);
  if (!isCode(code) || (code.high & (D_L | D_D)) !== D_L) cpu.fault(GP, targetError);
  // A jump does not change the privilege level.
  if (dpl > cpl || (next === null && !isConforming(code) && dpl !== cpl)) cpu.fault(GP, targetError);
  if (!descriptorPresent(code)) cpu.fault(NP, targetError);
  const inner = isConforming(code) ? cpl : dpl;
  if (next !== null) {
    const old = { low: R[ESP]!, high: cpu.mode.long ? R[ESP + HIGH]! : 0 },
      stack = inner < cpl ? stackOf(cpu, RSP0 + 8 * inner, 0) : old;
    checkEntry(cpu, code, entry.low, entry.high);
    const quads = [{ low: selectorOf(cpu, CS), high: 0 }, next];
    if (inner < cpl) quads.unshift({ low: selectorOf(cpu, SS), high: 0 }, old);
    const top = pushFrame(cpu, stack, inner, quads);
    if (inner < cpl) setNull(cpu, SS, inner);
    R[ESP] = top.low;
    R[ESP + HIGH] = top.high;
  } else checkEntry(cpu, code, entry.low, entry.high);
  enter(cpu, target, code, entry.low, entry.high, inner);
}
const CALL_GATE = 12;

/** `next`: RIP after the instruction. */
export function callFar(cpu: Cpu, selector: number, to: Pointer, next: Pointer, size: 16 | 32 | 64): void {
  const { stack, memory } = cpu,
    n = size >> 3,
    d = farTarget(cpu, selector, to);
  if (!isCode(d)) return throughGate(cpu, selector, d, next);
  const values = [{ low: selectorOf(cpu, CS), high: 0 }, next],
    slots = values.map((_, i) => stack.at(-(i + 1) * n, n, true));
  for (const slot of slots) memory.probeWrite(slot, n);
  for (const [i, { low, high }] of values.entries()) {
    const slot = stack.at(-(i + 1) * n, n, true);
    if (size === 64) memory.write64(slot, low, high);
    else if (size === 32) memory.write32(slot, low);
    else memory.write16(slot, low);
  }
  stack.move(-2 * n);
  enter(cpu, selector, d, to.low, to.high, cpu.R[CPL]!);
}

// ---- fast system calls ----

/** Flat code or data, without looking at a descriptor. */
function flat(cpu: Cpu, segment: number, selector: number, cpl: number, code: number): void {
  const { R } = cpu,
    s = SEG + segment * SEG_WORDS;
  R[s + SEG_SELECTOR] = selector;
  R[s + SEG_BASE] = R[s + SEG_BASE + HIGH] = 0;
  R[s + SEG_LIMIT] = -1;
  R[s + SEG_RIGHTS] = 0x8090 | code | (cpl << 5) | (segment === CS ? 0xb : 3);
}

function go(cpu: Cpu, cs: number, ss: number, cpl: number, isLongCode: boolean, { low, high }: Pointer): void {
  const { R } = cpu;
  flat(cpu, CS, cs, cpl, isLongCode ? RIGHTS_L : RIGHTS_DB);
  flat(cpu, SS, ss, cpl, RIGHTS_DB);
  R[CPL] = cpl;
  R[EIP] = low;
  R[EIP + HIGH] = high;
  cpu.mode.changed();
  cpu.S[S_STOP] = JUMP;
}
const pointerIn = ({ R }: Cpu, word: number): Pointer => ({ low: R[word]!, high: R[word + HIGH]! });

/** `next`: RIP after the instruction. */
export function syscall(cpu: Cpu, next: Pointer): void {
  const { R } = cpu;
  if ((R[EFER]! & EFER_SCE) === 0) cpu.fault(UD);
  const flags = cpu.eflags & ~RF,
    cs = R[MSR_STAR + HIGH]! & 0xfffc;
  R[ECX] = next.low;
  R[ECX + HIGH] = next.high;
  R[R11] = flags;
  R[R11 + HIGH] = 0;
  cpu.changeFlags(flags & ~R[MSR_FMASK]!, -1);
  // Whether a trap follows is said by the new TF: else ring 3 would single-step the kernel's first instruction (XSA-204, and the Xen Test Framework's test of it).
  cpu.loop.noTrap = (R[EFLAGS]! & TF) === 0;
  go(cpu, cs, cs + 8, 0, true, pointerIn(cpu, MSR_LSTAR));
}

export function sysret(cpu: Cpu, size: 16 | 32 | 64): void {
  const { R } = cpu;
  if ((R[EFER]! & EFER_SCE) === 0) cpu.fault(UD);
  const to = { low: R[ECX]!, high: size === 64 ? R[ECX + HIGH]! : 0 },
    base = R[MSR_STAR + HIGH]! >>> 16;
  if (!isCanonical(to.high)) cpu.fault(GP, 0);
  const cs = (base + (size === 64 ? 16 : 0)) | 3;
  cpu.changeFlags(R[R11]! & 0x3c7fd7, ~(VM | RF));
  // The TF that is loaded says whether a trap follows, before the program's first instruction (Linux, entry_64.S; kvm-unit-tests, x86/syscall.c).
  cpu.loop.noTrap = true;
  if ((R[EFLAGS]! & TF) !== 0) R[PENDING_DEBUG]! |= 1 << 14;
  go(cpu, cs & 0xffff, ((base + 8) | 3) & 0xffff, 3, size === 64, to);
}

export function sysenter(cpu: Cpu): void {
  const { R } = cpu,
    cs = R[MSR_SYSENTER_CS]! & 0xfffc;
  if (cs === 0) cpu.fault(GP, 0);
  cpu.mode.settle();
  R[EFLAGS]! &= ~(VM | IF | RF);
  R[ESP] = R[MSR_SYSENTER_ESP]!;
  R[ESP + HIGH] = R[MSR_SYSENTER_ESP + HIGH]!;
  go(cpu, cs, cs + 8, 0, true, pointerIn(cpu, MSR_SYSENTER_EIP));
}

export function sysexit(cpu: Cpu, size: 16 | 32 | 64): void {
  const { R } = cpu,
    cs = R[MSR_SYSENTER_CS]! & 0xfffc,
    isWide = size === 64;
  if (cs === 0 || R[CPL] !== 0) cpu.fault(GP, 0);
  if (isWide && (!isCanonical(R[ECX + HIGH]!) || !isCanonical(R[EDX + HIGH]!))) cpu.fault(GP, 0);
  R[ESP] = R[ECX]!;
  R[ESP + HIGH] = isWide ? R[ECX + HIGH]! : 0;
  const to = { low: R[EDX]!, high: isWide ? R[EDX + HIGH]! : 0 };
  go(cpu, (cs + (isWide ? 32 : 16)) | 3, (cs + (isWide ? 40 : 24)) | 3, 3, isWide, to);
}
