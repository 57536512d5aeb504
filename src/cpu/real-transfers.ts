/**
 * INT and IRET of real mode where all is ordinary: segments of 64 KiB, a vector and a stack that the TLB has, no flags that stop anything. Each function looks at
 * everything first and leaves the rest to interrupts.ts, with nothing changed.
 */
import { CR0_PE } from './architecture/control-bits.ts';
import { AC, ARITHMETIC, DF, IF, IOPL, NT, RF, TF } from './architecture/flags.ts';
import {
  CR0,
  CS,
  EFLAGS,
  ESP,
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  SEG,
  SEG_BASE,
  SEG_SELECTOR,
  SEG_WORDS,
  SS,
} from './architecture/registers.ts';
import type { Cpu } from './cpu.ts';
import { enterRealCode } from './segments.ts';
import { HAS_CODE } from './tlb.ts';

const S_CS = SEG + CS * SEG_WORDS,
  S_SS = SEG + SS * SEG_WORDS;
/** Bytes of a frame. */
const FRAME = 6;
/** What IRET of 16 bits loads of EFLAGS, next to the arithmetic flags and TF. */
const LOADED = IF | DF | IOPL | NT;

/** Real mode (CPL 0), 16-bit code and stack: an access to the stack on 2 bytes lies below its limit. */
const isPlain = ({ mode, R, debug }: Cpu): boolean =>
  (R[CR0]! & CR0_PE) === 0 && mode.narrowSegments && !mode.stack32 && !debug.active;

/** Through the vector table; `next` is where it comes back to. */
export function plainRealInterrupt(cpu: Cpu, vector: number, next: number): boolean {
  const {
    R,
    M2,
    tlb: { TR, TW },
  } = cpu;
  if (!isPlain(cpu) || vector * 4 + 3 > R[IDTR_LIMIT]!) return false;
  const pointer = (R[IDTR_BASE]! + vector * 4) | 0,
    v = TR[pointer >>> 12]!,
    sp = (R[ESP]! - FRAME) & 0xffff,
    top = (R[S_SS + SEG_BASE]! + sp) | 0,
    entry = TW[top >>> 12]!;
  // A stack often lies next to code.
  const code = (entry & 3) === HAS_CODE,
    e = code ? entry ^ HAS_CODE : entry;
  if (((v | pointer) & 3) !== 0 || ((e | top) & 1) !== 0 || sp > 0x10000 - FRAME || (top & 4095) > 4096 - FRAME)
    return false;
  const at = (v ^ pointer) >>> 1,
    ip = M2[at]!,
    selector = M2[at + 1]!,
    slot = (e ^ top) >>> 1;
  M2[slot] = next;
  M2[slot + 1] = R[S_CS + SEG_SELECTOR]!;
  M2[slot + 2] = cpu.eflags;
  if (code) cpu.code.wrote(slot * 2, FRAME);
  R[ESP] = (R[ESP]! & -65536) | sp;
  cpu.loop.noTrap = true;
  R[INTERRUPTIBILITY]! &= ~3;
  R[EFLAGS]! &= ~(IF | TF | AC | RF);
  enterRealCode(cpu, selector, ip);
  return true;
}

/** IRET of 16 bits. */
export function plainRealReturn(cpu: Cpu): boolean {
  const { R, M2 } = cpu,
    sp = R[ESP]! & 0xffff,
    top = (R[S_SS + SEG_BASE]! + sp) | 0,
    e = cpu.tlb.TR[top >>> 12]!;
  if (!isPlain(cpu) || ((e | top) & 1) !== 0 || sp > 0x10000 - FRAME || (top & 4095) > 4096 - FRAME) return false;
  const slot = (e ^ top) >>> 1,
    flags = M2[slot + 2]!,
    before = R[EFLAGS]!;
  // A single step, or an interrupt that the machine waits to send.
  if (((flags | before) & TF) !== 0 || ((flags & ~before & IF) !== 0 && cpu.controls.interruptWindow)) return false;
  R[ESP] = (R[ESP]! & -65536) | ((sp + FRAME) & 0xffff);
  cpu.setFlags(flags & ARITHMETIC);
  R[EFLAGS] = (before & ~LOADED) | (flags & LOADED) | 2;
  enterRealCode(cpu, M2[slot + 1]!, M2[slot]!);
  return true;
}
