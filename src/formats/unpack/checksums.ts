/**
 * Check sums of compressed files: CRC-32 (IEEE 802.3, as in gzip and xz) and CRC-64 (ECMA-182, reflected, as in xz).
 * Sources: RFC 1952 section 8; The .xz File Format 1.2.0, section 6.
 */

const CRC32_POLYNOMIAL = 0xedb88320;
/** 0xC96C5795D7870F42 in halves. */
const CRC64_POLYNOMIAL_LOW = 0xd7870f42;
const CRC64_POLYNOMIAL_HIGH = 0xc96c5795;

const crc32Table = new Int32Array(256);
const crc64Low = new Int32Array(256);
const crc64High = new Int32Array(256);
for (let n = 0; n < 256; n++) {
  let word = n;
  let low = n;
  let high = 0;
  for (let bit = 0; bit < 8; bit++) {
    word = word & 1 ? (word >>> 1) ^ CRC32_POLYNOMIAL : word >>> 1;
    const out = low & 1;
    low = (low >>> 1) | (high << 31);
    high = high >>> 1;
    if (out) {
      low ^= CRC64_POLYNOMIAL_LOW;
      high ^= CRC64_POLYNOMIAL_HIGH;
    }
  }
  crc32Table[n] = word;
  crc64Low[n] = low;
  crc64High[n] = high;
}

/** CRC-32 of bytes[start, end), as an unsigned number; `before`: that of what comes before them. */
export function crc32(bytes: Uint8Array, start = 0, end = bytes.length, before = 0): number {
  let crc = ~before;
  for (let i = start; i < end; i++) crc = crc32Table[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** CRC-64 of bytes[start, end): low and high half, unsigned. */
export function crc64(bytes: Uint8Array, start = 0, end = bytes.length): { low: number; high: number } {
  let low = -1;
  let high = -1;
  for (let i = start; i < end; i++) {
    const index = (low ^ bytes[i]) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ crc64Low[index];
    high = (high >>> 8) ^ crc64High[index];
  }
  return { low: ~low >>> 0, high: ~high >>> 0 };
}
