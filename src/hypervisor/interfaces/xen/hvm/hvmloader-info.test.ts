import { expect, it } from 'vitest';
import { firmwareMemoryMap, writeFirmwareInfo } from './hvmloader-info.ts';

it('has a signature, its length, a checksum over it, and both lists where it says', () => {
  const memory = new Uint8Array(0x2000);
  writeFirmwareInfo(
    { write: (at, bytes) => memory.set(bytes, at), read: () => {} },
    [0xfc008000, 0xfc009000],
    firmwareMemoryMap({ memoryMiB: 64, lowMiB: 64 }),
  );
  const view = new DataView(memory.buffer);
  const u32 = (at: number): number => view.getUint32(at, true);
  expect(String.fromCharCode(...memory.subarray(0x1000, 0x100e))).toBe('XenHVMSeaBIOS\0');
  expect(memory[0x100e]).toBe(32);
  expect(memory.subarray(0x1000, 0x1020).reduce((sum, byte) => (sum + byte) & 0xff, 0)).toBe(0);
  expect([u32(0x1014), u32(u32(0x1010)), u32(u32(0x1010) + 4)]).toEqual([2, 0xfc008000, 0xfc009000]);
  const map = u32(0x1018);
  expect(u32(0x101c)).toBe(5);
  expect([u32(map), u32(map + 8), u32(map + 16)]).toEqual([0, 0xa0000, 1]);
  expect([u32(map + 40), u32(map + 48), u32(map + 56)]).toEqual([0x100000, (63 << 20) - 0x10000, 1]);
});
