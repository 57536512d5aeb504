/** VNC authentication: DES of 16 random bytes by the password. Source: RFC 6143, 7.2.2; that the bits of each byte of the key are turned round is how all clients do it. */
import { createCipheriv, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Of a password no more counts. */
const MOST_BYTES = 8;

const turnedRound = (byte: number): number => {
  let turned = 0;
  for (let bit = 0; bit < 8; bit++) turned |= ((byte >>> bit) & 1) << (7 - bit);
  return turned;
};

/** What who knows the password answers to a challenge. */
export function answerTo(challenge: Uint8Array, password: Uint8Array): Buffer {
  const key = Uint8Array.from({ length: MOST_BYTES }, (_, i) => turnedRound(password[i] ?? 0));
  // Node's OpenSSL has DES only as three of it: with one key for all they are one.
  const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([key, key, key]), null).setAutoPadding(false);
  return Buffer.concat([cipher.update(challenge), cipher.final()]);
}

export const isAnswer = (given: Uint8Array, challenge: Uint8Array, password: Uint8Array): boolean =>
  timingSafeEqual(given, answerTo(challenge, password));

/** The first line of a file. @throws Error with a sentence: there is none, or not as a password is */
export function readPassword(path: string): Uint8Array {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw new Error(`${path} cannot be read: ${(error as Error).message}. It is to hold the password.`);
  }
  const end = bytes.findIndex(byte => byte === 10 || byte === 13);
  const password = end < 0 ? bytes : bytes.subarray(0, end);
  if (password.length === 0) throw new Error(`${path} has no password in its first line.`);
  if (password.length > MOST_BYTES)
    throw new Error(
      `The password in ${path} has ${password.length} bytes, and VNC's authentication takes no more than ${MOST_BYTES}. Shorten it.`,
    );
  return password;
}
