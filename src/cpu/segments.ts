/**
 * *Idea.* A segment register is a cache: loading a selector copies base, limit and rights from a descriptor in the guest's tables, and from then on
 * only the copy counts. Loads and far transfers are where protection happens, and manuals prescribe the order of their checks, because the first one
 * that fails decides which fault the guest sees. The functions here follow that order, and load a register only when its last check has passed. Plain
 * flat segments take the short path of flat-transfers.ts. Sources: SDM vol. 3, chapter 3 (descriptors), 5.8 (transfers between privilege levels),
 * table 5-2 (order of checks); vol. 2, CALL, JMP, RET, IRET, MOV.
 */
import type { Cpu } from './cpu.ts';

import { NT, VM } from './architecture/flags.ts';
import { CR0_PE, EFER_LMA } from './architecture/control-bits.ts';
import { GP, LEAVE, NP, SS_, TS } from './faults.ts';
import { JUMP, S_STOP, S_USER } from './scratch.ts';
import {
  CPL,
  CR0,
  CS,
  DS,
  EFER,
  EFLAGS,
  EIP,
  ES,
  ESP,
  FS,
  GDTR_BASE,
  GDTR_LIMIT,
  GS,
  HIGH,
  LDTR,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_SELECTOR,
  SEG_WORDS,
  SS,
  TR,
  RIGHTS_UNUSABLE,
} from './architecture/registers.ts';
import { inLongMode } from './mode.ts';
import { addedHigh } from './stack.ts';
import { returnFromTask, switchTask, TASK_CALL, TASK_JMP } from './tasks.ts';

/** A descriptor as it lies in its table; `at` is its linear address. One object is reused: copy what must outlive the next read. */
export interface Descriptor {
  low: number;
  high: number;
  at: number;
}

export const inProtected = (cpu: Cpu) => (cpu.R[CR0]! & CR0_PE) !== 0 && (cpu.R[EFLAGS]! & VM) === 0;
export const inVirtual8086 = (cpu: Cpu) => (cpu.R[EFLAGS]! & VM) !== 0 && (cpu.R[CR0]! & CR0_PE) !== 0;

/** L of a code descriptor, in its high word. */
export const DESCRIPTOR_L = 1 << 21;
export const descriptorBase = (d: Descriptor) => (d.low >>> 16) | ((d.high & 0xff) << 16) | (d.high & 0xff000000) | 0;
export const descriptorLimit = (d: Descriptor) => {
  const limit = (d.low & 0xffff) | (d.high & 0xf0000);
  return (d.high & 0x800000) !== 0 ? (limit << 12) | 0xfff : limit;
};
export const descriptorDpl = (d: Descriptor) => (d.high >>> 13) & 3;
/** Type and S: 0-15 system, 16-31 code and data. */
export const descriptorType = (d: Descriptor) => (d.high >>> 8) & 31;
export const descriptorPresent = (d: Descriptor) => (d.high & 0x8000) !== 0;
export const isCode = (d: Descriptor) => (d.high & 0x1800) === 0x1800;
export const isConforming = (d: Descriptor) => (d.high & 0x1c00) === 0x1c00;
/** A data segment that can be written. */
export const isWritableData = (d: Descriptor) => (d.high & 0x1a00) === 0x1200;
const isReadable = (d: Descriptor) => (d.high & 0x1800) === 0x1000 || (d.high & 0x1a00) === 0x1a00;

/** Linear address of `size` bytes at `offset` in a table whose base is in word `base`; a slot address (tlb.ts) where that has 64 bits. */
export function tableAddress({ R, tlb }: Cpu, base: number, offset: number, size: number): number {
  const low = R[base]!,
    high = R[base + HIGH]!;
  // Outside of long mode each slot is that of its linear address.
  if ((R[EFER]! & EFER_LMA) === 0) return (low + offset) | 0;
  return tlb.slotAddresses((low + offset) | 0, addedHigh(low, high, offset), size);
}

/** Reads a descriptor; `vector(selector)` where the table ends before it. */
export function readDescriptor(cpu: Cpu, selector: number, vector = GP, external = 0): Descriptor {
  const { R } = cpu;
  const local = (selector & 4) !== 0;
  const limit = local ? R[SEG + LDTR * SEG_WORDS + SEG_LIMIT]! >>> 0 : R[GDTR_LIMIT]! >>> 0;
  if (local && (R[SEG + LDTR * SEG_WORDS + SEG_RIGHTS]! & RIGHTS_UNUSABLE) !== 0)
    cpu.fault(vector, (selector & 0xfffc) | external);
  if ((selector | 7) > limit) cpu.fault(vector, (selector & 0xfffc) | external);
  const at = tableAddress(cpu, local ? SEG + LDTR * SEG_WORDS + SEG_BASE : GDTR_BASE, selector & 0xfff8, 8);
  return { low: cpu.memory.readSystem32(at), high: cpu.memory.readSystem32((at + 4) | 0), at };
}

/** The same without a fault: null where the table ends. For LAR, LSL, VERR, VERW. */
export function findDescriptor(cpu: Cpu, selector: number): Descriptor | null {
  const { R } = cpu;
  if ((selector & 0xfffc) === 0) return null;
  const local = (selector & 4) !== 0;
  if (local && (R[SEG + LDTR * SEG_WORDS + SEG_RIGHTS]! & RIGHTS_UNUSABLE) !== 0) return null;
  const limit = local ? R[SEG + LDTR * SEG_WORDS + SEG_LIMIT]! >>> 0 : R[GDTR_LIMIT]! >>> 0;
  return (selector | 7) > limit ? null : readDescriptor(cpu, selector);
}

/** `eip` lies past the segment's end. 64-bit code has none. */
function isBeyond({ R }: Cpu, d: Descriptor, eip: number): boolean {
  return eip >>> 0 > descriptorLimit(d) >>> 0 && !(inLongMode(R) && (d.high & DESCRIPTOR_L) !== 0);
}

export function setAccessed(cpu: Cpu, d: Descriptor): void {
  if ((d.high & 0x100) !== 0) return;
  d.high |= 0x100;
  cpu.memory.writeSystem((d.at + 5) | 0, 1, d.high >>> 8);
}

/** Puts a descriptor into a segment register; no check, `mode.changed()` is left to the caller. */
export function setSegment(cpu: Cpu, segment: number, selector: number, d: Descriptor): void {
  const { R } = cpu;
  const s = SEG + segment * SEG_WORDS;
  R[s + SEG_SELECTOR] = selector;
  R[s + SEG_BASE] = descriptorBase(d);
  R[s + SEG_BASE + HIGH] = 0;
  R[s + SEG_LIMIT] = descriptorLimit(d);
  R[s + SEG_RIGHTS] = (d.high >>> 8) & 0xf0ff;
}

export function setNull(cpu: Cpu, segment: number, selector: number): void {
  const { R } = cpu;
  const s = SEG + segment * SEG_WORDS;
  R[s + SEG_SELECTOR] = selector;
  R[s + SEG_BASE] = R[s + SEG_BASE + HIGH] = 0;
  R[s + SEG_LIMIT] = 0;
  R[s + SEG_RIGHTS] = RIGHTS_UNUSABLE;
}

/** Real-address and virtual-8086 mode: the base follows the selector; the limit is that of 8086 in V86 mode and stays in real mode. */
export function setRealSegment(cpu: Cpu, segment: number, selector: number): void {
  const { R } = cpu;
  const s = SEG + segment * SEG_WORDS;
  R[s + SEG_SELECTOR] = selector;
  R[s + SEG_BASE] = selector << 4;
  if (inVirtual8086(cpu)) {
    R[s + SEG_LIMIT] = 0xffff;
    R[s + SEG_RIGHTS] = 0xf3;
  } else {
    // The D/B bit is kept ("unreal mode"); type and presence are those of writable data.
    R[s + SEG_RIGHTS] = (R[s + SEG_RIGHTS]! & 0xc000 & (segment === CS ? 0 : -1)) | 0x93;
  }
}

/** MOV to, POP and LxS of ES, SS, DS, FS, GS. */
export function loadSegment(cpu: Cpu, segment: number, selector: number): void {
  if (!inProtected(cpu)) {
    setRealSegment(cpu, segment, selector);
    if (segment === SS || !cpu.mode.narrowSegments) cpu.mode.changed();
    return;
  }
  if (cpu.flat.load(segment, selector)) return;
  const { R } = cpu;
  const cpl = R[CPL]!;
  const rpl = selector & 3;
  if ((selector & 0xfffc) === 0) {
    // 64-bit code has none but in ring 3 (SDM vol. 2, MOV).
    if (segment === SS && (!cpu.mode.long || cpl === 3 || rpl !== cpl)) cpu.fault(GP, 0);
    setNull(cpu, segment, selector);
    cpu.mode.changed();
    return;
  }
  const d = readDescriptor(cpu, selector);
  const error = selector & 0xfffc;
  if (segment === SS) {
    if (rpl !== cpl || !isWritableData(d) || descriptorDpl(d) !== cpl) cpu.fault(GP, error);
    if (!descriptorPresent(d)) cpu.fault(SS_, error);
  } else {
    if (!isReadable(d)) cpu.fault(GP, error);
    if (!isConforming(d) && Math.max(rpl, cpl) > descriptorDpl(d)) cpu.fault(GP, error);
    if (!descriptorPresent(d)) cpu.fault(NP, error);
  }
  setAccessed(cpu, d);
  setSegment(cpu, segment, selector, d);
  cpu.mode.changed();
}

/** After a change to an outer level: data segments the new level may not have become null (SDM vol. 2, RET and IRET). In long mode FS and GS keep their bases. */
export function dropInnerSegments(cpu: Cpu): void {
  const { R } = cpu,
    keepsBase = inLongMode(R);
  for (const segment of [ES, DS, FS, GS]) {
    const s = SEG + segment * SEG_WORDS;
    const rights = R[s + SEG_RIGHTS]!;
    const conforming = (rights & 0x1c) === 0x1c;
    if ((rights & RIGHTS_UNUSABLE) !== 0 || conforming || ((rights >>> 5) & 3) >= R[CPL]!) continue;
    const low = R[s + SEG_BASE]!,
      high = R[s + SEG_BASE + HIGH]!;
    setNull(cpu, segment, 0);
    if (keepsBase) [R[s + SEG_BASE], R[s + SEG_BASE + HIGH]] = [low, high];
  }
}

/** Sets CS:EIP from a checked code descriptor. */
export function enterCode(cpu: Cpu, selector: number, d: Descriptor, eip: number, cpl: number): void {
  const { R } = cpu;
  if (isBeyond(cpu, d, eip)) cpu.fault(GP, 0);
  setAccessed(cpu, d);
  cpu.mode.settle();
  setSegment(cpu, CS, (selector & 0xfffc) | cpl, d);
  R[CPL] = cpl;
  R[EIP] = eip;
  cpu.mode.changed();
  cpu.S[S_STOP] = JUMP;
}

function realJump(cpu: Cpu, selector: number, eip: number): void {
  if (eip >>> 0 > cpu.R[SEG + CS * SEG_WORDS + SEG_LIMIT]! >>> 0) cpu.fault(GP, 0);
  enterRealCode(cpu, selector, eip);
}

/** To CS:EIP as real mode and virtual-8086 mode have it. Nothing is checked. */
export function enterRealCode(cpu: Cpu, selector: number, eip: number): void {
  setRealSegment(cpu, CS, selector);
  cpu.R[EIP] = eip;
  cpu.mode.realCodeChanged();
  cpu.S[S_STOP] = JUMP;
}

/** Code descriptor checks that JMP, CALL and gates share: SDM vol. 3, 5.8.1. Returns the CPL that will run it. */
export function checkCode(cpu: Cpu, selector: number, d: Descriptor): void {
  const cpl = cpu.R[CPL]!;
  const error = selector & 0xfffc;
  if (isConforming(d)) {
    if (descriptorDpl(d) > cpl) cpu.fault(GP, error);
  } else if ((selector & 3) > cpl || descriptorDpl(d) !== cpl) cpu.fault(GP, error);
  if (!descriptorPresent(d)) cpu.fault(NP, error);
}

/** JMP ptr16:16, ptr16:32, m16:16, m16:32. */
export function farJump(cpu: Cpu, selector: number, eip: number, next: number): void {
  if (!inProtected(cpu)) {
    realJump(cpu, selector, eip);
    return;
  }
  if ((selector & 0xfffc) === 0) cpu.fault(GP, 0);
  const cpl = cpu.R[CPL]!;
  const d = readDescriptor(cpu, selector);
  if (isCode(d)) {
    checkCode(cpu, selector, d);
    enterCode(cpu, selector, d, eip, cpl);
    return;
  }
  if (inLongMode(cpu.R)) return cpu.longMode!.throughGate(selector, d, null);
  const error = selector & 0xfffc;
  const type = descriptorType(d);
  if (type !== 4 && type !== 12 && type !== 5 && type !== 1 && type !== 9) cpu.fault(GP, error);
  if (descriptorDpl(d) < cpl || descriptorDpl(d) < (selector & 3)) cpu.fault(GP, error);
  if (type === 1 || type === 9) {
    onlyInGdt(cpu, selector);
    if (!descriptorPresent(d)) cpu.fault(NP, error);
    leaveTask(cpu, next, () => switchTask(cpu, selector, d, TASK_JMP));
    return;
  }
  if (!descriptorPresent(d)) cpu.fault(NP, error);
  if (type === 5) {
    leaveTask(cpu, next, () => throughTaskGate(cpu, d, TASK_JMP));
    return;
  }
  const target = d.low >>> 16;
  if ((target & 0xfffc) === 0) cpu.fault(GP, 0);
  const code = readDescriptor(cpu, target);
  if (!isCode(code)) cpu.fault(GP, target & 0xfffc);
  if (isConforming(code) ? descriptorDpl(code) > cpl : descriptorDpl(code) !== cpl) cpu.fault(GP, target & 0xfffc);
  if (!descriptorPresent(code)) cpu.fault(NP, target & 0xfffc);
  enterCode(cpu, target, code, gateOffset(d, type), cpl);
}

/** TSS descriptors of an LDT are none (SDM vol. 3, 7.2.2). */
function onlyInGdt(cpu: Cpu, selector: number): void {
  if ((selector & 4) !== 0) cpu.fault(GP, selector & 0xfffc);
}

/** A task switch by JMP, CALL or INT: the old task goes on at `next`; EIP is put back if a fault comes before the new task is in charge. */
export function leaveTask(cpu: Cpu, next: number, change: () => void): void {
  const eip = cpu.R[EIP]!,
    high = cpu.R[EIP + HIGH]!;
  cpu.R[EIP] = next;
  if (cpu.mode.long && next >>> 0 < eip >>> 0) cpu.R[EIP + HIGH] = high + 1;
  try {
    change();
  } catch (thrown) {
    if (cpu.S[S_STOP] !== JUMP) {
      cpu.R[EIP] = eip;
      cpu.R[EIP + HIGH] = high;
    }
    if (thrown === LEAVE) cpu.loop.cutLength = next - eip;
    throw thrown;
  }
}

/** Entry point of a call, interrupt or trap gate: 16 bits in 286 gates. */
export const gateOffset = (d: Descriptor, type: number) =>
  type < 8 ? d.low & 0xffff : (d.low & 0xffff) | (d.high & 0xffff0000);

/** The TSS that a task gate names, checked. */
export function throughTaskGate(cpu: Cpu, gate: Descriptor, kind: number, external = 0): void {
  const selector = gate.low >>> 16;
  if ((selector & 0xfffc) === 0) cpu.fault(GP, external);
  if ((selector & 4) !== 0) cpu.fault(GP, (selector & 0xfffc) | external);
  const tss = readDescriptor(cpu, selector, GP, external);
  const type = descriptorType(tss);
  if (type !== 1 && type !== 9) cpu.fault(GP, (selector & 0xfffc) | external);
  if (!descriptorPresent(tss)) cpu.fault(NP, (selector & 0xfffc) | external);
  switchTask(cpu, selector, tss, kind, external);
}

/** Stack for an inner level from the TSS: SS and ESP (SDM vol. 3, 5.8.5). */
export function innerStack(cpu: Cpu, cpl: number, external = 0): { ss: number; esp: number; descriptor: Descriptor } {
  const { R } = cpu;
  const tr = SEG + TR * SEG_WORDS;
  const base = R[tr + SEG_BASE]!,
    limit = R[tr + SEG_LIMIT]! >>> 0;
  const wide = (R[tr + SEG_RIGHTS]! & 8) !== 0;
  const at = wide ? 4 + 8 * cpl : 2 + 4 * cpl;
  if (at + (wide ? 5 : 3) > limit) cpu.fault(TS, (R[tr + SEG_SELECTOR]! & 0xfffc) | external);
  const esp = wide ? cpu.memory.readSystem32((base + at) | 0) : cpu.memory.readSystem16((base + at) | 0);
  const ss = cpu.memory.readSystem16((base + at + (wide ? 4 : 2)) | 0);
  if ((ss & 0xfffc) === 0) cpu.fault(TS, external);
  const descriptor = readDescriptor(cpu, ss, TS, external);
  if ((ss & 3) !== cpl || descriptorDpl(descriptor) !== cpl || !isWritableData(descriptor))
    cpu.fault(TS, (ss & 0xfffc) | external);
  if (!descriptorPresent(descriptor)) cpu.fault(SS_, (ss & 0xfffc) | external);
  return { ss, esp, descriptor };
}

/** Writes a frame to a stack that is not yet in SS: checks room, then stores. Values in push order. Returns the new ESP. */
export function pushFrame(
  cpu: Cpu,
  stack: { ss: number; esp: number; descriptor: Descriptor },
  cpl: number,
  values: number[],
  wide: boolean,
  external = 0,
): number {
  const size = wide ? 4 : 2;
  const d = stack.descriptor;
  const big = (d.high & 0x400000) !== 0;
  const mask = big ? -1 : 0xffff;
  const bytes = values.length * size;
  const low = (stack.esp - bytes) & mask;
  const base = descriptorBase(d),
    limit = descriptorLimit(d) >>> 0;
  const expandDown = (d.high & 0x400) !== 0;
  for (let i = 1; i <= values.length; i++) {
    const first = ((stack.esp - i * size) & mask) >>> 0,
      last = first + size - 1;
    if (expandDown ? first <= limit || last > (big ? 0xffffffff : 0xffff) : last > limit)
      cpu.fault(SS_, (stack.ss & 0xfffc) | external);
  }
  const user = cpu.S[S_USER]!;
  cpu.S[S_USER] = cpl === 3 ? 1 << 20 : 0;
  try {
    cpu.memory.probeWrite((base + low) | 0, bytes);
    for (let i = 0; i < values.length; i++) {
      const at = (base + ((stack.esp - (i + 1) * size) & mask)) | 0;
      if (wide) cpu.memory.write32(at, values[i]!);
      else cpu.memory.write16(at, values[i]!);
    }
  } finally {
    cpu.S[S_USER] = user;
  }
  return big ? low : (stack.esp & -65536) | low;
}

/** CALL ptr and m far. `next` is the EIP after the instruction, `size` its operand size. */
export function farCall(cpu: Cpu, selector: number, eip: number, next: number, size: 16 | 32): void {
  const { R } = cpu;
  const wide = size === 32;
  const bytes = wide ? 4 : 2;
  const oldCs = R[SEG + CS * SEG_WORDS + SEG_SELECTOR]!;
  const pushReturn = (w: boolean) => {
    const n = w ? 4 : 2;
    const first = cpu.stack.at(-n, n, true),
      second = cpu.stack.at(-2 * n, n, true);
    cpu.memory.probeWrite(first, n);
    cpu.memory.probeWrite(second, n);
    if (w) {
      cpu.memory.write32(first, oldCs);
      cpu.memory.write32(second, next);
    } else {
      cpu.memory.write16(first, oldCs);
      cpu.memory.write16(second, next);
    }
  };
  if (!inProtected(cpu)) {
    if (eip >>> 0 > R[SEG + CS * SEG_WORDS + SEG_LIMIT]! >>> 0) cpu.fault(GP, 0);
    pushReturn(wide);
    cpu.stack.move(-2 * bytes);
    realJump(cpu, selector, eip);
    return;
  }
  if ((selector & 0xfffc) === 0) cpu.fault(GP, 0);
  const cpl = R[CPL]!;
  const d = readDescriptor(cpu, selector);
  const error = selector & 0xfffc;
  if (isCode(d)) {
    checkCode(cpu, selector, d);
    if (isBeyond(cpu, d, eip)) cpu.fault(GP, 0);
    setAccessed(cpu, d);
    pushReturn(wide);
    cpu.stack.move(-2 * bytes);
    enterCode(cpu, selector, d, eip, cpl);
    return;
  }
  if (inLongMode(R)) return cpu.longMode!.throughGate(selector, d, { low: next, high: 0 });
  const type = descriptorType(d);
  if (type !== 4 && type !== 12 && type !== 5 && type !== 1 && type !== 9) cpu.fault(GP, error);
  if (descriptorDpl(d) < cpl || descriptorDpl(d) < (selector & 3)) cpu.fault(GP, error);
  if (type === 1 || type === 9) onlyInGdt(cpu, selector);
  if (!descriptorPresent(d)) cpu.fault(NP, error);
  if (type === 1 || type === 9) return leaveTask(cpu, next, () => switchTask(cpu, selector, d, TASK_CALL));
  if (type === 5) return leaveTask(cpu, next, () => throughTaskGate(cpu, d, TASK_CALL));
  // A call gate (SDM vol. 3, 5.8.4).
  const gateWide = type === 12;
  const target = d.low >>> 16;
  const entry = gateOffset(d, type),
    parameters = d.high & 31;
  if ((target & 0xfffc) === 0) cpu.fault(GP, 0);
  const code = readDescriptor(cpu, target);
  if (!isCode(code) || descriptorDpl(code) > cpl) cpu.fault(GP, target & 0xfffc);
  if (!descriptorPresent(code)) cpu.fault(NP, target & 0xfffc);
  const inner = descriptorDpl(code);
  if (isConforming(code) || inner === cpl) {
    if (isBeyond(cpu, code, entry)) cpu.fault(GP, 0);
    setAccessed(cpu, code);
    pushReturn(gateWide);
    cpu.stack.move(gateWide ? -8 : -4);
    enterCode(cpu, target, code, entry, cpl);
    return;
  }
  const stack = innerStack(cpu, inner);
  if (isBeyond(cpu, code, entry)) cpu.fault(GP, 0);
  const n = gateWide ? 4 : 2;
  const values = [R[SEG + SS * SEG_WORDS + SEG_SELECTOR]!, R[ESP]!];
  for (let i = parameters - 1; i >= 0; i--) values.push(cpu.stack.top(gateWide ? 32 : 16, i * n));
  values.push(oldCs, next);
  setAccessed(cpu, stack.descriptor);
  setAccessed(cpu, code);
  const esp = pushFrame(cpu, stack, inner, values, gateWide);
  setSegment(cpu, SS, (stack.ss & 0xfffc) | inner, stack.descriptor);
  R[ESP] = esp;
  enterCode(cpu, target, code, entry, inner);
}

/** RETF and the common part of a protected IRET: from the frame at the stack's top. `release` bytes of parameters. */
export function farReturn(cpu: Cpu, size: 16 | 32, release: number): void {
  const { R } = cpu;
  const n = size >> 3;
  const eip = cpu.stack.top(size),
    selector = cpu.stack.top(size, n) & 0xffff;
  if (!inProtected(cpu)) {
    if (eip >>> 0 > R[SEG + CS * SEG_WORDS + SEG_LIMIT]! >>> 0) cpu.fault(GP, 0);
    cpu.stack.move(2 * n + release);
    realJump(cpu, selector, eip);
    return;
  }
  returnTo(cpu, selector, eip, size, 2 * n, release, null);
}

/**
 * To CS:EIP at the same or an outer level. `frame`: bytes of the frame up to an outer SS:ESP; `release` is skipped on both stacks.
 * `flags` runs once nothing can fault any more, before CPL changes.
 */
export function returnTo(
  cpu: Cpu,
  selector: number,
  eip: number,
  size: 16 | 32,
  frame: number,
  release: number,
  flags: (() => void) | null,
): void {
  const { R } = cpu;
  const n = size >> 3;
  const cpl = R[CPL]!;
  const error = selector & 0xfffc;
  if (error === 0) cpu.fault(GP, 0);
  const d = readDescriptor(cpu, selector);
  const rpl = selector & 3;
  if (!isCode(d) || rpl < cpl) cpu.fault(GP, error);
  if (isConforming(d) ? descriptorDpl(d) > rpl : descriptorDpl(d) !== rpl) cpu.fault(GP, error);
  if (!descriptorPresent(d)) cpu.fault(NP, error);
  if (rpl === cpl) {
    if (isBeyond(cpu, d, eip)) cpu.fault(GP, 0);
    setAccessed(cpu, d);
    cpu.stack.move(frame + release);
    flags?.();
    enterCode(cpu, selector, d, eip, cpl);
    return;
  }
  const esp = cpu.stack.top(size, frame + release),
    ss = cpu.stack.top(size, frame + release + n) & 0xffff;
  if ((ss & 0xfffc) === 0) cpu.fault(GP, 0);
  const stack = readDescriptor(cpu, ss);
  if ((ss & 3) !== rpl || !isWritableData(stack) || descriptorDpl(stack) !== rpl) cpu.fault(GP, ss & 0xfffc);
  if (!descriptorPresent(stack)) cpu.fault(SS_, ss & 0xfffc);
  if (isBeyond(cpu, d, eip)) cpu.fault(GP, 0);
  setAccessed(cpu, stack);
  setAccessed(cpu, d);
  flags?.();
  setSegment(cpu, SS, ss, stack);
  const top = (esp + release) | 0;
  R[ESP] = (stack.high & 0x400000) !== 0 ? (size === 32 ? top : top & 0xffff) : (R[ESP]! & -65536) | (top & 0xffff);
  enterCode(cpu, selector, d, eip, rpl);
  dropInnerSegments(cpu);
  cpu.mode.changed();
}

/** IRET from a nested task. */
export function nestedReturn(cpu: Cpu): boolean {
  if ((cpu.R[EFLAGS]! & NT) === 0) return false;
  if (inLongMode(cpu.R)) cpu.fault(GP, 0);
  returnFromTask(cpu);
  return true;
}
