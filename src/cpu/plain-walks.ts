/**
 * Page walks where all is as it is nearly always: tables of two levels (or PAE's below their four registers) in memory, a directory's entry that was accessed
 * before, tables and frames that are plain memory. A kernel that changes CR3 walks for each page that it touches next, so this is one
 * closure over what it needs, which V8 takes for constants where there is one processor in a worker. What it does not know it leaves to access.ts and
 * paging.ts, with nothing changed: they have all the rules. Sources: SDM vol. 3, 4.3, 4.4, 4.6 and 4.7.
 */
import { CR0_WP, CR4_PAE, CR4_PGE, CR4_PSE, CR4_SMAP, EFER_LMA, EFER_NXE } from './architecture/control-bits.ts';
import type { CodeCache } from './code-cache.ts';
import type { Cpu } from './cpu.ts';
import type { Debug } from './debug.ts';
import { P2M_READ, P2M_WRITE } from './architecture/edge.ts';
import { ALLOWED, ERROR_U, ERROR_W, PTE_A, PTE_D, PTE_G, PTE_P, PTE_PS, PTE_U, PTE_W } from './architecture/paging.ts';
import { CR0, CR3, CR4, EFER, PDPTE } from './architecture/registers.ts';
import { S_USER } from './scratch.ts';
import type { Tlb } from './tlb.ts';
import type { WriteLog } from './architecture/write-log.ts';

/** The walk is another's: nothing was done. */
export const UNKNOWN = -2;

/** Offset bits of a linear or physical address. */
const PAGE_MASK = 4095;
/** High word of a PAE entry: all but execute-disable. */
const HIGH_ADDRESS = 0x7fffffff;
/** What a frame's word in the second stage says of plain memory. */
const MEMORY = P2M_READ | P2M_WRITE;
const WORDS_OF_PAGE_SHIFT = 10;

/**
 * Finds the page of a data access at `linear` and puts it into the TLB: ALLOWED. Nothing is mapped there: the error code of #PF. Anything else: UNKNOWN.
 */
export type PlainWalk = (linear: number, write: boolean) => number;

export function createPlainWalk(
  { R, S, M4, p2m }: Pick<Cpu, 'R' | 'S' | 'M4' | 'p2m'>,
  tlb: Tlb,
  { lines }: CodeCache,
  debug: Debug,
  log: WriteLog,
): PlainWalk {
  const frames = p2m.length;

  /** Where in machine memory, in words, the guest-physical byte `at` below 4 GiB lies; -1: no memory. */
  function wordAt(at: number): number {
    const gfn = at >>> 12,
      entry = gfn < frames ? p2m[gfn]! : 0;
    return (entry & P2M_READ) === 0 ? -1 : ((entry & ~PAGE_MASK) | (at & PAGE_MASK)) >>> 2;
  }

  return function walk(linear, write) {
    const cr0 = R[CR0]!,
      cr4 = R[CR4]!,
      user = S[S_USER]!,
      isPae = (cr4 & CR4_PAE) !== 0;
    if (cr0 >= 0 || debug.active || (R[EFER]! & EFER_LMA) !== 0) return UNKNOWN;
    let table = R[CR3]!,
      step = 2;
    if (isPae) {
      const pdpte = PDPTE + 2 * (linear >>> 30);
      table = R[pdpte]!;
      if ((table & PTE_P) === 0 || R[pdpte + 1] !== 0) return UNKNOWN;
      step = 3;
    }
    const notPresent = (write ? ERROR_W : 0) | (user !== 0 ? ERROR_U : 0),
      executeDisable = isPae && (R[EFER]! & EFER_NXE) !== 0;
    const upperIndex = isPae ? (linear >>> 21) & 511 : linear >>> 22,
      upperAt = wordAt((table & ~PAGE_MASK) | (upperIndex << step));
    if (upperAt < 0) return UNKNOWN;
    const upper = M4[upperAt]!;
    if ((upper & PTE_P) === 0) return notPresent;
    if (isPae && ((M4[upperAt + 1]! & HIGH_ADDRESS) !== 0 || (M4[upperAt + 1]! < 0 && !executeDisable))) return UNKNOWN;
    if ((upper & PTE_A) === 0 || ((upper & PTE_PS) !== 0 && (isPae || (cr4 & CR4_PSE) !== 0))) return UNKNOWN;
    const at = wordAt((upper & ~PAGE_MASK) | (((linear >>> 12) & (isPae ? 511 : 1023)) << step));
    if (at < 0) return UNKNOWN;
    const leaf = M4[at]!;
    if ((leaf & PTE_P) === 0) return notPresent;
    if (isPae && ((M4[at + 1]! & HIGH_ADDRESS) !== 0 || (M4[at + 1]! < 0 && !executeDisable))) return UNKNOWN;
    const rights = upper & leaf,
      mayWrite = (rights & PTE_W) !== 0 || (user === 0 && (cr0 & CR0_WP) === 0);
    if (user !== 0 ? (rights & PTE_U) === 0 : (rights & PTE_U) !== 0 && (cr4 & CR4_SMAP) !== 0) return UNKNOWN;
    if (write && !mayWrite) return UNKNOWN;
    const gfn = leaf >>> 12,
      entry = gfn < frames ? p2m[gfn]! : 0;
    if ((entry & MEMORY) !== MEMORY) return UNKNOWN;
    const marks = (write ? PTE_A | PTE_D : PTE_A) & ~leaf;
    if (marks !== 0) {
      if ((p2m[upper >>> 12]! & MEMORY) !== MEMORY || lines[at >>> WORDS_OF_PAGE_SHIFT] !== 0) return UNKNOWN;
      log.note(at >>> WORDS_OF_PAGE_SHIFT);
      // Another processor may change the entry meanwhile.
      Atomics.or(M4, at, marks);
    }
    tlb.fill(
      linear,
      user,
      entry & ~PAGE_MASK,
      write,
      mayWrite && ((leaf | marks) & PTE_D) !== 0,
      lines[entry >>> 12] !== 0,
      (leaf & PTE_G) !== 0 && (cr4 & CR4_PGE) !== 0,
    );
    return ALLOWED;
  };
}
