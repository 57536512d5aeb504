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
import { Bench, CODE, d, FREE, HANDLERS, KERNEL_DATA, w } from '../test-support/bench.ts';
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
    // L: add [bx+si+2],ax; adc ax,[di]; push ax; lodsw; stosb; pop dx; xor [bp+4],dl; push word [bx]; pop dx; lea di,[bx+di+5]; inc si; and si,3FEh; and di,7FEh; loop L
    expect(
      same(start, bench =>
        bench.code(
          '66 bb',
          d(0x1230),
          '66 bd',
          d(0x4440),
          'b9',
          w(300),
          '014002 1305 50 ad aa 5a 305604 ff37 5a 8d7905 46 81e6',
          w(0x3fe),
          '81e7',
          w(0x7fe),
          'e2 e3',
        ),
      ),
    ).toBeGreaterThan(2000);
  });

  it('run what gcc -m16 makes: 32-bit operands and addresses, calls and returns', () => {
    // movl ecx,300; L: mov eax,[esi+ecx*4]; 66 call F; add [edi],eax; dec ecx; jnz L; hlt; F: pushl ebx; lea ebx,[eax+eax*4+7]; popl ebx; 66 ret
    expect(
      same(start, bench =>
        bench.put(
          CODE,
          '66 be',
          d(0x100),
          '66 bf',
          d(0x2000),
          '66b9',
          d(300),
          '67668b048e 66e8',
          d(9),
          '67660107 6649 75ed f4 6653 67668d5c8007 665b 66c3',
        ),
      ),
    ).toBeGreaterThan(1500);
  });

  it('leave what lies outside of the segment', () => {
    // L: add eax,[ebx]; add ebx,0x7fe; jmp L: up to a fault. And the stack down through 0.
    expect(same(start, bench => bench.put(CODE, '66bb', d(0), '67660303 66 81c3', d(0x7fc), 'ebf2'))).toBeGreaterThan(
      10,
    );
    expect(
      same(
        start,
        bench => bench.put(CODE, '66bc', d(name === 'a 32-bit stack' ? 0x85554 : 0x55550040), '50 52 ebfc'),
        60,
      ),
    ).toBeGreaterThan(10);
  });

  it('wrap offsets and the stack pointer at 64 KiB', () => {
    // L: mov ax,[bx-2]; add bx,0x1ffe; mov [bx+si],al; push ax; push bx; loop L
    same(start, bench => bench.code('b9', w(2000), '8b47fe 81c3', w(0x1ffe), '8800 50 53 e2f3'), 400);
  });

  it('cut EIP: a branch back over 0 goes on at the end', () => {
    // At 0: jmp to FFF0; there: inc ax; jmp back over the end to 0.
    if (name === 'short segments') return;
    expect(
      same(start, bench => {
        bench.put(CODE, 'e9', w(-0x13 & 0xffff));
        bench.put(CODE + 0xfff0, '40 e9', w(0xc));
      }),
    ).toBeGreaterThan(1000);
  });

  it('see the code that they run rewritten through another segment', () => {
    // L: inc ax; xor byte cs-alias[0],8 (INC and DEC); loop L
    if (name === 'short segments') return;
    same(
      bench => {
        start(bench).segment(DS, CODE >> 4, CODE, 0xffff, bench.R[SEG + DS * SEG_WORDS + 3]!);
        bench.cpu.reload();
        return bench;
      },
      bench => bench.code('b9', w(50), '40 8036', w(3), '08 e2f8'),
    );
  });
});

describe.each(['real mode', 'virtual-8086 mode'])('segment loads in %s', name => {
  const start = KINDS[name]!;
  it('change the base inside a region, from a register, memory and the stack, with LDS and LES', () => {
    // L: mov ax,0x4100; mov ds,ax; mov dx,[si]; push ds; pop es; stosw; mov es,[si+4]; mov es:[bx],dx; les bx,[si+6]; push cx; pop fs; mov gs:[4],cs; mov [8],fs; lds dx,[si+8]; and si,3FCh; loop L
    expect(
      same(start, bench =>
        bench.code(
          'b9',
          w(300),
          'b8',
          w(0x4100),
          '8ed8 8b14 1e 07 ab 8e4404 268917 c45c06 51 0fa1 658c0e',
          w(4),
          '8c26',
          w(8),
          'c55408 81e6',
          w(0x3fc),
          'e2d8',
        ),
      ),
    ).toBeGreaterThan(2000);
  });
  it('of SS are followed by one instruction without interrupts', () => {
    // L: mov ax,0x8100; mov ss,ax; mov sp,0x200; push ax; loop L
    same(start, bench => bench.code('b9', w(100), 'b8', w(0x8100), '8ed0 bc', w(0x200), '50 e2f5'));
  });
});

it('run far calls, far jumps and interrupts of real mode from region to region', () => {
  // L: int 40h; call 1180:0; loop L. The handler: inc word [8]; iret. The function: push bp; mov bp,sp; add ax,[bp+2]; pop bp; retf.
  expect(
    same(
      KINDS['real mode']!,
      bench => {
        bench.setWord(0x100, ((HANDLERS >> 4) << 16) | 0x200);
        bench.put(HANDLERS + 0x200, 'ff06', w(8), 'cf');
        bench.put(CODE + 0x1800, '55 89e5 034602 5d cb');
        bench.code('b9', w(2000), 'cd40 9a', w(0), w((CODE + 0x1800) >> 4), 'e2f7');
      },
      400,
    ),
  ).toBeGreaterThan(5000);
});

it('do not take a segment of real mode for one of protected mode', () => {
  // The same code with CR0.PE set, where the loads of DS fail.
  const { bench } = compiled();
  KINDS['real mode']!(bench).code('b9', w(3000), 'b8', w(FREE), '8ed8 a1', w(0), 'e2f6');
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
  // L: mov eax,[ebx]; add [ebx+4],ax; add ebx,0x1004; loop L
  expect(
    same(
      bench => {
        KINDS['real mode']!(bench).R[SEG + DS * SEG_WORDS + SEG_LIMIT] = -1;
        bench.cpu.reload();
        return bench;
      },
      bench => bench.code('66bb', d(0x100), 'b9', w(120), '67668b03 6701 4304 6681c3', d(0x1004), 'e2ee'),
    ),
  ).toBeGreaterThan(200);
});

describe.each(Object.entries(WIDE))('32-bit regions with %s', (name, start) => {
  it('run loops with memory, the stack and calls', () => {
    // mov ecx,300; L: add [esi],eax; push eax; push ax twice; call F; pop ax twice; pop edx; add esi,4; and esi,0x3fc; add fs:[edi],dl; dec ecx; jnz L; hlt; F: adc eax,[esi+8]; ret
    const data = name === 'a 16-bit stack' ? 0x12000 : 0;
    expect(
      same(start, bench => {
        bench.R[ESI] = data;
        bench.R[EDI] = 0x100;
        bench.put(
          CODE,
          'b9',
          d(300),
          '0106 50 6650 6650 e8',
          d(21),
          '6658 6658 5a 83c604 81e6',
          d(0x3fc | data),
          '640017 49 75e0 f4 134608 c3',
        );
      }),
    ).toBeGreaterThan(1000);
  });
  it('leave what lies outside of the segment', () => {
    expect(same(start, bench => bench.put(CODE, 'bb', d(0), '0303 81c3', d(0x7fc), 'ebf6'), 100)).toBeGreaterThan(10);
    expect(same(start, bench => bench.put(CODE, '50 52 ebfc'), 60)).toBeGreaterThan(10);
  });
});

it('stay where a program keeps its data beside its code, however often it writes that', () => {
  // As a boot sector does. L: add word [v],3; add ax,[v]; mov [w],ax; loop L; mov cx,1000; jmp L; nop; nop; v and w, of which one is odd, are right behind the code.
  const { bench, tier } = compiled();
  segments(bench.realMode(), 0xffff, 0x93, [CODE, 0xffff, 0x93]).segment(DS, CODE >> 4, CODE, 0xffff, 0x93);
  bench.cpu.reload();
  bench.put(CODE, '8306', w(22), '03 0306', w(22), 'a3', w(25), 'e2f2 b9', w(1000), 'ebed 9090 0000 00 0000');
  for (let i = 0; i < 20; i++) bench.run(5000);
  expect(tier.statistics.dropped).toBe(0);
  expect(tier.statistics.retired).toBeGreaterThan(50_000);
});
