/**
 * A processor that runs random bytes: a small machine whose guest frames lie scattered among frames that are not the domain's, descriptor tables whose
 * handlers send execution back into the random code, and answers to every VM exit. Everything comes from one seed.
 */
import {
  createProcessor,
  EPT_FETCH,
  EPT_WRITE,
  EVENT_EXTERNAL,
  EVENT_VALID,
  type ExitInfo,
  ExitReason,
  IO_IN,
  type Processor,
} from '../../cpu/index.ts';
import { addRegions, type RegionStatistics } from '../../cpu/region/index.ts';
import * as r from '../../cpu/index.ts';

export const MODES = ['real', 'protected', 'pae', 'v86'] as const;
export type Mode = (typeof MODES)[number];

/** Guest frames: 1 MiB and 64 KiB; every second machine frame is somebody else's. */
const FRAMES = 272,
  MACHINE_FRAMES = 2 * FRAMES + 2;
const FOREIGN = 0x5a,
  FOREIGN_WORD = 0x5a5a5a5a;
/** Guest-physical map. Code and data may be written by anyone; from TABLES on is the kernel's where there is paging. */
const CODE = 0x10000,
  CODE_BYTES = 0x10000,
  DATA = 0x20000,
  TABLES = 0x80000,
  GDT = TABLES,
  IDT = TABLES + 0x1000,
  TSS = TABLES + 0x2000,
  HANDLERS = TABLES + 0x5000,
  DIRECTORY = TABLES + 0x6000,
  PAGES = TABLES + 0x7000,
  POINTERS = TABLES + 0xa000,
  STACK = TABLES + 0xc000,
  USER_STACK = 0x40000;
const ROM_FRAME = 0xf0,
  HOLE_FRAME = 0x60;
const WITH_ERROR = new Set([8, 10, 11, 12, 13, 14, 17]);

/** splitmix32. */
export function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let x = state;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return (x ^ (x >>> 15)) >>> 0;
  };
}

/** FNV-1a over words. */
function checksum(words: Int32Array, sum = 0x811c9dc5): number {
  for (const word of words) sum = Math.imul(sum ^ word, 0x01000193);
  return sum >>> 0;
}

export interface Outcome {
  checksum: number;
  /** Instructions retired. */
  retired: number;
  exits: number;
  restarts: number;
  /** What went wrong; undefined: nothing. */
  problem: string | undefined;
}

export class FuzzMachine {
  private readonly mode: Mode;
  private readonly random: () => number;
  private readonly memory = new SharedArrayBuffer(MACHINE_FRAMES * 4096 + r.STATE_WORDS * 4);
  private readonly bytes = new Uint8Array(this.memory);
  private readonly words = new Int32Array(this.memory);
  private readonly p2m = new Int32Array(FRAMES);
  private readonly cpu: Processor;
  private readonly R: Int32Array;
  /** What the second tier did. */
  readonly regions: Readonly<RegionStatistics> | null = null;

  /** `threshold`: of the second tier (`addRegions`); 0: the interpreter alone. */
  constructor(mode: Mode, seed: number, threshold = 0) {
    this.mode = mode;
    this.random = generator(seed);
    this.bytes.fill(FOREIGN, 0, MACHINE_FRAMES * 4096);
    for (let frame = 0; frame < FRAMES; frame++) {
      // Even machine frames are the domain's, in reversed order.
      const machine = 2 * (FRAMES - frame);
      this.p2m[frame] =
        frame === HOLE_FRAME ? 0 : (machine << 12) | (frame === ROM_FRAME ? 5 : (frame & 31) === 7 ? 15 : 7);
      this.bytes.fill(0, machine << 12, (machine + 1) << 12);
    }
    const time = { tscHigh: 0, tsc: (retired: number) => retired | 0 };
    this.cpu = createProcessor({
      memory: this.memory,
      stateOffset: MACHINE_FRAMES * 4096,
      p2m: this.p2m,
      time,
      doorbell: -1,
      apic: true,
      answerAccess: exit => this.answerInPlace(exit),
      answerPort: exit => this.answerPortInPlace(exit),
    });
    if (threshold > 0) this.regions = addRegions(this.cpu, threshold);
    this.R = this.cpu.regs;
  }

  private host(guest: number): number {
    return ((2 * (FRAMES - (guest >>> 12))) << 12) | (guest & 4095);
  }
  private setWord(guest: number, value: number): void {
    this.words[this.host(guest) >>> 2] = value;
  }
  private setBytes(guest: number, ...values: number[]): void {
    for (const [i, value] of values.entries()) this.bytes[this.host(guest + i)] = value;
  }
  private descriptor(selector: number, base: number, limit: number, access: number, flags: number): void {
    this.setWord(GDT + selector, (base << 16) | (limit & 0xffff));
    this.setWord(
      GDT + selector + 4,
      (base & 0xff000000) | (flags << 20) | (limit & 0xf0000) | (access << 8) | ((base >>> 16) & 0xff),
    );
  }

  /** Random bytes, weighted: prefixes and the two-byte map are as frequent as in programs. */
  private fill(): void {
    const { random } = this;
    const prefixes = [0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65];
    for (let at = 0; at < CODE_BYTES; ) {
      const x = random();
      if ((x & 15) === 0) this.setBytes(CODE + at++, prefixes[(x >>> 8) % prefixes.length]!);
      if ((x & 0x70) < 0x30) this.setBytes(CODE + at++, 0x0f);
      const y = random();
      // The opcode, a ModRM byte, small displacements or anything.
      const small = (y & 3) !== 0;
      this.setBytes(CODE + at, x >>> 24, y >>> 8, small ? (y >>> 16) & 0x7f : y >>> 16, small ? 0 : y >>> 24);
      at += 1 + ((y >>> 2) & 3);
    }
    for (let at = 0; at < 0x4000; at += 4) this.setWord(DATA + at, random());
    for (let frame = CODE >>> 12; frame < (DATA + 0x4000) >>> 12; frame++) this.cpu.invalidate(this.p2m[frame]! >>> 12);
  }

  private tables(): void {
    const { random } = this;
    const flat = (selector: number, access: number, flags = 12) => this.descriptor(selector, 0, 0xfffff, access, flags);
    flat(0x08, 0x9b);
    flat(0x10, 0x93);
    flat(0x18, 0xfb);
    flat(0x20, 0xf3);
    this.descriptor(0x28, TSS, 0x20ff, 0x8b, 0);
    this.descriptor(0x30, GDT, 0xff, 0x82, 0);
    this.descriptor(0x38, CODE, 0xffff, 0x9a, 0);
    this.descriptor(0x40, 0xfff, 0xf, 0x96, 12);
    flat(0x48, 0x9e);
    this.descriptor(0x50, DATA, 0xffff, 0x91, 4);
    this.descriptor(0x58, TSS + 0x80, 103, 0x89, 0);
    for (const [i, type] of [0xec, 0xe4, 0xe5, 0x8c].entries()) {
      this.setWord(GDT + 0x60 + i * 8, (type === 0xe5 ? 0x58 << 16 : 0x080000) | (CODE & 0xffff) | (random() & 0xffc));
      this.setWord(GDT + 0x60 + i * 8 + 4, (CODE & 0xffff0000) | (type << 8) | i);
    }
    this.setWord(TSS + 4, STACK + 0x1000);
    this.setWord(TSS + 8, 0x10);
    this.setWord(TSS + 100, 0x2000 << 16);
    for (let vector = 0; vector < 256; vector++) {
      const handler = HANDLERS + vector * 16,
        entry = CODE + (random() & 0xfff8);
      // Below: on with the interrupted code somewhere else. Above: a gate straight into the random bytes.
      const direct = this.mode === 'protected' || (this.mode === 'pae' && vector >= 32);
      const target = direct ? entry : handler;
      this.setWord(IDT + vector * 8, (8 << 16) | (target & 0xffff));
      this.setWord(IDT + vector * 8 + 4, (target & 0xffff0000) | (0x8e00 | ((vector & 3) << 13) | (vector & 0x100)));
      // add esp, 4 (if there is an error code); and dword [esp], CODE_BYTES - 1; add word [esp], n; or dword [esp], CODE; iretd
      const skip = WITH_ERROR.has(vector) ? [0x83, 0xc4, 4] : [0x90];
      const move =
        this.mode === 'v86'
          ? [0x66, 0x81, 0x04, 0x24, random() & 255, random() & 255]
          : [0x66, 0x81, 0x04, 0x24, random() & 255, random() & 255, 0xc6, 0x44, 0x24, 2, 1];
      this.setBytes(handler, ...skip, ...move, 0xcf);
    }
    // The handlers' frame holds code that ran.
    this.cpu.invalidate(this.p2m[HANDLERS >>> 12]! >>> 12);
    // Interrupt vectors of real mode.
    if (this.mode === 'real')
      for (let vector = 0; vector < 256; vector++) this.setWord(vector * 4, ((CODE >>> 4) << 16) | (random() & 0xfff8));
    // One to one; user rights below TABLES, some pages read-only, not present or not executable.
    for (let page = 0; page < 512; page++) {
      const address = page << 12;
      const kernel = address >= TABLES && address < TABLES + 0x20000;
      const kind = page < 0x14 ? 0 : random() & 31;
      const rights = page >= FRAMES ? 0 : kernel ? 3 : kind === 1 ? 5 : kind === 2 ? 0 : kind === 3 ? 3 : 7;
      if (this.mode === 'v86') this.setWord(PAGES + page * 4, address | rights);
      else {
        this.setWord(PAGES + page * 8, address | rights);
        this.setWord(PAGES + page * 8 + 4, kind === 4 && !kernel ? 0x80000000 | 0 : 0);
      }
    }
    for (let i = 0; i < 1024; i++) this.setWord(DIRECTORY + i * 4, 0);
    this.setWord(DIRECTORY, PAGES | 7);
    this.setWord(POINTERS, DIRECTORY | 1);
    for (let i = 1; i < 8; i++) this.setWord(POINTERS + i * 4, 0);
  }

  private segment(index: number, selector: number, base: number, limit: number, rights: number): void {
    this.R.set([selector, base, limit, rights], r.SEG + index * r.SEG_WORDS);
  }

  /** A new start somewhere in the code. `hard`: the processor and all tables too. */
  private start(hard: boolean): void {
    const { R, cpu, mode, random } = this;
    if (hard) {
      const retired = [R[r.RETIRED_LOW]!, R[r.RETIRED_HIGH]!];
      cpu.reset();
      R.set(retired, r.RETIRED_LOW);
      this.tables();
    }
    const protectedMode = mode !== 'real';
    const user =
      mode === 'v86' || (mode === 'pae' && (random() & 3) !== 0) || (mode === 'protected' && (random() & 7) === 0);
    R[r.CR0] =
      0x30 | (protectedMode ? 1 : 0) | (mode === 'pae' || mode === 'v86' ? 0x80010000 : 0) | ((random() & 1) << 18);
    // VME, PVI and DE as it falls.
    R[r.CR4] = 0x600 | (mode === 'pae' ? 0xa0 : 0x10) | (random() & 0xb);
    R[r.EFER] = 0x800;
    R[r.CR3] = mode === 'pae' ? POINTERS : DIRECTORY;
    R.fill(0, r.PDPTE, r.PDPTE + 8);
    R[r.PDPTE] = DIRECTORY | 1;
    R[r.CPL] = user ? 3 : 0;
    R[r.GDTR_BASE] = GDT;
    R[r.GDTR_LIMIT] = 0xff;
    R[r.IDTR_BASE] = protectedMode ? IDT : 0;
    R[r.IDTR_LIMIT] = protectedMode ? 0x7ff : 0x3ff;
    this.segment(r.TR, 0x28, TSS, 0x20ff, 0x8b);
    this.segment(r.LDTR, 0x30, GDT, 0xff, 0x82);
    const eight = mode === 'real' || mode === 'v86';
    for (const s of [r.ES, r.SS, r.DS, r.FS, r.GS]) {
      if (eight) this.segment(s, DATA >>> 4, DATA, 0xffff, mode === 'v86' ? 0xf3 : 0x93);
      else this.segment(s, user ? 0x23 : 0x10, 0, -1, user ? 0xc0f3 : 0xc093);
    }
    if (eight) this.segment(r.CS, CODE >>> 4, CODE, 0xffff, mode === 'v86' ? 0xf3 : 0x9b);
    else this.segment(r.CS, user ? 0x1b : 8, 0, -1, user ? 0xc0fb : 0xc09b);
    for (let i = 0; i < 8; i++)
      R[i] = (random() & 1) !== 0 ? random() : eight ? random() & 0xffff : DATA + (random() & 0x1fffc);
    R[r.ESP] = eight ? 0x8000 : user ? USER_STACK : STACK + 0x1000;
    cpu.eflags =
      2 |
      (random() & 0xed5) |
      (mode === 'v86' ? 0x20000 | ((random() & 1) * 0x3000) : 0) |
      ((random() & 7) === 0 ? 0x100 : 0) |
      ((random() & 7) === 0 ? 0x40000 : 0) |
      (random() & random() & 0x180000);
    // Now and then a breakpoint: code, stores, ports or accesses.
    R[r.DR] = random() & 0x1ffff;
    R[r.DR + 7] = 0x400 | ((random() & 7) === 0 ? 1 | (random() & 0xf0000) : 0);
    this.goOn();
    cpu.reload();
  }

  /** To somewhere else in the code. */
  private goOn(): void {
    const { R, random } = this;
    const base = R[r.SEG + r.CS * r.SEG_WORDS + r.SEG_BASE]!;
    R[r.EIP] =
      (CODE + (random() & (CODE_BYTES - 1)) - base) &
      ((R[r.SEG + r.CS * r.SEG_WORDS + r.SEG_RIGHTS]! & 0x4000) !== 0 ? -1 : 0xffff);
  }

  /** Runs about `instructions`; never throws. */
  run(instructions: number): Outcome {
    const { cpu, R, random } = this;
    let exits = 0,
      restarts = 0,
      problem: string | undefined;
    try {
      this.start(true);
      this.fill();
      const begin = cpu.retired;
      let refill = 0,
        soft = 0,
        idle = 0,
        last = begin;
      while (cpu.retired - begin < instructions) {
        const reason = cpu.run(Math.min(5000, instructions - (cpu.retired - begin)));
        exits++;
        const done = cpu.retired - begin;
        // Faults and exits without an instruction between them: bounded by starting again.
        // A whole limit of faults (a handler that faults at once) weighs as much as many exits.
        idle = cpu.retired === last ? idle + (reason === ExitReason.PREEMPTION_TIMER ? 50 : 1) : 0;
        last = cpu.retired;
        if (reason === ExitReason.TRIPLE_FAULT || idle > 1000) {
          restarts++;
          idle = 0;
          this.start(true);
        } else this.answer(reason);
        if (done >= refill) {
          refill = done + 100_000;
          this.start(true);
          this.fill();
        } else if (done >= soft) {
          soft = done + 10_000;
          this.start(false);
        }
        if ((random() & 31) === 0 && cpu.interruptible)
          cpu.inject(EVENT_VALID | EVENT_EXTERNAL | (32 + (random() % 224)));
        if (exits > 20 * instructions + 1000) throw new Error('execution makes no progress');
      }
    } catch (error) {
      problem = `JavaScript exception: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    }
    for (let frame = 0; frame < MACHINE_FRAMES && problem === undefined; frame++) {
      const ours = frame % 2 === 0 && frame > 0 && frame <= 2 * FRAMES;
      if (ours && frame !== 2 * (FRAMES - HOLE_FRAME) && frame !== 2 * (FRAMES - ROM_FRAME)) continue;
      const expected = ours ? 0 : FOREIGN_WORD;
      for (let i = frame << 10; i < (frame + 1) << 10; i++) {
        if (this.words[i] !== expected)
          problem = `a byte outside of the domain's memory was written, at machine address 0x${(i << 2).toString(16)}`;
      }
    }
    return {
      checksum: checksum(this.words.subarray(0, MACHINE_FRAMES << 10), checksum(R)),
      retired: cpu.retired,
      exits,
      restarts,
      problem,
    };
  }

  /** Every second access to no memory is answered inside `run()`, with whatever else that allows. */
  private answerInPlace(exit: ExitInfo): boolean {
    const x = this.random();
    if ((x & 1) !== 0) return false;
    if ((exit.qualification & EPT_WRITE) === 0) exit.value = x;
    this.disturb(x);
    return true;
  }

  /** Every second access to a port likewise. */
  private answerPortInPlace(exit: ExitInfo): boolean {
    if ((this.random() & 1) !== 0) return false;
    if ((exit.qualification & IO_IN) !== 0) exit.value = this.random();
    this.disturb(this.random());
    return true;
  }

  /** What an answer may do besides (`answerAccess` of edge.ts). */
  private disturb(x: number): void {
    if ((x & 0x1e) === 0) this.cpu.stop();
    if ((x & 0x3e0) === 0) this.cpu.flushTlb();
    if ((x & 0x7c00) === 0) this.cpu.invalidate(this.p2m[CODE >>> 12]! >>> 12);
  }

  private answer(reason: number): void {
    const { cpu, random } = this;
    switch (reason) {
      case ExitReason.IO:
        cpu.completePortAccess(random());
        break;
      case ExitReason.EPT_VIOLATION:
      case ExitReason.EPT_MISCONFIGURATION:
        if ((cpu.exit.qualification & EPT_FETCH) !== 0) {
          this.goOn();
          if ((random() & 3) === 0) this.start(false);
        } else cpu.completeMemoryAccess(random());
        break;
      case ExitReason.FERR:
        cpu.ignoreNumericError();
        break;
      case ExitReason.PREEMPTION_TIMER:
      case ExitReason.INTERRUPT_WINDOW:
      case ExitReason.EXTERNAL_INTERRUPT:
        break;
      default:
        cpu.skipInstruction();
    }
  }
}
