/** Copies of many elements at once do what the same elements do one by one. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ExitReason } from '../architecture/edge.ts';
import { ECX, EDI, EIP, ESI } from '../architecture/registers.ts';
import { asm, Bench, CODE, DATA } from '../test-support/bench.ts';

const SPAN = 0x3000;
/** REP MOVS of 8, 16 and 32 bits, up and down. */
const moves = { 1: 'f3a4', 2: '66f3a5', 4: 'f3a5' } as const;

it('REP MOVS, up and down, over page ends and onto itself', () => {
  const [bulk, single] = [new Bench(), new Bench()] as const;
  const near = fc.oneof(fc.integer({ min: 0, max: SPAN - 1 }), fc.integer({ min: 0xff0, max: 0x1010 }));
  fc.assert(fc.property(near, fc.oneof(near, fc.integer({ min: -9, max: 9 })), fc.integer({ min: 0, max: 2600 }), fc.constantFrom(1, 2, 4), fc.boolean(), (from, to, count, size, down) => {
    const step = down ? -size : size, target = to < 10 ? from + to : to;
    const inside = (at: number): boolean => [at, at + step * count].every(end => end >= -4 && end <= SPAN);
    fc.pre(inside(from) && inside(target));
    const seen = [bulk, single].map(bench => {
      bench.protectedMode().paging32();
      // Two of its pages lie elsewhere than their neighbours.
      bench.setWord(0x21000 + 0x13 * 4, 0x15007);
      bench.setWord(0x21000 + 0x15 * 4, 0x13007);
      for (let i = 0; i < SPAN + 0x1000; i++) bench.bytes[DATA + i] = i * 31 + (i >> 8);
      bench.put(CODE, ...asm(down ? 'fd' : 'fc', moves[size as 1], 'f4'));
      bench.R[ESI] = DATA + from;
      bench.R[EDI] = DATA + target;
      bench.R[ECX] = count;
      bench.cpu.probe = bench === single ? {} : null;
      expect(bench.run(1_000_000)).toBe(ExitReason.HLT);
      return { esi: bench.R[ESI], edi: bench.R[EDI], ecx: bench.R[ECX], eip: bench.R[EIP], bytes: Buffer.from(bench.bytes.subarray(DATA - 16, DATA + SPAN + 0x1000)).toString('latin1') };
    });
    expect(seen[0]).toEqual(seen[1]);
  }), { numRuns: 150 });
});
