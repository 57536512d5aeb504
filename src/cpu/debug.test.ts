/** Debug traps and breakpoints: SDM vol. 3, 17.2 and 17.3; 6.8.3 for the shadows. */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  CR4,
  DR,
  EAX,
  EBX,
  ECX,
  EDI,
  EDX,
  EFLAGS,
  EIP,
  ESI,
  ESP,
  INTERRUPTIBILITY,
  SS,
} from './architecture/registers.ts';
import { asm, d } from './test-support/asm.ts';
import { Bench, CODE, DATA, HANDLERS, KERNEL_CODE, KERNEL_DATA, KERNEL_STACK } from './test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
const TF = 0x100,
  RF = 0x10000;
beforeEach(() => {
  bench.protectedMode();
});

/** With TF set before `code`: EIPs (from CODE) of the #DB traps, `count` of them; the handler goes on by IRET. */
function traps(count: number, ...code: (string | number | number[])[]): number[] {
  bench.cpu.eflags = 2 | TF;
  bench.code(...code);
  const seen: number[] = [];
  for (let i = 0; i < count; i++) {
    const { vector, eip, flags } = bench.event();
    if (vector !== 1) throw new Error(`vector ${vector}`);
    expect([R[DR + 6]! & 0x4000, R[EFLAGS]! & TF]).toEqual([0x4000, 0]);
    seen.push(eip - CODE);
    R[DR + 6] = 0xffff0ff0 | 0;
    // As an IRET would.
    R[EIP] = eip;
    R[ESP] = R[ESP]! + 12;
    bench.cpu.eflags = flags;
  }
  return seen;
}

describe('single step (17.3.1.4)', () => {
  it('traps behind each instruction', () => expect(traps(3, 'nop; inc eax; nop; nop')).toEqual([1, 2, 3]));
  it('STI does not hold the trap back', () => expect(traps(2, 'sti; nop; nop')).toEqual([1, 2]));
  it('MOV SS and POP SS hold it back for one instruction', () => {
    R[EAX] = KERNEL_DATA;
    expect(traps(2, 'mov ss, ax; nop; nop; nop')).toEqual([3, 4]);
  });
  it('the trap of MOV SS is suppressed: an INT n or a fault behind it goes to a handler that is not trapped (6.8.3)', () => {
    for (const [code, vector] of [
      ['int1', 1],
      ['int3', 3],
      ['int 0x80', 0x80],
      ['ud2', 6],
    ] as const) {
      bench.protectedMode();
      R[EAX] = KERNEL_DATA;
      bench.cpu.eflags = 2 | TF;
      bench.code('mov ss, ax', code);
      expect(bench.event()).toMatchObject({ vector, cs: KERNEL_CODE });
      expect(R[DR + 6]! & 0x4000).toBe(0);
    }
  });
  it('REP traps after each element, EIP at the instruction until it is done', () => {
    R[ECX] = 3;
    R[EDI] = DATA;
    expect(traps(4, 'rep stosb; nop; nop')).toEqual([0, 0, 2, 3]);
  });
  it('POPF that clears TF is the last one traced; one that sets it is not traced itself', () => {
    expect(traps(2, 'push 2; popf; nop; nop')).toEqual([2, 3]);
    bench.protectedMode();
    bench.code('push 0x102; popf; nop; nop');
    expect(bench.fault()).toEqual([1, undefined, 7]);
  });
  it('IRET that sets TF traps behind the instruction it returns to', () => {
    bench.code(`push 0x102; push 8; push ${CODE + 0x20}; iret`);
    bench.put(CODE + 0x20, 'nop; nop');
    expect(bench.fault()).toEqual([1, undefined, 0x21]);
  });
  it('INT n goes to its handler untraced, which runs with TF clear', () => {
    bench.cpu.eflags = 2 | TF;
    bench.code('int 0x80');
    expect(bench.event()).toMatchObject({ vector: 0x80, eip: CODE + 2, flags: 2 | TF });
  });
  it('a fault in between does not swallow the next trap', () => {
    bench.cpu.eflags = 2 | TF;
    bench.idtGate(6, KERNEL_CODE, CODE + 0x100, 0x8e);
    bench.put(CODE + 0x100, 'add dword [esp], 2; iret');
    bench.code('ud2; nop; nop');
    expect(bench.fault()).toEqual([1, undefined, 3]);
  });
  it('a faulting instruction is not trapped', () => {
    bench.cpu.eflags = 2 | TF;
    bench.code('ud2');
    expect(bench.fault()).toEqual([6, undefined, 0]);
  });
});

describe('breakpoints (17.2)', () => {
  it('on execution: a fault at the instruction, RF pushed clear, B0 set; with RF it runs', () => {
    R[DR] = CODE + 1;
    R[DR + 7] = 0x402;
    bench.cpu.reload();
    bench.code('nop; inc eax; nop');
    expect(bench.event()).toMatchObject({ vector: 1, eip: CODE + 1, flags: 2 });
    expect(R[DR + 6]! & 0xf00f).toBe(1);
    R[EIP] = CODE + 1;
    bench.cpu.eflags = 2 | RF;
    bench.run();
    expect([R[EIP], R[EFLAGS]! & RF]).toEqual([CODE + 3, 0]);
  });
  it('RF of an IRETD lasts for one instruction', () => {
    R[DR] = CODE + 0x20;
    R[DR + 1] = CODE + 0x21;
    R[DR + 7] = 0x40a;
    bench.cpu.reload();
    bench.code(`push 0x10002; push 8; push ${CODE + 0x20}; iret`);
    bench.put(CODE + 0x20, 'nop; nop');
    expect(bench.fault()).toEqual([1, undefined, 0x21]);
  });
  it('on writes: a trap behind the instruction; reads only with R/W 3; each length', () => {
    for (const [kind, code, hit] of [
      [1, `mov [${DATA}], eax`, true],
      [1, `mov eax, [${DATA}]`, false],
      [3, `mov eax, [${DATA}]`, true],
      [3, `mov [${DATA}], eax`, true],
    ] as const) {
      bench.protectedMode();
      R[DR + 2] = DATA;
      R[DR + 7] = 0x400 | 0x20 | (kind << 24) | (3 << 26);
      bench.cpu.reload();
      bench.code(code, 'nop');
      bench.idtGate(3, KERNEL_CODE, HANDLERS + 24, 0x8e);
      bench.put(CODE + 6, 'int3');
      expect(bench.fault()).toEqual(hit ? [1, undefined, 5] : [3, undefined, 7]);
      if (hit) expect(R[DR + 6]! & 0xf00f).toBe(4);
    }
  });
  it('an access beside it does not hit; one that overlaps by a byte does', () => {
    for (const [at, hit] of [
      [DATA + 4, false],
      [DATA + 3, true],
      [DATA - 1, true],
      [DATA - 4, false],
    ] as const) {
      bench.protectedMode();
      R[DR] = DATA;
      R[DR + 7] = 0x402 | 0xd0000;
      bench.cpu.reload();
      bench.code(`mov [${at}], eax; int3`);
      expect(bench.event().vector).toBe(hit ? 1 : 3);
    }
  });
  it('locked read-modify-writes are watched', () => {
    for (const code of ['lock inc dword [ebx]', 'xchg [ebx], eax', 'lock cmpxchg8b [ebx]']) {
      bench.protectedMode();
      R[DR] = DATA;
      R[DR + 7] = 0x402 | 0xd0000;
      bench.cpu.reload();
      R[EBX] = DATA;
      bench.code(code, 'int3');
      expect(bench.event()).toMatchObject({ vector: 1, eip: CODE + asm(code).length });
    }
  });
  it('REP MOVS and STOS are watched inside a page', () => {
    R[DR] = DATA + 40;
    R[DR + 7] = 0x402 | 0x10000;
    bench.cpu.reload();
    R[EDI] = DATA;
    R[ECX] = 100;
    bench.code('rep stosb');
    expect(bench.fault()).toEqual([1, undefined, 0]);
    expect(R[ECX]).toBe(59);
  });
});

describe('breakpoints and the shadow of MOV SS and POP SS (6.8.3)', () => {
  /** A breakpoint on execution at CODE + `offset`. */
  const breakAt = (offset: number) => {
    R[DR] = CODE + offset;
    R[DR + 7] = 0x402;
    bench.cpu.reload();
  };
  /** A breakpoint on reads and writes of four bytes at DATA. */
  const watch = () => {
    R[DR] = DATA;
    R[DR + 7] = 0x402 | 0xf0000;
    bench.cpu.reload();
    bench.setWord(DATA, KERNEL_DATA);
  };
  it('INT1 behind a watched MOV SS is the one debug exception of both', () => {
    watch();
    bench.code(`mov ss, [${DATA}]; int1; nop`);
    expect(bench.event()).toMatchObject({ vector: 1, eip: CODE + asm(`mov ss, [${DATA}]; int1`).length });
    expect(R[DR + 6]! & 15).toBe(1);
  });
  it('hold a breakpoint on the next instruction back, and only on that one', () => {
    for (const code of ['mov ss, ax', 'o16 mov ss, ax', 'push 0x10; pop ss']) {
      const length = asm(code).length;
      for (const [offset, hit] of [
        [0, false],
        [1, true],
      ] as const) {
        bench.protectedMode();
        R[EAX] = KERNEL_DATA;
        breakAt(length + offset);
        bench.code(code, 'nop; nop; int3');
        expect(bench.fault()).toEqual(hit ? [1, undefined, length + 1] : [3, undefined, length + 3]);
      }
    }
  });
  it('only the first of two in a row does so', () => {
    R[EAX] = KERNEL_DATA;
    breakAt(4);
    bench.code('mov ss, ax; mov ss, ax; nop; int3');
    expect(bench.fault()).toEqual([1, undefined, 4]);
  });
  it('not the shadow of STI, and LSS makes none', () => {
    breakAt(1);
    bench.code('sti; nop; int3');
    expect(bench.fault()).toEqual([1, undefined, 1]);
    bench.protectedMode();
    breakAt(6);
    bench.put(DATA, d(KERNEL_STACK), [KERNEL_DATA, 0]);
    R[EBX] = DATA;
    bench.code('nop; nop; nop; lss esp, [ebx]; nop; int3');
    expect(bench.fault()).toEqual([1, undefined, 6]);
    bench.protectedMode();
    R[EBX] = DATA;
    bench.code('lss esp, [ebx]; nop');
    bench.cpu.run(1);
    expect(R[INTERRUPTIBILITY]).toBe(0);
  });
  it('a data breakpoint that MOV SS itself hits is delivered behind the next instruction', () => {
    watch();
    bench.code(`mov ss, [${DATA}]; nop; nop`);
    expect(bench.fault()).toEqual([1, undefined, 7]);
    expect(R[DR + 6]! & 0xf00f).toBe(1);
  });
  it('also where the next instruction is an INT n: before the first instruction of its handler', () => {
    watch();
    bench.code(`mov ss, [${DATA}]; int 0x80`);
    expect(bench.event()).toMatchObject({ vector: 1, eip: HANDLERS + 0x80 * 8 });
  });
  it('a shadow outlives what leaves the processor in between', () => {
    R[EAX] = KERNEL_DATA;
    breakAt(2);
    bench.code('mov ss, ax; nop; int3');
    bench.cpu.run(1);
    const extra = bench.cpu.save();
    bench.cpu.restore(extra);
    expect(bench.fault()).toEqual([3, undefined, 4]);
    bench.protectedMode();
    R[EAX] = KERNEL_DATA;
    breakAt(2);
    bench.cpu.controls.cpuid = true;
    bench.code('mov ss, ax; cpuid; nop; int3');
    expect(bench.run()).toBe(10);
    expect(R[INTERRUPTIBILITY]).toBe(2);
    bench.cpu.skipInstruction();
    expect(R[INTERRUPTIBILITY]).toBe(0);
  });
  it('an NMI waits behind it too', () => {
    R[EAX] = KERNEL_DATA;
    bench.cpu.controls.nmiWindow = true;
    bench.code('mov ss, ax; nop; nop');
    R[INTERRUPTIBILITY] = 8;
    bench.cpu.run(1);
    R[INTERRUPTIBILITY]! &= ~8;
    bench.cpu.controls.nmiWindow = false;
    bench.cpu.run(0);
    bench.cpu.controls.nmiWindow = true;
    expect([bench.run(), R[EIP]]).toEqual([8, CODE + 3]);
  });
});

describe('RF and repeated strings (17.3.1.1)', () => {
  it('a breakpoint on a REP hits once, however many turns it takes, and what comes between finds RF set', () => {
    R[DR] = CODE;
    R[DR + 7] = 0x402;
    bench.cpu.reload();
    bench.code('rep lodsb; nop; int3');
    R[ESI] = DATA;
    R[ECX] = 10_000;
    expect(bench.fault()).toEqual([1, undefined, 0]);
    R[EIP] = CODE;
    R[ESP] = KERNEL_STACK;
    bench.cpu.eflags = 2 | RF;
    bench.cpu.run(1);
    expect([R[EIP], R[ECX]! > 0, R[EFLAGS]! & RF]).toEqual([CODE, true, RF]);
    expect(bench.fault()).toEqual([3, undefined, 4]);
    expect(R[ECX]).toBe(0);
  });
  it('without a breakpoint RF is gone when the REP is', () => {
    bench.code('rep lodsb');
    R[ESI] = DATA;
    R[ECX] = 10_000;
    bench.run();
    expect(R[EFLAGS]! & RF).toBe(0);
  });
});

describe('debug registers', () => {
  it('DR4 and DR5 are DR6 and DR7 without CR4.DE, #UD with it (17.2.2)', () => {
    bench.code('mov eax, dr4; mov ecx, dr5');
    bench.run();
    expect([R[EAX], R[ECX]]).toEqual([0xffff0ff0 | 0, 0x400]);
    bench.protectedMode();
    R[CR4] = 8;
    expect(bench.fault()).toEqual([6, undefined, 0]);
  });
  it('GD: #DB with BD before a MOV DR; the handler finds GD clear', () => {
    R[DR + 7] = 0x2400;
    bench.code('mov eax, dr0');
    expect(bench.event()).toMatchObject({ vector: 1, eip: CODE, flags: 2 | RF });
    expect([R[DR + 6]! & 0xf00f, R[DR + 7]! & 0x2000]).toEqual([0x2000, 0]);
  });
  it('fixed bits of DR6 and DR7', () => {
    bench.code('mov eax, 0; mov dr6, eax; mov dr7, eax; mov ecx, dr6; mov edx, dr7');
    bench.run();
    expect([R[ECX], R[EDX]]).toEqual([0xffff0ff0 | 0, 0x400]);
  });
  it('an exception that exits leaves DR6 alone; the qualification has its bits (28.2.1)', () => {
    bench.cpu.controls.exceptionBitmap = 2;
    bench.cpu.eflags = 2 | TF;
    bench.code('nop');
    expect(bench.run()).toBe(0);
    expect([bench.cpu.exit.qualification, R[DR + 6]]).toEqual([0x4000, 0xffff0ff0 | 0]);
  });
});

describe('interrupt shadows (6.8.3)', () => {
  it('MOV SS blocks for one instruction, also when that one faults', () => {
    R[EAX] = KERNEL_DATA;
    bench.cpu.eflags = 0x202;
    bench.code('mov ss, ax; ud2');
    bench.cpu.run(1);
    expect([R[INTERRUPTIBILITY], bench.cpu.interruptible, bench.selector(SS)]).toEqual([2, false, KERNEL_DATA]);
    expect(bench.fault()).toEqual([6, undefined, 2]);
    expect([R[INTERRUPTIBILITY], R[ESP]]).toEqual([0, KERNEL_STACK - 12]);
  });
  it('STI blocks for one instruction, and not if IF was set', () => {
    bench.code('sti; nop; nop');
    bench.cpu.run(1);
    expect(bench.cpu.interruptible).toBe(false);
    bench.cpu.run(1);
    expect(bench.cpu.interruptible).toBe(true);
    R[EIP] = CODE;
    bench.cpu.run(1);
    expect(bench.cpu.interruptible).toBe(true);
  });
});
