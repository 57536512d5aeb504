/** Tables as scripts/kallsyms.c writes them, found in memory and read. What a real kernel says of itself is compared in test/guests. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findKallsyms } from './kallsyms.ts';

const ORDERS = ['to 6.1', '6.2', 'since 6.4'] as const;
type Order = (typeof ORDERS)[number];
type Named = readonly [address: number, name: string];

/** Frequent parts of names, at codes that no name has. */
const PARTS = ['sys_', 'default_idle', '__x86_'];
const TOKENS = Array.from(
  { length: 256 },
  (_, code) => PARTS[code - 200] ?? (code > 32 && code < 127 ? String.fromCharCode(code) : ''),
);
const BASE = 0xc100_0000,
  HIGH_BASE = -0x7f00_0000;

const words = (...values: number[]): number[] =>
  values.flatMap(value => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24]);
const aligned = (bytes: number[], to = 4): number[] => [
  ...bytes,
  ...new Array<number>(-bytes.length & (to - 1)).fill(0),
];

function compressed(name: string): number[] {
  const codes: number[] = [];
  for (let rest = `T${name}`; rest.length > 0; ) {
    const part = PARTS.findIndex(each => rest.startsWith(each));
    codes.push(part >= 0 ? 200 + part : rest.charCodeAt(0));
    rest = rest.slice(part >= 0 ? PARTS[part]!.length : 1);
  }
  return codes.length < 128 ? [codes.length, ...codes] : [128 | (codes.length & 127), codes.length >> 7, ...codes];
}

/** `perCpu`: this many symbols before the others, at addresses from 0 on, as CONFIG_KALLSYMS_ABSOLUTE_PERCPU of 64-bit kernels writes them; undefined: of 32 bits. */
function table(symbols: readonly Named[], order: Order, wide?: { perCpu: number | 'relative' }): number[] {
  const names: number[] = [],
    markers: number[] = [],
    tokens: number[] = [],
    index: number[] = [];
  const pointer = wide ? 8 : 4,
    perCpu = wide && wide.perCpu !== 'relative' ? wide.perCpu : 0,
    all: Named[] = [...Array.from({ length: perCpu }, (_, i): Named => [64 * i, `cpu_${i}`]), ...symbols];
  all.forEach(([, name], i) => {
    if (i % 256 === 0) markers.push(names.length);
    names.push(...compressed(name));
  });
  for (const token of TOKENS) {
    index.push(tokens.length & 255, tokens.length >> 8);
    tokens.push(...[...token].map(letter => letter.charCodeAt(0)), 0);
  }
  const base = wide ? HIGH_BASE : BASE,
    isAbsolute = wide !== undefined && wide.perCpu !== 'relative';
  const offset = ([address]: Named, i: number): number =>
    i < perCpu ? address : isAbsolute ? -1 - (address - base) : address - base;
  const part = (bytes: number[]): number[] => aligned(bytes, pointer);
  const offsets = [...part(words(...all.map(offset))), ...words(base, ...(wide ? [-1] : []))];
  const places = all.flatMap((_, i) => [i >> 16, (i >> 8) & 255, i & 255]),
    middle = [
      ...part(words(all.length)),
      ...part(names),
      ...part(words(...markers)),
      ...(order === '6.2' ? part(places) : []),
      ...part(tokens),
      ...index,
    ];
  return order === 'since 6.4' ? [...middle, ...offsets] : [...offsets, ...middle];
}

/** Among other things, some of which look like it. */
const inMemory = (bytes: readonly number[]): Uint8Array =>
  Uint8Array.from([
    ...new Array<number>(4096).fill(0x90),
    ...words(1, 2, 3, 4),
    ...[...'0123456789'].flatMap(digit => [digit.charCodeAt(0), 0]),
    ...words(0, 0, 0),
    ...bytes,
    ...new Array<number>(512).fill(0xcc),
  ]);

const symbols = fc
  .uniqueArray(
    fc.tuple(fc.integer({ min: BASE, max: BASE + 0x80_0000 }), fc.stringMatching(/^[a-z_][a-z0-9_.]{0,40}$/)),
    { minLength: 2, maxLength: 700, selector: ([address]) => address },
  )
  .map(all => all.sort((a, b) => a[0] - b[0]));

describe('the symbols that a Linux carries', () => {
  it.each(ORDERS)('are found, each at its address and up to the next, in the order of versions %s', order => {
    fc.assert(
      fc.property(symbols, fc.nat(), (all, pick) => {
        const found = findKallsyms(inMemory(table(all, order)))!,
          i = pick % (all.length - 1),
          [address, name] = all[i]!,
          next = all[i + 1]![0];
        expect(found.count).toBe(all.length);
        expect(found.at(address)).toEqual({ name, offset: 0 });
        expect(found.at(next - 1)).toEqual({ name, offset: next - 1 - address });
        expect([found.at(all[0]![0] - 1), found.at(all.at(-1)![0] + 1)]).toEqual([undefined, undefined]);
      }),
      { numRuns: 40 },
    );
  });

  it.each(ORDERS.flatMap(order => [0, 1, 300, 'relative' as const].map(perCpu => [order, perCpu] as const)))(
    'are those of a kernel of 64 bits, too, in the order of versions %s with %s per CPU',
    (order, perCpu) => {
      fc.assert(
        fc.property(symbols, fc.nat(), (low, pick) => {
          const all = low.map(([address, name]): Named => [address - BASE + HIGH_BASE, name]),
            found = findKallsyms(inMemory(table(all, order, { perCpu })))!,
            [address, name] = all[pick % (all.length - 1)]!;
          expect(found.count).toBe(all.length + (perCpu === 'relative' ? 0 : perCpu));
          expect(found.at(address)).toEqual({ name, offset: 0 });
          expect([0, 64, all[0]![0] - 1].map(each => found.at(each))).toEqual([undefined, undefined, undefined]);
        }),
        { numRuns: 10 },
      );
    },
  );

  it('have long names, and of several at one address the first', () => {
    const long = 'a'.repeat(300),
      found = findKallsyms(
        inMemory(
          table(
            [
              [BASE, '_stext'],
              [BASE, '_text'],
              [BASE + 16, long],
              [BASE + 32, 'sys_default_idle'],
              [BASE + 48, '_end'],
            ],
            'to 6.1',
          ),
        ),
      )!;
    expect([BASE + 3, BASE + 20, BASE + 47].map(address => found.at(address))).toEqual([
      { name: '_stext', offset: 3 },
      { name: long, offset: 4 },
      { name: 'sys_default_idle', offset: 15 },
    ]);
  });

  it('are not made up where there are none, or where bytes are damaged', () => {
    expect(findKallsyms(inMemory([]))).toBeUndefined();
    const whole = table(
      [
        [BASE, 'sys_a'],
        [BASE + 16, 'sys_b'],
        [BASE + 32, '_end'],
      ],
      'to 6.1',
    );
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, by) => {
        // It is found as it is, or not: it never throws.
        findKallsyms(inMemory(whole.map((byte, i) => (i === at ? byte ^ by : byte))))?.at(BASE + 20);
      }),
      { numRuns: 200 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), bytes => {
        findKallsyms(inMemory([...bytes]));
      }),
      { numRuns: 50 },
    );
  });
});
