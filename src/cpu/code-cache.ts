/**
 * *Idea.* Decoding is slow, so a decoded instruction is stored as a *record*, RECORD_WORDS words of one arena (A), linked to the record that follows
 * it. A table of records, one word per byte of a page, belongs to one machine frame and mode key; tables are one after the other in PM. The danger is
 * code that changes. The invariant: a record never outlives the bytes it came from. A small store marks the records that it touches as stale, and
 * they are decoded again, in place, when they run next; a large store drops the frame's tables.
 *
 * Code that was compiled from several records is entered the same way (`install`): its op number replaces a record's own, until the bytes change.
 */
import { KEYS } from './mode.ts';
import { META, META_LENGTH, OP, RECORD_MASK, RECORD_WORDS } from './record.ts';
import { GO, S_PATCH, S_STOP, STALE } from './scratch.ts';
import { sparseTable } from './architecture/sparse-table.ts';
import type { Tlb } from './tlb.ts';
import type { Views } from './views.ts';

/** Words of the arena and of the tables of records. Untouched pages of them cost nothing. */
const ARENA_WORDS = RECORD_MASK + 1,
  TABLE_WORDS = 8 << 20;
const TABLE = 4096;
/** Two records at the arena's end that are used again and again. */
export const SCRATCH_RECORD = ARENA_WORDS - 2 * RECORD_WORDS;
/** Stores of more bytes drop a frame's code instead of marking records; so does every this many smaller one. */
const MAX_PATCH = 64,
  MAX_PATCHES = 255;
/** Longest instruction. */
const LONGEST = 15;

/** The 128-byte lines of a frame that `size` bytes at `offset` in it touch, a bit each. */
export function linesOf(offset: number, size: number): number {
  const first = offset >>> 7,
    last = (offset + size - 1) >>> 7;
  return (last >= 31 ? -1 : (1 << (last + 1)) - 1) & (-1 << first);
}

/** Compiled code that a record leads to. */
export interface Entry {
  readonly record: number;
  /** Op number that is in the record while the entry is installed. */
  readonly op: number;
  /** The bytes it was compiled from, the record's own among them: lines of machine frames (`linesOf`), and first and last bytes of pieces in them. */
  readonly sources: readonly {
    readonly mfn: number;
    readonly lines: number;
    readonly pieces: readonly (readonly [first: number, last: number])[];
  }[];
  /** Called once, when the entry is gone because its bytes were written or all records were dropped; not by `remove`. */
  dropped(): void;
}

export class CodeCache {
  readonly A = sparseTable(2 * ARENA_WORDS);
  readonly PM = sparseTable(TABLE_WORDS);
  /** A bit for each 128-byte line of a machine frame that holds translated code. */
  readonly lines: Int32Array;
  /** Counts the times that a frame's code changed: what lies partly in the frame before remembers it. */
  readonly generation: Int32Array;
  /** Op number of records that have to be decoded again. */
  private readonly staleOp: number;
  private readonly S: Int32Array;
  private readonly tlb: Tlb;

  private nextRecord = RECORD_WORDS;
  private nextTable = TABLE;
  private readonly freeTables: number[] = [];
  private readonly tableOf: Int32Array;
  /** Machine frame of each table. */
  private readonly frames = new Int32Array(TABLE_WORDS / TABLE);
  /** Counts small stores into a frame's code, so that a page that has become data is fast again. */
  private readonly patches: Uint8Array;

  /** Installed entries, and the previous contents of their records; the same by the frames that they were compiled from. */
  private readonly entries = new Map<Entry, number>();
  private readonly entriesOf = new Map<number, Set<Entry>>();

  constructor({ S, frames }: Views, tlb: Tlb, staleOp: number) {
    this.S = S;
    this.tlb = tlb;
    this.staleOp = staleOp;
    this.lines = new Int32Array(frames);
    this.generation = new Int32Array(frames);
    this.patches = new Uint8Array(frames);
    this.tableOf = new Int32Array(frames * KEYS);
  }

  // ---- tables and records ----

  /** Machine frame that a table belongs to. */
  frameOf(table: number): number {
    return this.frames[table >>> 12]!;
  }
  /** Whether it is the one of that frame in a mode. */
  isTable(table: number, mfn: number, key: number): boolean {
    return this.tableOf[mfn * KEYS + key] === table;
  }

  /** The table of a frame's records in a mode, made if there is none. Nothing of other tables stays if there is no room. */
  table(mfn: number, key: number): number {
    const at = mfn * KEYS + key;
    let table = this.tableOf[at]!;
    if (table !== 0) return table;
    table = this.freeTables.pop() ?? 0;
    if (table === 0) {
      if (this.nextTable === TABLE_WORDS) this.dropAll();
      table = this.nextTable;
      this.nextTable += TABLE;
    }
    this.tableOf[at] = table;
    this.frames[table >>> 12] = mfn;
    return table;
  }

  /** True if this many records can be allocated. */
  hasRoom(records: number): boolean {
    return this.nextRecord + records * RECORD_WORDS <= ARENA_WORDS;
  }

  /** Bytes that records and their tables take, of which untouched pages take none. */
  get bytes(): number {
    return 4 * (this.nextRecord * 2 + this.nextTable);
  }

  allocate(): number {
    const p = this.nextRecord;
    this.nextRecord += RECORD_WORDS;
    return p;
  }

  /** Lines of a frame hold code from now on: stores there are watched. */
  mark(mfn: number, lines: number): void {
    if (this.lines[mfn] === 0) {
      this.lines[mfn] = lines;
      this.tlb.markCode(mfn);
    } else this.lines[mfn]! |= lines;
  }

  // ---- invalidation ----

  /** After a store of up to a page at machine offset `at`: code translated from those bytes is stale. */
  wrote(at: number, size: number): void {
    const lines = this.lines[at >>> 12]!;
    if (lines === 0) return;
    const touched = linesOf(at & 4095, size);
    if ((lines & touched) !== 0) this.codeWritten(at, size, touched);
  }

  private codeWritten(at: number, size: number, lines: number): void {
    const mfn = at >>> 12,
      first = at & 4095,
      last = first + size - 1;
    if (size > MAX_PATCH) {
      this.drop(mfn);
      return;
    }
    this.generation[mfn]!++;
    if (this.entriesOf.size !== 0) this.dropEntries(mfn, lines, first, last);
    let changed = false;
    for (let key = 0; key < KEYS; key++) {
      const table = this.tableOf[mfn * KEYS + key]!;
      if (table !== 0 && this.markStale(table, first, last)) changed = true;
    }
    // A store to data between instructions is none into code.
    if (changed && this.patches[mfn]++ === MAX_PATCHES) this.drop(mfn);
  }

  /** True if there was a record of the bytes. */
  private markStale(table: number, first: number, last: number): boolean {
    const { A, PM } = this;
    let changed = false;
    for (let offset = Math.max(0, first - LONGEST + 1); offset <= last; offset++) {
      const p = PM[table + offset]!;
      if (p === 0) continue;
      const length = (A[p + META]! >>> META_LENGTH) & 15;
      // A record without a length (an undefined opcode, a straddling instruction) may depend on any byte behind it.
      if (length !== 0 && offset + length <= first) continue;
      A[p + OP] = this.staleOp;
      changed = true;
    }
    return changed;
  }

  /** Someone else writes the frame. */
  invalidate(mfn: number): void {
    if (this.lines[mfn] !== 0) this.drop(mfn);
  }

  /** A frame's code is stale as a whole: its tables go, the next record is looked up. */
  private drop(mfn: number): void {
    this.lines[mfn] = 0;
    this.patches[mfn] = 0;
    this.generation[mfn]!++;
    this.dropEntries(mfn, -1, 0, 4095);
    for (let key = 0; key < KEYS; key++) {
      const table = this.tableOf[mfn * KEYS + key]!;
      if (table === 0) continue;
      this.tableOf[mfn * KEYS + key] = 0;
      this.PM.fill(0, table, table + TABLE);
      this.freeTables.push(table);
    }
    this.tlb.flushCode();
    // The record that runs leads on to stale ones.
    if (this.S[S_STOP] === GO) this.S[S_STOP] = STALE;
  }

  /** Forgets every record (the arena is full). Only between instructions. */
  dropAll(): void {
    for (const entry of [...this.entries.keys()]) this.dropEntry(entry);
    this.PM.fill(0, 0, this.nextTable);
    this.tableOf.fill(0);
    this.lines.fill(0);
    this.freeTables.length = 0;
    this.nextRecord = RECORD_WORDS;
    this.nextTable = TABLE;
    this.S[S_PATCH] = 0;
    this.tlb.flushCode();
  }

  // ---- compiled code ----

  /** Lets a record lead to compiled code. Its lines are watched from now on. One entry a record: false if there is one, or if the record is stale. */
  install(entry: Entry): boolean {
    const { A } = this,
      { record, op, sources } = entry;
    if (A[record + OP] === this.staleOp || A[record + OP] === op) return false;
    this.entries.set(entry, A[record + OP]!);
    A[record + OP] = op;
    for (const { mfn, lines } of sources) {
      this.mark(mfn, lines);
      let there = this.entriesOf.get(mfn);
      if (there === undefined) this.entriesOf.set(mfn, (there = new Set()));
      there.add(entry);
    }
    return true;
  }

  /** The record leads to its own op again. Nothing happens if the entry is gone. */
  remove(entry: Entry): boolean {
    const own = this.entries.get(entry);
    if (own === undefined) return false;
    this.entries.delete(entry);
    for (const { mfn } of entry.sources) {
      const there = this.entriesOf.get(mfn);
      if (there?.delete(entry) && there.size === 0) this.entriesOf.delete(mfn);
    }
    if (this.A[entry.record + OP] === entry.op) this.A[entry.record + OP] = own;
    return true;
  }

  private dropEntry(entry: Entry): void {
    if (this.remove(entry)) entry.dropped();
  }

  /** Those that were compiled from bytes between two in these lines of a frame. */
  private dropEntries(mfn: number, lines: number, first: number, last: number): void {
    const there = this.entriesOf.get(mfn);
    if (there === undefined) return;
    // A set goes on behind what is taken out of it meanwhile (ECMA-262, 24.2.4.6).
    for (const entry of there) if (isOf(entry, mfn, lines, first, last)) this.dropEntry(entry);
  }
}

/** Whether it was compiled from bytes between two in these lines of a frame. Loops: a lock that lies next to code is asked about a million times a second. */
function isOf({ sources }: Entry, mfn: number, lines: number, first: number, last: number): boolean {
  for (let i = 0; i < sources.length; i++) {
    const source = sources[i]!;
    if (source.mfn !== mfn || (source.lines & lines) === 0) continue;
    for (let j = 0; j < source.pieces.length; j++) {
      const piece = source.pieces[j]!;
      if (piece[0] <= last && first <= piece[1]) return true;
    }
  }
  return false;
}
