/** IDENTIFY DEVICE and IDENTIFY PACKET DEVICE. Source: ATA/ATAPI-6, 8.15 and 8.16. */

/** Strings hold two characters a word, the first in the high byte, padded with spaces. */
function putString(words: Uint16Array, at: number, length: number, text: string): void {
  const padded = text.padEnd(length * 2).slice(0, length * 2);
  for (let i = 0; i < length; i++) words[at + i] = (padded.charCodeAt(2 * i) << 8) | padded.charCodeAt(2 * i + 1);
}

export interface Geometry {
  cylinders: number;
  heads: number;
  sectors: number;
}

/** Default CHS translation: 16 heads, 63 sectors, at most 16383 cylinders. */
export function defaultGeometry(sectors: number): Geometry {
  return { cylinders: Math.max(1, Math.min(16383, Math.floor(sectors / (16 * 63)))), heads: 16, sectors: 63 };
}

/** Sectors of one DRQ block of READ/WRITE MULTIPLE, at most. */
export const MOST_MULTIPLE = 16;
export const SECTORS_28 = 0x0fffffff;

export interface AtaIdentity {
  sectors: number;
  geometry: Geometry;
  multiple: number;
  transferMode: number;
  serial: string;
  writeCache: boolean;
}

export function identifyAta(options: AtaIdentity): Uint16Array {
  const { sectors, geometry, multiple, transferMode } = options;
  const words = new Uint16Array(256);
  const native = defaultGeometry(sectors);
  words[0] = 0x0040;
  words[1] = native.cylinders;
  words[3] = native.heads;
  words[6] = native.sectors;
  putString(words, 10, 10, options.serial);
  putString(words, 23, 4, '1.0');
  putString(words, 27, 20, 'RINGSIDE HARDDISK');
  words[47] = 0x8000 | MOST_MULTIPLE;
  // Doubleword accesses to the data register work.
  words[48] = 1;
  // DMA, LBA, IORDY that can be disabled.
  words[49] = 0x0f00;
  words[50] = 0x4000;
  words[51] = 0x0200;
  words[53] = 7;
  words[54] = geometry.cylinders;
  words[55] = geometry.heads;
  words[56] = geometry.sectors;
  const chs = geometry.cylinders * geometry.heads * geometry.sectors;
  words[57] = chs & 0xffff;
  words[58] = chs >>> 16;
  words[59] = multiple > 0 ? 0x100 | multiple : 0;
  const low = Math.min(sectors, SECTORS_28);
  words[60] = low & 0xffff;
  words[61] = low >>> 16;
  putTransferModes(words, transferMode);
  // ATA-4 to ATA-6.
  words[80] = 0x0070;
  // Write cache; NOP; FLUSH CACHE, FLUSH CACHE EXT, 48-bit addresses.
  words[82] = 0x4020;
  words[83] = 0x7400;
  words[84] = 0x4000;
  words[85] = 0x4000 | (options.writeCache ? 0x20 : 0);
  words[86] = 0x3400;
  words[87] = 0x4000;
  words[93] = 0x600b;
  words[100] = sectors & 0xffff;
  words[101] = Math.floor(sectors / 0x10000) & 0xffff;
  words[102] = Math.floor(sectors / 0x100000000) & 0xffff;
  return words;
}

export function identifyPacket(options: { transferMode: number; serial: string }): Uint16Array {
  const words = new Uint16Array(256);
  // ATAPI, CD-ROM, removable, DRQ within 50 µs, 12-byte packets.
  words[0] = 0x85c0;
  putString(words, 10, 10, options.serial);
  putString(words, 23, 4, '1.0');
  putString(words, 27, 20, 'RINGSIDE CD-ROM');
  words[48] = 1;
  words[49] = 0x0f00;
  words[53] = 6;
  putTransferModes(words, options.transferMode);
  words[71] = 30;
  words[72] = 30;
  words[80] = 0x0070;
  // PACKET, DEVICE RESET, removable medium's event notification by GET EVENT STATUS.
  words[82] = 0x0210;
  words[83] = 0x4000;
  words[84] = 0x4000;
  words[85] = 0x0210;
  words[87] = 0x4000;
  words[93] = 0x600b;
  return words;
}

/** Multiword DMA 0-2, PIO 3-4 with 120-ns cycles, Ultra DMA 0-5, and which is selected (SET FEATURES, transfer mode). */
function putTransferModes(words: Uint16Array, transferMode: number): void {
  words[63] = 0x07;
  words[64] = 0x03;
  for (let i = 65; i <= 68; i++) words[i] = 120;
  words[88] = 0x3f;
  const bit = 0x100 << (transferMode & 7);
  if (transferMode >> 3 === 4) words[63] |= bit;
  if (transferMode >> 3 === 8) words[88] |= bit;
}
