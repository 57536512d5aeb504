/** x87, MMX and SSE as an operating system meets them: SDM vol. 3, 6.15 (#NM, #MF, #XM), 13.1; vol. 2, FXSAVE, FXRSTOR, CLFLUSH, MFENCE. */
import { beforeEach, describe, expect, it } from 'vitest';
import { CR0, CR2, CR4, EAX, EBX, FCW, FPR, FSW, FTW, MXCSR, XMM } from '../architecture/registers.ts';
import { hex } from '../test-support/asm.ts';
import { Bench, CODE, DATA } from '../test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
const TS = 8,
  NE = 0x20,
  OSFXSR = 0x200,
  OSXMMEXCPT = 0x400;
beforeEach(() => {
  bench.protectedMode();
  R[CR4] = OSFXSR | OSXMMEXCPT;
  R[EBX] = DATA;
});
const FNINIT = 'fninit',
  FLD1 = 'fld1',
  FLDZ = 'fldz',
  FDIVP = 'fdivp st1, st0';
/** FNINIT; divide-by-zero unmasked; 1 / 0. Seven bytes of instructions after the eight that set FCW. */
const pending = () => [FNINIT, 'mov word [ebx], 0x37b; fldcw [ebx]', FLD1, FLDZ, FDIVP];
const PENDING_BYTES = 15;

describe('#MF with CR0.NE', () => {
  it('is raised by the next waiting instruction, which has not begun', () => {
    R[CR0]! |= NE;
    bench.code(...pending(), 'nop', FLD1);
    expect(bench.fault()).toEqual([16, undefined, PENDING_BYTES + 1]);
    expect([R[FSW]! & 0x80ff, (R[FSW]! >>> 11) & 7]).toEqual([0x8084, 6]);
  });
  it('control instructions that do not wait come through; FNCLEX ends it', () => {
    R[CR0]! |= NE;
    bench.code(...pending(), 'fnstsw ax; fnstcw [ebx + 4]; fnclex; fwait; ud2');
    expect(bench.fault()[0]).toBe(6);
    expect([R[EAX]! & 0x80ff, bench.half(DATA + 4), R[FSW]! & 0x80ff]).toEqual([0x8084, 0x37b, 0]);
  });
  it('MMX instructions and EMMS raise it too, SSE ones do not', () => {
    for (const [code, vector] of [
      ['paddb mm0, mm1', 16],
      ['emms', 16],
      ['addps xmm0, xmm1', 6],
      ['fwait', 16],
    ] as const) {
      bench.protectedMode();
      R[CR0]! |= NE;
      R[CR4] = OSFXSR;
      R[EBX] = DATA;
      bench.code(...pending(), code, 'ud2');
      expect(bench.event().vector).toBe(vector);
    }
  });
});

describe('#XM', () => {
  it('before the instruction, EIP at it, flags in MXCSR; #UD without CR4.OSXMMEXCPT', () => {
    for (const [cr4, vector] of [
      [OSFXSR | OSXMMEXCPT, 19],
      [OSFXSR, 6],
    ] as const) {
      bench.protectedMode();
      R[CR4] = cr4;
      R[MXCSR] = 0x1f80 & ~0x200;
      R[XMM] = 0x3f800000;
      R[XMM + 4] = 0;
      bench.code('divss xmm0, xmm1');
      expect(bench.fault()).toEqual([vector, undefined, 0]);
      expect([R[MXCSR]! & 4, R[XMM]]).toEqual([4, 0x3f800000]);
    }
  });
  it('flags that are set without their mask do not raise it: only the instruction that detects one', () => {
    R[MXCSR] = 0x1d84;
    bench.code('addps xmm0, xmm1');
    bench.run();
    expect(R[MXCSR]! & 4).toBe(4);
  });
});

describe('FXSAVE and FXRSTOR', () => {
  it('keep everything that a task has', () => {
    bench.code(
      FNINIT,
      FLD1,
      'fldpi; pcmpeqd xmm0, xmm0; fxsave [ebx]',
      FNINIT,
      'fstp st0; xorps xmm0, xmm0; fxrstor [ebx]',
    );
    bench.run();
    expect([R[FCW], R[FTW], (R[FSW]! >>> 11) & 7, R[FPR + 4 * 7 + 2], R[FPR + 4 * 6 + 1], R[XMM]]).toEqual([
      0x37f,
      0xc0,
      6,
      0x3fff,
      0xc90fdaa2 | 0,
      -1,
    ]);
    expect([bench.half(DATA), bench.bytes[DATA + 4], bench.word(DATA + 28), bench.half(DATA + 32 + 8)]).toEqual([
      0x37f, 0xc0, 0xffff, 0x4000,
    ]);
  });
  it('#NM with CR0.TS or EM comes before #GP(0) for an address off 16 bytes, and that before #PF', () => {
    for (const code of ['fxsave [ebx + 8]', 'fxrstor [ebx + 8]']) {
      bench.protectedMode();
      R[EBX] = DATA;
      R[CR0]! |= TS;
      bench.code(code);
      expect(bench.fault()).toEqual([7, undefined, 0]);
      bench.protectedMode();
      R[EBX] = 0x700000;
      bench.paging32();
      bench.code(code);
      expect(bench.fault()).toEqual([13, 0, 0]);
    }
  });
  it('a page that is missing at the end of the area: nothing was stored', () => {
    bench.paging32();
    bench.setWord(0x21000 + (DATA >> 12) * 4 + 4, 0);
    R[EBX] = DATA + 0x1000 - 256;
    bench.setWord(R[EBX]!, 0x12345678);
    bench.cpu.reload();
    bench.code('fxsave [ebx]');
    expect([bench.fault(), R[CR2], bench.word(DATA + 0x1000 - 256)]).toEqual([[14, 2, 0], DATA + 0x1000, 0x12345678]);
  });
  it('FXRSTOR with reserved bits of MXCSR is #GP(0) and changes nothing', () => {
    bench.code(FNINIT, 'fxsave [ebx]', FLD1, 'mov dword [ebx + 0x18], 0x10000; fxrstor [ebx]');
    expect(bench.fault()).toEqual([13, 0, 14]);
    expect(R[FTW]).toBe(0x80);
  });
});

describe('lazy switching by #NM', () => {
  it('every kind of instruction faults with CR0.TS, and runs after CLTS', () => {
    for (const code of [FLD1, 'movq mm0, mm1', 'addps xmm0, xmm1', 'paddd xmm0, xmm1', 'fwait']) {
      bench.protectedMode();
      R[CR4] = OSFXSR;
      R[CR0]! |= TS | 2;
      bench.code(code);
      expect(bench.fault()).toEqual([7, undefined, 0]);
      bench.protectedMode();
      R[CR4] = OSFXSR;
      R[CR0]! |= TS | 2;
      bench.code('clts', code, 'ud2');
      expect(bench.fault()[0]).toBe(6);
    }
  });
});

describe('CLFLUSH and fences', () => {
  it('CLFLUSH is a read for paging and segments: #PF without W, accessed bit set, dirty bit not', () => {
    bench.paging32();
    R[EBX] = 0x700000;
    bench.code('clflush [ebx]');
    expect(bench.fault()).toEqual([14, 0, 0]);
    bench.protectedMode();
    bench.paging32(1);
    R[EBX] = DATA;
    bench.code('clflush [ebx]');
    bench.run();
    expect(bench.word(0x21000 + (DATA >> 12) * 4) & 0x60).toBe(0x20);
  });
  it('fences run at any level; register forms of the group that are none are #UD; LOCK is #UD', () => {
    bench.protectedMode(3);
    bench.code('lfence; mfence; sfence; ud2');
    expect(bench.fault()).toEqual([6, undefined, 9]);
    for (const code of [
      hex('0f ae c0'),
      hex('0f ae c8'),
      hex('0f ae d0'),
      hex('0f ae d8'),
      hex('f0 0f ae 3b'),
      hex('0f ae e0'),
    ]) {
      bench.protectedMode();
      R[EBX] = DATA;
      bench.code(code);
      expect(bench.fault()).toEqual([6, undefined, 0]);
    }
  });
  it('code that was flushed by CLFLUSH after a store is the new one', () => {
    bench.code(`mov byte [${CODE + 14}], 0x43; clflush [${CODE + 14}]; dec ebx`);
    R[EBX] = 5;
    bench.run();
    expect(R[EBX]).toBe(6);
  });
});
