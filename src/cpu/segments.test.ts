/** Segment loads and limits: SDM vol. 3, chapter 3 and 5.2 to 5.7; vol. 2, LAR, LSL, VERR, VERW, ARPL. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ExitReason } from './architecture/edge.ts';
import {
  CR0,
  DS,
  EAX,
  EBX,
  ECX,
  EFLAGS,
  EIP,
  ES,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_WORDS,
  SS,
} from './architecture/registers.ts';
import { asm } from './test-support/asm.ts';
import { Bench, CODE, DATA, FREE, GDT, KERNEL_CODE, KERNEL_DATA, LDT, USER_DATA } from './test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
beforeEach(() => {
  bench.protectedMode();
});

describe('loads (vol. 2, MOV)', () => {
  const cases: [string, 'ds' | 'ss', 0 | 3, number, () => void, number, number][] = [
    ['SS null', 'ss', 0, 0, () => {}, 13, 0],
    ['SS of RPL other than CPL', 'ss', 0, KERNEL_DATA | 3, () => {}, 13, KERNEL_DATA],
    ['SS of DPL other than CPL', 'ss', 0, USER_DATA & ~3, () => {}, 13, USER_DATA & ~3],
    ['SS read-only', 'ss', 0, FREE, () => bench.descriptor(FREE, 0, 0xfffff, 0x90, 12), 13, FREE],
    ['SS not present', 'ss', 0, FREE, () => bench.descriptor(FREE, 0, 0xfffff, 0x12, 12), 12, FREE],
    ['DS execute-only', 'ds', 0, FREE, () => bench.descriptor(FREE, 0, 0xfffff, 0x98, 12), 13, FREE],
    ['DS of an inner level', 'ds', 3, KERNEL_DATA | 3, () => {}, 13, KERNEL_DATA],
    ['DS with RPL above DPL', 'ds', 0, KERNEL_DATA | 3, () => {}, 13, KERNEL_DATA],
    ['DS not present', 'ds', 0, FREE, () => bench.descriptor(FREE, 0, 0xfffff, 0x12, 12), 11, FREE],
    ['DS a TSS', 'ds', 0, 0x28, () => {}, 13, 0x28],
    ['DS beyond the LDT', 'ds', 0, 0x104, () => {}, 13, 0x104],
  ];
  for (const [name, register, cpl, selector, prepare, vector, error] of cases) {
    it(`faults: ${name}`, () => {
      bench.protectedMode(cpl);
      prepare();
      R[EAX] = selector;
      bench.code(register === 'ds' ? 'mov ds, ax' : 'mov ss, ax');
      expect(bench.fault()).toEqual([vector, error, 0]);
    });
  }
  it('conforming readable code loads at any level; LDT selectors; the accessed bit is set', () => {
    bench.protectedMode(3);
    bench.descriptor(FREE, 0x1234, 0xff, 0x9e, 4);
    bench.descriptor(0x0f, DATA, 0xff, 0xf2, 4);
    R[EAX] = FREE | 3;
    R[EBX] = 0x0f;
    bench.code('mov ds, ax; mov es, bx; int3');
    bench.idtGate(3, KERNEL_CODE, 0x6018, 0xee);
    bench.cpu.run(2);
    expect([
      R[SEG + DS * SEG_WORDS + SEG_BASE],
      R[SEG + ES * SEG_WORDS + SEG_BASE],
      bench.bytes[GDT + FREE + 5],
      bench.bytes[LDT + 8 + 5],
    ]).toEqual([0x1234, DATA, 0x9f, 0xf3]);
  });
  it('MOV to CS is #UD', () => {
    bench.code([0x8e, 0xc8]);
    expect(bench.fault()).toEqual([6, undefined, 0]);
  });
  it('a null selector loads and faults when used', () => {
    R[EAX] = 0;
    bench.code(`mov ds, ax; mov eax, [${DATA}]`);
    expect(bench.fault()).toEqual([13, 0, 2]);
  });
});

describe('limits and types (5.3, 5.5)', () => {
  /** MOV EAX from or to offset `offset` of ES with the given descriptor: passes or faults. */
  const access = (limit: number, type: number, flags: number, offset: number, write = false) => {
    bench.protectedMode();
    bench.descriptor(FREE, 0, limit, type, flags);
    R[EAX] = FREE;
    bench.code('mov es, ax', write ? `mov [es:${offset}], eax` : `mov eax, [es:${offset}]`);
    bench.run();
    return R[EIP] === CODE + 8;
  };
  it('the limit in bytes and in pages, to the byte', () => {
    expect([
      access(0xfff, 0x92, 4, 0xffc),
      access(0xfff, 0x92, 4, 0xffd),
      access(0, 0x92, 12, 0xffc),
      access(0, 0x92, 12, 0xffd),
    ]).toEqual([true, false, true, false]);
  });
  it('expand-down: from limit + 1 to FFFF or FFFFFFFF by the B bit', () => {
    expect([
      access(0xfff, 0x96, 4, 0x1000),
      access(0xfff, 0x96, 4, 0xfff),
      access(0xfff, 0x96, 4, 0x20000),
      access(0xfff, 0x96, 0, 0xfffc),
      access(0xfff, 0x96, 0, 0xfffd),
    ]).toEqual([true, false, true, true, false]);
  });
  it('read-only data and code cannot be written, execute-only code not be read', () => {
    expect([
      access(0xfffff, 0x90, 12, DATA),
      access(0xfffff, 0x90, 12, DATA, true),
      access(0xfffff, 0x9a, 12, DATA),
      access(0xfffff, 0x9a, 12, DATA, true),
    ]).toEqual([true, false, true, false]);
  });
  it('a flat code segment cannot be written through CS either', () => {
    for (const code of [
      [`mov [cs:${DATA}], eax`],
      ['mov [cs:ebx], eax'],
      ['add dword [cs:ebx], 1'],
      ['mov byte [cs:ebx], 1'],
      ['pop dword [cs:ebx]'],
    ]) {
      bench.protectedMode();
      R[EBX] = DATA;
      bench.code(...code);
      expect(bench.fault()).toEqual([13, 0, 0]);
    }
  });
  it('beyond the stack segment: #SS(0)', () => {
    bench.descriptor(FREE, 0, 0x8fff, 0x92, 4);
    R[EAX] = FREE;
    bench.code('mov ss, ax; mov eax, [ss:0x9000]');
    expect(bench.fault()).toEqual([12, 0, 2]);
  });
  it('the last byte of code may be executed, one more may not', () => {
    bench.descriptor(FREE, CODE, 1, 0x9a, 4);
    bench.put(CODE + 0x100, `jmp dword ${FREE}:0`);
    bench.code('nop; nop');
    R[EIP] = CODE + 0x100;
    expect(bench.event()).toMatchObject({ vector: 13, error: 0, eip: 2 });
  });
});

describe('real mode (20.1)', () => {
  it('the limit that protected mode left stays: "unreal" mode', () => {
    bench.setWord(0x130000, 0x77);
    bench.protectedMode();
    R[EBX] = 0x130000;
    bench.put(CODE, 'mov eax, cr0; and al, 0xfe; mov cr0, eax; xor eax, eax; mov ds, ax; mov eax, [ebx]; hlt');
    bench.run();
    expect([R[EAX], R[SEG + DS * SEG_WORDS + SEG_LIMIT], R[CR0]! & 1]).toEqual([0x77, -1, 0]);
  });
  it('base is selector x 16; offset FFFF of a word faults', () => {
    bench.realMode();
    bench.put(CODE, 'mov ax, 0x1234; mov ds, ax; mov ax, [0xffff]');
    expect(bench.event()).toMatchObject({ vector: 13, eip: 5 });
    expect(R[SEG + DS * SEG_WORDS + SEG_BASE]).toBe(0x12340);
  });
});

describe('LAR, LSL, VERR, VERW, ARPL', () => {
  const zf = (code: string, selector: number) => {
    R[EIP] = CODE;
    R[EAX] = selector;
    R[ECX] = 0;
    bench.code(code);
    if (bench.run() !== ExitReason.HLT && R[EIP] !== CODE + asm(code).length) throw new Error('no halt');
    return (bench.cpu.eflags & 0x40) !== 0;
  };
  it('LAR and LSL: rights and byte limit; ZF clear for what is not visible', () => {
    // Bits 16 to 19 are undefined; Intel's processors give those of the limit.
    expect([zf('lar ecx, ax', KERNEL_DATA), R[ECX]]).toEqual([true, 0xcf9300]);
    expect([zf('lsl ecx, ax', KERNEL_DATA), R[ECX]]).toEqual([true, -1]);
    expect([zf('lar ecx, ax', 0), zf('lar ecx, ax', 0x200), zf('lar ecx, ax', KERNEL_DATA | 3)]).toEqual([
      false,
      false,
      false,
    ]);
    bench.callGate(FREE, KERNEL_CODE, CODE, 0x8c);
    expect([
      zf('lar ecx, ax', FREE),
      zf('lsl ecx, ax', FREE),
      zf('lar ecx, ax', 0x28),
      zf('lsl ecx, ax', 0x28),
    ]).toEqual([true, false, true, true]);
    bench.gate(GDT + FREE, KERNEL_CODE, CODE, 0x8e);
    expect(zf('lar ecx, ax', FREE)).toBe(false);
  });
  it('VERR and VERW', () => {
    bench.descriptor(FREE, 0, 0xfffff, 0x98, 12);
    bench.descriptor(FREE + 8, 0, 0xfffff, 0x90, 12);
    expect([
      zf('verr ax', KERNEL_DATA),
      zf('verw ax', KERNEL_DATA),
      zf('verr ax', FREE),
      zf('verw ax', KERNEL_CODE),
      zf('verr ax', FREE + 8),
      zf('verw ax', FREE + 8),
      zf('verr ax', 0x28),
    ]).toEqual([true, true, false, false, true, false, false]);
  });
  it('ARPL raises the RPL', () => {
    R[EBX] = 3;
    expect([zf('arpl ax, bx', 0x11), R[EAX], zf('arpl ax, bx', 0x13), R[EAX]]).toEqual([true, 0x13, false, 0x13]);
  });
  it('LLDT and LTR', () => {
    for (const [code, selector, vector, error] of [
      ['lldt ax', FREE | 4, 13, FREE | 4],
      ['lldt ax', KERNEL_DATA, 13, KERNEL_DATA],
      ['ltr ax', 0, 13, 0],
      ['ltr ax', 0x28, 13, 0x28],
    ] as const) {
      bench.protectedMode();
      R[EAX] = selector;
      bench.code(code);
      expect(bench.fault()).toEqual([vector, error, 0]);
    }
    bench.protectedMode();
    bench.descriptor(FREE, 0x8000, 103, 0x89);
    R[EAX] = FREE;
    bench.code('ltr ax');
    bench.run();
    expect([
      bench.bytes[GDT + FREE + 5],
      R[SEG + 7 * SEG_WORDS + SEG_RIGHTS]! & 15,
      bench.selector(SS),
      R[EFLAGS],
    ]).toEqual([0x8b, 11, KERNEL_DATA, R[EFLAGS]]);
  });
});
