/** What follows from a write to CR0, CR3 or CR4, and what may not be written. Source: SDM vol. 3, 2.5, 4.4.1 and 9.8.5. */
import type { Cpu } from '../cpu.ts';
import {
  CR0_CD,
  CR0_ET,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_LME,
} from '../architecture/control-bits.ts';
import { GP } from '../faults.ts';
import { CPL, CR0, CR3, CR4, CS, EFER, HIGH, RIGHTS_L, SEG, SEG_RIGHTS, SEG_WORDS } from '../architecture/registers.ts';
import { PHYSICAL_BITS } from '../architecture/paging.ts';
import { inLongMode } from '../mode.ts';

const CR0_BITS = 0xe005003f | 0;

export function writeCr0(cpu: Cpu, wanted: number): void {
  const { R } = cpu;
  const value = (wanted & CR0_BITS) | CR0_ET;
  if ((value & CR0_PG) !== 0 && (value & CR0_PE) === 0) cpu.fault(GP, 0);
  if ((value & CR0_NW) !== 0 && (value & CR0_CD) === 0) cpu.fault(GP, 0);
  const changed = value ^ R[CR0]!;
  if ((changed & CR0_PG) !== 0) changeLongMode(cpu, value);
  // PDPTEs are loaded when paging comes on with PAE (SDM vol. 3, 4.4.1).
  if (
    (changed & CR0_PG) !== 0 &&
    (value & CR0_PG) !== 0 &&
    (R[CR4]! & CR4_PAE) !== 0 &&
    !inLongMode(cpu.R) &&
    !cpu.memory.loadPdptes(R[CR3]!)
  )
    cpu.fault(GP, 0);
  R[CR0] = value;
  if ((changed & (CR0_PG | CR0_PE | CR0_WP)) !== 0) {
    cpu.tlb.flushAll();
    cpu.loop.codeGoesOn();
  }
  if ((changed & CR0_PE) !== 0) R[CPL] = 0;
  if ((changed & (CR0_PE | CR0_PG)) !== 0) cpu.mode.changed();
}

/** Paging comes on with EFER.LME, or goes: LMA follows (SDM vol. 3, 9.8.5). */
function changeLongMode(cpu: Cpu, cr0: number): void {
  const { R } = cpu,
    isLongCode = (R[SEG + CS * SEG_WORDS + SEG_RIGHTS]! & RIGHTS_L) !== 0;
  if ((cr0 & CR0_PG) === 0) {
    if (cpu.mode.long) cpu.fault(GP, 0);
    R[EFER]! &= ~EFER_LMA;
  } else if ((R[EFER]! & EFER_LME) !== 0) {
    if ((R[CR4]! & CR4_PAE) === 0 || isLongCode) cpu.fault(GP, 0);
    R[EFER]! |= EFER_LMA;
  }
}

export function writeCr3(cpu: Cpu, value: number, high = 0): void {
  const { R } = cpu;
  if ((high & -(1 << (PHYSICAL_BITS - 32))) !== 0) cpu.fault(GP, 0);
  if (!inLongMode(cpu.R) && (R[CR0]! & CR0_PG) !== 0 && (R[CR4]! & CR4_PAE) !== 0 && !cpu.memory.loadPdptes(value))
    cpu.fault(GP, 0);
  R[CR3] = value;
  R[CR3 + HIGH] = high;
  cpu.tlb.flushNonGlobal();
  cpu.loop.codeGoesOn();
}

export function writeCr4(cpu: Cpu, value: number): void {
  const { R } = cpu;
  if ((value & ~cpu.cr4Bits) !== 0) cpu.fault(GP, 0);
  const changed = value ^ R[CR4]!;
  if (inLongMode(cpu.R)) {
    if ((value & CR4_PAE) === 0) cpu.fault(GP, 0);
  } else if (
    (R[CR0]! & CR0_PG) !== 0 &&
    (changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP)) !== 0 &&
    (value & CR4_PAE) !== 0 &&
    !cpu.memory.loadPdptes(R[CR3]!)
  )
    cpu.fault(GP, 0);
  R[CR4] = value;
  if ((changed & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP | CR4_SMAP)) !== 0) {
    cpu.tlb.flushAll();
    cpu.loop.codeGoesOn();
  }
}
