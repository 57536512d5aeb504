import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { subtleInNode } from './subtle-in-node.ts';

const random = (count: number): Uint8Array<ArrayBuffer> => Uint8Array.from(randomBytes(count));
const hex = (bytes: ArrayBuffer | Uint8Array): string => Buffer.from(bytes as Uint8Array).toString('hex');

it('seals what WebCrypto opens, and opens what that seals, in buffers of their own', async () => {
  const { subtle } = crypto;
  const key = await subtle.deriveKey(
    { name: 'HKDF', hash: 'SHA-256', salt: random(32), info: random(8) },
    await subtle.importKey('raw', random(10), 'HKDF', false, ['deriveKey']),
    { name: 'AES-GCM', length: 256 },
    false,
    ['encrypt', 'decrypt'],
  );
  for (const length of [0, 1, 15, 16, 17, 1000, 4096, 65_541]) {
    const bytes = random(length),
      algorithm = { name: 'AES-GCM', iv: random(12) };
    const sealed = await subtleInNode.encrypt(algorithm, key, bytes);
    expect(hex(sealed) === hex(await subtle.encrypt(algorithm, key, bytes)), `${length} bytes`).toBe(true);
    const opened = await subtleInNode.decrypt(algorithm, key, new Uint8Array(sealed));
    expect([opened.byteLength, hex(opened) === hex(bytes)]).toEqual([length, true]);
    const changed = new Uint8Array(sealed);
    changed[length >> 1]! ^= 1;
    await expect(subtleInNode.decrypt(algorithm, key, changed)).rejects.toThrow(DOMException);
  }
  // The first bytes of a right tag are none.
  const algorithm = { name: 'AES-GCM', iv: random(12) };
  const tag = new Uint8Array(await subtle.encrypt(algorithm, key, random(0)));
  for (const length of [0, 3, 4, 12, 15])
    await expect(subtleInNode.decrypt(algorithm, key, tag.slice(0, length))).rejects.toThrow(DOMException);
});
