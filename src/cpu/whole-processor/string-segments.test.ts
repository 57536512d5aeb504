/** REP MOVS and STOS where segments end and 16-bit offsets wrap: SDM vol. 2, REP (registers after a fault), vol. 3, 5.3 (limits). */
import { describe, expect, it } from 'vitest';
import { ExitReason } from '../architecture/edge.ts';
import { CS, DS, EAX, ECX, EDI, EIP, ES, ESI, ESP } from '../architecture/registers.ts';
import { Bench, CODE } from '../test-support/bench.ts';

const real = (dataLimit = 0xffff) => {
  const b = new Bench().realMode();
  b.segment(DS, 0x3000, 0x30000, dataLimit, 0x93);
  b.segment(ES, 0x4000, 0x40000, dataLimit, 0x93);
  b.segment(CS, CODE >> 4, CODE, 0xffff, 0x93);
  b.cpu.mode.changed();
  for (let i = 0; i < 0x10000; i++) b.bytes[0x30000 + i] = i * 7 + (i >> 8);
  return b;
};
const source = (b: Bench, at: number) => b.bytes[0x30000 + (at & 0xffff)];

describe('string instructions of 16-bit code', () => {
  it('copies across pages and past offset 0xffff to offset 0, CX bytes in all', () => {
    const b = real();
    b.put(CODE, 'rep movsb; hlt');
    b.R[ESI] = 0xabcd_eff0 | 0;
    b.R[EDI] = 0x5555_0100;
    b.R[ECX] = 0x7777_2020;
    expect(b.run()).toBe(ExitReason.HLT);
    const wrong = Array.from({ length: 0x2020 }, (_, i) => i).filter(
      i => b.bytes[0x40100 + i] !== source(b, 0xeff0 + i),
    );
    expect(wrong).toEqual([]);
    expect([b.R[ESI]! >>> 0, b.R[EDI], b.R[ECX]]).toEqual([0xabcd_1010, 0x5555_2120, 0x7777_0000]);
    expect(b.bytes[0x40100 + 0x2020]).toBe(0);
  });

  it('a word at offset 0xffff faults after the words before it', () => {
    const b = real();
    b.put(CODE, 'rep movsw; hlt');
    b.R[ESI] = 0xff01;
    b.R[EDI] = 0x200;
    b.R[ECX] = 0x1000;
    b.R[ESP] = 0x8000;
    expect(b.event().vector).toBe(13);
    expect([b.R[ESI], b.R[EDI], b.R[ECX]]).toEqual([0xffff, 0x200 + 254, 0x1000 - 127]);
    expect(b.bytes[0x40200 + 253]).toBe(source(b, 0xfffe));
    expect(b.bytes[0x40200 + 254]).toBe(0);
  });

  it('stores up to a limit inside a page, then faults', () => {
    const b = real(0x1234);
    b.put(CODE, 'rep stosb; hlt');
    b.R[EAX] = 0x99;
    b.R[EDI] = 0xf00;
    b.R[ECX] = 0x1000;
    b.R[ESP] = 0x8000;
    expect(b.event().vector).toBe(13);
    expect([b.R[EDI], b.R[ECX]]).toEqual([0x1235, 0x1000 - 0x335]);
    expect([b.bytes[0x41234], b.bytes[0x41235]]).toEqual([0x99, 0]);
  });

  it('fills whole pages with each width of element', () => {
    const b = real();
    for (const [code, value, bytes] of [
      ['rep stosb; hlt', 0x5a, 1],
      ['rep stosw; hlt', 0x1234, 2],
      ['rep stosd; hlt', 0x89abcdef, 4],
    ] as const) {
      b.put(CODE, code);
      b.R[EAX] = value | 0;
      b.R[EDI] = 0x1000;
      b.R[ECX] = 0x2000 / bytes;
      b.R[EIP] = 0;
      expect(b.run()).toBe(ExitReason.HLT);
      const expected = Array.from({ length: 4 }, (_, i) => (value >>> (8 * (i % bytes))) & 255);
      for (const at of [0x41000, 0x41ffc, 0x42000, 0x42ffc])
        expect([...b.bytes.subarray(at, at + 4)]).toEqual(expected);
      expect(b.R[EDI]).toBe(0x3000);
    }
  });
});
