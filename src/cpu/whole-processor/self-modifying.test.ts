/** Self- and cross-modifying code: SDM vol. 3, 8.1.3 and 11.6. */
import { beforeEach, expect, it } from 'vitest';
import { EAX, ECX, EDI, EIP } from '../architecture/registers.ts';
import { Bench, CODE, TABLES } from '../test-support/bench.ts';

const bench = new Bench();
const { R } = bench;
beforeEach(() => {
  bench.protectedMode();
});

it('a store into the very next instruction counts', () => {
  bench.code(`mov byte [${CODE + 8}], 7; mov eax, 1`);
  for (let i = 0; i < 3; i++) {
    bench.bytes[CODE + 8] = 1;
    bench.cpu.invalidate(CODE >> 12);
    R[EIP] = CODE;
    bench.run();
    expect(R[EAX]).toBe(7);
  }
});

it('a loop that changes its own operand each time', () => {
  bench.code(`mov ecx, 100; xor eax, eax; again: add eax, 0; inc byte [${CODE + 9}]; dec ecx; jne again`);
  bench.run();
  expect(R[EAX]).toBe((99 * 100) / 2);
});

it('REP STOS over the instructions that follow', () => {
  R[EDI] = CODE + 2;
  R[ECX] = 4;
  R[EAX] = 0x40;
  // Four bytes that become INC EAX.
  bench.code('rep stosb; dec eax; dec eax; dec eax; dec eax');
  bench.run();
  expect(R[EAX]).toBe(0x44);
});

it('a write through another linear address of the same frame', () => {
  bench.paging32();
  bench.setWord(TABLES + 0x1f0 * 4, CODE | 7);
  bench.cpu.reload();
  bench.code(`again: mov eax, 1; mov byte [${0x1f0000 + 1}], 9; dec ecx; jns again`);
  R[ECX] = 1;
  bench.run();
  expect(R[EAX]).toBe(9);
});

it('an instruction across two pages whose second half changes, by the guest and by others', () => {
  const at = CODE + 0xffe;
  bench.put(at, `again: mov eax, 5; mov byte [${at + 2}], 6; dec ecx; jns again; hlt`);
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
  bench.put(at, 'mov eax, 1; hlt');
  // The immediate's upper three bytes: 2.
  bench.put(0x40000, [2, 0, 0], 'hlt');
  R[EIP] = at;
  bench.run();
  expect(R[EAX]).toBe(1);
  bench.setWord(TABLES + ((CODE >> 12) + 1) * 4, 0x40007);
  bench.cpu.flushTlb();
  R[EIP] = at;
  bench.run();
  expect(R[EAX]).toBe(0x201);
});

it('code that others write without a word is decoded each time it runs', () => {
  const shared = new Set([CODE >> 12]);
  const mine = new Bench({ isCodeShared: mfn => shared.has(mfn) });
  mine.protectedMode();
  const run = (from: number): number => {
    mine.R[EIP] = from;
    mine.run();
    return mine.R[EAX];
  };
  // The next page is nobody else's.
  mine.put(CODE, `mov eax, 1; add eax, 2; jmp ${CODE + 0x1000}; nop; hlt`);
  mine.put(CODE + 0x1000, `add eax, 4; jmp ${CODE + 14}`);
  expect(run(CODE)).toBe(7);
  mine.bytes[CODE + 1] = 0x10;
  mine.bytes[CODE + 7] = 0x20;
  expect(run(CODE)).toBe(0x34);
  // In the middle of a loop.
  mine.put(CODE + 0x20, 'again: add eax, 1; dec ecx; jne again; hlt');
  mine.R[EAX] = 0;
  mine.R[ECX] = 4;
  mine.R[EIP] = CODE + 0x20;
  for (let step = 0; step < 6; step++) mine.cpu.run(1);
  mine.bytes[CODE + 0x22] = 0x10;
  mine.run();
  expect(mine.R[EAX]).toBe(2 + 0x20);
  // Across the end of the page, from either side.
  const at = CODE + 0xffe;
  for (const frame of [CODE >> 12, (CODE >> 12) + 1]) {
    shared.clear();
    shared.add(frame);
    mine.cpu.code.dropAll();
    mine.put(at, 'mov eax, 0x05050505; hlt');
    expect(run(at)).toBe(0x05050505);
    const byte = frame === CODE >> 12 ? at + 1 : at + 4;
    mine.bytes[byte] = 6;
    expect(run(at)).toBe(frame === CODE >> 12 ? 0x05050506 : 0x06050505);
  }
  // When nobody writes it any more it is kept again, until someone says that he will.
  shared.clear();
  mine.put(CODE, 'mov eax, 1; hlt');
  expect(run(CODE)).toBe(1);
  mine.bytes[CODE + 1] = 2;
  expect(run(CODE)).toBe(1);
  shared.add(CODE >> 12);
  mine.cpu.invalidate(CODE >> 12);
  expect(run(CODE)).toBe(2);
  mine.bytes[CODE + 1] = 3;
  expect(run(CODE)).toBe(3);
});
