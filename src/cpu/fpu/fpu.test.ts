import { beforeEach, describe, expect, it } from 'vitest';
import {
  CR0,
  CR4,
  CS,
  DS,
  EAX,
  EBX,
  EFLAGS,
  EIP,
  FCS,
  FCW,
  FDP,
  FDS,
  FIP,
  FPR,
  FSW,
  FTW,
  MXCSR,
  SEG,
  SEG_SELECTOR,
  SEG_WORDS,
  XMM,
} from '../architecture/registers.ts';
import { FakeCore, Fault } from './fake-core.ts';
import { resetFpu } from './index.ts';

const CODE = 0x20000,
  DATA = 0x30000;
const CR0_MP = 2,
  CR0_EM = 4,
  CR0_TS = 8,
  CR0_NE = 32;
const NM = 7,
  UD = 6,
  GP = 13,
  MF = 16,
  XM = 19;

let core: FakeCore, R: Int32Array;
beforeEach(() => {
  core = new FakeCore();
  R = core.R;
  core.segments(32);
  R[FCW] = 0x37f;
  R[MXCSR] = 0x1f80;
  R[EBX] = DATA;
});

/** Runs the bytes as one instruction; the vector it ends in, or -1. */
function run(...bytes: number[]): number {
  core.bytes.set(bytes, 0);
  try {
    core.step(CODE, 32);
  } catch (e) {
    if (e instanceof Fault) return e.vector;
    throw e;
  }
  return -1;
}

const FLD1 = [0xd9, 0xe8],
  FADD = [0xd8, 0xc1],
  FDIV_ZERO = [0xdc, 0x33],
  FNSTSW = [0xdf, 0xe0],
  FNSTENV = [0xd9, 0x33],
  FXSAVE = [0x0f, 0xae, 0x03];
const PADDB = [0x0f, 0xfc, 0xc1],
  ADDPS = [0x0f, 0x58, 0xc1],
  FWAIT = [0x9b];

describe('what stops an instruction before it begins (SDM vol. 3, 2.5)', () => {
  it('x87: #NM with CR0.EM or CR0.TS; FWAIT only with MP and TS', () => {
    R[CR0] |= CR0_TS;
    expect([run(...FLD1), run(...FNSTSW), run(...FXSAVE), run(...FWAIT)]).toEqual([NM, NM, NM, -1]);
    R[CR0] |= CR0_MP;
    expect(run(...FWAIT)).toBe(NM);
    R[CR0] = CR0_EM;
    expect([run(...FLD1), run(...FWAIT)]).toEqual([NM, -1]);
  });

  it('MMX and SSE: #UD with CR0.EM, SSE also without CR4.OSFXSR; #NM with CR0.TS', () => {
    R[CR0] |= CR0_TS;
    expect([run(...PADDB), run(...ADDPS)]).toEqual([NM, NM]);
    R[CR0] = CR0_EM | CR0_TS;
    expect([run(...PADDB), run(...ADDPS)]).toEqual([UD, UD]);
    R[CR0] = 0;
    R[CR4] = 0;
    expect([run(...PADDB), run(...ADDPS)]).toEqual([-1, UD]);
  });
});

describe('x87 exceptions (SDM vol. 1, 8.7)', () => {
  /** 1 / 0 with the zero divide unmasked. */
  function pend(): void {
    R[FCW] = 0x37b;
    expect(run(...FLD1)).toBe(-1);
    core.bytes.fill(0, DATA - CODE, DATA - CODE + 8);
    expect(run(...FDIV_ZERO)).toBe(-1);
  }

  it('an unmasked one changes nothing but the status word and is reported by the next waiting instruction', () => {
    pend();
    expect(R[FSW] & 0x80bf).toBe(0x8084);
    expect([R[FPR + 28 + 1], R[FPR + 28 + 2]]).toEqual([-0x80000000, 0x3fff]);
    expect([run(...FNSTSW), run(...FLD1), run(...FWAIT), run(...PADDB)]).toEqual([-1, MF, MF, MF]);
    expect(R[EAX] & 0x84).toBe(0x84);
    run(0xdb, 0xe2);
    expect([R[FSW] & 0x80ff, run(...FWAIT)]).toEqual([0, -1]);
  });

  it('a comparison that an unmasked one stops is unordered and pops nothing (both vendors’ processors; the SDM has the codes left as they were)', () => {
    const UNORDERED = 0x4500,
      TOP = 0x3800;
    for (const bytes of [
      [0xd8, 0xd2], // fcom st2
      [0xd8, 0xda], // fcomp st2
      [0xdd, 0xe2], // fucom st2
      [0xd9, 0xe4], // ftst
      [0xde, 0xd9], // fcompp
      [0xd8, 0x13], // fcom dword [ebx]
      [0xde, 0x1b], // ficomp word [ebx]
    ]) {
      R[FCW] = 0x37e;
      R[FSW] = 0x1000;
      R[FTW] = 0;
      expect(run(...bytes)).toBe(-1);
      expect([R[FSW] & UNORDERED, R[FSW] & TOP, R[FSW] & 0x41]).toEqual([UNORDERED, 0x1000, 0x41]);
    }
  });

  it('FCOMI and its like the same in EFLAGS: ZF, PF and CF set, OF, SF and AF clear', () => {
    for (const bytes of [
      [0xdb, 0xf2], // fcomi st2
      [0xdf, 0xf2], // fcomip st2
      [0xdb, 0xea], // fucomi st2
      [0xdf, 0xea], // fucomip st2
    ]) {
      R[FCW] = 0x37e;
      R[FSW] = 0x1000;
      R[FTW] = 0;
      core.flags = 0x890;
      expect(run(...bytes)).toBe(-1);
      expect([core.flags, R[FSW] & 0x3841]).toEqual([0x45, 0x1041]);
    }
  });

  it('a comparison with a denormal operand that is not masked says the order and pops nothing (EPYC)', () => {
    R[FCW] = 0x37d;
    R[FTW] = 3;
    // ST(0), the smallest denormal, with ST(1), 1.0.
    R[FPR] = 1;
    R[FPR + 1] = R[FPR + 2] = 0;
    R[FPR + 4] = 0;
    R[FPR + 5] = 0x80000000 | 0;
    R[FPR + 6] = 0x3fff;
    for (const [bytes, codes, flags] of [
      [[0xd8, 0xd9], 0x100, 0], // fcomp st1: less
      [[0xde, 0xd9], 0x100, 0], // fcompp
      [[0xd9, 0xe4], 0, 0], // ftst: greater
      [[0xdf, 0xf1], 0, 1], // fcomip st1: less
    ] as const) {
      R[FSW] = 0;
      core.flags = 0;
      expect(run(...bytes)).toBe(-1);
      expect([R[FSW] & 0x4500, core.flags, R[FSW] & 0x3802, R[FTW]]).toEqual([codes, flags, 2, 3]);
    }
  });

  it('D9 D8+i of an empty ST(0) leaves ST(i) and its tag, and pops', () => {
    R[FCW] = 0x37f;
    R[FSW] = 3 << 11;
    // ST(1) is physical register 4.
    R[FTW] = 1 << 4;
    R[FPR + 4 * 4] = 0x1234;
    expect(run(0xd9, 0xd9)).toBe(-1);
    expect([R[FTW], R[FPR + 4 * 4], (R[FSW] >> 11) & 7, R[FSW] & 0x41]).toEqual([1 << 4, 0x1234, 4, 0]);
  });

  it('FLDCW that unmasks a flag already set makes it pending', () => {
    run(...FLD1);
    run(...FDIV_ZERO);
    R[FSW] |= 0x20;
    core.bytes.set([0x5f, 0x03], DATA - CODE);
    expect([run(0xd9, 0x2b), run(...FWAIT)]).toEqual([-1, MF]);
  });

  it('asserts FERR# instead of #MF while CR0.NE is clear', () => {
    pend();
    R[CR0] &= ~CR0_NE;
    let asserted = 0;
    core.ferr = () => {
      asserted++;
    };
    expect([run(...FWAIT), asserted]).toEqual([-1, 1]);
  });

  it('a stack overflow and an underflow differ by C1', () => {
    expect(run(...FADD)).toBe(-1);
    expect(R[FSW] & 0x241).toBe(0x41);
    R[FSW] = 0;
    R[FTW] = 0xff;
    run(...FLD1);
    expect(R[FSW] & 0x3a41).toBe(0x3a41);
    expect([R[FPR + 28], R[FPR + 29], R[FPR + 30]]).toEqual([0, 0xc0000000 | 0, 0xffff]);
  });
});

describe('the x87 environment (SDM vol. 1, figures 8-9 to 8-12)', () => {
  const words = (n: number) => Array.from({ length: n }, (_, i) => core.memory.read32(DATA + 4 * i) >>> 0);

  beforeEach(() => {
    R[SEG + CS * SEG_WORDS + SEG_SELECTOR] = 0x23;
    R[SEG + DS * SEG_WORDS + SEG_SELECTOR] = 0x2b;
    R[EIP] = 0x12345678;
    run(...FLD1);
    run(0xdc, 0x03);
    R[EIP] = 0;
  });

  it('names the last instruction that was no control instruction, and its operand', () => {
    expect([R[FIP], R[FCS], R[FDP], R[FDS]]).toEqual([0x12345678, 0x23, DATA, 0x2b]);
  });

  it('protected mode, 32 and 16 bits; all exceptions are masked afterwards', () => {
    R[FCW] = 0x340;
    run(...FNSTENV);
    expect(words(7)).toEqual([0xffff0340, (0xffff0000 | R[FSW]) >>> 0, 0xffff3fff, 0x12345678, 0x23, DATA, 0xffff002b]);
    expect(R[FCW]).toBe(0x37f);
    run(0x66, ...FNSTENV);
    expect(words(3)).toEqual([(0x037f | (R[FSW] << 16)) >>> 0, 0x56783fff, 0x23]);
  });

  it('real mode and virtual-8086 mode: linear addresses', () => {
    R[FIP] = 0x345;
    R[FCS] = 0xf123;
    R[FDP] = 0x10;
    R[FDS] = 0x8001;
    for (const flags of [0, 1 << 17]) {
      R[CR0] = CR0_NE | (flags !== 0 ? 1 : 0);
      R[EFLAGS] = flags;
      run(...FNSTENV);
      expect(words(7).slice(3)).toEqual([0xffff1575, 0xf000, 0xffff0020, 0x8000]);
      run(0x66, ...FNSTENV);
      expect(core.memory.read16(DATA + 6)).toBe(0x1575);
      expect(core.memory.read16(DATA + 8)).toBe(0xf000);
    }
  });

  it('tags: valid, zero, special, empty', () => {
    R[FSW] = 0;
    R[FTW] = 0b0111;
    [
      [0, 0x80000000, 0x3fff],
      [0, 0, 0],
      [0, 0x80000000, 0x7fff],
    ].forEach(([l, h, e], i) => {
      R[FPR + 4 * i] = l;
      R[FPR + 4 * i + 1] = h;
      R[FPR + 4 * i + 2] = e;
    });
    run(...FNSTENV);
    expect(core.memory.read16(DATA + 8)).toBe(0b11_11_11_11_11_10_01_00);
  });

  it('FNSAVE starts afresh, FRSTOR brings all back', () => {
    run(...FLD1);
    const before = R.slice(FCW, FPR + 32);
    run(0xdd, 0x33);
    expect([R[FCW], R[FSW], R[FTW]]).toEqual([0x37f, 0, 0]);
    run(0xdd, 0x23);
    expect(R.slice(FCW, MXCSR)).toEqual(before.slice(0, MXCSR - FCW));
    expect(R.slice(FPR, FPR + 32)).toEqual(before.slice(FPR - FCW));
  });
});

describe('FXSAVE, MXCSR', () => {
  it('#GP off 16 bytes, and for MXCSR bits that do not exist', () => {
    R[EBX] = DATA + 8;
    expect([run(...FXSAVE), run(0x0f, 0xae, 0x0b)]).toEqual([GP, GP]);
    R[EBX] = DATA;
    core.memory.write32(DATA, 0x10000);
    expect(run(0x0f, 0xae, 0x13)).toBe(GP);
    run(...FXSAVE);
    core.memory.write32(DATA + 24, 0x11f80);
    expect(run(0x0f, 0xae, 0x0b)).toBe(GP);
  });

  it('leaves XMM registers out while CR4.OSFXSR is clear', () => {
    R[XMM] = 0x1234;
    R[CR4] = 0;
    core.memory.write32(DATA + 160, 7);
    run(...FXSAVE);
    expect(core.memory.read32(DATA + 160)).toBe(7);
  });
});

describe('SIMD exceptions (SDM vol. 1, 11.5)', () => {
  it('#XM, or #UD without CR4.OSXMMEXCPT; the destination stays', () => {
    R[MXCSR] = 0x1f80 & ~0x200;
    R[XMM] = 0x3f800000;
    expect([run(0xf3, 0x0f, 0x5e, 0xc1), R[MXCSR] & 0x3f, R[XMM]]).toEqual([XM, 4, 0x3f800000]);
    R[CR4] &= ~1024;
    expect(run(0xf3, 0x0f, 0x5e, 0xc1)).toBe(UD);
  });

  it('#GP for a 16-byte operand off 16 bytes, not for the unaligned moves', () => {
    R[EBX] = DATA + 4;
    expect([run(0x0f, 0x58, 0x03), run(0x0f, 0x28, 0x03), run(0x0f, 0x10, 0x03)]).toEqual([GP, GP, -1]);
  });
});

it('RESET is not quite FNINIT (SDM vol. 3, table 9-1)', () => {
  R.fill(-1);
  resetFpu(R);
  expect([R[FCW], R[FSW], R[FTW], R[MXCSR], R[FPR], R[XMM + 31]]).toEqual([0x40, 0, 0xff, 0x1f80, 0, 0]);
});
