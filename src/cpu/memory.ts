/**
 * What the processor sees of memory: linear addresses through paging and the second stage (p2m) to machine memory, cached by a flat software TLB.
 * Sources: SDM vol. 3, chapter 4 (paging), 28.3 (EPT); the table layout is measured in docs/architecture.md.
 *
 * TR and TW (reads, writes) hold one word a linear page, the supervisor's 2^20 entries first, then the user's. An entry is
 * `linear page XOR machine offset`, its low 12 bits 0 when valid and 3 when not, so that one test covers validity and alignment:
 * `((e = TR[(t >>> 12) | u]) | t) & 3` misses, else `M4[(e ^ t) >>> 2]`. A write entry whose low bits are 1 translates all right, but its frame holds
 * translated code: such stores go the long way, which looks after the code.
 */
import { EPT_FETCH, EPT_READ, EPT_WRITE, type ExitInfo, ExitReason, P2M_EXECUTE, P2M_READ, P2M_WRITE, P2M_WRITE_SLOW, type Probe, type ProcessorOptions } from './edge.ts';
import { CR0_AM, CR4_SMAP } from './control-bits.ts';
import { AC } from './flags.ts';
import { ALLOWED, PageWalk, PTE_A, PTE_D, PTE_P } from './paging.ts';
import { CR0, CR4, DR, EFLAGS, PDPTE, STATE_WORDS } from './registers.ts';
import { SeenAccesses } from './seen-accesses.ts';

/** Words of S, the scratch state that generated and written code share. */
export const S_STOP = 0, S_BUDGET = 1, S_PAGE_EIP = 2, S_USER = 3, S_SHADOW = 4, S_PATCH = 5, S_WORDS = 16;
/** S_STOP: keep going; EIP or mode changed, look the record up again; leave `run()`; the code here was rewritten, look the next record up; something was thrown. */
export const GO = 0, JUMP = 1, EXIT = 2, STALE = 3, THROWN = 4;

export * from './control-bits.ts';
export { PHYSICAL_BITS } from './paging.ts';

/** Exceptions (SDM vol. 3, table 6-1). */
export const DE = 0, DB = 1, NMI = 2, BP = 3, OF_ = 4, BR = 5, UD = 6, NM = 7, DF_ = 8, TS = 10, NP = 11, SS_ = 12, GP = 13, PF_ = 14, MF = 16, AC_ = 17, XM = 19;

const USER = 1 << 20;
const INVALID = 3, HAS_CODE = 1;

/** What leaves an instruction early. Preallocated: throwing them makes no garbage and no stack trace. */
export const FAULT = { what: 'fault' }, LEAVE = { what: 'VM exit' };

const WRITABLE = P2M_READ | P2M_WRITE;

const LIST = 1 << 16;

/**
 * Alignment that #AC asks of an operand (SDM vol. 3, table 6-7): its size; 8 for ten bytes; for an environment or a far pointer that of its words. Operands
 * of 16 bytes either must be aligned whatever AC says or need not be (vol. 2, table 2-21).
 */
function alignmentOf(size: number): number {
  return size === 10 ? 8 : size >= 16 && size % 16 === 0 ? 1 : size & -size;
}

export class Memory {
  readonly R: Int32Array;
  readonly R8: Uint8Array;
  readonly R16: Uint16Array;
  readonly M1: Uint8Array;
  readonly M2: Uint16Array;
  readonly M4: Int32Array;
  readonly M8: BigInt64Array;
  readonly p2m: Int32Array;
  readonly S = new Int32Array(S_WORDS);
  readonly TR = new Int32Array(2 * USER).fill(INVALID, 0, USER);
  readonly TW = new Int32Array(2 * USER).fill(INVALID, 0, USER);
  /** The user halves are filled when a guest first gets there: filling takes as long as all else that a new processor needs. */
  private userTables = false;
  /** Linear page to page table of records (see translator.ts): 0 none. */
  readonly CP = new Int32Array(2 * USER);
  /** A bit for each 128-byte line of a machine frame that holds translated code. */
  readonly codeLines: Int32Array;
  readonly exit: ExitInfo = {
    reason: 0, qualification: 0, instructionLength: 0, guestLinear: 0, guestPhysical: 0, interruption: 0, errorCode: 0, idtVectoring: 0, size: 0, value: 0,
  };

  /** The fault that FAULT stands for. */
  faultVector = 0;
  faultError = 0;
  faultAddress = 0;
  /** Of #DB: what DR6 gets. */
  faultDebug = 0;
  /** Accesses outside memory that the machine has answered for the instruction under way: address, width, 1 for write, value. */
  accesses: number[] = [];
  accessIndex = 0;
  /** Who looks on: set by Cpu, which then keeps the TLB empty. */
  protected watcher: Probe | null = null;
  protected readonly seen: SeenAccesses;
  /** True while the processor itself reads or writes (descriptor tables, TSS, stacks of a more privileged level). */
  protected implicit = false;

  /** Accesses answered in place so far. */
  answered = 0;
  private readonly answerAccess: ((exit: ExitInfo) => boolean) | undefined;
  private readonly filled = new Int32Array(LIST);
  private filledCount = 0;
  private readonly filledGlobal = new Int32Array(LIST);
  private filledGlobalCount = 0;
  private readonly codeFilled = new Int32Array(LIST);
  private codeFilledCount = 0;
  /** For each 4 MiB of linear addresses: something in it was mapped by a large page. */
  private readonly large = new Uint8Array(1024);

  protected readonly paging: PageWalk;
  /** Result of the last walk. */
  private walkGfn = 0;
  private walkDirty = false;

  constructor(options: ProcessorOptions) {
    const { memory, stateOffset, p2m } = options;
    const bytes = memory.byteLength;
    this.R = new Int32Array(memory, stateOffset, STATE_WORDS);
    this.R8 = new Uint8Array(memory, stateOffset, STATE_WORDS * 4);
    this.R16 = new Uint16Array(memory, stateOffset, STATE_WORDS * 2);
    this.M1 = new Uint8Array(memory);
    this.M2 = new Uint16Array(memory);
    this.M4 = new Int32Array(memory);
    this.M8 = new BigInt64Array(memory, 0, bytes >>> 3);
    this.p2m = p2m;
    this.paging = new PageWalk(this.R, this.M4, p2m);
    this.answerAccess = options.answerAccess;
    this.codeLines = new Int32Array(bytes >>> 12);
    this.seen = new SeenAccesses(this.M1);
  }

  // ---- faults ----

  fault(vector: number, error = 0): never {
    this.faultVector = vector;
    this.faultError = error;
    throw FAULT;
  }

  debugFault(bits: number): never {
    this.faultDebug = bits;
    return this.fault(DB);
  }

  pageFault(linear: number, error: number): never {
    this.faultAddress = linear;
    return this.fault(PF_, error);
  }

  // ---- access by linear address ----

  read8(linear: number): number {
    const e = this.TR[(linear >>> 12) + this.S[S_USER]!]!;
    if ((e & 1) === 0) return this.M1[(e ^ linear) >>> 0]!;
    return this.readSlow(linear, 1);
  }

  read16(linear: number): number {
    const e = this.TR[(linear >>> 12) + this.S[S_USER]!]!;
    if (((e | linear) & 1) === 0) return this.M2[(e ^ linear) >>> 1]!;
    return this.readSlow(linear, 2);
  }

  read32(linear: number): number {
    const e = this.TR[(linear >>> 12) + this.S[S_USER]!]!;
    if (((e | linear) & 3) === 0) return this.M4[(e ^ linear) >>> 2]!;
    return this.readSlow(linear, 4);
  }

  read128(linear: number, to: number): void {
    const { R } = this;
    const e = this.TR[(linear >>> 12) + this.S[S_USER]!]!;
    if (((e | linear) & 15) === 0) {
      const { M4 } = this;
      const from = (e ^ linear) >>> 2;
      R[to] = M4[from]!;
      R[to + 1] = M4[from + 1]!;
      R[to + 2] = M4[from + 2]!;
      R[to + 3] = M4[from + 3]!;
      return;
    }
    if ((linear & 3) === 0) this.readPieces(linear, to);
    else this.asWhole(() => this.readPieces(linear, to));
  }

  private readPieces(linear: number, to: number): void {
    const { R } = this;
    const a = this.read32(linear), b = this.read32((linear + 4) | 0), c = this.read32((linear + 8) | 0);
    R[to + 3] = this.read32((linear + 12) | 0);
    R[to] = a;
    R[to + 1] = b;
    R[to + 2] = c;
  }

  write8(linear: number, value: number): void {
    const e = this.TW[(linear >>> 12) + this.S[S_USER]!]!;
    if ((e & 1) === 0) this.M1[(e ^ linear) >>> 0] = value;
    else this.writeSlow(linear, 1, value);
  }

  write16(linear: number, value: number): void {
    const e = this.TW[(linear >>> 12) + this.S[S_USER]!]!;
    if (((e | linear) & 1) === 0) this.M2[(e ^ linear) >>> 1] = value;
    else this.writeSlow(linear, 2, value);
  }

  write32(linear: number, value: number): void {
    const e = this.TW[(linear >>> 12) + this.S[S_USER]!]!;
    if (((e | linear) & 3) === 0) this.M4[(e ^ linear) >>> 2] = value;
    else this.writeSlow(linear, 4, value);
  }

  /** Faults if any of the `size` bytes could not be written; nothing is written. */
  probeWrite(linear: number, size: number): void {
    this.checkAlignment(linear, size);
    this.hostWrite(linear);
    if ((linear & 4095) + size > 4096) this.hostWrite(((linear & ~4095) + 4096) | 0);
  }

  probeRead(linear: number, size: number): void {
    this.hostRead(linear);
    if ((linear & 4095) + size > 4096) this.hostRead(((linear & ~4095) + 4096) | 0);
  }

  /** The processor's own accesses: supervisor rights whatever the CPL. */
  readSystem8(linear: number): number { return this.asSystem(linear, 1); }
  readSystem16(linear: number): number {
    const e = this.TR[linear >>> 12]!;
    return ((e | linear) & 1) === 0 ? this.M2[(e ^ linear) >>> 1]! : this.asSystem(linear, 2);
  }
  readSystem32(linear: number): number {
    const e = this.TR[linear >>> 12]!;
    return ((e | linear) & 3) === 0 ? this.M4[(e ^ linear) >>> 2]! : this.asSystem(linear, 4);
  }

  private asSystem(linear: number, size: number): number {
    const user = this.S[S_USER]!;
    this.S[S_USER] = 0;
    this.implicit = true;
    try {
      return size === 4 ? this.read32(linear) : size === 2 ? this.read16(linear) : this.read8(linear);
    } finally {
      this.S[S_USER] = user;
      this.implicit = false;
    }
  }

  /** As `writeN`, with supervisor rights. `size` 0 only probes for writing (4 bytes). */
  writeSystem(linear: number, size: number, value: number): void {
    const user = this.S[S_USER]!;
    this.S[S_USER] = 0;
    this.implicit = true;
    try {
      if (size === 4) this.write32(linear, value);
      else if (size === 2) this.write16(linear, value);
      else if (size === 1) this.write8(linear, value);
      else this.probeWrite(linear, 4);
    } finally {
      this.S[S_USER] = user;
      this.implicit = false;
    }
  }

  /** Machine byte offset for a read of what lies at `linear` up to the page's end; -1: not memory (then `walkGfn` tells where). */
  hostRead(linear: number): number {
    const user = this.S[S_USER]!;
    const e = this.TR[(linear >>> 12) + user]!;
    if ((e & 1) === 0) return (e ^ linear) >>> 0;
    this.walk(linear, false, false);
    const entry = this.walkGfn < this.p2m.length ? this.p2m[this.walkGfn]! : 0;
    if ((entry & P2M_READ) === 0) return -1;
    this.fill(linear, entry, user);
    return ((entry & ~4095) | (linear & 4095)) >>> 0;
  }

  /** The same for a write; whatever was translated from the line written is dropped. */
  hostWrite(linear: number): number {
    const user = this.S[S_USER]!;
    const e = this.TW[(linear >>> 12) + user]!;
    if ((e & 1) === 0) return (e ^ linear) >>> 0;
    if ((e & 3) === HAS_CODE) {
      const at = (e ^ HAS_CODE ^ linear) >>> 0;
      if (this.codeLines[at >>> 12] === 0) this.TW[(linear >>> 12) + user] = e ^ HAS_CODE;
      return at;
    }
    this.walk(linear, true, false);
    const entry = this.walkGfn < this.p2m.length ? this.p2m[this.walkGfn]! : 0;
    // To write alone is no right that there is (an EPT misconfiguration).
    if ((entry & WRITABLE) !== WRITABLE) return -1;
    this.fill(linear, entry, user);
    return ((entry & ~4095) | (linear & 4095)) >>> 0;
  }

  /** Byte offset in machine memory for an atomic read-modify-write of an aligned operand; -1: take the plain way. */
  hostAtomic(linear: number, size: number): number {
    if ((linear & (size - 1)) !== 0) return -1;
    this.breakpoint(linear, size, true);
    const at = this.hostWrite(linear);
    if (at < 0) return -1;
    if (this.watcher !== null) this.seen.addAtomic(linear, size, at);
    this.wrote(at, size);
    return at;
  }

  /** #AC: SDM vol. 3, 6.15, "Interrupt 17". */
  checkAlignment(linear: number, size: number): void {
    if ((this.R[EFLAGS]! & AC) === 0 || (linear & (alignmentOf(size) - 1)) === 0 || !this.checksAlignment) return;
    this.fault(AC_, 0);
  }

  /** #AC is possible: EFLAGS.AC in user mode, CR0.AM. */
  get checksAlignment(): boolean {
    return (this.R[EFLAGS]! & AC) !== 0 && this.S[S_USER] !== 0 && (this.R[CR0]! & CR0_AM) !== 0;
  }

  /** For the pieces of an operand whose alignment is checked as a whole, or not at all. */
  asWhole(access: () => void): void {
    const { R } = this;
    if (!this.checksAlignment) return access();
    R[EFLAGS]! &= ~AC;
    try {
      access();
    } finally {
      R[EFLAGS]! |= AC;
    }
  }

  private readSlow(linear: number, size: number): number {
    this.checkAlignment(linear, size);
    if ((linear & 4095) + size > 4096) {
      this.probeRead(linear, size);
      let value = 0;
      for (let i = 0; i < size; i++) value |= this.read8((linear + i) | 0) << (8 * i);
      return value;
    }
    this.breakpoint(linear, size, false);
    const value = this.readWithin(linear, size);
    if (this.watcher !== null) this.seen.add(linear, size, false, value);
    return value;
  }

  /** A read that does not cross into another page. */
  private readWithin(linear: number, size: number): number {
    const at = this.hostRead(linear);
    if (at < 0) return this.device(linear, size, false, 0);
    const m = this.M1;
    if (size === 1) return m[at]!;
    if (size === 2) return m[at]! | (m[at + 1]! << 8);
    if ((at & 3) === 0) return this.M4[at >>> 2]!;
    return m[at]! | (m[at + 1]! << 8) | (m[at + 2]! << 16) | (m[at + 3]! << 24);
  }

  private writeSlow(linear: number, size: number, value: number): void {
    this.checkAlignment(linear, size);
    if ((linear & 4095) + size > 4096) {
      this.probeWrite(linear, size);
      // What is no memory first: its exits repeat the instruction, which must not find memory changed already.
      for (const device of [true, false]) {
        for (let i = 0; i < size; i++) {
          const at = (linear + i) | 0;
          if ((this.hostWrite(at) < 0) === device) this.write8(at, value >> (8 * i));
        }
      }
      return;
    }
    this.breakpoint(linear, size, true);
    if (this.watcher !== null) this.seen.add(linear, size, true, value);
    const at = this.hostWrite(linear);
    if (at < 0) {
      this.device(linear, size, true, value);
      return;
    }
    this.store(at, size, value);
    this.wrote(at, size);
  }

  private store(at: number, size: number, value: number): void {
    const m = this.M1;
    if (size === 4 && (at & 3) === 0) {
      this.M4[at >>> 2] = value;
      return;
    }
    m[at] = value;
    if (size > 1) m[at + 1] = value >> 8;
    if (size > 2) {
      m[at + 2] = value >> 16;
      m[at + 3] = value >> 24;
    }
  }

  /** After a store of up to a page at machine offset `at`: code translated from those bytes is stale. */
  wrote(at: number, size: number): void {
    const lines = this.codeLines[at >>> 12]!;
    if (lines === 0) return;
    const first = (at & 4095) >>> 7, last = ((at & 4095) + size - 1) >>> 7;
    const mask = (last >= 31 ? -1 : (1 << (last + 1)) - 1) & (-1 << first);
    if ((lines & mask) !== 0) this.codeWritten(at, size);
  }

  /** Bytes of a line that holds code were written. Overridden by the translator. */
  protected codeWritten(_at: number, _size: number): void {}

  /** An access to what is no memory, or memory without the right: an EPT violation, unless the machine has answered already. */
  private device(linear: number, size: number, write: boolean, value: number): number {
    const gpa = this.walkGfn * 4096 + (linear & 4095);
    const done = this.accesses, i = this.accessIndex;
    if (i + 3 < done.length) {
      if (done[i] === gpa && done[i + 1] === size && done[i + 2] === (write ? 1 : 0)) {
        this.accessIndex = i + 4;
        return done[i + 3]!;
      }
      // Something else than what was answered runs now (the code was changed, an event came between): it asks anew.
      done.length = i;
    }
    const entry = this.walkGfn < this.p2m.length ? this.p2m[this.walkGfn]! : 0;
    this.describeViolation(linear, gpa, size, write ? EPT_WRITE : EPT_READ, entry, value);
    if (entry === 0 && this.answerAccess?.(this.exit)) {
      this.answered++;
      return this.exit.value;
    }
    throw LEAVE;
  }

  private describeViolation(linear: number, gpa: number, size: number, access: number, entry: number, value: number): void {
    const x = this.exit;
    x.reason = (entry & 7) === P2M_WRITE || (entry & 7) === (P2M_WRITE | P2M_EXECUTE) ? ExitReason.EPT_MISCONFIGURATION : ExitReason.EPT_VIOLATION;
    x.qualification = access | ((entry & 7) << 3) | 0x180;
    x.guestLinear = linear;
    x.guestPhysical = gpa;
    x.size = size;
    x.value = value;
  }

  // ---- data breakpoints (SDM vol. 3, 17.2) ----

  /** Bits of DR6 that the data accesses of this instruction have earned. */
  hitBreakpoints = 0;
  /** Number of data breakpoints that are enabled. Pages that hold one are not put into the TLB. */
  dataBreakpoints = 0;

  private breakpoint(linear: number, size: number, write: boolean): void {
    if (this.dataBreakpoints === 0) return;
    this.hitBreakpoints |= this.matching(linear >>> 0, size, kind => kind === 3 || (kind === 1 && write));
  }

  /** Enabled breakpoints of such a kind (R/W field of DR7) that watch any of the bytes or ports: bits as in DR6. */
  protected matching(first: number, size: number, wanted: (kind: number) => boolean): number {
    const dr7 = this.R[DR + 7]!;
    let hits = 0;
    for (let i = 0; i < 4; i++) {
      if (((dr7 >>> (2 * i)) & 3) === 0 || !wanted((dr7 >>> (16 + 4 * i)) & 3)) continue;
      const length = [1, 2, 8, 4][(dr7 >>> (18 + 4 * i)) & 3]!;
      const from = (this.R[DR + i]! & ~(length - 1)) >>> 0;
      if (first < from + length && first + size > from) hits |= 1 << i;
    }
    return hits;
  }

  private watched(linear: number): boolean {
    const dr7 = this.R[DR + 7]!;
    for (let i = 0; i < 4; i++) {
      if (((dr7 >>> (2 * i)) & 3) !== 0 && ((dr7 >>> (16 + 4 * i)) & 1) !== 0 && (this.R[DR + i]! ^ linear) >>> 12 === 0) return true;
    }
    return false;
  }

  // ---- TLB ----

  /** Before anything runs or is translated at CPL 3. */
  protected enterUser(): void {
    if (this.userTables) return;
    this.userTables = true;
    this.TR.fill(INVALID, USER);
    this.TW.fill(INVALID, USER);
  }

  private fill(linear: number, entry: number, user: number): void {
    if (this.watcher !== null || (this.dataBreakpoints !== 0 && this.watched(linear))) return;
    // Under SMAP the right to a user page comes and goes with EFLAGS.AC: never cached for the supervisor.
    if (user === 0 && this.paging.userPage && (this.R[CR4]! & CR4_SMAP) !== 0) return;
    const page = (linear >>> 12) + user;
    const value = (linear & ~4095) ^ (entry & ~4095);
    if (this.TR[page]! & 1 && this.TW[page]! & 1) this.remember(page);
    this.TR[page] = value;
    if (this.paging.writable && this.walkDirty && (entry & (P2M_WRITE | P2M_WRITE_SLOW)) === P2M_WRITE) this.TW[page] = this.codeLines[entry >>> 12] === 0 ? value : value | HAS_CODE;
  }

  private remember(page: number): void {
    if (this.filledCount === LIST || this.filledGlobalCount === LIST) this.flushAll();
    if (this.paging.global) this.filledGlobal[this.filledGlobalCount++] = page;
    else this.filled[this.filledCount++] = page;
  }

  /** Entries but the global ones: what a CR3 write drops. */
  flushNonGlobal(): void {
    const { TR, TW, filled } = this;
    for (let i = 0; i < this.filledCount; i++) {
      const page = filled[i]!;
      TR[page] = INVALID;
      TW[page] = INVALID;
    }
    this.filledCount = 0;
    this.flushCodePages();
  }

  flushAll(): void {
    this.flushNonGlobal();
    const { TR, TW, filledGlobal } = this;
    for (let i = 0; i < this.filledGlobalCount; i++) {
      const page = filledGlobal[i]!;
      TR[page] = INVALID;
      TW[page] = INVALID;
    }
    this.filledGlobalCount = 0;
  }

  /** INVLPG: the page's entries; for a large page those of every 4 KiB in it (SDM vol. 3, 4.10.4.1). */
  flushPage(linear: number): void {
    if (this.large[linear >>> 22] !== 0) {
      this.large[linear >>> 22] = 0;
      const first = (linear >>> 12) & ~0x3ff;
      for (const page of [first, first + USER]) {
        this.TR.fill(INVALID, page, page + 1024);
        this.TW.fill(INVALID, page, page + 1024);
        this.CP.fill(0, page, page + 1024);
      }
      return;
    }
    const page = linear >>> 12;
    for (const p of [page, page + USER]) {
      // The page stays in its list: dropping an entry twice is harmless.
      this.TR[p] = INVALID;
      this.TW[p] = INVALID;
      this.CP[p] = 0;
    }
  }

  /** The linear-page cache of translated code: with the TLB, and when the kind of code that may run (mode key) changes. */
  flushCodePages(): void {
    for (let i = 0; i < this.codeFilledCount; i++) this.CP[this.codeFilled[i]!] = 0;
    this.codeFilledCount = 0;
  }

  protected rememberCodePage(page: number): void {
    if (this.codeFilledCount === LIST) this.flushCodePages();
    this.codeFilled[this.codeFilledCount++] = page;
  }

  /** Write entries that point at a frame are marked: it now holds translated code. */
  protected protectFrame(mfn: number): void {
    const { TW } = this;
    for (const [list, count] of [[this.filled, this.filledCount], [this.filledGlobal, this.filledGlobalCount]] as const) {
      for (let i = 0; i < count; i++) {
        const page = list[i]!;
        const e = TW[page]!;
        if ((e & 1) === 0 && (e ^ (page << 12)) >>> 12 === mfn) TW[page] = e | HAS_CODE;
      }
    }
  }

  // ---- paging ----

  /** Machine frame for a fetch at `linear`; throws #PF, or leaves with an EPT violation. */
  fetchFrame(linear: number): number {
    this.walk(linear, false, true);
    const entry = this.walkGfn < this.p2m.length ? this.p2m[this.walkGfn]! : 0;
    if ((entry & P2M_EXECUTE) === 0 || (entry & WRITABLE) === P2M_WRITE) {
      this.describeViolation(linear, this.walkGfn * 4096 + (linear & 4095), 1, EPT_FETCH, entry, 0);
      throw LEAVE;
    }
    return entry >>> 12;
  }

  /** Linear to physical without side effects; -1 where nothing is mapped. */
  translate(linear: number): number {
    const gfn = this.paging.find(linear);
    return gfn < 0 ? -1 : gfn * 4096 + (linear & 4095);
  }

  private mark(gpa: number, bits: number): void {
    const gfn = Math.floor(gpa / 4096);
    const entry = gfn < this.p2m.length ? this.p2m[gfn]! : 0;
    if ((entry & P2M_WRITE) === 0) return;
    const at = ((entry & ~4095) | (gpa & 4095)) >>> 0;
    Atomics.or(this.M4, at >>> 2, bits);
    this.wrote(at, 4);
  }

  /** Translates with rights checked and A/D set; leaves the guest frame in `walkGfn`. */
  private walk(linear: number, write: boolean, fetch: boolean): void {
    const { paging } = this;
    const error = paging.access(linear, write, fetch, this.S[S_USER] !== 0, this.implicit);
    this.walkGfn = paging.gfn;
    if (error !== ALLOWED) this.pageFault(linear, error);
    if (this.R[CR0]! >= 0) { // PG clear
      this.walkDirty = true;
      return;
    }
    if (paging.upperAt < 0) this.large[linear >>> 22] = 1;
    else if ((paging.upper & PTE_A) === 0) this.mark(paging.upperAt, PTE_A);
    const want = write ? PTE_A | PTE_D : PTE_A;
    if ((paging.leaf & want) !== want) this.mark(paging.leafAt, want);
    this.walkDirty = write || (paging.leaf & PTE_D) !== 0;
  }

  /** PAE page-directory-pointer registers from CR3 (SDM vol. 3, 4.4.1). False: a reserved bit is set, nothing was loaded. */
  loadPdptes(cr3: number): boolean {
    const words = new Int32Array(8);
    for (let i = 0; i < 8; i++) words[i] = this.paging.physical32(((cr3 & ~31) >>> 0) + 4 * i);
    for (let i = 0; i < 8; i += 2) {
      if ((words[i]! & PTE_P) !== 0 && ((words[i]! & 0x1e6) !== 0 || (words[i + 1]! & ~15) !== 0)) return false;
    }
    this.R.set(words, PDPTE);
    return true;
  }
}
