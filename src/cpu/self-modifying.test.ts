/** Self- and cross-modifying code: SDM vol. 3, 8.1.3 and 11.6. */
import { beforeEach, expect, it } from 'vitest';
import { EAX, ECX, EDI, EIP } from './registers.ts';
import { Bench, CODE, d, TABLES } from './test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
beforeEach(() => { bench.protectedMode(); });

it('a store into the very next instruction counts', () => {
  // mov byte [next + 1], 7; mov eax, 1
  bench.code('c6 05', d(CODE + 8), '07 b8', d(1));
  for (let i = 0; i < 3; i++) {
    bench.bytes[CODE + 8] = 1;
    bench.cpu.invalidate(CODE >> 12);
    R[EIP] = CODE;
    bench.run();
    expect(R[EAX]).toBe(7);
  }
});

it('a loop that changes its own operand each time', () => {
  bench.code('b9', d(100), '31 c0 83 c0 00 fe 05', d(CODE + 9), '49 75 f4');
  bench.run();
  expect(R[EAX]).toBe(99 * 100 / 2);
});

it('REP STOS over the instructions that follow', () => {
  R[EDI] = CODE + 2;
  R[ECX] = 4;
  R[EAX] = 0x40;
  // rep stosb; then four bytes that become INC EAX
  bench.code('f3 aa 48 48 48 48');
  bench.run();
  expect(R[EAX]).toBe(0x44);
});

it('a write through another linear address of the same frame', () => {
  bench.paging32();
  bench.setWord(TABLES + 0x1f0 * 4, CODE | 7);
  bench.cpu.reload();
  bench.code('b8', d(1), 'c6 05', d(0x1f0000 + 1), '09 49 79 f1');
  R[ECX] = 1;
  bench.run();
  expect(R[EAX]).toBe(9);
});

it('an instruction across two pages whose second half changes, by the guest and by others', () => {
  const at = CODE + 0xffe;
  bench.put(at, 'b8', d(5), 'c6 05', d(at + 2), '06 49 79', 0xf1, 'f4');
  R[ECX] = 1;
  R[EIP] = at;
  bench.run();
  expect(R[EAX]).toBe(0x605);
  bench.bytes[at + 2] = 8;
  bench.cpu.invalidate((at + 2) >> 12);
  R[EIP] = at;
  R[ECX] = 0;
  bench.cpu.run(1);
  expect(R[EAX]).toBe(0x805);
});

it('another page mapped under the second half', () => {
  bench.paging32();
  const at = CODE + 0xffe;
  bench.put(at, 'b8 01');
  bench.put(CODE + 0x1000, '00 00 00 f4');
  bench.put(0x40000, '02 00 00 f4');
  R[EIP] = at;
  bench.run();
  expect(R[EAX]).toBe(1);
  bench.setWord(TABLES + ((CODE >> 12) + 1) * 4, 0x40007);
  bench.cpu.flushTlb();
  R[EIP] = at;
  bench.run();
  expect(R[EAX]).toBe(0x201);
});
