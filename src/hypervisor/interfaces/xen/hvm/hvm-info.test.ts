/** The builder's table for an HVM guest's firmware, as xen/include/public/hvm/hvm_info_table.h lays it out. */
import { expect, it } from 'vitest';
import { hvmInfo } from './hvm-info.ts';

it('says how many vCPUs there are and where memory ends, and sums up to zero', () => {
  const bytes = hvmInfo(3, { ramFrames: 0x4000, lowFrames: 0x4000 });
  const view = new DataView(bytes.buffer);
  expect(new TextDecoder().decode(bytes.subarray(0, 8))).toBe('HVM INFO');
  expect(view.getUint32(8, true)).toBe(bytes.length);
  expect(bytes.reduce((sum, byte) => sum + byte, 0) & 0xff).toBe(0);
  expect([bytes[13], view.getUint32(16, true)]).toEqual([1, 3]);
  expect([view.getUint32(20, true), view.getUint32(24, true), view.getUint32(28, true)]).toEqual([0x4000, 0xfeff0, 0]);
  expect([...bytes.subarray(32)]).toEqual([7, ...new Array(15).fill(0)]);
});

it('says which of the processors are online', () => {
  expect([...hvmInfo(4, { ramFrames: 0x4000, lowFrames: 0x4000 }, 2).subarray(32, 34)]).toEqual([0b11, 0]);
});
