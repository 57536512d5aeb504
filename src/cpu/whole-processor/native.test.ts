/**
 * What `npm run -s fuzz:native` found, held against an Intel processor: #AC (SDM vol. 3, 6.15 and table 6-7), which fault comes first, x87 stores that do
 * not happen.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import { CR0, CR4, EAX, EBP, EBX, ECX, EDI, ESP, FCW, FPR, FSW, FTW, SS, XMM } from '../architecture/registers.ts';
import { Bench, d, DATA, TABLES, USER_DATA, USER_STACK } from '../test-support/bench.ts';

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
  return number === 13 && eip === code.split(' ').length ? 'ran' : number;
}

describe('#AC looks at whole operands', () => {
  it.each([
    ['mov eax, [ebx]', '8b 03', 4],
    ['movq mm0, [ebx]', '0f 6f 03', 8],
    ['movq [ebx], mm0', '0f 7f 03', 8],
    ['movsd xmm0, [ebx]', 'f2 0f 10 03', 8],
    ['movlps [ebx], xmm0', '0f 13 03', 8],
    ['fld m64', 'dd 03', 8],
    ['fld m80', 'db 2b', 8],
    ['fstp m80', 'db 3b', 8],
    ['fistp m64', 'df 3b', 8],
    ['fbld', 'df 23', 8],
    ['cmpxchg8b', '0f c7 0b', 8],
    ['maskmovq', '0f f7 c1', 8],
    ['maskmovdqu', '66 0f f7 c1', 8],
    ['fnsave', 'dd 33', 4],
    ['frstor', 'dd 23', 4],
    ['fnstenv', 'd9 33', 4],
    ['fnstenv, 16-bit', '66 d9 33', 2],
    ['movups xmm0, [ebx]', '0f 10 03', 1],
    ['movups [ebx], xmm0', '0f 11 03', 1],
    ['lddqu', 'f2 0f f0 03', 1],
    ['pcmpistri', '66 0f 3a 63 03 00', 1],
    ['bound m32&32', '62 03', 4],
    ['les, 16-bit', '66 c4 03', 2],
  ] as const)('%s', (_name, code, alignment) => {
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
      ['ff 03', 1],
      ['d3 23', 1],
      ['0f ab 03', 2],
      ['87 03', 1],
      ['0f c7 0b', 4],
    ] as const) {
      bench.cpu.eflags = 2 | AC;
      bench.code(code);
      R[EBX] = MISSING + offset;
      R[ECX] = 1;
      expect(bench.fault()[0]).toBe(17);
      program();
    }
  });
  it("PUSH and POP of segment registers move 16 bits, whatever the slot's width", () => {
    R[ESP] = USER_STACK - 2;
    expect(vector('06')).toBe('ran');
    program();
    R[ESP] = USER_STACK - 10;
    bench.put(USER_STACK - 10, [USER_DATA, 0, 0, 0]);
    expect(vector('07')).toBe('ran');
  });
  it('POPF switches it on for the next instruction, in flat code too', () => {
    bench.cpu.eflags = 2;
    R[EBX] = DATA + 4;
    R[FCW] = 0x37f;
    const code = ['dd 03', '68', d(AC | 2), '9d', 'dd 03'] as const;
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
      bench.code('0f 28 45 00');
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
    expect(vector('62 03')).toBe(5);
  });
});

it('ENTER with 32-bit operands on a 16-bit stack: the frame is all of ESP (SDM vol. 2)', () => {
  program(2);
  bench.segment(SS, USER_DATA, 0, 0xffff, 0xf3);
  bench.cpu.reload();
  R[ESP] = 0x30000 + USER_STACK;
  R[EBP] = 0x12345678;
  expect(vector('c8 10 00 01')).toBe('ran');
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
    for (const code of ['db 13', 'db 1b', 'dd 0b', 'd9 13', 'dd 1b', 'db 3b', 'df 33']) {
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
      expect(vector('d9 fd')).toBe('ran');
      expect([R[FPR + 2], R[FSW]! & 0xffff]).toEqual([exponent, status]);
      program();
    }
  });
  it('CVTPI2PS from memory leaves it alone, as CVTPI2PD does', () => {
    bench.cpu.eflags = 2;
    for (const code of ['0f 2a 03', '66 0f 2a 03']) {
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
