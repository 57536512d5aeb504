/**
 * *Idea.* Every load and store of the guest goes through here, so the common case must be a few operations: two flat tables of the TLB, one word per linear page, say
 * in one test whether the access is allowed, aligned and plain memory, and where. Everything else takes the slow path: the walk through paging and second stage
 * (paging.ts), accessed and dirty bits, faults, breakpoints, devices. Invariants: an entry is only made for what the slow path would allow without any side effect, and
 * whatever makes that untrue (a flush, code on the page, a log of writes) removes the entry. Sources: SDM vol. 3, chapter 4 (paging), 28.3 (EPT).
 */
import type { CodeCache } from './code-cache.ts';
import { CR0_AM, CR4_SMAP, EFER_LMA } from './architecture/control-bits.ts';
import type { Debug } from './debug.ts';
import { EPT_FETCH, EPT_READ, P2M_EXECUTE, P2M_READ, P2M_WRITE, type ShadowWalking } from './architecture/edge.ts';
import { AC_, alignmentOf, type Faults } from './faults.ts';
import { AC } from './architecture/flags.ts';
import type { Mmio } from './mmio.ts';
import { createPlainWalk, type PlainWalk, UNKNOWN } from './plain-walks.ts';
import { ALLOWED, AWAY, PageWalk, PTE_A, PTE_D, PTE_P } from './architecture/paging.ts';
import { CR0, CR4, EFER, EFLAGS, PDPTE } from './architecture/registers.ts';
import { S_HIGH, S_STOP, S_USER, THROWN } from './scratch.ts';
import { HAS_CODE, type Tlb } from './tlb.ts';
import type { Views } from './views.ts';
import type { WriteLog } from './architecture/write-log.ts';

const WRITABLE = P2M_READ | P2M_WRITE;
/** Addresses of 48 bits: canonical ones lie on either side of 0, as far as this. */
const CANONICAL = 2 ** 47;

export class MemoryAccess {
  private readonly R: Int32Array;
  private readonly M1: Uint8Array;
  private readonly M2: Uint16Array;
  private readonly M4: Int32Array;
  private readonly S: Int32Array;
  private readonly TR: Int32Array;
  private readonly TW: Int32Array;
  private readonly TH: Int32Array;
  private readonly p2m: Int32Array;
  private readonly tlb: Tlb;
  private readonly code: CodeCache;
  private readonly debug: Debug;
  private readonly mmio: Mmio;
  private readonly faults: Faults;
  private readonly log: WriteLog;
  readonly paging: PageWalk;
  /** The hypervisor's tables, through which all goes; null: the guest's and the second stage. */
  readonly shadow: ShadowWalking | null;
  /** What the processor does in the hypervisor's place goes through the guest's own tables. */
  throughGuestTables = false;
  private readonly plainWalk: PlainWalk;
  /** True while the processor itself reads or writes (descriptor tables, TSS, stacks of a more privileged level). */
  private implicit = false;
  /** Result of the last walk. */
  private walkGfn = 0;
  private walkEntry = 0;
  private walkDirty = false;
  /** The last page that was read and is no memory, with S_USER, its guest frame, and `tlb.dataFlushes` then: the TLB holds none of these. */
  private devicePage = -1;
  private deviceGfn = 0;
  private deviceFlushes = 0;

  constructor(
    views: Views,
    tlb: Tlb,
    code: CodeCache,
    debug: Debug,
    mmio: Mmio,
    faults: Faults,
    log: WriteLog,
    shadow: ShadowWalking | null = null,
  ) {
    this.R = views.R;
    this.M1 = views.M1;
    this.M2 = views.M2;
    this.M4 = views.M4;
    this.S = views.S;
    this.p2m = views.p2m;
    this.TR = tlb.TR;
    this.TW = tlb.TW;
    this.TH = tlb.TH;
    this.tlb = tlb;
    this.code = code;
    this.debug = debug;
    this.mmio = mmio;
    this.faults = faults;
    this.log = log;
    this.paging = new PageWalk(views.R, views.M4, views.p2m);
    this.shadow = shadow;
    this.plainWalk = shadow ? () => UNKNOWN : createPlainWalk(views, tlb, code, debug, log);
  }

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
    // Not aligned, but within the page: no operand of 16 bytes that comes here need be aligned.
    if ((e & 1) === 0 && (linear & 3) !== 0 && (linear & 4095) < 4080) {
      const { M4 } = this,
        at = (e ^ linear) >>> 0,
        from = at >>> 2,
        shift = (at & 3) << 3,
        rest = 32 - shift;
      const b = M4[from + 1]!,
        c = M4[from + 2]!,
        d = M4[from + 3]!;
      R[to] = (M4[from]! >>> shift) | (b << rest);
      R[to + 1] = (b >>> shift) | (c << rest);
      R[to + 2] = (c >>> shift) | (d << rest);
      R[to + 3] = (d >>> shift) | (M4[from + 4]! << rest);
      return;
    }
    if ((linear & 3) === 0) this.readPieces(linear, to);
    else this.asWhole(() => this.readPieces(linear, to));
  }

  /** 8 bytes: the low half; the high one is in S_HIGH. */
  read64(linear: number): number {
    const { S, M4 } = this;
    const e = this.TR[(linear >>> 12) + S[S_USER]!]!;
    if (((e | linear) & 7) === 0) {
      const at = (e ^ linear) >>> 2;
      S[S_HIGH] = M4[at + 1]!;
      return M4[at]!;
    }
    this.checkAlignment(linear, 8);
    let low = 0,
      high = 0;
    this.asWhole(() => {
      if ((linear & 4095) > 4088) this.probeRead(linear, 8);
      low = this.read32(linear);
      high = this.read32((linear + 4) | 0);
    });
    S[S_HIGH] = high;
    return low;
  }

  private readPieces(linear: number, to: number): void {
    const { R } = this;
    const a = this.read32(linear),
      b = this.read32((linear + 4) | 0),
      c = this.read32((linear + 8) | 0);
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

  write64(linear: number, low: number, high: number): void {
    const e = this.TW[(linear >>> 12) + this.S[S_USER]!]!;
    if (((e | linear) & 7) === 0) {
      const at = (e ^ linear) >>> 2;
      this.M4[at] = low;
      this.M4[at + 1] = high;
      return;
    }
    this.probeWrite(linear, 8);
    this.asWhole(() => this.writeHalves(linear, low, high));
  }

  /** 8 bytes that may be written. As in `writeSlow` a page behind that is no memory comes first: its exits repeat the instruction. */
  writeHalves(linear: number, low: number, high: number): void {
    const isDeviceBehind = (linear & 4095) > 4088 && this.hostWrite((linear + 7) | 0) < 0;
    if (isDeviceBehind) this.write32((linear + 4) | 0, high);
    this.write32(linear, low);
    if (!isDeviceBehind) this.write32((linear + 4) | 0, high);
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
  readSystem8(linear: number): number {
    return this.asSystem(linear, 1);
  }
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

  /**
   * Finds the page of an access ahead of it, where the TLB has none (ABSENT). False: that is a page fault, which is noted as if it had been thrown. What else may be wrong with the access
   * (another page that it crosses into, memory that is a device's) shows when it is made.
   */
  reach(linear: number, write: boolean): boolean {
    const plain = this.plainWalk(linear, write);
    if (plain === ALLOWED) return true;
    const error = plain === UNKNOWN ? this.tryWalk(linear, write, false) : plain;
    if (error === AWAY) return true;
    if (error !== ALLOWED) {
      this.faults.notePage(this.tlb.lowOf(linear), error, this.TH[linear >>> 12]!);
      this.S[S_STOP] = THROWN;
      return false;
    }
    const entry = this.walkEntry;
    if ((entry & WRITABLE) === WRITABLE || (!write && (entry & P2M_READ) !== 0))
      this.fill(linear, entry, this.S[S_USER]!, write);
    return true;
  }

  /** What a device's register holds, if it may be read without telling (`ProcessorOptions.readQuietly`), lies in the page that was read last, and is aligned; else -1. */
  readQuietly(linear: number, size: number): number {
    return (linear >>> 12) + this.S[S_USER]! === this.devicePage &&
      this.deviceFlushes === this.tlb.dataFlushes &&
      (linear & (size - 1)) === 0
      ? this.mmio.readQuietly(this.deviceGfn, linear & 4095, size)
      : -1;
  }

  /** Machine byte offset for a read of what lies at `linear` up to the page's end; -1: not memory (then `walkGfn` tells where). */
  hostRead(linear: number): number {
    const user = this.S[S_USER]!;
    const e = this.TR[(linear >>> 12) + user]!;
    if ((e & 1) === 0) return (e ^ linear) >>> 0;
    const page = (linear >>> 12) + user;
    if (page === this.devicePage && this.deviceFlushes === this.tlb.dataFlushes) {
      this.walkGfn = this.deviceGfn;
      this.walkEntry = 0;
      return -1;
    }
    if (this.plainWalk(linear, false) === ALLOWED) return (this.TR[page]! ^ linear) >>> 0;
    this.walk(linear, false, false);
    const entry = this.walkEntry;
    if ((entry & P2M_READ) === 0) {
      this.devicePage = entry === 0 && this.mayKeep(linear, user) ? page : -1;
      this.deviceGfn = this.walkGfn;
      this.deviceFlushes = this.tlb.dataFlushes;
      return -1;
    }
    this.fill(linear, entry, user, false);
    return ((entry & ~4095) | (linear & 4095)) >>> 0;
  }

  /** The same for a write; whatever was translated from the line written is dropped. */
  hostWrite(linear: number): number {
    const user = this.S[S_USER]!;
    const e = this.TW[(linear >>> 12) + user]!;
    if ((e & 1) === 0) return (e ^ linear) >>> 0;
    if ((e & 3) === HAS_CODE) {
      const at = (e ^ HAS_CODE ^ linear) >>> 0;
      if (this.code.lines[at >>> 12] === 0) this.TW[(linear >>> 12) + user] = e ^ HAS_CODE;
      return at;
    }
    if (this.plainWalk(linear, true) === ALLOWED)
      return ((this.TW[(linear >>> 12) + user]! & ~HAS_CODE) ^ linear) >>> 0;
    this.walk(linear, true, false);
    const entry = this.walkEntry;
    // To write alone is no right that there is (an EPT misconfiguration).
    if ((entry & WRITABLE) !== WRITABLE) return -1;
    this.fill(linear, entry, user, true);
    return ((entry & ~4095) | (linear & 4095)) >>> 0;
  }

  /** Of `bytes` from `linear` on, whose first lies at `at`: how many lie one after another in machine memory, by what the TLB knows. */
  readStretch(linear: number, at: number, bytes: number): number {
    return this.stretch(this.TR, linear, at, bytes);
  }
  /** The same for a write; past the first page only frames without code. */
  writeStretch(linear: number, at: number, bytes: number): number {
    return this.stretch(this.TW, linear, at, bytes);
  }

  private stretch(entries: Int32Array, linear: number, at: number, bytes: number): number {
    const user = this.S[S_USER]!;
    let end = 4096 - (linear & 4095);
    while (end < bytes) {
      const next = (linear + end) | 0,
        e = entries[(next >>> 12) + user]!;
      // Its low bits are 0: the page is there, and has no code.
      if ((e ^ next) >>> 0 !== at + end) break;
      end += 4096;
    }
    return end < bytes ? end : bytes;
  }

  /** Byte offset in machine memory for an atomic read-modify-write of an aligned operand; -1: take the plain way. */
  hostAtomic(linear: number, size: number): number {
    if ((linear & (size - 1)) !== 0) return -1;
    this.debug.data(linear, size, true);
    const at = this.hostWrite(linear);
    if (at < 0) return -1;
    if (this.debug.probe !== null) this.debug.seen.addAtomic(this.tlb.linearOf(linear), size, at);
    this.code.wrote(at, size);
    return at;
  }

  /** #AC: SDM vol. 3, 6.15, "Interrupt 17". */
  checkAlignment(linear: number, size: number): void {
    if ((this.R[EFLAGS]! & AC) === 0 || (linear & (alignmentOf(size) - 1)) === 0 || !this.checksAlignment) return;
    this.faults.raise(AC_, 0);
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
    this.debug.data(linear, size, false);
    const value = this.readWithin(linear, size);
    if (this.debug.probe !== null) this.debug.seen.add(this.tlb.linearOf(linear), size, false, value);
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
          if (this.hostWrite(at) < 0 === device) this.write8(at, value >> (8 * i));
        }
      }
      return;
    }
    this.debug.data(linear, size, true);
    if (this.debug.probe !== null) this.debug.seen.add(this.tlb.linearOf(linear), size, true, value);
    const at = this.hostWrite(linear);
    if (at < 0) {
      this.device(linear, size, true, value);
      return;
    }
    this.store(at, size, value);
    this.code.wrote(at, size);
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

  /** An access to what is no memory, or memory without the right. */
  private device(linear: number, size: number, write: boolean, value: number): number {
    return this.mmio.access(
      this.tlb.linearOf(linear),
      this.walkGfn * 4096 + (linear & 4095),
      size,
      write,
      value,
      this.walkEntry,
    );
  }

  /** The second stage's word of a guest frame. */
  private secondStage(gfn: number): number {
    return gfn < this.p2m.length ? this.p2m[gfn]! : 0;
  }

  /** After a walk: what it found may be used for the next access. */
  private mayKeep(linear: number, user: number): boolean {
    const { paging, debug } = this;
    if (debug.probe !== null || debug.watchesPage(linear)) return false;
    // Under SMAP the right to a user page comes and goes with EFLAGS.AC: never cached for the supervisor.
    return user !== 0 || !paging.userPage || (this.R[CR4]! & CR4_SMAP) === 0;
  }

  /** After a walk: the page goes into the TLB, where it may. */
  private fill(linear: number, entry: number, user: number, write: boolean): void {
    if (write) this.log.note(entry >>> 12);
    if (!this.mayKeep(linear, user)) return;
    const { paging } = this;
    const writable = paging.writable && this.walkDirty && (entry & P2M_WRITE) !== 0;
    this.tlb.fill(linear, user, entry & ~4095, write, writable, this.code.lines[entry >>> 12] !== 0, paging.global);
  }

  /** Machine frame for a fetch at `linear`; throws #PF, or leaves with an EPT violation. */
  fetchFrame(linear: number): number {
    const user = this.S[S_USER]!,
      known = this.tlb.TX[(linear >>> 12) + user]!;
    if (known !== 0) return known - 1;
    this.walk(linear, false, true);
    const entry = this.walkEntry;
    if ((entry & P2M_EXECUTE) === 0 || (entry & WRITABLE) === P2M_WRITE) {
      this.mmio.leave(this.tlb.linearOf(linear), this.walkGfn * 4096 + (linear & 4095), EPT_FETCH, entry);
    }
    this.tlb.fillFetch(linear, user, entry >>> 12, this.paging.global);
    return entry >>> 12;
  }

  /** Linear to physical without side effects; -1 where nothing is mapped. */
  translate(linear: number): number {
    if (linear < -CANONICAL || linear >= CANONICAL) return -1;
    const gfn = this.paging.findHere(linear | 0, Math.floor(linear / 2 ** 32));
    return gfn < 0 ? -1 : gfn * 4096 + (linear & 4095);
  }

  private mark(gpa: number, bits: number): void {
    const gfn = Math.floor(gpa / 4096);
    const entry = this.secondStage(gfn);
    if ((entry & P2M_WRITE) === 0) return;
    const at = ((entry & ~4095) | (gpa & 4095)) >>> 0;
    this.log.note(at >>> 12);
    Atomics.or(this.M4, at >>> 2, bits);
    this.code.wrote(at, 4);
  }

  /** Translates with rights checked and A/D set; leaves the guest frame in `walkGfn`. */
  private walk(linear: number, write: boolean, fetch: boolean): void {
    const error = this.tryWalk(linear, write, fetch);
    if (error === AWAY) {
      if (!fetch) this.mmio.keep();
      this.mmio.leave(this.tlb.linearOf(linear), this.paging.away, EPT_READ, 0);
    }
    if (error !== ALLOWED) this.faults.raisePage(this.tlb.lowOf(linear), error, this.TH[linear >>> 12]!);
  }

  /** The same; returns the error code of #PF, ALLOWED, or AWAY. */
  private tryWalk(linear: number, write: boolean, fetch: boolean): number {
    if (this.shadow !== null && !this.throughGuestTables) return this.tryShadow(this.shadow, linear, write, fetch);
    const { paging } = this;
    const high = this.TH[linear >>> 12]!;
    const error = paging.access(
      high === 0 ? linear : this.tlb.lowOf(linear),
      write,
      fetch,
      this.S[S_USER] !== 0,
      this.implicit,
      high,
    );
    if (paging.away >= 0) return AWAY;
    this.walkGfn = paging.gfn;
    if (error !== ALLOWED) return error;
    this.walkEntry = this.secondStage(paging.gfn);
    if (this.R[CR0]! >= 0) {
      // PG clear
      this.walkDirty = true;
      return ALLOWED;
    }
    for (let i = 0; i < paging.outerCount; i++)
      if ((paging.outer[i]! & PTE_A) === 0) this.mark(paging.outerAt[i]!, PTE_A);
    if (paging.upperAt < 0) {
      this.tlb.sawLargePage(linear);
      if ((this.R[EFER]! & EFER_LMA) !== 0) this.tlb.sawLongPage(linear, paging.outerCount === 1);
    } else if ((paging.upper & PTE_A) === 0) this.mark(paging.upperAt, PTE_A);
    const want = write ? PTE_A | PTE_D : PTE_A;
    if ((paging.leaf & want) !== want) this.mark(paging.leafAt, want);
    this.walkDirty = write || (paging.leaf & PTE_D) !== 0;
    return ALLOWED;
  }

  /** The same through the hypervisor's tables: what is not in them it is to find, at the exit for #PF. */
  private tryShadow(shadow: ShadowWalking, linear: number, write: boolean, fetch: boolean): number {
    const { paging, tlb } = this,
      high = this.TH[linear >>> 12]!,
      low = high === 0 ? linear : tlb.lowOf(linear),
      error = shadow.access(low, write, fetch, this.S[S_USER] !== 0, this.implicit, high);
    if (error !== ALLOWED) return error;
    // The hypervisor emulates the access, and wants to know where it goes.
    const isEmulated = write ? !shadow.writable : fetch && (shadow.entry & P2M_EXECUTE) === 0;
    this.walkGfn = isEmulated && shadow.gfn < 0 ? paging.find(low, high) : shadow.gfn;
    this.walkEntry = shadow.entry;
    this.walkDirty = true;
    paging.writable = shadow.writable;
    paging.userPage = shadow.userPage;
    paging.global = shadow.global;
    if (shadow.isLarge) {
      tlb.sawLargePage(linear);
      if ((this.R[EFER]! & EFER_LMA) !== 0) tlb.sawLongPage(linear, shadow.isHuge);
    }
    return ALLOWED;
  }

  /** PAE page-directory-pointer registers from CR3 (SDM vol. 3, 4.4.1). False: a reserved bit is set, nothing was loaded. */
  loadPdptes(cr3: number): boolean {
    const words = new Int32Array(8);
    do {
      this.paging.away = -1;
      for (let i = 0; i < 8; i++) words[i] = this.paging.physical32(((cr3 & ~31) >>> 0) + 4 * i);
    } while (this.paging.waited());
    for (let i = 0; i < 8; i += 2) {
      if ((words[i]! & PTE_P) !== 0 && ((words[i]! & 0x1e6) !== 0 || (words[i + 1]! & ~15) !== 0)) return false;
    }
    this.R.set(words, PDPTE);
    return true;
  }
}
