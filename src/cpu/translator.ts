/**
 * From EIP to records: finds the record of what runs next, and decodes a block of code where there is none yet. Where records lie and when they become stale is
 * code-cache.ts's business; what they contain is record-writer.ts's.
 */
import type { MemoryAccess } from './access.ts';
import { type CodeCache, SCRATCH_RECORD } from './code-cache.ts';
import type { Cpu } from './cpu.ts';
import type { ProcessorOptions } from './architecture/edge.ts';
import { type Faults, GP } from './faults.ts';
import type { Mode } from './mode.ts';
import { DST, EXTRA, META, META_LENGTH, META_OFFSET_MASK, NEXT, OP, RECORD_WORDS, SRC, TARGET } from './record.ts';
import { OP_CROSS, OP_STALE, OP_STRADDLE, type RecordWriter } from './record-writer.ts';
import { EIP, HIGH } from './architecture/registers.ts';
import { isCanonical } from './addressing.ts';
import { EXIT, GO, JUMP, S_BUDGET, S_PAGE_EIP, S_PATCH, S_STOP, S_USER, STALE } from './scratch.ts';
import { decode, MORE_BYTES, newDecoded } from './table/index.ts';
import type { Tlb } from './tlb.ts';
import type { Views } from './views.ts';
import { plans } from 'virtual:plans';

const MAX_BLOCK = 64;

export class Translator {
  private readonly R: Int32Array;
  private readonly S: Int32Array;
  private readonly M1: Uint8Array;
  private readonly A: Int32Array;
  private readonly PM: Int32Array;
  private readonly CP: Int32Array;
  private readonly tlb: Tlb;
  private readonly code: CodeCache;
  private readonly writer: RecordWriter;
  private readonly mode: Mode;
  private readonly memory: MemoryAccess;
  private readonly faults: Faults;
  private readonly d = newDecoded();
  private readonly window = new Uint8Array(32);
  private readonly isCodeShared: ProcessorOptions['isCodeShared'];
  /** Of the page that `codePage` looked up last: others write it, so nothing of it is kept. */
  private shared = false;

  constructor(
    views: Views,
    tlb: Tlb,
    code: CodeCache,
    writer: RecordWriter,
    mode: Mode,
    memory: MemoryAccess,
    faults: Faults,
    isCodeShared: ProcessorOptions['isCodeShared'],
  ) {
    this.R = views.R;
    this.S = views.S;
    this.M1 = views.M1;
    this.A = code.A;
    this.PM = code.PM;
    this.CP = tlb.CP;
    this.tlb = tlb;
    this.code = code;
    this.writer = writer;
    this.mode = mode;
    this.memory = memory;
    this.faults = faults;
    this.isCodeShared = isCodeShared;
    this.addOwnFunctions();
  }

  /** What runs records that represent no instruction, or for one that is not decoded yet. */
  private addOwnFunctions(): void {
    const { functions } = this.writer,
      { wide, narrow } = plans;
    functions[OP_STRADDLE] = (cpu, p) => this.straddle(cpu, p);
    functions[OP_STALE] = (cpu, p) => this.refresh(cpu, p);
    functions[wide.goto] = functions[narrow.goto] = (_, p) => {
      this.R[EIP] = (this.S[S_PAGE_EIP]! + this.A[p + EXTRA]!) | 0;
      this.S[S_PATCH] = p;
      this.S[S_STOP] = JUMP;
    };
    const cross = () => {
      this.moveTo((this.S[S_PAGE_EIP]! + 4096) | 0);
      this.S[S_STOP] = JUMP;
    };
    functions[wide.cross] = functions[narrow.cross] = cross;
    // Where the switch must not look the next page up: it knows one kind of code segment.
    functions[OP_CROSS] = () => {
      this.S[S_BUDGET]!++;
      cross();
    };
  }

  /** Record for EIP (after record `p`, where that matters); 0 when `run()` must be left (S_STOP says why). Throws a fault of the fetch. */
  enter(p: number): number {
    const S = this.S;
    if (S[S_STOP] === EXIT) return 0;
    if (S[S_STOP] === STALE) {
      const meta = this.A[p + META]!;
      this.moveTo((S[S_PAGE_EIP]! + (meta & META_OFFSET_MASK) + ((meta >>> META_LENGTH) & 15)) | 0);
    }
    S[S_STOP] = GO;
    if (S[S_BUDGET]! <= 0) {
      S[S_PATCH] = 0;
      return 0;
    }
    // Counted as begun, so that a fault of the fetch finds the budget as a fault of the instruction would.
    S[S_BUDGET]!--;
    const eip = this.R[EIP]!;
    const linear = this.linearOf(eip);
    if (eip >>> 0 > this.mode.csLimit) this.faults.raise(GP, 0);
    let table = this.CP[(linear >>> 12) + S[S_USER]!]!;
    let alone = false;
    if (table === 0) {
      table = this.codePage(linear);
      alone = this.shared;
    }
    const offset = linear & 4095;
    S[S_PAGE_EIP] = (eip - offset) | 0;
    if (alone || (this.mode.csLimit !== 0xffffffff && (eip >>> 0) + (4095 - offset) > this.mode.csLimit)) {
      // No jump may find this page without the check.
      this.CP[(linear >>> 12) + S[S_USER]!] = 0;
      const one = this.single(table, offset, eip >>> 0);
      S[S_BUDGET]!++;
      return one;
    }
    let found = this.PM[table + offset]!;
    if (found === 0) found = this.translateBlock(table, offset);
    if (S[S_PATCH] !== 0) {
      this.A[S[S_PATCH]! + TARGET] = found;
      S[S_PATCH] = 0;
    }
    S[S_BUDGET]!++;
    return found;
  }

  /** Linear address of an EIP; of 64-bit code its slot address (tlb.ts). */
  private linearOf(eip: number): number {
    if (!this.mode.long) return (eip + this.mode.csBase) | 0;
    const high = this.R[EIP + HIGH]!;
    if (!isCanonical(high)) this.faults.raise(GP, 0);
    return this.tlb.slotAddress(eip, high);
  }

  /** To an EIP that lies behind the one that is there, by less than 4 GiB. */
  private moveTo(eip: number): void {
    const { R } = this;
    if (this.mode.long && eip >>> 0 < R[EIP]! >>> 0) R[EIP + HIGH]! += 1;
    R[EIP] = eip;
  }

  private codePage(linear: number): number {
    const mfn = this.memory.fetchFrame(linear);
    const table = this.code.table(mfn, this.mode.key);
    this.shared = this.isCodeShared?.(mfn) === true;
    if (this.shared) return table;
    this.tlb.fillCode(linear, this.S[S_USER]!, table);
    return table;
  }

  private translateBlock(table: number, start: number): number {
    // Room for a block, its stubs and cached halves of straddling instructions.
    if (!this.code.hasRoom(MAX_BLOCK + 4)) {
      const mfn = this.code.frameOf(table);
      this.code.dropAll();
      // The table is gone with the rest: map the page again.
      table = this.code.table(mfn, this.mode.key);
      this.tlb.fillCode(this.linearOf(this.R[EIP]!), this.S[S_USER]!, table);
    }
    const { PM, d } = this;
    const mfn = this.code.frameOf(table);
    const from = mfn * 4096;
    let offset = start,
      previous = 0,
      first = 0,
      lines = 0;
    for (let count = 0; ; count++) {
      if (offset >= 4096) {
        this.link(previous, this.writer.cross());
        break;
      }
      const known = PM[table + offset]!;
      if (known !== 0) {
        this.link(previous, known);
        break;
      }
      if (count === MAX_BLOCK) {
        this.link(previous, this.writer.goto(offset));
        break;
      }
      const status = decode(this.M1, from + offset, 4096 - offset, this.mode.bits, d);
      const p = this.code.allocate();
      PM[table + offset] = p;
      if (first === 0) first = p;
      this.link(previous, p);
      previous = p;
      const ends = this.writer.write(p, status, offset, d);
      const last = status === MORE_BYTES ? 4095 : Math.min(4095, offset + Math.max(1, d.length) - 1);
      for (let line = offset >>> 7; line <= last >>> 7; line++) lines |= 1 << line;
      if (ends) break;
      offset += d.length;
    }
    this.code.mark(mfn, lines);
    return first;
  }

  private link(previous: number, p: number): void {
    if (previous !== 0) this.A[previous + NEXT] = p;
  }

  /** One instruction where the code segment ends inside the page (it is checked byte by byte), or of a page that others write: never kept. */
  private single(table: number, offset: number, eip: number): number {
    const { d } = this;
    const p = SCRATCH_RECORD;
    const room = Math.min(4096 - offset, this.mode.csLimit - eip + 1);
    const status = decode(this.M1, this.code.frameOf(table) * 4096 + offset, room, this.mode.bits, d);
    if (status === MORE_BYTES && room < 4096 - offset) {
      this.R[EIP] = eip;
      this.faults.raise(GP, 0);
    }
    const ends = this.writer.write(p, status, offset, d);
    this.S[S_PATCH] = 0;
    const next = offset + d.length;
    if (!ends)
      this.link(p, next < 4096 ? this.writer.goto(next, p + RECORD_WORDS) : this.writer.cross(p + RECORD_WORDS));
    return p;
  }

  /** Runs an instruction whose bytes lie in two pages; its decoded half is kept while both frames are unchanged, and no others write them. */
  private straddle(cpu: Cpu, p: number): void {
    const { A, S, R, d } = this;
    const eip = R[EIP]!;
    const linear = this.linearOf(eip);
    const beyond = this.mode.long
      ? this.tlb.slotAddresses(eip, R[EIP + HIGH]!, 4096) + 4096 - (linear & 4095)
      : ((linear & ~4095) + 4096) | 0;
    if (this.mode.csLimit !== 0xffffffff && (eip >>> 0) + (4095 - (linear & 4095)) >= this.mode.csLimit)
      this.faults.raise(GP, 0);
    let table = this.CP[(beyond >>> 12) + S[S_USER]!]!,
      fresh = false;
    if (table === 0) {
      table = this.codePage(beyond);
      fresh = this.shared;
    }
    const mfn = this.code.frameOf(table);
    let q = A[p + TARGET]!;
    if (q === 0 || fresh || A[p + DST] !== mfn || A[p + SRC] !== this.code.generation[mfn]) {
      const here = this.M1,
        { window } = this;
      const offset = linear & 4095,
        head = 4096 - offset;
      // The first page is there: its record exists.
      const first = this.code.frameOf(this.CP[(linear >>> 12) + S[S_USER]!]! || this.codePage(linear)) * 4096;
      for (let i = 0; i < head; i++) window[i] = here[first + offset + i]!;
      for (let i = head; i < 16; i++) window[i] = here[mfn * 4096 + i - head]!;
      const status = decode(window, 0, 16, this.mode.bits, d);
      if (p === SCRATCH_RECORD) q = p + RECORD_WORDS;
      else if (q === 0) {
        q = !this.code.hasRoom(4) ? SCRATCH_RECORD : this.code.allocate();
        A[p + TARGET] = q;
      }
      this.writer.write(q, status, offset, d);
      A[p + DST] = mfn;
      A[p + SRC] = this.code.generation[mfn]!;
      this.code.mark(mfn, 1);
    }
    this.writer.functions[A[q + OP]!]!(cpu, q);
    if (S[S_STOP] === GO || S[S_STOP] === STALE) {
      this.moveTo((eip + ((A[q + META]! >>> META_LENGTH) & 15)) | 0);
      S[S_STOP] = JUMP;
    }
  }

  /** Decodes a stale record again, where it lies, and runs it. Records that lead to it need not change. */
  private refresh(cpu: Cpu, p: number): void {
    const { A, S, R, PM, d } = this;
    const linear = this.linearOf(R[EIP]!);
    let table = this.CP[(linear >>> 12) + S[S_USER]!]!;
    if (table === 0) table = this.codePage(linear);
    const mfn = this.code.frameOf(table),
      offset = linear & 4095;
    if (PM[table + offset] !== p || !this.code.hasRoom(3)) {
      // Not the record that belongs here (a page was dropped meanwhile), or no room: start over at this EIP.
      this.S[S_BUDGET]!++;
      S[S_STOP] = JUMP;
      if (PM[table + offset] === p) this.code.dropAll();
      return;
    }
    const status = decode(this.M1, mfn * 4096 + offset, 4096 - offset, this.mode.bits, d);
    const ends = this.writer.write(p, status, offset, d);
    const last = status === MORE_BYTES ? 4095 : Math.min(4095, offset + Math.max(1, d.length) - 1);
    this.code.mark(mfn, (1 << (offset >>> 7)) | (1 << (last >>> 7)));
    if (!ends) {
      const next = offset + d.length;
      const known = next < 4096 ? PM[table + next]! : 0;
      this.link(p, known !== 0 ? known : next < 4096 ? this.writer.goto(next) : this.writer.cross());
    }
    this.writer.functions[A[p + OP]!]!(cpu, p);
  }
}
