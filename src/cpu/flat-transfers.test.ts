/** The ordinary transfers against the general ones: the same states from the same states, whatever is unusual in them. */
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { EVENT_EXTERNAL, EVENT_VALID } from './architecture/edge.ts';
import {
  CPL,
  CR0,
  CR4,
  CS,
  DS,
  EFLAGS,
  EIP,
  ES,
  ESP,
  FA,
  FB,
  FK,
  FR,
  FS,
  GDTR_LIMIT,
  GS,
  IDTR_LIMIT,
  SEG,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_WORDS,
  SS,
  STATE_WORDS,
  TR,
} from './architecture/registers.ts';
import type { Cpu } from './cpu.ts';
import { USER } from './scratch.ts';
import {
  Bench,
  CODE,
  DATA,
  FREE,
  GDT,
  HANDLERS,
  KERNEL_CODE,
  KERNEL_DATA,
  KERNEL_STACK,
  TSS,
  USER_CODE,
  USER_DATA,
  USER_STACK,
} from './test-support/bench.ts';
import { mostly, pick } from './test-support/ordinary.ts';

/** An IRET frame from here on; a page's end. */
const FRAME = DATA,
  EDGE = DATA + 0x1000;
const SELECTORS = [
  KERNEL_CODE,
  KERNEL_DATA,
  USER_CODE,
  USER_DATA,
  FREE,
  FREE | 3,
  0,
  3,
  0x34,
  KERNEL_DATA | 1,
  USER_DATA & ~3,
  0x103,
];
/** What runs: INT 80h, INT3, IRETD, IRET, loads of DS, ES, FS and SS from AX, POP DS, an undefined opcode, a read of a page that is not there. */
const INSTRUCTIONS = [
  'int 0x80',
  'int3',
  ...new Array<string>(8).fill('iret'),
  'iretw',
  'mov ds, ax',
  'mov es, ax',
  'mov fs, ax',
  'mov ss, ax',
  'pop ds',
  'pop ds',
  'ud2',
  'mov eax, [0x1ff000]',
];

/** How often each of the ordinary transfers was taken: it returned true. */
const taken = vi.hoisted(() => ({ interrupt: 0, interruptReturn: 0, load: 0, pop: 0 }));
vi.mock('./flat-transfers.ts', async original => {
  const [{ counted }, { createFlatTransfers }] = await Promise.all([
    import('./test-support/ordinary.ts'),
    original<typeof import('./flat-transfers.ts')>(),
  ]);
  return { createFlatTransfers: (cpu: Cpu) => counted(createFlatTransfers(cpu), taken) };
});

const situation = fc.record({
  instruction: pick(...INSTRUCTIONS),
  external: mostly(false, true),
  cpl: pick(0 as const, 3 as const),
  selector: pick(...SELECTORS),
  flags: fc.integer({ min: 0, max: 0x3fffff }).map(bits => bits & 0xcff),
  odd: mostly(0, 0x100, 0x4000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x3000),
  oddFrame: mostly(0, 0x100, 0x4000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x3000),
  frame: fc.oneof(
    { weight: 4, arbitrary: pick([KERNEL_CODE, KERNEL_DATA], [USER_CODE, USER_DATA], [USER_CODE, USER_DATA]) },
    { weight: 1, arbitrary: fc.tuple(pick(...SELECTORS), pick(...SELECTORS)) },
  ),
  stack: mostly(FRAME, FRAME + 2, EDGE - 12, EDGE - 8, EDGE + 4, CODE + 0x20),
  inner: pick(KERNEL_STACK, KERNEL_STACK, KERNEL_STACK + 1, 0xa004, 0x200000),
  innerSs: mostly(KERNEL_DATA, ...SELECTORS),
  /** A bit of some descriptor or gate that is the other way round. */
  flipped: fc.option(
    fc.tuple(pick(KERNEL_CODE, KERNEL_DATA, USER_CODE & ~3, USER_DATA & ~3, FREE, -1, -2), fc.nat(63)),
    { freq: 2 },
  ),
  gate: mostly(0xee, 0x8e, 0x8f, 0xef, 0x86, 0xe5, 0x6e),
  limits: fc.tuple(mostly(0xff, 0x17, 0x27), mostly(0x7ff, 0x3ff, 0x77), mostly(0x67, 8, 9)),
  /** What is in none, one, or all of the data segments, as in a kernel that leaves those of its caller. */
  data: fc.tuple(
    mostly(USER_DATA, KERNEL_DATA, FREE),
    pick([], [DS], [ES], [FS], ...new Array<number[]>(5).fill([DS, ES, FS, GS])),
  ),
  cr0: mostly(0, 1, 0x40000),
  cr4: mostly(0, 1),
});

const warm = new Bench(),
  cold = new Bench();

/** `full`: the TLB has all pages; else the first look finds nothing there, and the general way is taken. */
function prepare(bench: Bench, at: typeof situation extends fc.Arbitrary<infer T> ? T : never, full: boolean): void {
  const { R, cpu } = bench;
  bench.bytes.fill(0, DATA, EDGE + 0x1000);
  bench.protectedMode(at.cpl);
  bench.descriptor(FREE, 0, 0xfffff, 0xf2, 12);
  bench.setWord(TSS + 4, at.inner);
  bench.setWord(TSS + 8, at.innerSs);
  bench.idtGate(0x80, KERNEL_CODE, HANDLERS + 0x400, at.gate);
  bench.idtGate(3, KERNEL_CODE, HANDLERS + 24, at.gate);
  if (at.flipped !== null) {
    const [which, bit] = at.flipped,
      first = which < 0 ? 0x2000 + (which === -1 ? 0x80 : 14) * 8 : GDT + which;
    bench.bytes[first + (bit >>> 3)]! ^= 1 << (bit & 7);
  }
  [R[GDTR_LIMIT], R[IDTR_LIMIT], R[SEG + TR * SEG_WORDS + SEG_LIMIT]] = at.limits;
  for (const segment of at.data[1])
    bench.segment(segment, at.data[0], 0, -1, at.data[0] === KERNEL_DATA ? 0xc093 : 0xc0f3);
  bench.put(CODE, at.instruction);
  R[ESP] = at.stack;
  [CODE + 8, at.frame[0], at.flags | at.oddFrame | 2, USER_STACK, at.frame[1]].forEach((word, i) =>
    bench.setWord(at.stack + 4 * i, word),
  );
  if (at.instruction === 'pop ds') bench.setWord(at.stack, at.selector);
  R[0] = at.selector;
  bench.paging32();
  // The page behind the last is not there.
  bench.setWord(0x21000 + 0x1ff * 4, 0);
  R[CR0]! |= at.cr0 === 1 ? 0 : at.cr0;
  R[CR4] = at.cr4;
  if (at.external) cpu.inject(EVENT_VALID | EVENT_EXTERNAL | 0x80);
  cpu.eflags = at.flags | (at.odd & ~(0x20000 | 0x100)) | 2;
  cpu.reload();
  if (full)
    for (const user of [0, USER]) {
      cpu.S[3] = user;
      for (let page = 0; page < 0x20; page++) cpu.memory.hostWrite(page * 4096);
    }
  cpu.mode.changed();
}

/** What a guest can see, flags as EFLAGS. */
const seen = ({ R, cpu }: Bench, reason: number) => {
  const words = R.slice(0, STATE_WORDS);
  for (const word of [FK, FA, FB, FR, EFLAGS]) words[word] = 0;
  return { reason, eflags: cpu.eflags, words: [...words], injection: cpu.loop.injection };
};

it('an instruction, an exception or an interrupt does the same with entries in the TLB as without any', () => {
  let outward = 0;
  fc.assert(
    fc.property(situation, at => {
      const before = taken.interruptReturn;
      prepare(warm, at, true);
      prepare(cold, at, false);
      const [one, other] = [warm, cold].map(bench => seen(bench, bench.cpu.run(1))) as [
        ReturnType<typeof seen>,
        ReturnType<typeof seen>,
      ];
      if (taken.interruptReturn > before && warm.R[CPL] === 3) outward++;
      expect(one).toEqual(other);
      expect(Buffer.from(warm.memory, 0, 0x20000).equals(Buffer.from(cold.memory, 0, 0x20000))).toBe(true);
    }),
    { numRuns: 2400 },
  );
  // Many went the ordinary way, or the test shows little.
  for (const [name, times] of Object.entries(taken)) expect(times, name).toBeGreaterThan(10);
  expect(outward).toBeGreaterThan(3);
});

it('a batch goes on in the handler of its page faults, and counts them as the run does', () => {
  const counts = [1, 4999].map(batch => {
    const bench = new Bench();
    bench.protectedMode();
    // Behind the fault: a jump back to it. The handler drops the error code and returns to the jump.
    bench.put(CODE, 'again: mov eax, [0x1ff000]; jmp again');
    bench.put(HANDLERS + 14 * 8, 'pop eax; add dword [esp], 5; iret');
    bench.paging32();
    bench.setWord(0x21000 + 0x1ff * 4, 0);
    bench.cpu.reload();
    for (let left = 5000; left > 0; left -= batch) bench.cpu.run(Math.min(batch, left));
    return [
      bench.cpu.retired,
      bench.R[EIP],
      bench.R[ESP],
      bench.R[SEG + SS * SEG_WORDS + SEG_RIGHTS],
      bench.R[SEG + CS * SEG_WORDS + SEG_RIGHTS],
    ];
  });
  expect(counts[0]).toEqual(counts[1]);
  // Of five steps one is the fault.
  expect(counts[0]![0]).toBe(4000);
});
