/** Our processor in the place of a program under 64-bit Linux: the same segments under the same selectors as runner.c's. */
import { registers as regs } from '../../../cpu/architecture/index.ts';
import { CODE, DATA, STACK } from '../../oracle/fixture.ts';
import { OracleMachine, type Segment, segment, type Setting } from '../../oracle/machine.ts';

/** Linux's (arch/x86/include/asm/segment.h) and those of the LDT that runner.c makes. */
export const SELECTOR = {
  CODE: 0x23,
  DATA: 0x2b,
  CODE16: 0x07,
  DATA16: 0x0f,
  STACK16: 0x17,
  FS: 0x1f,
  EXTRA16: 0x27,
} as const;

const LDT = 0x9000,
  LDT_SELECTOR = 0x50;
const CR0_AM = 1 << 18,
  PAGE_WRITE = 2,
  INT80 = 0x80,
  IDT = 0x4000;
const FLAT_CODE = segment(4, 0, 0xfffff, 0xfb, 12),
  FLAT_DATA = segment(5, 0, 0xfffff, 0xf3, 12);
/** AVL is set, as modify_ldt does. */
const CODE16 = segment(0, CODE, 0xfff, 0xfb, 1),
  DATA16 = segment(1, DATA, 0x1fff, 0xf3, 1),
  STACK16 = segment(2, STACK, 0xfff, 0xf3, 1);
const FS = segment(3, DATA + 0x800, 0x7ff, 0xf3, 5),
  EXTRA16 = segment(4, DATA + 0x1000, 0xfff, 0xf3, 1);
const LDT_SEGMENTS = [CODE16, DATA16, STACK16, FS, EXTRA16];
/** The kernel's have DPL 0; what they are is not compared. */
const kernel = (index: number): Segment => segment(index, 0, 0xfffff, 0x93, 12);
const TASK = segment(8, 0x5000, 103, 0x8b, 0);
const GDT_SEGMENTS = [
  segment(1, 0, 0xfffff, 0x9b, 12),
  kernel(2),
  kernel(3),
  FLAT_CODE,
  FLAT_DATA,
  segment(6, 0, 0xfffff, 0xfb, 10),
  kernel(7),
  TASK,
  kernel(9),
  { selector: LDT_SELECTOR, base: LDT, limit: LDT_SEGMENTS.length * 8 - 1, access: 0x82, flags: 0 },
  ...[11, 12, 13, 14, 15].map(kernel),
];

export class NativeMachine extends OracleMachine {
  constructor() {
    super();
    this.page(LDT, PAGE_WRITE);
    for (const descriptor of LDT_SEGMENTS) this.describe(LDT + descriptor.selector, descriptor);
    // INT 80h is there for programs: DPL 3.
    this.words[(IDT + INT80 * 8 + 4) >> 2]! |= 0x6000;
    this.long.addKernelPage(LDT);
    this.long.openGate(INT80);
  }

  protected override descriptors(): readonly Segment[] {
    return GDT_SEGMENTS;
  }

  protected override setSegments({ bits }: Setting): void {
    const local = (index: number, descriptor: Segment) =>
      this.setSegment(index, { ...descriptor, selector: descriptor.selector | 4 }, 3);
    // Linux lets programs have alignment checked.
    this.processor.regs[regs.CR0]! |= CR0_AM;
    this.setSegment(regs.LDTR, GDT_SEGMENTS[9]!, 0);
    if (bits === 64) return;
    this.setSegment(regs.TR, TASK, 0);
    local(regs.FS, FS);
    this.setUnusable(regs.GS);
    if (bits === 32) {
      this.setSegment(regs.CS, FLAT_CODE, 3);
      for (const index of [regs.SS, regs.DS, regs.ES]) this.setSegment(index, FLAT_DATA, 3);
      return;
    }
    local(regs.CS, CODE16);
    local(regs.SS, STACK16);
    local(regs.DS, DATA16);
    local(regs.ES, EXTRA16);
  }

  /** CS SS DS ES FS GS. */
  selectors(): number[] {
    return [regs.CS, regs.SS, regs.DS, regs.ES, regs.FS, regs.GS].map(
      index => this.processor.regs[regs.SEG + index * regs.SEG_WORDS]! & 0xffff,
    );
  }

  /** Bases of FS and GS. */
  bases(): { fs: bigint; gs: bigint } {
    const base = (index: number) => this.register(regs.SEG + index * regs.SEG_WORDS + regs.SEG_BASE, true);
    return { fs: base(regs.FS), gs: base(regs.GS) };
  }

  /** The x87's instruction pointer, of 64-bit code. */
  get fip(): bigint {
    return this.register(regs.FIP, true);
  }

  /** Bytes of data and stack that are not what `setting` put there, and those at the addresses `asked`: address and value. */
  changed({ memory, bits }: Setting, asked: readonly number[]): Map<number, number> {
    const changed = new Map<number, number>();
    for (const { base, bytes, initial } of this.areas(bits)) {
      const wanted = Buffer.from(initial);
      for (const [address, data] of memory) {
        const from = Math.max(address, base),
          to = Math.min(address + data.length, base + bytes.length);
        if (from < to) wanted.set(data.subarray(from - address, to - address), from - base);
      }
      for (const at of asked) if (at >= base && at < base + bytes.length) changed.set(at, bytes[at - base]!);
      if (wanted.equals(bytes)) continue;
      for (let i = 0; i < bytes.length; i++) if (bytes[i] !== wanted[i]) changed.set(base + i, bytes[i]!);
    }
    return changed;
  }
}
