/** 16-byte moves, known to the switch: SDM vol. 3, 13.1.3 and table 2-18 ff. of vol. 2 say when they fault; each is run before, so that it is known. */
import { describe, expect, it } from 'vitest';
import { ExitReason } from '../architecture/edge.ts';
import { CR0, CR4, EAX, EIP, ESI, ESP, SEG, SEG_LIMIT, SEG_WORDS, SS, XMM } from '../architecture/registers.ts';
import { Bench, CODE, DATA, FRAMES } from '../test-support/bench.ts';

const CR0_EM = 4,
  CR0_TS = 8,
  CR4_OSFXSR = 512;
const bench = (load: string, store: string) => {
  const b = new Bench().protectedMode();
  b.put(CODE, load, store, 'hlt');
  b.R[CR4]! |= CR4_OSFXSR;
  for (let i = 0; i < 64; i++) b.bytes[DATA + i] = i + 1;
  b.R[ESI] = DATA;
  const run = () => {
    b.R[EIP] = CODE;
    b.R[ESP] = 0x9000;
    return b.run();
  };
  expect([run(), run()]).toEqual([ExitReason.HLT, ExitReason.HLT]);
  return {
    b,
    again: () => {
      b.R[EIP] = CODE;
      b.R[ESP] = 0x9000;
      return b.event();
    },
    run,
  };
};
const ALIGNED = ['movaps xmm1, [esi]', 'movaps [esi + 0x20], xmm1'] as const,
  UNALIGNED = ['movdqu xmm1, [esi]', 'movdqu [esi + 0x20], xmm1'] as const;

describe('moves of 16 bytes', () => {
  for (const [load, store] of [
    ALIGNED,
    UNALIGNED,
    ['movdqa xmm1, [esi]', 'movdqa [esi + 0x20], xmm1'],
    ['movups xmm1, [esi]', 'movups [esi + 0x20], xmm1'],
  ] as const) {
    it(`${load}: moves, and asks CR0.TS, CR0.EM and CR4.OSFXSR each time`, () => {
      const { b, again } = bench(load, store);
      expect([...b.bytes.subarray(DATA + 32, DATA + 48)]).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
      expect(b.R[XMM + 4]).toBe(0x04030201);
      b.R[CR0]! |= CR0_TS;
      expect(again().vector).toBe(7);
      b.R[CR0] = (b.R[CR0]! & ~CR0_TS) | CR0_EM;
      expect(again().vector).toBe(6);
      b.R[CR0]! &= ~CR0_EM;
      b.R[CR4]! &= ~CR4_OSFXSR;
      expect(again().vector).toBe(6);
    });
  }

  it('MOVAPS off 16 bytes is #GP(0), MOVDQU goes on', () => {
    const one = bench(...ALIGNED);
    one.b.R[ESI] = DATA + 4;
    expect(one.again()).toMatchObject({ vector: 13, error: 0 });
    const two = bench(...UNALIGNED);
    two.b.R[ESI] = DATA + 3;
    expect(two.run()).toBe(ExitReason.HLT);
    expect([...two.b.bytes.subarray(DATA + 35, DATA + 39)]).toEqual([4, 5, 6, 7]);
  });

  it('FXSAVE and FXRSTOR off 16 bytes are #GP(0) past the end of the stack segment, too, and #SS(0) there on 16 bytes', () => {
    for (const [code, eax, vector] of [
      // fxsave, fxrstor [ss:eax]
      ['fxsave [ss:eax]', 0x1008, 13],
      ['fxrstor [ss:eax]', 0x1008, 13],
      ['fxsave [ss:eax]', 0x1010, 12],
    ] as const) {
      const b = new Bench().protectedMode();
      b.put(CODE, code, 'hlt');
      b.R[SEG + SS * SEG_WORDS + SEG_LIMIT] = 0xfff;
      b.R[ESP] = 0xf00;
      b.R[EAX] = eax;
      b.R[EIP] = CODE;
      expect(b.event()).toMatchObject({ vector, error: 0 });
    }
  });

  it('a move that reaches into a page that is not there changes nothing', () => {
    const { b, again } = bench(...UNALIGNED);
    b.paging32();
    b.R[ESI] = FRAMES * 4096 - 8;
    const before = [...b.R.subarray(XMM + 4, XMM + 8)];
    expect(again().vector).toBe(14);
    expect([...b.R.subarray(XMM + 4, XMM + 8)]).toEqual(before);
  });
});
