/** Intel MultiProcessor Specification 1.4, chapter 4, read as xv6's mp.c reads it. */
import { expect, it } from 'vitest';
import { installMpTable } from './mp-table.ts';

it('names processors, the I/O APIC and its pins, with check sums that are right', () => {
  const memory = new Uint8Array(4096),
    view = new DataView(memory.buffer);
  installMpTable(
    { read: () => {}, write: (at, from) => memory.set(from, at) },
    { online: 2, apicIdStep: 2, ioApicId: 1 },
    0x100,
  );
  const text = (at: number, length: number): string => String.fromCharCode(...memory.subarray(at, at + length));
  const sum = (at: number, length: number): number =>
    memory.subarray(at, at + length).reduce((all, byte) => (all + byte) & 255, 0);
  expect([text(0x100, 4), sum(0x100, 16), memory[0x108], memory[0x109]]).toEqual(['_MP_', 0, 1, 4]);
  const table = view.getUint32(0x104, true),
    bytes = view.getUint16(table + 4, true);
  expect([text(table, 4), memory[table + 6], sum(table, bytes), view.getUint32(table + 36, true)]).toEqual([
    'PCMP',
    4,
    0,
    0xfee00000,
  ]);
  const found: number[][] = [];
  for (let at = table + 44; at < table + bytes; ) {
    const length = memory[at] === 0 ? 20 : 8;
    found.push([...memory.subarray(at, at + length)]);
    at += length;
  }
  expect(found).toHaveLength(view.getUint16(table + 34, true));
  expect(found.filter(([type]) => type === 0).map(([, id, , flags]) => [id, flags])).toEqual([
    [0, 3],
    [2, 1],
  ]);
  expect(found.filter(([type]) => type === 2).map(([, id, , flags, ...address]) => [id, flags, ...address])).toEqual([
    [1, 1, 0, 0, 0xc0, 0xfe],
  ]);
  const pins = found.filter(([type]) => type === 3).map(([, , flags, , , irq, apic, pin]) => [irq, pin, flags, apic]);
  expect(pins).toHaveLength(15);
  expect(pins).toEqual(
    expect.arrayContaining([
      [0, 2, 0, 1],
      [4, 4, 0, 1],
      [10, 10, 0x0d, 1],
      [14, 14, 0, 1],
    ]),
  );
});
