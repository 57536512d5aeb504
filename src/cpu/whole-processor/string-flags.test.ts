/** EFLAGS of REP CMPS and REP SCAS that do not reach their end: SDM vol. 2, REP; vol. 3, 17.3.1.1 (RF). */
import { beforeEach, describe, expect, it } from 'vitest';
import { EVENT_EXTERNAL, EVENT_VALID, ExitReason } from '../architecture/edge.ts';
import { EAX, ECX, EDI, EFLAGS, EIP, ES, ESI } from '../architecture/registers.ts';
import { Bench, CODE, DATA, FRAMES, TABLES } from '../test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
/** CF PF AF ZF SF OF, all set: no comparison of unsigned bytes gives that. */
const BEFORE = 0x8d7,
  ARITHMETIC = 0x8d5,
  RF = 0x10000;
/** Linear page behind DATA's page, which is missing where a test says so. */
const BEHIND = DATA + 0x1000;
const PREFIXED = [
  ['repz scasb', 0],
  ['repnz scasw', 1],
  ['repz cmpsb', 0],
  ['repz cmpsd', 0],
  ['repz a16 scasb', 0],
] as const;

/** `count` elements that keep REP going end at BEHIND. `count` 0: the first one is there already. */
function begin(code: string, accumulator: number, count: number): number {
  const size = code.endsWith('scasb') || code.endsWith('cmpsb') ? 1 : code.endsWith('scasw') ? 2 : 4;
  bench.code(code);
  bench.bytes.fill(0, DATA, BEHIND + 0x1000);
  R[EAX] = accumulator;
  R[EDI] = BEHIND - count * size;
  R[ESI] = DATA - count * size;
  R[ECX] = 0x8000;
  bench.cpu.eflags = BEFORE;
  return size;
}

/** REPE SCASB through three pages of zeroes, to a page that is missing: more than one turn of the instruction. */
function long(): void {
  bench.protectedMode().paging32();
  bench.setWord(TABLES + ((DATA + 0x3000) >> 12) * 4, 0);
  bench.cpu.flushTlb();
  begin('repz scasb', 0, 0);
  bench.bytes.fill(0, DATA, DATA + 0x3000);
  R[EDI] = DATA;
}

beforeEach(() => {
  bench.protectedMode();
});

describe('a fault in mid-string', () => {
  const unmapped = () => {
    bench.protectedMode().paging32();
    bench.setWord(TABLES + (BEHIND >> 12) * 4, 0);
    bench.cpu.flushTlb();
  };
  it.each(PREFIXED)(
    '%s restores the flags from before the instruction; the registers are those of the last element done',
    (code, accumulator) => {
      for (const count of [0, 1, 7]) {
        if (code.includes('a16')) {
          bench.protectedMode();
          bench.segment(ES, 0x38, 0x8000, DATA + 0xfff - 0x8000, 0x4093);
          bench.cpu.reload();
        } else unmapped();
        const size = begin(code, accumulator, count);
        if (code.includes('a16')) R[EDI] = R[EDI]! - 0x8000;
        const { vector, eip, flags } = bench.event();
        expect([vector, eip, flags & ARITHMETIC]).toEqual([code.includes('a16') ? 13 : 14, CODE, BEFORE & ARITHMETIC]);
        expect([R[ECX], R[ESI]! - (DATA - count * size)]).toEqual([
          0x8000 - count,
          code.includes('cmpsb') || code.includes('cmpsd') ? count * size : 0,
        ]);
      }
    },
  );
  it('also when the instruction took several turns', () => {
    long();
    const { vector, flags } = bench.event();
    expect([vector, R[ECX], flags & ARITHMETIC]).toEqual([14, 0x8000 - 0x3000, BEFORE & ARITHMETIC]);
  });
});

describe('what is no fault', () => {
  it('an interrupt between elements finds the flags from before the instruction, too, and RF', () => {
    long();
    bench.cpu.run(1);
    expect([R[EIP], R[ECX]! < 0x8000, R[ECX]! > 0]).toEqual([CODE, true, true]);
    bench.cpu.inject(EVENT_VALID | EVENT_EXTERNAL | 0x40);
    const { vector, flags } = bench.event();
    expect([vector, flags & ARITHMETIC, flags & RF]).toEqual([0x40, BEFORE & ARITHMETIC, RF]);
  });
  it("a single-step trap, too; behind the last element it finds that one's", () => {
    for (const [count, eip, expected] of [
      [2, CODE, BEFORE & ARITHMETIC],
      [1, CODE + 2, 0x44],
    ] as const) {
      bench.protectedMode();
      begin('repz scasb', 0, 7);
      R[ECX] = count;
      bench.cpu.eflags = BEFORE | 0x100;
      const event = bench.event();
      expect([event.vector, event.eip, event.flags & ARITHMETIC]).toEqual([1, eip, expected]);
    }
  });
  it("a device that is asked leaves the flags as they were, and the end has the last element's", () => {
    bench.protectedMode();
    bench.code('repz scasb');
    R[EAX] = 0;
    R[EDI] = FRAMES * 4096 - 2;
    bench.bytes.fill(0, FRAMES * 4096 - 2, FRAMES * 4096);
    R[ECX] = 4;
    bench.cpu.eflags = BEFORE;
    for (let i = 0; i < 2; i++) {
      expect(bench.run()).toBe(ExitReason.EPT_VIOLATION);
      expect([R[ECX], bench.cpu.eflags & ARITHMETIC]).toEqual([2 - i, BEFORE & ARITHMETIC]);
      bench.cpu.completeMemoryAccess(i);
    }
    expect(bench.run()).toBe(ExitReason.HLT);
    expect([R[ECX], bench.cpu.eflags & ARITHMETIC, R[EFLAGS]! & RF]).toEqual([0, 0x95, 0]);
  });
});
