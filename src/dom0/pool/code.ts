/**
 * The code of a pool: 80 random bits that people can read to each other. A host with the code can join; a hub gets no more than a hash of it, by which it tells rooms
 * apart, and passes on what it cannot read. Sources: RFC 5869 (HKDF), Crockford's base 32 (no i, l, o, u), NIST SP 800-38D (GCM).
 */
import { part } from '../../formats/loading/index.ts';
import type { Subtle } from '../host/index.ts';

const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const CODE_BYTES = 10,
  CODE_DIGITS = 16;
/** Of each end of a link, drawn again for each. */
export const SALT_BYTES = 16;
const ROOM_DIGITS = 32;

/** @param random bytes of a generator that nobody can guess */
export function newCode(random: (count: number) => Uint8Array): string {
  const bits = [...random(CODE_BYTES)].map(byte => byte.toString(2).padStart(8, '0')).join('');
  const digits = bits.match(/.{5}/g)!.map(five => DIGITS[Number.parseInt(five, 2)]!);
  return spell(digits.join(''));
}

const spell = (digits: string): string => digits.match(/.{4}/g)!.join('-');

/** The code as it is spelled, however somebody typed it. @throws Error with a sentence */
export function readCode(text: string): string {
  const digits = text.toLowerCase().replace(/[\s-]/g, '').replace(/o/g, '0').replace(/[il]/g, '1');
  if (digits.length !== CODE_DIGITS || [...digits].some(digit => !DIGITS.includes(digit)))
    throw new Error(
      `${JSON.stringify(text.slice(0, 40))} is no code of a pool: it has ${CODE_DIGITS} letters and digits in four groups, as in ${spell('0123456789abcdef')}.`,
    );
  return spell(digits);
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text) as Uint8Array<ArrayBuffer>;

export interface CodeSecrets {
  /** What a hub knows of the code. */
  room: string;
  /** The same of the room of a class, in which are no hosts. */
  classRoom: string;
  /** Keys of links are made of it. */
  secret: CryptoKey;
}

/** A browser gives a page means to encrypt only from https or from its own machine: what comes over plain http may be changed on its way, and what it seals with it. */
export const WHY_VIEWER =
  'This page came over plain http from another machine. A machine in between could have changed it, so browsers deny it WebCrypto. It can watch, with its own encryption, but no guest moves to it or from it. Load it from https or from this machine to join as a member.';

export const canEncrypt = (): boolean => globalThis.crypto?.subtle !== undefined;

const encryption = part(() => import('./subtle-by-hand.ts'), 'encrypts what a viewer of a pool reads');

export const subtleHere = async (): Promise<Subtle> =>
  canEncrypt() ? crypto.subtle : (await encryption.load()).subtleByHand;

export async function secretsOf(code: string): Promise<CodeSecrets> {
  const subtle = await subtleHere();
  const named = async (what: string): Promise<string> => {
    const hash = await subtle.digest('SHA-256', bytesOf(`ringside ${what} room ${code}`));
    const digits = [...new Uint8Array(hash)].map(byte => byte.toString(16).padStart(2, '0')).join('');
    return digits.slice(0, ROOM_DIGITS);
  };
  const secret = await subtle.importKey('raw', bytesOf(code), 'HKDF', false, ['deriveKey']);
  return { room: await named('pool'), classRoom: await named('class'), secret };
}

/** The key of one way of a link: who knows the code and saw both salts has it. */
export const keyOf = (
  subtle: Subtle,
  secret: CryptoKey,
  fromSalt: Uint8Array,
  toSalt: Uint8Array,
): Promise<CryptoKey> =>
  subtle.deriveKey(
    {
      name: 'HKDF',
      hash: 'SHA-256',
      salt: new Uint8Array([...fromSalt, ...toSalt]),
      info: bytesOf('ringside pool link 1'),
    },
    secret,
    { name: 'AES-GCM', length: 256 },
    false,
    ['encrypt', 'decrypt'],
  );

type Bytes = Uint8Array<ArrayBuffer>;

/** What `open` opens with the same key and number. */
export const seal = (subtle: Subtle, key: CryptoKey, iv: Bytes, bytes: Bytes): Promise<ArrayBuffer> =>
  subtle.encrypt({ name: 'AES-GCM', iv }, key, bytes);

/** @throws DOMException where it was sealed with others, or changed */
export const open = (subtle: Subtle, key: CryptoKey, iv: Bytes, bytes: Bytes): Promise<ArrayBuffer> =>
  subtle.decrypt({ name: 'AES-GCM', iv }, key, bytes);
