/** What OVMF's driver (QemuFlashFvbServicesRuntimeDxe) and Intel's datasheet count on. */
import { expect, it } from 'vitest';
import { Flash, FLASH_BLOCK_BYTES, type FlashArray } from './flash.ts';

function board(bytes = new Uint8Array(0x10000).fill(0xff)) {
  const kept: [number, number][] = [];
  const array: FlashArray & { shown: boolean } = {
    shown: true,
    length: bytes.length,
    read: offset => bytes[offset],
    write: (offset, from) => bytes.set(from, offset),
    show(cells) {
      this.shown = cells;
    },
  };
  const flash = new Flash(array, (offset, { length }) => kept.push([offset, length]));
  const [range] = flash.memoryRanges;
  return {
    array,
    bytes,
    kept,
    flash,
    range,
    read: (offset: number, size = 1) => range.read(offset, size),
    write: (offset: number, ...values: number[]) => values.forEach(value => range.write(offset, value, 1)),
  };
}

it('ends at 4 GiB, and is told from RAM and ROM as OVMF does it', () => {
  const { range, read, write, bytes, array } = board();
  expect(range.base + range.length).toBe(2 ** 32);
  bytes[5] = 0xa5;
  write(5, 0x50);
  expect(read(5)).toBe(0xa5);
  write(5, 0x70);
  expect([read(5), array.shown]).toEqual([0, false]);
  write(5, 0xff);
  expect([read(5), array.shown]).toEqual([0xa5, true]);
});

it('programs bytes, from 1 to 0 alone, and erases a block of 4 KiB', () => {
  const { read, write, bytes, kept } = board();
  write(0x1005, 0x10, 0x0f);
  expect(read(0x1005)).toBe(0x80);
  write(0x1005, 0x40, 0xf1, 0xff);
  expect([read(0x1005), bytes[0x1004]]).toEqual([0x01, 0xff]);
  bytes[0xfff] = bytes[0x2000] = 7;
  write(0x1abc, 0x20, 0xd0);
  expect(read(0)).toBe(0x80);
  expect([bytes[0xfff], bytes[0x1005], bytes[0x2000]]).toEqual([7, 0xff, 7]);
  expect(kept).toEqual([
    [0x1005, 1],
    [0x1005, 1],
    [0x1000, FLASH_BLOCK_BYTES],
  ]);
});

it('programs a buffer at its confirmation, in accesses of any width', () => {
  const { range, read, write, bytes } = board();
  write(0x2000, 0xe8, 5);
  range.write(0x2010, 0x44332211, 4);
  range.write(0x2014, 0x6655, 2);
  expect(bytes[0x2010]).toBe(0xff);
  write(0x2000, 0xd0);
  expect(read(0)).toBe(0x80);
  expect([...bytes.subarray(0x2010, 0x2017)]).toEqual([0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0xff]);
});

it('says of a sequence that there is not that both failed, and erases nothing', () => {
  const { read, write, bytes } = board();
  bytes[0] = 1;
  write(0, 0x20, 0x12);
  expect([read(0), bytes[0]]).toEqual([0xb0, 1]);
  write(0, 0x50, 0x20, 0xff);
  expect(read(0)).toBe(1);
});

it('answers identification and a CFI query', () => {
  const { read, write } = board(new Uint8Array(0x400000));
  write(0, 0x90);
  expect([read(0), read(1)]).toEqual([0x89, 0x18]);
  write(0x55, 0x98);
  const table = Array.from({ length: 0x34 }, (_, i) => read(i));
  expect(String.fromCharCode(...table.slice(0x10, 0x13), ...table.slice(0x31, 0x34))).toBe('QRYPRI');
  // 2^22 bytes; one region of 1024 blocks of 16 * 256 bytes.
  expect([table[0x27], table[0x2c], ...table.slice(0x2d, 0x31)]).toEqual([22, 1, 0xff, 3, 16, 0]);
});

it('is saved and restored with the blocks that were written, in the midst of a command', () => {
  const before = board();
  before.write(0x3000, 0x10, 0x42);
  before.write(0xfff0, 0x20);
  const state = structuredClone(before.flash.save());
  expect((state.cells as Uint8Array).length).toBe(FLASH_BLOCK_BYTES);
  const after = board();
  after.flash.restore(state);
  expect([after.bytes[0x3000], after.array.shown]).toEqual([0x42, false]);
  after.write(0xfff0, 0xd0, 0xff);
  expect([after.read(0xf123), after.read(0x3000)]).toEqual([0xff, 0x42]);
  expect(() => after.flash.restore({ ...state, blocks: [16] })).toThrow('blocks does not fit its size');
  after.flash.reset();
  expect(after.bytes[0x3000]).toBe(0x42);
});
