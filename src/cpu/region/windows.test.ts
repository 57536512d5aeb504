/** Regions whose registers point elsewhere than when they were compiled do what the interpreter does. */
import { describe, expect, it } from 'vitest';
import { ExitReason } from '../architecture/edge.ts';
import { functionOf } from '../architecture/regions.ts';
import { CR0, EBP, EBX, ECX, EDI, EIP, ESI, ESP } from '../architecture/registers.ts';
import { Bench, CODE, DATA, KERNEL_STACK } from '../test-support/bench.ts';
import { createCompiler } from './compiler.ts';
import { RegionTier } from './tier.ts';

/** Free pages behind DATA, as `Bench.paging32` maps them one to one; the table's entry of a page. */
const PAGE = 0x14000,
  OTHER = 0x15000;
const pte = (page: number): number => 0x21000 + (page >>> 12) * 4;

class Pair {
  readonly plain = new Bench().protectedMode().paging32();
  readonly bench = new Bench().protectedMode().paging32();
  readonly tier = new RegionTier(this.bench.cpu, { compile: functionOf, threshold: 1 });
  constructor() {
    this.tier.useCompiler(createCompiler);
  }

  /** Does something to both machines. */
  both(change: (bench: Bench) => void): void {
    for (const bench of [this.plain, this.bench]) change(bench);
  }

  /** Runs both from CODE to HLT in portions and compares what they hold; the first time by the interpreter alone, which fills the TLB. */
  run(portion = 10_000): void {
    this.both(({ R }) => {
      R[EIP] = CODE;
    });
    for (let i = 0; i < 400; i++) {
      const reason = this.plain.run(portion);
      expect(this.bench.run(portion)).toBe(reason);
      const seen = ({ cpu, R, bytes }: Bench) => ({
        registers: [...R.subarray(0, 10)],
        eflags: cpu.eflags,
        retired: cpu.retired,
        bytes: Buffer.from(bytes.subarray(0x8000, 0x17000)).toString('latin1'),
      });
      expect(seen(this.bench)).toEqual(seen(this.plain));
      if (reason !== ExitReason.HLT) continue;
      this.bench.cpu.regions = this.tier;
      return;
    }
    throw new Error('no HLT');
  }

  /** The text of the hottest region. */
  get text(): string {
    return this.tier.hottest(1)[0]!.text;
  }
}

describe('windows', () => {
  const SUM = `
    again: mov eax, [esi]; add [esi + 4], eax; mov [esi + 8], al; add edx, [esi + 4]
    push edx; add [esp], ebx; pop edx; dec ecx; jne again
  `;
  const sums = (pair: Pair): void => pair.both(bench => bench.put(CODE, SUM, 'hlt'));
  const point = (pair: Pair, esi: number, esp = KERNEL_STACK): void =>
    pair.both(({ R }) => {
      R[ESI] = esi;
      R[ESP] = esp;
      R[ECX] = 60;
      R[EBX] = 3;
    });

  /** Runs so twice: the region is compiled in the second run, when the TLB knows the pages. */
  const runTwice = (pair: Pair, esi: number): void => {
    for (let i = 0; i < 2; i++) {
      point(pair, esi);
      pair.run();
    }
  };

  it('reach what lies at constant distances from a register, wherever in a page that points', () => {
    const pair = new Pair();
    sums(pair);
    runTwice(pair, DATA);
    expect(pair.text).toMatch(/^w4 = TW/m);
    expect(pair.text).toMatch(/^w6 = TW/m);
    // Of the loop's seven accesses none asks the TLB.
    expect(pair.text.match(/\be = T[RW]/g) ?? []).toEqual([]);
    // Elsewhere in that page, in another, off its alignment, over its end; the stack likewise.
    for (const [esi, esp] of [
      [DATA + 0x80, KERNEL_STACK - 64],
      [PAGE, 0x8f00],
      [DATA + 1, KERNEL_STACK],
      [DATA + 0xffc, KERNEL_STACK],
      [DATA + 0xff9, 0x9000 + 2],
      [PAGE + 0xff8, 0x9004],
    ] as const) {
      point(pair, esi, esp);
      pair.run();
    }
  });

  it('give way to look-ups where a register never points again to where it did', () => {
    const pair = new Pair();
    sums(pair);
    runTwice(pair, DATA);
    for (let i = 0; i < 3; i++) {
      point(pair, PAGE + 0xffc);
      pair.run();
    }
    expect(pair.tier.statistics.regions).toBe(1);
    expect(pair.text).not.toMatch(/^w6 = /m);
    const before = pair.tier.statistics.retired;
    point(pair, PAGE + 0xffc);
    pair.run();
    expect(pair.tier.statistics.retired).toBeGreaterThan(before);
  });

  it('fault where a page is missing, or may not be written', () => {
    const pair = new Pair();
    sums(pair);
    runTwice(pair, DATA);
    for (const rights of [0, 5]) {
      pair.both(bench => {
        // The kernel writes to read-only pages unless CR0.WP is set.
        bench.R[CR0]! |= 0x10000;
        bench.setWord(pte(PAGE), rights === 0 ? 0 : PAGE | rights);
        bench.cpu.flushPage(PAGE);
      });
      point(pair, PAGE);
      pair.run();
    }
  });

  it('are closed when what the region calls changes a mapping', () => {
    const pair = new Pair();
    pair.both(bench => {
      bench.put(
        CODE,
        `
          again: mov eax, [esi]; add [esi + 4], eax; add [esi + 8], eax
          xor dword [${pte(PAGE)}], 0x1000; invlpg [esi]; mov edx, [esi + 4]; add [esi + 8], edx
          add ebx, edx; dec ecx; jne again; hlt
        `,
      );
      bench.setWord(PAGE, 3);
      bench.setWord(OTHER, 5);
    });
    runTwice(pair, PAGE);
    expect(pair.text).toMatch(/^w6 = TW/m);
    expect(pair.plain.word(PAGE + 4)).not.toBe(pair.plain.word(OTHER + 4));
  });

  it('are closed when code comes to lie in their page', () => {
    const pair = new Pair();
    sums(pair);
    runTwice(pair, PAGE);
    // [ESI+4] is now the immediate of an instruction that ran.
    pair.both(bench => {
      bench.put(PAGE + 3, `mov edi, 5; jmp ${CODE}`);
      bench.put(CODE, SUM, `jmp ${PAGE + 3}`);
    });
    point(pair, PAGE);
    pair.both(({ R }) => {
      R[EIP] = CODE;
    });
    for (let i = 0; i < 40; i++) {
      const portion = 37 + i * 11;
      expect(pair.bench.run(portion)).toBe(pair.plain.run(portion));
      pair.both(({ R }) => {
        R[ECX] = 9;
      });
      expect([...pair.bench.R.subarray(0, 10)]).toEqual([...pair.plain.R.subarray(0, 10)]);
    }
    expect(pair.plain.R[EDI]).not.toBe(5);
  });

  it('follow a register through PUSH, CALL, frames and LEAVE', () => {
    const pair = new Pair();
    pair.both(bench =>
      bench.put(
        CODE,
        `
          again: push 7; call f; add esp, 4; add ebx, eax; dec ecx; jne again; hlt
          f: nop; push ebp; mov ebp, esp; sub esp, 0x10; mov eax, [ebp + 8]; mov [ebp - 4], eax
          add eax, [ebp - 4]; mov [esp], eax; add eax, [esp]; leave; ret
        `,
      ),
    );
    const turn = (esp: number): void => {
      point(pair, DATA, esp);
      pair.both(({ R }) => {
        R[EBP] = 0x1234;
      });
      pair.run();
    };
    [KERNEL_STACK, KERNEL_STACK, KERNEL_STACK - 8].forEach(turn);
    expect(pair.text).toMatch(/^w4 = TW/m);
    expect(pair.text.match(/\be = T[RW]/g) ?? []).toEqual([]);
    // The frame lies in two pages, off its alignment.
    [0x8010, KERNEL_STACK + 2].forEach(turn);
  });
});
