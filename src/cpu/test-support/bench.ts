/**
 * A processor on two MiB of memory for tests: descriptor tables, TSS, page tables and handlers in fixed places, code as bytes. Every vector's handler
 * is a HLT, so that `run()` ends in whatever was delivered; `event()` says what that was.
 */
import { Cpu } from '../cpu.ts';
import { ExitReason, type ProcessorOptions } from '../architecture/edge.ts';
import type { Seen, Steps } from '../architecture/regions.ts';
import * as r from '../architecture/registers.ts';
import { type Code, machineCode } from './asm.ts';

export const GDT = 0x1000,
  IDT = 0x2000,
  TSS = 0x3000,
  TSS_LIMIT = 0x20ff,
  HANDLERS = 0x6000,
  LDT = 0x7000,
  KERNEL_STACK = 0x9000,
  USER_STACK = 0xa000;
export const CODE = 0x10000,
  DATA = 0x12000,
  DIRECTORY = 0x20000,
  TABLES = 0x21000;
/** Selectors of long mode: each with what SYSCALL and SYSRET find behind and before it. */
export const KERNEL_CODE64 = 0x80,
  USER_CODE64 = 0xa3,
  IST1_STACK = 0xb000;
/** Tables of long mode. */
const LONG_TABLES = 0x40000;
/** Guest frames of the bench; what lies above them is no memory. */
export const FRAMES = 512;

export const KERNEL_CODE = 0x08,
  KERNEL_DATA = 0x10,
  USER_CODE = 0x1b,
  USER_DATA = 0x23,
  TSS_SELECTOR = 0x28,
  LDT_SELECTOR = 0x30;
/** The first selector that tests may use. */
export const FREE = 0x40;

/** What code in protected mode's flat segments is next to its bytes, and what was seen of it. */
export const FLAT_CODE: Seen = {
  kind: { code32: true, stack32: true, flat: true, segments: 'protected', pageEip: 0 },
  ran: new Set(),
  missed: new Set(),
};

/** What comes of work that is done in steps. */
export function whole<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Vectors that push an error code (SDM vol. 3, table 6-1). */
const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);

const OFF = {
  exceptionBitmap: 0,
  cpuid: false,
  invlpg: false,
  rdtsc: false,
  monitor: false,
  mwait: false,
  pause: false,
  pauseLoop: null,
  taskSwitch: false,
  interruptWindow: false,
  nmiWindow: false,
  monitorTrap: false,
  ioBitmaps: null,
  msrBitmap: null,
  cr0Mask: 0,
  cr0Shadow: 0,
  cr4Mask: 0,
  cr4Shadow: 0,
  cr3Load: false,
  cr3Store: false,
  movDr: false,
  hypervisorIdt: false,
};

export interface Event {
  vector: number;
  error: number | undefined;
  eip: number;
  cs: number;
  flags: number;
}

export class Bench {
  readonly memory = new SharedArrayBuffer(FRAMES * 4096 + r.STATE_WORDS * 4);
  readonly bytes = new Uint8Array(this.memory);
  readonly words = new Int32Array(this.memory);
  readonly view = new DataView(this.memory);
  readonly p2m = Int32Array.from({ length: FRAMES }, (_, frame) => (frame << 12) | 7);
  readonly cpu: Cpu;
  readonly R: Int32Array;
  tsc = 0;

  /** `more`: options of the processor besides memory and time. */
  constructor(more: Partial<ProcessorOptions> = {}) {
    const bench = this;
    this.cpu = new Cpu({
      memory: this.memory,
      stateOffset: FRAMES * 4096,
      p2m: this.p2m,
      doorbell: -1,
      apic: true,
      time: { tsc: () => bench.tsc, tscHigh: 0 },
      ...more,
    });
    this.R = this.cpu.regs;
  }

  /** Code at a physical address, as the code segment that is loaded runs it; returns the address behind it. */
  put(at: number, ...code: Code): number {
    const base = this.R[r.SEG + r.CS * r.SEG_WORDS + r.SEG_BASE]!;
    const wide = (this.R[r.SEG + r.CS * r.SEG_WORDS + r.SEG_RIGHTS]! & 0x4000) !== 0;
    const bytes = machineCode(code, wide ? 32 : 16, at - (base > 0 && base <= at ? base : 0));
    this.bytes.set(bytes, at);
    for (let frame = at >>> 12; frame <= (at + bytes.length) >>> 12; frame++) this.cpu.invalidate(frame);
    return at + bytes.length;
  }

  code(...code: Code): void {
    this.put(CODE, ...code, 'hlt');
  }

  word(at: number): number {
    return this.view.getUint32(at, true);
  }
  half(at: number): number {
    return this.view.getUint16(at, true);
  }
  setWord(at: number, value: number): void {
    this.view.setInt32(at, value, true);
  }

  /** A segment or system descriptor; `limit` in bytes or pages as G (flags bit 3) says. `flags`: G 8, D/B 4. */
  descriptor(selector: number, base: number, limit: number, access: number, flags = 0): void {
    const at = ((selector & 4) !== 0 ? LDT : GDT) + (selector & 0xfff8);
    this.setWord(at, (base << 16) | (limit & 0xffff));
    this.setWord(
      at + 4,
      (base & 0xff000000) | (flags << 20) | (limit & 0xf0000) | (access << 8) | ((base >>> 16) & 0xff),
    );
  }

  /** A gate in the GDT (by selector) or the IDT (by `vector`). Access: P, DPL and type (0xec: call gate for CPL 3). */
  gate(at: number, target: number, offset: number, access: number, parameters = 0): void {
    this.setWord(at, (target << 16) | (offset & 0xffff));
    this.setWord(at + 4, (offset & 0xffff0000) | (access << 8) | parameters);
  }
  callGate(selector: number, target: number, offset: number, access: number, parameters = 0): void {
    this.gate(GDT + (selector & 0xfff8), target, offset, access, parameters);
  }
  idtGate(vector: number, target: number, offset: number, access: number): void {
    this.gate(IDT + vector * 8, target, offset, access);
  }

  /** Flat 32-bit protected mode at `cpl` with tables, TSS and handlers; no paging. */
  protectedMode(cpl: 0 | 3 = 0): this {
    const { R, cpu } = this;
    cpu.reset();
    cpu.code.dropAll();
    Object.assign(cpu.controls, OFF);
    this.descriptor(KERNEL_CODE, 0, 0xfffff, 0x9b, 12);
    this.descriptor(KERNEL_DATA, 0, 0xfffff, 0x93, 12);
    this.descriptor(USER_CODE, 0, 0xfffff, 0xfb, 12);
    this.descriptor(USER_DATA, 0, 0xfffff, 0xf3, 12);
    this.descriptor(TSS_SELECTOR, TSS, TSS_LIMIT, 0x8b);
    this.descriptor(LDT_SELECTOR, LDT, 0xff, 0x82);
    this.setWord(TSS + 4, KERNEL_STACK);
    this.setWord(TSS + 8, KERNEL_DATA);
    this.setWord(TSS + 100, 104 << 16);
    this.bytes.fill(0xff, TSS + 104, TSS + TSS_LIMIT + 1);
    for (let vector = 0; vector < 256; vector++) {
      this.idtGate(vector, KERNEL_CODE, HANDLERS + vector * 8, 0x8e);
      this.bytes.fill(0xf4, HANDLERS + vector * 8, HANDLERS + vector * 8 + 8);
    }
    R[r.CR0] = 0x33;
    R[r.GDTR_BASE] = GDT;
    R[r.GDTR_LIMIT] = 0xff;
    R[r.IDTR_BASE] = IDT;
    R[r.IDTR_LIMIT] = 0x7ff;
    this.segment(r.TR, TSS_SELECTOR, TSS, TSS_LIMIT, 0x8b);
    this.segment(r.LDTR, LDT_SELECTOR, LDT, 0xff, 0x82);
    this.level(cpl);
    R[r.EIP] = CODE;
    R[r.ESP] = cpl === 0 ? KERNEL_STACK : USER_STACK;
    cpu.eflags = 2;
    cpu.reload();
    return this;
  }

  /** Flat segments of `cpl`. */
  level(cpl: 0 | 3): void {
    const user = cpl === 3;
    this.R[r.CPL] = cpl;
    this.segment(r.CS, user ? USER_CODE : KERNEL_CODE, 0, -1, user ? 0xc0fb : 0xc09b);
    for (const s of [r.SS, r.DS, r.ES, r.FS, r.GS])
      this.segment(s, user ? USER_DATA : KERNEL_DATA, 0, -1, user ? 0xc0f3 : 0xc093);
    this.cpu.mode.changed();
  }

  segment(index: number, selector: number, base: number, limit: number, rights: number): void {
    this.R.set([selector, base, limit, rights], r.SEG + index * r.SEG_WORDS);
  }

  /** Virtual-8086 mode, code at CODE, as after an IRET of a monitor. */
  v86(iopl: 0 | 3 = 0, extra = 0): this {
    this.protectedMode(3);
    for (const s of [r.ES, r.SS, r.DS, r.FS, r.GS]) this.segment(s, 0xa00, 0xa000, 0xffff, 0xf3);
    this.segment(r.CS, CODE >> 4, CODE, 0xffff, 0xf3);
    this.R[r.EIP] = 0;
    this.R[r.ESP] = 0x800;
    this.cpu.eflags = 0x20002 | (iopl << 12) | extra;
    this.cpu.reload();
    return this;
  }

  /** Real mode, code at CODE, interrupt vectors to handlers in segment HANDLERS. */
  realMode(): this {
    const { R, cpu } = this;
    cpu.reset();
    cpu.code.dropAll();
    Object.assign(cpu.controls, OFF);
    for (let vector = 0; vector < 256; vector++) {
      this.setWord(vector * 4, ((HANDLERS >> 4) << 16) | (vector * 8));
      this.bytes.fill(0xf4, HANDLERS + vector * 8, HANDLERS + vector * 8 + 8);
    }
    R[r.IDTR_LIMIT] = 0x3ff;
    this.segment(r.CS, CODE >> 4, CODE, 0xffff, 0x93);
    R[r.EIP] = 0;
    R[r.ESP] = 0x8000;
    cpu.reload();
    return this;
  }

  /** 32-bit paging, one to one for the bench's memory, everything `rights` (default present, writable, user). */
  paging32(rights = 7): this {
    this.setWord(DIRECTORY, TABLES | 7);
    for (let page = 0; page < 1024; page++) this.setWord(TABLES + page * 4, page < FRAMES ? (page << 12) | rights : 0);
    this.R[r.CR3] = DIRECTORY;
    this.R[r.CR0]! |= 0x80000000;
    this.cpu.reload();
    return this;
  }

  /** PAE paging, one to one for the first 2 MiB by 4-KiB pages. */
  pagingPae(rights = 7): this {
    const pointers = TABLES + 0x4000;
    this.bytes.fill(0, pointers, pointers + 32);
    this.bytes.fill(0, DIRECTORY, DIRECTORY + 4096);
    this.setWord(pointers, DIRECTORY | 1);
    this.setWord(DIRECTORY, TABLES | 7);
    for (let page = 0; page < 512; page++) {
      this.setWord(TABLES + page * 8, (page << 12) | rights);
      this.setWord(TABLES + page * 8 + 4, 0);
    }
    this.R[r.CR4]! |= 0x20;
    this.R[r.CR3] = pointers;
    this.cpu.memory.loadPdptes(pointers);
    this.R[r.CR0]! |= 0x80000000;
    this.cpu.reload();
    return this;
  }

  /**
   * Long mode in 64-bit code at `cpl`: what `protectedMode` has, descriptors of 64-bit code (KERNEL_CODE64, USER_CODE64), gates and a task state of 64 bits, memory one
   * to one by 4-KiB pages in the lowest 2 MiB, and again where `also` says. `map` maps more. The processor must have 64-bit code.
   */
  longMode(cpl: 0 | 3 = 0, also: readonly bigint[] = []): this {
    this.protectedMode(cpl);
    const { R } = this;
    this.bytes.fill(0, LONG_TABLES, LONG_TABLES + 0x20000);
    this.longTables = LONG_TABLES + 0x1000;
    for (const base of [0n, ...also])
      for (let page = 0; page < FRAMES; page++) this.map(base + BigInt(page * 4096), page * 4096);
    this.longDescriptors();
    this.segment(r.CS, cpl === 3 ? USER_CODE64 : KERNEL_CODE64, 0, -1, cpl === 3 ? 0xa0fb : 0xa09b);
    R[r.CR4] = 0x20;
    R[r.CR3] = LONG_TABLES;
    R[r.EFER] = 0xd01;
    R[r.CR0]! |= 0x80000000;
    this.cpu.reload();
    return this;
  }
  private longTables = 0;

  private longDescriptors(): void {
    this.descriptor(KERNEL_CODE64, 0, 0xfffff, 0x9b, 10);
    this.descriptor(KERNEL_CODE64 + 8, 0, 0xfffff, 0x93, 12);
    this.descriptor(USER_CODE64 - 16, 0, 0xfffff, 0xfb, 12);
    this.descriptor(USER_CODE64 - 8, 0, 0xfffff, 0xf3, 12);
    this.descriptor(USER_CODE64, 0, 0xfffff, 0xfb, 10);
    this.R[r.GDTR_LIMIT] = 0xfff;
    this.bytes.fill(0, TSS, TSS + 104);
    this.setWord(TSS + 4, KERNEL_STACK);
    this.setWord(TSS + 36, IST1_STACK);
    this.R[r.IDTR_LIMIT] = 0xfff;
    for (let vector = 0; vector < 256; vector++) this.longGate(vector, HANDLERS + vector * 8);
  }

  /** A gate of the IDT of long mode. Access: P, DPL and type; `ist`: stack of the interrupt stack table. */
  longGate(vector: number, offset: number, access = 0x8e, ist = 0): void {
    const at = IDT + vector * 16;
    this.gate(at, KERNEL_CODE64, offset, access, ist);
    this.setWord(at + 8, 0);
    this.setWord(at + 12, 0);
  }

  /** Maps a page of long mode. */
  map(linear: bigint, physical: number, rights = 7): void {
    let table = LONG_TABLES;
    for (let shift = 39n; shift > 12n; shift -= 9n) {
      const at = table + Number((linear >> shift) & 511n) * 8;
      if (this.word(at) === 0) {
        this.setWord(at, this.longTables | 7);
        this.longTables += 4096;
      }
      table = this.word(at) & -4096;
    }
    this.setWord(table + Number((linear >> 12n) & 511n) * 8, physical | rights);
  }

  /** A register of 64 bits by the word of its low half: without sign. */
  wide(word: number): bigint {
    return (BigInt(this.R[word + r.HIGH]! >>> 0) << 32n) | BigInt(this.R[word]! >>> 0);
  }
  setWide(word: number, value: bigint): void {
    this.R[word] = Number(BigInt.asIntN(32, value));
    this.R[word + r.HIGH] = Number(BigInt.asIntN(32, value >> 32n));
  }

  /** Runs; HLT is the usual end. */
  run(limit = 10_000): number {
    return this.cpu.run(limit);
  }

  /** Runs up to a HLT and says in which handler; throws if it ended otherwise. `wide`: the frame has 32-bit slots. */
  event(wide = true): Event {
    const reason = this.run();
    if (reason !== ExitReason.HLT) throw new Error(`exit ${reason} at ${(this.R[r.EIP]! >>> 0).toString(16)}`);
    const at = this.linear(r.CS, this.R[r.EIP]!);
    const vector = (at - HANDLERS) >> 3;
    if (at < HANDLERS || vector > 255) throw new Error(`halted outside of a handler, at ${at.toString(16)}`);
    const protectedMode = (this.R[r.CR0]! & 1) !== 0;
    let top = this.linear(r.SS, this.R[r.ESP]!);
    const size = wide && protectedMode ? 4 : 2;
    const next = () => {
      const value = size === 4 ? this.word(top) : this.half(top);
      top += size;
      return value;
    };
    const error = protectedMode && WITH_ERROR.has(vector) ? next() : undefined;
    return { vector, error, eip: next(), cs: next() & 0xffff, flags: next() };
  }

  /** The same as [vector, error code, EIP relative to CODE]. */
  fault(): [number, number | undefined, number] {
    const { vector, error, eip } = this.event();
    return [vector, error, eip - CODE];
  }

  linear(segment: number, offset: number): number {
    return (this.R[r.SEG + segment * r.SEG_WORDS + r.SEG_BASE]! + offset) >>> 0;
  }
  selector(segment: number): number {
    return this.R[r.SEG + segment * r.SEG_WORDS]!;
  }
}
