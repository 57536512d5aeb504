/** Control flow and stack in their general form: any segment, both operand sizes, both stack sizes. Source: SDM vol. 2, at each mnemonic. */
import type { Cpu } from '../cpu.ts';
import { EVENT_PRIVILEGED_SOFTWARE, EVENT_SOFTWARE, EVENT_SOFTWARE_EXCEPTION } from '../architecture/edge.ts';
import { IOPL, VIF, VIP, VM, AC, ID, IF, NT, RF } from '../architecture/flags.ts';
import { interruptReturn, softwareInterrupt } from '../interrupts.ts';
import { BP, GP, OF_, DB, BR } from '../faults.ts';
import { JUMP, S_PATCH, S_STOP } from '../scratch.ts';
import { CPL, EBP, EFLAGS, EIP, ESP, SS } from '../architecture/registers.ts';
import { farCall, farJump, farReturn, inVirtual8086 } from '../segments.ts';
import { checkedVirtualFlags, flagsAreVirtual, VIRTUAL_FLAGS_CHANGED, virtualFlags } from '../virtual-interrupts.ts';
import { DST, EXTRA, IMM, META, META_LENGTH, META_OFFSET_MASK, TARGET } from '../record.ts';
import type { OpFactory } from './context.ts';

export const lengthOf = (cpu: Cpu, p: number) => (cpu.A[p + META]! >>> META_LENGTH) & 15;
/** EIP after the instruction. In 16-bit code too it has 32 bits: only 16-bit branches cut it. */
export const nextEip = (cpu: Cpu, p: number) => (cpu.R[EIP]! + lengthOf(cpu, p)) | 0;

// ---- for generated functions (gen/general.ts) ----

/** #GP for an EIP beyond the segment's limit. */
export function checkTarget(cpu: Cpu, eip: number): void {
  if (eip >>> 0 > cpu.mode.csLimit) cpu.fault(GP, 0);
}

/** To an EIP in the same segment. */
export function near(cpu: Cpu, eip: number): void {
  checkTarget(cpu, eip);
  cpu.R[EIP] = eip;
  cpu.S[S_STOP] = JUMP;
}

/** Where a direct branch leads, before 16-bit branches cut it. */
const uncut = (cpu: Cpu, p: number): number =>
  (cpu.R[EIP]! - (cpu.A[p + META]! & META_OFFSET_MASK) + cpu.A[p + EXTRA]!) | 0;
export const directTarget = (cpu: Cpu, p: number, size: number): number =>
  size === 16 ? uncut(cpu, p) & 0xffff : uncut(cpu, p);

/** Takes a direct branch. */
export function branch(cpu: Cpu, p: number, size: number): void {
  const eip = uncut(cpu, p),
    to = directTarget(cpu, p, size);
  near(cpu, to);
  // The record may remember a target in its page; the switch for 16-bit code looks whether EIP wraps on the way.
  if (cpu.A[p + EXTRA]! >>> 0 < 4096 && to === eip) cpu.S[S_PATCH] = p;
}

/** Far pointer in memory: offset, then selector. */
function farOperand(cpu: Cpu, p: number, size: 16 | 32): { offset: number; selector: number } {
  const n = size >> 3;
  const at = cpu.addressing.operand(p, n + 2, false);
  return {
    offset: size === 32 ? cpu.memory.read32(at) : cpu.memory.read16(at),
    selector: cpu.memory.read16((at + n) | 0),
  };
}

const cut = (eip: number, size: 16 | 32) => (size === 32 ? eip : eip & 0xffff);

const pusha: OpFactory = (_row, _memory, size) => cpu => {
  const n = size >> 3;
  const slots: number[] = [];
  for (let i = 1; i <= 8; i++) {
    const at = cpu.stack.at(-i * n, n, true);
    cpu.memory.probeWrite(at, n);
    slots.push(at);
  }
  for (let i = 0; i < 8; i++) {
    if (size === 32) cpu.memory.write32(slots[i]!, cpu.R[i]!);
    else cpu.memory.write16(slots[i]!, cpu.R[i]!);
  }
  cpu.stack.move(-8 * n);
};

const popa: OpFactory = (_row, _memory, size) => cpu => {
  const n = size >> 3;
  // Registers that were read before a fault keep what they got, as on processors; ESP moves last.
  for (let i = 0; i < 8; i++) {
    const register = 7 - i,
      value = cpu.stack.top(size, i * n);
    if (register === ESP) continue;
    if (size === 32) cpu.R[register] = value;
    else cpu.R16[register * 2] = value;
  }
  cpu.stack.move(8 * n);
};

/** ENTER: size in the immediate, nesting level (modulo 32) after it. */
const enter: OpFactory = (_row, _memory, size) => (cpu, p) => {
  const { R, R16, A } = cpu;
  const n = size >> 3;
  const level = A[p + TARGET]! & 31;
  const allocate = A[p + IMM]! & 0xffff;
  const big = cpu.mode.stack32;
  const mask = big ? -1 : 0xffff;
  const store = (delta: number, value: number) => {
    const at = cpu.stack.at(delta, n, true);
    if (size === 32) cpu.memory.write32(at, value);
    else cpu.memory.write16(at, value);
  };
  store(-n, R[EBP]!);
  // ESP as the push leaves it: of a 16-bit stack its upper half stays (SDM vol. 2, ENTER: FrameTemp = ESP).
  const frame = big ? (R[ESP]! - n) | 0 : (R[ESP]! & -65536) | ((R[ESP]! - n) & mask);
  let delta = -n;
  if (level > 0) {
    for (let i = 1; i < level; i++) {
      const from = cpu.addressing.linear(SS, (R[EBP]! - i * n) & mask, n, false);
      delta -= n;
      store(delta, size === 32 ? cpu.memory.read32(from) : cpu.memory.read16(from));
    }
    delta -= n;
    store(delta, frame);
  }
  // The new top must be writable, though nothing is written there.
  cpu.memory.probeWrite(cpu.stack.at(delta - allocate, n, true), n);
  cpu.stack.move(delta - allocate);
  if (size === 32) R[EBP] = frame;
  else R16[EBP * 2] = frame;
};

const pushf: OpFactory = (_row, _memory, size) => cpu => {
  const flags = flagsAreVirtual(cpu, size) ? virtualFlags(cpu) : cpu.eflags;
  cpu.stack.push(flags & ~(VM | RF), size);
};

const popf: OpFactory = (_row, _memory, size) => cpu => {
  const { R } = cpu;
  if (flagsAreVirtual(cpu, size)) {
    const flags = checkedVirtualFlags(cpu, cpu.stack.top(16));
    cpu.stack.move(2);
    cpu.changeFlags(flags, VIRTUAL_FLAGS_CHANGED);
    return;
  }
  const value = cpu.stack.top(size);
  cpu.stack.move(size >> 3);
  const cpl = R[CPL]!;
  let mask = 0xd5 | 0x100 | 0x400 | 0x800 | NT;
  if (size === 32) mask |= AC | ID;
  if (cpl <= (R[EFLAGS]! & IOPL) >>> 12) mask |= IF;
  if (cpl === 0) mask |= IOPL;
  if (size === 32) R[EFLAGS]! &= ~(RF | (inVirtual8086(cpu) ? 0 : cpl === 0 ? VIF | VIP : 0));
  cpu.changeFlags(value, mask);
};

const bound: OpFactory = (_row, _memory, size) => (cpu, p) => {
  const n = size >> 3;
  const read = (a: number) => (size === 32 ? cpu.memory.read32(a) : (cpu.memory.read16(a) << 16) >> 16);
  const index = size === 32 ? cpu.R[cpu.A[p + DST]!]! : (cpu.R[cpu.A[p + DST]!]! << 16) >> 16;
  // The lower bound alone may decide, wherever the upper one lies.
  if (
    index < read(cpu.addressing.operand(p, n, false)) ||
    index > read((cpu.addressing.operand(p, 2 * n, false) + n) | 0)
  )
    cpu.fault(BR);
};

export const control: Record<string, OpFactory> = {
  pusha,
  popa,
  enter,
  pushf,
  popf,
  bound,
  jmpf: (_row, _memory, size) => (cpu, p) =>
    farJump(cpu, cpu.A[p + TARGET]!, cut(cpu.A[p + IMM]!, size), nextEip(cpu, p)),
  callf: (_row, _memory, size) => (cpu, p) =>
    farCall(cpu, cpu.A[p + TARGET]!, cut(cpu.A[p + IMM]!, size), nextEip(cpu, p), size),
  jmpfind: (_row, _memory, size) => (cpu, p) => {
    const { offset, selector } = farOperand(cpu, p, size);
    farJump(cpu, selector, offset, nextEip(cpu, p));
  },
  callfind: (_row, _memory, size) => (cpu, p) => {
    const { offset, selector } = farOperand(cpu, p, size);
    farCall(cpu, selector, offset, nextEip(cpu, p), size);
  },
  retf: (_row, _memory, size) => (cpu, p) => farReturn(cpu, size, cpu.A[p + IMM]!),
  iret: (_row, _memory, size) => (cpu, p) => interruptReturn(cpu, size, nextEip(cpu, p)),
  int: () => (cpu, p) => softwareInterrupt(cpu, cpu.A[p + IMM]! & 255, lengthOf(cpu, p), p, EVENT_SOFTWARE),
  int3: () => (cpu, p) => softwareInterrupt(cpu, BP, lengthOf(cpu, p), p, EVENT_SOFTWARE_EXCEPTION),
  into: () => (cpu, p) => {
    if ((cpu.getFlags() & 0x800) !== 0) softwareInterrupt(cpu, OF_, lengthOf(cpu, p), p, EVENT_SOFTWARE_EXCEPTION);
  },
  icebp: () => (cpu, p) => softwareInterrupt(cpu, DB, lengthOf(cpu, p), p, EVENT_PRIVILEGED_SOFTWARE),
};
