import { expect, it } from 'vitest';
import { isLinuxForFirmware, setLinux } from './firmware-linux.ts';
import { testPc } from './testing.ts';

/** Header of a bzImage (boot.rst): one sector of setup, protocol 2.15, loaded high. */
function bzImage(): Uint8Array {
  const image = new Uint8Array(2 * 512 + 100).fill(0x90, 1024);
  const header = new DataView(image.buffer);
  image[0x1f1] = 1;
  header.setUint32(0x202, 0x53726448, true);
  header.setUint16(0x206, 0x20f, true);
  image[0x211] = 1;
  header.setUint32(0x22c, 0x7fffffff, true);
  return image;
}

it('firmware finds kernel, command line and initrd where the items say, and the header agrees', () => {
  const { pc } = testPc();
  const initrd = new Uint8Array(5000).fill(7);
  expect(isLinuxForFirmware(bzImage())).toBe(true);
  setLinux(pc.fwCfg, { kernel: bzImage(), initrd, cmdline: 'quiet' }, 16);
  const item = (selector: number, length: number): Uint8Array => {
    pc.bus.writePort(0x510, selector, 2);
    return Uint8Array.from({ length }, () => pc.bus.readPort(0x511, 1));
  };
  const number = (selector: number): number => new DataView(item(selector, 4).buffer).getUint32(0, true);
  expect([number(0x07), number(0x08), item(0x11, 100)]).toEqual([0x100000, 100, new Uint8Array(100).fill(0x90)]);
  expect([number(0x13), number(0x14), new TextDecoder().decode(item(0x15, 6))]).toEqual([0x20000, 6, 'quiet\0']);
  expect([number(0x16), number(0x17)]).toEqual([0x10000, 1024]);
  // The highest page boundary below the firmware's 128 KiB.
  const initrdAt = (16 * 2 ** 20 - 0x20000 - 1 - 5000) & ~4095;
  expect([number(0x0a), number(0x0b), item(0x12, 5000)]).toEqual([initrdAt, 5000, initrd]);
  const setup = new DataView(item(0x18, 1024).buffer);
  expect([
    setup.getUint8(0x210) >> 4,
    setup.getUint8(0x211),
    setup.getUint32(0x218, true),
    setup.getUint32(0x21c, true),
    setup.getUint32(0x228, true),
  ]).toEqual([0xb, 0x81, initrdAt, 5000, 0x20000]);
});

it('is not for files without the header', () => {
  expect(isLinuxForFirmware(new Uint8Array(10))).toBe(false);
  const old = bzImage();
  old[0x206] = 2;
  expect(isLinuxForFirmware(old)).toBe(false);
});
