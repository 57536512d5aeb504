/** Virtual-8086 mode: SDM vol. 3, chapter 20 (21 in newer editions). */
import { describe, expect, it } from 'vitest';
import { EVENT_EXTERNAL, EVENT_VALID, ExitReason } from '../architecture/edge.ts';
import {
  CPL,
  CS,
  DS,
  EAX,
  EFLAGS,
  EIP,
  ES,
  ESP,
  FS,
  GS,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_WORDS,
  SS,
} from '../architecture/registers.ts';
import { Bench, CODE, FREE, HANDLERS, KERNEL_CODE, KERNEL_DATA, KERNEL_STACK, TSS } from '../test-support/bench.ts';

const bench = new Bench();
const { R } = bench;

describe('entry and exit (20.2)', () => {
  it('IRETD with VM set at CPL 0 loads all segment registers 8086-wise, CPL 3', () => {
    bench.protectedMode();
    const words = [0x6000, 0x5000, 0x4000, 0x3000, 0x2000, 0x1234, 0x23202, CODE >> 4, 0x10];
    R[ESP] = KERNEL_STACK - words.length * 4;
    for (const [i, value] of words.entries()) bench.setWord(KERNEL_STACK - 4 - i * 4, value);
    bench.code('iret');
    bench.put(CODE + 0x10, 'int3');
    bench.idtGate(3, KERNEL_CODE, HANDLERS + 24, 0xee);
    expect(bench.event()).toEqual({ vector: 3, error: undefined, eip: 0x11, cs: CODE >> 4, flags: 0x23202 });
    const frame = [0, 1, 2, 3, 4, 5].map(i => bench.word(R[ESP]! + 12 + i * 4));
    expect(frame).toEqual([0x1234, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000]);
    expect([R[CPL], R[ESP], R[EFLAGS]! & 0x20000, bench.selector(DS), bench.selector(GS)]).toEqual([
      0,
      KERNEL_STACK - 36,
      0,
      0,
      0,
    ]);
    expect([R[SEG + FS * SEG_WORDS + SEG_RIGHTS]! >>> 16, bench.selector(ES)]).toEqual([1, 0]);
  });

  it('segments have base selector x 16, limit FFFF, rights F3', () => {
    bench.v86();
    bench.put(CODE, 'mov ax, 0x1234; mov ds, ax; hlt');
    bench.event();
    const frame = R[ESP]! + 4;
    expect(bench.word(frame + 24)).toBe(0x1234);
    bench.v86();
    bench.put(CODE, 'mov ax, 0x1234; mov ds, ax');
    bench.run(2);
    const s = SEG + DS * SEG_WORDS;
    expect([R[s + SEG_BASE], R[s + SEG_LIMIT], R[s + SEG_RIGHTS]]).toEqual([0x12340, 0xffff, 0xf3]);
  });

  it('IRETD does not set VM at CPL above 0, nor does POPFD', () => {
    bench.protectedMode(3);
    bench.code('push 0x20002; popf; pushf; pop eax');
    expect(bench.event().flags & 0x20000).toBe(0);
  });

  it('a gate to code of DPL other than 0, or to conforming code, faults with the selector', () => {
    bench.v86(3);
    bench.descriptor(FREE, 0, 0xfffff, 0x9e, 12);
    bench.idtGate(0x40, FREE, HANDLERS, 0xee);
    bench.put(CODE, 'int 0x40');
    expect(bench.event()).toMatchObject({ vector: 13, error: FREE });
  });

  it('an external interrupt leaves virtual-8086 mode', () => {
    bench.v86(0, 0x200);
    bench.put(CODE, 'nop');
    bench.cpu.inject(EVENT_VALID | EVENT_EXTERNAL | 0x30);
    expect(bench.event()).toMatchObject({ vector: 0x30, eip: 0, flags: 0x20202 });
    expect([bench.selector(SS), R[SEG + CS * SEG_WORDS + SEG_BASE]]).toEqual([KERNEL_DATA, 0]);
  });
});

describe('IOPL-sensitive instructions (20.2.7, CR4.VME clear)', () => {
  const sensitive = ['cli', 'sti', 'pushf', 'popf', 'pushfd', 'int 0x40', 'iret', 'iretd'];
  for (const code of sensitive) {
    it(`${code} faults below IOPL 3`, () => {
      bench.v86(0);
      bench.put(CODE, 'nop', code);
      expect(bench.event()).toMatchObject({ vector: 13, error: 0, eip: 1 });
    });
  }

  it('INT3, INTO and BOUND are not sensitive', () => {
    bench.v86(0);
    bench.idtGate(3, KERNEL_CODE, HANDLERS + 24, 0xee);
    bench.put(CODE, 'int3');
    expect(bench.event()).toMatchObject({ vector: 3, eip: 1 });
  });

  it('with IOPL 3 they work; POPF and IRET leave IOPL and VM alone', () => {
    bench.v86(3);
    bench.put(CODE, 'push 0; popf; pushf; pop ax; sti; cli; hlt');
    const { vector, flags } = bench.event();
    expect([vector, flags & 0x23200, R[EAX]! & 0x3000]).toEqual([13, 0x23000, 0x3000]);
    bench.v86(3);
    bench.put(CODE, `push 0; push ${CODE >> 4}; push 0x20; iret`);
    bench.put(CODE + 0x20, 'hlt');
    expect(bench.event()).toMatchObject({ eip: 0x20, flags: 0x33002 });
  });

  it('INT n with IOPL 3 goes through the IDT of protected mode, whose gate needs DPL 3', () => {
    bench.v86(3);
    bench.put(CODE, 'int 0x40');
    expect(bench.event()).toMatchObject({ vector: 13, error: 0x202, eip: 0 });
    bench.v86(3);
    bench.idtGate(0x40, KERNEL_CODE, HANDLERS + 0x200, 0xee);
    expect(bench.event()).toMatchObject({ vector: 0x40, eip: 2 });
  });
});

describe('ports (20.2.8; vol. 1, 18.5.2): the bitmap decides whatever IOPL says', () => {
  const bitmap = TSS + 104;
  it('a clear bit lets the access through, a set one faults, for each port of a wide access', () => {
    for (const iopl of [0, 3] as const) {
      bench.v86(iopl);
      bench.bytes[bitmap + 0x60 / 8] = 0xfe;
      bench.put(CODE, 'in al, 0x60; in al, 0x61');
      expect(bench.run()).toBe(ExitReason.IO);
      bench.cpu.completePortAccess(0x5a);
      expect(bench.event()).toMatchObject({ vector: 13, error: 0, eip: 2 });
      bench.v86(iopl);
      bench.bytes[bitmap + 0x60 / 8] = 0xfe;
      bench.put(CODE, 'in ax, 0x60');
      expect(bench.event()).toMatchObject({ vector: 13, eip: 0 });
    }
  });

  it('a bitmap beyond the TSS limit faults', () => {
    bench.v86(3);
    R[SEG + 7 * SEG_WORDS + SEG_LIMIT] = 110;
    bench.bytes[bitmap + 0x60 / 8] = 0;
    bench.put(CODE, 'in al, 0x60');
    expect(bench.event()).toMatchObject({ vector: 13, error: 0 });
  });
});

describe('what virtual-8086 mode has not (20.2.1)', () => {
  const undefinedThere = [
    'lldt ax',
    'ltr ax',
    'str ax',
    'sldt ax',
    'verr ax',
    'lar ax, ax',
    'lsl ax, ax',
    'arpl ax, ax',
  ];
  for (const code of undefinedThere) {
    it(`${code} is #UD`, () => {
      bench.v86(3);
      bench.put(CODE, code);
      expect(bench.event()).toMatchObject({ vector: 6, eip: 0 });
    });
  }
  const privileged = [
    'lgdt [0]',
    'mov eax, cr0',
    'clts',
    'hlt',
    'lmsw ax',
    'wbinvd',
    'rdmsr',
    'mov eax, dr0',
    'invlpg [0]',
  ];
  for (const code of privileged) {
    it(`${code} is #GP(0) at CPL 3`, () => {
      bench.v86(3);
      bench.put(CODE, code);
      expect(bench.event()).toMatchObject({ vector: 13, error: 0, eip: 0 });
    });
  }
  it('a word at offset FFFF is beyond the limit: #GP(0), on the stack #SS(0)', () => {
    bench.v86();
    bench.put(CODE, 'mov ax, [0xffff]');
    expect(bench.event()).toMatchObject({ vector: 13, error: 0 });
    bench.v86();
    R[ESP] = 1;
    bench.put(CODE, 'push ax');
    expect(bench.event()).toMatchObject({ vector: 12, error: 0 });
    expect(R[EIP]).toBe(HANDLERS + 96);
  });
});
