import { createHash, randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import type { Subtle } from '../host/index.ts';
import { sha256, subtleByHand } from './subtle-by-hand.ts';

const hex = (bytes: Uint8Array | ArrayBuffer): string => Buffer.from(bytes as Uint8Array).toString('hex');
const zeros = (count: number): Uint8Array<ArrayBuffer> => new Uint8Array(count);

/** As a link makes it. */
const keyOf = async (subtle: Subtle, code: string, salt: Uint8Array<ArrayBuffer>): Promise<CryptoKey> =>
  subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt, info: new TextEncoder().encode('a link') },
    await subtle.importKey('raw', new TextEncoder().encode(code), 'HKDF', false, ['deriveKey']),
    { name: 'AES-GCM', length: 256 },
    true,
    ['encrypt', 'decrypt'],
  );

it('hashes as FIPS 180-4 says', () => {
  expect(hex(sha256(new TextEncoder().encode('abc')))).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
  for (const length of [0, 1, 55, 56, 63, 64, 65, 1000]) {
    const bytes = randomBytes(length);
    expect(hex(sha256(bytes)), `${length} bytes`).toBe(createHash('sha256').update(bytes).digest('hex'));
  }
});

it('what one seals the browser’s own opens, and the other way round', async () => {
  const salt = Uint8Array.from(randomBytes(32));
  const [ours, theirs] = await Promise.all([
    keyOf(subtleByHand, '0123-4567-89ab-cdef', salt),
    keyOf(crypto.subtle, '0123-4567-89ab-cdef', salt),
  ]);
  for (const length of [0, 1, 15, 16, 17, 64, 1000]) {
    const bytes = Uint8Array.from(randomBytes(length)),
      algorithm = { name: 'AES-GCM', iv: Uint8Array.from(randomBytes(12)) };
    const sealed = await subtleByHand.encrypt(algorithm, ours, bytes);
    expect(hex(sealed), `${length} bytes`).toBe(hex(await crypto.subtle.encrypt(algorithm, theirs, bytes)));
    expect(hex(await subtleByHand.decrypt(algorithm, ours, sealed))).toBe(hex(bytes));
    const changed = Uint8Array.from(new Uint8Array(sealed));
    changed[length >> 1]! ^= 1;
    await expect(subtleByHand.decrypt(algorithm, ours, changed)).rejects.toThrow(DOMException);
  }
  await expect(subtleByHand.decrypt({ name: 'AES-GCM', iv: zeros(12) }, ours, zeros(3))).rejects.toThrow(DOMException);
});
