/** Copies of many elements at once do what the same elements do one by one. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ExitReason } from '../architecture/edge.ts';
import { EAX, ECX, EDI, EFLAGS, ESI, EIP } from '../architecture/registers.ts';
import { asm } from '../test-support/asm.ts';
import { createLongMode } from '../long-mode.ts';
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

const FAR = 0xffff_8880_0000_0000n;
const wideBenches = [0, 1].map(() => new Bench({ cpuLevel: 'x86-64-v2', longMode: createLongMode }));

/** The same of 64-bit code: source high above, target high above or low, addresses of 64 or 32 bits. */
function bothWaysLong(code: number[], registers: Record<number, bigint>, down: boolean): void {
  const seen = wideBenches.map((bench, i) => {
    bench.longMode(0, [FAR]);
    for (const base of [0n, FAR]) {
      bench.map(base + 0x13000n, 0x15000);
      bench.map(base + 0x15000n, 0x13000);
    }
    for (let at = 0; at < SPAN + 0x1000; at++) bench.bytes[DATA + at] = at * 31 + (at >> 8);
    bench.put(CODE, ...code);
    for (const [register, value] of Object.entries(registers)) bench.setWide(Number(register), value);
    if (down) bench.R[EFLAGS]! |= 0x400;
    bench.cpu.probe = i === 1 ? {} : null;
    expect(bench.run(1_000_000)).toBe(ExitReason.HLT);
    return {
      registers: [ESI, EDI, ECX, EIP].map(register => bench.wide(register)),
      bytes: Buffer.from(bench.bytes.subarray(DATA - 16, DATA + SPAN + 0x1000)).toString('latin1'),
    };
  });
  expect(seen[0]).toEqual(seen[1]);
}
const counts = fc.integer({ min: 0, max: 2600 });

it('REP MOVS and REP STOS of 64-bit code', () => {
  fc.assert(
    fc.property(
      near,
      fc.oneof(near, fc.integer({ min: -9, max: 9 })),
      counts,
      fc.constantFrom(1, 2, 4, 8),
      fc.constantFrom('up', 'down', 'short'),
      fc.boolean(),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      (from, to, count, size, how, isCopy, value) => {
        const down = how === 'down',
          short = how === 'short',
          by = (down ? -size : size) * count,
          target = to < 10 ? from + to : to;
        fc.pre((!isCopy || inside(from, by)) && inside(target, by));
        const base = short ? 0n : FAR,
          lost = short ? 1n << 40n : 0n;
        const prefixes = [...(short ? [0x67] : []), ...(size === 2 ? [0x66] : []), 0xf3, ...(size === 8 ? [0x48] : [])];
        const opcode = (isCopy ? 0xa4 : 0xaa) + (size === 1 ? 0 : 1);
        bothWaysLong(
          [...prefixes, opcode, 0xf4],
          {
            [ESI]: base + BigInt(DATA + from) + lost,
            [EDI]: base + BigInt(DATA + target) + lost,
            [ECX]: BigInt(count) + lost,
            [EAX]: value,
          },
          down,
        );
      },
    ),
    { numRuns: 150 },
  );
});
