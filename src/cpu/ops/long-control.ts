/** Stack frames, flags and bases of FS and GS in 64-bit code. Source: SDM vol. 2, at each mnemonic. */
import { isCanonical } from '../addressing.ts';
import { CR4_FSGSBASE } from '../architecture/control-bits.ts';
import { AC, ID, IF, IOPL, NT, RF, VIF, VIP, VM } from '../architecture/flags.ts';
import {
  CPL,
  CR4,
  EBP,
  EFLAGS,
  ESP,
  FS,
  GS,
  HIGH,
  MSR_KERNEL_GS_BASE,
  SEG,
  SEG_BASE,
  SEG_SELECTOR,
  SEG_WORDS,
  SS,
} from '../architecture/registers.ts';
import type { Cpu } from '../cpu.ts';
import { GP, UD } from '../faults.ts';
import {
  callFar,
  jumpFar,
  returnFar,
  returnFromInterrupt,
  syscall,
  sysenter,
  sysexit,
  sysret,
} from '../long-transfers.ts';
import { DST, IMM, SRC, TARGET } from '../record.ts';
import { S_HIGH } from '../scratch.ts';
import { loadSegment } from '../segments.ts';
import { addedHigh } from '../stack.ts';
import type { LongOpFactory } from './context.ts';
import { nextRip } from './long.ts';

const store = (cpu: Cpu, at: number, size: 16 | 64, low: number, high: number): void => {
  if (size === 64) cpu.memory.write64(at, low, high);
  else cpu.memory.write16(at, low);
};

/** ENTER: size in the immediate, nesting level (modulo 32) after it. */
const enter: LongOpFactory = (_row, _memory, operandSize) => (cpu, p) => {
  const { R, R16, S, A, stack } = cpu,
    size = operandSize === 16 ? 16 : 64,
    bytes = size / 8,
    level = A[p + TARGET]! & 31,
    allocate = A[p + IMM]! & 0xffff;
  const put = (delta: number, low: number, high: number) => store(cpu, stack.at(delta, bytes, true), size, low, high);
  put(-bytes, R[EBP]!, R[EBP + HIGH]!);
  const frame = (R[ESP]! - bytes) | 0,
    frameHigh = addedHigh(R[ESP]!, R[ESP + HIGH]!, -bytes);
  let delta = -bytes;
  for (let i = 1; i < level; i++) {
    const low = (R[EBP]! - i * bytes) | 0,
      from = cpu.addressing.long(SS, low, addedHigh(R[EBP]!, R[EBP + HIGH]!, -i * bytes), bytes);
    delta -= bytes;
    if (size === 64) {
      const value = cpu.memory.read64(from);
      put(delta, value, S[S_HIGH]!);
    } else put(delta, cpu.memory.read16(from), 0);
  }
  if (level > 0) {
    delta -= bytes;
    put(delta, frame, frameHigh);
  }
  // The new top must be writable, though nothing is written there.
  cpu.memory.probeWrite(stack.at(delta - allocate, bytes, true), bytes);
  stack.move(delta - allocate);
  if (size === 16) R16[EBP * 2] = frame;
  else {
    R[EBP] = frame;
    R[EBP + HIGH] = frameHigh;
  }
};

const pushf: LongOpFactory = (_row, _memory, size) => cpu => {
  const flags = cpu.eflags & ~(VM | RF);
  if (size === 16) cpu.stack.push(flags, 16);
  else cpu.stack.push64(flags, 0);
};

const popf: LongOpFactory = (_row, _memory, size) => cpu => {
  const { R } = cpu,
    value = cpu.stack.top(size === 16 ? 16 : 64);
  cpu.stack.move(size === 16 ? 2 : 8);
  const cpl = R[CPL]!;
  let mask = 0xd5 | 0x100 | 0x400 | 0x800 | NT;
  if (size !== 16) mask |= AC | ID;
  if (cpl <= (R[EFLAGS]! & IOPL) >>> 12) mask |= IF;
  if (cpl === 0) mask |= IOPL;
  if (size !== 16) R[EFLAGS]! &= ~(RF | (cpl === 0 ? VIF | VIP : 0));
  cpu.changeFlags(value, mask);
};

/** POP FS, POP GS. */
const popsreg: LongOpFactory = (row, _memory, size) => {
  const segment = row.operands[0] === 'FS' ? FS : GS,
    bytes = size === 16 ? 2 : 8;
  return cpu => {
    const selector = cpu.memory.read16(cpu.stack.at(0, bytes, false));
    loadSegment(cpu, segment, selector);
    cpu.stack.move(bytes);
  };
};

/** MOV from a segment register: zero-extended to a register of any size. */
const movsreg: LongOpFactory = (_row, memory, size) => (cpu, p) => {
  const { R, R16, A } = cpu,
    selector = R[SEG + A[p + DST]! * SEG_WORDS + SEG_SELECTOR]!;
  if (memory) cpu.memory.write16(cpu.addressing.address(p, 2, true), selector);
  else if (size === 16) R16[A[p + SRC]! * 2] = selector;
  else {
    R[A[p + SRC]!] = selector;
    R[A[p + SRC]! + HIGH] = 0;
  }
};

const baseOf = (segment: number): number => SEG + segment * SEG_WORDS + SEG_BASE;

const needFsGsBase = (cpu: Cpu): void => {
  if ((cpu.R[CR4]! & CR4_FSGSBASE) === 0) cpu.fault(UD);
};
const readBase =
  (segment: number): LongOpFactory =>
  (_row, _memory, size) =>
  (cpu, p) => {
    needFsGsBase(cpu);
    const to = cpu.A[p + SRC]!;
    cpu.R[to] = cpu.R[baseOf(segment)]!;
    cpu.R[to + HIGH] = size === 64 ? cpu.R[baseOf(segment) + HIGH]! : 0;
  };
const writeBase =
  (segment: number): LongOpFactory =>
  (_row, _memory, size) =>
  (cpu, p) => {
    needFsGsBase(cpu);
    const from = cpu.A[p + SRC]!,
      high = size === 64 ? cpu.R[from + HIGH]! : 0;
    if (!isCanonical(high)) cpu.fault(GP, 0);
    cpu.R[baseOf(segment)] = cpu.R[from]!;
    cpu.R[baseOf(segment) + HIGH] = high;
  };

const swapgs: LongOpFactory = () => cpu => {
  const { R } = cpu,
    base = baseOf(GS);
  for (const half of [0, HIGH]) {
    const value = R[base + half]!;
    R[base + half] = R[MSR_KERNEL_GS_BASE + half]!;
    R[MSR_KERNEL_GS_BASE + half] = value;
  }
};

/** Far pointer in memory: offset, then selector. */
function farOperand(cpu: Cpu, p: number, size: 16 | 32 | 64): { low: number; high: number; selector: number } {
  const bytes = size / 8,
    at = cpu.addressing.operand(p, bytes + 2, false);
  const low = size === 64 ? cpu.memory.read64(at) : size === 32 ? cpu.memory.read32(at) : cpu.memory.read16(at);
  const high = size === 64 ? cpu.S[S_HIGH]! : 0;
  return { low, high, selector: cpu.memory.read16((at + bytes) | 0) };
}
const after = (cpu: Cpu, p: number): { low: number; high: number } => {
  const low = nextRip(cpu, p);
  return { low, high: cpu.S[S_HIGH]! };
};

/** LSS, LFS, LGS. */
const lseg: LongOpFactory = (row, _memory, size) => {
  const segment = row.mnemonic === 'lss' ? SS : row.mnemonic === 'lfs' ? FS : GS;
  return (cpu, p) => {
    const { low, high, selector } = farOperand(cpu, p, size),
      to = cpu.A[p + DST]!;
    loadSegment(cpu, segment, selector);
    if (size === 16) cpu.R16[to * 2] = low;
    else {
      cpu.R[to] = low;
      cpu.R[to + HIGH] = high;
    }
    cpu.loop.codeGoesOn();
  };
};

export const longControl: Record<string, LongOpFactory> = {
  iret: (_row, _memory, size) => cpu => returnFromInterrupt(cpu, size),
  retf: (_row, _memory, size) => (cpu, p) => returnFar(cpu, size, cpu.A[p + IMM]!),
  jmpfind: (_row, _memory, size) => (cpu, p) => {
    const to = farOperand(cpu, p, size);
    jumpFar(cpu, to.selector, to);
  },
  callfind: (_row, _memory, size) => (cpu, p) => {
    const to = farOperand(cpu, p, size);
    callFar(cpu, to.selector, to, after(cpu, p), size);
  },
  syscall: () => (cpu, p) => syscall(cpu, after(cpu, p)),
  sysret: (_row, _memory, size) => cpu => sysret(cpu, size),
  sysenter: () => cpu => sysenter(cpu),
  sysexit: (_row, _memory, size) => cpu => sysexit(cpu, size),
  lseg,
  enter,
  pushf,
  popf,
  popsreg,
  movsreg,
  rdfsbase: readBase(FS),
  rdgsbase: readBase(GS),
  wrfsbase: writeBase(FS),
  wrgsbase: writeBase(GS),
  swapgs,
};
