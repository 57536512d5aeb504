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
import { asm } from '../test-support/asm.ts';
import { Bench, CODE, DATA, FLAT_CODE, whole } from '../test-support/bench.ts';
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
bench.put(CODE, 'again: inc eax; jmp again');
bench.run(100_000);

const compiler = createCompiler(bench.bytes, () => bench.cpu.writer.instructions);
/** The region of a loop over this many times these bytes. */
function loop(body: string, turns = 160): RegionText {
  const bytes = asm(body);
  bench.put(CODE, 'again:', ...Array<number[]>(turns).fill(bytes), 'dec ecx; jne near again; hlt');
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
  'sums of memory': 'add [ecx*4 + 0x12000], eax',
  'shifts by CL': 'shr eax, cl',
  'ADC to memory': 'adc [ebx + ecx*4 + 4], ecx',
  conditions: 'cmp eax, ecx; setl dl; cmovg ebx, eax',
  MULPS: 'mulps xmm0, [esi]',
  MINPS: 'minps xmm0, xmm1',
  MULPD: 'mulpd xmm0, [esi]',
  PADDD: 'paddd xmm0, [esi]',
  PSHUFD: 'pshufd xmm0, xmm1, 0x1b',
  FMUL: 'fmul st0, st1',
  'FLD and FSTP': 'fld qword [esi]; fstp qword [esi]',
  FCOMI: 'fcomi st0, st1',
  DIV: 'div ebx',
  CPUID: 'cpuid',
  pushes: 'push eax; pop ebx',
  calls: 'call over; over: pop eax',
  'branches to the next instruction': 'add eax, ecx; je over; over:',
  'branches over one': 'add eax, ecx; je over; inc ebx; over:',
  LOOP: 'loop over; over:',
  returns: 'push 0x10000; ret',
  rotations: 'rol eax, 3; mov ebx, [esi]',
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
  one.put(CODE, 'again: add eax, [esi]; add esi, 4; dec ecx; jne again; hlt');
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
