/**
 * An expansion ROM as it is flashed into a card: one that is for many cards names none, and firmware runs only what names the function it is on.
 * Source: PCI Firmware Specification 3.0, 5.1 (header, "PCIR" structure, sum of an image for PCs).
 */
const SIZE = 2,
  SPARE = 6,
  STRUCTURE = 0x18,
  VENDOR = 4,
  DEVICE = 6,
  CODE_TYPE = 0x14;
const BLOCK = 512,
  PC = 0;

/** The image for PCs, with the identity of this function; its bytes still sum up to 0. What is no such image is left as it is. */
export function flashed(image: Uint8Array, vendor: number, device: number): Uint8Array {
  const rom = image.slice();
  const view = new DataView(rom.buffer);
  if (rom.length < STRUCTURE + 2 || rom[0] !== 0x55 || rom[1] !== 0xaa) return rom;
  const at = view.getUint16(STRUCTURE, true);
  if (at + CODE_TYPE >= rom.length || view.getUint32(at, true) !== 0x52494350 || rom[at + CODE_TYPE] !== PC) return rom;
  view.setUint16(at + VENDOR, vendor, true);
  view.setUint16(at + DEVICE, device, true);
  // A byte that only the entry jumps over takes up the difference.
  let sum = 0;
  for (const byte of rom.subarray(0, rom[SIZE] * BLOCK)) sum += byte;
  rom[SPARE] -= sum;
  return rom;
}
