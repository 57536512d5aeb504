/**
 * Memory of a paravirtual domain as it comes, where it is restored: what is no page table goes where it is to be at once, and may come again, or as what of it has
 * changed. Page tables name frames that may come behind them, and frames that the guest does not have are given up, both once all has come.
 */
import { FRAME_BYTES, type Machine } from '../../../memory/machine.ts';
import { SavedStateError } from '../../../domain/saved-state-error.ts';
import { PAGE } from '../stream/format.ts';
import { applyDelta } from '../stream/page-delta.ts';
import type { SavedPages } from '../stream/saved-state.ts';

export interface ComingTable {
  /** PAGE's level and whether it is pinned. */
  kind: number;
  /** Entries with guest frame numbers. */
  bytes: Uint8Array;
}

export class ComingPages {
  /** Machine frames by guest frame number. */
  readonly mfns: Int32Array;
  /** By guest frame number: what came last. */
  readonly tables = new Map<number, ComingTable>();
  readonly absent = new Set<number>();
  private readonly machine: Machine;

  constructor(machine: Machine, mfns: Int32Array) {
    this.machine = machine;
    this.mfns = mfns;
  }

  /** @throws SavedStateError where that is no delta of a page that has come */
  put({ pfns, types, bytes, deltas, verify }: SavedPages): void {
    // Tables are not in place before the end: nothing is compared.
    if (verify !== undefined) return;
    let at = 0;
    pfns.forEach((pfn, i) => {
      if (deltas) return this.change(pfn, bytes.subarray(at, (at += deltas[i]!)));
      const kind = types[i]!;
      this.tables.delete(pfn);
      this.absent.delete(pfn);
      if (kind === PAGE.INVALID) this.absent.add(pfn);
      // It may have held something when it came before.
      if (kind === PAGE.ALLOCATE_ONLY) this.machine.scrub(this.mfns[pfn]!);
      if (kind > PAGE.LAST_DATA) return;
      const page = bytes.subarray(at, (at += FRAME_BYTES));
      if (kind === PAGE.NORMAL) this.machine.bytes.set(page, this.mfns[pfn]! * FRAME_BYTES);
      else this.tables.set(pfn, { kind, bytes: page });
    });
  }

  private change(pfn: number, delta: Uint8Array): void {
    const at = this.mfns[pfn]! * FRAME_BYTES;
    const isHere = !this.tables.has(pfn) && !this.absent.has(pfn);
    if (!isHere || !applyDelta(this.machine.bytes.subarray(at, at + FRAME_BYTES), delta))
      throw new SavedStateError(
        `Record RINGSIDE_PAGE_DELTAS has no delta of guest frame 0x${pfn.toString(16)} as it came before. Migrate the guest again.`,
      );
  }
}
