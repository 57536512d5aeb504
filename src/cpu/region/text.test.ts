/** What the texts of regions hold, and how large V8's bytecode of the largest is. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { RegionText } from '../architecture/regions.ts';
import { ECX, ESI } from '../architecture/registers.ts';
import { generateInterpreter } from '../gen/generate.ts';
import { rows } from '../table/index.ts';
import { asm, Bench, CODE, d, DATA, FLAT_CODE, whole } from '../test-support/bench.ts';
import { createCompiler } from './compiler.ts';
import { RegionTier } from './tier.ts';

/** V8 leaves functions above 61,440 bytes alone (`max-optimized-bytecode-size`). */
const LIMIT = 60_000;

const bench = new Bench().protectedMode();
/** What a region's function is given, as a guest's would be. */
let names: readonly string[] = [];
const tier = new RegionTier(bench.cpu, {
  threshold: 1,
  compile: list => {
    names = list;
    return null;
  },
});
tier.useCompiler(createCompiler);
bench.cpu.regions = tier;
bench.put(CODE, '40 eb fd');
bench.run(100_000);

const compiler = createCompiler(bench.bytes, () => bench.cpu.writer.instructions);
/** The region of a loop over so many times these bytes. */
function loop(body: string, turns = 160): RegionText {
  const bytes = asm(body);
  bench.put(CODE, ...Array<number[]>(turns).fill(bytes), '49 0f 85', d(-7 - turns * bytes.length), 'f4');
  return whole(
    compiler.compile(
      FLAT_CODE,
      CODE & 4095,
      number => ({ table: (number + 1) * 4096, frame: CODE + number * 4096, begins: () => false }),
      0,
      { registers: bench.R, reads: () => true, writes: () => true },
    ),
  )!;
}

/** Kinds of instructions, each as many times as a region takes; a branch with both ways to one place. */
const BODIES = {
  'sums of memory': '01 04 8d 00 20 01 00',
  'shifts by CL': 'd3 e8',
  'ADC to memory': '11 4c 8b 04',
  conditions: '39 c8 0f 9c c2 0f 4f d8',
  MULPS: '0f 59 06',
  MINPS: '0f 5d c1',
  MULPD: '66 0f 59 06',
  PADDD: '66 0f fe 06',
  PSHUFD: '66 0f 70 c1 1b',
  FMUL: 'd8 c9',
  'FLD and FSTP': 'dd 06 dd 1e',
  FCOMI: 'db f1',
  DIV: 'f7 f3',
  CPUID: '0f a2',
  pushes: '50 5b',
  calls: 'e8 00 00 00 00 58',
  'branches to the next instruction': '01 c8 74 00',
  'branches over one': '01 c8 74 01 43',
  LOOP: 'e2 00',
  returns: '68 00 00 01 00 c3',
  rotations: 'c1 c0 03 8b 1e',
};
const made = Object.entries(BODIES).map(([name, body]) => ({ name, text: loop(body).text }));

it('are no larger than what V8 optimises, whatever instructions they hold', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-'));
  try {
    // The bytecode of most is shorter than the text; of none is it half as long again.
    const largest = [...made].sort((a, b) => b.text.length - a.text.length).slice(0, 3);
    for (const { name, text } of made.filter(one => !largest.includes(one)))
      expect(text.length, name).toBeLessThan(LIMIT / 1.5);
    // Each is run once, since V8 compiles nothing before: with a budget of 0 it leaves at once.
    const file = join(folder, 'regions.js'),
      zeros = 'new Int32Array(4096)';
    const one = ({ text }: { text: string }) =>
      `(new Function(...names, ${JSON.stringify(text.replace('return (function ()', 'return (function region()'))}))(...values)();`;
    writeFileSync(
      file,
      `const names = ${JSON.stringify(names)}, zeros = ${zeros}, values = names.map(name => (/^(outcome|.*[wW]ithChange)$/.test(name) ? () => 0 : zeros));\n${largest.map(one).join('\n')}\n`,
    );
    const printed = execFileSync(process.execPath, ['--print-bytecode', '--print-bytecode-filter=region', file], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    const sizes = [...printed.matchAll(/^Bytecode length: (\d+)/gm)].map(match => Number(match[1]));
    expect(sizes).toHaveLength(largest.length);
    sizes.forEach((size, i) => {
      expect(size, largest[i]!.name).toBeLessThan(LIMIT);
    });
    expect(Math.max(...sizes)).toBeGreaterThan(20_000);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Words of JavaScript, locals of every region, of those with SSE and the x87, labels, members. */
const WORDS = new Set(
  (
    'return function const let for if else break continue out done true false Math abs fround imul sqrt min max Infinity NaN cpuid ' +
    'u n base ip m a b c r t h e q fk fa fb fr fo noSse mxcsr'
  ).split(' '),
);
const LOCAL = /^([rw][0-7]|[sl][0-5]|[LB]\d{1,3}|[ab]\d|m\d|r\d_|[xy][0-7]|x[a-z]|xp\d)$/;

it('hold whole numbers as one function writes them, and names from the tables alone', () => {
  const known = new Set([...WORDS, ...names]),
    other = new Set<string>();
  for (const { text } of made) {
    for (const [token] of text
      .replace(/\/\*-?\d+\*\//g, '')
      .matchAll(/[A-Za-z_$][\w$]*|\d+(?:\.\d+)?(?:e[+-]?\d+)?\w*|[`'"\\#@?:][`'"\\#@]*/g)) {
      const isNumber = /^\d/.test(token);
      if (
        isNumber
          ? !/^(0|[1-9]\d*)$/.test(token) && Number(token) !== 2 ** -126
          : !known.has(token) && !LOCAL.test(token) && !'?:'.includes(token)
      )
        other.add(token);
    }
  }
  expect([...other]).toEqual([]);
});

it('are as docs/engine.md shows one', () => {
  const plain = (text: string) => text.replace(/\s+/g, ' '),
    doc = plain(readFileSync(new URL('../../../docs/engine.md', import.meta.url), 'utf8'));
  const one = new Bench().protectedMode();
  one.put(CODE, '03 06', '83 c6 04', '49', '75 f8', 'f4');
  one.R[ESI] = DATA;
  one.R[ECX] = 5;
  one.run(100);
  const {
      cpu,
      cpu: {
        code: { A, PM },
      },
    } = one,
    table = cpu.tlb.CP[CODE >>> 12]!;
  for (const offset of [0, 2, 5, 6]) {
    const record = PM[table + offset]!;
    expect(doc).toMatch(
      new RegExp(`offset ${offset}, [^,]+(,\\S+)? ${[...A.subarray(record + 1, record + 8)].join(' ')} `),
    );
  }
  const { text } = whole(
    createCompiler(one.bytes, () => cpu.writer.instructions).compile(
      FLAT_CODE,
      0,
      () => ({ table, frame: CODE, begins: () => false }),
      0,
      null,
    ),
  )!;
  expect(doc).toContain(plain(text));
  // The case, without what stands round it.
  const [, add] = /\/\* add\.32\.rm \*\/ \{ (.*) \}/.exec(generateInterpreter(rows))!;
  expect(doc).toContain(add);
});
