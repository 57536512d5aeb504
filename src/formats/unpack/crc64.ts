/** CRC-64 of ECMA-182, reflected, as in xz. Source: The .xz File Format 1.2.0, section 6. */

/** 0xC96C5795D7870F42 in halves. */
const POLYNOMIAL_LOW = 0xd7870f42,
  POLYNOMIAL_HIGH = 0xc96c5795;

const crc64Low = new Int32Array(256);
const crc64High = new Int32Array(256);
for (let n = 0; n < 256; n++) {
  let low = n;
  let high = 0;
  for (let bit = 0; bit < 8; bit++) {
    const out = low & 1;
    low = (low >>> 1) | (high << 31);
    high = high >>> 1;
    if (out) {
      low ^= POLYNOMIAL_LOW;
      high ^= POLYNOMIAL_HIGH;
    }
  }
  crc64Low[n] = low;
  crc64High[n] = high;
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
