/** Addresses in words, and back. */
import { expect, it } from 'vitest';
import { addressText, readAddress } from './address.ts';

it.each([
  [0, '00000000'],
  [0xc0001000, 'c0001000'],
  [0x7fff_ffff_ffff, '00007fffffffffff'],
  [-0x7f000000, 'ffffffff81000000'],
  [-0x8000_0000_0000, 'ffff800000000000'],
])('%i is written %s, and read again', (address, text) => {
  expect(addressText(address)).toBe(text);
  expect(readAddress(text)).toBe(address);
});

it('is read with 0x and spaces, too', () => {
  expect(readAddress(' 0xFFFFFFFF81000000 ')).toBe(-0x7f000000);
});

it('has 16 digits where 64-bit code is meant', () => {
  expect(addressText(0x401000, true)).toBe('0000000000401000');
});

it.each(['', '0x', '0000800000000000', 'ffff7fffffffffff', '00000000000000001', '12g'])('“%s” is none', text => {
  expect(readAddress(text)).toBeUndefined();
});
