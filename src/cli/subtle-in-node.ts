/**
 * WebCrypto of node, whose AES-GCM is on this thread. Node's own goes to another thread and back for each message, which takes ten times as long as the seal of 64
 * KiB, and longer where both processors are busy: a guest that moves is paused for six of them.
 */
import { createCipheriv, createDecipheriv, KeyObject } from 'node:crypto';
import type { Subtle } from '../dom0/host/index.ts';
import { concat } from '../formats/bytes/index.ts';
import { letGo } from '../hypervisor/memory/index.ts';

const CIPHER = 'aes-256-gcm',
  TAG_BYTES = 16;
/** Node would take a shorter one, too, which is guessed sooner (NIST SP 800-38D, 5.2.1.2). */
const TAG = { authTagLength: TAG_BYTES };

type Bytes = Uint8Array<ArrayBuffer>;

const keys = new WeakMap<CryptoKey, KeyObject>();
function keyObject(key: CryptoKey): KeyObject {
  let found = keys.get(key);
  if (!found) keys.set(key, (found = KeyObject.from(key)));
  return found;
}

/** Nothing else lies in its buffer. */
const isAlone = ({ length, buffer }: Uint8Array): boolean => length === buffer.byteLength;

const { subtle } = globalThis.crypto;

export const subtleInNode = {
  digest: subtle.digest.bind(subtle),
  importKey: subtle.importKey.bind(subtle),
  deriveKey: subtle.deriveKey.bind(subtle),
  encrypt: async ({ iv }: AesGcmParams, key: CryptoKey, bytes: Bytes): Promise<ArrayBuffer> => {
    const cipher = createCipheriv(CIPHER, keyObject(key), iv as Bytes, TAG);
    const sealed = cipher.update(bytes);
    cipher.final();
    const whole = concat(sealed, cipher.getAuthTag());
    if (isAlone(sealed)) letGo(sealed.buffer);
    return whole.buffer;
  },
  /** @throws DOMException as WebCrypto's where the tag is another one */
  decrypt: async ({ iv }: AesGcmParams, key: CryptoKey, bytes: Bytes): Promise<ArrayBuffer> => {
    const at = bytes.length - TAG_BYTES;
    try {
      const cipher = createDecipheriv(CIPHER, keyObject(key), iv as Bytes, TAG);
      cipher.setAuthTag(bytes.subarray(at));
      const opened = cipher.update(bytes.subarray(0, at));
      cipher.final();
      return (isAlone(opened) ? opened : Uint8Array.from(opened)).buffer as ArrayBuffer;
    } catch {
      throw new DOMException('The tag is another one.', 'OperationError');
    }
  },
} as unknown as Subtle;
