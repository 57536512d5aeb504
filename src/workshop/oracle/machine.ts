/**
 * The machine around a fixture case: user mode (CPL 3, IOPL 0), protected, paged, segments and pages as test/oracle/README.md describes them; around one
 * of 64 bits as long.ts does.
 * One processor runs all cases; each starts from state words written again.
 */
import { ExitReason } from '../../cpu/architecture/index.ts';
import type { Processor } from '../../cpu/architecture/index.ts';
import { createProcessor, loadLevel } from '../../cpu/index.ts';
import { addRegions, fillTlb, type RegionStatistics } from '../../cpu/region/index.ts';
import { registers as regs } from '../../cpu/architecture/index.ts';
import { AREAS, CODE, DATA, STACK, START } from './fixture.ts';
import type { Case, FloatState } from './fixture.ts';
import { fill, type LongMemory, LongSurroundings } from './long.ts';

/** Guest memory, all of it mapped one to one by the second stage. */
const GUEST_BYTES = 1 << 20;
const PAGE_DIRECTORY = 0x1000,
  PAGE_TABLE = 0x2000,
  GDT = 0x3000,
  IDT = 0x4000,
  TSS = 0x5000,
  PAGE_POINTERS = 0x7000;
/** Supervisor stack and the handlers, 16 bytes a vector, each a HLT: what the processor delivers itself ends there. */
const SUPERVISOR_STACK = 0x7000,
  HANDLERS = 0x8000,
  HANDLERS_SIZE = 0x1000;

const PAGE_PRESENT = 1,
  PAGE_WRITE = 2,
  PAGE_USER = 4,
  PAGE_ACCESSED = 0x20,
  PAGE_DIRTY = 0x40;
/** PG WP NE ET MP PE. */
const CR0 = 0x80010033 | 0;
/** OSFXSR, OSXMMEXCPT, PAE. */
const CR4 = 0x620;
/** With NXE a page fault's error code tells an instruction fetch (SDM vol. 3, 4.7), as on the processors that made the fixtures. */
const EFER_NXE = 0x800;

const XMM_REGISTERS = 16;

/** Instructions after which a case is said not to end: hot loops run 20,000 iterations. */
const INSTRUCTION_LIMIT = 5_000_000;

/** Vectors that push an error code (SDM vol. 3, 6.13). */
const PUSHES_ERROR_CODE = new Set([8, 10, 11, 12, 13, 14, 17]);

/** Descriptor of the GDT: base, limit in its own units, access byte, flags (G 8, D/B 4). */
export interface Segment {
  selector: number;
  base: number;
  limit: number;
  access: number;
  flags: number;
}
export const segment = (index: number, base: number, limit: number, access: number, flags: number): Segment => ({
  selector: index << 3,
  base,
  limit,
  access,
  flags,
});

const KERNEL_CODE = segment(1, 0, 0xfffff, 0x9b, 12),
  KERNEL_DATA = segment(2, 0, 0xfffff, 0x93, 12);
const FLAT_CODE = segment(3, 0, 0xfffff, 0xfb, 12),
  FLAT_DATA = segment(4, 0, 0xfffff, 0xf3, 12);
const CODE16 = segment(5, CODE, 0xfff, 0xfb, 0),
  DATA16 = segment(6, DATA, 0x1fff, 0xf3, 0),
  STACK16 = segment(7, STACK, 0xfff, 0xf3, 0);
const FS = segment(8, DATA + 0x800, 0x7ff, 0xf3, 4),
  ES16 = segment(9, DATA + 0x1000, 0xfff, 0xf3, 0);
/** Its I/O map base lies past its limit: no port is allowed. */
const TASK = segment(10, TSS, 103, 0x8b, 0);
const GDT_SEGMENTS = [KERNEL_CODE, KERNEL_DATA, FLAT_CODE, FLAT_DATA, CODE16, DATA16, STACK16, FS, ES16, TASK];

/** What a case starts from. */
export type Setting = Pick<Case, 'bits' | 'code' | 'at' | 'registers' | 'bases' | 'flags' | 'memory' | 'float'>;

/** How a case ended. */
export interface Ending {
  /** Exception vector, or -1 with `problem` set. */
  vector: number;
  problem: string;
  errorCode: number;
  cr2: bigint;
  /** As the exception pushes it; for vector 3 the address before it (see the fixtures' `ip`). */
  ip: bigint;
  /** Selector. */
  cs: number;
  flags: number;
  /** Unsigned; as many as the case has. */
  registers: bigint[];
  /** The processor delivered it: the segment registers are the handler's. */
  throughGate?: boolean;
}

await loadLevel('x86-64-v2');

export class OracleMachine {
  private readonly memory: SharedArrayBuffer;
  private readonly bytes: Uint8Array;
  protected readonly words: Int32Array;
  protected readonly long: LongSurroundings;
  private readonly narrow: readonly LongMemory[];
  protected processor!: Processor;
  private readonly throughIdt: boolean;
  private readonly inRegions: boolean;
  /** Cases before this one of which a region retired instructions. */
  private casesBefore = 0;
  private statistics: Readonly<RegionStatistics> | undefined;

  /** `throughIdt`: exceptions are delivered through gates to HLT handlers instead of leaving by a VM exit. `inRegions`: whatever a case begins at is compiled. */
  constructor(throughIdt = false, inRegions = false) {
    this.throughIdt = throughIdt;
    this.inRegions = inRegions;
    this.memory = new SharedArrayBuffer(GUEST_BYTES + regs.STATE_WORDS * 4);
    this.bytes = new Uint8Array(this.memory);
    this.words = new Int32Array(this.memory);
    this.narrow = AREAS.map(({ base, size, holds }) => ({
      base,
      bytes: this.bytes.subarray(base, base + size),
      initial: holds === 'code' ? new Uint8Array(size).fill(0xcc) : fill(base, size),
      holds,
    }));
    this.long = new LongSurroundings(this.words, HANDLERS, SUPERVISOR_STACK);
    this.buildTables();
    this.restartProcessor();
  }

  private all(bits: number): readonly LongMemory[] {
    return bits === 64 ? this.long.areas : this.narrow;
  }

  /** Data and stacks: linear address, bytes as they are, and as they are before a case's own bytes come. */
  areas(bits: number): LongMemory[] {
    return this.all(bits).filter(({ holds }) => holds === 'data');
  }

  protected page(address: number, rights: number): void {
    this.words[(PAGE_TABLE + (address >>> 12) * 8) >> 2] = address | rights | PAGE_PRESENT | PAGE_ACCESSED | PAGE_DIRTY;
  }

  private buildTables(): void {
    const { words } = this;
    words[PAGE_POINTERS >> 2] = PAGE_DIRECTORY | PAGE_PRESENT;
    words[PAGE_DIRECTORY >> 2] = PAGE_TABLE | PAGE_PRESENT | PAGE_WRITE | PAGE_USER | PAGE_ACCESSED;
    for (const address of [GDT, IDT, TSS, SUPERVISOR_STACK - 0x1000, HANDLERS]) this.page(address, PAGE_WRITE);
    for (const { base, size } of AREAS)
      for (let offset = 0; offset < size; offset += 0x1000) this.page(base + offset, PAGE_WRITE | PAGE_USER);
    for (const descriptor of this.descriptors()) this.describe(GDT + descriptor.selector, descriptor);
    words[(TSS + 4) >> 2] = SUPERVISOR_STACK;
    words[(TSS + 8) >> 2] = KERNEL_DATA.selector;
    words[(TSS + 100) >> 2] = 104 << 16;
    // Interrupt gates; INT3 and INTO may be used from CPL 3.
    for (let vector = 0; vector < 256; vector++) {
      const handler = HANDLERS + vector * 16;
      words[(IDT + vector * 8) >> 2] = (KERNEL_CODE.selector << 16) | (handler & 0xffff);
      words[(IDT + vector * 8 + 4) >> 2] = (handler & 0xffff0000) | (vector === 3 || vector === 4 ? 0xee00 : 0x8e00);
    }
    this.bytes.fill(0xf4, HANDLERS, HANDLERS + HANDLERS_SIZE);
  }

  /** Writes a descriptor. */
  protected describe(at: number, { base, limit, access, flags }: Segment): void {
    this.words[at >> 2] = (base << 16) | (limit & 0xffff);
    this.words[(at + 4) >> 2] =
      (base & 0xff000000) | (flags << 20) | (limit & 0xf0000) | (access << 8) | ((base >>> 16) & 0xff);
  }

  /** What the GDT has, without gaps after the null descriptor. */
  protected descriptors(): readonly Segment[] {
    return GDT_SEGMENTS;
  }

  /** Segment registers as a case finds them; those of 64-bit code are there already. */
  protected setSegments({ bits }: Setting): void {
    if (bits === 64) return;
    const wide = bits === 32;
    this.setSegment(regs.CS, wide ? FLAT_CODE : CODE16, 3);
    this.setSegment(regs.SS, wide ? FLAT_DATA : STACK16, 3);
    this.setSegment(regs.DS, wide ? FLAT_DATA : DATA16, 3);
    this.setSegment(regs.ES, wide ? FLAT_DATA : ES16, 3);
    this.setSegment(regs.FS, FS, 3);
    this.setUnusable(regs.GS);
    this.setUnusable(regs.LDTR);
    this.setSegment(regs.TR, TASK, 0);
  }

  /** Cases of which a region retired instructions. */
  get casesInRegions(): number {
    return this.casesBefore + (this.statistics && this.statistics.retired > 0 ? 1 : 0);
  }

  /** A new processor: at the start, and after one that threw. */
  private restartProcessor(): void {
    this.words.fill(0, GUEST_BYTES >> 2);
    this.processor = createProcessor({
      memory: this.memory,
      stateOffset: GUEST_BYTES,
      p2m: Int32Array.from({ length: GUEST_BYTES >> 12 }, (_, frame) => (frame << 12) | 7),
      time: { tsc: retired => retired | 0, tscHigh: 0 },
      doorbell: -1,
      cpuLevel: 'x86-64-v2',
    });
    this.processor.controls.exceptionBitmap = this.throughIdt ? 0 : -1;
  }

  protected setSegment(index: number, { selector, base, limit, access, flags }: Segment, privilege: number): void {
    const { regs: R } = this.processor;
    const at = regs.SEG + index * regs.SEG_WORDS;
    R[at + regs.SEG_SELECTOR] = selector | privilege;
    R[at + regs.SEG_BASE] = base;
    R[at + regs.SEG_LIMIT] = flags & 8 ? (limit << 12) | 0xfff : limit;
    R[at + regs.SEG_RIGHTS] = access | (flags << 12);
  }

  protected setUnusable(index: number): void {
    const at = regs.SEG + index * regs.SEG_WORDS;
    this.processor.regs.fill(0, at, at + regs.SEG_WORDS);
    this.processor.regs[at + regs.SEG_RIGHTS] = 1 << 16;
  }

  private setFloat({ cw, sw, tw, mx, st, xm }: FloatState): void {
    const { regs: R } = this.processor;
    R[regs.FCW] = cw;
    // ES and B follow from the flags and masks, as when FXRSTOR loads the word.
    R[regs.FSW] = sw & ~cw & 0x3f ? sw | 0x8080 : sw & ~0x8080;
    R[regs.FTW] = tw;
    R.fill(0, regs.FOP, regs.FDS + 1);
    R[regs.MXCSR] = mx;
    for (let i = 0; i < 8; i++) {
      const at = regs.FPR + 4 * ((i + (sw >> 11)) & 7);
      R[at] = Number(st[i]! & 0xffffffffn);
      R[at + 1] = Number((st[i]! >> 32n) & 0xffffffffn);
      R[at + 2] = Number(st[i]! >> 64n);
      R[at + 3] = 0;
    }
    for (let i = 0; i < XMM_REGISTERS; i++)
      for (let word = 0; word < 4; word++)
        R[regs.XMM + 4 * i + word] = Number(((xm[i] ?? 0n) >> BigInt(32 * word)) & 0xffffffffn);
  }

  /** x87 and SSE state as it is now, ST by the current TOP. */
  float(): FloatState {
    const { regs: R } = this.processor;
    const top = (R[regs.FSW]! >> 11) & 7;
    const word = (index: number): bigint => BigInt(R[index]! >>> 0);
    const eight = [0, 1, 2, 3, 4, 5, 6, 7];
    return {
      cw: R[regs.FCW]!,
      sw: R[regs.FSW]!,
      tw: R[regs.FTW]!,
      mx: R[regs.MXCSR]!,
      st: eight.map(i => {
        const at = regs.FPR + 4 * ((i + top) & 7);
        return word(at) | (word(at + 1) << 32n) | ((word(at + 2) & 0xffffn) << 64n);
      }),
      xm: Array.from({ length: XMM_REGISTERS }, (_, i) =>
        [3, 2, 1, 0].reduce((value, k) => (value << 32n) | word(regs.XMM + 4 * i + k), 0n),
      ),
    };
  }

  private prepare(test: Setting): void {
    const { processor } = this;
    const { regs: R } = processor;
    const long = test.bits === 64;
    const areas = this.all(test.bits);
    for (const area of areas) area.bytes.set(area.initial);
    const put = (at: number, data: Uint8Array) => {
      const area = areas.find(({ base, bytes }) => at >= base && at < base + bytes.length)!;
      area.bytes.set(data, at - area.base);
    };
    put(test.at, test.code);
    for (const [address, data] of test.memory) put(address, data);

    R.fill(0, regs.HIGH);
    R.fill(0, regs.R8, regs.R15 + 1);
    for (const [i, value] of test.registers.entries()) R[regs.generalWord(i)] = Number(BigInt.asIntN(32, value));
    R[regs.CR0] = CR0;
    R[regs.CR2] = 0;
    R[regs.CR3] = PAGE_POINTERS;
    R[regs.CR4] = CR4;
    R[regs.EFER] = EFER_NXE;
    R.fill(0, regs.PDPTE, regs.PDPTE + 8);
    R[regs.PDPTE] = PAGE_DIRECTORY | PAGE_PRESENT;
    R.fill(0, regs.DR, regs.DR + 6);
    R[regs.DR + 6] = 0xffff0ff0 | 0;
    R[regs.DR + 7] = 0x400;
    R[regs.CPL] = 3;
    R[regs.ACTIVITY] = R[regs.INTERRUPTIBILITY] = R[regs.PENDING_DEBUG] = 0;
    R[regs.GDTR_BASE] = GDT;
    R[regs.GDTR_LIMIT] = (this.descriptors().length + 1) * 8 - 1;
    R[regs.IDTR_BASE] = IDT;
    R[regs.IDTR_LIMIT] = 256 * 8 - 1;
    R[regs.EIP] = test.bits === 16 ? START : CODE + START;
    if (long) this.long.enter(R, test);
    this.setSegments(test);
    this.setFloat(
      test.float ?? {
        cw: 0x37f,
        sw: 0,
        tw: 0,
        mx: 0x1f80,
        st: Array<bigint>(8).fill(0n),
        xm: Array<bigint>(8).fill(0n),
      },
    );
    processor.reload();
    processor.eflags = test.flags;
    for (const { bytes } of areas)
      for (let at = bytes.byteOffset; at < bytes.byteOffset + bytes.length; at += 0x1000)
        processor.invalidate(at >> 12);
    if (!this.inRegions) return;
    // A tier that saw the frame of the code change for each case would soon compile nothing there.
    this.casesBefore = this.casesInRegions;
    this.statistics = addRegions(processor, 1);
    for (const { base, bytes } of this.areas(test.bits)) fillTlb(processor, base, bytes.length);
  }

  /** Runs one case to the exception that ends it. Never throws: what the processor throws is a problem of the case. */
  run(test: Setting): Ending {
    try {
      this.prepare(test);
      let left = INSTRUCTION_LIMIT;
      let reason: number = ExitReason.PREEMPTION_TIMER;
      while (reason === ExitReason.PREEMPTION_TIMER && left > 0) {
        reason = this.processor.run(100_000);
        left -= 100_000;
      }
      return this.ending(reason, test);
    } catch (error) {
      this.restartProcessor();
      return {
        vector: -1,
        problem: `threw ${(error as Error)?.stack?.split('\n', 2).join(' ') ?? error}`,
        errorCode: 0,
        cr2: 0n,
        ip: 0n,
        cs: 0,
        flags: 0,
        registers: test.registers.map(() => 0n),
      };
    }
  }

  /** A register of 64 bits, or of 32, without sign. */
  protected register(word: number, long: boolean): bigint {
    const { regs: R } = this.processor;
    return BigInt(R[word]! >>> 0) | (long ? BigInt(R[word + regs.HIGH]! >>> 0) << 32n : 0n);
  }

  private ending(reason: number, { bits, registers: initial }: Setting): Ending {
    const { processor } = this;
    const { regs: R, exit } = processor;
    const long = bits === 64;
    const registers = initial.map((_, i) => this.register(regs.generalWord(i), long));
    const ending: Ending = {
      vector: -1,
      problem: '',
      errorCode: 0,
      cr2: 0n,
      ip: this.register(regs.EIP, long),
      cs: R[regs.SEG + regs.CS * regs.SEG_WORDS]! & 0xffff,
      flags: processor.eflags,
      registers,
    };
    if (reason === ExitReason.EXCEPTION_OR_NMI) {
      ending.vector = exit.interruption & 0xff;
      ending.errorCode = exit.errorCode >>> 0;
      ending.cr2 = BigInt.asUintN(long ? 64 : 32, BigInt(exit.qualification));
      // Traps of an instruction (INT1, INT3, INTO: software exceptions) leave with EIP at it; a fault pushes that address, they push the next.
      if (((exit.interruption >> 8) & 7) >= 5) ending.ip += BigInt(exit.instructionLength);
    } else if (reason === ExitReason.HLT && R[regs.CPL] === 0 && (R[regs.EIP]! & ~0xfff) === HANDLERS) {
      this.fromFrame(ending, long);
    } else if (reason === ExitReason.PREEMPTION_TIMER)
      ending.problem = `did not end in ${INSTRUCTION_LIMIT} instructions, EIP ${ending.ip.toString(16)}`;
    else
      ending.problem = `exit ${Object.entries(ExitReason).find(([, value]) => value === reason)?.[0] ?? reason}, qualification ${(exit.qualification >>> 0).toString(16)}`;
    if (ending.vector === 3) ending.ip--;
    if (bits === 16) ending.ip &= 0xffffn;
    return ending;
  }

  /** The processor delivered the exception itself: what its gate pushed, words or pairs of words (SDM vol. 3, figures 6-4 and 6-9). */
  private fromFrame(ending: Ending, long: boolean): void {
    const { regs: R } = this.processor;
    ending.vector = (R[regs.EIP]! - HANDLERS) >> 4;
    ending.throughGate = true;
    let at = R[regs.ESP]! >> 2;
    const pop = () => {
      const value = BigInt(this.words[at]! >>> 0) | (long ? BigInt(this.words[at + 1]! >>> 0) << 32n : 0n);
      at += long ? 2 : 1;
      return value;
    };
    if (PUSHES_ERROR_CODE.has(ending.vector)) ending.errorCode = Number(pop());
    ending.cr2 = this.register(regs.CR2, long);
    ending.ip = pop();
    ending.cs = Number(pop() & 0xffffn);
    ending.flags = Number(pop());
    ending.registers[regs.ESP] = pop();
  }
}
