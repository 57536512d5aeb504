/**
 * From bytes to records: a record is a decoded instruction, RECORD_WORDS words of one arena, linked to the record that follows it. A page table of
 * records (PM) belongs to one machine frame and mode key; CP maps linear pages to them. Records never outlive the bytes they came from: a write
 * marks those that it touches as stale, and they are decoded anew when they run next.
 */
import type { ProcessorOptions } from './edge.ts';
import { fillHotX87, hotX87Case } from './fpu/hot.ts';
import { EXIT, GO, GP, JUMP, Memory, S_BUDGET, S_PAGE_EIP, S_PATCH, S_STOP, S_USER, STALE, UD } from './memory.ts';
import {
  BASE, baseWord, DISP, DST, EXTRA, IMM, INDEX, META, META_ADDRESS16, META_LENGTH, META_LOCK, META_OFFSET_MASK, META_OPERAND16, META_REGISTER, META_REP, META_REPNE,
  META_SEGMENT, narrowAlignment, narrowIndex, NEXT, OP, type Op, type OpFactory, RECORD_MASK, RECORD_WORDS, SRC, TARGET,
} from './ops/context.ts';
import {
  ACCESSES, ADDRESS, BRANCHES, BYTE_0, BYTE_1, CONDITION, COUNTS, type FormPlan, LOCKS, REGISTER_0, REGISTER_1, RETURNS, SELECTOR, STACK, STORES, STRING,
} from './plans.ts';
import { CS, EIP, FS, SEG_BASE, SEG_SELECTOR, ZERO } from './registers.ts';
import { DECODED, type Decoded, decode, MORE_BYTES, newDecoded, type Row, rows, TOO_LONG } from './table/index.ts';
import { operandRegister } from './table/operands.ts';
import { plans } from 'virtual:plans';

const { goto: WIDE_GOTO, cross: WIDE_CROSS } = plans.wide, { goto: NARROW_GOTO, cross: NARROW_CROSS } = plans.narrow;
/** Functions of rows: one number each for register and memory forms at both operand sizes; then the engine's own. */
const SEGMENT_NAMES = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS'];
const FUNCTION = plans.firstFunction, OWN = FUNCTION + rows.length * 4;
const OP_UNDEFINED = OWN, OP_TOO_LONG = OWN + 1, OP_STRADDLE = OWN + 2, OP_STALE = OWN + 4, OP_CROSS = OWN + 5, OPS = OWN + 6;
/** No record's op: the warm-up's stand-in for an instruction that takes the general way. */
export const OP_NOTHING = OWN + 3;

/** The form of each row's four variants, if a description says what they do. */
const forms: (FormPlan | undefined)[] = Array.from({ length: rows.length * 4 }, (_, variant) => plans.forms[plans.variants[variant] ?? -1]);
/** Op numbers of the cases for what is ordinary of rows that functions run; 0: none. */
const unitCases = new Int16Array(rows.length * 4);
for (let i = 0; i < plans.unitCases.length; i += 2) unitCases[plans.unitCases[i]!] = plans.unitCases[i + 1]!;
/** Bits of a row that `record()` asks for. */
const IS_BRANCH = 1, ENDS_BLOCK = 2, SHIFT_BY_ONE = 4;
const traits = Uint8Array.from(rows, row => (row.branch ? IS_BRANCH : 0) | (row.ends ? ENDS_BLOCK : 0)
  | (row.operands[1] === '1' ? SHIFT_BY_ONE : 0));

/** Words of the arena and of the tables of records. Untouched pages of them cost nothing. */
const ARENA_WORDS = RECORD_MASK + 1, TABLE_WORDS = 8 << 20;
const MAX_BLOCK = 64;
/** Stores of more bytes drop a frame's code instead of marking records. */
const MAX_PATCH = 64;
/** Longest instruction. */
const LONGEST = 15;

/** Mode key: what a record depends on besides its bytes. FLAT: the segments are such that the switch may handle operands (for 16-bit code see gen/narrow.ts). */
export const KEY_CODE32 = 1, KEY_STACK32 = 2, KEY_FLAT = 4, KEYS = 8;

/** Index in R8 of an 8-bit register (AL CL DL BL AH CH DH BH). */
const byteRegister = (n: number): number => (n & 3) * 4 + (n >> 2);

export abstract class Translator extends Memory {
  readonly A = new Int32Array(2 * ARENA_WORDS);
  readonly PM = new Int32Array(TABLE_WORDS);
  /** Function for each op number: general forms of hot cases, rows run by functions. */
  readonly slow: Op[] = new Array(OPS);
  /** Op numbers whose function exists. Rows that share a case of the switch share the function: it may ask the record alone. */
  private readonly made = new Uint8Array(OPS);
  /** General functions of forms, from the generated module. */
  protected general: Op[] = [];

  protected key = 0;
  protected csBase = 0;
  protected csLimit = 0xffff;

  private nextRecord = RECORD_WORDS;
  private nextTable = 4096;
  private readonly freeTables: number[] = [];
  private readonly tableOf: Int32Array;
  /** Machine frame of each table. */
  private readonly frameOf = new Int32Array(TABLE_WORDS >>> 12);
  /** Counts the times a frame's code was dropped: instructions that begin in the frame before remember it. */
  private readonly generation: Int32Array;
  /** Counts stores into a frame's code; every 256th drops it all, so that a page that has become data is fast again. */
  private readonly patches: Uint8Array;
  private readonly d: Decoded = newDecoded();
  private readonly window = new Uint8Array(32);
  private readonly isCodeShared: ((mfn: number) => boolean) | undefined;
  /** Of the page that `codePage` looked up last: others write it, so nothing of it is kept. */
  private shared = false;

  constructor(options: ProcessorOptions) {
    super(options);
    this.isCodeShared = options.isCodeShared;
    this.tableOf = new Int32Array(this.codeLines.length * KEYS);
    this.generation = new Int32Array(this.codeLines.length);
    this.patches = new Uint8Array(this.codeLines.length);
    this.slow.fill(() => { throw new Error('a record without a function'); });
    this.slow[OP_NOTHING] = () => {};
    this.slow[OP_UNDEFINED] = core => core.fault(UD);
    this.slow[OP_TOO_LONG] = core => core.fault(GP, 0);
    this.slow[OP_STRADDLE] = (_, p) => this.straddle(p);
    this.slow[OP_STALE] = (_, p) => this.refresh(p);
    this.slow[WIDE_GOTO] = this.slow[NARROW_GOTO] = (_, p) => {
      this.R[EIP] = (this.S[S_PAGE_EIP]! + this.A[p + EXTRA]!) | 0;
      this.S[S_PATCH] = p;
      this.S[S_STOP] = JUMP;
    };
    // Where the switch must not look the next page up: it knows one kind of code segment.
    this.slow[OP_CROSS] = (_, p) => {
      this.S[S_BUDGET]!++;
      this.slow[WIDE_CROSS]!(_, p);
    };
    this.slow[WIDE_CROSS] = this.slow[NARROW_CROSS] = () => {
      this.R[EIP] = (this.S[S_PAGE_EIP]! + 4096) | 0;
      this.S[S_STOP] = JUMP;
    };
  }

  /** Features whose instructions there are: rows that need another are undefined. */
  protected abstract instructions: ReadonlySet<string>;
  protected abstract factory(row: Row): OpFactory | undefined;

  /** Record for EIP (after record `p`, where that matters); 0 when `run()` must be left (S_STOP says why). Throws a fault of the fetch. */
  enter(p: number): number {
    const S = this.S;
    if (S[S_STOP] === EXIT) return 0;
    if (S[S_STOP] === STALE) {
      const meta = this.A[p + META]!;
      this.R[EIP] = (S[S_PAGE_EIP]! + (meta & META_OFFSET_MASK) + ((meta >>> META_LENGTH) & 15)) | 0;
    }
    S[S_STOP] = GO;
    if (S[S_BUDGET]! <= 0) {
      S[S_PATCH] = 0;
      return 0;
    }
    // Counted as begun, so that a fault of the fetch finds the budget as a fault of the instruction would.
    S[S_BUDGET]!--;
    const eip = this.R[EIP]!;
    const linear = (eip + this.csBase) | 0;
    if (eip >>> 0 > this.csLimit) this.fault(GP, 0);
    let table = this.CP[(linear >>> 12) + S[S_USER]!]!;
    let alone = false;
    if (table === 0) {
      table = this.codePage(linear);
      alone = this.shared;
    }
    const offset = linear & 4095;
    S[S_PAGE_EIP] = (eip - offset) | 0;
    if (alone || (this.csLimit !== 0xffffffff && (eip >>> 0) + (4095 - offset) > this.csLimit)) {
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

  private codePage(linear: number): number {
    const mfn = this.fetchFrame(linear);
    const slot = mfn * KEYS + this.key;
    let table = this.tableOf[slot]!;
    if (table === 0) {
      table = this.freeTables.pop() ?? 0;
      if (table === 0) {
        if (this.nextTable === TABLE_WORDS) this.dropAllCode();
        table = this.nextTable;
        this.nextTable += 4096;
      }
      this.tableOf[slot] = table;
      this.frameOf[table >>> 12] = mfn;
    }
    this.shared = this.isCodeShared?.(mfn) === true;
    if (this.shared) return table;
    const page = (linear >>> 12) + this.S[S_USER]!;
    this.CP[page] = table;
    this.rememberCodePage(page);
    return table;
  }

  private allocate(): number {
    const p = this.nextRecord;
    this.nextRecord += RECORD_WORDS;
    return p;
  }

  private translateBlock(table: number, start: number): number {
    // Room for a block, its stubs and cached halves of straddling instructions.
    if (this.nextRecord + (MAX_BLOCK + 4) * RECORD_WORDS > ARENA_WORDS) {
      const mfn = this.frameOf[table >>> 12]!;
      this.dropAllCode();
      // The table is gone with the rest: map the page again.
      table = this.nextTable;
      this.nextTable += 4096;
      this.tableOf[mfn * KEYS + this.key] = table;
      this.frameOf[table >>> 12] = mfn;
      const page = ((this.R[EIP]! + this.csBase) >>> 12) + this.S[S_USER]!;
      this.CP[page] = table;
      this.rememberCodePage(page);
    }
    const { PM, d } = this;
    const mfn = this.frameOf[table >>> 12]!;
    const from = mfn * 4096;
    let offset = start, previous = 0, first = 0, lines = 0;
    for (let count = 0; ; count++) {
      if (offset >= 4096) {
        this.link(previous, this.cross());
        break;
      }
      const known = PM[table + offset]!;
      if (known !== 0) {
        this.link(previous, known);
        break;
      }
      if (count === MAX_BLOCK) {
        this.link(previous, this.goto(offset));
        break;
      }
      const status = decode(this.M1, from + offset, 4096 - offset, (this.key & KEY_CODE32) !== 0 ? 32 : 16, d);
      const p = this.allocate();
      PM[table + offset] = p;
      if (first === 0) first = p;
      this.link(previous, p);
      previous = p;
      const ends = this.record(p, status, offset);
      const last = status === MORE_BYTES ? 4095 : Math.min(4095, offset + Math.max(1, d.length) - 1);
      for (let line = offset >>> 7; line <= last >>> 7; line++) lines |= 1 << line;
      if (ends) break;
      offset += d.length;
    }
    this.markCode(mfn, lines);
    return first;
  }

  private link(previous: number, p: number): void {
    if (previous !== 0) this.A[previous + NEXT] = p;
  }

  /** A record of the engine's own, at `p`, that leads to `offset` of the page. */
  private stub(op: number, offset: number, p = this.allocate()): number {
    const { A } = this;
    A.fill(0, p, p + RECORD_WORDS);
    A[p + OP] = op;
    A[p + META] = offset;
    A[p + EXTRA] = offset;
    return p;
  }

  private goto(offset: number, p?: number): number { return this.stub(this.wide ? WIDE_GOTO : NARROW_GOTO, offset, p); }
  private cross(p?: number): number {
    return this.stub((this.key & KEY_FLAT) === 0 ? OP_CROSS : this.wide ? WIDE_CROSS : NARROW_CROSS, 4096, p);
  }

  /** The code under translation is 32-bit code, which the first switch runs. */
  private get wide(): boolean { return (this.key & KEY_CODE32) !== 0; }

  private markCode(mfn: number, lines: number): void {
    if (this.codeLines[mfn] === 0) {
      this.codeLines[mfn] = lines;
      this.protectFrame(mfn);
    } else this.codeLines[mfn]! |= lines;
  }

  /** Writes the record of the instruction in `d`. True when the block ends with it. */
  private record(p: number, status: number, offset: number): boolean {
    const { A, d } = this;
    A.fill(0, p, p + RECORD_WORDS);
    if (status !== DECODED || !this.supports(d.row!)) {
      A[p + OP] = status === MORE_BYTES ? OP_STRADDLE : status === TOO_LONG ? OP_TOO_LONG : OP_UNDEFINED;
      A[p + META] = offset;
      return true;
    }
    const row = d.row!;
    const size = d.operandSize === 16 ? 16 : 32;
    A[p + BASE] = A[p + INDEX] = ZERO;
    A[p + META] = offset | (d.length << META_LENGTH) | (d.segment << META_SEGMENT) | (d.addressSize === 16 ? META_ADDRESS16 : 0)
      | (d.repeat === 0xf3 ? META_REP : d.repeat === 0xf2 ? META_REPNE : 0) | (d.lock ? META_LOCK : 0) | (size === 16 ? META_OPERAND16 : 0)
      | (d.modrm >= 0 && d.mod === 3 ? META_REGISTER : 0);
    if (d.memory) {
      if (d.base >= 0) A[p + BASE] = d.base;
      if (d.index >= 0) A[p + INDEX] = d.index | (d.scale << 4);
      if (!this.wide) A[p + INDEX]! |= narrowIndex(baseWord(d.segment), d.addressSize === 32);
      A[p + DISP] = d.displacement;
    }
    const trait = traits[row.id]!;
    A[p + IMM] = (trait & SHIFT_BY_ONE) !== 0 ? 1 : d.immediate;
    if ((trait & IS_BRANCH) !== 0) A[p + TARGET] = 0;
    else if (!d.memory) A[p + TARGET] = d.immediate2;

    const variant = row.id * 4 + (d.memory ? 2 : 0) + (size === 16 ? 1 : 0);
    const form = forms[variant];
    if (form !== undefined) this.fillForm(p, row, form, size, offset);
    else this.fillFunction(p, row, variant, size, offset);
    if ((trait & IS_BRANCH) !== 0) A[p + EXTRA] = (offset + d.length + d.immediate) | 0;
    return (trait & ENDS_BLOCK) !== 0;
  }

  private supports(row: Row): boolean {
    return row.feature === undefined || this.instructions.has(row.feature);
  }

  /** True if the memory operand of `d` needs neither segment arithmetic nor checks: 32-bit address, flat segment; code segments cannot be written. */
  private flatOperand(): boolean {
    return (this.key & KEY_FLAT) !== 0 && this.wide && this.d.addressSize === 32 && this.d.segment < FS && this.d.segment !== CS;
  }

  private fillForm(p: number, row: Row, form: FormPlan, size: 16 | 32, offset: number): void {
    const { A, d } = this, { facts } = form;
    if ((facts & (REGISTER_0 | BYTE_0)) !== 0) {
      const n = operandRegister(row.operands[0]!, d);
      A[p + DST] = (facts & BYTE_0) !== 0 ? byteRegister(n) : n;
    }
    if ((facts & (REGISTER_1 | BYTE_1)) !== 0) {
      const n = operandRegister(row.operands[1]!, d);
      A[p + SRC] = (facts & BYTE_1) !== 0 ? byteRegister(n) : n;
    }
    if ((facts & CONDITION) !== 0) A[p + IMM] = row.cc!;
    // From the page's start.
    if ((facts & RETURNS) !== 0) A[p + IMM] = offset + d.length;
    if ((facts & SELECTOR) !== 0) A[p + IMM] = baseWord(SEGMENT_NAMES.indexOf(row.operands[0]!)) - SEG_BASE + SEG_SELECTOR;
    if ((facts & STRING) !== 0) A[p + IMM] = baseWord(d.segment);
    let op = form.general;
    if (!d.lock && (facts & LOCKS) === 0) {
      if (this.wide) {
        if (form.wide !== 0 && this.fitsWide(facts)) op = d.index < 0 ? form.near : form.wide;
      } else if (form.narrow !== 0 && this.fitsNarrow(facts, size)) {
        op = form.narrow;
        if ((facts & ACCESSES) !== 0) A[p + INDEX]! |= narrowAlignment(form.bytes);
      }
    }
    A[p + OP] = op;
    this.slow[op] = this.general[form.general]!;
  }

  /** True if the case for flat 32-bit code can run this instance of a form. */
  private fitsWide(facts: number): boolean {
    const { d, key } = this;
    if ((facts & (BRANCHES | STACK)) !== 0 && (key & KEY_FLAT) === 0) return false;
    if ((facts & STACK) !== 0 && (key & KEY_STACK32) === 0) return false;
    if ((facts & ADDRESS) !== 0 && d.addressSize !== 32) return false;
    if ((facts & STRING) !== 0 && d.repeat !== 0) return false;
    return (facts & (ACCESSES | STRING)) === 0 || this.flatOperand();
  }

  /** The same for 16-bit code. The low half of an effective address is the same whatever the address size. */
  private fitsNarrow(facts: number, size: 16 | 32): boolean {
    const { d, key } = this;
    if ((facts & (BRANCHES | STACK | STRING)) !== 0 && (key & KEY_FLAT) === 0) return false;
    if ((facts & STACK) !== 0 && (key & KEY_STACK32) !== 0) return false;
    if ((facts & STRING) !== 0 && d.repeat !== 0) return false;
    if ((facts & ADDRESS) !== 0 && size === 32 && d.addressSize !== 32) return false;
    if ((facts & (COUNTS | STRING)) !== 0 && d.addressSize !== 16) return false;
    return (facts & ACCESSES) === 0 || this.narrowOperand((facts & STORES) !== 0);
  }

  private fillFunction(p: number, row: Row, variant: number, size: 16 | 32, offset: number): void {
    const { A, d } = this;
    A[p + DST] = row.operands.includes('Zv') || row.operands.includes('Zb') ? d.opcodeReg : d.reg;
    A[p + SRC] = d.rm;
    if (row.cc !== undefined) A[p + IMM] = row.cc;
    const unitCase = this.wide && !d.lock && (!d.memory || this.flatOperand()) ? unitCases[variant]! : 0;
    if (unitCase !== 0 && hotX87Case(row, d.memory) !== '') fillHotX87(A, p, row, d.memory, offset, d.segment);
    const op = unitCase !== 0 ? unitCase : FUNCTION + variant;
    A[p + OP] = op;
    this.make(op, row, size);
  }

  private make(op: number, row: Row, size: 16 | 32): void {
    if (this.made[op] !== 0) return;
    this.made[op] = 1;
    const factory = this.factory(row);
    this.slow[op] = factory === undefined ? core => core.fault(UD) : factory(row, this.d.memory, size);
  }

  /** True if the second switch may take the memory operand of `d`: code segments are for reading. */
  private narrowOperand(stores: boolean): boolean {
    return (this.key & KEY_FLAT) !== 0 && !(stores && this.d.segment === CS);
  }

  /** One instruction where the code segment ends inside the page (it is checked byte by byte), or of a page that others write: never kept. */
  private single(table: number, offset: number, eip: number): number {
    const { d } = this;
    const p = this.allocateScratch();
    const room = Math.min(4096 - offset, this.csLimit - eip + 1);
    const status = decode(this.M1, this.frameOf[table >>> 12]! * 4096 + offset, room, (this.key & KEY_CODE32) !== 0 ? 32 : 16, d);
    if (status === MORE_BYTES && room < 4096 - offset) {
      this.R[EIP] = eip;
      this.fault(GP, 0);
    }
    const ends = this.record(p, status, offset);
    this.S[S_PATCH] = 0;
    const next = offset + d.length;
    if (!ends) this.link(p, next < 4096 ? this.goto(next, p + RECORD_WORDS) : this.cross(p + RECORD_WORDS));
    return p;
  }

  /** Two records at the arena's end that are used again and again. */
  private allocateScratch(): number {
    return ARENA_WORDS - 2 * RECORD_WORDS - (ARENA_WORDS % RECORD_WORDS);
  }

  /** Runs an instruction whose bytes lie in two pages; its decoded half is kept while both frames are unchanged, and no others write them. */
  private straddle(p: number): void {
    const { A, S, R, d } = this;
    const eip = R[EIP]!;
    const linear = (eip + this.csBase) | 0;
    const beyond = ((linear & ~4095) + 4096) | 0;
    if (this.csLimit !== 0xffffffff && (eip >>> 0) + (4095 - (linear & 4095)) >= this.csLimit) this.fault(GP, 0);
    let table = this.CP[(beyond >>> 12) + S[S_USER]!]!, fresh = false;
    if (table === 0) {
      table = this.codePage(beyond);
      fresh = this.shared;
    }
    const mfn = this.frameOf[table >>> 12]!;
    let q = A[p + TARGET]!;
    if (q === 0 || fresh || A[p + DST] !== mfn || A[p + SRC] !== this.generation[mfn]) {
      const here = this.M1, { window } = this;
      const offset = linear & 4095, head = 4096 - offset;
      // The first page is there: its record exists.
      const first = this.frameOf[(this.CP[(linear >>> 12) + S[S_USER]!]! || this.codePage(linear)) >>> 12]! * 4096;
      for (let i = 0; i < head; i++) window[i] = here[first + offset + i]!;
      for (let i = head; i < 16; i++) window[i] = here[mfn * 4096 + i - head]!;
      const status = decode(window, 0, 16, (this.key & KEY_CODE32) !== 0 ? 32 : 16, d);
      if (p === this.allocateScratch()) q = p + RECORD_WORDS;
      else if (q === 0) {
        q = this.nextRecord + RECORD_WORDS > ARENA_WORDS - 3 * RECORD_WORDS ? this.allocateScratch() : this.allocate();
        A[p + TARGET] = q;
      }
      this.record(q, status, offset);
      A[p + DST] = mfn;
      A[p + SRC] = this.generation[mfn]!;
      this.markCode(mfn, 1);
    }
    this.slow[A[q + OP]!]!(this.core, q);
    if (S[S_STOP] === GO || S[S_STOP] === STALE) {
      R[EIP] = (eip + ((A[q + META]! >>> META_LENGTH) & 15)) | 0;
      S[S_STOP] = JUMP;
    }
  }

  /** This object as the ops see it. */
  protected abstract readonly core: import('./ops/context.ts').Core;

  // ---- invalidation ----

  /** Small stores mark the records they touch; the record is decoded anew when it runs next. Large ones drop the frame's code. */
  protected override codeWritten(at: number, size: number): void {
    const mfn = at >>> 12;
    if (size > MAX_PATCH || this.patches[mfn]++ === 255) {
      this.dropCode(mfn);
      return;
    }
    this.generation[mfn]!++;
    const first = at & 4095, last = first + size - 1;
    for (let key = 0; key < KEYS; key++) {
      const table = this.tableOf[mfn * KEYS + key]!;
      if (table !== 0) this.markStale(table, first, last);
    }
  }

  private markStale(table: number, first: number, last: number): void {
    const { A, PM } = this;
    for (let offset = Math.max(0, first - LONGEST + 1); offset <= last; offset++) {
      const p = PM[table + offset]!;
      if (p === 0) continue;
      const length = (A[p + META]! >>> META_LENGTH) & 15;
      // A record without a length (an undefined opcode, a straddling instruction) may depend on any byte behind it.
      if (length === 0 || offset + length > first) A[p + OP] = OP_STALE;
    }
  }

  /** Decodes a stale record anew, where it lies, and runs it. Records that lead to it need not change. */
  private refresh(p: number): void {
    const { A, S, R, PM, d } = this;
    const linear = (R[EIP]! + this.csBase) | 0;
    let table = this.CP[(linear >>> 12) + S[S_USER]!]!;
    if (table === 0) table = this.codePage(linear);
    const mfn = this.frameOf[table >>> 12]!, offset = linear & 4095;
    if (PM[table + offset] !== p || this.nextRecord + 3 * RECORD_WORDS > ARENA_WORDS) {
      // Not the record that belongs here (a page was dropped meanwhile), or no room: start over at this EIP.
      this.S[S_BUDGET]!++;
      S[S_STOP] = JUMP;
      if (PM[table + offset] === p) this.dropAllCode();
      return;
    }
    const status = decode(this.M1, mfn * 4096 + offset, 4096 - offset, (this.key & KEY_CODE32) !== 0 ? 32 : 16, d);
    const ends = this.record(p, status, offset);
    const last = status === MORE_BYTES ? 4095 : Math.min(4095, offset + Math.max(1, d.length) - 1);
    this.markCode(mfn, (1 << (offset >>> 7)) | (1 << (last >>> 7)));
    if (!ends) {
      const next = offset + d.length;
      const known = next < 4096 ? PM[table + next]! : 0;
      this.link(p, known !== 0 ? known : next < 4096 ? this.goto(next) : this.cross());
    }
    this.slow[A[p + OP]!]!(this.core, p);
  }

  /** A frame's code is stale as a whole: its tables go, the next record is looked up. */
  protected dropCode(mfn: number): void {
    this.codeLines[mfn] = 0;
    this.patches[mfn] = 0;
    this.generation[mfn]!++;
    for (let key = 0; key < KEYS; key++) {
      const table = this.tableOf[mfn * KEYS + key]!;
      if (table === 0) continue;
      this.tableOf[mfn * KEYS + key] = 0;
      this.PM.fill(0, table, table + 4096);
      this.freeTables.push(table);
    }
    this.flushCodePages();
    // The record that runs leads on to stale ones.
    if (this.S[S_STOP] === GO) this.S[S_STOP] = STALE;
  }

  /** Forgets every record (the arena is full). Only between instructions. */
  dropAllCode(): void {
    this.PM.fill(0, 0, this.nextTable);
    this.tableOf.fill(0);
    this.codeLines.fill(0);
    this.freeTables.length = 0;
    this.nextRecord = RECORD_WORDS;
    this.nextTable = 4096;
    this.S[S_PATCH] = 0;
    this.flushCodePages();
  }
}
