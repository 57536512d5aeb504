/**
 * *Idea.* One walk, two users. Translating a linear address means to read the guest's page tables, each of whose guest-physical addresses is
 * translated by the second stage, and to check the rights on the way. The processor does this to fill its TLB; inspectors and the reports of dead
 * workers do it with no processor at all. So this walk reads state words, page tables and second stage, returns what an access would meet, and
 * changes nothing: accessed and dirty bits, faults and exits are the caller's (access.ts). Sources: SDM vol. 3, chapter 4; for the second stage,
 * 28.3.
 */
import { CR0_WP, CR4_PAE, CR4_PGE, CR4_PSE, CR4_SMAP, CR4_SMEP, EFER_LMA, EFER_NXE } from './control-bits.ts';
import { P2M_AWAY, P2M_ON_DEMAND, P2M_READ } from './edge.ts';
import { AC } from './flags.ts';
import { CPL, CR0, CR3, CR4, EFER, EFLAGS, HIGH, PDPTE } from './registers.ts';

/** Bits of a physical address (CPUID leaf 80000008). */
export const PHYSICAL_BITS = 36;
/** High word of a PAE entry: address bits beyond PHYSICAL_BITS, execute-disable apart. */
const PAE_RESERVED_HIGH = 0x7fffffff & ~((1 << (PHYSICAL_BITS - 32)) - 1);

/** Of an entry of IA-32e paging: bits 52 to 62 are the system's own (SDM vol. 3, table 4-15). */
const LONG_RESERVED_HIGH = PAE_RESERVED_HIGH & 0xfffff;
/** Address bits below those of a large page, in a directory's entry and in one of the table above it. */
const LONG_RESERVED_LARGE = [0, 0, 0x1fe000, 0x3fffe000, 128];

export const PTE_P = 1,
  PTE_W = 2,
  PTE_U = 4,
  PTE_A = 32,
  PTE_D = 64,
  PTE_PS = 128,
  PTE_G = 256;
/** Error code of #PF. */
export const ERROR_W = 2,
  ERROR_U = 4;
export const ERROR_P = 1,
  ERROR_FETCH = 16;
const ERROR_RSVD = 8;
/** In place of an error code: the access causes no page fault. */
export const ALLOWED = -1;
/** One of the guest's tables is not here yet (P2M_AWAY). */
export const AWAY = -3;

/** An entry that a walk read. */
export interface PageEntry {
  level: 'PML4E' | 'PDPTE' | 'PDE' | 'PTE';
  /** Where it lies, guest-physical; -1: in a register. */
  physical: number;
  low: number;
  /** PAE's upper half; 0 in 32-bit tables. */
  high: number;
}

/** Of IA-32e paging, top level first; other paging begins further down. */
const LONG_LEVELS = ['PML4E', 'PDPTE', 'PDE', 'PTE'] as const;

/** What an access meets on its way. */
export interface Translation {
  linear: number;
  /** Top level first; none with paging off. */
  entries: PageEntry[];
  /** Error code of the #PF that the access would cause; ALLOWED: none. */
  error: number;
  /** Guest-physical address; -1: an entry is not present or has a reserved bit set. */
  physical: number;
  /** The guest frame's word of the second stage (P2M_*); 0: no memory there. */
  secondStage: number;
  /** Byte offset in machine memory; -1: none. */
  machine: number;
}

/** One walk at a time: its results stay in the fields until the next. */
export class PageWalk {
  private readonly R: Int32Array;
  private readonly M4: Int32Array;
  private readonly p2m: Int32Array;
  /** CPUID shows PSE-36. */
  pse36 = true;
  /** Guest frame found; -1: an entry is not present. */
  gfn = 0;
  /** A reserved bit is set in an entry that is present. */
  reserved = false;
  /** The last level's entry and its guest-physical address, and those of the directory's above it; addresses are -1 where there is none. */
  leaf = 0;
  leafAt = 0;
  upper = 0;
  upperAt = 0;
  /** Entries above these two, topmost first, and where each lies; how many there are. Only IA-32e paging has such in memory. */
  readonly outer = [0, 0];
  readonly outerAt = [0, 0];
  outerCount = 0;
  /** After `access`: the page may be written with the rights that the access had; it is the user's; a CR3 write leaves it in the TLB. */
  writable = false;
  userPage = false;
  global = false;
  /** Where a table lies that is not here yet (P2M_AWAY), so that nothing was found; -1: all were. */
  away = -1;
  /** PTE_W and PTE_U, where all entries have them; in `entryHigh` bit 31: execute-disable, where one has it. */
  rights = 0;
  entryHigh = 0;

  /** `words`: state words (registers.ts); `machine`: machine memory; `p2m`: the second stage, a word a guest frame. */
  constructor(words: Int32Array, machine: Int32Array, p2m: Int32Array) {
    this.R = words;
    this.M4 = machine;
    this.p2m = p2m;
  }

  /** A word of guest-physical memory; -1 where there is none. */
  physical32(gpa: number): number {
    const gfn = Math.floor(gpa / 4096);
    const entry = gfn < this.p2m.length ? this.p2m[gfn]! : 0;
    if ((entry & P2M_READ) === 0) {
      if ((entry & P2M_AWAY) === 0) return entry === P2M_ON_DEMAND ? 0 : -1;
      this.away = gpa;
      return 0;
    }
    return this.M4[((entry & ~4095) | (gpa & 4095)) >>> 2]!;
  }

  /** See ProcessorOptions. */
  bring: ((gfn: number) => void) | undefined;

  /** Behind a walk that is no guest's access. True: a table was away and has come, so that there is to be another walk. */
  waited(): boolean {
    if (this.away < 0 || !this.bring) return false;
    this.bring(Math.floor(this.away / 4096));
    return true;
  }

  /** The same as `find`, of an address that no guest's access names: it waits for tables that are away. */
  findHere(linear: number, high: number): number {
    for (;;) {
      const gfn = this.find(linear, high);
      if (!this.waited()) return gfn;
    }
  }

  /** Finds the entries for `linear` (`high`: the address has more than 32 bits): the guest frame, or -1 when one is not present. No rights are checked. */
  find(linear: number, high = 0): number {
    const R = this.R;
    this.reserved = false;
    this.away = -1;
    this.rights = PTE_W | PTE_U;
    this.entryHigh = 0;
    this.upperAt = this.leafAt = -1;
    this.outerCount = 0;
    if (R[CR0]! >= 0) return (this.gfn = linear >>> 12); // PG clear
    if ((R[EFER]! & EFER_LMA) !== 0) return (this.gfn = this.findLong(linear, high));
    return (this.gfn = (R[CR4]! & CR4_PAE) !== 0 ? this.findPae(linear) : this.find32(linear));
  }

  private find32(linear: number): number {
    const R = this.R;
    const pdeAt = (R[CR3]! & ~4095) + ((linear >>> 22) << 2);
    const pde = this.physical32(pdeAt >>> 0);
    this.rights &= pde;
    if ((pde & PTE_P) !== 0 && (pde & PTE_PS) !== 0 && (R[CR4]! & CR4_PSE) !== 0) {
      this.leaf = pde;
      this.leafAt = pdeAt >>> 0;
      // PSE-36: bits 13-16 are address bits 32-35; 17-21 are reserved, without PSE-36 all of them (SDM vol. 3, table 4-4).
      this.reserved = (pde & (this.pse36 ? 0x3e0000 : 0x3fe000)) !== 0;
      return ((pde >>> 13) & 15) * 0x100000 + ((pde >>> 22) << 10) + ((linear >>> 12) & 0x3ff);
    }
    this.upper = pde;
    this.upperAt = pdeAt >>> 0;
    if ((pde & PTE_P) === 0) return -1;
    const pteAt = (pde & ~4095) + (((linear >>> 12) & 0x3ff) << 2);
    const pte = this.physical32(pteAt >>> 0);
    this.rights &= pte;
    this.leaf = pte;
    this.leafAt = pteAt >>> 0;
    return (pte & PTE_P) === 0 ? -1 : pte >>> 12;
  }

  private findPae(linear: number): number {
    const R = this.R;
    const nx = (R[EFER]! & EFER_NXE) !== 0;
    const i = PDPTE + 2 * (linear >>> 30);
    if ((R[i]! & PTE_P) === 0) return -1;
    const pdeAt = (R[i + 1]! & 15) * 2 ** 32 + ((R[i]! & ~4095) >>> 0) + (((linear >>> 21) & 511) << 3);
    const pde = this.physical32(pdeAt),
      pdeHigh = this.physical32(pdeAt + 4);
    const present = (pde & PTE_P) !== 0;
    if (present && ((pdeHigh & PAE_RESERVED_HIGH) !== 0 || (pdeHigh < 0 && !nx))) this.reserved = true;
    this.rights &= pde;
    this.entryHigh = pdeHigh & -0x80000000;
    if (present && (pde & PTE_PS) !== 0) {
      this.leaf = pde;
      this.leafAt = pdeAt;
      if ((pde & 0x1fe000) !== 0) this.reserved = true;
      return (pdeHigh & 15) * 0x100000 + ((pde >>> 21) << 9) + ((linear >>> 12) & 511);
    }
    this.upper = pde;
    this.upperAt = pdeAt;
    if (!present) return -1;
    // A reserved bit faults where it is met, before the next level is read.
    if (this.reserved) return 0;
    const pteAt = (pdeHigh & 15) * 2 ** 32 + ((pde & ~4095) >>> 0) + (((linear >>> 12) & 511) << 3);
    const pte = this.physical32(pteAt),
      pteHigh = this.physical32(pteAt + 4);
    this.leaf = pte;
    this.leafAt = pteAt;
    if ((pte & PTE_P) === 0) return -1;
    if ((pteHigh & PAE_RESERVED_HIGH) !== 0 || (pteHigh < 0 && !nx)) this.reserved = true;
    this.rights &= pte;
    this.entryHigh |= pteHigh & -0x80000000;
    return (pteHigh & 15) * 0x100000 + (pte >>> 12);
  }

  /** Four levels of entries of 64 bits, whose pages have 4 KiB, 2 MiB or 1 GiB (SDM vol. 3, 4.5). */
  private findLong(low: number, high: number): number {
    const R = this.R;
    const nx = (R[EFER]! & EFER_NXE) !== 0;
    let table = (R[CR3 + HIGH]! & 15) * 2 ** 32 + ((R[CR3]! & ~4095) >>> 0);
    for (let level = 4; ; level--) {
      const index =
        level === 4 ? high >>> 7 : level === 3 ? (high << 2) | (low >>> 30) : low >>> (level === 2 ? 21 : 12);
      const at = table + ((index & 511) << 3);
      const entry = this.physical32(at),
        entryHigh = this.physical32(at + 4);
      const isLarge = level > 1 && (entry & PTE_PS) !== 0;
      if (level === 1 || isLarge) {
        this.leaf = entry;
        this.leafAt = at;
      } else if (level === 2) {
        this.upper = entry;
        this.upperAt = at;
      } else {
        this.outer[this.outerCount] = entry;
        this.outerAt[this.outerCount++] = at;
      }
      if ((entry & PTE_P) === 0) return -1;
      if ((entryHigh & LONG_RESERVED_HIGH) !== 0 || (entryHigh < 0 && !nx)) this.reserved = true;
      if (isLarge && (entry & LONG_RESERVED_LARGE[level]!) !== 0) this.reserved = true;
      if (this.reserved) return 0;
      this.rights &= entry;
      this.entryHigh |= entryHigh & -0x80000000;
      const frame = (entryHigh & 15) * 0x100000 + (entry >>> 12);
      if (level === 1) return frame;
      if (isLarge) {
        const within = level === 2 ? 511 : 0x3ffff;
        return frame - (frame & within) + ((low >>> 12) & within);
      }
      table = frame * 4096;
    }
  }

  /**
   * Finds the entries and checks the rights (SDM vol. 3, 4.6): the error code of the #PF that the access would cause (4.7), or ALLOWED.
   * `user`: with the rights of CPL 3; `implicit`: the processor's own access to descriptors and the like.
   */
  access(linear: number, write: boolean, fetch: boolean, user: boolean, implicit: boolean, high = 0): number {
    const R = this.R;
    const gfn = this.find(linear, high);
    if (R[CR0]! >= 0) {
      // PG clear
      this.writable = true;
      this.userPage = this.global = false;
      return ALLOWED;
    }
    const cr4 = R[CR4]!;
    const nx = (cr4 & CR4_PAE) !== 0 && (R[EFER]! & EFER_NXE) !== 0;
    const error =
      (write ? ERROR_W : 0) | (user ? ERROR_U : 0) | (fetch && (nx || (cr4 & CR4_SMEP) !== 0) ? ERROR_FETCH : 0);
    if (gfn < 0) return error;
    if (this.reserved) return error | ERROR_P | ERROR_RSVD;
    const rights = this.rights;
    const userPage = (rights & PTE_U) !== 0;
    let writable = (rights & PTE_W) !== 0;
    let allowed: boolean;
    if (user) {
      allowed = userPage && (writable || !write);
      writable &&= userPage;
    } else {
      writable ||= (R[CR0]! & CR0_WP) === 0;
      allowed = writable || !write;
      if (userPage) {
        if (fetch) allowed &&= (cr4 & CR4_SMEP) === 0;
        // SDM vol. 3, 4.6.1: implicit supervisor accesses ignore EFLAGS.AC.
        else if ((cr4 & CR4_SMAP) !== 0 && (implicit || R[CPL] === 3 || (R[EFLAGS]! & AC) === 0)) allowed = false;
      }
    }
    if (fetch && nx && this.entryHigh < 0) allowed = false;
    if (!allowed) return error | ERROR_P;
    this.writable = writable;
    this.userPage = userPage;
    this.global = (this.leaf & PTE_G) !== 0 && (cr4 & CR4_PGE) !== 0;
    return ALLOWED;
  }

  /** The whole way of an access by the code that runs, linear to physical to machine, for people. An address of long mode is canonical, with its sign. */
  explain(linear: number, access: 'read' | 'write' | 'fetch' = 'read', user: boolean = this.R[CPL] === 3): Translation {
    const { R, p2m } = this,
      isLong = R[CR0]! < 0 && (R[EFER]! & EFER_LMA) !== 0,
      isPae = R[CR0]! < 0 && (R[CR4]! & CR4_PAE) !== 0,
      high = isLong ? Math.floor(linear / 2 ** 32) : 0;
    const error = this.access(linear | 0, access === 'write', access === 'fetch', user, false, high),
      { gfn } = this;
    const entries: PageEntry[] = [],
      levels = isLong ? LONG_LEVELS : isPae ? LONG_LEVELS.slice(1) : LONG_LEVELS.slice(2);
    const add = (physical: number, low: number, upper: number): void => {
      entries.push({ level: levels[entries.length]!, physical, low: low | 0, high: upper });
    };
    const addAt = (physical: number, low: number): void => {
      if (physical >= 0) add(physical, low, isPae ? this.physical32(physical + 4) | 0 : 0);
    };
    for (let i = 0; i < this.outerCount; i++) addAt(this.outerAt[i]!, this.outer[i]!);
    if (isPae && !isLong) add(-1, R[PDPTE + 2 * (linear >>> 30)]!, R[PDPTE + 2 * (linear >>> 30) + 1]!);
    addAt(this.upperAt, this.upper);
    addAt(this.leafAt, this.leaf);
    const found = gfn >= 0 && !this.reserved;
    const secondStage = found && gfn < p2m.length ? p2m[gfn]! : 0;
    const inFrame = linear & 4095,
      at = ((secondStage & ~4095) | inFrame) >>> 0;
    return {
      linear: isLong ? linear : linear >>> 0,
      entries,
      error,
      physical: found ? gfn * 4096 + inFrame : -1,
      secondStage,
      machine: (secondStage & P2M_READ) !== 0 && at < this.M4.length * 4 ? at : -1,
    };
  }
}
