/**
 * Page tables of a paravirtual guest, as what any width needs sees them: who counts frames (page-types.ts, frames.ts), who changes entries (mmu.ts), who reads
 * memory through them (memory.ts). A guest of 32 bits has three levels (pae.ts). An entry is two words everywhere, and its bits are those of pte.ts.
 */

/** Where a walk ended: the L1 entry's table and slot, and what the levels allow together. */
export interface Walk {
  /** Frame of the L1 table, and the entry's slot in it; -1 where there is no L1 table. */
  table: number;
  slot: number;
  low: number;
  high: number;
  write: boolean;
  user: boolean;
}

export interface PageTables {
  /** FRAME_TYPE of the table to which CR3 leads. */
  readonly top: number;
  /** FRAME_TYPE by level, from the lowest: what a guest may pin. */
  readonly levels: readonly number[];
  /** Entries of a table that are the guest's and hold references; 0: no page table. */
  entriesOf(type: number): number;
  /** FRAME_TYPE of the table that an entry of a table above the lowest names. */
  below(type: number, slot: number): number;
  /** A slot that is the hypervisor's; one whose entry a guest cannot change once its table is one. */
  isXens(type: number, slot: number): boolean;
  isFixed(type: number, slot: number): boolean;
  /** Whether an entry that is present is allowed in a table, whatever frame it names. */
  isLegal(type: number, low: number, high: number): boolean;
  /**
   * A table's entries were checked: what is not the guest's in it becomes what the hypervisor wants. `first`: the table's first word in machine memory;
   * `xenEntries`: low words of the hypervisor's own. False: it lacks an entry that it must have.
   */
  complete(words: Int32Array, first: number, type: number, xenEntries: () => Int32Array): boolean;
  /** Walks from the top table in frame `base` to the lowest one; what it finds goes into `at`. */
  walk(words: Int32Array, base: number, linear: number, at: Walk): Walk;
  /** Registers of a vCPU get the top table in frame `base`. */
  load(words: Int32Array, base: number, regs: Int32Array): void;
}
