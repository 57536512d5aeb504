/** A small machine that runs one drawn program after the other: flat 32-bit segments, paging, handlers for all exceptions, ports and a device that answer. */
import { restoreRegisters, type SavedRegisters, saveRegisters } from '../../../cpu/architecture/index.ts';
import {
  createProcessor,
  EVENT_EXTERNAL,
  EVENT_VALID,
  ExitReason,
  type Processor,
  type ProcessorExtra,
} from '../../../cpu/index.ts';
import * as r from '../../../cpu/index.ts';
import { addRegions } from '../../../cpu/region/index.ts';
import {
  CODE,
  CODE_END,
  COUNTS,
  DATA,
  DEVICE,
  DIRECTORY,
  END_PORT,
  FRAMES,
  GDT,
  HANDLERS,
  IDT,
  MISSING,
  PAGES,
  READ_ONLY,
  RESUME,
  SELECTOR_CODE,
  SELECTOR_CODE16,
  SELECTOR_DATA,
  SELECTOR_FS,
  SELECTOR_TSS,
  SELECTOR_USER_CODE,
  SELECTOR_USER_DATA,
  STACK,
  TSS,
  USER_STACK,
  WRITABLE_PAGES,
} from './map.ts';
import type { Program } from './program.ts';
import type { Start } from './program.ts';

/** Vectors that push an error code. */
const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);
const doubleword = (value: number): number[] => [value, value >> 8, value >> 16, value >> 24].map(byte => byte & 255);

/** Numbers that floating point treats each in its own way. */
const NUMBERS = [
  0,
  -0,
  1,
  -1,
  2,
  0.5,
  3,
  0.1,
  1e10,
  -7.25,
  1e300,
  1e-300,
  5e-324,
  2 ** -1022,
  Infinity,
  -Infinity,
  NaN,
  2 ** 31,
  2 ** 53 + 2,
  1 / 3,
  4,
  100,
];

/** What a portion ended with. */
export interface Moment {
  reason: number;
  qualification: number;
  eflags: number;
}

/**
 * State words that say something: flags are compared as EFLAGS, words of fpu/extended.ts's own mean nothing between instructions, and saved states leave out what led
 * to a triple fault.
 */
const NOT_COMPARED: readonly (readonly [first: number, end: number])[] = [
  [r.FK, r.EFLAGS + 1],
  [r.FPR + 32, r.XMM],
  [r.UNDELIVERED, r.UNDELIVERED_EVENTS + r.UNDELIVERED_WORDS * r.UNDELIVERED_MOST],
];
const COMPARED = Array.from({ length: r.HIGH }, (_, word) => word).filter(
  word => !NOT_COMPARED.some(([first, end]) => first <= word && word < end),
);

export class ProgramMachine {
  private readonly memory = new SharedArrayBuffer(FRAMES * 4096 + r.STATE_WORDS * 4);
  private readonly bytes = new Uint8Array(this.memory);
  /** Guest memory: frames are machine frames. */
  private readonly words = new Int32Array(this.memory, 0, FRAMES * 1024);
  private readonly cpu: Processor;
  private readonly R: Int32Array;
  private regions = { retired: 0, compiled: 0 };
  private done = false;
  /** Of earlier programs. */
  private before = { retired: 0, compiled: 0 };

  constructor() {
    const p2m = Int32Array.from({ length: FRAMES }, (_, frame) => (frame === DEVICE >>> 12 ? 0 : (frame << 12) | 7));
    this.cpu = createProcessor({
      memory: this.memory,
      stateOffset: FRAMES * 4096,
      p2m,
      time: { tscHigh: 0, tsc: retired => retired | 0 },
      doorbell: -1,
    });
    this.R = this.cpu.regs;
  }

  /** Instructions that regions ran, and how many regions there were. */
  get statistics(): { retired: number; compiled: number } {
    return {
      retired: this.before.retired + this.regions.retired,
      compiled: this.before.compiled + this.regions.compiled,
    };
  }

  /** Regions are compiled from this many samples on; 0: never. What was compiled is gone. */
  compileFrom(threshold: number): void {
    const { cpu } = this;
    this.before = this.statistics;
    for (let frame = 0; frame < FRAMES; frame++) cpu.invalidate(frame);
    (cpu as Processor & { regions: unknown }).regions = null;
    this.regions = threshold > 0 ? addRegions(cpu, threshold) : { retired: 0, compiled: 0 };
  }

  flushTlb(): void {
    this.cpu.flushTlb();
  }

  private put(address: number, ...bytes: readonly number[]): void {
    this.bytes.set(bytes, address);
  }
  private descriptor(selector: number, base: number, limit: number, access: number, flags: number): void {
    this.words[(GDT + (selector & ~7)) >>> 2] = (base << 16) | (limit & 0xffff);
    this.words[(GDT + (selector & ~7) + 4) >>> 2] =
      (base & 0xff000000) | (flags << 20) | (limit & 0xf0000) | (access << 8) | ((base >>> 16) & 255);
  }

  private handlers(): void {
    const common = HANDLERS + 512;
    for (let vector = 0; vector < 48; vector++) {
      const stub = HANDLERS + vector * 10;
      if (vector < 32)
        this.put(
          stub,
          ...(WITH_ERROR.has(vector) ? [0x66, 0x90] : [0x6a, 0]),
          0x6a,
          vector,
          0xe9,
          ...doubleword(common - stub - 9),
        );
      else this.put(stub, 0x36, 0xff, 0x05, ...doubleword(COUNTS + 4), 0xcf);
      this.words[(IDT + vector * 8) >>> 2] = (SELECTOR_CODE << 16) | stub;
      this.words[(IDT + vector * 8 + 4) >>> 2] = 0xee00;
    }
    // push eax; inc [COUNTS]; a fault at MISSING puts the page there, after all others execution goes on at [RESUME]; pop eax; drop vector and error code; iretd
    const fix = [0x36, 0xc7, 0x05, ...doubleword(WRITABLE_PAGES + (MISSING >>> 12) * 4), ...doubleword(MISSING | 7)];
    const resume = [0x36, 0xa1, ...doubleword(RESUME), 0x89, 0x44, 0x24, 0x0c];
    const away = [
      0x0f,
      0x20,
      0xd0,
      0xc1,
      0xe8,
      12,
      0x83,
      0xf8,
      MISSING >>> 12,
      0x75,
      fix.length + 2,
      ...fix,
      0xeb,
      resume.length,
    ];
    this.put(
      common,
      0x50,
      0x36,
      0xff,
      0x05,
      ...doubleword(COUNTS),
      0x83,
      0x7c,
      0x24,
      4,
      14,
      0x75,
      away.length,
      ...away,
      ...resume,
      0x58,
      0x83,
      0xc4,
      8,
      0xcf,
    );
  }

  /** The same of real mode. */
  private realHandlers(): void {
    const half = (value: number) => doubleword(value).slice(0, 2);
    for (let vector = 0; vector < 256; vector++) {
      // Of an exception: push bp; mov bp,sp; push ax; inc cs:[COUNTS]; mov ax,cs:[RESUME]; mov [bp+2],ax; pop ax; pop bp; iret
      const stub = HANDLERS + (vector < 32 ? 0 : 32);
      this.words[vector] = stub;
    }
    this.put(
      HANDLERS,
      0x55,
      0x89,
      0xe5,
      0x50,
      0x2e,
      0xff,
      0x06,
      ...half(COUNTS),
      0x2e,
      0xa1,
      ...half(RESUME),
      0x89,
      0x46,
      2,
      0x58,
      0x5d,
      0xcf,
    );
    this.put(HANDLERS + 32, 0x2e, 0xff, 0x06, ...half(COUNTS + 4), 0xcf);
  }

  /** Mode and segments as a program wants them. */
  private begin({ mode, segments, esp }: Start): void {
    const { R } = this;
    for (const { index, selector, base, limit, rights } of segments)
      R.set([selector, base, limit, rights], r.SEG + index * r.SEG_WORDS);
    R[r.ESP] = esp;
    if (mode === 'virtual') this.cpu.eflags |= 1 << 17;
    if (mode !== 'real') return;
    this.realHandlers();
    R[r.CR0] = 0x30;
    R[r.CPL] = R[r.IDTR_BASE] = 0;
    R[r.IDTR_LIMIT] = 0x3ff;
  }

  /** Sets memory and processor up for a program. `random` gives the data. */
  load({ code, entry, start, descriptors }: Program, random: () => number, user: boolean, threshold: number): void {
    const { cpu, R, words, bytes } = this;
    words.fill(0);
    this.handlers();
    this.put(CODE, ...code.slice(0, CODE_END - CODE));
    const view = new DataView(this.memory);
    for (let at = DATA; at < READ_ONLY + 4096; at += 8) {
      const kind = random();
      if ((kind & 3) === 0) view.setFloat64(at, NUMBERS[(kind >>> 8) % NUMBERS.length]!, true);
      else if ((kind & 3) === 1) view.setFloat64(at, (kind >> 8) / 64, true);
      else for (let i = 0; i < 8; i += 4) view.setUint32(at + i, random(), true);
    }
    bytes.fill(0, RESUME, COUNTS + 16);
    words[DIRECTORY >>> 2] = PAGES | 7;
    for (let page = 0; page < FRAMES; page++) {
      const at = page << 12;
      const rights = at === MISSING ? 0 : at === READ_ONLY ? 5 : at < 0x1000 ? 3 : at < 0x5000 ? 1 : at < CODE ? 3 : 7;
      words[(PAGES >>> 2) + page] = at | rights;
    }
    words[(PAGES + (WRITABLE_PAGES >>> 12) * 4) >>> 2] = PAGES | 3;
    const flat = (selector: number, access: number, base = 0) => this.descriptor(selector, base, 0xfffff, access, 12);
    flat(SELECTOR_CODE, 0x9b);
    flat(SELECTOR_DATA, 0x93);
    flat(SELECTOR_USER_CODE, 0xfb);
    flat(SELECTOR_USER_DATA, 0xf3);
    flat(SELECTOR_FS, 0xf3, 0x40);
    this.descriptor(SELECTOR_CODE16, 0, 0xffff, user ? 0xfb : 0x9b, 0);
    this.descriptor(SELECTOR_TSS, TSS, 0x67, 0x8b, 0);
    words[(TSS + 4) >>> 2] = STACK;
    words[(TSS + 8) >>> 2] = SELECTOR_DATA;
    cpu.reset();
    const segment = (index: number, selector: number, base: number, rights: number) =>
      R.set([selector, base, -1, rights], r.SEG + index * r.SEG_WORDS);
    for (const index of [r.ES, r.SS, r.DS, r.GS])
      segment(index, user ? SELECTOR_USER_DATA : SELECTOR_DATA, 0, user ? 0xc0f3 : 0xc093);
    segment(r.FS, SELECTOR_FS | 3, 0x40, 0xc0f3);
    segment(r.CS, user ? SELECTOR_USER_CODE : SELECTOR_CODE, 0, user ? 0xc0fb : 0xc09b);
    R.set([SELECTOR_TSS, TSS, 0x67, 0x8b], r.SEG + r.TR * r.SEG_WORDS);
    R[r.CR0] = 0x80010031 | 0;
    R[r.CR3] = DIRECTORY;
    R[r.CR4] = 0x600;
    R[r.CPL] = user ? 3 : 0;
    R[r.GDTR_BASE] = GDT;
    R[r.GDTR_LIMIT] = 0x7f;
    R[r.IDTR_BASE] = IDT;
    R[r.IDTR_LIMIT] = 48 * 8 - 1;
    for (let i = 0; i < 8; i++) R[i] = random();
    R[r.EBP] = DATA + 128;
    R[r.ESP] = user ? USER_STACK : STACK;
    R[r.EIP] = entry;
    R[r.RETIRED_LOW] = R[r.RETIRED_HIGH] = 0;
    cpu.eflags = 0x3202;
    if (start !== undefined) {
      for (const { selector, base, limit, rights } of descriptors!)
        if (start.mode === 'protected')
          this.descriptor(
            selector,
            base,
            limit === -1 ? 0xfffff : limit,
            rights & 255,
            (rights >> 12) | (limit === -1 ? 8 : 0),
          );
      this.begin(start);
    }
    // As FNINIT leaves it.
    R[r.FCW] = 0x37f;
    R[r.FTW] = 0;
    cpu.reload();
    cpu.flushTlb();
    this.compileFrom(threshold);
    this.done = false;
  }

  /** Runs a portion, and answers what it asked for with `answer`. Null once the program is done. */
  run(instructions: number, answer: number): Moment | null {
    if (this.done) return null;
    const { cpu } = this,
      reason = cpu.run(instructions),
      { qualification } = cpu.exit;
    const moment = {
      reason,
      qualification: reason === ExitReason.PREEMPTION_TIMER ? 0 : qualification,
      eflags: cpu.eflags,
    };
    switch (reason) {
      case ExitReason.IO:
        this.done = qualification >>> 16 === END_PORT;
        cpu.completePortAccess(answer);
        break;
      case ExitReason.EPT_VIOLATION:
      case ExitReason.EPT_MISCONFIGURATION:
        cpu.completeMemoryAccess(answer);
        break;
      case ExitReason.TRIPLE_FAULT:
        this.done = true;
        break;
      case ExitReason.PREEMPTION_TIMER:
      case ExitReason.INTERRUPT_WINDOW:
        break;
      default:
        cpu.skipInstruction();
    }
    return moment;
  }

  /** A register or a word of memory that the other has otherwise; null: none. */
  differenceTo(other: ProgramMachine): string | null {
    const hex = (value: number) => (value >>> 0).toString(16);
    for (const word of COMPARED)
      if (this.R[word] !== other.R[word]) return `state word ${word}: ${hex(this.R[word]!)} and ${hex(other.R[word]!)}`;
    for (let i = 0; i < this.words.length; i++) {
      if (this.words[i] !== other.words[i])
        return `memory at 0x${hex(i * 4)}: ${hex(this.words[i]!)} and ${hex(other.words[i]!)}`;
    }
    return null;
  }

  /** An external interrupt, if one would be taken now. */
  interrupt(vector: number): void {
    if (this.cpu.interruptible) this.cpu.inject(EVENT_VALID | EVENT_EXTERNAL | vector);
  }

  /** Someone else writes a byte. */
  foreignWrite(address: number, value: number): void {
    this.bytes[address] = value;
    this.cpu.invalidate(address >>> 12);
  }

  /**
   * Someone else clears the accessed bits of all pages, and the dirty bits, too, and invalidates nothing (SDM vol. 3, 4.10.4.3: they may stay clear for a while).
   * They show where a processor walked.
   */
  clearAccessed(dirty: boolean): void {
    for (const table of [DIRECTORY, PAGES]) {
      for (let at = table >>> 2; at < (table >>> 2) + 1024; at++) this.words[at]! &= dirty ? ~0x60 : ~0x20;
      this.cpu.invalidate(table >>> 12);
    }
  }

  save(): { registers: SavedRegisters; extra: ProcessorExtra; memory: Int32Array; done: boolean } {
    return {
      registers: structuredClone(saveRegisters(this.R)),
      extra: structuredClone(this.cpu.save()),
      memory: this.words.slice(),
      done: this.done,
    };
  }

  /** Goes on where another machine was saved. */
  restore({ registers, extra, memory, done }: ReturnType<ProgramMachine['save']>, threshold: number): void {
    this.words.set(memory);
    this.compileFrom(0);
    restoreRegisters(this.R, registers);
    this.cpu.restore(extra);
    this.cpu.flushTlb();
    this.compileFrom(threshold);
    this.done = done;
  }
}
