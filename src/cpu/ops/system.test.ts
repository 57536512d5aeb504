/** Control registers, MSRs and fast system calls: SDM vol. 3, chapter 2; vol. 2 at each mnemonic; vol. 4 for MSRs. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ExitReason } from '../architecture/edge.ts';
import {
  CPL,
  CR0,
  CR4,
  CS,
  DS,
  EAX,
  EBX,
  ECX,
  EDX,
  EFLAGS,
  EIP,
  ESP,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  SS,
} from '../architecture/registers.ts';
import { asm, hex } from '../test-support/asm.ts';
import { Bench, CODE, DATA, KERNEL_STACK } from '../test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
beforeEach(() => {
  bench.protectedMode();
});
const run = (...code: (string | number | number[])[]) => {
  bench.code(...code);
  return bench.fault();
};

describe('CR0 and CR4 (2.5)', () => {
  it('PG without PE and NW without CD are #GP(0)', () => {
    for (const value of [0x80000000, 0x20000011]) {
      bench.protectedMode();
      R[EAX] = value | 0;
      expect(run('mov cr0, eax')).toEqual([13, 0, 0]);
    }
  });
  it('reserved bits of CR4 are #GP(0)', () => {
    for (const bit of [13, 14, 16, 17, 18, 22, 31]) {
      bench.protectedMode();
      R[EAX] = 1 << bit;
      expect(run('mov cr4, eax')).toEqual([13, 0, 0]);
    }
  });
  it('CR1, CR5 to CR7 are #UD', () => {
    for (const modrm of [0xc8, 0xe8, 0xf0, 0xf8]) {
      bench.protectedMode();
      expect(run([0x0f, 0x22, modrm])).toEqual([6, undefined, 0]);
    }
  });
  it('LMSW sets PE, MP, EM, TS and does not clear PE', () => {
    bench.code('mov eax, 0xe; lmsw ax');
    bench.run();
    expect(R[CR0]! & 0xf).toBe(0xf);
  });
});

describe('SYSENTER and SYSEXIT', () => {
  it('go to the MSRs and back to ECX and EDX, with flat segments', () => {
    bench.protectedMode(3);
    R[MSR_SYSENTER_CS] = 8;
    R[MSR_SYSENTER_ESP] = KERNEL_STACK;
    R[MSR_SYSENTER_EIP] = CODE + 0x100;
    R[EFLAGS] = 0x200;
    bench.code('sysenter');
    bench.put(CODE + 0x100, 'nop; sysexit');
    bench.cpu.run(2);
    expect([R[CPL], bench.selector(CS), bench.selector(SS), R[ESP], R[EIP], R[EFLAGS]! & 0x200]).toEqual([
      0,
      8,
      0x10,
      KERNEL_STACK,
      CODE + 0x101,
      0,
    ]);
    R[ECX] = 0x1234;
    R[EDX] = CODE + 0x200;
    bench.cpu.run(1);
    expect([R[CPL], bench.selector(CS), bench.selector(SS), R[ESP], R[EIP]]).toEqual([
      3,
      0x1b,
      0x23,
      0x1234,
      CODE + 0x200,
    ]);
  });
  it('without a CS in the MSR, and SYSEXIT at CPL 3, are #GP(0)', () => {
    expect(run('sysenter')).toEqual([13, 0, 0]);
    bench.protectedMode(3);
    R[MSR_SYSENTER_CS] = 8;
    expect(run('sysexit')).toEqual([13, 0, 0]);
  });
});

describe('privilege and identity', () => {
  it('UMIP makes SGDT, SIDT, SLDT, STR, SMSW fault at CPL 3 (2.5)', () => {
    for (const code of ['sgdt [ebx]', 'sidt [ebx]', 'sldt eax', 'str eax', 'smsw eax']) {
      bench.protectedMode(3);
      R[EBX] = DATA;
      R[CR4] = 0x800;
      expect(run(code)).toEqual([13, 0, 0]);
      bench.protectedMode(3);
      R[EBX] = DATA;
      expect(run(code, 'hlt')).toEqual([13, 0, asm(code).length]);
    }
  });
  it('CLAC and STAC at CPL 3 are #UD; RDTSC with TSD, RDPMC are #GP(0)', () => {
    for (const [code, vector] of [
      ['clac', 6],
      ['stac', 6],
      ['rdtsc', 13],
      ['rdpmc', 13],
    ] as const) {
      bench.protectedMode(3);
      R[CR4] = 4;
      expect(run(code)[0]).toBe(vector);
    }
  });
  it('ARPL raises the RPL, sets ZF then, and writes only what changes', () => {
    const arpl = (destination: number, source: number, rights = 0xc093) => {
      bench.protectedMode();
      bench.segment(DS, 0x10, 0, -1, rights);
      bench.cpu.reload();
      bench.setWord(DATA, destination);
      R[EAX] = source;
      R[EBX] = DATA;
      bench.code('arpl [ebx], ax');
      bench.run();
      return [R[EIP]! - CODE, bench.half(DATA), bench.cpu.eflags & 0x40];
    };
    expect([arpl(0xfff0, 2), arpl(0xfff3, 2), arpl(0xfff2, 2)]).toEqual([
      [2, 0xfff2, 0x40],
      [2, 0xfff3, 0],
      [2, 0xfff2, 0],
    ]);
    expect(arpl(0xfff3, 2, 0xc091)).toEqual([2, 0xfff3, 0]);
    bench.protectedMode();
    bench.segment(DS, 0x10, 0, -1, 0xc091);
    bench.cpu.reload();
    bench.setWord(DATA, 0);
    Object.assign(R, { [EAX]: 3, [EBX]: DATA });
    expect(run('arpl [ebx], ax')).toEqual([13, 0, 0]);
  });
  it('RDTSCP and RDPID give IA32_TSC_AUX', () => {
    bench.tsc = 77;
    bench.code('mov ecx, 0xc0000103; mov eax, 5; xor edx, edx; wrmsr; rdtscp; rdpid ebx');
    bench.run();
    expect([R[EAX], R[ECX], R[EBX]]).toEqual([77, 5, 5]);
  });
  it('LOCK on what cannot be locked is #UD, 16 bytes are #GP(0), UD2 is #UD', () => {
    expect(run(hex('f0 90'))).toEqual([6, undefined, 0]);
    bench.protectedMode();
    expect(run(hex('66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90'))).toEqual([13, 0, 0]);
    bench.protectedMode();
    expect(run('ud2')).toEqual([6, undefined, 0]);
  });
  it('LOCK CMPXCHG8B exchanges both halves or loads EDX:EAX', () => {
    bench.setWord(DATA, 1);
    bench.setWord(DATA + 4, -2);
    Object.assign(R, { [EAX]: 1, [EDX]: -2, [EBX]: 0x80000003 | 0, [ECX]: 4 });
    bench.code(`lock cmpxchg8b [${DATA}]; lock cmpxchg8b [${DATA}]`);
    bench.run();
    expect([bench.word(DATA), bench.word(DATA + 4), R[EAX], R[EDX], bench.cpu.eflags & 0x40]).toEqual([
      0x80000003,
      4,
      0x80000003 | 0,
      4,
      0,
    ]);
  });
});

describe('MSRs (vol. 4)', () => {
  const write = (msr: number, low: number, high = 0) => {
    bench.protectedMode();
    R[ECX] = msr | 0;
    R[EAX] = low | 0;
    R[EDX] = high;
    bench.code('wrmsr');
    return bench.run() === ExitReason.HLT && R[EIP] === CODE + 2 ? 'done' : 'fault';
  };
  it('reserved bits and bad memory types are #GP(0)', () => {
    expect([write(0x277, 0x00070406), write(0x277, 2), write(0xc0000080, 0x800), write(0xc0000080, 0x100)]).toEqual([
      'done',
      'fault',
      'done',
      'fault',
    ]);
    expect([write(0x1b, 0xfee00900), write(0x1b, 0xfee00901), write(0x1b, 0xfee00d00)]).toEqual([
      'done',
      'fault',
      'fault',
    ]);
    expect([
      write(0x2ff, 0xc06),
      write(0x2ff, 0xc02),
      write(0x200, 6),
      write(0x200, 0x106),
      write(0x201, 0xfff00800, 0xf),
      write(0x201, 0, 0x10),
    ]).toEqual(['done', 'fault', 'done', 'fault', 'done', 'fault']);
  });
});

it('#AC: unaligned at CPL 3 with AM and AC, not for the supervisor (6.15, interrupt 17)', () => {
  for (const [cpl, ac, am, faults] of [
    [3, 1, 1, true],
    [3, 0, 1, false],
    [3, 1, 0, false],
    [0, 1, 1, false],
  ] as const) {
    bench.protectedMode(cpl);
    R[CR0]! |= am << 18;
    bench.cpu.eflags = 2 | (ac << 18);
    bench.code(`mov eax, [${DATA + 2}]; mov eax, [${DATA + 1}]`);
    bench.put(CODE + 10, 'ud2');
    expect(bench.fault().slice(0, 2)).toEqual(faults ? [17, 0] : [6, undefined]);
  }
});
