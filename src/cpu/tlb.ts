/**
 * The software TLB: three flat tables by linear page, the supervisor's 2^20 entries first, then the user's; and the lists of entries that a flush walks.
 *
 * TR and TW (reads, writes): an entry is `linear page XOR machine offset`, its low 12 bits 0 when valid and 3 when not, so that one test covers validity and
 * alignment: `((e = TR[(t >>> 12) | u]) | t) & 3` misses, else `M4[(e ^ t) >>> 2]`. A write entry whose low bits are HAS_CODE translates all right, but its
 * frame holds translated code: such stores go the long way, which looks after the code.
 *
 * Addresses of 64 bits have *slot addresses* of 32: the low half, moved by a number of pages that bits 39 to 63 choose (`slotAddress`), so that what systems
 * keep at the same low halves (Linux's stacks, page structures and map of memory) lies in different slots, and neighbouring pages in neighbouring ones. TH says
 * which high half a slot represents: with it, a slot address names one page. Functions of memory take slot addresses; where the high half is 0 it is the linear
 * address. Code of fewer than 64 bits does not look at TH: before it runs, slots of other high halves are given up (`leaveLong`).
 *
 * TX (fetches): an entry is the machine frame and 1; 0 none. CP: linear page to the frame's table of records (code-cache.ts); 0 none. A page that is in CP is in
 * TX, too.
 *
 * A guest may notice whether a translation was kept: by an accessed bit that it cleared, or an entry that it changed, without invalidating it (SDM vol. 3, 4.10.4).
 * So only flushes and lists that are full take entries out of TR, TW and TX. Tables of records are given up whenever there is no room, and CP alone forgets them.
 */
import { USER } from './scratch.ts';
import { sparseTable } from './architecture/sparse-table.ts';
import { WriteLog } from './architecture/write-log.ts';

/** The low bits of an entry, if it is not there. */
export const INVALID = 3;
export const HAS_CODE = 1;
/** Bit of an entry that is not there. */
export const ABSENT = 2;

const LIST = 1 << 16;
/** Large pages of 64-bit code. A canonical address is one of 2^27 multiples of 2 MiB on either side of 0. */
const MIB2 = 1 << 21,
  MIB2_IN_GIB = 512,
  HUGE_KEY = 2 ** 30;

/** The fraction of the golden ratio, which spreads neighbouring numbers. */
const GOLDEN = 0x9e3779b1 | 0;
/** Bits of a high half that are those of the page below the top table's entry: addresses alike above them have slots side by side. */
export const SAME_MOVE = 7;

/** The tables with nothing in them. */
class Tables {
  readonly TR = new Int32Array(2 * USER).fill(INVALID, 0, USER);
  readonly TW = new Int32Array(2 * USER).fill(INVALID, 0, USER);
  readonly TX = sparseTable(2 * USER);
  readonly CP = sparseTable(2 * USER);
  readonly TH = sparseTable(USER);
  /** The user halves are filled when a guest first gets there: filling takes as long as all else that a new processor needs. */
  hasUser = false;
}

/** What processors on this thread gave up, each for one that comes: to make tables takes longer than all else that a guest's start needs. */
const spare: Tables[] = [];
const MOST_SPARE = 4;

export class Tlb {
  private readonly tables = spare.pop() ?? new Tables();
  readonly TR = this.tables.TR;
  readonly TW = this.tables.TW;
  readonly TX = this.tables.TX;
  readonly CP = this.tables.CP;
  /** High half of the addresses that a slot represents. */
  readonly TH = this.tables.TH;
  private isReleased = false;
  /** Slots whose high half is not 0, and some that have got it back. */
  private readonly high = new Int32Array(LIST);
  private highCount = 0;
  mixer = GOLDEN;

  private readonly filled = new Int32Array(LIST);
  private filledCount = 0;
  private readonly filledGlobal = new Int32Array(LIST);
  private filledGlobalCount = 0;
  /** The same of TX. */
  private readonly fetched = new Int32Array(LIST);
  private fetchedCount = 0;
  private readonly fetchedGlobal = new Int32Array(LIST);
  private fetchedGlobalCount = 0;
  /** Pages that are in CP, and some that have left it. */
  private readonly codeFilled = new Int32Array(LIST);
  private codeFilledCount = 0;
  /** Entries were taken away this many times, or marked: what was read from them before does not hold any more. */
  changes = 0;
  /** Flushes of entries for data: unlike changes, they do not depend on what was translated or compiled when. */
  dataFlushes = 0;
  private readonly log: WriteLog;
  /** For each 4 MiB of linear addresses: something in it was mapped by a large page. */
  private readonly large = new Uint8Array(1024);

  constructor(log = new WriteLog(new Int32Array(1))) {
    this.log = log;
  }

  /** The tables are another's from now on; who holds this one must use it no more. @throws Error where they were given up before: they would have two owners */
  release(): void {
    if (this.isReleased) throw new Error('These tables were given up before.');
    this.isReleased = true;
    this.leaveLong();
    this.flushAll();
    if (spare.length < MOST_SPARE) spare.push(this.tables);
  }

  /** How far the slot of an address with this high half lies from its low half. */
  private move(high: number): number {
    return Math.imul(high >>> SAME_MOVE, this.mixer) & -4096;
  }

  /** The slot address of a canonical address. It represents that address until the next of another page is asked for. */
  slotAddress(low: number, high: number): number {
    const at = (low + this.move(high)) | 0;
    if (this.TH[at >>> 12] !== high) this.claim(at >>> 12, high);
    return at;
  }

  /** The same of `size` bytes, which may lie in two pages. */
  slotAddresses(low: number, high: number, size: number): number {
    if ((low & 4095) + size <= 4096) return this.slotAddress(low, high);
    const beyond = ((low & -4096) + 4096) | 0,
      beyondHigh = beyond === 0 ? (high + 1) | 0 : high;
    if (this.move(beyondHigh) !== this.move(high)) {
      // Slots side by side for all addresses, from here on: nothing is as rare.
      this.leaveLong();
      this.mixer = 0;
      return this.slotAddresses(low, high, size);
    }
    this.slotAddress(beyond, beyondHigh);
    return this.slotAddress(low, high);
  }

  /** Low half of the address that a slot address represents; the high half is that of the slot. */
  lowOf(at: number): number {
    return (at - this.move(this.TH[at >>> 12]!)) | 0;
  }

  highOf(at: number): number {
    return this.TH[at >>> 12]!;
  }

  /** The address that a slot address represents, as one number: of 64 bits it is canonical and has a sign, of 32 it has none. */
  linearOf(at: number): number {
    const high = this.TH[at >>> 12]!;
    return high === 0 ? at >>> 0 : high * 2 ** 32 + (this.lowOf(at) >>> 0);
  }

  private claim(slot: number, high: number): void {
    if (this.highCount === LIST) this.leaveLong();
    this.drop(slot);
    if (this.TH[slot] === 0) this.high[this.highCount++] = slot;
    this.TH[slot] = high;
  }

  /** Slots represent addresses below 4 GiB alone. */
  leaveLong(): void {
    const { TH, high } = this;
    const count = this.highCount;
    this.highCount = 0;
    for (let i = 0; i < count; i++) {
      const slot = high[i]!;
      if (TH[slot] === 0) continue;
      this.drop(slot);
      TH[slot] = 0;
    }
  }

  /** The slot's entries. It stays in its lists: dropping an entry twice is harmless. */
  private drop(slot: number): void {
    this.changes++;
    this.dataFlushes++;
    for (const page of [slot, slot + USER]) {
      this.TR[page] = INVALID;
      this.TW[page] = INVALID;
      this.TX[page] = 0;
      this.CP[page] = 0;
    }
  }

  /** Before anything runs or is translated at CPL 3. */
  enterUser(): void {
    if (this.tables.hasUser) return;
    this.tables.hasUser = true;
    this.TR.fill(INVALID, USER);
    this.TW.fill(INVALID, USER);
  }

  /**
   * Enters a page for reads; for stores too if `writable`, with HAS_CODE if its frame `hasCode`. `linear` lies in the page, `machine` is its frame's byte offset.
   * `write`: it is written now. While writes are logged a page that is only read gets no write entry, so that it does not count as written.
   */
  fill(
    linear: number,
    user: number,
    machine: number,
    write: boolean,
    writable: boolean,
    hasCode: boolean,
    global: boolean,
  ): void {
    const { TR, TW } = this;
    const page = (linear >>> 12) + user,
      value = (linear & ~4095) ^ machine;
    if (TR[page]! & 1 && TW[page]! & 1) this.remember(page, global);
    TR[page] = value;
    if (!writable || (!write && this.log.isKept)) return;
    this.log.note(machine >>> 12);
    TW[page] = hasCode ? value | HAS_CODE : value;
  }

  private remember(page: number, global: boolean): void {
    if (this.filledCount === LIST || this.filledGlobalCount === LIST) this.flushData();
    if (global) this.filledGlobal[this.filledGlobalCount++] = page;
    else this.filled[this.filledCount++] = page;
  }

  /** A large page maps something in the 4 MiB round `linear`: INVLPG there drops all of them. */
  sawLargePage(linear: number): void {
    this.large[linear >>> 22] = 1;
  }

  /** Entries but the global ones: what a CR3 write drops. */
  flushNonGlobal(): void {
    this.flushNonGlobalData();
    this.flushNonGlobalFetches();
  }

  flushAll(): void {
    this.flushData();
    this.flushFetches();
    // Nothing of a large page is left that INVLPG would have to drop.
    this.large.fill(0);
    if (this.longPages.size !== 0) this.longPages.clear();
  }

  // In the flushes nothing follows a loop: what V8 compiles while one runs knows nothing of what is behind it, and would be left for the interpreter each time.

  private flushNonGlobalData(): void {
    this.changes++;
    this.dataFlushes++;
    const { TR, TW, filled } = this;
    const count = this.filledCount;
    this.filledCount = 0;
    for (let i = 0; i < count; i++) {
      const page = filled[i]!;
      TR[page] = INVALID;
      TW[page] = INVALID;
    }
  }

  private flushData(): void {
    this.flushNonGlobalData();
    const { TR, TW, filledGlobal } = this;
    const count = this.filledGlobalCount;
    this.filledGlobalCount = 0;
    for (let i = 0; i < count; i++) {
      const page = filledGlobal[i]!;
      TR[page] = INVALID;
      TW[page] = INVALID;
    }
  }

  private flushNonGlobalFetches(): void {
    this.changes++;
    const { TX, CP, fetched } = this;
    const count = this.fetchedCount;
    this.fetchedCount = 0;
    for (let i = 0; i < count; i++) {
      const page = fetched[i]!;
      TX[page] = 0;
      CP[page] = 0;
    }
  }

  private flushFetches(): void {
    this.flushNonGlobalFetches();
    this.flushCode();
    const { TX, fetchedGlobal } = this;
    const count = this.fetchedGlobalCount;
    this.fetchedGlobalCount = 0;
    for (let i = 0; i < count; i++) TX[fetchedGlobal[i]!] = 0;
  }

  /** INVLPG: the page's entries; for a large page those of every 4 KiB in it (SDM vol. 3, 4.10.4.1). */
  flushPage(linear: number): void {
    if (this.large[linear >>> 22] !== 0) {
      this.changes++;
      this.dataFlushes++;
      this.large[linear >>> 22] = 0;
      const first = (linear >>> 12) & ~0x3ff;
      for (const page of [first, first + USER]) {
        this.TR.fill(INVALID, page, page + 1024);
        this.TW.fill(INVALID, page, page + 1024);
        this.TX.fill(0, page, page + 1024);
        this.CP.fill(0, page, page + 1024);
      }
      return;
    }
    this.drop(linear >>> 12);
  }

  /** A page of 2 MiB or of 1 GiB (`isHuge`) maps what lies at a slot address: INVLPG in it drops all of it. */
  sawLongPage(at: number, isHuge: boolean): void {
    const unit = this.linearOf(at) / MIB2;
    this.longPages.add(isHuge ? -HUGE_KEY - Math.floor(unit / MIB2_IN_GIB) : Math.floor(unit));
  }
  /** By multiples of 2 MiB; those of 1 GiB from -HUGE_KEY down. */
  private readonly longPages = new Set<number>();

  /** `flushPage` of a canonical address of 64-bit code. */
  flushLongPage(low: number, high: number): void {
    const at = this.slotAddress(low, high),
      unit = this.linearOf(at) / MIB2;
    if (this.longPages.has(-HUGE_KEY - Math.floor(unit / MIB2_IN_GIB))) return this.flushAll();
    if (!this.longPages.has(Math.floor(unit))) return this.drop(at >>> 12);
    // Its slots lie side by side, and go round the tables' end.
    const first = (at - (this.lowOf(at) & (MIB2 - 1))) >>> 12;
    for (let page = 0; page < MIB2 / 4096; page++) this.drop((first + page) & (USER - 1));
  }

  /** Enters a page for fetches: it leads to machine frame `mfn`. */
  fillFetch(linear: number, user: number, mfn: number, global: boolean): void {
    if (this.fetchedCount === LIST || this.fetchedGlobalCount === LIST) this.flushFetches();
    const page = (linear >>> 12) + user;
    this.TX[page] = mfn + 1;
    if (global) this.fetchedGlobal[this.fetchedGlobalCount++] = page;
    else this.fetched[this.fetchedCount++] = page;
  }

  /** Enters the table of records of a page that is in TX. */
  fillCode(linear: number, user: number, table: number): void {
    const page = (linear >>> 12) + user;
    if (this.codeFilledCount === LIST) this.flushCode();
    this.CP[page] = table;
    this.codeFilled[this.codeFilledCount++] = page;
  }

  /** The tables of records, also of global pages: when the kind of code that may run (mode key) changes, and when tables are given up. Translations stay. */
  flushCode(): void {
    const { CP, codeFilled } = this;
    const count = this.codeFilledCount;
    this.codeFilledCount = 0;
    for (let i = 0; i < count; i++) CP[codeFilled[i]!] = 0;
  }

  /** Write entries that point at a machine frame are marked: it now holds translated code. */
  markCode(mfn: number): void {
    this.changes++;
    const { TW } = this;
    for (const [list, count] of [
      [this.filled, this.filledCount],
      [this.filledGlobal, this.filledGlobalCount],
    ] as const) {
      for (let i = 0; i < count; i++) {
        const page = list[i]!;
        const e = TW[page]!;
        if ((e & 1) === 0 && (e ^ (page << 12)) >>> 12 === mfn) TW[page] = e | HAS_CODE;
      }
    }
  }
}
