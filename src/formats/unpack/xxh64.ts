/** XXH64, as in zstd. Source: xxhash_spec.md 0.1.1 of xxHash, "XXH64 Algorithm Description". */

const PRIME_1 = 0x9e3779b185ebca87n,
  PRIME_2 = 0xc2b2ae3d27d4eb4fn,
  PRIME_3 = 0x165667b19e3779f9n,
  PRIME_4 = 0x85ebca77c2b2ae63n,
  PRIME_5 = 0x27d4eb2f165667c5n;
/** The first two in halves. */
const PRIME_1_LOW = 0x85ebca87,
  PRIME_1_HIGH = 0x9e3779b1,
  PRIME_2_LOW = 0x27d4eb4f,
  PRIME_2_HIGH = 0xc2b2ae3d;
const LANES = 4,
  STRIPE_BYTES = 32;

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);
const rotate = (value: bigint, bits: bigint): bigint => wrap((value << bits) | (value >> (64n - bits)));
const round = (lane: bigint, input: bigint): bigint => wrap(rotate(wrap(lane + input * PRIME_2), 31n) * PRIME_1);

/** Low half of XXH64, seed 0, of bytes[start, end), unsigned: what a zstd frame ends in. */
export function xxh64Low(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  let hash = PRIME_5;
  if (end - start >= STRIPE_BYTES) {
    at += (end - start) & ~(STRIPE_BYTES - 1);
    const lanes = stripes(view, start, at);
    hash = wrap(rotate(lanes[0], 1n) + rotate(lanes[1], 7n) + rotate(lanes[2], 12n) + rotate(lanes[3], 18n));
    for (const lane of lanes) hash = wrap((hash ^ round(0n, lane)) * PRIME_1 + PRIME_4);
  }
  hash = wrap(hash + BigInt(end - start));
  for (; at + 8 <= end; at += 8)
    hash = wrap(rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * PRIME_1 + PRIME_4);
  for (; at + 4 <= end; at += 4)
    hash = wrap(rotate(hash ^ wrap(BigInt(view.getUint32(at, true)) * PRIME_1), 23n) * PRIME_2 + PRIME_3);
  for (; at < end; at++) hash = wrap(rotate(hash ^ wrap(BigInt(bytes[at]) * PRIME_5), 11n) * PRIME_1);
  hash = wrap((hash ^ (hash >> 33n)) * PRIME_2);
  hash = wrap((hash ^ (hash >> 29n)) * PRIME_3);
  return Number((hash ^ (hash >> 32n)) & 0xffffffffn);
}

/** The four lanes after whole stripes. In halves: a BigInt that lives round a loop is a hundred times slower. */
function stripes(view: DataView, start: number, end: number): bigint[] {
  const first = [wrap(PRIME_1 + PRIME_2), PRIME_2, 0n, wrap(-PRIME_1)];
  const lows = Int32Array.from(first, lane => Number(BigInt.asIntN(32, lane)));
  const highs = Int32Array.from(first, lane => Number(BigInt.asIntN(32, lane >> 32n)));
  for (let at = start; at < end; at += STRIPE_BYTES)
    for (let lane = 0; lane < LANES; lane++) {
      const low = view.getInt32(at + 8 * lane, true),
        high = view.getInt32(at + 8 * lane + 4, true);
      const added = Math.imul(low, PRIME_2_LOW);
      const sumLow = (lows[lane] + added) | 0;
      const carry = (sumLow >>> 0 < added >>> 0 ? 1 : 0) + highs[lane];
      const sumHigh = (highOfProduct(low, high, PRIME_2_LOW, PRIME_2_HIGH) + carry) | 0;
      const turnedLow = (sumLow << 31) | (sumHigh >>> 1),
        turnedHigh = (sumHigh << 31) | (sumLow >>> 1);
      lows[lane] = Math.imul(turnedLow, PRIME_1_LOW);
      highs[lane] = highOfProduct(turnedLow, turnedHigh, PRIME_1_LOW, PRIME_1_HIGH);
    }
  return first.map((_, lane) => (BigInt.asUintN(32, BigInt(highs[lane])) << 32n) | BigInt(lows[lane] >>> 0));
}

/** Bits 32 to 63 of a product of two numbers of 64 bits. */
function highOfProduct(aLow: number, aHigh: number, bLow: number, bHigh: number): number {
  const a0 = aLow & 0xffff,
    a1 = aLow >>> 16,
    b0 = bLow & 0xffff,
    b1 = bLow >>> 16;
  const middle = a1 * b0 + (Math.imul(a0, b0) >>> 16);
  const other = a0 * b1 + (middle & 0xffff);
  return (a1 * b1 + (middle >>> 16) + (other >>> 16) + Math.imul(aLow, bHigh) + Math.imul(aHigh, bLow)) | 0;
}
