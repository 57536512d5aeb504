/**
 * Interrupts, exceptions, IRET and segment loads where all is as 32-bit systems have it: flat segments, gates of 32 bits into ring 0, descriptors that were
 * accessed before, tables and stacks that the TLB has. Each function here looks at everything first. What it does not know it leaves to interrupts.ts and
 * segments.ts, with nothing changed: they have all the rules. No function here allocates or throws, for systems come this way ten thousand times a second.
 */
import { CR0_PE, EFER_LMA } from './architecture/control-bits.ts';
import { AC, ARITHMETIC, DF, ID, IF, IOPL, NT, RF, TF, VIF, VIP, VM } from './architecture/flags.ts';
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
  IDTR_BASE,
  IDTR_LIMIT,
  INTERRUPTIBILITY,
  RIGHTS_UNUSABLE,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_SELECTOR,
  SEG_WORDS,
  SS,
  TR,
} from './architecture/registers.ts';
import type { Cpu } from './cpu.ts';
import { FLAT } from './mode.ts';
import { JUMP, S_STOP, S_USER, USER } from './scratch.ts';

/** Low word of a descriptor from 0 to 4 GiB; of its high word what must be so, for code that does not conform, and for data that may be written (SDM vol. 3, 3.4.5). */
const LOW = 0xffff,
  CODE_MASK = 0xffcf9dff | 0,
  CODE = 0x00cf9900,
  DATA_MASK = 0xffcf9fff | 0,
  DATA = 0x00cf9300;
const DPL_SHIFT = 13;
/** SS and the others where they are in the state. */
const S_CS = SEG + CS * SEG_WORDS,
  S_SS = SEG + SS * SEG_WORDS,
  S_TR = SEG + TR * SEG_WORDS;
/** Selector bits: of a null selector all are clear; the LDT's has TI set. */
const INDEX_BITS = 0xfffc,
  TI = 4;

/** Flags that a flat IRET leaves to the general one, in EFLAGS or on the stack. */
const UNUSUAL = VM | NT | TF | AC | VIF | VIP;
/** What else of EFLAGS an IRET of ring 0 loads, next to the arithmetic flags. */
const LOADED = ID | IOPL | IF | DF;

/** A data segment that ring 3 may not have: it would become null on the way there. */
const isInner = (rights: number): boolean =>
  (rights & RIGHTS_UNUSABLE) === 0 && (rights & 0x1c) !== 0x1c && (rights & 0x60) !== 0x60;

export interface FlatTransfers {
  /**
   * Through a gate of the IDT into ring 0, from ring 0 or 3; `eip` is where it comes back to. `error` -1: none is pushed. `software`: the gate's DPL is
   * checked. `resume`: RF is set in the flags that are pushed.
   */
  interrupt(vector: number, error: number, software: boolean, eip: number, resume: boolean): boolean;
  /** IRETD of ring 0, to ring 0 or 3. */
  interruptReturn(): boolean;
  /** Loads a segment register but CS. Whatever may depend on the mode stays as it is. */
  load(segment: number, selector: number): boolean;
  /** POP of 32 bits into one of these but SS. */
  pop(segment: number): boolean;
}

/** One closure over what they need, which V8 takes for constants where there is one processor in a worker. */
export function createFlatTransfers(cpu: Cpu): FlatTransfers {
  const { R, S, M4, mode, tlb } = cpu,
    { TR: reads, TW: writes } = tlb;
  const isFlat = (): boolean => mode.key === FLAT && (R[CR0]! & CR0_PE) !== 0 && (R[EFER]! & EFER_LMA) === 0;

  /** Where in memory, in words, the eight bytes of a table's entry at a linear address lie; -1: not known here. */
  function entryAt(linear: number): number {
    const e = reads[linear >>> 12]!;
    return ((e | linear) & 7) === 0 ? (e ^ linear) >>> 2 : -1;
  }

  /** The same of a descriptor of the GDT; -1 also for a null selector, or one of the LDT. */
  function descriptorAt(selector: number): number {
    if ((selector & TI) !== 0 || (selector & INDEX_BITS) === 0 || (selector | 7) > R[GDTR_LIMIT]!) return -1;
    return entryAt((R[GDTR_BASE]! + (selector & 0xfff8)) | 0);
  }

  function setFlat(segment: number, selector: number, high: number): void {
    R[segment + SEG_SELECTOR] = selector;
    R[segment + SEG_BASE] = 0;
    R[segment + SEG_LIMIT] = -1;
    R[segment + SEG_RIGHTS] = (high >>> 8) & 0xf0ff;
  }

  function interrupt(vector: number, error: number, software: boolean, eip: number, resume: boolean): boolean {
    if (!isFlat() || vector * 8 + 7 > R[IDTR_LIMIT]!) return false;
    const gate = entryAt((R[IDTR_BASE]! + vector * 8) | 0);
    if (gate < 0) return false;
    const low = M4[gate]!,
      high = M4[gate + 1]!,
      cpl = R[CPL]!,
      selector = low >>> 16;
    // An interrupt gate (14) or a trap gate (15), present.
    if ((high & 0x9e00) !== 0x8e00 || (software && ((high >>> DPL_SHIFT) & 3) < cpl)) return false;
    const code = descriptorAt(selector);
    // A code segment of DPL 0.
    if (code < 0 || M4[code] !== LOW) return false;
    const codeHigh = M4[code + 1]!;
    if ((codeHigh & (CODE_MASK | (3 << DPL_SHIFT))) !== CODE) return false;

    let esp = R[ESP]!,
      ss = 0,
      stack = 0;
    if (cpl !== 0) {
      // SS0 and ESP0 of a 32-bit TSS.
      if ((R[S_TR + SEG_RIGHTS]! & 8) === 0 || R[S_TR + SEG_LIMIT]! >>> 0 < 9) return false;
      const pointer = (R[S_TR + SEG_BASE]! + 4) | 0,
        e = reads[pointer >>> 12]!;
      if (((e | pointer) & 3) !== 0 || (pointer & 4095) > 4088) return false;
      const at = (e ^ pointer) >>> 2;
      esp = M4[at]!;
      ss = M4[at + 1]! & 0xffff;
      const descriptor = (ss & 3) === 0 ? descriptorAt(ss) : -1;
      if (descriptor < 0 || M4[descriptor] !== LOW) return false;
      stack = M4[descriptor + 1]!;
      if ((stack & (DATA_MASK | (3 << DPL_SHIFT))) !== DATA) return false;
    }
    const top = (esp - (cpl !== 0 ? 20 : 12) - (error >= 0 ? 4 : 0)) | 0,
      e = writes[top >>> 12]!;
    if (((e | top) & 3) !== 0 || (top & 4095) > 4096 - 24) return false;

    const flags = cpu.eflags | (resume ? RF : 0);
    let at = (e ^ top) >>> 2;
    if (error >= 0) M4[at++] = error;
    M4[at] = eip;
    M4[at + 1] = R[S_CS + SEG_SELECTOR]!;
    M4[at + 2] = flags;
    if (cpl !== 0) {
      M4[at + 3] = R[ESP]!;
      M4[at + 4] = R[S_SS + SEG_SELECTOR]!;
      setFlat(S_SS, ss, stack);
    }
    R[ESP] = top;
    cpu.loop.noTrap = true;
    R[INTERRUPTIBILITY]! &= ~3;
    // Trap gates leave IF.
    R[EFLAGS]! &= (high & 0x100) === 0 ? ~(TF | NT | RF | IF) : ~(TF | NT | RF);
    setFlat(S_CS, selector & INDEX_BITS, codeHigh);
    R[CPL] = 0;
    R[EIP] = (low & 0xffff) | (high & 0xffff0000);
    S[S_USER] = 0;
    S[S_STOP] = JUMP;
    return true;
  }

  function interruptReturn(): boolean {
    if (!isFlat() || R[CPL] !== 0 || (R[EFLAGS]! & UNUSUAL) !== 0 || cpu.debug.active) return false;
    const esp = R[ESP]!,
      e = reads[esp >>> 12]!;
    if (((e | esp) & 3) !== 0 || (esp & 4095) > 4096 - 20) return false;
    const at = (e ^ esp) >>> 2,
      flags = M4[at + 2]!,
      selector = M4[at + 1]! & 0xffff,
      rpl = selector & 3;
    if ((flags & UNUSUAL) !== 0 || (rpl !== 0 && rpl !== 3)) return false;
    const code = descriptorAt(selector);
    if (code < 0 || M4[code] !== LOW) return false;
    const codeHigh = M4[code + 1]!;
    if ((codeHigh & (CODE_MASK | (3 << DPL_SHIFT))) !== (CODE | (rpl << DPL_SHIFT))) return false;
    if (rpl === 0) R[ESP] = (esp + 12) | 0;
    else {
      const ss = M4[at + 4]! & 0xffff,
        stack = (ss & 3) === 3 ? descriptorAt(ss) : -1;
      if (stack < 0 || M4[stack] !== LOW) return false;
      const stackHigh = M4[stack + 1]!;
      if ((stackHigh & (DATA_MASK | (3 << DPL_SHIFT))) !== (DATA | (3 << DPL_SHIFT))) return false;
      if (
        isInner(R[SEG + DS * SEG_WORDS + SEG_RIGHTS]!) ||
        isInner(R[SEG + ES * SEG_WORDS + SEG_RIGHTS]!) ||
        isInner(R[SEG + FS * SEG_WORDS + SEG_RIGHTS]!) ||
        isInner(R[SEG + GS * SEG_WORDS + SEG_RIGHTS]!)
      )
        return false;
      R[ESP] = M4[at + 3]!;
      setFlat(S_SS, ss, stackHigh);
      R[CPL] = 3;
      S[S_USER] = USER;
      tlb.enterUser();
    }
    setFlat(S_CS, selector, codeHigh);
    const before = R[EFLAGS]!;
    cpu.setFlags(flags & ARITHMETIC);
    // RF lasts for an instruction: without breakpoints nothing asks for it (see Cpu.changeFlags).
    R[EFLAGS] = (before & ~(LOADED | RF)) | (flags & LOADED) | 2;
    if ((flags & ~before & IF) !== 0 && cpu.controls.interruptWindow) cpu.loop.endBatch();
    R[EIP] = M4[at]!;
    S[S_STOP] = JUMP;
    return true;
  }

  function load(segment: number, selector: number): boolean {
    if (!isFlat()) return false;
    const at = descriptorAt(selector);
    if (at < 0 || M4[at] !== LOW) return false;
    const high = M4[at + 1]!,
      cpl = R[CPL]!,
      dpl = (high >>> DPL_SHIFT) & 3,
      rpl = selector & 3;
    if ((high & DATA_MASK) !== DATA || (segment === SS ? dpl !== cpl || rpl !== cpl : dpl < cpl || dpl < rpl))
      return false;
    setFlat(SEG + segment * SEG_WORDS, selector, high);
    return true;
  }

  function pop(segment: number): boolean {
    const esp = R[ESP]!,
      e = reads[(esp >>> 12) + S[S_USER]!]!;
    if (((e | esp) & 3) !== 0 || !load(segment, M4[(e ^ esp) >>> 2]! & 0xffff)) return false;
    R[ESP] = (esp + 4) | 0;
    return true;
  }

  return { interrupt, interruptReturn, load, pop };
}
