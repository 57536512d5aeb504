/**
 * Granted frames in a paravirtual domain's page tables: map_grant_ref writes the L1 entry, since no guest may name another's frame itself.
 * Source: xen/include/public/grant_table.h.
 */
import { P2M_READ, P2M_WRITE } from '../../../../cpu/architecture/index.ts';
import { FRAME_TYPE } from '../../../layout/layout.ts';
import { FRAME_SHIFT } from '../../../memory/machine.ts';
import type { SecondStage } from '../../../memory/second-stage.ts';
import { GNTMAP, GNTST } from '../grants/grants.ts';
import type { PvMemory } from './memory.ts';
import type { PageTypes } from './page-types.ts';
import { PTE_ACCESSED, PTE_DIRTY, PTE_PRESENT, PTE_USER, PTE_WRITE } from './pte.ts';

export interface GrantMapParts {
  words: Int32Array;
  stage: SecondStage;
  memory: PvMemory;
  types: PageTypes;
  ownerOf(mfn: number): number;
  domid: number;
}

export class GrantMap {
  private readonly parts: GrantMapParts;
  /** How many entries show a frame. */
  private readonly shown = new Map<number, number>();

  constructor(parts: GrantMapParts) {
    this.parts = parts;
  }

  /** The L1 entry meant: by machine address, or as the one that maps a linear address. Undefined: there is none. */
  private entry(place: number, flags: number): { table: number; slot: number } | undefined {
    if (place >= 2 ** 32) return undefined;
    if (flags & GNTMAP.CONTAINS_PTE) {
      const table = place >>> FRAME_SHIFT;
      return place & 7 || this.parts.ownerOf(table) !== this.parts.domid
        ? undefined
        : { table, slot: (place & 0xfff) >>> 3 };
    }
    const { table, slot } = this.parts.memory.walk(place);
    return table < 0 ? undefined : { table, slot };
  }

  /** Puts a frame there; what was there goes. A GNTST status. */
  map(place: number, mfn: number, flags: number): number {
    const { types, stage } = this.parts;
    const at = this.entry(place, flags);
    if (!at) return flags & GNTMAP.CONTAINS_PTE ? GNTST.GENERAL_ERROR : GNTST.BAD_VIRT_ADDR;
    const entry =
      (mfn << FRAME_SHIFT) |
      PTE_PRESENT |
      PTE_ACCESSED |
      (flags & GNTMAP.READONLY ? 0 : PTE_WRITE | PTE_DIRTY) |
      (flags & GNTMAP.APPLICATION ? PTE_USER : 0);
    if (this.parts.ownerOf(mfn) === this.parts.domid) {
      // A frame that the guest granted to itself: the entry is one of its own, counted like any other, whatever becomes of it. The grant counts next to it.
      if (types.typeOf(at.table) !== FRAME_TYPE.L1 || types.replaceEntry(at.table, at.slot, entry, 0, false) !== 0)
        return GNTST.GENERAL_ERROR;
      types.flushIfStale();
      return GNTST.OKAY;
    }
    if (types.setGranted(at.table, at.slot, entry) !== 0) return GNTST.GENERAL_ERROR;
    this.shown.set(mfn, (this.shown.get(mfn) ?? 0) + 1);
    // Not for execution: what others write is never decoded.
    stage.map(mfn, mfn, (stage.rights(mfn) & P2M_WRITE) | P2M_READ | (flags & GNTMAP.READONLY ? 0 : P2M_WRITE));
    types.flushIfStale();
    return GNTST.OKAY;
  }

  /** Takes it away; where `replacement` is not 0, the entry of that linear address moves there. A GNTST status. */
  unmap(place: number, mfn: number, flags: number, replacement: number): number {
    const { types, stage, words } = this.parts;
    const at = this.entry(place, flags);
    if (!at) return flags & GNTMAP.CONTAINS_PTE ? GNTST.GENERAL_ERROR : GNTST.BAD_VIRT_ADDR;
    const low = words[(at.table << 10) + 2 * at.slot];
    if (!(low & PTE_PRESENT) || low >>> FRAME_SHIFT !== mfn || types.typeOf(at.table) !== FRAME_TYPE.L1)
      return GNTST.GENERAL_ERROR;
    // An entry that allows something else is not the one that the mapping made (XSA-234).
    if (((low & PTE_WRITE) === 0) !== ((flags & GNTMAP.READONLY) !== 0)) return GNTST.GENERAL_ERROR;
    let moved = 0,
      movedHigh = 0;
    if (replacement !== 0) {
      const from = this.parts.memory.walk(replacement);
      if (from.table < 0 || this.parts.ownerOf(from.low >>> FRAME_SHIFT) !== this.parts.domid)
        return GNTST.GENERAL_ERROR;
      // The references that an entry represents move with it, so it must be another one.
      if (from.table === at.table && from.slot === at.slot) return GNTST.GENERAL_ERROR;
      const source = (from.table << 10) + 2 * from.slot;
      moved = from.low;
      movedHigh = words[source + 1];
      words[source] = words[source + 1] = 0;
      types.written(from.table);
    }
    types.setGranted(at.table, at.slot, 0);
    if (moved !== 0) {
      words[(at.table << 10) + 2 * at.slot] = moved;
      words[(at.table << 10) + 2 * at.slot + 1] = movedHigh;
    }
    if (this.parts.ownerOf(mfn) === this.parts.domid) types.putEntry(FRAME_TYPE.L1, low, 0);
    else {
      const left = (this.shown.get(mfn) ?? 1) - 1;
      if (left > 0) this.shown.set(mfn, left);
      else {
        this.shown.delete(mfn);
        stage.unmap(mfn);
      }
    }
    types.flushIfStale();
    return GNTST.OKAY;
  }
}
