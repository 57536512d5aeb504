/**
 * What of WebCrypto a pool needs, for pages to which browsers give none (over plain http from another machine): SHA-256 (FIPS 180-4), HKDF of it (RFC 5869) and
 * AES-GCM with keys of 256 bits (FIPS 197, NIST SP 800-38D). It does not hide by its timing what it works on, and is slow: such a page is a viewer.
 */
import { concat } from '../../formats/bytes/index.ts';
import type { Subtle } from '../host/index.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const BLOCK = 64,
  HASH_BYTES = 32;
const word = (at: number): number => Math.floor((at % 1) * 2 ** 32) | 0;
const PRIMES: readonly number[] = (() => {
  const found: number[] = [];
  for (let n = 2; found.length < 64; n++) if (found.every(prime => n % prime !== 0)) found.push(n);
  return found;
})();
/** Of the roots of primes the first bits behind the point (FIPS 180-4, 4.2.2 and 5.3.3). */
const ROUND = PRIMES.map(prime => word(Math.cbrt(prime))),
  START = PRIMES.slice(0, 8).map(prime => word(Math.sqrt(prime)));
const turned = (x: number, by: number): number => (x >>> by) | (x << (32 - by));

export function sha256(bytes: Uint8Array): Bytes {
  const whole = new Uint8Array(Math.ceil((bytes.length + 9) / BLOCK) * BLOCK);
  whole.set(bytes);
  whole[bytes.length] = 0x80;
  const view = new DataView(whole.buffer);
  view.setBigUint64(whole.length - 8, BigInt(bytes.length) * 8n);
  const hash = Int32Array.from(START),
    w = new Int32Array(64);
  for (let at = 0; at < whole.length; at += BLOCK) {
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(at + 4 * i);
    for (let i = 16; i < 64; i++) {
      const a = w[i - 15]!,
        b = w[i - 2]!;
      w[i] =
        w[i - 16]! +
        (turned(a, 7) ^ turned(a, 18) ^ (a >>> 3)) +
        w[i - 7]! +
        (turned(b, 17) ^ turned(b, 19) ^ (b >>> 10));
    }
    let [a, b, c, d, e, f, g, h] = hash as unknown as [number, number, number, number, number, number, number, number];
    for (let i = 0; i < 64; i++) {
      const t1 = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + ROUND[i]! + w[i]!) | 0,
        t2 = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [a, b, c, d, e, f, g, h] = [(t1 + t2) | 0, a, b, c, (d + t1) | 0, e, f, g];
    }
    for (const [i, more] of [a, b, c, d, e, f, g, h].entries()) hash[i]! += more;
  }
  const out = new Uint8Array(HASH_BYTES);
  for (const [i, each] of hash.entries()) new DataView(out.buffer).setInt32(4 * i, each);
  return out;
}

/** HMAC (RFC 2104), with a key of at most a block. */
function hmac(key: Uint8Array, bytes: Uint8Array): Bytes {
  const padded = (byMask: number): Bytes => Uint8Array.from({ length: BLOCK }, (_, i) => (key[i] ?? 0) ^ byMask);
  return sha256(concat(padded(0x5c), sha256(concat(padded(0x36), bytes))));
}

/** 32 bytes of HKDF: one step of its expansion. */
const hkdf = (secret: Uint8Array, salt: Uint8Array, info: Uint8Array): Bytes =>
  hmac(hmac(salt, secret), concat(info, Uint8Array.of(1)));

const AES_BLOCK = 16,
  ROUNDS = 14,
  KEY_WORDS = 8;
const doubled = (x: number): number => ((x << 1) ^ (x & 0x80 ? 0x11b : 0)) & 0xff;
/** FIPS 197, 5.1.1: the inverse in GF(2^8), and an affine map. */
const SBOX: Uint8Array = (() => {
  const box = new Uint8Array(256);
  // By a generator and its inverse: 3 and 0xf6.
  for (let p = 1, q = 1, n = 0; n < 255; n++) {
    p ^= doubled(p);
    q ^= q << 1;
    q ^= q << 2;
    q ^= q << 4;
    q &= 0xff;
    if (q & 0x80) q ^= 0x09;
    const spread = q | (q << 8);
    box[p] = (q ^ (spread >>> 7) ^ (spread >>> 6) ^ (spread >>> 5) ^ (spread >>> 4) ^ 0x63) & 0xff;
  }
  box[0] = 0x63;
  return box;
})();

/** Round keys, a block each. */
function expanded(key: Uint8Array): Uint8Array {
  const keys = new Uint8Array(AES_BLOCK * (ROUNDS + 1));
  keys.set(key);
  for (let i = KEY_WORDS, rcon = 1; i < keys.length / 4; i++) {
    let last = [...keys.subarray(4 * i - 4, 4 * i)];
    if (i % KEY_WORDS === 0) {
      last = [last[1]!, last[2]!, last[3]!, last[0]!].map(byte => SBOX[byte]!);
      last[0]! ^= rcon;
      rcon = doubled(rcon);
    } else if (i % KEY_WORDS === 4) last = last.map(byte => SBOX[byte]!);
    for (let j = 0; j < 4; j++) keys[4 * i + j] = keys[4 * (i - KEY_WORDS) + j]! ^ last[j]!;
  }
  return keys;
}

/** Cipher (FIPS 197, 5.1): one block, into `to`. */
function encryptBlock(keys: Uint8Array, from: Uint8Array, to: Uint8Array): void {
  const state = from.map((byte, i) => byte ^ keys[i]!),
    moved = new Uint8Array(AES_BLOCK);
  for (let round = 1; round <= ROUNDS; round++) {
    for (let i = 0; i < AES_BLOCK; i++) moved[i] = SBOX[state[(i + 4 * (i % 4)) % AES_BLOCK]!]!;
    for (let i = 0; i < AES_BLOCK; i++) {
      const [a, b, c, d] = [0, 1, 2, 3].map(by => moved[(i & ~3) | ((i + by) & 3)]!) as [
        number,
        number,
        number,
        number,
      ];
      state[i] = (round === ROUNDS ? a : doubled(a) ^ doubled(b) ^ b ^ c ^ d) ^ keys[AES_BLOCK * round + i]!;
    }
  }
  to.set(state);
}

/** Multiplies in GF(2^128) as GCM has it (SP 800-38D, 6.3): the first bit is the highest; words, big-endian. */
function times(x: Uint32Array, y: Uint32Array): void {
  const z = new Uint32Array(4),
    v = Uint32Array.from(y);
  for (let bit = 0; bit < 128; bit++) {
    if ((x[bit >>> 5]! >>> (31 - (bit & 31))) & 1) for (let i = 0; i < 4; i++) z[i]! ^= v[i]!;
    const low = v[3]! & 1;
    for (let i = 3; i > 0; i--) v[i] = (v[i]! >>> 1) | (v[i - 1]! << 31);
    v[0]! >>>= 1;
    if (low) v[0]! ^= 0xe1000000;
  }
  x.set(z);
}

const wordsOf = (bytes: Uint8Array): Uint32Array => {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Uint32Array.from({ length: 4 }, (_, i) => view.getUint32(4 * i));
};

/** A key that seals, with what is worked out for it once. */
class GcmKey {
  private readonly keys: Uint8Array;
  private readonly h: Uint32Array;

  constructor(key: Uint8Array) {
    this.keys = expanded(key);
    const zero = new Uint8Array(AES_BLOCK);
    encryptBlock(this.keys, zero, zero);
    this.h = wordsOf(zero);
  }

  /** Counter mode (6.5) from a counter on; it is its own inverse. `iv`: of 12 bytes. */
  crypt(iv: Uint8Array, bytes: Uint8Array): Bytes {
    return this.counted(iv, 2, bytes);
  }

  private counted(iv: Uint8Array, first: number, bytes: Uint8Array): Bytes {
    const out = Uint8Array.from(bytes),
      counter = concat(iv, new Uint8Array(4)),
      pad = new Uint8Array(AES_BLOCK);
    for (let at = 0, count = first; at < out.length; at += AES_BLOCK, count++) {
      new DataView(counter.buffer).setUint32(12, count);
      encryptBlock(this.keys, counter, pad);
      for (let i = 0; i < AES_BLOCK && at + i < out.length; i++) out[at + i]! ^= pad[i]!;
    }
    return out;
  }

  /** Of what was sealed (6.4, 7.1), without data next to it. */
  tag(iv: Uint8Array, sealed: Uint8Array): Bytes {
    const blocks = Math.ceil(sealed.length / AES_BLOCK),
      all = new Uint8Array(AES_BLOCK * (blocks + 1)),
      sum = new Uint32Array(4);
    all.set(sealed);
    new DataView(all.buffer).setBigUint64(all.length - 8, BigInt(sealed.length) * 8n);
    for (let at = 0; at < all.length; at += AES_BLOCK) {
      const block = wordsOf(all.subarray(at, at + AES_BLOCK));
      for (let i = 0; i < 4; i++) sum[i]! ^= block[i]!;
      times(sum, this.h);
    }
    const tag = new Uint8Array(AES_BLOCK);
    for (const [i, each] of sum.entries()) new DataView(tag.buffer).setUint32(4 * i, each);
    return this.counted(iv, 1, tag);
  }
}

const bytesOf = (source: BufferSource): Uint8Array =>
  ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
/** Keys are opaque to their holders. */
const keyFrom = (key: Uint8Array | GcmKey): CryptoKey => key as unknown as CryptoKey;
const gcm = (key: CryptoKey): GcmKey => key as unknown as GcmKey;

export const subtleByHand = {
  digest: async (_name: 'SHA-256', bytes: BufferSource) => sha256(bytesOf(bytes)).buffer,
  importKey: async (_format: 'raw', bytes: BufferSource) => keyFrom(Uint8Array.from(bytesOf(bytes))),
  deriveKey: async ({ salt, info }: HkdfParams, secret: CryptoKey) =>
    keyFrom(new GcmKey(hkdf(secret as unknown as Uint8Array, bytesOf(salt), bytesOf(info)))),
  encrypt: async ({ iv }: AesGcmParams, key: CryptoKey, bytes: BufferSource) => {
    const sealed = gcm(key).crypt(bytesOf(iv), bytesOf(bytes));
    return concat(sealed, gcm(key).tag(bytesOf(iv), sealed)).buffer;
  },
  /** @throws DOMException as WebCrypto's where the tag is another one */
  decrypt: async ({ iv }: AesGcmParams, key: CryptoKey, bytes: BufferSource) => {
    const whole = bytesOf(bytes),
      sealed = whole.subarray(0, -AES_BLOCK),
      tag = gcm(key).tag(bytesOf(iv), sealed);
    const isSame = whole.subarray(-AES_BLOCK).reduce((same, byte, i) => same && byte === tag[i], true);
    if (whole.length < AES_BLOCK || !isSame) throw new DOMException('The tag is another one.', 'OperationError');
    return gcm(key).crypt(bytesOf(iv), sealed).buffer;
  },
} as unknown as Subtle;
