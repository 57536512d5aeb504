import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Compile, functionOf } from '../architecture/regions.ts';
import {
  CPL,
  CR4,
  DR,
  DS,
  EAX,
  EBX,
  ECX,
  EDI,
  EDX,
  EFLAGS,
  EIP,
  ESI,
  ESP,
  FCW,
  FS,
  GS,
  INTERRUPTIBILITY,
  RETIRED_LOW,
  RIGHTS_UNUSABLE,
  SEG,
  SEG_BASE,
  SEG_LIMIT,
  SEG_RIGHTS,
  SEG_WORDS,
  XMM,
} from '../architecture/registers.ts';
import { type ExitInfo, ExitReason } from '../architecture/edge.ts';
import { IF } from '../architecture/flags.ts';
import { assemble } from '../assembler/index.ts';
import { asm, d, hex } from '../test-support/asm.ts';
import {
  Bench,
  CODE,
  DATA,
  FLAT_CODE,
  FRAMES,
  FREE,
  HANDLERS,
  KERNEL_CODE,
  KERNEL_DATA,
  KERNEL_STACK,
  whole,
} from '../test-support/bench.ts';
import { SCRATCH } from '../fpu/vector.ts';
import { createCompiler } from './compiler.ts';
import { RegionTier } from './tier.ts';

function assembled(source: string): number[] {
  const { bytes, problems } = assemble(`bits 32\n${source}`);
  expect(problems).toEqual([]);
  return [...bytes];
}

/** A machine in flat protected mode, with the second tier: from the first sample on unless told. */
function compiled(
  threshold = 1,
  compile: Compile = functionOf,
  options: ConstructorParameters<typeof Bench>[0] = {},
): { bench: Bench; tier: RegionTier } {
  const bench = new Bench(options).protectedMode();
  const tier = new RegionTier(bench.cpu, { compile, threshold });
  tier.useCompiler(createCompiler);
  bench.cpu.regions = tier;
  return { bench, tier };
}

/** In hexadecimal: expect compares long lists number by number, which took most of these tests' time. */
const digits = ({ buffer, byteOffset, byteLength }: Uint8Array | Int32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('hex');
const state = ({ cpu, R, bytes }: Bench) => ({
  registers: [...R.subarray(0, 8)],
  eip: R[EIP]! - CODE,
  eflags: cpu.eflags,
  interruptibility: R[INTERRUPTIBILITY],
  retired: cpu.retired,
  data: digits(bytes.subarray(DATA, DATA + 1024)),
  stack: digits(bytes.subarray(KERNEL_STACK - 256, KERNEL_STACK)),
  unit: digits(R.subarray(FCW, SCRATCH)) + digits(R.subarray(XMM, XMM + 32)),
});

/** Runs the same code in portions on both tiers and compares at the end of each; says what the regions ran of it. */
function same(code: (bench: Bench) => void, portions: readonly number[], limit = 40): number {
  const plain = new Bench().protectedMode(),
    { bench, tier } = compiled();
  for (const one of [plain, bench]) {
    code(one);
    one.R[ESI] = one.R[EDI] = DATA;
    one.R[EBX] = 0x80001234 | 0;
  }
  for (let i = 0; i < limit; i++) {
    const portion = portions[i % portions.length]!;
    const reason = plain.run(portion);
    expect(bench.run(portion)).toBe(reason);
    expect(state(bench)).toEqual(state(plain));
    if (reason === ExitReason.HLT) break;
  }
  return tier.statistics.retired;
}

describe('regions', () => {
  it('run loops with memory, the stack and flags as the interpreter does, whatever the portions', () => {
    const loop = (bench: Bench) => {
      bench.code(
        `
          mov ecx, 200; add eax, ecx
          again: mov [ecx*4 + ${DATA}], eax; mov edx, [ecx*4 + ${DATA}]; push edx; xor edx, ecx
          shl edx, 3; pop esi; adc ebx, edx; imul esi, esi, 7; dec ecx; jne again
        `,
      );
    };
    expect(same(loop, [7, 100, 1, 13, 400], 200)).toBeGreaterThan(1000);
  });

  it('go on behind a read of a device’s register, and do not slow what copies to a device’s memory', () => {
    const device = FRAMES * 4096,
      answerAccess = (exit: ExitInfo): boolean => {
        exit.value = 3;
        return true;
      };
    const run = (...code: Parameters<Bench['code']>) => {
      const { bench, tier } = compiled(1, functionOf, { answerAccess });
      bench.code(...code);
      bench.R[ECX] = 20_000;
      expect(bench.run(1_000_000)).toBe(ExitReason.HLT);
      return { bench, tier, text: tier.hottest(1)[0]?.text ?? '' };
    };
    const register = run(`
      xor ebx, ebx
      again: mov eax, [${device + 0x20}]; add ebx, eax; mov [${DATA}], ebx; lea edx, [ebx + ecx]
      dec ecx; jne again
    `);
    expect(register.bench.word(DATA)).toBe(60_000);
    expect(register.text).toContain('call(');
    expect(register.tier.statistics.retired).toBeGreaterThan(90_000);
    const copy = run(`again: mov [ecx*4 + ${device}], eax; mov [${DATA}], ecx; dec ecx; jne again`);
    expect(copy.text).not.toContain('call(');
  });

  it('read a device’s register without a call where nobody need hear of it', () => {
    let told = 0;
    const { bench, tier } = compiled(1, functionOf, {
      answerAccess: exit => {
        told++;
        exit.value = exit.guestPhysical === FRAMES * 4096 + 0x20 ? 0x80000001 : 3;
        return true;
      },
      readQuietly: (gfn, offset, size) => (gfn === FRAMES && offset === 0x20 && size === 4 ? 0x80000001 : -1),
    });
    bench.put(
      CODE,
      assembled(`
        again:
        cmp ecx, 5000
        mov edi, ${FRAMES * 4096 + 0x20}
        ja read
        add edi, 4
        read:
        cmp [edi], eax
        js negative
        inc ebx
        negative:
        mov edx, [edi]
        add esi, edx
        dec ecx
        jnz again
        hlt`),
    );
    Object.assign(bench.R, { [ECX]: 20_000, [EBX]: 0, [ESI]: 0, [EAX]: 0 });
    expect(bench.run(1_000_000)).toBe(ExitReason.HLT);
    expect(tier.hottest(1)[0]!.text).toContain('readQuietly(');
    expect(bench.R[EBX]).toBe(5_000);
    expect(told).toBeLessThan(20_000);
    expect(bench.R[ESI]! >>> 0).toBe((15_000 * 0x80000001 + 5_000 * 3) % 2 ** 32);
  });

  it('do without a call what kernels do at each lock: keep flags, mask interrupts, access memory as one', () => {
    const code = (bench: Bench) =>
      bench.put(
        CODE,
        assembled(`
          mov ecx, 300
          again:
          add eax, ecx
          pushf
          pop edx
          cli
          adc [edi + 64], edx
          lock add [edi], edx
          pushf
          lock sub byte [edi + 5], cl
          lock adc [edi + 8], ecx
          xchg [edi + 12], ebx
          xchg bh, [edi + 18]
          lock xadd [edi + 20], ax
          lock bts dword [edi + 24], 3
          pop edx
          adc [edi + 68], edx
          lock inc word [edi + 28]
          sti
          setc dl
          push edx
          pop dword [edi + 32]
          rol eax, 3
          pushf
          pop dword [edi + 36]
          sti
          dec ecx
          jnz again
          hlt`),
      );
    expect(same(code, [300, 1, 7, 41], 200)).toBeGreaterThan(3000);
  });

  it('leave to the interpreter what has more to it: user code’s CLI, a trap behind STI, an operand that is not aligned', () => {
    // Not aligned: it is done in two accesses.
    same(
      bench => bench.put(CODE, assembled('mov ecx, 300\nagain: lock add [edi + 2], ecx\ndec ecx\njnz again\nhlt')),
      [100, 3],
    );
    const { bench } = compiled();
    bench.put(CODE, assembled('mov ecx, 300\nagain: cli\nsti\ndec ecx\njnz again\nhlt'));
    bench.cpu.controls.interruptWindow = true;
    bench.R[EFLAGS]! &= ~IF;
    expect(bench.run(10_000)).toBe(ExitReason.INTERRUPT_WINDOW);
    // Behind the shadow of the first STI.
    expect(bench.R[ECX]).toBe(299);
  });

  it('run nested loops and calls', () => {
    const code = (bench: Bench) =>
      bench.put(
        CODE,
        `
          mov ecx, 100
          again2: mov edx, 10
          again: call f; dec edx; jne again; dec ecx; jne again2; hlt; nop; nop
          f: nop; nop; inc eax; test al, 3; je over; inc ebx
          over: ret
        `,
      );
    expect(same(code, [500], 60)).toBeGreaterThan(3000);
  });

  it('hold functions that call themselves, and small ones at each call', () => {
    const code = (bench: Bench) =>
      bench.put(
        CODE,
        `
          mov ecx, 30
          again: push 7; call f; add esp, 4; add ebx, eax; call g; add eax, eax; call g; dec ecx
          jne again; hlt; nop; nop
          f: nop
          h: mov eax, [esp + 4]; cmp eax, 2; jb over; dec eax; push eax; call h; xchg [esp], eax
          dec eax; push eax; call h; pop edx; pop edx; add eax, edx; ret
          over: nop; nop; nop
          g: nop; nop; nop; nop; lea eax, [eax + ebx]; ret
        `,
      );
    expect(same(code, [999, 50, 1, 4], 400)).toBeGreaterThan(5000);
  });

  it('look where another page of theirs leads', () => {
    // Two functions take turns there.
    const entry = 0x21000 + 0x40 * 4;
    const code = (bench: Bench) => {
      bench.paging32();
      bench.setWord(entry, 0x30007);
      bench.put(0x30000, 'add eax, 1; ret');
      bench.put(0x31000, 'add eax, 3; xor ebx, eax; ret');
      bench.put(
        CODE,
        `
          turns: mov ecx, 40
          again: call 0x40000; dec ecx; jne again
          xor dword [${entry}], 0x1000; invlpg [0x40000]; dec edi; jne turns; hlt
        `,
      );
    };
    const many = (bench: Bench) => {
      code(bench);
      // Over the code's first instruction: mov edi, since what calls this sets EDI itself.
      bench.put(0x50000, `mov edi, 20; jmp ${CODE}`);
      bench.R[EIP] = 0x50000;
    };
    expect(same(many, [400, 90, 1], 400)).toBeGreaterThan(1000);
  });

  it('look where the page behind leads into which an instruction reaches, or at whose edge one ends', () => {
    // The same round a function that begins in page 40h and ends in page 41h: add eax,imm32 across the edge, or add eax,1 up to it. Then page 41h goes: a fault.
    const entry = 0x21000 + 0x41 * 4;
    for (const [head, ...tails] of [
      // ADD EAX, imm32, whose upper half and what follows it lie in the other page.
      [hex('81 c0 01 00'), hex('02 00 c3'), hex('03 00 31 c3 c3')],
      ['inc eax', 'add eax, 2; ret', 'xor ebx, eax; add ebx, 1; ret'],
    ] as const) {
      const start = 0x41000 - asm(head).length,
        loop = CODE + 0x100;
      const code = (bench: Bench) => {
        bench.paging32();
        bench.setWord(0x21000 + 0x40 * 4, 0x32007);
        bench.setWord(entry, 0x30007);
        bench.put(start - 0x40000 + 0x32000, head);
        tails.forEach((tail, i) => bench.put(0x30000 + i * 0x1000, tail));
        bench.put(
          loop,
          `
            turns: mov ecx, 40
            again: call ${start}; dec ecx; jne again
            xor dword [${entry}], 0x1000; invlpg [0x41000]; dec edi; jne turns
            and byte [${entry}], 0; invlpg [0x41000]; jmp turns
          `,
        );
        bench.put(CODE, `mov edi, 20; jmp ${loop}`);
      };
      expect(same(code, [400, 90, 1], 400)).toBeGreaterThan(1000);
    }
  });

  it('are gone when the guest rewrites the end of an instruction in the page behind', () => {
    // The ADD lies across the edge; its immediate's second half changes.
    const at = CODE + 0xff5;
    const code = (bench: Bench) => {
      bench.put(
        at,
        `turns: mov ecx, 300; again: add ebx, strict dword 0; test byte [${CODE + 0x1000}], 0; dec ecx; jne again; inc byte [${CODE + 0x1000}]; jmp turns`,
      );
      bench.R[EIP] = at;
    };
    expect(same(code, [900, 50, 3], 300)).toBeGreaterThan(1000);
  });

  it('are gone when the guest rewrites their code', () => {
    const code = (bench: Bench) =>
      bench.put(CODE, `mov ecx, 300; again: inc eax; mov byte [${CODE + 5}], 0x43; dec ecx; jne again; hlt`);
    same(code, [50, 3]);
    // The immediate of an ADD counts up: every turn is new code.
    const own = (bench: Bench) =>
      bench.put(
        CODE,
        `mov ecx, 2000; again: add ebx, strict dword 0; inc dword [${CODE + 7}]; dec ecx; jne again; hlt`,
      );
    same(own, [50, 300], 100);
  });

  it('leave a fault to the interpreter', () => {
    // Up to where there is no memory.
    const code = (bench: Bench) => {
      bench.paging32();
      bench.put(CODE, 'again: mov eax, [esi]; add esi, 4; jmp again');
    };
    expect(same(code, [1000, 77], 400)).toBeGreaterThan(10_000);
  });

  it('run at one mapping what was compiled at another', () => {
    const { bench, tier } = compiled();
    bench.paging32();
    bench.put(CODE, 'again: inc eax; cmp eax, 1000; jne again; call over; over: hlt');
    bench.setWord(0x21000 + 0x40 * 4, CODE | 7);
    for (const at of [CODE, 0x40000]) {
      bench.R[EIP] = at;
      bench.R[EAX] = 0;
      for (let i = 0; i < 50 && bench.run(100) !== ExitReason.HLT; i++);
      expect([bench.R[EAX], bench.word(bench.R[ESP]!)]).toEqual([1000, at + 13]);
    }
    expect(tier.statistics.retired).toBeGreaterThan(1000);
  });

  it('hold what has no description: division, string instructions, the interrupt flag, locked accesses', () => {
    const code = (bench: Bench) => {
      bench.put(
        CODE,
        `
          mov ebp, 7; mov ecx, 300
          again: mov eax, ecx; cdq; div ebp; pushf; cli; popf; push ecx; push edi; mov ecx, 3
          rep stosd; pop edi; pop ecx; lock xadd [${DATA + 512}], ebx; bts [${DATA + 516}], ecx
          dec ecx; jne again; hlt
        `,
      );
    };
    expect(same(code, [300, 7, 41], 100)).toBeGreaterThan(3000);
  });

  it('leave through what they call: division by zero, a port, a store to their own code', () => {
    // #DE at 0: a triple fault.
    same(
      bench =>
        bench.put(
          CODE,
          `
            mov ebp, 50; mov ecx, 300
            again: mov eax, ecx; cdq; sub ebp, 1; div ebp; dec ecx; jne again; hlt
          `,
        ),
      [100, 3],
      20,
    );
    // The store makes INC EAX an INC EBX.
    same(
      bench =>
        bench.put(
          CODE,
          `
            mov ecx, 300
            again: inc eax; push eax; mov al, 0x43; mov edi, ${CODE + 5}; stosb; pop eax; dec ecx
            jne again; hlt
          `,
        ),
      [50, 3],
    );
  });

  it('answer CPUID, and leave where the hypervisor is to answer', () => {
    const code = (exits: boolean) => (bench: Bench) => {
      bench.code(`
        again: mov eax, 1; xor ecx, ecx; cpuid; add edi, edx; mov eax, 0; cpuid; add edi, ebx
        dec esi; jne again
      `);
      bench.cpu.controls.cpuid = exits;
    };
    expect(same(code(false), [100, 7], 100)).toBeGreaterThan(1000);
    const { bench, tier } = compiled();
    code(false)(bench);
    bench.R[ESI] = 1000;
    bench.run(1000);
    expect(tier.statistics.regions).toBeGreaterThan(0);
    bench.cpu.controls.cpuid = true;
    expect(bench.run(1000)).toBe(ExitReason.CPUID);
    expect(bench.cpu.exit.instructionLength).toBe(2);
  });

  it('run x87 and SSE', () => {
    // 1 stays on the stack.
    const code = (bench: Bench) => {
      bench.R[CR4]! |= 0x200;
      bench.view.setFloat32(DATA, 0.1, true);
      bench.put(
        CODE,
        `
          fninit; fld1; mov ecx, 200
          again: fld dword [${DATA}]; fadd st0, st1; fld st0; fmul st0, st0; faddp st1, st0
          fcomi st0, st1; fstp qword [${DATA + 8}]; movups xmm1, [${DATA}]; paddd xmm1, xmm1
          movaps [${DATA + 16}], xmm1; dec ecx; jne again; hlt
        `,
      );
    };
    expect(same(code, [300, 7, 41], 100)).toBeGreaterThan(1000);
  });

  it('hold string instructions without REP, and leave those that go down', () => {
    const code = (head: string) => (bench: Bench) => {
      for (let i = 0; i < 512; i++) bench.bytes[DATA + i] = (i * 37) % 251;
      bench.code(
        head,
        `
          mov ecx, 200
          again: lodsb; scasb; sete dl; stosw; movsd; cmpsb; adc ebx, eax; lodsd; scasw
          cmovb ebp, eax; and esi, 0xffffff00; or esi, ecx; lea edi, [esi + 0x40]; dec ecx
          jne again
        `,
      );
    };
    expect(same(code('cld'), [90, 7, 300], 60)).toBeGreaterThan(1000);
    // Down: nothing of them runs in a region.
    same(code('std'), [90, 7, 300], 60);
  });

  it('reach FS and GS by their base, and leave where these have a limit or are read-only', () => {
    const code = (bench: Bench) =>
      bench.code(
        `
          mov ecx, 100
          again: inc dword [fs:0]; mov eax, [fs:0]; add ebx, [gs:ecx*4 + 0]; sub edx, [fs:edi + 4]
          mov [gs:edi + 8], edx; dec dword [fs:edi + 4]; dec ecx; jne again
        `,
      );
    const segment = (
      bench: Bench,
      number: number,
      base: number,
      limit = -1,
      rights = bench.R[SEG + DS * SEG_WORDS + SEG_RIGHTS]!,
    ) => {
      const at = SEG + number * SEG_WORDS;
      bench.R[at + SEG_BASE] = base;
      bench.R[at + SEG_LIMIT] = limit;
      bench.R[at + SEG_RIGHTS] = rights;
    };
    const plain = (bench: Bench) => {
      code(bench);
      segment(bench, FS, DATA);
      segment(bench, GS, 64);
    };
    // EDI is DATA: the bases come on top of it.
    expect(same(plain, [90, 7, 300], 60)).toBeGreaterThan(500);
    const run = (change: (bench: Bench) => void) => {
      const { bench } = compiled();
      plain(bench);
      bench.R[EDI] = 0;
      bench.run(60);
      const count = bench.word(DATA);
      expect(count).toBeGreaterThan(3);
      expect(bench.R[EAX]).toBe(count);
      change(bench);
      return { reason: bench.run(60), more: bench.word(DATA) - count };
    };
    expect(run(() => {})).toEqual({ reason: ExitReason.PREEMPTION_TIMER, more: 7 });
    // #GP without an IDT entry that can be used: a triple fault at the next access.
    expect(run(bench => segment(bench, FS, DATA, 2)).more).toBe(0);
    expect(run(bench => segment(bench, FS, DATA, -1, bench.R[SEG + DS * SEG_WORDS + SEG_RIGHTS]! & ~2)).more).toBe(0);
    expect(
      run(bench => segment(bench, FS, 0x10000, 0, bench.R[SEG + FS * SEG_WORDS + SEG_RIGHTS]! | RIGHTS_UNUSABLE)).more,
    ).toBe(0);
  });

  it('let a probe, breakpoints and single steps see every instruction', () => {
    const code = (bench: Bench) =>
      bench.put(CODE, `mov ecx, 100_000; again: add eax, ecx; mov [${DATA}], eax; dec ecx; jne again; hlt`);
    const DEC = CODE + 12,
      TF = 0x100,
      DEBUG_EXIT = 2;
    const watch = (bench: Bench): unknown[] => {
      code(bench);
      bench.run(30_000);
      const seen: unknown[] = [];
      bench.cpu.probe = {
        retired: linear => seen.push(linear),
        memory: (linear, size, write, value) => seen.push([linear, size, write, value]),
      };
      bench.run(50);
      bench.cpu.probe = null;
      bench.run(10_000);
      bench.cpu.controls.exceptionBitmap = DEBUG_EXIT;
      const look = () => seen.push([bench.run(20_000), state(bench)]);
      bench.R[DR] = DEC;
      bench.R[DR + 7] = 0x401;
      bench.cpu.reload();
      look();
      bench.R[DR + 7] = 0x400;
      bench.cpu.reload();
      bench.run(10_000);
      bench.cpu.eflags |= TF;
      look();
      return seen;
    };
    const { bench, tier } = compiled();
    expect(watch(bench)).toEqual(watch(new Bench().protectedMode()));
    expect(tier.statistics.retired).toBeGreaterThan(20_000);
  });

  it('run arithmetic of SSE, whatever its operands', () => {
    const code = (bench: Bench) => {
      bench.R[CR4]! |= 0x200;
      for (let i = 0; i < 200; i++)
        bench.view.setFloat32(
          DATA + i * 4,
          [0, -0, 1, 0.1, 1e-40, 3e38, NaN, Infinity, -7, 1.5][(i * 7) % 10]! * ((i % 3) + 1),
          true,
        );
      bench.put(
        CODE,
        `
          mov ecx, 150
          again: movups xmm0, [esi]; movaps xmm1, xmm0; mulps xmm1, xmm2; addps xmm1, xmm0
          minps xmm0, xmm1; pshufd xmm2, xmm0, 0x1b; paddd xmm2, [${DATA}]; subps xmm0, xmm2
          addsd xmm3, [esi]; movups [esi], xmm0; add esi, 4; dec ecx; jne again; hlt
        `,
      );
    };
    expect(same(code, [300, 7, 41], 60)).toBeGreaterThan(1000);
  });

  it('run what C libraries search strings with', () => {
    const code = (bench: Bench) => {
      bench.R[CR4]! |= 0x200;
      for (let i = 0; i < 0x420; i++) bench.bytes[DATA + i] = i % 7 === 0 ? 0 : 97 + (((i * i) >> 3) % 9);
      for (let i = 0; i < 16; i++) bench.bytes[DATA + 0x400 + i] = i * 37;
      for (let i = 0; i < 16; i++) bench.bytes[0x3000 + i] = i < 5 ? 97 + 2 * i : 0;
      bench.put(
        CODE,
        `
          movups xmm1, [0x3000]; mov edi, 400; mov ebp, 2
          again: movdqu xmm0, [esi]; movdqa xmm3, xmm0; pcmpeqb xmm3, xmm4; pmovmskb eax, xmm3
          pshufb xmm0, [${DATA + 0x400}]; pcmpistri xmm1, xmm0, 2; adc ebx, ecx
          pcmpistri xmm0, [${DATA + 0x410}], 0x8a; seto dl; sete dh; psubb xmm5, xmm0
          paddw xmm5, xmm3; lea esi, [esi + ebp + 1]; and esi, ${DATA + 0x3ff}; dec edi; jne again
          hlt
        `,
      );
    };
    expect(same(code, [300, 7, 41], 90)).toBeGreaterThan(1000);
  });

  it('are as many as there is room for', () => {
    const { bench, tier } = compiled();
    for (let i = 0; i < 600; i++) bench.put(0x30000 + i * 16, 'mov ecx, 50; again: dec ecx; jne again; ret; nop');
    for (let i = 0; i < 600; i++) {
      bench.put(CODE, `call ${0x30000 + i * 16}; hlt`);
      bench.R[EIP] = CODE;
      for (let j = 0; j < 10 && bench.run(20) !== ExitReason.HLT; j++);
    }
    expect(tier.statistics.evicted).toBeGreaterThan(0);
    expect(tier.statistics.regions).toBeLessThanOrEqual(512);
  });

  /** Runs bad input as long on both tiers, at the threshold of a guest; what the second tier did. */
  function withstand(code: (bench: Bench) => void, instructions = 400_000): RegionTier['statistics'] {
    const plain = new Bench().protectedMode(),
      { bench, tier } = compiled(8);
    for (const one of [plain, bench]) {
      code(one);
      for (let left = instructions; left > 0; left -= 100_000) one.run(100_000);
    }
    expect(state(bench)).toEqual(state(plain));
    return tier.statistics;
  }

  it('hold the ways of branches that ran, and others once regions often lead to them', () => {
    // What is behind the first JNE runs only later.
    const code = (bench: Bench) => {
      bench.put(
        CODE,
        `
          again: inc eax; test eax, ${1 << 17}; jne over; imul ebx, ebx, 69069
          again2: xor ecx, ebx; jmp again
          over: add ebx, eax; imul edx, ebx; jo over2; inc esi
          over2: sub ebx, edx; jmp again2
        `,
      );
    };
    const ran = new Set<number>();
    for (const at of [0, 1, 6, 8, 14, 16]) ran.add((CODE & 4095) + at);
    const { bench } = compiled();
    code(bench);
    const compiler = createCompiler(bench.bytes, () => bench.cpu.writer.instructions),
      find = () => ({ table: 0, frame: CODE & -4096, begins: () => false });
    const [seen, all] = [ran, new Set<number>()].map(
      those =>
        whole(
          compiler.compile(
            { ...FLAT_CODE, ran: those },
            CODE & 4095,
            number => (number === 0 ? find() : null),
            0,
            null,
          ),
        )!.instructions,
    );
    expect([seen, all]).toEqual([6, 12]);
    const { compiled: made, retired } = withstand(code, 3_000_000);
    expect(made).toBeGreaterThan(1);
    expect(retired).toBeGreaterThan(2_000_000);
  });

  it('lead to a long region that begins on the way, and repeat a short one', () => {
    const code = (bench: Bench) => {
      bench.put(
        CODE,
        ...Array<string>(80).fill('add eax, ecx'),
        ...Array<string>(80).fill('xor eax, edx'),
        'dec ecx',
        hex('0f 85'),
        d(-327),
        'hlt',
      );
    };
    const { bench } = compiled();
    code(bench);
    const compiler = createCompiler(bench.bytes, () => bench.cpu.writer.instructions);
    const of = (start: number, begun: number | null) =>
      whole(
        compiler.compile(
          FLAT_CODE,
          (CODE & 4095) + start,
          number => (number === 0 ? { table: 0, frame: CODE & -4096, begins: offset => offset === begun } : null),
          0,
          null,
        ),
      )!.instructions;
    // Only where a block begins; and round to the entry they go as ever.
    expect([of(160, null), of(160, CODE & 4095), of(160, (CODE & 4095) + 160)]).toEqual([150, 82, 150]);
    // What is hot for long may be larger.
    expect(
      whole(
        compiler.compile(
          FLAT_CODE,
          CODE & 4095,
          number => (number === 0 ? { table: 0, frame: CODE & -4096, begins: () => false } : null),
          0,
          null,
          true,
        ),
      )!.instructions,
    ).toBe(162);
    const run = (one: Bench, tier: RegionTier | null): unknown => {
      code(one);
      one.R[ECX] = 40;
      const states: unknown[] = [];
      for (let i = 0; one.run([33, 81, 700][i % 3]!) !== ExitReason.HLT; i++) states.push(state(one));
      return [...states, state(one), tier === null || (tier.statistics.regions > 1 && tier.statistics.retired > 3000)];
    };
    const { bench: other, tier } = compiled();
    expect(run(other, tier)).toEqual(run(new Bench().protectedMode(), null));
  });

  /** 300 instructions that go round, then EDX is 1. */
  const TURNS = asm('mov edx, 150; again: dec edx; jne again');

  it('are made after a reset too, whatever was retired before', () => {
    const { bench, tier } = compiled(8);
    bench.R[RETIRED_LOW] = 2 ** 30;
    bench.put(CODE, 'again: inc eax; jmp again');
    bench.run(20_000);
    bench.protectedMode();
    expect(tier.batch).toBeLessThan(25_000);
    bench.run(200_000);
    expect(tier.statistics.retired).toBeGreaterThan(50_000);
  });

  it('are not made for code in a mode that is none of theirs', () => {
    // The segment FREE has a base: watching ends there.
    const { retired } = withstand(bench => {
      bench.descriptor(FREE, 0x100, 0xfffff, 0x93, 12);
      bench.put(
        CODE,
        `
          again2: mov ds, bx; mov ecx, 40
          again: add eax, [esi]; rol eax, 3; dec ecx; jne again; xor ebx, ${KERNEL_DATA ^ FREE}
          jmp again2
        `,
      );
      bench.R[EBX] = KERNEL_DATA;
      bench.R[ESI] = DATA;
      for (let i = 0; i < 128; i++) bench.setWord(DATA + 4 * i, 0x1234567 * i);
    }, 120_000);
    expect(retired).toBeGreaterThan(10_000);
  });

  it.each([
    // At CPL 3, with a handler.
    [
      'an interrupt',
      (bench: Bench) => {
        bench.level(3);
        bench.put(CODE, 'again:', TURNS, 'int 0x80; jmp again');
        bench.idtGate(0x80, KERNEL_CODE, HANDLERS, 0xee);
        bench.put(HANDLERS, 'push edx', TURNS, TURNS, TURNS, 'pop edx; iret');
      },
    ],
    // The function lies in another page.
    [
      'a load of CR3',
      (bench: Bench) => {
        bench.paging32();
        bench.put(CODE, 'again:', TURNS, 'call 0x30000; jmp again');
        bench.put(0x30000, 'mov eax, cr3; mov cr3, eax', TURNS, TURNS, TURNS, 'ret');
      },
    ],
  ])('are made of a loop though watching it ends behind %s', (_, code) => {
    const plain = new Bench().protectedMode(),
      { bench, tier } = compiled(8);
    for (const one of [plain, bench]) {
      code(one);
      one.run(500_000);
    }
    expect(state(bench)).toEqual(state(plain));
    expect(tier.hottest(20).map(({ linear }) => linear)).toContain(CODE + 5);
  });

  it('end with INT and IRET, and lead to the next at the other level', () => {
    // At CPL 3, where HLT is #GP.
    const plain = new Bench().protectedMode(),
      { bench, tier } = compiled();
    for (const one of [plain, bench]) {
      one.level(3);
      one.put(CODE, 'mov ecx, 200; again: add eax, ecx; int 0x80; dec ecx; jne again; hlt');
      one.idtGate(0x80, KERNEL_CODE, HANDLERS, 0xee);
      one.put(HANDLERS, `push ds; push edx; mov edx, ${KERNEL_DATA}; mov ds, dx; inc ebx; pop edx; pop ds; iret`);
    }
    for (const portion of [1, 7, 100, 3, 5000]) {
      expect(bench.run(portion)).toBe(plain.run(portion));
      expect(state(bench)).toEqual(state(plain));
    }
    expect(bench.R[CPL]).toBe(0);
    expect(tier.statistics.retired).toBeGreaterThan(0.85 * bench.cpu.retired);
  });

  it('are not looked for again and again where a port ends each', () => {
    const { bench, tier } = compiled(8);
    let looks = 0;
    tier.useCompiler((bytes, features) => {
      const compiler = createCompiler(bytes, features);
      return {
        ...compiler,
        head: (...those) => {
          looks++;
          return compiler.head(...those);
        },
      };
    });
    bench.put(CODE, 'again: mov al, dl; out 0x80, al; dec edx; jmp again');
    for (let i = 0; i < 60_000 && bench.run(1000) === ExitReason.IO; i++) bench.cpu.skipInstruction();
    expect(bench.cpu.exit.reason).toBe(ExitReason.IO);
    expect(tier.statistics.givenUp).toBe(1);
    expect(looks).toBeLessThan(4);
  });

  it('ask for the same text again until it is a function', () => {
    // Eight loops take turns, with branches that rarely go one of their ways.
    const asked = new Map<string, number>();
    const { bench, tier } = compiled(8, (names, text) => {
      asked.set(text, (asked.get(text) ?? 0) + 1);
      return asked.get(text) === 1 ? undefined : functionOf(names, text);
    });
    const branches = [8, 11, 14, 17].map(bit =>
      asm(`imul eax, eax, 69069; inc eax; test eax, ${0x1ff << bit}; jne over; inc ebx; over:`),
    );
    const at = (i: number) => CODE + (i & 7) * 0x80;
    for (let i = 0; i < 8; i++)
      bench.put(at(i), 'mov ecx, 20; again:', ...branches, `dec ecx; jne again; mov edi, ${at(i + 1)}; jmp edi`);
    for (let i = 0; i < 30; i++) bench.run(100_000);
    expect([...asked.values()]).toEqual(new Array(8).fill(2));
    expect(tier.statistics.compiled).toBe(8);
  });

  it('are made in steps, and not of code that changed between two', () => {
    // With a jump to the next one behind each twenty.
    const adds = Array.from({ length: 100 }, (_, i) =>
      asm(`add ebx, strict dword ${i * 0x1234567}`, i % 20 === 19 ? 'jmp over; over:' : ''),
    );
    const code = (bench: Bench) => {
      bench.put(CODE, 'again:', ...adds, 'jmp again');
    };
    /** Changes an operand behind this many steps, and says how many there were before the first region. */
    const run = (change: number): number => {
      const plain = new Bench().protectedMode(),
        { bench, tier } = compiled(8);
      let steps = 0,
        before = 0;
      tier.useCompiler((bytes, features) => {
        const compiler = createCompiler(bytes, features);
        return {
          ...compiler,
          *compile(...those) {
            for (const inner = compiler.compile(...those); ; ) {
              const { done, value } = inner.next();
              steps++;
              if (done === true) return value;
              yield;
            }
          },
        };
      });
      for (const one of [plain, bench]) code(one);
      for (let i = 0; i < 600 && tier.statistics.retired < 200_000; i++) {
        for (const one of [plain, bench]) one.run(5000);
        expect(state(bench)).toEqual(state(plain));
        if (tier.statistics.compiled === 0) before = steps;
        if (change === 0 || steps < change) continue;
        for (const one of [plain, bench]) {
          // As a store of its own does: what begins elsewhere in the page stays.
          one.setWord(CODE + 52 * 6 + 6, change);
          one.cpu.code.wrote(CODE + 52 * 6 + 6, 4);
        }
        change = 0;
      }
      expect(change).toBe(0);
      expect(tier.statistics.retired).toBeGreaterThan(200_000);
      return before;
    };
    const steps = run(0);
    expect(steps).toBeGreaterThan(3);
    // Behind the last one the text waits to become a function.
    for (let change = 1; change <= steps; change++) expect(run(change)).toBeGreaterThan(steps);
  });

  it('are not made again and again of code that rewrites itself', () => {
    const { compiled: made, regions } = withstand(bench => {
      bench.put(CODE, `again: add ebx, strict dword 0; inc dword [${CODE + 2}]; jmp again`);
    });
    expect(made).toBeLessThan(40);
    expect(regions).toBeLessThan(3);
  });

  it('are not made of every entry where each is new', () => {
    // 64 KiB of INC EBX, and at every 64th byte a jump to what draws the next entry.
    const { compiled: made, regions } = withstand(bench => {
      for (let at = 0x30000; at < 0x40000; at += 64) bench.put(at, `times 59 inc ebx; jmp ${CODE}`);
      bench.put(
        CODE,
        `
          imul eax, eax, 69069; inc eax; mov edx, eax; shr edx, 0x10; and dl, 0xf8
          add edx, 0x30000; jmp edx
        `,
      );
    });
    expect(made).toBeLessThan(60);
    expect(regions).toBeLessThan(60);
  });

  it('are made once of a page that is mapped at many addresses', () => {
    // The same frame is everywhere.
    const { compiled: made, retired } = withstand(bench => {
      bench.paging32();
      for (let page = 0x100; page < 0x200; page++) bench.setWord(0x21000 + page * 4, 0x30007);
      bench.put(0x30000, 'times 8 inc eax; ret');
      bench.put(CODE, 'again: mov edx, ecx; and edx, 0xff000; add edx, 0x100000; call edx; add ecx, 0x1000; jmp again');
    });
    expect(made).toBeLessThan(8);
    expect(retired).toBeGreaterThan(100_000);
  });

  it('may begin in the middle of an instruction', () => {
    // Its immediate is INC EBX four times.
    const code = (bench: Bench) => {
      bench.put(CODE, 'again: mov eax, 0x43434343; xor ecx, 1; je again; jmp again + 1');
    };
    expect(withstand(code).compiled).toBeLessThan(8);
    expect(same(code, [300, 7], 60)).toBeGreaterThan(1000);
  });

  // Instructions of one to four bytes on registers, and on memory through ESI and EDI (which nothing changes).
  const registers = fc.constantFrom(EAX, EDX, EBX);
  const modrm = fc.tuple(registers, registers).map(([a, b]) => 0xc0 | (a << 3) | b);
  const memory = fc
    .tuple(registers, fc.constantFrom(6, 7), fc.integer({ min: 0, max: 127 }))
    .map(([r, base, at]) => [0x40 | (r << 3) | base, at]);
  const operation = fc
    .constantFrom(0, 8, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38)
    .chain(op => fc.integer({ min: 0, max: 3 }).map(form => op + form));
  const byteRegister = fc.constantFrom(0, 2, 3, 4, 6, 7);
  const size = fc.constantFrom<number[]>([], [0x66]);
  const instruction = fc.oneof(
    fc
      .tuple(size, operation, modrm)
      .filter(([, op]) => (op & 1) === 1)
      .map(([s, op, m]) => [...s, op, m]),
    fc
      .tuple(operation, byteRegister, byteRegister)
      .filter(([op]) => (op & 1) === 0)
      .map(([op, a, b]) => [op, 0xc0 | (a << 3) | b]),
    fc.tuple(size, operation, memory).map(([s, op, m]) => [...s, op, ...m]),
    fc
      .tuple(
        size,
        fc.constantFrom(0xc1, 0xd1, 0xd3),
        fc.constantFrom(0, 1, 4, 5, 7),
        registers,
        fc.integer({ min: 0, max: 40 }),
      )
      .map(([s, op, kind, r, n]) => [...s, op, 0xc0 | (kind << 3) | r, ...(op === 0xc1 ? [n] : [])]),
    fc.tuple(size, fc.constantFrom(2, 3, 4, 5), registers).map(([s, kind, r]) => [...s, 0xf7, 0xc0 | (kind << 3) | r]),
    fc.tuple(size, fc.constantFrom(0x40, 0x48), registers).map(([s, op, r]) => [...s, op + r]),
    fc.tuple(fc.integer({ min: 0x40, max: 0x4f }), modrm).map(([op, m]) => [0x0f, op, m]),
    fc.tuple(fc.integer({ min: 0x90, max: 0x9f }), byteRegister).map(([op, r]) => [0x0f, op, 0xc0 | r]),
    fc
      .tuple(fc.constantFrom(0xaf, 0xb6, 0xb7, 0xbe, 0xbf, 0xbc, 0xbd, 0xa3, 0xab, 0xb3, 0xc1), modrm)
      .map(([op, m]) => [0x0f, op, m]),
    fc.tuple(fc.integer({ min: 0x70, max: 0x7f }), fc.constant(0)).map(([op]) => [op, 0x02, 0x40, 0x43]),
    registers.map(r => [0x50 + r, 0x58 + (r ^ 1)]).filter(([, pop]) => pop !== 0x59 && pop !== 0x5c),
    fc.constantFrom([0x98], [0x99], [0x66, 0x98], [0x86, 0xe0], [0x0f, 0xc8]),
  );
  it('do what the interpreter does with drawn loops', () => {
    // The loop lies across a page's edge.
    fc.assert(
      fc.property(
        fc.array(instruction, { minLength: 1, maxLength: 16 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 4 }),
        fc.nat(60),
        (body, portions, before) => {
          const bytes = body.flat(),
            at = CODE + 0x1000 - before;
          same(
            bench => {
              bench.put(at, 'mov ecx, 30; again:', bytes, 'dec ecx; jne near again; hlt');
              bench.R[EIP] = at;
            },
            portions,
            100,
          );
        },
      ),
      { numRuns: 20 },
    );
  });
});
