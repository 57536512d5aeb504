import { describe, expect, it } from 'vitest';
import { type ExitInfo, ExitReason, EPT_READ, EPT_WRITE } from './architecture/edge.ts';
import { Bench, CODE, DATA, FRAMES } from './test-support/bench.ts';
import { EAX, ECX, EDI, EIP, ESI, FPR } from './architecture/registers.ts';

/** First address that is no memory. */
const DEVICE = FRAMES * 4096;

interface Access {
  at: number;
  size: number;
  write: boolean;
  value: number;
  eip: number;
}

const bench = () => {
  const seen: Access[] = [];
  let answer: (exit: ExitInfo) => boolean = () => true;
  const b: Bench = new Bench({
    answerAccess: exit => {
      const write = (exit.qualification & EPT_WRITE) !== 0;
      seen.push({
        at: exit.guestPhysical - DEVICE,
        size: exit.size,
        write,
        value: write ? exit.value : 0,
        eip: b.R[EIP]! - CODE,
      });
      return answer(exit);
    },
  });
  b.protectedMode();
  return {
    b,
    seen,
    answering: (f: (exit: ExitInfo) => boolean) => {
      answer = f;
    },
  };
};

describe('an access to what is no memory', () => {
  it('is answered in place, without an exit', () => {
    const { b, seen, answering } = bench();
    answering(exit => {
      if ((exit.qualification & EPT_READ) !== 0) exit.value = 0x1234 + exit.guestPhysical - DEVICE;
      return true;
    });
    b.code(`mov eax, [${DEVICE + 4}]; mov [${DEVICE + 8}], al; mov word [${DEVICE}], 7`);
    expect(b.run()).toBe(ExitReason.HLT);
    expect(b.R[EAX]).toBe(0x1238);
    expect(seen).toEqual([
      { at: 4, size: 4, write: false, value: 0, eip: 0 },
      { at: 8, size: 1, write: true, value: expect.any(Number), eip: 5 },
      { at: 0, size: 2, write: true, value: 7, eip: 10 },
    ]);
    expect(seen[1]!.value & 0xff).toBe(0x38);
  });

  it('leaves with an EPT violation when the function does not answer, and the instruction goes on with the answer given later', () => {
    const { b, answering } = bench();
    answering(() => false);
    b.code(`mov eax, [${DEVICE + 4}]`);
    expect(b.run()).toBe(ExitReason.EPT_VIOLATION);
    expect([b.cpu.exit.guestPhysical, b.cpu.exit.size]).toEqual([DEVICE + 4, 4]);
    b.cpu.completeMemoryAccess(77);
    expect(b.run()).toBe(ExitReason.HLT);
    expect(b.R[EAX]).toBe(77);
  });

  it.each([
    ['in place', true],
    ['later', false],
  ])('takes as many bits as it asked for, answered %s', (_, isInPlace) => {
    const { b, answering } = bench();
    answering(exit => {
      exit.value = (0x11118765 * exit.size) | 0;
      return isInPlace;
    });
    // The last of its three words are two bytes.
    b.code(`finit; fld tword [${DEVICE}]`);
    while (b.run() === ExitReason.EPT_VIOLATION) b.cpu.completeMemoryAccess((0x11118765 * b.cpu.exit.size) | 0);
    expect([...b.R.subarray(FPR + 28, FPR + 31)]).toEqual([0x44461d94, 0x44461d94, 0x0eca]);
  });

  it('always leaves where there is memory without the right: dirty logging, ROM', () => {
    const { b, seen } = bench();
    b.p2m[DATA >>> 12] = (DATA & ~4095) | 5;
    b.cpu.flushTlb();
    b.code(`mov [${DATA}], eax`);
    expect(b.run()).toBe(ExitReason.EPT_VIOLATION);
    expect(seen).toEqual([]);
  });

  it('may stop run(): after the instruction, and between the elements of a REP', () => {
    const { b, seen, answering } = bench();
    answering(() => {
      if (seen.length === 3) b.cpu.stop();
      return true;
    });
    b.R[ESI] = DATA;
    b.R[EDI] = DEVICE;
    b.R[ECX] = 100;
    b.code('rep movsb; inc eax');
    expect(b.run()).toBe(ExitReason.PREEMPTION_TIMER);
    // Not what the answered access said.
    expect(b.cpu.exit.qualification).toBe(0);
    expect([b.R[ECX], b.R[ESI], b.R[EDI], b.R[EIP]]).toEqual([97, DATA + 3, DEVICE + 3, CODE]);
    expect(b.run()).toBe(ExitReason.HLT);
    expect(seen.length).toBe(100);
  });

  it('keeps a limit of instructions short in time where REP reaches a device', () => {
    const { b, seen } = bench();
    b.R[EDI] = DEVICE;
    b.R[ECX] = 10_000;
    b.code('rep stosb');
    expect(b.run(10)).toBe(ExitReason.PREEMPTION_TIMER);
    expect(seen.length).toBeLessThanOrEqual(10 * 64);
    expect(b.R[ECX]).toBe(10_000 - seen.length);
  });

  it('sees the instructions retired before it', () => {
    const { b, answering } = bench();
    const retired: number[] = [];
    answering(() => {
      retired.push(b.cpu.retired);
      return true;
    });
    b.code(`inc eax; inc eax; mov eax, [${DEVICE}]; inc eax; mov eax, [${DEVICE}]`);
    b.run();
    expect(retired).toEqual([2, 4]);
    expect(b.cpu.retired).toBe(5);
  });

  it('tells of an instruction that it accesses one register, once that is certain', () => {
    const { b } = bench();
    b.code(`mov ecx, 40; again: mov eax, [${DEVICE + 4}]; mov [ecx*4 + ${DEVICE}], eax; dec ecx; jne again`);
    b.run(4 * 20);
    expect(b.cpu.mmio.accessesRegister(CODE + 5)).toBe(false);
    expect(b.run()).toBe(ExitReason.HLT);
    expect([5, 10, 17].map(offset => b.cpu.mmio.accessesRegister(CODE + offset))).toEqual([true, false, false]);
  });
});
