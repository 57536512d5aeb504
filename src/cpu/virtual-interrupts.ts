/**
 * Virtual interrupt flags: CR4.VME in virtual-8086 mode and CR4.PVI at CPL 3 of protected mode, where VIF represents IF and VIP says that the monitor
 * holds an interrupt back. Sources: SDM vol. 3, 20.3 (methods of table 20-2) and 20.4; vol. 2, CLI, STI, PUSHF, POPF, INT n, IRET.
 */
import type { Cpu } from './cpu.ts';
import { IF, IOPL, RF, TF, VIF, VIP } from './architecture/flags.ts';
import { CR4_PVI, CR4_VME } from './architecture/control-bits.ts';
import { GP } from './faults.ts';
import {
  CPL,
  CR4,
  CS,
  EFLAGS,
  EIP,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_SELECTOR,
  SEG_WORDS,
  TR,
} from './architecture/registers.ts';
import { enterRealCode, inProtected, inVirtual8086 } from './segments.ts';

const isIopl3 = (cpu: Cpu) => (cpu.R[EFLAGS]! & IOPL) === IOPL;

/** CLI and STI change VIF instead of faulting. */
export function changesVif(cpu: Cpu): boolean {
  const { R } = cpu;
  if (isIopl3(cpu)) return false;
  return inVirtual8086(cpu) ? (R[CR4]! & CR4_VME) !== 0 : R[CPL] === 3 && (R[CR4]! & CR4_PVI) !== 0 && inProtected(cpu);
}

/** STI there: the monitor gets a pending interrupt as #GP. */
export function setVif(cpu: Cpu): void {
  if ((cpu.R[EFLAGS]! & VIP) !== 0) cpu.fault(GP, 0);
  cpu.R[EFLAGS]! |= VIF;
}

/**
 * PUSHF, POPF and IRET of virtual-8086 mode: true if they work on VIF, false if on IF as elsewhere. #GP(0) where they are not allowed at all: below
 * IOPL 3 without CR4.VME, and with 32-bit operands.
 */
export function flagsAreVirtual(cpu: Cpu, size: 16 | 32): boolean {
  if (!inVirtual8086(cpu) || isIopl3(cpu)) return false;
  if (size === 32 || (cpu.R[CR4]! & CR4_VME) === 0) cpu.fault(GP, 0);
  return true;
}

/** FLAGS as the 8086 program is to see them: VIF in the place of IF, IOPL 3. */
export function virtualFlags(cpu: Cpu): number {
  const flags = cpu.eflags;
  return (flags & ~IF) | IOPL | ((flags & VIF) !== 0 ? IF : 0);
}

/** FLAGS that POPF or IRET took from the stack, with VIF from its IF. #GP(0) for TF, and for IF while an interrupt is pending. */
export function checkedVirtualFlags(cpu: Cpu, image: number): number {
  if ((image & TF) !== 0 || ((image & IF) !== 0 && (cpu.R[EFLAGS]! & VIP) !== 0)) cpu.fault(GP, 0);
  return (image & 0xffff) | ((image & IF) !== 0 ? VIF : 0);
}
/** What they change then: neither IOPL nor IF nor VIP. */
export const VIRTUAL_FLAGS_CHANGED = 0x4dd5 | VIF;

/** INT n in virtual-8086 mode goes to the 8086 program's own handler: its bit in the TSS is clear. #GP(0) if the TSS has no such bit. */
export function isRedirected(cpu: Cpu, vector: number): boolean {
  const { R } = cpu;
  if ((R[CR4]! & CR4_VME) === 0) return false;
  const tr = SEG + TR * SEG_WORDS;
  const base = R[tr + SEG_BASE]!,
    limit = R[tr + SEG_LIMIT]! >>> 0;
  if ((R[tr + SEG_RIGHTS]! & 8) === 0 || limit < 103) cpu.fault(GP, 0);
  // The 32 bytes below the I/O permission bitmap.
  const at = cpu.memory.readSystem16((base + 102) | 0) - 32 + (vector >>> 3);
  if (at < 0 || at > limit) cpu.fault(GP, 0);
  return (cpu.memory.readSystem8((base + at) | 0) & (1 << (vector & 7))) === 0;
}

/** Methods 5 and 6: through the interrupt vector table at linear address 0, on the program's stack. */
export function redirectInterrupt(cpu: Cpu, vector: number): void {
  const { R } = cpu;
  const isVirtual = !isIopl3(cpu);
  const flags = isVirtual ? virtualFlags(cpu) : cpu.eflags;
  const ip = cpu.memory.readSystem16(vector * 4),
    cs = cpu.memory.readSystem16(vector * 4 + 2);
  const frame = [flags, R[SEG + CS * SEG_WORDS + SEG_SELECTOR]!, R[EIP]!];
  const slots = frame.map((_, i) => cpu.stack.at(-2 * (i + 1), 2, true));
  for (const slot of slots) cpu.memory.probeWrite(slot, 2);
  frame.forEach((value, i) => cpu.memory.write16(slots[i]!, value));
  cpu.stack.move(-6);
  cpu.loop.noTrap = true;
  R[EFLAGS]! &= ~(TF | RF | (isVirtual ? VIF : IF));
  enterRealCode(cpu, cs, ip);
}

/** After EFLAGS came from outside (IRET of the monitor, a task switch): VIF and VIP together fault at the next instruction (20.3.2). */
export function checkVirtualPending(cpu: Cpu): void {
  if ((cpu.R[EFLAGS]! & (VIF | VIP)) === (VIF | VIP) && cpu.R[CPL] === 3 && changesVif(cpu)) cpu.fault(GP, 0);
}
