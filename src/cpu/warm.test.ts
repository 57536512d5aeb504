import { expect, it } from 'vitest';
import { Bench, CODE } from './test-support/bench.ts';

it('the warm-up of the switch for 16-bit code leaves memory that the TLB knows alone', () => {
  // The TLB knows that page when the switch is warmed, after 10,000 instructions.
  const bench = new Bench().realMode();
  bench.put(CODE, 'again: inc word [2000h]; jmp again');
  const before = [...bench.bytes.subarray(0x2000, 0x3000)];
  for (let i = 0; i < 30; i++) bench.run(1000);
  expect(new DataView(bench.bytes.buffer, bench.bytes.byteOffset).getUint32(0x2000, true)).toBe(15_000);
  expect([...bench.bytes.subarray(0x2004, 0x3000)]).toEqual(before.slice(4));
});
