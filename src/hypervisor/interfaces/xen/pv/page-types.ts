/**
 * Types of a paravirtual domain's frames. A frame is a page table, a descriptor table or writable memory, and only one of them at a time:
 * this is all that keeps a guest, whose page tables the processor walks directly, from mapping what is not its own.
 * Source: the public description of Xen's direct paging (docs and xen/include/public/xen.h).
 */
import {
  FRAME,
  FRAME_COUNT_MASK,
  FRAME_PINNED,
  FRAME_TYPE,
  FRAME_TYPE_SHIFT,
  FRAME_VALIDATED,
} from '../../../layout/layout.ts';
import type { Machine } from '../../../memory/machine.ts';
import { EINVAL, EPERM } from '../abi.ts';
import { PTE_ACCESSED, PTE_DIRTY, PTE_GLOBAL, PTE_PRESENT, PTE_WRITE } from './pte.ts';
import type { PageTables } from './tables.ts';

export interface PageTypeHooks {
  /** No stale translation may outlive a change of type. */
  flushTlb(): void;
  /** The hypervisor's own entries in a guest's tables (PageTables.complete), as low words; the high ones are 0. */
  xenEntries(): Int32Array;
  /** The hypervisor stored into a frame of the domain. */
  written(mfn: number): void;
  /** An L1 entry names the frame: from now on the processor may reach it. */
  mapped(mfn: number): void;
  /** A frame of the hypervisor's that the domain may map: shared_info. It lives as long as the domain's records, so nobody counts. */
  isShared(mfn: number): boolean;
  /** The domain's last reference on a frame of its own has gone, and with it the frame: nothing of it may be reached any more. */
  left(mfn: number): void;
  /** An entry that shows a frame of another domain was dropped otherwise than by the unmap that its grant wants. */
  grantLost(): void;
}

export class PageTypes {
  private readonly machine: Machine;
  private readonly domid: number;
  private readonly hooks: PageTypeHooks;
  private readonly tables: PageTables;
  /** Translations may be in the TLB that page tables no longer have. */
  private stale = false;

  constructor(machine: Machine, domid: number, hooks: PageTypeHooks, tables: PageTables) {
    this.machine = machine;
    this.domid = domid;
    this.hooks = hooks;
    this.tables = tables;
  }

  private at(mfn: number): number {
    return this.machine.frameEntry(mfn) + FRAME.TYPE;
  }

  private wordOf(mfn: number): number {
    return Atomics.load(this.machine.words, this.at(mfn));
  }

  typeOf(mfn: number): number {
    const word = this.wordOf(mfn);
    return (word & FRAME_COUNT_MASK) === 0 ? FRAME_TYPE.NONE : word >>> FRAME_TYPE_SHIFT;
  }

  countOf(mfn: number): number {
    return this.wordOf(mfn) & FRAME_COUNT_MASK;
  }

  /** The hypervisor stored into a frame of the domain. */
  written(mfn: number): void {
    this.hooks.written(mfn);
  }

  /** An entry that was present has changed: what the TLB holds of it must go before a frame changes its type or owner. */
  noteStale(): void {
    this.stale = true;
  }

  flushIfStale(): void {
    if (!this.stale) return;
    this.stale = false;
    this.hooks.flushTlb();
  }

  /** The TLB was flushed anyway. */
  flushed(): void {
    this.stale = false;
  }

  /** Takes a reference on a frame of the domain and one use as `type`, validating what it holds where that is new. 0 or -EINVAL. */
  get(mfn: number, type: number): number {
    const { machine } = this;
    if (!machine.takeReference(mfn, this.domid)) return -EINVAL;
    if (!this.getType(mfn, type)) {
      this.drop(mfn);
      return -EINVAL;
    }
    return 0;
  }

  put(mfn: number): void {
    this.putType(mfn);
    this.drop(mfn);
  }

  /**
   * Drops a reference of the domain's on a frame of its own. A frame that it has given up is freed with the last one, whichever holder has that: what the TLB
   * has of it must be gone before.
   */
  drop(mfn: number): void {
    const { machine } = this;
    if (!machine.isAllocated(mfn)) this.flushIfStale();
    if (machine.dropReference(mfn)) this.hooks.left(mfn);
  }

  private getType(mfn: number, type: number): boolean {
    const { words } = this.machine;
    const at = this.at(mfn);
    for (;;) {
      const old = Atomics.load(words, at);
      const count = old & FRAME_COUNT_MASK;
      if (count > 0) {
        if (old >>> FRAME_TYPE_SHIFT !== type || count === FRAME_COUNT_MASK || !(old & FRAME_VALIDATED)) return false;
        if (Atomics.compareExchange(words, at, old, old + 1) === old) return true;
        continue;
      }
      // Writable translations of what becomes a table must not linger (and the other way round a table's).
      if (old >>> FRAME_TYPE_SHIFT !== type) this.flushIfStale();
      const checked = type === FRAME_TYPE.WRITABLE;
      if (
        Atomics.compareExchange(words, at, old, (type << FRAME_TYPE_SHIFT) | (checked ? FRAME_VALIDATED : 0) | 1) !==
        old
      )
        continue;
      if (checked) return true;
      if (this.validate(mfn, type)) {
        Atomics.or(words, at, FRAME_VALIDATED);
        return true;
      }
      Atomics.store(words, at, 0);
      return false;
    }
  }

  private putType(mfn: number): void {
    const { words } = this.machine;
    const at = this.at(mfn);
    const old = Atomics.sub(words, at, 1);
    if ((old & FRAME_COUNT_MASK) !== 1) return;
    const type = old >>> FRAME_TYPE_SHIFT;
    Atomics.and(words, at, ~FRAME_VALIDATED);
    // The processor has set bits in its entries.
    if (this.tables.entriesOf(type) > 0) this.hooks.written(mfn);
    this.dropEntries(mfn, type, this.tables.entriesOf(type));
    this.noteStale();
  }

  /** A permanent use. 0 or -EINVAL. */
  pin(mfn: number, type: number): number {
    const error = this.get(mfn, type);
    if (error !== 0) return error;
    const old = Atomics.or(this.machine.words, this.at(mfn), FRAME_PINNED);
    if (old & FRAME_PINNED) {
      this.put(mfn);
      return -EINVAL;
    }
    return 0;
  }

  unpin(mfn: number): number {
    const { machine } = this;
    if (!machine.takeReference(mfn, this.domid)) return -EINVAL;
    const pinned = (Atomics.and(machine.words, this.at(mfn), ~FRAME_PINNED) & FRAME_PINNED) !== 0;
    if (pinned) this.put(mfn);
    this.drop(mfn);
    return pinned ? 0 : -EINVAL;
  }

  private validate(mfn: number, type: number): boolean {
    if (type === FRAME_TYPE.DESCRIPTORS) return this.validateDescriptors(mfn);
    const { words } = this.machine;
    const first = mfn << 10;
    const entries = this.tables.entriesOf(type);
    for (let slot = 0; slot < entries; slot++) {
      const at = first + 2 * slot;
      if (this.getEntry(type, slot, words[at], words[at + 1]) !== 0) {
        this.dropEntries(mfn, type, slot);
        return false;
      }
      if (type === FRAME_TYPE.L1 && words[at] & PTE_GLOBAL) words[at] &= ~PTE_GLOBAL;
    }
    if (!this.tables.complete(words, first, type, () => this.hooks.xenEntries())) {
      this.dropEntries(mfn, type, entries);
      return false;
    }
    this.hooks.written(mfn);
    return true;
  }

  private dropEntries(mfn: number, type: number, count: number): void {
    const { words } = this.machine;
    for (let slot = 0; slot < count; slot++)
      this.putEntry(type, words[(mfn << 10) + 2 * slot], words[(mfn << 10) + 2 * slot + 1]);
  }

  /** Takes the references that an entry of a table represents. 0 or -EINVAL; an entry that is not present represents none. */
  getEntry(type: number, slot: number, low: number, high: number): number {
    if (!(low & PTE_PRESENT)) return 0;
    if (!this.tables.isLegal(type, low, high)) return -EINVAL;
    const mfn = low >>> 12;
    if (type === FRAME_TYPE.L1) {
      if (this.hooks.isShared(mfn)) {
        this.hooks.mapped(mfn);
        return 0;
      }
      const error =
        low & PTE_WRITE
          ? this.get(mfn, FRAME_TYPE.WRITABLE)
          : this.machine.takeReference(mfn, this.domid)
            ? 0
            : -EINVAL;
      if (error === 0) this.hooks.mapped(mfn);
      return error;
    }
    return this.get(mfn, this.tables.below(type, slot));
  }

  putEntry(type: number, low: number, _high: number): void {
    if (!(low & PTE_PRESENT)) return;
    const mfn = low >>> 12;
    this.noteStale();
    if (type === FRAME_TYPE.L1 && this.hooks.isShared(mfn)) return;
    if (type === FRAME_TYPE.L1 && this.machine.ownerOf(mfn) !== this.domid) this.hooks.grantLost();
    else if (type === FRAME_TYPE.L1 && !(low & PTE_WRITE)) this.drop(mfn);
    else this.put(mfn);
  }

  /**
   * Puts a foreign frame, whose grant holds the reference, at an L1 entry; or, with `low` 0, takes it away again.
   * -EINVAL: `table` is no L1 table of the domain's.
   */
  setGranted(table: number, slot: number, low: number): number {
    const { words } = this.machine;
    if (this.machine.ownerOf(table) !== this.domid || this.typeOf(table) !== FRAME_TYPE.L1) return -EINVAL;
    const at = (table << 10) + 2 * slot;
    const old = words[at];
    words[at] = low;
    words[at + 1] = 0;
    this.hooks.written(table);
    if (low !== 0) this.putEntry(FRAME_TYPE.L1, old, 0);
    this.noteStale();
    return 0;
  }

  /**
   * Replaces an entry of a validated table. `keepAccessed`: accessed and dirty bits of the old one stay (MMU_PT_UPDATE_PRESERVE_AD).
   * 0, or -EINVAL and the old entry stays; -EPERM for a slot of the hypervisor's.
   */
  replaceEntry(table: number, slot: number, low: number, high: number, keepAccessed: boolean): number {
    const { words } = this.machine;
    const type = this.typeOf(table);
    if (slot >= this.tables.entriesOf(type)) return this.tables.isXens(type, slot) ? -EPERM : -EINVAL;
    const at = (table << 10) + 2 * slot;
    const oldLow = words[at],
      oldHigh = words[at + 1];
    if (this.tables.isFixed(type, slot)) return -EINVAL;
    let entry = low;
    if (type === FRAME_TYPE.L1) entry &= ~PTE_GLOBAL;
    if (keepAccessed && oldLow & PTE_PRESENT) entry |= oldLow & (PTE_ACCESSED | PTE_DIRTY);
    const error = this.getEntry(type, slot, entry, high);
    if (error !== 0) return error;
    words[at] = entry;
    words[at + 1] = high;
    this.hooks.written(table);
    this.putEntry(type, oldLow, oldHigh);
    return 0;
  }

  private validateDescriptors(mfn: number): boolean {
    const { words } = this.machine;
    for (let at = mfn << 10; at < (mfn + 1) << 10; at += 2) {
      const checked = checkDescriptor(words[at], words[at + 1]);
      if (!checked) return false;
      [words[at], words[at + 1]] = checked;
    }
    this.hooks.written(mfn);
    return true;
  }
}

const DESCRIPTOR_PRESENT = 0x8000,
  DESCRIPTOR_CODE_OR_DATA = 0x1000,
  DESCRIPTOR_ACCESSED = 0x100,
  DESCRIPTOR_LONG = 0x200000,
  DPL_1 = 0x2000,
  DPL_MASK = 0x6000;
const CALL_GATE = 12,
  GATE_RESERVED = 0xe0,
  FIRST_RESERVED_GDT_ENTRY = 14 * 512,
  FLAT_KERNEL_CS = 0xe019;

/**
 * Whether a guest may have this descriptor; returns its two words as they are to be stored, undefined if not. A kernel runs in ring 1, so nothing
 * gets ring 0. The accessed bit is set at once: the processor, which sees these tables read-only, cannot set it later. A call gate is allowed,
 * but does not work by itself: its own privilege level goes to the selector's, and level 0 makes each use a #GP that names it.
 * Source: xen/arch/x86/pv/descriptor-tables.c, check_descriptor.
 */
export function checkDescriptor(low: number, high: number): [low: number, high: number] | undefined {
  if (!(high & DESCRIPTOR_PRESENT)) return [low, high];
  const fixed = high & DPL_MASK ? high : high | DPL_1;
  if (fixed & DESCRIPTOR_CODE_OR_DATA) return fixed & DESCRIPTOR_LONG ? undefined : [low, fixed | DESCRIPTOR_ACCESSED];
  const kind = (fixed >>> 8) & 15;
  // The second half of a gate of 64-bit guests.
  if (kind === 0) return [low, high];
  const selector = low >>> 16;
  const isGuests = (selector & 4) !== 0 || selector >>> 3 < FIRST_RESERVED_GDT_ENTRY || selector === FLAT_KERNEL_CS;
  if (kind !== CALL_GATE || fixed & GATE_RESERVED || !isGuests) return undefined;
  return [(low & 0xffff) | (((selector & ~3) | ((fixed >>> 13) & 3)) << 16), fixed & ~DPL_MASK];
}
