/** MONITOR and MWAIT: SDM vol. 2, at each; vol. 3, 9.10. */
import { beforeEach, describe, expect, it } from 'vitest';
import { ExitReason } from './architecture/edge.ts';
import { endsWait, isInMwait } from './monitor.ts';
import { EAX, EBX, ECX, EDX, EIP, MSR_MISC_ENABLE } from './architecture/registers.ts';
import { Bench, CODE, DATA, FRAMES } from './test-support/bench.ts';

const bench = new Bench();
const { R, cpu } = bench;
beforeEach(() => {
  bench.protectedMode();
});
const MONITOR = 'monitor',
  MWAIT = 'mwait';
const ended = (interrupt = false) => endsWait(R, bench.words, bench.p2m, interrupt);

it('CPUID shows it, IA32_MISC_ENABLE bit 18 too; leaf 5 says 64-byte lines and that masked interrupts can end the wait', () => {
  bench.code('mov eax, 1; cpuid; mov edx, ecx; mov eax, 5; cpuid');
  R[ECX] = 0;
  bench.run();
  expect([R[EAX], R[EBX], R[ECX]! & 3, R[MSR_MISC_ENABLE]! & 0x40001]).toEqual([64, 64, 3, 0x40001]);
});

it('clear, that bit hides it and makes both #UD', () => {
  for (const code of [MONITOR, MWAIT]) {
    bench.protectedMode();
    R[ECX] = 0x1a0;
    R[EAX] = 1;
    R[EDX] = 0;
    bench.code('wrmsr; mov eax, 1; cpuid', code);
    expect([bench.fault(), R[ECX]! & 8]).toEqual([[6, undefined, 9], 0]);
  }
});

describe('MWAIT', () => {
  it('waits while the line is as MONITOR found it; a store anywhere in the line, and only there, ends the wait', () => {
    R[EAX] = DATA + 70;
    bench.code(MONITOR, MWAIT);
    expect([bench.run(), R[EIP], cpu.exit.qualification, cpu.exit.instructionLength, isInMwait(R), ended()]).toEqual([
      ExitReason.MWAIT,
      CODE + 3,
      1,
      3,
      true,
      false,
    ]);
    bench.bytes[DATA + 63]!++;
    bench.bytes[DATA + 128]!++;
    expect(ended()).toBe(false);
    bench.bytes[DATA + 127]!++;
    expect(ended()).toBe(true);
  });
  it('does nothing if no line is watched, or if it was written in between', () => {
    R[EAX] = DATA;
    bench.code(MWAIT);
    expect([bench.run(), R[EIP]]).toEqual([ExitReason.HLT, CODE + 3]);
    R[EIP] = CODE;
    bench.code(MONITOR, 'inc byte [eax]', MWAIT, MWAIT);
    expect([bench.run(), R[EIP]]).toEqual([ExitReason.HLT, CODE + 11]);
  });
  it('an interrupt that IF holds back ends it where ECX bit 0 asks for that', () => {
    for (const extension of [0, 1]) {
      bench.protectedMode();
      R[EAX] = DATA;
      bench.code(MONITOR, `mov ecx, ${extension}`, MWAIT);
      expect(bench.run()).toBe(ExitReason.MWAIT);
      expect([ended(false), ended(true)]).toEqual([false, extension === 1]);
    }
  });
});

describe('faults', () => {
  it('#UD at CPL 3; #GP(0) for extensions that are not there', () => {
    for (const code of [MONITOR, MWAIT]) {
      bench.protectedMode(3);
      bench.code(code);
      expect(bench.fault()).toEqual([6, undefined, 0]);
      bench.protectedMode();
      R[EAX] = DATA;
      R[ECX] = 2;
      bench.code(code);
      expect(bench.fault()).toEqual([13, 0, 0]);
    }
  });
  it('MONITOR reads: a page that is not there, an address beyond the limit; the segment may be another, the address 16 bits', () => {
    bench.paging32();
    R[EAX] = 0x700000;
    bench.code(MONITOR);
    expect(bench.fault()).toEqual([14, 0, 0]);
    bench.protectedMode();
    bench.segment(3, 0x10, 0, 0xfff, 0x4093);
    cpu.reload();
    R[EAX] = 0x1000;
    bench.code(MONITOR);
    expect(bench.fault()).toEqual([13, 0, 0]);
    bench.protectedMode();
    bench.segment(4, 0x10, 0x10000, 0xffff, 0x4093);
    cpu.reload();
    R[EAX] = 0x550000 | (DATA & 0xffff);
    bench.code('a16 fs monitor', MWAIT);
    expect(bench.run()).toBe(ExitReason.MWAIT);
    bench.bytes[DATA]!++;
    expect(ended()).toBe(true);
  });
  it('what is no memory is not watched', () => {
    R[EAX] = FRAMES << 12;
    R[EDX] = 0;
    bench.code(MONITOR, MWAIT);
    expect(bench.run()).toBe(ExitReason.EPT_VIOLATION);
    cpu.completeMemoryAccess(0);
    expect([bench.run(), R[EIP]]).toEqual([ExitReason.HLT, CODE + 6]);
  });
});
