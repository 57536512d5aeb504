/** Copies of many elements at once do what the same elements do one by one. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ExitReason } from '../architecture/edge.ts';
import { EAX, ECX, EDI, EIP, ESI } from '../architecture/registers.ts';
import { asm } from '../test-support/asm.ts';
import { Bench, CODE, DATA } from '../test-support/bench.ts';

const SPAN = 0x3000;
/** REP MOVS and REP STOS of 8, 16 and 32 bits. */
const moves = { 1: 'rep movsb', 2: 'rep movsw', 4: 'rep movsd' } as const,
  stores = { 1: 'rep stosb', 2: 'rep stosw', 4: 'rep stosd' } as const;

/** Twice the same, in bulk and, with a probe, one by one: from pages of which two lie elsewhere than their neighbours, and that the TLB knows. */
function bothWays(code: number[], registers: Record<number, number>): void {
  const seen = [bulk, single].map(bench => {
    bench.protectedMode().paging32();
    bench.setWord(0x21000 + 0x13 * 4, 0x15007);
    bench.setWord(0x21000 + 0x15 * 4, 0x13007);
    for (let i = 0; i < SPAN + 0x1000; i++) bench.bytes[DATA + i] = i * 31 + (i >> 8);
    bench.put(CODE, ...code);
    for (const [register, value] of Object.entries(registers)) bench.R[Number(register)] = value;
    bench.cpu.probe = bench === single ? {} : null;
    for (let page = DATA; page < DATA + SPAN + 0x1000; page += 4096) bench.cpu.memory.hostWrite(page);
    expect(bench.run(1_000_000)).toBe(ExitReason.HLT);
    return {
      esi: bench.R[ESI],
      edi: bench.R[EDI],
      ecx: bench.R[ECX],
      eip: bench.R[EIP],
      bytes: Buffer.from(bench.bytes.subarray(DATA - 16, DATA + SPAN + 0x1000)).toString('latin1'),
    };
  });
  expect(seen[0]).toEqual(seen[1]);
}
const [bulk, single] = [new Bench(), new Bench()] as const;
const near = fc.oneof(fc.integer({ min: 0, max: SPAN - 1 }), fc.integer({ min: 0xff0, max: 0x1010 }));
const inside = (from: number, by: number): boolean => [from, from + by].every(end => end >= -4 && end <= SPAN);

it('REP MOVS, up and down, over page ends and onto itself', () => {
  const counts = fc.oneof(fc.integer({ min: 0, max: 2600 }), fc.integer({ min: 0, max: 9000 }));
  fc.assert(
    fc.property(
      near,
      fc.oneof(near, fc.integer({ min: -9, max: 9 })),
      counts,
      fc.constantFrom(1, 2, 4),
      fc.boolean(),
      (from, to, count, size, down) => {
        const by = (down ? -size : size) * count,
          target = to < 10 ? from + to : to;
        fc.pre(inside(from, by) && inside(target, by));
        bothWays(asm(down ? 'std' : 'cld', moves[size as 1], 'hlt'), {
          [ESI]: DATA + from,
          [EDI]: DATA + target,
          [ECX]: count,
        });
      },
    ),
    { numRuns: 300 },
  );
});

it('REP STOS, over page ends', () => {
  fc.assert(
    fc.property(
      near,
      fc.integer({ min: 0, max: 12_000 }),
      fc.constantFrom(1, 2, 4),
      fc.integer(),
      (to, count, size, value) => {
        fc.pre(inside(to, size * count));
        bothWays(asm('cld', stores[size as 1], 'hlt'), { [EDI]: DATA + to, [ECX]: count, [EAX]: value });
      },
    ),
    { numRuns: 200 },
  );
});
