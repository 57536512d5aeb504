/** Hardware task switches. Source: SDM vol. 3, chapter 7: the order of steps and checks is that of 7.3 and table 7-1. */
import type { Cpu } from './cpu.ts';
import { ExitReason } from './architecture/edge.ts';
import { NT, VM } from './architecture/flags.ts';
import { CR0_PG, CR0_TS, CR4_PAE } from './architecture/control-bits.ts';
import { GP, LEAVE, NP, SS_, TS } from './faults.ts';
import { JUMP, S_STOP } from './scratch.ts';
import {
  CPL,
  CR0,
  CR3,
  CR4,
  CS,
  DR,
  DS,
  EAX,
  EFLAGS,
  EIP,
  ES,
  FS,
  GS,
  LDTR,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_SELECTOR,
  SEG_WORDS,
  SS,
  TR,
  PENDING_DEBUG,
} from './architecture/registers.ts';
import {
  type Descriptor,
  descriptorBase,
  descriptorDpl,
  descriptorLimit,
  descriptorPresent,
  descriptorType,
  isCode,
  isConforming,
  isWritableData,
  readDescriptor,
  setAccessed,
  setNull,
  setRealSegment,
  setSegment,
} from './segments.ts';
import { checkVirtualPending } from './virtual-interrupts.ts';

/** What asks for a task switch. */
export const TASK_JMP = 0,
  TASK_CALL = 1,
  TASK_INTERRUPT = 2,
  TASK_IRET = 3;

/** Bits 30 and 31 of the qualification of a task-switch exit, by kind (SDM vol. 3, table 28-2). */
const EXIT_SOURCE = [2, 0, 3, 1];

/** Where things lie in a TSS (figures 7-2 and 7-10). */
const WIDE = {
  cr3: 0x1c,
  eip: 0x20,
  eflags: 0x24,
  registers: 0x28,
  segments: 0x48,
  ldt: 0x60,
  trap: 0x64,
  size: 4,
  limit: 103,
};
const NARROW = {
  cr3: -1,
  eip: 0x0e,
  eflags: 0x10,
  registers: 0x12,
  segments: 0x22,
  ldt: 0x2a,
  trap: -1,
  size: 2,
  limit: 43,
};

/** Busy bit of a TSS descriptor. */
function setBusy(cpu: Cpu, at: number, busy: boolean): void {
  const high = cpu.memory.readSystem8((at + 5) | 0);
  cpu.memory.writeSystem((at + 5) | 0, 1, busy ? high | 2 : high & ~2);
}

/**
 * To the task whose TSS descriptor is `d`. EIP must already point behind the instruction (at the interrupted one for TASK_INTERRUPT). VT-x leaves task switches
 * to the hypervisor, which finds the tasks by the guest's own tables: where it keeps shadow tables the processor does that in its place.
 */
export function switchTask(cpu: Cpu, selector: number, d: Descriptor, kind: number, external = 0): void {
  const {
    memory: { shadow },
  } = cpu;
  if (shadow === null || cpu.controls.taskSwitch) return toTask(cpu, selector, d, kind, external);
  cpu.memory.throughGuestTables = true;
  try {
    toTask(cpu, selector, d, kind, external);
  } finally {
    cpu.memory.throughGuestTables = false;
    shadow.onTaskSwitch();
  }
}

function toTask(cpu: Cpu, selector: number, d: Descriptor, kind: number, external: number): void {
  const { R } = cpu;
  if (cpu.controls.taskSwitch) {
    cpu.exit.reason = ExitReason.TASK_SWITCH;
    cpu.exit.qualification = (selector & 0xffff) | (EXIT_SOURCE[kind]! << 30);
    throw LEAVE;
  }
  const wide = (descriptorType(d) & 8) !== 0;
  const to = wide ? WIDE : NARROW;
  const error = selector & 0xfffc;
  const limit = descriptorLimit(d) >>> 0;
  if (limit < to.limit) cpu.fault(TS, error | external);
  const tr = SEG + TR * SEG_WORDS;
  const oldBase = R[tr + SEG_BASE]!,
    oldSelector = R[tr + SEG_SELECTOR]!;
  const from = (R[tr + SEG_RIGHTS]! & 8) !== 0 ? WIDE : NARROW;
  const base = descriptorBase(d);

  // Everything of both TSSs must be there before anything changes.
  const read = (offset: number, size: number) =>
    size === 4 ? cpu.memory.readSystem32((base + offset) | 0) : cpu.memory.readSystem16((base + offset) | 0);
  const cr3 = to.cr3 >= 0 ? read(to.cr3, 4) : R[CR3]!;
  const eip = read(to.eip, to.size),
    flags = read(to.eflags, to.size);
  const registers: number[] = [];
  for (let i = 0; i < 8; i++) registers.push(read(to.registers + i * to.size, to.size) | (wide ? 0 : 0xffff0000 | 0));
  const selectors: number[] = [];
  for (let i = 0; i < (wide ? 6 : 4); i++) selectors.push(read(to.segments + i * to.size, 2));
  const ldt = read(to.ldt, 2);
  const trap = to.trap >= 0 && (read(to.trap, 2) & 1) !== 0;
  cpu.memory.writeSystem((oldBase + from.eip) | 0, 0, 0);
  cpu.memory.writeSystem((oldBase + from.limit - 3) | 0, 0, 0);

  let savedFlags = cpu.eflags;
  if (kind === TASK_IRET) savedFlags &= ~NT;
  const write = (offset: number, value: number) => cpu.memory.writeSystem((oldBase + offset) | 0, from.size, value);
  write(from.eip, R[EIP]!);
  write(from.eflags, savedFlags);
  for (let i = 0; i < 8; i++) write(from.registers + i * from.size, R[EAX + i]!);
  for (let i = 0; i < (from === WIDE ? 6 : 4); i++)
    cpu.memory.writeSystem((oldBase + from.segments + i * from.size) | 0, 2, R[SEG + i * SEG_WORDS + SEG_SELECTOR]!);

  if (kind === TASK_JMP || kind === TASK_IRET) {
    const old = readDescriptor(cpu, oldSelector);
    setBusy(cpu, old.at, false);
  }
  if (kind !== TASK_IRET) setBusy(cpu, d.at, true);
  if (kind === TASK_CALL || kind === TASK_INTERRUPT) cpu.memory.writeSystem(base, 2, oldSelector);

  // The new task is in charge from here on: faults are its own.
  setSegment(cpu, TR, selector, d);
  R[tr + SEG_RIGHTS]! |= 2;
  R[CR0]! |= CR0_TS;
  if ((R[CR0]! & CR0_PG) !== 0 && to.cr3 >= 0 && cr3 !== R[CR3]) {
    if ((R[CR4]! & CR4_PAE) !== 0 && !cpu.memory.loadPdptes(cr3)) cpu.fault(TS, error);
    R[CR3] = cr3;
    cpu.tlb.flushNonGlobal();
  }
  R[DR + 7]! &= ~0x155;
  cpu.breakpointsChanged();
  const newFlags = (flags & ~0x8000) | (kind === TASK_CALL || kind === TASK_INTERRUPT ? NT : 0);
  cpu.eflags = wide ? newFlags : (newFlags & 0xffff) | (cpu.eflags & 0xffff0000 & ~VM);
  R[EIP] = wide ? eip : eip & 0xffff;
  for (let i = 0; i < 8; i++) R[EAX + i] = registers[i]!;
  cpu.loop.jumped();

  setNull(cpu, LDTR, ldt);
  for (let i = 0; i < 6; i++) setNull(cpu, i, selectors[i] ?? 0);
  // A fault of the loads is delivered in the new task: at its privilege level, with the segments loaded so far.
  try {
    loadSegments(cpu, ldt, selectors);
  } finally {
    cpu.mode.changed();
  }
  if (R[EIP]! >>> 0 > R[SEG + CS * SEG_WORDS + SEG_LIMIT]! >>> 0) cpu.fault(GP, 0);
  if (trap) R[PENDING_DEBUG]! |= 1 << 15;
  cpu.S[S_STOP] = JUMP;
  cpu.loop.endBatch();
  checkVirtualPending(cpu);
}

/** LDTR and the segment registers of the new task (SDM vol. 3, 7.3 step 13 and table 7-1). */
function loadSegments(cpu: Cpu, ldt: number, selectors: number[]): void {
  const { R } = cpu;
  if ((ldt & 0xfffc) !== 0) {
    if ((ldt & 4) !== 0) cpu.fault(TS, ldt & 0xfffc);
    const l = readDescriptor(cpu, ldt, TS);
    if (descriptorType(l) !== 2 || !descriptorPresent(l)) cpu.fault(TS, ldt & 0xfffc);
    setSegment(cpu, LDTR, ldt, l);
  }
  if ((R[EFLAGS]! & VM) !== 0) {
    R[CPL] = 3;
    for (const segment of [ES, CS, SS, DS, FS, GS]) setRealSegment(cpu, segment, selectors[segment]!);
  } else {
    const cs = selectors[CS]!;
    R[CPL] = cs & 3;
    const cpl = cs & 3;
    if ((cs & 0xfffc) === 0) cpu.fault(TS, 0);
    const code = readDescriptor(cpu, cs, TS);
    if (!isCode(code) || (isConforming(code) ? descriptorDpl(code) > cpl : descriptorDpl(code) !== cpl))
      cpu.fault(TS, cs & 0xfffc);
    if (!descriptorPresent(code)) cpu.fault(NP, cs & 0xfffc);
    const ss = selectors[SS]!;
    if ((ss & 0xfffc) === 0) cpu.fault(TS, 0);
    const stack = readDescriptor(cpu, ss, TS);
    if ((ss & 3) !== cpl || !isWritableData(stack) || descriptorDpl(stack) !== cpl) cpu.fault(TS, ss & 0xfffc);
    if (!descriptorPresent(stack)) cpu.fault(SS_, ss & 0xfffc);
    setAccessed(cpu, code);
    setAccessed(cpu, stack);
    setSegment(cpu, CS, cs, code);
    setSegment(cpu, SS, ss, stack);
    for (const segment of [ES, DS, FS, GS]) {
      const s = selectors[segment] ?? 0;
      if ((s & 0xfffc) === 0) continue;
      const data = readDescriptor(cpu, s, TS);
      const type = descriptorType(data);
      if (type < 16 || (type & 26) === 24 || (!isConforming(data) && descriptorDpl(data) < Math.max(cpl, s & 3)))
        cpu.fault(TS, s & 0xfffc);
      if (!descriptorPresent(data)) cpu.fault(NP, s & 0xfffc);
      setAccessed(cpu, data);
      setSegment(cpu, segment, s, data);
    }
  }
}

/** IRET with NT set: back through the link of the current TSS. */
export function returnFromTask(cpu: Cpu): void {
  const { R } = cpu;
  const link = cpu.memory.readSystem16(R[SEG + TR * SEG_WORDS + SEG_BASE]!);
  const error = link & 0xfffc;
  if ((link & 4) !== 0 || error === 0) cpu.fault(TS, error);
  const d = readDescriptor(cpu, link, TS);
  const type = descriptorType(d);
  if (type !== 3 && type !== 11) cpu.fault(TS, error);
  if (!descriptorPresent(d)) cpu.fault(NP, error);
  switchTask(cpu, link, d, TASK_IRET);
}
