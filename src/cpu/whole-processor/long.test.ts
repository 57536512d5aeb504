/** 64-bit code on a processor of 64 bits. What it does instruction by instruction is what a host recorded: `npm run -s oracle`. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ExitReason } from '../architecture/edge.ts';
import {
  CPL,
  CR0,
  CR2,
  CR3,
  CR4,
  CS,
  DR,
  EAX,
  EBP,
  EBX,
  ECX,
  EDI,
  EDX,
  EFER,
  EIP,
  ESI,
  ESP,
  FS,
  GDTR_LIMIT,
  GS,
  HIGH,
  MONITOR_ADDRESS,
  MONITOR_STATE,
  MSR_FMASK,
  MSR_LSTAR,
  MSR_STAR,
  R11,
  R8,
  R9,
  SEG,
  SEG_BASE,
  SEG_WORDS,
  SS,
  TR,
} from '../architecture/registers.ts';
import { restoreRegisters, saveRegisters } from '../architecture/saved-registers.ts';
import { addRegions } from '../region/index.ts';
import { asm, asm64, hex } from '../test-support/asm.ts';
import { createLongMode } from '../long-mode.ts';
import {
  Bench,
  CODE,
  DATA,
  FREE,
  HANDLERS,
  IST1_STACK,
  KERNEL_CODE64,
  KERNEL_STACK,
  USER_CODE64,
  USER_DATA,
  USER_STACK,
} from '../test-support/bench.ts';

const OSFXSR = 0x200,
  AM = 1 << 18,
  AC = 1 << 18;
const FAR = 0xffff_8880_0000_0000n,
  OTHER = 0xffff_c900_0000_0000n;
const bench = new Bench({ cpuLevel: 'x86-64-v2', longMode: createLongMode });
beforeEach(() => {
  bench.longMode(0, [FAR]);
});
const run = (code: number[]) => {
  bench.code(code);
  expect(bench.run()).toBe(ExitReason.HLT);
};

describe('operands of 64 bits (SDM vol. 1, 3.4.1.1)', () => {
  it('carry from half to half; 32 bits clear the high half, 16 and 8 leave it', () => {
    bench.setWide(EAX, 0xffff_ffffn);
    bench.setWide(EBX, 0x1111_2222_ffff_ffffn);
    bench.setWide(ECX, 0x1111_2222_3333_4444n);
    bench.setWide(R8, 0x1234_5678_9abc_def0n);
    run(asm64('add rax, 1; add ebx, 1; mov cl, 5; mov r9, r8; inc r9w; mov sil, 7'));
    expect([EAX, EBX, ECX, R9].map(word => bench.wide(word))).toEqual([
      0x1_0000_0000n,
      0n,
      0x1111_2222_3333_4405n,
      0x1234_5678_9abc_def1n,
    ]);
    expect(bench.R[ESI]! & 0xff).toBe(7);
  });

  it('flags are those of all 64, and other code finds them when 64-bit code is left', () => {
    bench.setWide(EAX, 0x8000_0000_0000_0000n);
    run(asm64('sub rax, 1'));
    expect([bench.wide(EAX), bench.cpu.eflags & 0x8d5]).toEqual([0x7fff_ffff_ffff_ffffn, 0x814]);
    bench.R[SEG + SEG_WORDS + 3] = 0xc09b;
    bench.cpu.reload();
    expect(bench.cpu.eflags & 0x8d5).toBe(0x814);
  });

  it('that LAR and LSL do not write stay; CVTSD2SI writes 32 bits whatever 66h says', () => {
    bench.setWide(EAX, 0x1111_2222_3333_4444n);
    bench.setWide(EBX, 0x1111_2222_3333_4444n);
    bench.setWide(ECX, 0x1111_2222_0000_0000n);
    bench.R[CR4]! |= OSFXSR;
    // lar eax, cx; lsl ebx, cx (of no selector); data16 cvtsd2si ecx, xmm0
    run(hex('0f02c1 0f03d9 66f20f2dc8'));
    expect([EAX, EBX, ECX].map(word => bench.wide(word))).toEqual([0x1111_2222_3333_4444n, 0x1111_2222_3333_4444n, 0n]);
  });

  it('LAR and LSL know no system descriptors but those of long mode (SDM vol. 2, tables 3-53 and 3-64)', () => {
    const known = (digits: string, type: number) => {
      bench.longMode();
      bench.descriptor(FREE, 0, 0xfff, 0x80 | type, 0);
      bench.setWide(ECX, BigInt(FREE));
      run(hex(digits));
      return (bench.cpu.eflags & 0x40) !== 0;
    };
    const types = Array.from({ length: 16 }, (_, type) => type);
    expect(types.filter(type => known('0f02c1', type))).toEqual([2, 9, 11, 12]);
    expect(types.filter(type => known('0f03c1', type))).toEqual([2, 9, 11]);
  });

  it('lengths of PCMPESTRI are no part of an address (SDM vol. 2, PCMPESTRI)', () => {
    bench.setWide(EAX, 1n << 40n);
    bench.setWide(EDX, FAR + BigInt(DATA));
    bench.R[CR4]! |= OSFXSR;
    bench.cpu.controls.exceptionBitmap = -1;
    run(hex('66480f3a610208')); // pcmpestriq xmm0, [rdx], 8: equal each
    expect([bench.wide(EDX), bench.wide(EAX)]).toEqual([FAR + BigInt(DATA), 1n << 40n]);
  });

  it('no control register is CR9 to CR15, no debug register DR8 to DR15, at any privilege (SDM vol. 2, MOV)', () => {
    const vector = (privilege: 0 | 3, digits: string) => {
      bench.longMode(privilege);
      bench.cpu.controls.exceptionBitmap = -1;
      bench.code(hex(digits));
      expect(bench.run()).toBe(ExitReason.EXCEPTION_OR_NMI);
      return bench.cpu.exit.interruption & 255;
    };
    // mov rcx, cr9; mov cr15, rcx; mov rcx, dr8; mov dr15, rcx; mov rcx, cr8
    const codes = ['440f20c9', '440f22f9', '440f21c1', '440f23f9'];
    expect([0, 3].map(level => codes.map(code => vector(level as 0 | 3, code)))).toEqual([
      [6, 6, 6, 6],
      [6, 6, 6, 6],
    ]);
    expect(vector(3, '440f20c1')).toBe(13);
  });

  it('products have 128 bits', () => {
    bench.setWide(EAX, 0xffff_ffff_ffff_ffffn);
    bench.setWide(EBX, 0xffff_ffff_ffff_fff0n);
    run(asm64('mul rbx'));
    expect([bench.wide(EDX), bench.wide(EAX)]).toEqual([0xffff_ffff_ffff_ffefn, 0x10n]);
  });
});

describe('addresses of 64 bits', () => {
  it('at one low half lie in slots of their own, and name what their tables say', () => {
    for (let page = 0; page < 2; page++) bench.map(OTHER + BigInt(DATA + page * 4096), DATA + 0x2000 + page * 4096);
    bench.setWord(DATA, 1);
    bench.setWord(DATA + 0x2000, 2);
    bench.setWide(EBX, FAR + BigInt(DATA));
    bench.setWide(ECX, OTHER + BigInt(DATA));
    run(asm64(`add dword [rbx], 16; mov eax, [rbx]; mov edx, [rcx]; add dword [abs ${DATA}], 1`));
    expect([bench.R[EAX], bench.R[EDX], bench.word(DATA), bench.word(DATA + 0x2000)]).toEqual([17, 2, 18, 2]);
  });

  it('across two pages, and across a multiple of 512 GiB', () => {
    const edge = 0x80_0000_0000n;
    bench.map(edge - 4096n, DATA);
    bench.map(edge, DATA + 0x3000);
    bench.setWide(EBX, edge - 4n);
    bench.setWide(EAX, 0x1122_3344_5566_7788n);
    run(asm64('mov [rbx], rax; mov rcx, [rbx]'));
    expect([bench.wide(ECX), bench.word(DATA + 4092), bench.word(DATA + 0x3000)]).toEqual([
      0x1122_3344_5566_7788n,
      0x55667788,
      0x11223344,
    ]);
  });

  it('that are not canonical are #GP(0), by RSP #SS(0); pages that are not there #PF with all of the address', () => {
    bench.cpu.controls.exceptionBitmap = -1;
    const faults = (register: number, value: bigint, digits: string) => {
      bench.longMode();
      bench.cpu.controls.exceptionBitmap = -1;
      bench.setWide(register, value);
      bench.code(hex(digits));
      expect(bench.run()).toBe(ExitReason.EXCEPTION_OR_NMI);
      return [bench.cpu.exit.interruption & 255, bench.cpu.exit.errorCode, bench.cpu.exit.qualification];
    };
    expect(faults(EBX, 0x8000_0000_0000n, '8b03')).toEqual([13, 0, 0]);
    expect(faults(ESP, 0x8000_0000_0000n, '58')).toEqual([12, 0, 0]);
    expect(faults(EBX, 0x7fff_ffff_fffdn, '8b03')).toEqual([13, 0, 0]);
    expect(faults(EBX, 0x9000_0000n, '8b03')).toEqual([14, 0, 0x9000_0000]);
    expect(faults(EBX, 0xffff_9000_0000_1234n, '8903')).toEqual([
      14,
      2,
      Number(BigInt.asIntN(64, 0xffff_9000_0000_1234n)),
    ]);
    expect(bench.R[CR2]! | bench.R[CR2 + HIGH]!).toBe(0);
  });

  it.each([
    ['LEAVE off eight bytes of a page that is not there, as of POP', EBP, 0x9000_0001n, 'c9'],
    ['an operand whose end is not canonical (Intel, seen)', EBX, 0x7fff_ffff_fffan, '0f7603'],
    ['the same of a register', EBX, 0x7fff_ffff_fffan, '488b03'],
  ])('%s: #AC first', (_, register, value, digits) => {
    bench.longMode(3);
    bench.R[CR0]! |= AM;
    bench.cpu.eflags = 2 | AC;
    bench.cpu.controls.exceptionBitmap = -1;
    bench.setWide(register, value);
    bench.code(hex(digits));
    expect([bench.run(), bench.cpu.exit.interruption & 255]).toEqual([ExitReason.EXCEPTION_OR_NMI, 17]);
  });

  it('in FS begin at its base, by RIP at the instruction’s end', () => {
    bench.setWide(SEG + FS * SEG_WORDS + SEG_BASE, FAR);
    bench.setWord(DATA, 77);
    bench.setWide(EBX, BigInt(DATA));
    run(asm64('mov eax, [fs:rbx]; lea rcx, [rel next + 16]; next:'));
    expect([bench.R[EAX], bench.wide(ECX)]).toEqual([77, BigInt(CODE + 3 + 7 + 16)]);
  });
});

describe('pointers of the x87 have 64 bits (SDM vol. 1, 8.1.8; vol. 2, FXSAVE)', () => {
  const AREA = DATA + 0x1000;
  const pointers = () => [8, 12, 16, 20].map(offset => bench.word(AREA + offset));
  const start = (code: number[]) => {
    bench.R[CR4]! |= OSFXSR;
    bench.code(code);
    bench.setWide(EIP, FAR + BigInt(CODE));
    bench.setWide(EBX, FAR + BigInt(DATA));
    bench.setWide(ECX, FAR + BigInt(AREA));
    bench.cpu.reload();
    expect(bench.run()).toBe(ExitReason.HLT);
  };

  it('FXSAVE64 stores them, FXRSTOR64 loads them', () => {
    start(asm64('fninit; fld1; fld qword [rbx]; fxsave64 [rcx]'));
    const all = [CODE + 4, Number(FAR >> 32n), DATA, Number(FAR >> 32n)];
    expect(pointers()).toEqual(all);
    start(asm64('fxrstor64 [rcx]; mov dword [rcx+12], 0; fxsave64 [rcx]'));
    expect(pointers()).toEqual(all);
  });

  it('of an operand in FS they count from its base', () => {
    bench.setWide(SEG + FS * SEG_WORDS + SEG_BASE, FAR + BigInt(DATA) - 0x1_0000_0010n);
    bench.setWide(EDX, 0x1_0000_0010n);
    start(asm64('fninit; fld qword [fs:rdx]; fxsave64 [rcx]'));
    expect(pointers().slice(2)).toEqual([0x10, 1]);
  });

  it('FXSAVE without REX.W stores 32 bits and selectors; what loads 32 bits clears the others', () => {
    start(asm64('fninit; fld qword [rbx]; fxsave [rcx]'));
    expect(pointers()).toEqual([CODE + 2, KERNEL_CODE64, DATA, expect.anything()]);
    for (const loads of ['fxrstor [rcx]', 'fnstenv [rcx+64]; fldenv [rcx+64]']) {
      start(asm64(`fld qword [rbx]; ${loads}; fxsave64 [rcx]`));
      expect(pointers().filter((_, i) => i % 2 === 1)).toEqual([0, 0]);
    }
  });

  it('name FNOP, too, and no instruction whose operand could not be reached (Intel, seen)', () => {
    start(asm64('fninit; fnop; fxsave64 [rcx]'));
    expect(pointers()[0]).toBe(CODE + 2);
    start(asm64('fninit; fld qword [abs 0xffffffffa0000000]')); // It ends in the handler's HLT.
    start(asm64('fxsave64 [rcx]'));
    expect(pointers()).toEqual([0, 0, 0, 0]);
  });

  it('are saved with the other registers', () => {
    start(asm64('fninit; fld qword [rbx]'));
    const saved = saveRegisters(bench.R);
    start(asm64('fninit'));
    restoreRegisters(bench.R, saved);
    bench.cpu.reload();
    start(asm64('fxsave64 [rcx]'));
    expect(pointers()).toEqual([CODE + 2, Number(FAR >> 32n), DATA, Number(FAR >> 32n)]);
  });
});

it('runs the same code at two addresses, calls and returns there', () => {
  bench.code(asm64('call next; nop; hlt; next: inc rax; ret'));
  for (const base of [0n, FAR]) {
    bench.setWide(EIP, base + BigInt(CODE));
    bench.setWide(ESP, base + BigInt(KERNEL_STACK));
    bench.cpu.reload();
    bench.setWide(EAX, 5n);
    expect(bench.run()).toBe(ExitReason.HLT);
    expect([bench.wide(EIP), bench.wide(ESP), bench.wide(EAX)]).toEqual([
      base + BigInt(CODE + 6),
      base + BigInt(KERNEL_STACK),
      6n,
    ]);
  }
});

const SELECTORS = [CS, SS] as const;
const selectors = () => SELECTORS.map(segment => bench.selector(segment));

describe('what turns long mode on (SDM vol. 3, 9.8.5)', () => {
  const on = `mov eax, cr4; or eax, 0x20; mov cr4, eax; mov eax, ${0x40000}; mov cr3, eax; mov ecx, 0xc0000080; rdmsr; or eax, 0x100; wrmsr;
    mov eax, cr0; or eax, 0x80000000; mov cr0, eax`;
  beforeEach(() => {
    // Tables and descriptors of long mode lie there; the processor begins in 32-bit code.
    bench.longMode();
    const limit = bench.R[GDTR_LIMIT]!;
    bench.R[CR0] = 0x33;
    bench.R[CR4] = bench.R[EFER] = bench.R[CR3] = 0;
    bench.level(0);
    bench.R[GDTR_LIMIT] = limit;
    bench.cpu.reload();
  });

  it('is paging with LME set; a far jump leads to 64-bit code, another one back to compatibility code', () => {
    const there = asm(`${on}; jmp ${KERNEL_CODE64}:0x10100`);
    bench.put(CODE, there);
    bench.put(CODE + 0x100, asm64('mov rax, 0x1122334455667788; jmp dword far [abs 0x10200]'));
    bench.setWord(CODE + 0x200, CODE + 0x300);
    bench.setWord(CODE + 0x204, 8);
    bench.put(CODE + 0x300, asm64('inc eax; hlt'));
    expect(bench.run()).toBe(ExitReason.HLT);
    expect([bench.R[EFER], bench.R[EAX], bench.R[EIP], selectors()[0]]).toEqual([0x500, 0x55667789, CODE + 0x302, 8]);
  });

  it('needs PAE; LME does not change under paging, PAE does not go', () => {
    bench.code('mov ecx, 0xc0000080; mov eax, 0x100; xor edx, edx; wrmsr; mov eax, 0x80000033; mov cr0, eax');
    bench.cpu.controls.exceptionBitmap = -1;
    expect([bench.run(), bench.cpu.exit.interruption & 255]).toEqual([ExitReason.EXCEPTION_OR_NMI, 13]);
    bench.longMode();
    bench.cpu.controls.exceptionBitmap = -1;
    bench.setWide(ECX, 0xc0000080n);
    bench.setWide(EAX, 1n);
    bench.setWide(EDX, 0n);
    bench.code(asm64('wrmsr'));
    expect([bench.run(), bench.cpu.exit.interruption & 255]).toEqual([ExitReason.EXCEPTION_OR_NMI, 13]);
    bench.longMode();
    bench.cpu.controls.exceptionBitmap = -1;
    bench.setWide(EAX, 0n);
    bench.code(asm64('mov cr4, rax'));
    expect([bench.run(), bench.cpu.exit.interruption & 255]).toEqual([ExitReason.EXCEPTION_OR_NMI, 13]);
  });
});

describe('interrupts of long mode (SDM vol. 3, 6.14)', () => {
  const quads = (at: number, count: number) =>
    Array.from({ length: count }, (_, i) => bench.view.getBigUint64(at + 8 * i, true));

  const quadsTo = (at: number, values: readonly number[]) => {
    for (const [i, value] of values.entries()) bench.view.setBigUint64(at + 8 * i, BigInt(value), true);
  };

  it('from ring 3 come on RSP0 with a null SS, aligned; IRETQ goes back to all of it', () => {
    bench.longMode(3);
    bench.longGate(0x80, CODE + 0x100, 0xee);
    bench.setWord(0x3004, KERNEL_STACK + 8);
    bench.setWide(ESP, BigInt(USER_STACK - 3));
    bench.code(asm64('int 0x80; inc eax; ud2'));
    bench.put(CODE + 0x100, asm64('iretq'));
    bench.run(1);
    expect([bench.R[CPL], ...selectors(), bench.wide(ESP)]).toEqual([0, KERNEL_CODE64, 0, BigInt(KERNEL_STACK - 40)]);
    expect(quads(KERNEL_STACK - 40, 5)).toEqual([CODE + 2, USER_CODE64, 2, USER_STACK - 3, USER_DATA].map(BigInt));
    bench.run(2);
    expect([bench.R[CPL], ...selectors(), bench.wide(ESP), bench.R[EIP]]).toEqual([
      3,
      USER_CODE64,
      USER_DATA,
      BigInt(USER_STACK - 3),
      CODE + 4,
    ]);
  });

  it('IRETQ to ring 3 leaves GS its base where the kernel’s segment becomes null (Intel, kvm-unit-tests)', () => {
    bench.longMode(0);
    bench.segment(GS, 0x10, 0, -1, 0xc093);
    bench.setWide(SEG + GS * SEG_WORDS + SEG_BASE, FAR);
    quadsTo(KERNEL_STACK - 40, [CODE + 2, USER_CODE64, 2, USER_STACK, USER_DATA]);
    bench.setWide(ESP, BigInt(KERNEL_STACK - 40));
    bench.code(asm64('iretq'));
    bench.run(1);
    expect([bench.R[CPL], bench.selector(GS), bench.wide(SEG + GS * SEG_WORDS + SEG_BASE)]).toEqual([3, 0, FAR]);
  });

  it('may have a stack of the interrupt stack table; page faults tell all of their address', () => {
    bench.longGate(14, HANDLERS + 14 * 8, 0x8e, 1);
    bench.setWide(EBX, 0xffff_9000_0000_1234n);
    bench.code(asm64('mov eax, [rbx]'));
    expect(bench.run()).toBe(ExitReason.HLT);
    expect([bench.wide(CR2), bench.wide(ESP), quads(IST1_STACK - 48, 2)]).toEqual([
      0xffff_9000_0000_1234n,
      BigInt(IST1_STACK - 48),
      [0n, BigInt(CODE)],
    ]);
  });

  it('interrupt compatibility code, too', () => {
    bench.longMode(3);
    bench.segment(CS, USER_CODE64 - 16, 0, -1, 0xc0fb);
    bench.cpu.reload();
    bench.setWide(ESP, BigInt(USER_STACK));
    bench.code('mov eax, ds; mov ds, eax; ud2');
    expect(bench.run()).toBe(ExitReason.HLT);
    expect([bench.R[CPL], selectors()[0], quads(KERNEL_STACK - 40, 2)]).toEqual([
      0,
      KERNEL_CODE64,
      [BigInt(CODE + 4), BigInt(USER_CODE64 - 16)],
    ]);
  });
});

describe('SYSCALL and SYSRET (SDM vol. 2)', () => {
  it('swap RIP and flags with RCX and R11', () => {
    bench.longMode(3);
    bench.setWide(MSR_LSTAR, BigInt(CODE + 0x100));
    bench.setWide(MSR_STAR, (BigInt(USER_CODE64 - 16) << 48n) | (BigInt(KERNEL_CODE64) << 32n));
    bench.setWide(MSR_FMASK, 0x41n);
    bench.cpu.eflags = 0x43;
    bench.setWide(ESP, BigInt(USER_STACK));
    bench.code(asm64('syscall; inc eax'));
    bench.put(CODE + 0x100, asm64('o64 sysret'));
    bench.run(1);
    expect([bench.R[CPL], ...selectors(), bench.R[EIP], bench.wide(ECX), bench.wide(R11), bench.cpu.eflags]).toEqual([
      0,
      KERNEL_CODE64,
      KERNEL_CODE64 + 8,
      CODE + 0x100,
      BigInt(CODE + 2),
      0x43n,
      2,
    ]);
    bench.run(2);
    expect([bench.R[CPL], ...selectors(), bench.R[EIP], bench.cpu.eflags & 0x43]).toEqual([
      3,
      USER_CODE64,
      USER_CODE64 - 8,
      CODE + 4,
      0x03,
    ]);
  });

  it('SYSCALL is followed by a trap only where the mask leaves TF (XSA-204)', () => {
    bench.longMode(3);
    bench.setWide(MSR_LSTAR, BigInt(CODE + 0x100));
    bench.setWide(MSR_STAR, (BigInt(USER_CODE64 - 16) << 48n) | (BigInt(KERNEL_CODE64) << 32n));
    bench.code(asm64('syscall'));
    bench.put(CODE + 0x100, asm64('nop; hlt'));
    const ended = (mask: bigint): unknown[] => {
      bench.setWide(MSR_FMASK, mask);
      bench.setWide(EIP, BigInt(CODE));
      bench.cpu.eflags = 0x102;
      return [bench.run(10), bench.R[EIP]];
    };
    bench.cpu.controls.exceptionBitmap = -1;
    expect(ended(0x100n)).toEqual([ExitReason.HLT, CODE + 0x101]);
    expect(ended(0n)).toEqual([ExitReason.EXCEPTION_OR_NMI, CODE + 0x100]);
  });

  it('SYSRET is followed by a trap, before the first instruction of the program, only where it loads TF', () => {
    // Linux, entry_64.S: "restoring TF results in a trap from userspace immediately after SYSRET"; kvm-unit-tests, x86/syscall.c.
    bench.setWide(MSR_STAR, (BigInt(USER_CODE64 - 16) << 48n) | (BigInt(KERNEL_CODE64) << 32n));
    bench.put(CODE + 0x200, asm64('nop; nop'));
    const ended = (before: number, after: bigint): unknown[] => {
      bench.longMode();
      bench.R[EFER]! |= 1;
      bench.setWide(MSR_STAR, (BigInt(USER_CODE64 - 16) << 48n) | (BigInt(KERNEL_CODE64) << 32n));
      bench.code(asm64('o64 sysret'));
      bench.setWide(ECX, BigInt(CODE + 0x200));
      bench.setWide(R11, after);
      bench.cpu.eflags = before;
      bench.cpu.controls.exceptionBitmap = -1;
      return [bench.run(2), bench.R[EIP], bench.R[CPL], bench.cpu.exit.interruption & 255];
    };
    for (const before of [0x002, 0x102]) {
      expect(ended(before, 0x102n)).toEqual([ExitReason.EXCEPTION_OR_NMI, CODE + 0x200, 3, 1]);
      expect(ended(before, 0x002n).slice(0, 2)).toEqual([ExitReason.PREEMPTION_TIMER, CODE + 0x201]);
    }
  });

  it('are #UD without SCE', () => {
    bench.R[EFER]! &= ~1;
    bench.cpu.controls.exceptionBitmap = -1;
    bench.code(asm64('syscall'));
    expect([bench.run(), bench.cpu.exit.interruption & 255]).toEqual([ExitReason.EXCEPTION_OR_NMI, 6]);
  });
});

it('descriptor tables and the task register have bases of 64 bits', () => {
  // lgdt [rbx]; sgdt [rcx]; ltr ax
  bench.setWide(EBX, BigInt(DATA));
  bench.setWide(ECX, BigInt(DATA + 16));
  bench.view.setUint16(DATA, 0xfff, true);
  bench.view.setBigUint64(DATA + 2, FAR + 0x1000n, true);
  bench.descriptor(FREE, 0x3000, 103, 0x89);
  bench.setWord(0x1000 + FREE + 8, Number(BigInt.asIntN(32, FAR >> 32n)));
  bench.setWord(0x1000 + FREE + 12, 0);
  bench.setWide(EAX, BigInt(FREE));
  run(asm64('lgdt [rbx]; sgdt [rcx]; ltr ax'));
  expect([bench.view.getBigUint64(DATA + 18, true), bench.wide(SEG + TR * SEG_WORDS + SEG_BASE)]).toEqual([
    FAR + 0x1000n,
    FAR + 0x3000n,
  ]);
  expect(bench.bytes[0x1000 + FREE + 5]).toBe(0x8b);
});

it('is compiled by no second tier, which watches other code alone', () => {
  const other = new Bench({ cpuLevel: 'x86-64-v2', longMode: createLongMode });
  const regions = addRegions(other.cpu, 1);
  other.longMode();
  other.setWide(ECX, 20_000n);
  other.code(asm64('top: dec rcx; jnz top'));
  while (other.run() !== ExitReason.HLT);
  expect([other.wide(ECX), regions.compiled, regions.samples]).toEqual([0n, 0, 0]);
});

describe('call gates of 16 bytes (SDM vol. 2, CALL and JMP)', () => {
  const gate = (access: number, upper = 0) => {
    bench.callGate(FREE, KERNEL_CODE64, CODE + 0x100, access);
    bench.setWord(0x1000 + FREE + 8, Number(BigInt.asIntN(32, FAR >> 32n)));
    bench.setWord(0x1000 + FREE + 12, upper);
    bench.setWord(DATA, 0x7777);
    bench.view.setUint16(DATA + 4, FREE | 3, true);
  };
  const call = asm64('call dword far [abs 0x12000]');

  it('lead to an inner level on RSP0 with a null SS, SS:RSP, CS and RIP there; RETFQ goes back', () => {
    bench.longMode(3, [FAR]);
    gate(0xec);
    bench.setWide(ESP, FAR + BigInt(USER_STACK - 3));
    bench.code(call);
    bench.put(CODE + 0x100, asm64('retfq'));
    bench.run(1);
    const frame = Array.from({ length: 4 }, (_, i) => bench.view.getBigUint64(KERNEL_STACK - 32 + 8 * i, true));
    expect([bench.R[CPL], ...selectors(), bench.wide(ESP), bench.wide(EIP)]).toEqual([
      0,
      KERNEL_CODE64,
      0,
      BigInt(KERNEL_STACK - 32),
      FAR + BigInt(CODE + 0x100),
    ]);
    expect(frame).toEqual([BigInt(CODE + 7), BigInt(USER_CODE64), FAR + BigInt(USER_STACK - 3), BigInt(USER_DATA)]);
    bench.run(1);
    expect([bench.R[CPL], ...selectors(), bench.wide(ESP), bench.wide(EIP)]).toEqual([
      3,
      USER_CODE64,
      USER_DATA,
      FAR + BigInt(USER_STACK - 3),
      BigInt(CODE + 7),
    ]);
  });

  it.each([
    ['is none for this privilege level', 0x8c, 0, 3, 13, FREE],
    ['has a type in its upper half', 0xec, 0x100, 3, 13, FREE],
    ['is not present', 0x6c, 0, 3, 11, FREE],
    ['is a task gate', 0xe5, 0, 3, 13, FREE],
  ] as const)('faults where it %s', (_what, access, upper, cpl, vector, error) => {
    bench.longMode(cpl, [FAR]);
    bench.cpu.controls.exceptionBitmap = -1;
    gate(access, upper);
    bench.code(call);
    expect([bench.run(), bench.cpu.exit.interruption & 255, bench.cpu.exit.errorCode]).toEqual([
      ExitReason.EXCEPTION_OR_NMI,
      vector,
      error,
    ]);
  });

  it('a jump far leads to 64-bit code whose descriptor has no limit', () => {
    bench.longMode(0);
    bench.descriptor(FREE, 0, 0, 0x9b, 2);
    bench.segment(CS, 8, 0, -1, 0xc09b);
    bench.cpu.reload();
    bench.put(CODE, asm(`jmp ${FREE}:0x10100`));
    bench.put(CODE + 0x100, asm64('inc rax; hlt'));
    expect([bench.run(), selectors()[0]]).toEqual([ExitReason.HLT, FREE]);
  });
});

describe('ports in 64-bit code', () => {
  it('are those of the I/O permission bitmap, wherever the task state lies (SDM vol. 1, 19.5.2)', () => {
    const at = (port: number) => {
      bench.longMode(3, [FAR]);
      bench.cpu.controls.exceptionBitmap = -1;
      bench.setWide(SEG + TR * SEG_WORDS + SEG_BASE, FAR + 0x3000n);
      bench.setWord(0x3064, 104 << 16);
      bench.bytes.fill(0xff, 0x3068, 0x3168);
      bench.bytes[0x3068 + 16] = 0xfe;
      bench.code([0xe4, port]);
      return bench.run();
    };
    expect([at(0x80), at(0x81)]).toEqual([ExitReason.IO, ExitReason.EXCEPTION_OR_NMI]);
  });

  it('IN clears the high half once it is answered', () => {
    bench.setWide(EAX, 0x1111_2222_3333_4444n);
    bench.code(asm64('in eax, dx'));
    expect(bench.run()).toBe(ExitReason.IO);
    bench.cpu.completePortAccess(5);
    expect([bench.wide(EAX), bench.wide(EIP)]).toEqual([5n, BigInt(CODE + 1)]);
  });

  it.each([
    ['REP OUTSB', 'f36e', 0, 2n],
    ['REP INSB by ECX', '67f36c', 4, 2n],
  ])('%s has pointers of 64 bits', (_what, digits, beyond, times) => {
    const isShort = beyond !== 0,
      base = isShort ? 0n : FAR,
      pointer = isShort ? EDI : ESI;
    bench.bytes.set([1, 2], DATA);
    bench.setWide(pointer, base + BigInt(DATA) + (isShort ? 1n << 40n : 0n));
    bench.setWide(ECX, times + (isShort ? 1n << 40n : 0n));
    bench.code(hex(digits));
    for (let n = 0n; n < times; n++) {
      expect(bench.run()).toBe(ExitReason.IO);
      expect(bench.cpu.exit.guestLinear).toBe(Number(BigInt.asIntN(64, base + BigInt(DATA) + n)));
      if (!isShort) expect(bench.cpu.exit.value).toBe(Number(n) + 1);
      bench.cpu.completePortAccess(Number(n) + 7);
    }
    expect([bench.wide(pointer), bench.wide(ECX)]).toEqual([base + BigInt(DATA) + times, 0n]);
    if (isShort) expect(bench.bytes.slice(DATA, DATA + 2)).toEqual(new Uint8Array([7, 8]));
  });
});

it('MONITOR watches the line at all of RAX', () => {
  bench.setWide(EAX, FAR + BigInt(DATA + 70));
  bench.setWide(ECX, 0n);
  run(asm64('monitor'));
  expect([bench.R[MONITOR_STATE], bench.R[MONITOR_ADDRESS]]).toEqual([1, DATA + 64]);
});

describe('breakpoints at addresses of 64 bits (SDM vol. 3, 17.2.5)', () => {
  const hits = (dr7: number, watched: bigint, address: bigint, digits: string) => {
    bench.longMode(0, [FAR]);
    bench.cpu.controls.exceptionBitmap = 2;
    bench.setWide(DR, watched);
    bench.R[DR + 7] = dr7;
    bench.setWide(EBX, address);
    bench.setWide(EIP, FAR + BigInt(CODE));
    bench.cpu.reload();
    bench.code(hex(digits));
    const reason = bench.run();
    return reason === ExitReason.EXCEPTION_OR_NMI ? bench.cpu.exit.qualification : 0;
  };
  const at = BigInt(DATA + 4);
  it('hit there alone', () => {
    expect([hits(0xd0401, FAR + at, FAR + at, '8903'), hits(0xd0401, FAR + at, at, '8903')]).toEqual([1, 0]);
    expect([hits(0x401, FAR + BigInt(CODE), 0n, '90'), hits(0x401, BigInt(CODE), 0n, '90')]).toEqual([1, 0]);
  });
});

it('CR8 is the class of the local APIC’s TPR (SDM vol. 3, 11.8.6)', () => {
  let tpr = 0x35;
  const taskPriority = { get: () => tpr, set: (value: number) => (tpr = value) };
  const other = new Bench({ cpuLevel: 'x86-64-v2', longMode: createLongMode, taskPriority });
  other.longMode();
  other.setWide(ECX, 9n);
  other.code(asm64('mov rax, cr8; mov cr8, rcx'));
  expect([other.run(), other.wide(EAX), tpr]).toEqual([ExitReason.HLT, 3n, 0x90]);
});

it.each([
  ['2 MiB', 21n],
  ['1 GiB', 30n],
])('INVLPG drops all of a page of %s, and explain() shows its walk', (_what, shift) => {
  bench.map(OTHER, 0);
  let table = bench.R[CR3]!,
    at = 0;
  for (let level = 39n; level >= shift; level -= 9n) {
    at = table + Number((OTHER >> level) & 511n) * 8;
    table = bench.word(at) & -4096;
  }
  bench.setWord(at, 0x87);
  const levels = ['PML4E', 'PDPTE', 'PDE'].slice(0, shift === 30n ? 2 : 3);
  const linear = Number(BigInt.asIntN(64, OTHER + BigInt(DATA + 5)));
  expect(bench.cpu.memory.paging.explain(linear)).toMatchObject({
    linear,
    physical: DATA + 5,
    entries: levels.map(level => ({ level })),
  });
  bench.cpu.controls.exceptionBitmap = -1;
  bench.setWide(EBX, OTHER + BigInt(DATA));
  bench.setWide(ECX, OTHER + 0x1ff000n);
  bench.setWide(EDX, BigInt(at));
  bench.code(asm64('mov eax, [rbx]; mov dword [rdx], 0; mov eax, [rbx]; invlpg [rcx]; mov eax, [rbx]'));
  expect([bench.run(), bench.cpu.exit.interruption & 255, bench.R[EIP]]).toEqual([
    ExitReason.EXCEPTION_OR_NMI,
    14,
    CODE + 13,
  ]);
});

it('INVLPG of an address that is not canonical does nothing (SDM vol. 2)', () => {
  bench.setWide(EBX, 0x7fff_ffff_ffffn);
  bench.setWide(SEG + FS * SEG_WORDS + SEG_BASE, 0x1000n);
  bench.cpu.controls.exceptionBitmap = -1;
  bench.code(asm64('invlpg [fs:rbx]; hlt'));
  expect(bench.run()).toBe(ExitReason.HLT);
});

it('LOCK CMPXCHG16B exchanges half by half, and loses no store that comes between', () => {
  const low = 0x1122334455667788n,
    high = 0x99aabbccddeeff00n;
  const { M8 } = bench.cpu;
  const run = (memory: readonly bigint[], between?: () => void) => {
    bench.longMode();
    bench.put(CODE, 0xf0, 0x48, 0x0f, 0xc7, 0x0e, 0xf4); // lock cmpxchg16b [rsi]; hlt
    bench.R[ESI] = DATA;
    bench.setWide(EAX, low);
    bench.setWide(EDX, high);
    bench.setWide(EBX, 1n);
    bench.setWide(ECX, 2n);
    const cell = DATA >>> 3;
    memory.forEach((value, i) => (M8[cell + i] = BigInt.asIntN(64, value)));
    const { compareExchange } = Atomics;
    // Another worker's turn is behind the first exchange.
    if (between)
      Atomics.compareExchange = ((...words: Parameters<typeof compareExchange>) => {
        const found = compareExchange(...words);
        if (words[1] === cell) between();
        return found;
      }) as typeof compareExchange;
    expect(bench.run()).toBe(ExitReason.HLT);
    Atomics.compareExchange = compareExchange;
    return [
      [M8[cell], M8[cell + 1]].map(value => BigInt.asUintN(64, value!)),
      (bench.cpu.eflags >>> 6) & 1,
      bench.wide(EAX),
      bench.wide(EDX),
    ];
  };
  expect(run([low, high])).toEqual([[1n, 2n], 1, low, high]);
  expect(run([low, 7n])).toEqual([[low, 7n], 0, low, 7n]);
  expect(run([5n, high])).toEqual([[5n, high], 0, 5n, high]);
  const store = () => (M8[(DATA >>> 3) + 1] = 9n);
  expect(run([low, high], store)).toEqual([[low, 9n], 0, low, 9n]);
});
