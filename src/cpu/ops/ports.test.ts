/** Port accesses: I/O breakpoints (SDM vol. 3, 17.2.4 and 17.3.1.2), and a state saved while the machine has not answered yet. */
import { beforeEach, describe, expect, it } from 'vitest';
import { type ExitInfo, ExitReason, IO_IN } from '../architecture/edge.ts';
import { CR4, DR, EAX, ECX, EDI, EDX, EIP, ESI, STATE_WORDS } from '../architecture/registers.ts';
import { asm } from '../test-support/asm.ts';
import { Bench, CODE, DATA, FRAMES } from '../test-support/bench.ts';

const bench = new Bench();
const { R, cpu } = bench;
const DE = 8;
const DEVICE = FRAMES << 12;
beforeEach(() => {
  bench.protectedMode();
});

describe('I/O breakpoints (CR4.DE, R/W = 10)', () => {
  /** Breakpoint 1 on `port`, with LEN as in DR7. */
  const watch = (port: number, length: 0 | 1 | 3 = 0, extra = 0) => {
    R[CR4] = DE;
    R[DR + 1] = port;
    R[DR + 7] = 0x408 | ((2 | (length << 2)) << 20) | extra;
    cpu.reload();
  };
  const answer = (value = 0) => {
    expect(bench.run()).toBe(ExitReason.IO);
    cpu.completePortAccess(value);
  };

  for (const [name, code] of [
    ['IN', 'in al, dx'],
    ['OUT', 'out dx, al'],
    ['IN imm8', 'in al, 0x60'],
    ['OUT imm8', 'out 0x60, eax'],
  ] as const) {
    it(`${name} traps after the instruction, with its bit in DR6`, () => {
      watch(0x60);
      R[EDX] = 0x60;
      bench.code(code, 'nop');
      answer(0x5a);
      expect(bench.event()).toMatchObject({ vector: 1, eip: CODE + asm(code).length });
      expect(R[DR + 6]! & 0xf).toBe(2);
      if (name.startsWith('IN')) expect(R[EAX]! & 255).toBe(0x5a);
    });
  }

  it('LEN makes a range, and a wide access hits by any of its ports', () => {
    const hits = (length: 0 | 1 | 3, watched: number, port: number, code: string) => {
      bench.protectedMode();
      watch(watched, length);
      R[EDX] = port;
      bench.code(code, 'int3');
      answer();
      return bench.event().vector === 1;
    };
    expect([
      hits(0, 0x60, 0x61, 'in al, dx'),
      hits(1, 0x60, 0x61, 'in al, dx'),
      hits(3, 0x60, 0x63, 'in al, dx'),
      hits(3, 0x60, 0x64, 'in al, dx'),
    ]).toEqual([false, true, true, false]);
    expect([
      hits(0, 0x62, 0x60, 'in eax, dx'),
      hits(0, 0x64, 0x60, 'in eax, dx'),
      hits(0, 0x60, 0x5f, 'in ax, dx'),
    ]).toEqual([true, false, true]);
  });

  it('each element of a REP form traps, with the count as it is then', () => {
    watch(0x1f0);
    R[EDX] = 0x1f0;
    R[EDI] = DATA;
    R[ECX] = 3;
    bench.code('rep insd');
    answer(0x11223344);
    expect(bench.event()).toMatchObject({ vector: 1, eip: CODE });
    expect([R[ECX], R[EDI], bench.word(DATA)]).toEqual([2, DATA + 4, 0x11223344]);
  });

  it('memory at the same address is not watched, nor any port without CR4.DE', () => {
    watch(DATA);
    bench.code(`mov eax, [${DATA}]; int3`);
    expect(bench.event().vector).toBe(3);
    bench.protectedMode();
    watch(0x60);
    R[CR4] = 0;
    bench.code('in al, 0x60; int3');
    answer();
    expect(bench.event().vector).toBe(3);
  });

  it('data breakpoints see the memory side of INS and OUTS', () => {
    for (const [code, kind] of [
      ['insb', 1],
      ['outsb', 3],
    ] as const) {
      bench.protectedMode();
      R[DR] = DATA;
      R[DR + 7] = 0x402 | (kind << 16);
      cpu.reload();
      Object.assign(R, { [EDX]: 0x60, [EDI]: DATA, [ESI]: DATA });
      bench.code(code, 'int3');
      answer();
      expect([bench.event().vector, R[DR + 6]! & 15]).toEqual([1, 1]);
    }
  });
});

describe('a state saved between the exit and its answer goes on in another processor', () => {
  const other = new Bench();
  /** Memory, words and the rest, as a saved domain has them. */
  const move = () => {
    other.protectedMode();
    other.bytes.set(bench.bytes.subarray(0, FRAMES << 12));
    const words = R.slice(0, STATE_WORDS),
      extra = JSON.parse(JSON.stringify(cpu.save()));
    other.R.set(words);
    other.cpu.reload();
    other.cpu.restore(extra);
  };

  it('IN and OUT', () => {
    R[EAX] = -1;
    bench.code('in ax, 0x60; out 0x61, al');
    bench.run();
    move();
    other.cpu.completePortAccess(0x1234);
    expect([other.R[EAX], other.R[EIP]]).toEqual([0xffff1234 | 0, CODE + 3]);
    expect([other.run(), other.cpu.exit.value]).toEqual([ExitReason.IO, 0x34]);
    other.cpu.completePortAccess(0);
    expect([other.run(), other.R[EIP]]).toEqual([ExitReason.HLT, CODE + 5]);
  });

  it('REP INSW: the element goes to memory, the registers move on', () => {
    Object.assign(R, { [EDX]: 0x1f0, [EDI]: DATA, [ECX]: 2 });
    bench.code('rep insw');
    bench.run();
    move();
    other.cpu.completePortAccess(0xbeef);
    expect([other.half(DATA), other.R[EDI], other.R[ECX], other.R[EIP]]).toEqual([0xbeef, DATA + 2, 1, CODE]);
    expect(other.run()).toBe(ExitReason.IO);
    other.cpu.completePortAccess(0xcafe);
    expect([other.run(), other.half(DATA + 2), other.R[ECX]]).toEqual([ExitReason.HLT, 0xcafe, 0]);
  });

  it('REP OUTSB with 16-bit addresses', () => {
    Object.assign(R, { [EDX]: 0x3f8, [ESI]: 0x10000 | 0x200, [ECX]: 0x50002 });
    bench.put(0x200, 'inc ecx; inc edx');
    bench.code('rep a16 outsb');
    expect([bench.run(), cpu.exit.value]).toEqual([ExitReason.IO, 0x41]);
    move();
    other.cpu.completePortAccess(0);
    expect([other.run(), other.cpu.exit.value, other.R[ESI]]).toEqual([ExitReason.IO, 0x42, 0x10201]);
    other.cpu.completePortAccess(0);
    expect([other.run(), other.R[ECX], other.R[EIP]]).toEqual([ExitReason.HLT, 0x50000, CODE + 3]);
  });

  it('INS to what is no memory: the value that was read is stored, the port is not read again', () => {
    Object.assign(R, { [EDX]: 0x60, [EDI]: DEVICE });
    bench.code('insb');
    bench.run();
    cpu.completePortAccess(0x77);
    cpu.eflags = 0x202;
    expect(cpu.interruptible).toBe(false);
    move();
    expect([other.run(), other.cpu.exit.guestPhysical, other.cpu.exit.value & 255]).toEqual([
      ExitReason.EPT_VIOLATION,
      DEVICE,
      0x77,
    ]);
    other.cpu.completeMemoryAccess(0);
    expect([other.run(), other.R[EDI], other.R[EIP]]).toEqual([ExitReason.HLT, DEVICE + 1, CODE + 1]);
  });
});

describe('string port accesses in one go', () => {
  const flags = (eflags: number) => {
    cpu.eflags = eflags;
  };
  it('REP INS: what lies in one page is filled in place, registers move on as element by element (SDM vol. 2, REP)', () => {
    Object.assign(R, { [EDX]: 0x1f0, [EDI]: DATA, [ECX]: 256 });
    bench.code('rep insw');
    expect(bench.run()).toBe(ExitReason.IO);
    const memory = cpu.portMemory();
    expect(memory?.length).toBe(512);
    memory?.set([1, 2, 3, 4]);
    cpu.completePortBlock(4);
    expect([R[EDI], R[ECX], R[EIP], bench.word(DATA)]).toEqual([DATA + 4, 254, CODE, 0x04030201]);
    expect(bench.run()).toBe(ExitReason.IO);
    expect(cpu.portMemory()?.length).toBe(508);
    cpu.completePortBlock(508);
    expect([bench.run(), R[ECX], R[EDI], R[EIP]]).toEqual([ExitReason.HLT, 0, DATA + 512, CODE + 3]);
  });

  it('ends at the page, and at the wrap of a 16-bit address', () => {
    Object.assign(R, { [EDX]: 0x1f0, [EDI]: DATA + 4096 - 6, [ECX]: 100 });
    bench.code('rep insw');
    bench.run();
    expect(cpu.portMemory()?.length).toBe(6);
    bench.protectedMode();
    Object.assign(R, { [EDX]: 0x1f0, [ESI]: 0xfff8, [ECX]: 100 });
    bench.put(0xfff8, [1, 2, 3, 4, 5, 6, 7, 8]);
    bench.code('rep a16 outsd');
    bench.run();
    expect([...cpu.portMemory()!]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    cpu.completePortBlock(8);
    expect([R[ESI], R[ECX]]).toEqual([0, 98]);
  });

  it('REP OUTS reads through the segment it names', () => {
    Object.assign(R, { [EDX]: 0x1f0, [ESI]: DATA, [ECX]: 3 });
    bench.put(DATA, [10, 11, 12]);
    bench.code('rep outsb');
    bench.run();
    expect([...cpu.portMemory()!]).toEqual([10, 11, 12]);
    cpu.completePortBlock(3);
    expect([bench.run(), R[ESI], R[ECX]]).toEqual([ExitReason.HLT, DATA + 3, 0]);
  });

  it('is not offered where each element must be seen: one element, no REP, DF, TF, breakpoints, no memory', () => {
    const offered = (code: string, set: Record<number, number>, eflags = 2) => {
      bench.protectedMode();
      Object.assign(R, { [EDX]: 0x1f0, [EDI]: DATA, [ECX]: 8, ...set });
      flags(eflags);
      bench.code(code);
      bench.run();
      const memory = cpu.portMemory();
      cpu.completePortAccess(0);
      return memory !== null;
    };
    expect(offered('rep insd', {})).toBe(true);
    expect(offered('rep insd', { [ECX]: 1 })).toBe(false);
    expect(offered('insd', {})).toBe(false);
    expect(offered('rep insd', {}, 0x402)).toBe(false);
    expect(offered('rep insd', {}, 0x102)).toBe(false);
    expect(offered('rep insd', { [EDI]: DEVICE })).toBe(false);
    expect(offered('rep insd', { [EDI]: DATA + 4094 })).toBe(false);
    expect(cpu.portMemory()).toBeNull();
  });

  it('stores into code count as stores (SDM vol. 3, 9.1.3)', () => {
    // Runs the instruction behind HLT once, then overwrites it.
    const target = CODE + 0x100;
    bench.put(target, 'mov al, 0x11; hlt');
    R[EIP] = target;
    bench.run();
    Object.assign(R, { [EDX]: 0x1f0, [EDI]: target, [ECX]: 3 });
    bench.code('rep insb');
    R[EIP] = CODE;
    bench.run();
    cpu.portMemory()!.set([0xb0, 0x22, 0xf4]);
    cpu.completePortBlock(3);
    R[EIP] = target;
    bench.run();
    expect(R[EAX]! & 255).toBe(0x22);
  });
});

describe('a port that the machine answers in place', () => {
  const answering = (answer: (exit: ExitInfo) => boolean) => {
    const b: Bench = new Bench({
      answerPort: exit => {
        seen.push([
          exit.qualification >>> 16,
          exit.size,
          (exit.qualification & IO_IN) !== 0,
          exit.value & 0xffff,
          b.R[EIP]! - CODE,
          exit.instructionLength,
          b.cpu.retired,
        ]);
        return answer(exit);
      },
    });
    const seen: unknown[][] = [];
    b.protectedMode();
    return { b, seen };
  };

  it('needs no exit: IN and OUT by DX and by number, of each size', () => {
    const { b, seen } = answering(exit => {
      if ((exit.qualification & IO_IN) !== 0) exit.value = 0x1234_5678;
      return true;
    });
    b.R[EDX] = 0x3f8;
    b.code('in al, dx; out dx, ax; in eax, 0x70; out 0x80, al');
    expect(b.run()).toBe(ExitReason.HLT);
    expect(seen).toEqual([
      [0x3f8, 1, true, 0, 0, 1, 0],
      [0x3f8, 2, false, 0x78, 1, 2, 1],
      [0x70, 4, true, 0, 3, 2, 2],
      [0x80, 1, false, 0x78, 5, 2, 3],
    ]);
    expect([b.R[EAX], b.cpu.retired]).toEqual([0x12345678, 4]);
  });

  it('exits where the machine does not answer, and where each instruction is looked at', () => {
    const { b } = answering(() => false);
    b.code('out 0x80, al');
    expect(b.run()).toBe(ExitReason.IO);
    const looked = answering(() => true);
    looked.b.cpu.probe = {};
    looked.b.code('out 0x80, al');
    expect(looked.b.run()).toBe(ExitReason.IO);
    expect(looked.seen).toEqual([]);
  });

  it('may change what lies behind it: the next instruction is looked up anew', () => {
    const { b } = answering(() => {
      b.p2m[CODE >>> 12] = b.p2m[DATA >>> 12]!;
      b.cpu.flushTlb();
      return true;
    });
    // The other page comes to lie there.
    b.code('out 0x80, al; mov al, 1');
    b.put(DATA, 'nop; nop; mov al, 2; hlt');
    expect(b.run()).toBe(ExitReason.HLT);
    expect(b.R[EAX]! & 255).toBe(2);
  });
});
