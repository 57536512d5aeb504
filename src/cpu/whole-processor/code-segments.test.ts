import { describe, expect, it } from 'vitest';
import { ExitReason } from '../architecture/edge.ts';
import { CS, DS, EAX, EBX, ECX, EIP, ES, ESP, FS, GS, SS } from '../architecture/registers.ts';
import { Bench, CODE } from '../test-support/bench.ts';

/** Code behind a page's end, where a segment that does not begin at 0 must go on: not at the linear address that equals EIP. */
describe('instructions one after another past the end of a page', () => {
  const other = CODE,
    base = 0x18000;
  const lay = (b: Bench) => {
    // What runs first, in the page whose linear address is the other's EIP: inc ecx; jmp to itself.
    b.put(other, 'inc ecx; jmp $');
    // At base + EIP of the same number less one page: nops, then inc ebx; hlt in the page that follows.
    b.put(
      base + other - 16,
      Array.from({ length: 16 }, () => 0x90),
      'inc ebx; hlt',
    );
  };

  it('32-bit code whose segment begins at 0x18000', () => {
    const b = new Bench().protectedMode();
    lay(b);
    b.R[EIP] = other;
    b.run(100);
    b.segment(CS, 0x40, base, -1, 0xc09b);
    b.cpu.mode.changed();
    b.R[EIP] = other - 16;
    expect(b.run(100)).toBe(ExitReason.HLT);
    expect([b.R[EBX], b.R[ECX]]).toEqual([1, 1]);
  });

  it('16-bit code whose segment begins at 0x18000, its data segments anywhere', () => {
    for (const dataLimit of [0xffff, 0x7fff]) {
      const b = new Bench().protectedMode();
      b.segment(CS, 0x40, 0, 0xffff, 0x9b);
      for (const s of [SS, DS, ES, FS, GS]) b.segment(s, 0x48, 0, dataLimit, 0x93);
      b.cpu.mode.changed();
      b.put(0xf000, 'inc cx; jmp $');
      b.put(
        base + 0xf000 - 16,
        Array.from({ length: 16 }, () => 0x90),
        'inc bx; hlt',
      );
      b.R[EIP] = 0xf000;
      b.run(100);
      b.segment(CS, 0x40, base, 0xffff, 0x9b);
      b.cpu.mode.changed();
      b.R[EIP] = 0xf000 - 16;
      expect(b.run(100)).toBe(ExitReason.HLT);
      expect([b.R[EBX], b.R[ECX]]).toEqual([1, 1]);
    }
  });
});

/** SDM vol. 1, 3.3.7 and 3.6: 16-bit offsets wrap at 64 KiB; vol. 3, 21.1.1 and 5.3: beyond the limit, #GP. Each twice: slow and known. */
describe('16-bit code', () => {
  const twice = (b: Bench) => {
    b.R[EIP] = 0;
    b.run(1000);
  };

  it("jumps past 64 KiB come back to the segment's beginning, also where the page of both is one", () => {
    const b = new Bench().realMode();
    // CS at 0x10800: EIP 0 lies in the middle of a page, EIP 0xfff0 in the page 16 further.
    b.segment(CS, 0x1080, 0x10800, 0xffff, 0x93);
    b.cpu.mode.changed();
    // From 0xfff0 the jump goes over the end to 6.
    b.put(0x10800, 'mov cx, 3; again: jmp 0xfff0; back: loop again; hlt');
    b.put(0x207f0, 'inc bx; jmp 6');
    b.R[EBX] = 0;
    b.R[EIP] = 0;
    expect(b.run(1000)).toBe(ExitReason.HLT);
    expect(b.R[EBX]).toBe(3);
  });

  it('keeps a jump apart that leads inside its page under one CS and wraps under another', () => {
    const b = new Bench().realMode();
    // At linear 0x11010: jmp -0x20 → 0x10ff2 or EIP wraps.
    b.put(0x11f10, 'jmp short $-32');
    b.put(0x11ef0, 'inc bx; hlt');
    b.put(0x21ef0, 'inc cx; hlt');
    b.segment(CS, 0x1000, 0x10000, 0xffff, 0x93);
    b.cpu.mode.changed();
    b.R[EBX] = b.R[ECX] = 0;
    for (let i = 0; i < 2; i++) {
      b.R[EIP] = 0x1f10;
      expect(b.run(100)).toBe(ExitReason.HLT);
    }
    // The same bytes where EIP 0 is at 0x11f00: the jump goes to EIP 0xfff0, linear 0x21ef0.
    b.segment(CS, 0x11f0, 0x11f00, 0xffff, 0x93);
    b.cpu.mode.changed();
    for (let i = 0; i < 2; i++) {
      b.R[EIP] = 0x10;
      expect(b.run(100)).toBe(ExitReason.HLT);
    }
    expect([b.R[EBX], b.R[ECX]]).toEqual([2, 2]);
  });

  it('does not run past the limit, whatever was found in that page under another CS', () => {
    const b = new Bench().realMode();
    b.put(
      0x207f0,
      Array.from({ length: 32 }, () => 0x90),
      'hlt',
    );
    b.segment(CS, 0x1100, 0x11000, 0xffff, 0x93);
    b.cpu.mode.changed();
    b.R[EIP] = 0xf7f0;
    b.run(100);
    // Now the segment ends 16 bytes behind: #GP at EIP 0x10000.
    b.segment(CS, 0x1080, 0x10800, 0xffff, 0x93);
    b.put(0x10800, 'jmp 0xfff0');
    b.cpu.mode.changed();
    b.R[ESP] = 0x8000;
    b.R[EIP] = 0;
    expect(b.event().vector).toBe(13);
  });

  it('addresses wrap within the segment, and a word at offset 0xffff faults', () => {
    const b = new Bench().realMode();
    b.segment(DS, 0x1200, 0x12000, 0xffff, 0x93);
    b.cpu.mode.changed();
    b.setWord(0x12004, 0x11223344);
    b.put(CODE, 'mov ax, [bx + 0x10]; hlt');
    b.R[EBX] = 0xabcdfff4 | 0;
    twice(b);
    twice(b);
    expect(b.R[EAX]! & 0xffff).toBe(0x3344);
    b.R[EBX] = 0xffef;
    b.R[ESP] = 0x8000;
    b.R[EIP] = 0;
    expect(b.event().vector).toBe(13);
    b.segment(CS, CODE >> 4, CODE, 0xffff, 0x93);
    b.cpu.mode.changed();
    // Below 64 KiB; then beyond.
    b.put(CODE, 'mov eax, [ebx]; hlt');
    b.R[EBX] = 4;
    twice(b);
    twice(b);
    expect(b.R[EAX]).toBe(0x11223344);
    b.R[EBX] = 0x10004;
    b.R[ESP] = 0x8000;
    b.R[EIP] = 0;
    expect(b.event().vector).toBe(13);
  });
});

/** EIP has 32 bits in 16-bit code too: 16-bit branches cut it, the advance from one instruction to the next does not (SDM vol. 1, 3.5; vol. 3, 22.3). */
describe('16-bit code beyond 64 KiB of its segment', () => {
  const bench = new Bench();
  const { R } = bench;
  const begin = (...code: string[]) => {
    bench.protectedMode();
    bench.segment(CS, 0x40, 0, -1, 0x809b);
    bench.descriptor(0x40, 0, 0xfffff, 0x9b, 8);
    bench.cpu.reload();
    bench.put(CODE + 0x100, ...code, 'hlt');
    R[EIP] = CODE + 0x100;
  };

  it('INT3 and a 32-bit near call push all of EIP', () => {
    begin('int3');
    expect(bench.event()).toMatchObject({ vector: 3, eip: CODE + 0x101 });
    begin('call dword over; over:');
    expect([bench.run(), bench.word(R[ESP]!)]).toEqual([ExitReason.HLT, CODE + 0x106]);
  });

  it('the instruction that exited is left behind in full', () => {
    begin('hlt; inc bx');
    bench.run();
    bench.cpu.skipInstruction();
    expect(R[EIP]).toBe(CODE + 0x101);
    expect([bench.run(), R[EBX], R[EIP]]).toEqual([ExitReason.HLT, 1, CODE + 0x102]);
  });

  it('code does not wrap at its end: #GP at 10000 with a limit of FFFF', () => {
    bench.realMode();
    bench.put(CODE + 0xffff, 'nop');
    R[EIP] = 0xffff;
    const event = bench.event(false);
    expect([event.vector, event.eip]).toEqual([13, 0]);
    bench.realMode();
    bench.put(CODE + 0xfffe, 'int 0x40');
    R[EIP] = 0xfffe;
    expect(bench.event(false)).toMatchObject({ vector: 0x40, eip: 0 });
  });
});
