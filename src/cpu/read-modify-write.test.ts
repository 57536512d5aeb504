/**
 * Instructions with several accesses to devices, whichever of these are answered in place and whichever leave `run()`: each access is made once, in the order
 * of the SDM's operation (vol. 2), and what was read is what is computed with. Reads of the device have a side effect.
 */
import { describe, expect, it } from 'vitest';
import { EPT_WRITE, type ExitInfo, ExitReason } from './architecture/edge.ts';
import { functionOf } from './architecture/regions.ts';
import { CR4, EAX, EBX, ECX, EDI, EDX, EIP, ESI, ESP, HIGH, R8 } from './architecture/registers.ts';
import { createLongMode } from './long-mode.ts';
import { createCompiler } from './region/compiler.ts';
import { RegionTier } from './region/tier.ts';
import { asm, asm64 } from './test-support/asm.ts';
import { Bench, CODE, FRAMES } from './test-support/bench.ts';

const OSFXSR = 0x200,
  DEVICE = FRAMES * 4096,
  /** Memory ends in the middle of these 8 bytes. */
  EDGE = DEVICE - 4;

/** Accesses by their sizes, in their order; where nothing else is said EDI is DEVICE + 16. */
const BOTH_WIDTHS: Record<string, string> = {
  'mov [edi], eax': 'w4',
  'mov eax, [edi]': 'r4',
  'xchg [edi], eax': 'r4 w4',
  'xchg [edi], ax': 'r2 w2',
  'xchg [edi], ah': 'r1 w1',
  'add [edi], eax': 'r4 w4',
  'lock add [edi], eax': 'r4 w4',
  'or dword [edi], 0x10': 'r4 w4',
  'lock or dword [edi], 0x10': 'r4 w4',
  'stc; adc [edi], ax': 'r2 w2',
  'stc; sbb [edi], al': 'r1 w1',
  'and dword [edi], 0x30': 'r4 w4',
  'sub byte [edi], 3': 'r1 w1',
  'xor word [edi], 0x1234': 'r2 w2',
  'inc dword [edi]': 'r4 w4',
  'lock dec byte [edi]': 'r1 w1',
  'not word [edi]': 'r2 w2',
  'neg dword [edi]': 'r4 w4',
  'shl dword [edi], 1': 'r4 w4',
  'sar word [edi], 3': 'r2 w2',
  'mov cl, 5; rol byte [edi], cl': 'r1 w1',
  'stc; rcr dword [edi], 2': 'r4 w4',
  'shld [edi], eax, 4': 'r4 w4',
  'mov cl, 3; shrd [edi], ax, cl': 'r2 w2',
  'bts dword [edi], 4': 'r4 w4',
  'lock btr dword [edi], 4': 'r4 w4',
  'mov ecx, 35; btc [edi], ecx': 'r4 w4',
  'xadd [edi], eax': 'r4 w4',
  'lock xadd [edi], al': 'r1 w1',
  // It writes in any case: what it found, where that is not the accumulator's.
  'cmpxchg [edi], ebx': 'r4 w4',
  'lock cmpxchg [edi], bx': 'r2 w2',
  'mov al, [edi]; inc al; cmpxchg [edi], bl': 'r1 r1 w1',
  'cmpxchg8b [edi]': 'r4 r4 w4 w4',
  'lock cmpxchg8b [edi]': 'r4 r4 w4 w4',
  'setc [edi]': 'w1',
  'test [edi], eax': 'r4',
  'cmp dword [edi], 5': 'r4',
  'div dword [edi]': 'r4',
  'mov esi, edi; movsd': 'r4 w4',
  'lea esi, [edi + 4096]; movsb': 'r1 w1',
  'mov esi, edi; mov ecx, 3; rep movsd': 'r4 w4 r4 w4 r4 w4',
  'std; lea esi, [edi + 4096]; mov ecx, 3; rep movsw; cld': 'r2 w2 r2 w2 r2 w2',
  'mov ecx, 3; rep stosd': 'w4 w4 w4',
  'lea esi, [edi + 8]; mov ecx, 3; repne cmpsd': 'r4 r4 r4 r4 r4 r4',
  'mov ecx, 2; repne scasb': 'r1 r1',
  'fninit; fnstcw [edi]; fldcw [edi]': 'w2 r2',
  'fninit; fldz; fstp qword [edi]': 'w4 w4',
  'movups xmm0, [edi]; movups [edi], xmm0': 'r4 r4 r4 r4 w4 w4 w4 w4',
  // Across the end of the device's page, and of memory: by bytes.
  [`mov edi, ${DEVICE + 4094}; xchg [edi], eax`]: 'r1 r1 r1 r1 w1 w1 w1 w1',
  [`mov edi, ${DEVICE + 4095}; lock inc word [edi]`]: 'r1 r1 w1 w1',
  [`mov edi, ${DEVICE - 2}; add [edi], eax`]: 'r1 r1 w1 w1',
  [`mov edi, ${EDGE}; cmpxchg8b [edi]`]: 'r4 w4',
  [`mov edi, ${DEVICE - 6}; cmpxchg8b [edi]`]: 'r1 r1 w1 w1',
  [`mov edi, ${DEVICE - 2}; cmpxchg8b [edi]`]: 'r1 r1 r4 w4 w1 w1',
};
const NARROW: Record<string, string> = {
  ...BOTH_WIDTHS,
  'push dword [edi]; pop dword [edi + 4]': 'r4 w4',
  'mov esp, edi; push dword [edi]': 'r4 w4',
  'mov esp, edi; pop dword [edi + 64]': 'r4 w4',
  'lea esp, [edi + 64]; pusha': 'w4 w4 w4 w4 w4 w4 w4 w4',
  'mov al, 3; mov byte [edi], 0; arpl [edi], ax': 'w1 r2 w2',
};
const WIDE: Record<string, string> = {
  ...BOTH_WIDTHS,
  'mov rax, [rdi]': 'r4 r4',
  'mov [rdi], rax': 'w4 w4',
  'xchg [rdi], rax': 'r4 r4 w4 w4',
  'add [rdi], rax': 'r4 r4 w4 w4',
  'lock xadd [rdi], r8': 'r4 r4 w4 w4',
  'cmpxchg [rdi], rbx': 'r4 r4 w4 w4',
  'bts qword [rdi], 40': 'r4 r4 w4 w4',
  'shl qword [rdi], 3': 'r4 r4 w4 w4',
  'neg qword [rdi]': 'r4 r4 w4 w4',
  'cmpxchg16b [rdi]': 'r4 r4 r4 r4 w4 w4 w4 w4',
  'push qword [rdi]; pop qword [rdi + 8]': 'r4 r4 w4 w4',
  'mov rsp, rdi; push qword [rdi]': 'r4 r4 w4 w4',
  'mov rsi, rdi; movsq': 'r4 r4 w4 w4',
  'mov rsi, rdi; mov ecx, 2; rep movsq': 'r4 r4 w4 w4 r4 r4 w4 w4',
  [`mov edi, ${EDGE}; add [rdi], rax`]: 'r4 w4',
  [`mov edi, ${DEVICE - 3}; xchg [rdi], rax`]: 'r1 r4 w4 w1',
};

type Policy = (write: boolean, offset: number, nth: number) => boolean;
/** What is answered in place; the rest leaves. */
const POLICIES: Record<string, Policy> = {
  'reads are answered in place': write => !write,
  'writes are answered in place': write => write,
  'the first page is answered in place': (_, offset) => offset < 4096,
  'low words are answered in place': (_, offset) => (offset & 4) === 0,
  'every other access is answered in place': (_, _offset, nth) => nth % 2 === 0,
  'all leave': () => false,
};

interface Outcome {
  accesses: string[];
  registers: number[];
  edge: string;
}

/** A machine with a device of two pages, whose reads count up what they read. */
class WithDevice {
  readonly bench: Bench;
  readonly rounds: number;
  private readonly isWide: boolean;
  private readonly hasRegions: boolean;
  private readonly words = new Map<number, number>();
  private accesses: string[] = [];
  private policy: Policy = () => false;
  private asked = 0;

  /** `rounds`: of the code; enough of them for the second tier where there is one. */
  constructor(isWide: boolean, rounds: number, hasRegions = false) {
    this.isWide = isWide;
    this.rounds = rounds;
    this.hasRegions = hasRegions;
    this.bench = new Bench({
      ...(isWide ? { cpuLevel: 'x86-64-v2', longMode: createLongMode } : {}),
      answerAccess: exit => {
        const isInPlace = this.policy(
          (exit.qualification & EPT_WRITE) !== 0,
          exit.guestPhysical - DEVICE,
          this.asked++,
        );
        if (isInPlace) exit.value = this.answer(exit);
        return isInPlace;
      },
    });
    if (!hasRegions) return;
    const tier = new RegionTier(this.bench.cpu, { compile: functionOf, threshold: 1 });
    tier.useCompiler(createCompiler);
    this.bench.cpu.regions = tier;
  }

  /** How many are tried: regions take long to make. */
  get policies(): number {
    return this.hasRegions ? 2 : 6;
  }

  private answer({ guestPhysical, qualification, size, value }: ExitInfo): number {
    const offset = guestPhysical - DEVICE,
      write = (qualification & EPT_WRITE) !== 0,
      mask = size === 4 ? -1 : (1 << (8 * size)) - 1;
    this.accesses.push(`${write ? 'w' : 'r'}${size} ${offset}${write ? ` ${value & mask}` : ''}`);
    const found = this.words.get(offset) ?? offset * 0x10101;
    this.words.set(offset, write ? value & mask : found + 1);
    return write ? 0 : found & mask;
  }

  run(code: string, policy: Policy): Outcome {
    const { bench, isWide } = this,
      { R } = bench,
      rounds = `mov ebp, ${this.rounds}; again: mov edi, ${DEVICE + 16}; mov esp, 0x9000; xor edx, edx`,
      source = `${rounds}; ${code}; dec ebp; jnz again; hlt`;
    this.words.clear();
    this.accesses = [];
    this.policy = policy;
    this.asked = 0;
    if (isWide) {
      bench.longMode();
      for (const page of [0, 4096]) bench.map(BigInt(DEVICE + page), DEVICE + page);
    } else bench.protectedMode();
    R[CR4]! |= OSFXSR;
    bench.cpu.reload();
    bench.put(CODE, isWide ? asm64(source) : asm(source));
    R.fill(0, 0, 8);
    Object.assign(R, { [EAX]: 0x12345678, [EBX]: 0x0badcafe, [ECX]: 0x77, [EIP]: CODE });
    bench.bytes.fill(0x5a, EDGE - 8, DEVICE);
    for (let exits = 0; bench.run() !== ExitReason.HLT; exits++) {
      expect(bench.cpu.exit.reason).toBe(ExitReason.EPT_VIOLATION);
      expect(exits, `never ends: ${this.accesses.slice(0, 9).join(', ')}`).toBeLessThan(20 * this.rounds);
      bench.cpu.completeMemoryAccess(this.answer(bench.cpu.exit));
    }
    return {
      accesses: this.accesses,
      registers: [EAX, EBX, ECX, EDX, ESI, EDI, ESP, ...(isWide ? [EAX + HIGH, R8] : [])].map(register => R[register]!),
      edge: Buffer.from(bench.bytes.subarray(EDGE - 8, DEVICE)).toString('hex'),
    };
  }
}

describe.each([
  ['code of 32 bits', NARROW, new WithDevice(false, 3)],
  ['code of 32 bits in both tiers', NARROW, new WithDevice(false, 16, true)],
  ['code of 64 bits', WIDE, new WithDevice(true, 3)],
])('in %s each access is made once', (_, rows, machine) => {
  it.each(Object.entries(rows))('%s: %s', (code, sizes) => {
    const whole = machine.run(code, () => true),
      round = sizes.split(' ');
    expect(whole.accesses.map(access => access.slice(0, 2))).toEqual(
      Array.from({ length: machine.rounds * round.length }, (__, i) => round[i % round.length]),
    );
    const policies = Object.entries(POLICIES).slice(0, machine.policies);
    for (const [what, policy] of policies) expect(machine.run(code, policy), what).toEqual(whole);
  });
});

it('the second tier ran of these', () => {
  const machine = new WithDevice(false, 16, true);
  machine.run('xchg [edi], eax', write => !write);
  expect((machine.bench.cpu.regions as RegionTier).statistics.retired).toBeGreaterThan(0);
});
