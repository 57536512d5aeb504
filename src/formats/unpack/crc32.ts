/** CRC-32 of IEEE 802.3, as in gzip and xz. Source: RFC 1952, section 8. */

const POLYNOMIAL = 0xedb88320;

/** Of a byte with this many zero bytes behind it, 256 words each: four bytes at a time need four ("slicing-by-4", Kounavis and Berry, 2005). */
const crc32Table = new Int32Array(4 * 256);
for (let n = 0; n < 256; n++) {
  let word = n;
  for (let bit = 0; bit < 8; bit++) word = word & 1 ? (word >>> 1) ^ POLYNOMIAL : word >>> 1;
  crc32Table[n] = word;
}
for (let n = 256; n < crc32Table.length; n++) {
  const before = crc32Table[n - 256];
  crc32Table[n] = crc32Table[before & 0xff] ^ (before >>> 8);
}

/** CRC-32 of bytes[start, end), as an unsigned number; `before`: that of what comes before them. */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length, before = 0): number {
  const table = crc32Table;
  let crc = ~before;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    crc ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    crc =
      table[768 + (crc & 0xff)] ^
      table[512 + ((crc >>> 8) & 0xff)] ^
      table[256 + ((crc >>> 16) & 0xff)] ^
      table[crc >>> 24];
  }
  for (; i < end; i++) crc = table[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}
