/**
 * What every x87, MMX and SSE instruction begins with, and the register stack.
 * Sources: SDM vol. 1, 8.1.2 (stack), 8.5.1.1 (stack faults), 8.7 (#MF and FERR#); vol. 3, 2.5 and table 14-? (CR0.EM, CR0.TS, CR4.OSFXSR).
 */
import { FAULT } from '../faults.ts';
import type { Core } from '../ops/core.ts';
import { META, META_LONG, META_SEGMENT } from '../record.ts';
import {
  CR0,
  CR4,
  CS,
  EIP,
  FCS,
  FCW,
  FDP,
  FDS,
  FERR,
  FIP,
  FOP,
  FPR,
  FS,
  FSW,
  FTW,
  HIGH,
  SEG,
  SEG_BASE,
  SEG_SELECTOR,
  SEG_WORDS,
} from '../architecture/registers.ts';
import { invalid } from './extended.ts';
import { C1, IE } from './softfloat.ts';

export const UD = 6,
  NM = 7,
  GP = 13,
  MF = 16,
  XM = 19;
/** Word of CS's selector. */
const CODE_SELECTOR = SEG + CS * SEG_WORDS + SEG_SELECTOR;
const CR0_MP = 2,
  CR0_EM = 4,
  CR0_TS = 8,
  CR0_NE = 32;
const CR4_OSFXSR = 512;
export const CR4_OSXMMEXCPT = 1024;
/** FSW: an unmasked exception is pending. */
export const ES = 0x80,
  BUSY = 0x8000;
/** FSW: stack fault. */
export const SF = 0x40;

/** Instruction and data pointers of 32 bits alone. */
export function clearUpperPointers(R: Int32Array): void {
  R[FIP + HIGH] = R[FDP + HIGH] = 0;
}

/** FNINIT: SDM vol. 3, table 9-1. */
export function resetX87(R: Int32Array): void {
  R[FCW] = 0x37f;
  R[FSW] = 0;
  R[FTW] = 0;
  R[FERR] = 0;
  R[FIP] = R[FCS] = R[FDP] = R[FDS] = R[FOP] = 0;
  clearUpperPointers(R);
}

/** Recalculates the error summary after FCW or FSW was loaded. */
export function summarize(R: Int32Array): void {
  const status = R[FSW] & ~(ES | BUSY);
  if ((status & ~R[FCW] & 0x3f) !== 0) R[FSW] = status | ES | BUSY;
  else noError(R, status);
}

/** A status word without a pending error: FERR# is negated, and with it the chipset's IGNNE# (SDM vol. 1, D.2.1.2). */
export function noError(R: Int32Array, status: number): void {
  R[FSW] = status;
  R[FERR] = 0;
}

/** #NM where CR0 says that the x87 is emulated or holds another task's state. */
export function available(core: Core): void {
  if ((core.R[CR0] & (CR0_EM | CR0_TS)) !== 0) core.fault(NM);
}

/** Reports the exception that an earlier instruction left: #MF, or FERR# on a PC that uses IRQ 13. */
function report(core: Core): void {
  if ((core.R[CR0] & CR0_NE) === 0 && core.ferr !== undefined) core.ferr();
  else core.fault(MF);
}

/**
 * Begins a waiting control instruction (FLDCW, FLDENV, FRSTOR), one that looks at MMX registers, or one with an operand in memory, which leaves its address
 * once that has been reached (Intel, seen).
 */
export function readyControl(core: Core): void {
  const R = core.R;
  if ((R[CR0] & (CR0_EM | CR0_TS)) !== 0) core.fault(NM);
  if ((R[FSW] & ES) !== 0) report(core);
}

/** Begins any other x87 instruction: those leave their address (SDM vol. 1, 8.1.8). */
export function ready(core: Core): void {
  const R = core.R;
  if ((R[CR0] & (CR0_EM | CR0_TS)) !== 0) core.fault(NM);
  if ((R[FSW] & ES) !== 0) report(core);
  leaveAddress(R);
}

/** The instruction under way is what FIP and FCS name. */
function leaveAddress(R: Int32Array): void {
  R[FIP] = R[EIP];
  R[FIP + HIGH] = R[EIP + HIGH];
  R[FCS] = R[CODE_SELECTOR];
}

/** Notes the instruction under way and its memory operand at `linear`. FOP stays 0, as on processors since the Pentium 4 but for their compatibility mode. */
export function operandAt(core: Core, p: number, linear: number): void {
  const R = core.R,
    meta = core.A[p + META],
    number = (meta >>> META_SEGMENT) & 7,
    segment = SEG + number * SEG_WORDS,
    base = R[segment + SEG_BASE];
  leaveAddress(R);
  if ((meta & META_LONG) === 0) {
    R[FDP] = linear - base;
    R[FDP + HIGH] = 0;
  } else {
    // FS and GS alone have bases there.
    const low = core.tlb!.lowOf(linear),
      high = core.tlb!.highOf(linear),
      hasBase = number >= FS;
    R[FDP] = hasBase ? low - base : low;
    R[FDP + HIGH] = hasBase ? high - R[segment + SEG_BASE + HIGH] - (low >>> 0 < base >>> 0 ? 1 : 0) : high;
  }
  R[FDS] = R[segment + SEG_SELECTOR];
}

/** A store that an unmasked exception stops does not go to memory: what is wrong with its address does not show. */
export function operandUnused(core: Core, p: number, size: number): void {
  leaveAddress(core.R);
  try {
    operandAt(core, p, core.addressing.address(p, size, true));
  } catch (thrown) {
    if (thrown !== FAULT) throw thrown;
  }
}

/** FWAIT: CR0.TS counts only with CR0.MP, CR0.EM not at all. */
export function wait(core: Core): void {
  const R = core.R;
  if ((R[CR0] & (CR0_MP | CR0_TS)) === (CR0_MP | CR0_TS)) core.fault(NM);
  if ((R[FSW] & ES) !== 0) report(core);
}

/** Begins an MMX instruction. */
export function readyMmx(core: Core): void {
  const R = core.R;
  if ((R[CR0] & CR0_EM) !== 0) core.fault(UD);
  if ((R[CR0] & CR0_TS) !== 0) core.fault(NM);
  if ((R[FSW] & ES) !== 0) report(core);
}

/** Begins an SSE instruction. */
export function readySse(core: Core): void {
  const R = core.R;
  if ((R[CR0] & CR0_EM) !== 0 || (R[CR4] & CR4_OSFXSR) === 0) core.fault(UD);
  if ((R[CR0] & CR0_TS) !== 0) core.fault(NM);
}

/** Word index of ST(i). */
export function st(R: Int32Array, i: number): number {
  return FPR + (((R[FSW] >> 11) + i) & 7) * 4;
}

/** True if ST(i) is not empty. */
export function used(R: Int32Array, i: number): boolean {
  return ((R[FTW] >> (((R[FSW] >> 11) + i) & 7)) & 1) !== 0;
}

export function tag(R: Int32Array, i: number): void {
  R[FTW] |= 1 << (((R[FSW] >> 11) + i) & 7);
}

export function pop(R: Int32Array): void {
  const status = R[FSW],
    top = (status >> 11) & 7;
  R[FTW] &= ~(1 << top);
  R[FSW] = (status & ~0x3800) | (((top + 1) & 7) << 11);
}

/** Makes room on the stack; the word index of the new ST(0). The caller has checked that it is empty, or means to overwrite it. */
export function push(R: Int32Array): number {
  const status = R[FSW],
    top = ((status >> 11) - 1) & 7;
  R[FTW] |= 1 << top;
  R[FSW] = (status & ~0x3800) | (top << 11);
  return FPR + top * 4;
}

/** A stack fault; masked, the indefinite goes to ST(i). `overflow`: C1. False: unmasked, nothing else was done. */
export function stackFault(R: Int32Array, i: number): boolean {
  R[FSW] |= SF;
  if (!invalid(R, st(R, i))) return false;
  tag(R, i);
  return true;
}

/** A push on a register in use: masked, the indefinite is pushed. False: unmasked. */
export function stackOverflow(R: Int32Array): boolean {
  const masked = (R[FCW] & IE) !== 0;
  R[FSW] |= SF;
  if (masked) {
    const d = push(R);
    invalid(R, d);
  } else invalid(R, 0);
  R[FSW] |= C1;
  return masked;
}
