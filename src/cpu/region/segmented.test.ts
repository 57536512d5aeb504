/** Regions of code that is not flat 32-bit code: the same as the interpreter, whatever the portions. */
import { describe, expect, it } from 'vitest';
import { ExitReason } from '../architecture/edge.ts';
import {
  CR0,
  CS,
  DS,
  EAX,
  EDI,
  EIP,
  ES,
  ESI,
  ESP,
  FS,
  GS,
  SEG,
  SEG_LIMIT,
  SEG_WORDS,
  SS,
} from '../architecture/registers.ts';
import { Bench, CODE, FREE, HANDLERS, KERNEL_DATA } from '../test-support/bench.ts';
import { createCompiler } from './compiler.ts';
import { RegionTier } from './tier.ts';

const PORTIONS = [7, 100, 1, 13, 400];
/** Where data segments lie: 64 KiB each. */
const AT = { [ES]: 0x60000, [SS]: 0x80000, [DS]: 0x40000, [FS]: 0xa0000, [GS]: 0xc0000 };

/** Segment registers and CS as a mode has them; `limit` and `rights` of data segments, and the code segment's. */
function segments(
  bench: Bench,
  limit: number,
  rights: number,
  code: readonly [base: number, limit: number, rights: number],
): Bench {
  for (const [segment, base] of Object.entries(AT)) bench.segment(Number(segment), base >> 4, base, limit, rights);
  bench.segment(CS, code[0] >> 4, ...code);
  bench.R[EIP] = CODE - code[0];
  bench.R[ESP] = 0x70008000;
  bench.cpu.reload();
  return bench;
}
const KINDS: Record<string, (bench: Bench) => Bench> = {
  'real mode': bench => segments(bench.realMode(), 0xffff, 0x93, [CODE, 0xffff, 0x93]),
  'virtual-8086 mode': bench => segments(bench.v86(3), 0xffff, 0xf3, [CODE, 0xffff, 0xf3]),
  'a 16-bit segment': bench => segments(bench.protectedMode(), 0xffff, 0x93, [CODE, 0xffff, 0x9b]),
  'short segments': bench => segments(bench.protectedMode(), 0x83ff, 0x93, [CODE, 0x1fff, 0x9b]),
  'a 32-bit stack': bench => {
    segments(bench.protectedMode(), 0xffff, 0x93, [CODE, 0xffff, 0x9b]).segment(SS, KERNEL_DATA, 0, -1, 0xc093);
    bench.R[ESP] = 0x88000;
    bench.cpu.reload();
    return bench;
  },
};
/** 32-bit code. */
const WIDE: Record<string, (bench: Bench) => Bench> = {
  'segments with bases': bench => {
    segments(bench.protectedMode(), 0xffff, 0x4093, [CODE, 0x1fff, 0x409b]).R[ESP] = 0x8000;
    return bench;
  },
  'a 16-bit stack': bench => {
    bench.protectedMode().segment(SS, KERNEL_DATA, AT[SS], 0xffff, 0x93);
    bench.R[ESP] = 0x70000004;
    bench.cpu.reload();
    return bench;
  },
};

function compiled(): { bench: Bench; tier: RegionTier } {
  const bench = new Bench(),
    tier = new RegionTier(bench.cpu, {
      compile: (names, text) => new Function(...names, text) as () => unknown,
      threshold: 1,
    });
  tier.useCompiler(createCompiler);
  bench.cpu.regions = tier;
  return { bench, tier };
}

const state = ({ cpu, R }: Bench) => ({
  registers: [...R.subarray(0, 8)],
  eip: R[EIP],
  segments: [...R.subarray(SEG, SEG + 6 * SEG_WORDS)],
  eflags: cpu.eflags,
  retired: cpu.retired,
});
const memory = ({ bytes }: Bench): Buffer => Buffer.from(bytes.buffer, 0, 0x110000);

/** Runs the same on both tiers in portions; how many instructions regions ran. */
function same(
  start: (bench: Bench) => Bench,
  code: (bench: Bench) => void,
  limit = 200,
  portions: readonly number[] = PORTIONS,
): number {
  const plain = new Bench(),
    { bench, tier } = compiled();
  for (const one of [plain, bench]) {
    start(one);
    for (let at = 0x40000; at < 0xe0000; at += 4) one.setWord(at, Math.imul(at, 69069));
    one.R.set([0x1234, 0, 0x77, 0x80001230], EAX);
    one.R[ESI] = 0x55550100;
    one.R[EDI] = 0x66660200;
    code(one);
  }
  for (let i = 0; i < limit; i++) {
    const portion = portions[i % portions.length]!,
      reason = plain.run(portion);
    expect(bench.run(portion)).toBe(reason);
    expect(state(bench)).toEqual(state(plain));
    if (reason === ExitReason.HLT) break;
  }
  expect(memory(bench).equals(memory(plain))).toBe(true);
  return tier.statistics.retired;
}

describe.each(Object.entries(KINDS))('16-bit regions in %s', (name, start) => {
  it('run loops with memory, the stack, strings and LOOP', () => {
    expect(
      same(start, bench =>
        bench.code(
          `
            mov ebx, 0x1230; mov ebp, 0x4440; mov cx, 300
            again: add [bx + si + 2], ax; adc ax, [di]; push ax; lodsw; stosb; pop dx
            xor [bp + 4], dl; push word [bx]; pop dx; lea di, [bx + di + 5]; inc si; and si, 0x3fe
            and di, 0x7fe; loop again
          `,
        ),
      ),
    ).toBeGreaterThan(2000);
  });

  it('run what gcc -m16 makes: 32-bit operands and addresses, calls and returns', () => {
    expect(
      same(start, bench =>
        bench.put(
          CODE,
          `
            mov esi, 0x100; mov edi, 0x2000; mov ecx, 300
            again: mov eax, [esi + ecx*4]; call dword f; add [edi], eax; dec ecx
            jne again; hlt
            f: push ebx; lea ebx, [eax + eax*4 + 7]; pop ebx; o32 ret
          `,
        ),
      ),
    ).toBeGreaterThan(1500);
  });

  it('leave what lies outside of the segment', () => {
    // Up to a fault; and the stack down through 0.
    expect(
      same(start, bench => bench.put(CODE, 'mov ebx, 0; again: add eax, [ebx]; add ebx, 0x7fc; jmp again')),
    ).toBeGreaterThan(10);
    expect(
      same(
        start,
        bench =>
          bench.put(
            CODE,
            `mov esp, ${name === 'a 32-bit stack' ? 0x85554 : 0x55550040}; again: push ax; push dx; jmp again`,
          ),
        60,
      ),
    ).toBeGreaterThan(10);
  });

  it('wrap offsets and the stack pointer at 64 KiB', () => {
    same(
      start,
      bench =>
        bench.code(`
          mov cx, 2000
          again: mov ax, [bx - 2]; add bx, 0x1ffe; mov [bx + si], al; push ax; push bx; loop again
        `),
      400,
    );
  });

  it('cut EIP: a branch back over 0 goes on at the end', () => {
    // From FFF0 the jump goes over the end to 0.
    if (name === 'short segments') return;
    expect(
      same(start, bench => {
        bench.put(CODE, 'jmp 0xfff0');
        bench.put(CODE + 0xfff0, 'inc ax; jmp near 0x10000');
      }),
    ).toBeGreaterThan(1000);
  });

  it('see the code that they run rewritten through another segment', () => {
    if (name === 'short segments') return;
    same(
      bench => {
        start(bench).segment(DS, CODE >> 4, CODE, 0xffff, bench.R[SEG + DS * SEG_WORDS + 3]!);
        bench.cpu.reload();
        return bench;
      },
      bench => bench.code('mov cx, 50; again: inc ax; xor byte [3], 8; loop again'),
    );
  });
});

describe.each(['real mode', 'virtual-8086 mode'])('segment loads in %s', name => {
  const start = KINDS[name]!;
  it('change the base inside a region, from a register, memory and the stack, with LDS and LES', () => {
    expect(
      same(start, bench =>
        bench.code(
          `
            mov cx, 300
            again: mov ax, 0x4100; mov ds, ax; mov dx, [si]; push ds; pop es; stosw
            mov es, [si + 4]; mov [es:bx], dx; les bx, [si + 6]; push cx; pop fs; mov [gs:4], cs
            mov [8], fs; lds dx, [si + 8]; and si, 0x3fc; loop again
          `,
        ),
      ),
    ).toBeGreaterThan(2000);
  });
  it('of SS are followed by one instruction without interrupts', () => {
    same(start, bench =>
      bench.code('mov cx, 100; again: mov ax, 0x8100; mov ss, ax; mov sp, 0x200; push ax; loop again'),
    );
  });
});

it('run far calls, far jumps and interrupts of real mode from region to region', () => {
  expect(
    same(
      KINDS['real mode']!,
      bench => {
        bench.setWord(0x100, ((HANDLERS >> 4) << 16) | 0x200);
        bench.put(HANDLERS + 0x200, 'inc word [8]; iret');
        bench.put(CODE + 0x1800, 'push bp; mov bp, sp; add ax, [bp + 2]; pop bp; retf');
        bench.code(`mov cx, 2000; again: int 0x40; call word ${(CODE + 0x1800) >> 4}:0; loop again`);
      },
      400,
    ),
  ).toBeGreaterThan(5000);
});

it('do not take a segment of real mode for one of protected mode', () => {
  // The same code with CR0.PE set, where the loads of DS fail.
  const { bench } = compiled();
  KINDS['real mode']!(bench).code(`mov cx, 3000; again: mov ax, ${FREE}; mov ds, ax; mov ax, [0]; loop again`);
  bench.run(9000);
  bench.R[CR0]! |= 1;
  bench.cpu.reload();
  const at = bench.R[SEG + DS * SEG_WORDS]!;
  bench.descriptor(FREE, 0x12345, 0xffff, 0x93);
  bench.R[64] = 0x1000;
  bench.R[65] = 0xff;
  bench.R[EIP] = 0;
  bench.run(400);
  expect([at, bench.R[SEG + DS * SEG_WORDS + 1]]).toEqual([FREE, 0x12345]);
});

it('reach past 64 KiB where the limit is 4 GiB (unreal mode)', () => {
  expect(
    same(
      bench => {
        KINDS['real mode']!(bench).R[SEG + DS * SEG_WORDS + SEG_LIMIT] = -1;
        bench.cpu.reload();
        return bench;
      },
      bench =>
        bench.code(
          'mov ebx, 0x100; mov cx, 120; again: mov eax, [ebx]; add [ebx + 4], ax; add ebx, 0x1004; loop again',
        ),
    ),
  ).toBeGreaterThan(200);
});

describe.each(Object.entries(WIDE))('32-bit regions with %s', (name, start) => {
  it('run loops with memory, the stack and calls', () => {
    const data = name === 'a 16-bit stack' ? 0x12000 : 0;
    expect(
      same(start, bench => {
        bench.R[ESI] = data;
        bench.R[EDI] = 0x100;
        bench.put(
          CODE,
          `
            mov ecx, 300
            again: add [esi], eax; push eax; push ax; push ax; call f; pop ax; pop ax; pop edx
            add esi, 4; and esi, ${0x3fc | data}; add [fs:edi], dl; dec ecx; jne again; hlt
            f: adc eax, [esi + 8]; ret
          `,
        );
      }),
    ).toBeGreaterThan(1000);
  });
  it('leave what lies outside of the segment', () => {
    expect(
      same(start, bench => bench.put(CODE, 'mov ebx, 0; again: add eax, [ebx]; add ebx, 0x7fc; jmp again'), 100),
    ).toBeGreaterThan(10);
    expect(same(start, bench => bench.put(CODE, 'again: push eax; push edx; jmp again'), 60)).toBeGreaterThan(10);
  });
});

it('stay where a program keeps its data beside its code, however often it writes that', () => {
  // As a boot sector does: two words, of which one is odd, are right behind the code.
  const { bench, tier } = compiled();
  segments(bench.realMode(), 0xffff, 0x93, [CODE, 0xffff, 0x93]).segment(DS, CODE >> 4, CODE, 0xffff, 0x93);
  bench.cpu.reload();
  bench.put(
    CODE,
    `
      again: add word [22], 3; add ax, [22]; mov [25], ax; loop again; mov cx, 1000; jmp again
      nop; nop
    `,
    [0, 0, 0, 0, 0],
  );
  for (let i = 0; i < 20; i++) bench.run(5000);
  expect(tier.statistics.dropped).toBe(0);
  expect(tier.statistics.retired).toBeGreaterThan(50_000);
});
