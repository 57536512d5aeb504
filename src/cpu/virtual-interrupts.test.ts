/** CR4.VME and CR4.PVI: SDM vol. 3, 20.3 with table 20-2, 20.4; vol. 2, CLI, STI, PUSHF, POPF, INT n, IRET. */
import { describe, expect, it } from 'vitest';
import { EVENT_SOFTWARE, EVENT_VALID } from './architecture/edge.ts';
import { CPL, CR4, CS, EAX, EBX, EDX, EIP, ESP } from './architecture/registers.ts';
import {
  Bench,
  CODE,
  FREE,
  HANDLERS,
  KERNEL_CODE,
  KERNEL_STACK,
  TSS,
  USER_CODE,
  USER_DATA,
  USER_STACK,
} from './test-support/bench.ts';

const bench = new Bench();
const { R, cpu } = bench;
const VME = 1,
  PVI = 2;
const IF = 0x200,
  VIF = 0x80000,
  VIP = 0x100000,
  TF = 0x100,
  RF = 0x10000,
  IOPL3 = 0x3000;
/** The redirection bitmap in front of the I/O bitmap, as v86() sets the TSS up for these tests. */
const REDIRECTION = TSS + 104;
/** Stack of v86(): SS A00, SP 800. */
const STACK = 0xa000;

/** Virtual-8086 mode with CR4.VME; `redirected`: vectors whose bit is clear. */
function vme(iopl: 0 | 3 = 0, flags = 0, redirected: number[] = []): void {
  bench.v86(iopl, flags);
  bench.setWord(TSS + 100, (104 + 32) << 16);
  R[CR4] = VME;
  cpu.reload();
  for (const vector of redirected) bench.bytes[REDIRECTION + (vector >> 3)]! &= ~(1 << (vector & 7));
}
const v86 = (...code: (string | number[])[]) => bench.put(CODE, ...code, 'hlt');
/** Runs up to the HLT, which faults at CPL 3; EFLAGS of the program there (but for RF), and where. */
const end = () => {
  const { vector, error, eip, flags } = bench.event();
  expect([vector, error]).toEqual([13, 0]);
  return { eip, flags: flags & ~RF };
};

it('CPUID shows VME and DE (leaf 1, EDX bits 1 and 2)', () => {
  bench.protectedMode();
  bench.code('mov eax, 1; cpuid');
  bench.run();
  expect(R[EDX]! & 6).toBe(6);
});

describe('virtual-8086 mode with CR4.VME, IOPL below 3 (20.3.2)', () => {
  it('CLI and STI change VIF, never IF', () => {
    for (const flag of [0, IF]) {
      vme(0, flag | VIF);
      v86('cli');
      expect(end()).toMatchObject({ eip: 1, flags: 0x20002 | flag });
      vme(0, flag);
      v86('sti');
      expect(end()).toMatchObject({ eip: 1, flags: 0x20002 | flag | VIF });
    }
  });
  it('STI with VIP set is #GP(0): the monitor is to deliver its interrupt', () => {
    vme(0, VIP);
    v86('nop; sti');
    expect(end()).toMatchObject({ eip: 1, flags: 0x20002 | VIP });
  });
  it('PUSHF shows VIF as IF and IOPL 3', () => {
    vme(0, VIF);
    v86('pushf');
    end();
    expect(bench.half(STACK + 0x7fe)).toBe(0x3202);
    vme(0, IF);
    v86('pushf');
    end();
    expect(bench.half(STACK + 0x7fe)).toBe(0x3002);
  });
  it('POPF loads VIF from IF and leaves IF, IOPL, VIP alone', () => {
    for (const [image, flags, after] of [
      [0x4ed7, 0, VIF | 0x4cd7],
      [0xcd5 & ~TF, VIF | IF, IF | 0xcd7],
      [0x3000, VIP, VIP | 2],
    ] as const) {
      vme(0, flags);
      v86(`push ${image}; popf`);
      expect(end().flags).toBe(0x20000 | after);
    }
  });
  it('POPF and IRET with TF, or with IF while VIP is set, are #GP(0) and change nothing', () => {
    for (const [image, flags] of [
      [TF, 0],
      [IF, VIP],
    ] as const) {
      vme(0, flags);
      v86(`push ${image}; popf`);
      expect(end()).toMatchObject({ eip: 3, flags: 0x20002 | flags });
      expect(bench.word(KERNEL_STACK - 24)).toBe(0x7fe);
      vme(0, flags);
      v86(`push ${image}; push ${CODE >> 4}; push 0x100; iret`);
      expect(end()).toMatchObject({ eip: 9, flags: 0x20002 | flags });
      expect(bench.word(KERNEL_STACK - 24)).toBe(0x7fa);
    }
  });
  it('IRET loads VIF from IF', () => {
    vme(0, 0);
    v86(`push ${IF | IOPL3}; push ${CODE >> 4}; push 0x100; iret`);
    bench.put(CODE + 0x100, 'hlt');
    expect(end()).toMatchObject({ eip: 0x100, flags: 0x20002 | VIF });
  });
  it('32-bit PUSHF, POPF and IRET are #GP(0) as without VME', () => {
    for (const code of ['pushfd', 'popfd', 'iretd']) {
      vme(0);
      v86(code);
      expect(end().eip).toBe(0);
    }
  });
  it('with IOPL 3 they work on IF', () => {
    vme(3, VIF);
    v86('sti; pushf; cli');
    expect(end().flags).toBe(0x23002 | VIF);
    expect(bench.half(STACK + 0x7fe)).toBe(0x3202);
  });
  it('the monitor that returns with VIF and VIP gets #GP(0) before the first instruction; not with IOPL 3, not without VME', () => {
    for (const [iopl, cr4, faults] of [
      [0, VME, true],
      [3, VME, false],
      [0, 0, false],
    ] as const) {
      bench.protectedMode();
      R[CR4] = cr4;
      const frame = [0xa00, 0xa00, 0xa00, 0xa00, 0xa00, 0x800, 0x20002 | VIF | VIP | (iopl << 12), CODE >> 4, 0x20];
      R[ESP] = KERNEL_STACK - frame.length * 4;
      for (const [i, value] of frame.entries()) bench.setWord(KERNEL_STACK - 4 - i * 4, value);
      bench.code('iret');
      bench.put(CODE + 0x20, 'nop; hlt');
      expect(end().eip).toBe(faults ? 0x20 : 0x21);
    }
  });
});

describe('INT n in virtual-8086 mode (table 20-2)', () => {
  const toTable = (vector: number) => {
    bench.setWord(vector * 4, ((CODE >> 4) << 16) | 0x300);
    bench.put(CODE + 0x300, 'hlt');
  };
  it('method 5: bit clear, IOPL 3: to the program by its own table; FLAGS as they are, IF and TF cleared', () => {
    vme(3, IF | VIF, [0x21]);
    toTable(0x21);
    v86('int 0x21');
    expect(end()).toMatchObject({ eip: 0x300, flags: 0x23002 | VIF });
    expect([0x7fa, 0x7fc, 0x7fe].map(at => bench.half(STACK + at))).toEqual([2, CODE >> 4, 0x3202]);
  });
  it('method 6: bit clear, IOPL below 3: VIF stands for IF', () => {
    vme(0, IF | VIF, [0x21]);
    toTable(0x21);
    v86('int 0x21');
    expect(end()).toMatchObject({ eip: 0x300, flags: 0x20202 });
    expect([0x7fa, 0x7fc, 0x7fe].map(at => bench.half(STACK + at))).toEqual([2, CODE >> 4, 0x3202]);
    vme(0, IF, [0x21]);
    v86('int 0x21');
    end();
    expect(bench.half(STACK + 0x7fe)).toBe(0x3002);
  });
  it('a redirected INT n is not followed by a single-step trap, as INT n is elsewhere (17.3.1.4)', () => {
    vme(0, TF, [0x21]);
    toTable(0x21);
    v86('int 0x21');
    expect(end()).toMatchObject({ eip: 0x300, flags: 0x20002 });
    expect(bench.half(STACK + 0x7fe)).toBe(0x3102);
  });
  it('method 4: bit set, IOPL 3: to the protected-mode handler; method 3: IOPL below 3: #GP(0)', () => {
    vme(3);
    bench.idtGate(0x21, KERNEL_CODE, HANDLERS + 0x21 * 8, 0xee);
    v86('int 0x21');
    expect(bench.event()).toMatchObject({ vector: 0x21, eip: 2 });
    vme(0);
    bench.idtGate(0x21, KERNEL_CODE, HANDLERS + 0x21 * 8, 0xee);
    v86('int 0x21');
    expect(end().eip).toBe(0);
  });
  it('every vector has its own bit; INT3, INTO and exceptions take no notice', () => {
    vme(0, 0, [0xff, 3, 6]);
    toTable(0xff);
    v86('int 0xff');
    expect(end().eip).toBe(0x300);
    vme(0, 0, [0xff, 3, 6]);
    bench.idtGate(3, KERNEL_CODE, HANDLERS + 24, 0xee);
    v86('int3');
    expect(bench.event().vector).toBe(3);
    vme(0, 0, [6]);
    v86('ud2');
    expect(bench.event().vector).toBe(6);
  });
  it('a bitmap beyond the limit of the TSS is #GP(0)', () => {
    vme(0, 0, [0x21]);
    bench.segment(7, 0x28, TSS, 104 + 3, 0x8b);
    v86('int 0x21');
    expect(end().eip).toBe(0);
  });
  it('a stack that wraps into its limit is #SS(0), EIP at the INT', () => {
    vme(0, 0, [0x21]);
    R[ESP] = 3;
    v86('int 0x21');
    expect(bench.event()).toMatchObject({ vector: 12, error: 0, eip: 0 });
  });
  it('an injected software interrupt is redirected as well (27.6.1)', () => {
    vme(0, 0, [0x21]);
    toTable(0x21);
    v86('int 0x21');
    cpu.exit.instructionLength = 2;
    cpu.inject(EVENT_VALID | EVENT_SOFTWARE | 0x21);
    expect(end().eip).toBe(0x300);
    expect(bench.half(STACK + 0x7fa)).toBe(2);
  });
});

describe('protected mode at CPL 3 with CR4.PVI (20.4)', () => {
  const pvi = (flags = 0, iopl: 0 | 3 = 0) => {
    bench.protectedMode(3);
    R[CR4] = PVI;
    cpu.eflags = 2 | flags | (iopl << 12);
  };
  it('CLI and STI change VIF; STI with VIP is #GP(0)', () => {
    pvi(VIF);
    bench.code('cli');
    expect(bench.event()).toMatchObject({ vector: 13, eip: CODE + 1, flags: 0x10002 });
    pvi();
    bench.code('sti');
    expect(bench.event()).toMatchObject({ vector: 13, eip: CODE + 1, flags: 0x10002 | VIF });
    pvi(VIP);
    bench.code('sti');
    expect(bench.event()).toMatchObject({ vector: 13, error: 0, eip: CODE });
  });
  it('PUSHF and POPF go on as without it: IF is shown and kept', () => {
    pvi(VIF);
    bench.code(`pushf; pop eax; push ${IF}; popf`);
    expect(bench.event().flags & (IF | VIF)).toBe(VIF);
    expect(R[EAX]! & (IF | VIF)).toBe(VIF);
  });
  it('without PVI, and at CPL 1 and 2, they fault; with IOPL 3 they change IF', () => {
    bench.protectedMode(3);
    bench.code('sti');
    expect(bench.fault()).toEqual([13, 0, 0]);
    pvi(0, 3);
    bench.code('sti');
    expect(bench.event().flags & (IF | VIF)).toBe(IF);
    bench.protectedMode();
    R[CR4] = PVI;
    bench.descriptor(FREE, 0, 0xfffff, 0xbb, 12);
    bench.descriptor(FREE + 8, 0, 0xfffff, 0xb3, 12);
    bench.segment(CS, FREE | 1, 0, -1, 0xc0bb);
    bench.segment(2, (FREE + 8) | 1, 0, -1, 0xc0b3);
    R[CPL] = 1;
    cpu.reload();
    bench.code('sti');
    expect(bench.fault()).toEqual([13, 0, 0]);
  });
  it('an IRET to CPL 3 that brings VIF and VIP faults before the first instruction there', () => {
    bench.protectedMode();
    R[CR4] = PVI;
    const frame = [USER_DATA, USER_STACK, 2 | VIF | VIP, USER_CODE, CODE + 0x40];
    R[ESP] = KERNEL_STACK - 20;
    for (const [i, value] of frame.entries()) bench.setWord(KERNEL_STACK - 4 - i * 4, value);
    bench.code('iret');
    bench.put(CODE + 0x40, 'inc ebx; hlt');
    R[EBX] = 0;
    expect([bench.fault(), R[EBX], R[EIP]]).toEqual([[13, 0, 0x40], 0, HANDLERS + 13 * 8]);
  });
});
