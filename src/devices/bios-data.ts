/**
 * BIOS data area at 0x400, as far as kernels that start without firmware look at it (Linux: EBDA segment, COM ports; multiboot kernels: video).
 * Source: IBM Personal System/2 and Personal Computer BIOS Interface Technical Reference, "BIOS data area".
 */
import type { Dma } from './bus.ts';

const BDA_ADDRESS = 0x400;
const EBDA_SEGMENT = 0x9fc0;

/** Ticks of the timer in a day at 18.2 Hz, as BIOSes count them. */
const TICKS_A_DAY = 0x1800b0;
const DAY_MS = 86_400_000;

/** `nowMs`: time of day as milliseconds since 1970, UTC. `floppyDrives`: their types, as CMOS byte 10h has them. */
export function installBiosData(dma: Dma, nowMs: number, floppyDrives = 0): void {
  const bytes = new Uint8Array(0x100);
  const view = new DataView(bytes.buffer);
  const word = (at: number, value: number) => view.setUint16(at, value, true);
  word(0x00, 0x3f8);
  word(0x02, 0x2f8);
  word(0x0e, EBDA_SEGMENT);
  // Equipment: floppy drives, coprocessor, pointing device, 80 x 25 colour, two serial ports.
  word(0x10, 0x0426 | (floppyDrives === 0 ? 0 : 1) | (floppyDrives & 0xf0 && floppyDrives & 0x0f ? 0x40 : 0));
  // KiB of conventional memory below the EBDA.
  word(0x13, 639);
  // Keyboard buffer: empty.
  for (const at of [0x1a, 0x1c, 0x80]) word(at, 0x1e);
  word(0x82, 0x3e);
  // Video mode 3, 80 columns, page of 4 KiB, cursor shape, CRTC address, rows less one, character height.
  bytes[0x49] = 3;
  word(0x4a, 80);
  word(0x4c, 0x1000);
  word(0x60, 0x0d0e);
  word(0x63, 0x3d4);
  // Ticks since midnight.
  view.setUint32(0x6c, Math.floor(((nowMs % DAY_MS) / DAY_MS) * TICKS_A_DAY), true);
  bytes[0x84] = 24;
  word(0x85, 16);
  // 101-key keyboard.
  bytes[0x96] = 0x10;
  dma.write(BDA_ADDRESS, bytes);
  dma.write(EBDA_SEGMENT * 16, Uint8Array.of(1));
}
