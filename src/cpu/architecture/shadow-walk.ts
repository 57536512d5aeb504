/**
 * Shadow page tables: what a processor walks where its hypervisor keeps it from the guest's own tables and from a second stage. Entries have PAE's format, with
 * machine frames: four levels in long mode, three elsewhere, whatever format the guest's tables have. Only the last level tells rights. Accesses are checked as
 * with CR0.WP and EFER.NXE set, as Xen (shadow/multi.c) and KVM (paging_tmpl.h) have them set for shadows, and any page may be the user's while the guest's
 * paging is off. Sources: SDM vol. 3, 4.6 and 4.7; vol. 3C, 33.3 (the virtual TLB scheme).
 */
import { CR4_SMAP, CR4_SMEP, EFER_LMA } from './control-bits.ts';
import { P2M_EXECUTE, P2M_READ, P2M_WRITE, type ShadowWalking } from './edge.ts';
import { AC } from './flags.ts';
import { ALLOWED, ERROR_FETCH, ERROR_P, ERROR_U, ERROR_W, PTE_G, PTE_P, PTE_U, PTE_W } from './paging.ts';
import { CPL, CR0, CR4, EFER, EFLAGS } from './registers.ts';

/**
 * Bits of a leaf that are the hypervisor's to use (9 to 11, and 52): the guest may write there, the second stage may not; nothing is fetched there; a large page
 * of the guest's maps it, of 1 GiB.
 */
export const SHADOW_WRITE_IS_OURS = 1 << 9,
  SHADOW_NO_FETCH = 1 << 10,
  SHADOW_LARGE = 1 << 11,
  SHADOW_HUGE_HIGH = 1 << 20;
/** In a leaf's high word, a reserved bit: a device's page, by its guest frame. An access to it faults on hardware, for the hypervisor to emulate (Xen's SH_L1E_MMIO). */
export const SHADOW_DEVICE_HIGH = 1 << 19;
/** Execute-disable, in a leaf's high word. */
export const SHADOW_NX_HIGH = 1 << 31;

/** Index of an address's entry in a table of `level` (1: the leaf's). */
export const shadowIndex = (low: number, high: number, level: number): number =>
  (level === 4 ? high >>> 7 : level === 3 ? (high << 2) | (low >>> 30) : low >>> (level === 2 ? 21 : 12)) & 511;

/** One walk at a time: its results stay in the fields until the next. */
export class ShadowWalk implements ShadowWalking {
  /** Machine frame of the top table. */
  root = 0;
  entry = 0;
  gfn = 0;
  writable = false;
  userPage = false;
  global = false;
  isLarge = false;
  isHuge = false;
  reached = 0;
  onFlush: () => void = () => {};
  onTaskSwitch: () => void = () => {};
  private readonly R: Int32Array;
  private readonly M4: Int32Array;

  /** `words`: state words (registers.ts); `machine`: machine memory. */
  constructor(words: Int32Array, machine: Int32Array) {
    this.R = words;
    this.M4 = machine;
  }

  /** Levels of the tables that are walked now. */
  get levels(): 3 | 4 {
    return (this.R[EFER]! & EFER_LMA) !== 0 ? 4 : 3;
  }

  /** Index in machine memory, in words, of an address's entry at `level`, or of the last one above it that is there: `reached` says at which level. */
  find(low: number, high: number, level = 1): number {
    const { M4, levels } = this,
      // PAE's top table has four entries.
      upper = levels === 4 ? high : 0;
    let table = this.root;
    for (let at: number = levels; ; at--) {
      const word = (table << 10) | (shadowIndex(low, upper, at) << 1);
      this.reached = at;
      if (at === level || (M4[word]! & PTE_P) === 0) return word;
      table = M4[word]! >>> 12;
    }
  }

  /** As PageWalk.access: the error code of the #PF that the access causes, or ALLOWED. */
  access(low: number, write: boolean, fetch: boolean, user: boolean, implicit: boolean, high: number): number {
    const { R, M4 } = this,
      at = this.find(low, high),
      leaf = M4[at]!,
      leafHigh = M4[at + 1]!;
    const error = (write ? ERROR_W : 0) | (user ? ERROR_U : 0) | (fetch ? ERROR_FETCH : 0);
    if (this.reached !== 1 || (leaf & PTE_P) === 0) return error;
    const userPage = (leaf & PTE_U) !== 0;
    if (user && !userPage) return error | ERROR_P;
    if (write && (leaf & (PTE_W | SHADOW_WRITE_IS_OURS)) === 0) return error | ERROR_P;
    if (fetch && leafHigh < 0) return error | ERROR_P;
    // Without the guest's paging the hypervisor keeps SMEP and SMAP off (Xen's vmx_update_guest_cr).
    if (!user && userPage && R[CR0]! < 0) {
      const cr4 = R[CR4]!;
      if (
        fetch ? (cr4 & CR4_SMEP) !== 0 : (cr4 & CR4_SMAP) !== 0 && (implicit || R[CPL] === 3 || (R[EFLAGS]! & AC) === 0)
      )
        return error | ERROR_P;
    }
    const isDevice = (leafHigh & SHADOW_DEVICE_HIGH) !== 0;
    this.gfn = isDevice ? (leafHigh & 15) * 0x100000 + (leaf >>> 12) : -1;
    this.writable = (leaf & PTE_W) !== 0;
    this.entry = isDevice
      ? 0
      : (leaf & ~4095) |
        P2M_READ |
        (this.writable ? P2M_WRITE : 0) |
        ((leaf & SHADOW_NO_FETCH) === 0 ? P2M_EXECUTE : 0);
    this.userPage = userPage;
    this.global = (leaf & PTE_G) !== 0;
    this.isLarge = (leaf & SHADOW_LARGE) !== 0;
    this.isHuge = (leafHigh & SHADOW_HUGE_HIGH) !== 0;
    return ALLOWED;
  }
}
