/** Control flow and stack in their general form: any segment, both operand sizes, both stack sizes. Source: SDM vol. 2, at each mnemonic. */
import type { Cpu } from '../cpu.ts';
import { EVENT_PRIVILEGED_SOFTWARE, EVENT_SOFTWARE, EVENT_SOFTWARE_EXCEPTION } from '../edge.ts';
import { condition, IOPL, VIF, VIP, VM, AC, ID, IF, NT, RF } from '../flags.ts';
import { interruptReturn, softwareInterrupt } from '../interrupts.ts';
import { BP, GP, JUMP, OF_, S_PATCH, S_STOP, DB, BR } from '../memory.ts';
import { CPL, EBP, ECX, EFLAGS, EIP, ESP, FA, FB, FK, FR, SS } from '../registers.ts';
import { farCall, farJump, farReturn, inVirtual8086 } from '../segments.ts';
import { checkedVirtualFlags, flagsAreVirtual, VIRTUAL_FLAGS_CHANGED, virtualFlags } from '../virtual-interrupts.ts';
import {
  DST, EXTRA, IMM, META, META_ADDRESS16, META_LENGTH, META_OFFSET_MASK, type Op, type OpFactory, SRC, TARGET,
} from './context.ts';

/** Ops of this room know the whole processor. */
const op = (run: (cpu: Cpu, p: number) => void): Op => run as unknown as Op;

export const lengthOf = (cpu: Cpu, p: number) => (cpu.A[p + META]! >>> META_LENGTH) & 15;
/** EIP after the instruction. In 16-bit code too it has 32 bits: only 16-bit branches cut it. */
export const nextEip = (cpu: Cpu, p: number) => (cpu.R[EIP]! + lengthOf(cpu, p)) | 0;

/** To an EIP in the same segment; beyond its limit: #GP. */
function near(cpu: Cpu, eip: number): void {
  if (eip >>> 0 > cpu.codeLimit) cpu.fault(GP, 0);
  cpu.R[EIP] = eip;
  cpu.S[S_STOP] = JUMP;
}

/** Target of a direct branch, and whether the record may remember where it leads. */
function branch(cpu: Cpu, p: number, size: 16 | 32): void {
  const page = (cpu.R[EIP]! - (cpu.A[p + META]! & META_OFFSET_MASK)) | 0;
  const extra = cpu.A[p + EXTRA]!;
  const eip = (page + extra) | 0;
  const to = size === 16 ? eip & 0xffff : eip;
  near(cpu, to);
  // The record may remember a target in its page; the switch for 16-bit code looks whether EIP wraps on the way.
  if (extra >>> 0 < 4096 && to === eip) cpu.S[S_PATCH] = p;
}

const jcc: OpFactory = (row, _memory, size) => {
  const cc = row.cc!;
  return op((cpu, p) => {
    const { R } = cpu;
    if (condition(cc, R[FK]!, R[FA]!, R[FB]!, R[FR]!)) branch(cpu, p, size);
  });
};

/** LOOPcc and JCXZ: the counter is CX or ECX by address size. */
const loop = (test: (cpu: Cpu) => boolean): OpFactory => (_row, _memory, size) => op((cpu, p) => {
  const { R, R16 } = cpu;
  const short = (cpu.A[p + META]! & META_ADDRESS16) !== 0;
  const left = short ? (R16[ECX * 2]! - 1) & 0xffff : (R[ECX]! - 1) | 0;
  if (left !== 0 && test(cpu)) branch(cpu, p, size);
  if (short) R16[ECX * 2] = left;
  else R[ECX] = left;
});
const zero = (cpu: Cpu) => cpu.R[FR] === 0;

const jcxz: OpFactory = (_row, _memory, size) => op((cpu, p) => {
  const count = (cpu.A[p + META]! & META_ADDRESS16) !== 0 ? cpu.R16[ECX * 2]! : cpu.R[ECX]!;
  if (count === 0) branch(cpu, p, size);
});

const call: OpFactory = (_row, _memory, size) => op((cpu, p) => {
  const page = (cpu.R[EIP]! - (cpu.A[p + META]! & META_OFFSET_MASK)) | 0;
  const eip = (page + cpu.A[p + EXTRA]!) | 0;
  const to = size === 16 ? eip & 0xffff : eip;
  if (to >>> 0 > cpu.codeLimit) cpu.fault(GP, 0);
  cpu.push(nextEip(cpu, p), size);
  near(cpu, to);
  if (cpu.A[p + EXTRA]! >>> 0 < 4096 && to === eip) cpu.S[S_PATCH] = p;
});

const jmp: OpFactory = (_row, _memory, size) => op((cpu, p) => branch(cpu, p, size));

const readRm = (cpu: Cpu, p: number, memory: boolean, size: 16 | 32): number => {
  if (!memory) return size === 32 ? cpu.R[cpu.A[p + SRC]!]! : cpu.R16[cpu.A[p + SRC]! * 2]!;
  const at = cpu.address(p, size >> 3, false);
  return size === 32 ? cpu.read32(at) : cpu.read16(at);
};

const jmpind: OpFactory = (_row, memory, size) => op((cpu, p) => near(cpu, readRm(cpu, p, memory, size)));

const callind: OpFactory = (_row, memory, size) => op((cpu, p) => {
  const to = readRm(cpu, p, memory, size);
  if (to >>> 0 > cpu.codeLimit) cpu.fault(GP, 0);
  cpu.push(nextEip(cpu, p), size);
  near(cpu, to);
});

const ret: OpFactory = (_row, _memory, size) => op((cpu, p) => {
  const to = cpu.top(size);
  if (to >>> 0 > cpu.codeLimit) cpu.fault(GP, 0);
  cpu.moveStack((size >> 3) + cpu.A[p + IMM]!);
  near(cpu, to);
});

/** Far pointer in memory: offset, then selector. */
function farOperand(cpu: Cpu, p: number, size: 16 | 32): { offset: number; selector: number } {
  const n = size >> 3;
  const at = cpu.operand(p, n + 2, false);
  return { offset: size === 32 ? cpu.read32(at) : cpu.read16(at), selector: cpu.read16((at + n) | 0) };
}

const cut = (eip: number, size: 16 | 32) => (size === 32 ? eip : eip & 0xffff);

const push: OpFactory = (row, memory, size) => {
  if (memory || row.operands[0]![0] === 'E') return op((cpu, p) => cpu.push(readRm(cpu, p, memory, size), size));
  if (row.operands[0]![0] === 'I') return op((cpu, p) => cpu.push(cpu.A[p + IMM]!, size));
  return op((cpu, p) => cpu.push(cpu.R[cpu.A[p + DST]!]!, size));
};

const pop: OpFactory = (row, memory, size) => op((cpu, p) => {
  const value = cpu.top(size);
  const n = size >> 3;
  if (memory) {
    // ESP is already moved when it takes part in the address (SDM vol. 2, POP).
    const esp = cpu.R[ESP]!;
    cpu.moveStack(n);
    try {
      const at = cpu.address(p, n, true);
      if (size === 32) cpu.write32(at, value);
      else cpu.write16(at, value);
    } catch (thrown) {
      cpu.R[ESP] = esp;
      throw thrown;
    }
    return;
  }
  cpu.moveStack(n);
  const to = row.operands[0] === 'Zv' ? cpu.A[p + DST]! : cpu.A[p + SRC]!;
  if (size === 32) cpu.R[to] = value;
  else cpu.R16[to * 2] = value;
});

const pusha: OpFactory = (_row, _memory, size) => op(cpu => {
  const n = size >> 3;
  const slots: number[] = [];
  for (let i = 1; i <= 8; i++) {
    const at = cpu.stackAt(-i * n, n, true);
    cpu.probeWrite(at, n);
    slots.push(at);
  }
  for (let i = 0; i < 8; i++) {
    if (size === 32) cpu.write32(slots[i]!, cpu.R[i]!);
    else cpu.write16(slots[i]!, cpu.R[i]!);
  }
  cpu.moveStack(-8 * n);
});

const popa: OpFactory = (_row, _memory, size) => op(cpu => {
  const n = size >> 3;
  // Registers that were read before a fault keep what they got, as on processors; ESP moves last.
  for (let i = 0; i < 8; i++) {
    const register = 7 - i, value = cpu.top(size, i * n);
    if (register === ESP) continue;
    if (size === 32) cpu.R[register] = value;
    else cpu.R16[register * 2] = value;
  }
  cpu.moveStack(8 * n);
});

const leave: OpFactory = (_row, _memory, size) => op(cpu => {
  const { R, R16 } = cpu;
  const frame = cpu.stack32 ? R[EBP]! : R16[EBP * 2]!;
  const at = cpu.linear(SS, frame, size >> 3, false);
  const value = size === 32 ? cpu.read32(at) : cpu.read16(at);
  if (cpu.stack32) R[ESP] = frame;
  else R16[ESP * 2] = frame;
  cpu.moveStack(size >> 3);
  if (size === 32) R[EBP] = value;
  else R16[EBP * 2] = value;
});

/** ENTER: size in the immediate, nesting level (modulo 32) after it. */
const enter: OpFactory = (_row, _memory, size) => op((cpu, p) => {
  const { R, R16, A } = cpu;
  const n = size >> 3;
  const level = A[p + TARGET]! & 31;
  const allocate = A[p + IMM]! & 0xffff;
  const big = cpu.stack32;
  const mask = big ? -1 : 0xffff;
  const store = (delta: number, value: number) => {
    const at = cpu.stackAt(delta, n, true);
    if (size === 32) cpu.write32(at, value);
    else cpu.write16(at, value);
  };
  store(-n, R[EBP]!);
  // ESP as the push leaves it: of a 16-bit stack its upper half stays (SDM vol. 2, ENTER: FrameTemp = ESP).
  const frame = big ? (R[ESP]! - n) | 0 : (R[ESP]! & -65536) | ((R[ESP]! - n) & mask);
  let delta = -n;
  if (level > 0) {
    for (let i = 1; i < level; i++) {
      const from = cpu.linear(SS, (R[EBP]! - i * n) & mask, n, false);
      delta -= n;
      store(delta, size === 32 ? cpu.read32(from) : cpu.read16(from));
    }
    delta -= n;
    store(delta, frame);
  }
  // The new top must be writable, though nothing is written there.
  cpu.probeWrite(cpu.stackAt(delta - allocate, n, true), n);
  cpu.moveStack(delta - allocate);
  if (size === 32) R[EBP] = frame;
  else R16[EBP * 2] = frame;
});

const pushf: OpFactory = (_row, _memory, size) => op(cpu => {
  const flags = flagsAreVirtual(cpu, size) ? virtualFlags(cpu) : cpu.eflags;
  cpu.push(flags & ~(VM | RF), size);
});

const popf: OpFactory = (_row, _memory, size) => op(cpu => {
  const { R } = cpu;
  if (flagsAreVirtual(cpu, size)) {
    const flags = checkedVirtualFlags(cpu, cpu.top(16));
    cpu.moveStack(2);
    cpu.changeFlags(flags, VIRTUAL_FLAGS_CHANGED);
    return;
  }
  const value = cpu.top(size);
  cpu.moveStack(size >> 3);
  const cpl = R[CPL]!;
  let mask = 0xd5 | 0x100 | 0x400 | 0x800 | NT;
  if (size === 32) mask |= AC | ID;
  if (cpl <= (R[EFLAGS]! & IOPL) >>> 12) mask |= IF;
  if (cpl === 0) mask |= IOPL;
  if (size === 32) R[EFLAGS]! &= ~(RF | (inVirtual8086(cpu) ? 0 : cpl === 0 ? VIF | VIP : 0));
  cpu.changeFlags(value, mask);
});

const bound: OpFactory = (_row, _memory, size) => op((cpu, p) => {
  const n = size >> 3;
  const read = (a: number) => (size === 32 ? cpu.read32(a) : (cpu.read16(a) << 16) >> 16);
  const index = size === 32 ? cpu.R[cpu.A[p + DST]!]! : (cpu.R[cpu.A[p + DST]!]! << 16) >> 16;
  // The lower bound alone may decide, wherever the upper one lies.
  if (index < read(cpu.operand(p, n, false)) || index > read((cpu.operand(p, 2 * n, false) + n) | 0)) cpu.fault(BR);
});

export const control: Record<string, OpFactory> = {
  jcc, jmp, call, jmpind, callind, ret, push, pop, pusha, popa, leave, enter, pushf, popf, bound, jcxz,
  loop: loop(() => true),
  loope: loop(zero),
  loopne: loop(cpu => !zero(cpu)),
  jmpf: (_row, _memory, size) => op((cpu, p) => farJump(cpu, cpu.A[p + TARGET]!, cut(cpu.A[p + IMM]!, size), nextEip(cpu, p))),
  callf: (_row, _memory, size) => op((cpu, p) => farCall(cpu, cpu.A[p + TARGET]!, cut(cpu.A[p + IMM]!, size), nextEip(cpu, p), size)),
  jmpfind: (_row, _memory, size) => op((cpu, p) => {
    const { offset, selector } = farOperand(cpu, p, size);
    farJump(cpu, selector, offset, nextEip(cpu, p));
  }),
  callfind: (_row, _memory, size) => op((cpu, p) => {
    const { offset, selector } = farOperand(cpu, p, size);
    farCall(cpu, selector, offset, nextEip(cpu, p), size);
  }),
  retf: (_row, _memory, size) => op((cpu, p) => farReturn(cpu, size, cpu.A[p + IMM]!)),
  iret: (_row, _memory, size) => op((cpu, p) => interruptReturn(cpu, size, nextEip(cpu, p))),
  int: () => op((cpu, p) => softwareInterrupt(cpu, cpu.A[p + IMM]! & 255, lengthOf(cpu, p), p, EVENT_SOFTWARE)),
  int3: () => op((cpu, p) => softwareInterrupt(cpu, BP, lengthOf(cpu, p), p, EVENT_SOFTWARE_EXCEPTION)),
  into: () => op((cpu, p) => {
    if ((cpu.getFlags() & 0x800) !== 0) softwareInterrupt(cpu, OF_, lengthOf(cpu, p), p, EVENT_SOFTWARE_EXCEPTION);
  }),
  icebp: () => op((cpu, p) => softwareInterrupt(cpu, DB, lengthOf(cpu, p), p, EVENT_PRIVILEGED_SOFTWARE)),
};
