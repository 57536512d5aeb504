import { expect, it } from 'vitest';
import { flashed } from './option-rom.ts';

it('gives a ROM for many cards the identity of one, and keeps its sum', () => {
  const image = new Uint8Array(1024);
  image.set([0x55, 0xaa, 2, 0xeb, 0x20]);
  image[0x18] = 0x1c;
  image.set(new TextEncoder().encode('PCIR'), 0x1c);
  const rom = flashed(image, 0x10ec, 0x8029);
  expect([...rom.subarray(0x20, 0x24)]).toEqual([0xec, 0x10, 0x29, 0x80]);
  expect(rom.reduce((sum, byte) => sum + byte, 0) & 0xff).toBe(0);
  // One for another machine, and what is no ROM, stay as they are.
  image[0x1c + 0x14] = 3;
  expect(flashed(image, 0x10ec, 0x8029)).toEqual(image);
  expect(flashed(Uint8Array.of(1, 2, 3), 1, 2)).toEqual(Uint8Array.of(1, 2, 3));
});
