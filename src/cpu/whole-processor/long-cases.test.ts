/** The cases of the third switch against the general functions of the same records: drawn programs end in the same state. */
import { expect, it } from 'vitest';
import type { Cpu } from '../cpu.ts';
import { createLongMode } from '../long-mode.ts';
import { META, META_LENGTH, META_OFFSET_MASK, OP } from '../record.ts';
import {
  CPL,
  CR4,
  EIP,
  EFLAGS,
  FS,
  generalWord,
  HIGH,
  PAGE_RIP,
  SEG,
  SEG_BASE,
  SEG_WORDS,
  XMM,
} from '../architecture/registers.ts';
import { GO, S_BUDGET, S_PAGE_EIP, S_STOP, STALE } from '../scratch.ts';
import { Bench, CODE, DATA, KERNEL_STACK } from '../test-support/bench.ts';
import { plans } from 'virtual:long';

/** One instruction by its function; the loop goes on behind it. */
function runByFunction(cpu: Cpu, p: number): void {
  const { R, S, A } = cpu,
    op = A[p + OP]!,
    offset = A[p + META]! & META_OFFSET_MASK;
  R[PAGE_RIP] = S[S_PAGE_EIP]!;
  R[PAGE_RIP + HIGH] = R[EIP + HIGH]!;
  if (op !== plans.long.goto && op !== plans.long.cross) S[S_BUDGET]!--;
  R[EIP] = S[S_PAGE_EIP]! + offset;
  cpu.writer.functions[op]!(cpu, p);
  if (S[S_STOP] !== GO && S[S_STOP] !== STALE) return;
  const next = (R[EIP]! >>> 0) + ((A[p + META]! >>> META_LENGTH) & 15);
  R[EIP] = next;
  R[EIP + HIGH]! += next >= 2 ** 32 ? 1 : 0;
}

const FAR = 0xffff_8880_0000_0000n;
const benches = [
  createLongMode,
  (cpu: Cpu) => ({ ...createLongMode(cpu), runLong: (p: number) => runByFunction(cpu, p) }),
].map(longMode => new Bench({ cpuLevel: 'x86-64-v2', longMode: longMode as never }));

let state = 1;
/** Numbers below `n`, the same in each run (Lehmer's generator). */
const draw = (n: number): number => {
  state = (state * 48271) % 0x7fffffff;
  return state % n;
};
const pick = <T>(of: readonly T[]): T => of[draw(of.length)]!;
const bytes = (n: number) => Array.from({ length: n }, () => draw(256));

/** ModRM with what follows: a register, or memory near one of the registers that hold addresses. */
function modRm(reg = draw(8), memory = draw(2) === 0): number[] {
  if (!memory) return [0xc0 | (reg << 3) | draw(8)];
  switch (draw(4)) {
    case 0: // [rsi + 8 * n], [r14 + 8 * n]
      return [0x46 | (reg << 3), 8 * draw(4)];
    case 1: // [rip + n]: data behind the code
      return [0x05 | (reg << 3), 0x100 + 8 * draw(4), 0, 0, 0];
    case 2: // [rsi + rdi * 2^n + 8 * m], or with REX.X R15
      return [0x84 | (reg << 3), (draw(4) << 6) | 0x3e, 8 * draw(4), 0, 0, 0];
    default:
      return [
        0x86 | (reg << 3),
        ...pick([
          [0xf8, 0xff, 0xff, 0xff],
          [draw(16), 0, 0, 0],
        ]),
      ];
  }
}
const immediate = (wide: boolean) =>
  wide
    ? pick([bytes(4), [0xff, 0xff, 0xff, 0xff], [draw(9), 0, 0, 0]])
    : [pick([0, 1, 31, 32, 33, 63, 0xff, draw(256)])];
const INSTRUCTIONS: (() => number[])[] = [
  () => [draw(8) * 8 + draw(4), ...modRm()],
  () => [draw(8) * 8 + pick([1, 3]), ...modRm()],
  () => [pick([0x81]), ...modRm(), ...immediate(true)],
  () => [pick([0x80, 0x83]), ...modRm(), ...immediate(false)],
  () => [pick([0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x63]), ...modRm()],
  () => [0x8d, ...modRm(draw(8), true)],
  () => [pick([0xc0, 0xc1]), ...modRm(pick([0, 1, 4, 5, 7])), pick([0, 1, 31, 32, 63, draw(64)])],
  () => [pick([0xd1, 0xd3]), ...modRm(pick([0, 1, 4, 5, 7]))],
  () => [0xc7, ...modRm(0), ...immediate(true)],
  () => [0xf7, ...modRm(0), ...immediate(true)],
  () => [pick([0xf6, 0xf7]), ...modRm(2 + draw(4))],
  () => [pick([0xfe, 0xff]), ...modRm(draw(2))],
  () => [0x6b, ...modRm(), ...immediate(false)],
  () => [pick([0x98, 0x99, 0x90])],
  () => [0x50 + draw(8), 0x58 + draw(8)],
  () => [0x0f, pick([0xaf, 0xb6, 0xb7, 0xbe, 0xbf, 0xbc, 0xbd, 0xa3, 0xab, 0x1f]), ...modRm()],
  () => [0x0f, pick([0x40, 0x90]) + draw(16), ...modRm()],
  () => [0x0f, 0xc8 + draw(8)],
  () => [0x0f, pick([0x10, 0x11, 0x28, 0x29, 0x6f, 0x7f]), ...modRm(draw(8), true)],
  // Jcc over one byte of NOP; CALL to the next instruction, and what it pushed popped.
  () => [0x70 + draw(16), 1, 0x90],
  () => [0xe8, 0, 0, 0, 0, 0x58 + draw(4)],
  () => [0xff, 0xf0 + draw(8), 0x58 + draw(4)],
];
function instruction(): number[] {
  const [first, ...rest] = pick(INSTRUCTIONS)();
  const prefixes = draw(12) === 0 ? [0x64] : draw(8) === 0 ? [0x66] : [];
  return [...prefixes, ...pick([[], [0x48], [0x40 | draw(16)], [0x48 | draw(8)]]), first!, ...rest];
}

const EDGES = [
  0n,
  1n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  1n << 63n,
  (1n << 64n) - 1n,
];
const value = () =>
  pick([pick(EDGES), BigInt(draw(100)), (BigInt(draw(0x7fffffff)) << 33n) ^ BigInt(draw(0x7fffffff))]);

const DATA_BYTES = 128;
interface State {
  registers: bigint[];
  xmm: number[];
  data: number[];
  flags: number;
  base: bigint;
}
function prepare(bench: Bench, { registers, xmm, data, flags, base }: State): void {
  for (const [i, each] of registers.entries()) bench.setWide(generalWord(i), each);
  bench.R.set(xmm, XMM);
  bench.bytes.set(data, DATA - 64);
  bench.bytes.set(data, CODE + 0x100);
  bench.bytes.fill(0, KERNEL_STACK - 64, KERNEL_STACK);
  bench.setWide(EIP, base + BigInt(CODE));
  bench.R[CPL] = 0;
  bench.cpu.eflags = flags;
}
const outcome = (bench: Bench) => ({
  registers: Array.from({ length: 16 }, (_, i) => bench.wide(generalWord(i)).toString(16)),
  rip: bench.wide(EIP),
  flags: bench.cpu.eflags,
  rest: bench.R[EFLAGS],
  xmm: [...bench.R.slice(XMM, XMM + 64)],
  data: [...bench.bytes.slice(DATA - 64, DATA + DATA_BYTES)],
  code: [...bench.bytes.slice(CODE + 0x100, CODE + 0x100 + DATA_BYTES)],
  stack: [...bench.bytes.slice(KERNEL_STACK - 64, KERNEL_STACK)],
  exit: [bench.cpu.exit.reason, bench.cpu.exit.interruption, bench.cpu.exit.qualification],
});

const PROGRAMS = 100;
it('drawn programs of 64-bit code end as by functions alone, wherever they lie', () => {
  for (const bench of benches) {
    bench.longMode(0, [FAR]);
    bench.cpu.controls.exceptionBitmap = -1;
    bench.R[SEG + FS * SEG_WORDS + SEG_BASE] = 16;
    // OSFXSR
    bench.R[CR4]! |= 0x200;
    bench.cpu.reload();
  }
  for (let n = 0; n < PROGRAMS; n++) {
    const program = Array.from({ length: 2 + draw(12) }, instruction);
    const base = pick([0n, FAR]),
      data = base + BigInt(DATA);
    const registers = Array.from({ length: 16 }, value);
    for (const i of [6, 14]) registers[i] = data;
    for (const i of [7, 15]) registers[i] = pick([0n, 8n, 3n, (1n << 64n) - 8n]);
    registers[4] = base + BigInt(KERNEL_STACK - 32);
    const start = {
      registers,
      xmm: Array.from({ length: 64 }, () => draw(0x7fffffff)),
      data: bytes(64),
      flags: 2 | (draw(2) * 0x8d4) | draw(2),
      base,
    };
    const ends = benches.map(bench => {
      bench.bytes.fill(0x90, CODE, CODE + 0x100);
      bench.bytes.set([...program.flat(), 0xf4], CODE);
      bench.cpu.invalidate(CODE >>> 12);
      // Twice: the second time with what the first one found in the TLB.
      prepare(bench, start);
      bench.run(200);
      prepare(bench, start);
      bench.run(200);
      return outcome(bench);
    });
    expect(
      ends[0],
      `program ${n}: ${program.map(each => each.map(b => b.toString(16).padStart(2, '0')).join('')).join(' ')}`,
    ).toEqual(ends[1]);
  }
});
