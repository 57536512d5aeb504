/** 64-bit code on the processor of level x86-64. What it does instruction by instruction is what a host recorded: `npm run -s oracle`. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ExitReason } from '../architecture/edge.ts';
import {
  CR2,
  EAX,
  EBX,
  ECX,
  EDX,
  EIP,
  ESI,
  ESP,
  FS,
  HIGH,
  R8,
  R9,
  SEG,
  SEG_BASE,
  SEG_WORDS,
} from '../architecture/registers.ts';
import { hex } from '../test-support/asm.ts';
import { Bench, CODE, DATA, KERNEL_STACK } from '../test-support/bench.ts';

const FAR = 0xffff_8880_0000_0000n,
  OTHER = 0xffff_c900_0000_0000n;
const bench = new Bench({ cpuLevel: 'x86-64' });
beforeEach(() => {
  bench.longMode(0, [FAR]);
});
const run = (digits: string) => {
  bench.code(hex(digits));
  expect(bench.run()).toBe(ExitReason.HLT);
};

describe('operands of 64 bits (SDM vol. 1, 3.4.1.1)', () => {
  it('carry from half to half; 32 bits clear the high half, 16 and 8 leave it', () => {
    bench.setWide(EAX, 0xffff_ffffn);
    bench.setWide(EBX, 0x1111_2222_ffff_ffffn);
    bench.setWide(ECX, 0x1111_2222_3333_4444n);
    bench.setWide(R8, 0x1234_5678_9abc_def0n);
    // add rax, 1; add ebx, 1; mov cl, 5; mov r9, r8; inc r9w; mov spl's like: mov sil, 7
    run('4883c001 83c301 b105 4d89c1 6641ffc1 40b607'.replaceAll(' ', ''));
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
    run('4883e801'); // sub rax, 1
    expect([bench.wide(EAX), bench.cpu.eflags & 0x8d5]).toEqual([0x7fff_ffff_ffff_ffffn, 0x814]);
    bench.R[SEG + SEG_WORDS + 3] = 0xc09b;
    bench.cpu.reload();
    expect(bench.cpu.eflags & 0x8d5).toBe(0x814);
  });

  it('products have 128 bits', () => {
    bench.setWide(EAX, 0xffff_ffff_ffff_ffffn);
    bench.setWide(EBX, 0xffff_ffff_ffff_fff0n);
    run('48f7e3'); // mul rbx
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
    // add [rbx], 16; mov eax, [rbx]; mov edx, [rcx]; add dword [DATA], 1
    run(`8303108b038b11830425${DATA.toString(16).padStart(8, '0').match(/../g)!.reverse().join('')}01`);
    expect([bench.R[EAX], bench.R[EDX], bench.word(DATA), bench.word(DATA + 0x2000)]).toEqual([17, 2, 18, 2]);
  });

  it('across two pages, and across a multiple of 512 GiB', () => {
    const edge = 0x80_0000_0000n;
    bench.map(edge - 4096n, DATA);
    bench.map(edge, DATA + 0x3000);
    bench.setWide(EBX, edge - 4n);
    bench.setWide(EAX, 0x1122_3344_5566_7788n);
    run('48890348 8b0b'.replaceAll(' ', '')); // mov [rbx], rax; mov rcx, [rbx]
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
    expect(faults(EBX, 0xffff_9000_0000_1234n, '8903')).toEqual([
      14,
      2,
      Number(BigInt.asIntN(64, 0xffff_9000_0000_1234n)),
    ]);
    expect(bench.R[CR2]! | bench.R[CR2 + HIGH]!).toBe(0);
  });

  it('in FS begin at its base, by RIP at the instruction’s end', () => {
    bench.setWide(SEG + FS * SEG_WORDS + SEG_BASE, FAR);
    bench.setWord(DATA, 77);
    bench.setWide(EBX, BigInt(DATA));
    run('648b03 488d0d10000000'.replaceAll(' ', '')); // mov eax, fs:[rbx]; lea rcx, [rip+16]
    expect([bench.R[EAX], bench.wide(ECX)]).toEqual([77, BigInt(CODE + 3 + 7 + 16)]);
  });
});

it('runs the same code at two addresses, calls and returns there', () => {
  bench.code(hex('e80200000090f448ffc0c3')); // call +2; nop; hlt; inc rax; ret
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
