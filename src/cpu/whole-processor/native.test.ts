/**
 * What `npm run -s fuzz:native` found, held against an Intel processor: #AC (SDM vol. 3, 6.15 and table 6-7), which fault comes first, x87 stores that do
 * not happen.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { CR0, CR4, EAX, EBP, EBX, ECX, EDI, ESP, FCW, FPR, FSW, FTW, SS, XMM } from '../architecture/registers.ts';
import { asm } from '../test-support/asm.ts';
import { Bench, DATA, TABLES, USER_DATA, USER_STACK } from '../test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
const AC = 1 << 18,
  AM = 1 << 18,
  OSFXSR = 0x600;
/** A page that is not there. */
const MISSING = 0x50000;

/** A program with alignment checks; `flags`: its EFLAGS. */
function program(flags = 2 | AC): void {
  bench.protectedMode(3).paging32();
  bench.setWord(TABLES + (MISSING >> 12) * 4, 0);
  R[CR0]! |= AM;
  R[CR4] = OSFXSR;
  bench.cpu.eflags = flags;
  bench.cpu.reload();
  R[EBX] = DATA;
}
beforeEach(() => program());

/** Vector that the code ends with; 13 at its HLT means that it ran. */
function vector(code: string): number | 'ran' {
  bench.code(code);
  const [number, , eip] = bench.fault();
  return number === 13 && eip === asm(code).length ? 'ran' : number;
}

describe('#AC looks at whole operands', () => {
  it.each([
    ['mov eax, [ebx]', 4],
    ['movq mm0, [ebx]', 8],
    ['movq [ebx], mm0', 8],
    ['movsd xmm0, [ebx]', 8],
    ['movlps [ebx], xmm0', 8],
    ['fld qword [ebx]', 8],
    ['fld tword [ebx]', 8],
    ['fstp tword [ebx]', 8],
    ['fistp qword [ebx]', 8],
    ['fbld [ebx]', 8],
    ['cmpxchg8b [ebx]', 8],
    ['maskmovq mm0, mm1', 8],
    ['maskmovdqu xmm0, xmm1', 8],
    ['fnsave [ebx]', 4],
    ['frstor [ebx]', 4],
    ['fnstenv [ebx]', 4],
    ['o16 fnstenv [ebx]', 2],
    ['movups xmm0, [ebx]', 1],
    ['movups [ebx], xmm0', 1],
    ['lddqu xmm0, [ebx]', 1],
    ['pcmpistri xmm0, [ebx], 0', 1],
    ['bound eax, [ebx]', 4],
    ['les ax, [ebx]', 2],
  ] as const)('%s', (code, alignment) => {
    for (const offset of [0, 1, 2, 4, 8, 12]) {
      program();
      bench.bytes.fill(0, DATA, DATA + 256);
      R[FCW] = 0x37f;
      R[FTW] = 0xff;
      R.fill(-1, FPR, FPR + 32);
      R[EBX] = R[EDI] = DATA + offset;
      R[EAX] = 0;
      expect(vector(code)).toBe(offset % alignment === 0 ? 'ran' : 17);
    }
  });
  it('a read-modify-write of a page that is not there: #AC first', () => {
    for (const [code, offset] of [
      ['inc dword [ebx]', 1],
      ['shl dword [ebx], cl', 1],
      ['bts [ebx], eax', 2],
      ['xchg [ebx], eax', 1],
      ['cmpxchg8b [ebx]', 4],
    ] as const) {
      bench.cpu.eflags = 2 | AC;
      bench.code(code);
      R[EBX] = MISSING + offset;
      R[ECX] = 1;
      expect(bench.fault()[0]).toBe(17);
      program();
    }
  });
  it('PUSH and POP at a page that is not there: #AC first', () => {
    for (const [code, offset, right] of [
      ['pop cx', 1, 17],
      ['pop ecx', 2, 17],
      ['pop ecx', 0, 14],
      ['push ecx', 6, 17],
      ['push cx', 5, 17],
      ['push cx', 4, 14],
    ] as const) {
      program();
      R[ESP] = MISSING + offset;
      expect([code, offset, vector(code)]).toEqual([code, offset, right]);
    }
  });
  it("PUSH and POP of segment registers move 16 bits, whatever the slot's width", () => {
    R[ESP] = USER_STACK - 2;
    expect(vector('push es')).toBe('ran');
    program();
    R[ESP] = USER_STACK - 10;
    bench.put(USER_STACK - 10, [USER_DATA, 0, 0, 0]);
    expect(vector('pop es')).toBe('ran');
  });
  it('POPF switches it on for the next instruction, in flat code too', () => {
    bench.cpu.eflags = 2;
    R[EBX] = DATA + 4;
    R[FCW] = 0x37f;
    const code = [`fld qword [ebx]; push ${AC | 2}; popf; fld qword [ebx]`] as const;
    bench.code(...code);
    expect(bench.fault()).toEqual([17, 0, 8]);
  });
});

describe('which fault comes first', () => {
  it('16 bytes that are not aligned: #GP, also beyond the limit of a stack segment', () => {
    bench.cpu.eflags = 2;
    bench.segment(SS, USER_DATA, 0, 0xfff, 0x40f3);
    bench.cpu.reload();
    for (const [address, expected] of [
      [0x1008, 13],
      [0x1010, 12],
    ] as const) {
      R[EBP] = address;
      bench.code('movaps xmm0, [ebp + 0]');
      expect(bench.event().vector).toBe(expected);
      program(2);
      bench.segment(SS, USER_DATA, 0, 0xfff, 0x40f3);
      bench.cpu.reload();
    }
  });
  it('BOUND below the lower bound does not look at the upper one', () => {
    bench.cpu.eflags = 2;
    R[EBX] = MISSING - 4;
    bench.setWord(MISSING - 4, 5);
    R[EAX] = 4;
    expect(vector('bound eax, [ebx]')).toBe(5);
  });
});

it('ENTER with 32-bit operands on a 16-bit stack: the frame is all of ESP (SDM vol. 2)', () => {
  program(2);
  bench.segment(SS, USER_DATA, 0, 0xffff, 0xf3);
  bench.cpu.reload();
  R[ESP] = 0x30000 + USER_STACK;
  R[EBP] = 0x12345678;
  expect(vector('enter 0x10, 1')).toBe('ran');
  expect([R[EBP], bench.word(USER_STACK - 4), bench.word(USER_STACK - 8)]).toEqual([
    0x30000 + USER_STACK - 4,
    0x12345678,
    0x30000 + USER_STACK - 4,
  ]);
});

describe('x87', () => {
  /** ST(0) = `top`, or empty. */
  const start = (top: readonly [low: number, high: number, exponent: number] | null, control: number) => {
    bench.cpu.eflags = 2;
    R[FCW] = control;
    R[FSW] = 0;
    R[FTW] = top === null ? 0 : 3;
    if (top !== null) R.set(top, FPR);
  };
  it('a store that an unmasked exception stops does not go to memory', () => {
    R[EBX] = MISSING;
    for (const code of [
      'fist dword [ebx]',
      'fistp dword [ebx]',
      'fisttp qword [ebx]',
      'fst dword [ebx]',
      'fstp qword [ebx]',
      'fstp tword [ebx]',
      'fbstp [ebx]',
    ]) {
      start(null, 0x37e);
      expect(vector(code)).toBe('ran');
      expect(R[FSW]! & 0xffff).toBe(0x80c1);
      program();
      R[EBX] = MISSING;
      start(null, 0x37f);
      expect(vector(code)).toBe(14);
      program();
      R[EBX] = MISSING;
    }
  });
  it('FSCALE out of range even with the bias of an unmasked exception: zero and infinity (SDM vol. 1, 8.5.4, 8.5.5)', () => {
    // ST(1) = 60000 and -60000.
    for (const [sign, control, exponent, status] of [
      [0, 0x377, 0x7fff, 0x82a8],
      [0x8000, 0x36f, 0, 0x80b0],
    ] as const) {
      start([0, 0x80000000 | 0, 0x3fff], control);
      R.set([0, 0xea600000 | 0, 0x400e | sign], FPR + 4);
      expect(vector('fscale')).toBe('ran');
      expect([R[FPR + 2], R[FSW]! & 0xffff]).toEqual([exponent, status]);
      program();
    }
  });
  it('CVTPI2PS from memory leaves it alone, as CVTPI2PD does', () => {
    bench.cpu.eflags = 2;
    for (const code of ['cvtpi2ps xmm0, [ebx]', 'cvtpi2pd xmm0, [ebx]']) {
      R[EBX] = DATA;
      R[FCW] = 0x37e;
      // An exception is pending: it is not looked at either.
      R[FSW] = 0xa881;
      R[FTW] = 5;
      bench.setWord(DATA, 1);
      expect(vector(code)).toBe('ran');
      expect([R[FSW]! & 0xffff, R[FTW], R[XMM] !== 0 || R[XMM + 1] !== 0]).toEqual([0xa881, 5, true]);
      program(2);
    }
  });
});
