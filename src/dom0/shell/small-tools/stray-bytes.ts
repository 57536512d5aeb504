/**
 * Text with bytes that are no UTF-8, and back, byte for byte. Such a byte is a surrogate of its own meanwhile (U+DC80 to U+DCFF), as in Python's `surrogateescape`
 * (PEP 383): no character of a text is one.
 */
import { STRAY_BASE } from './posix-syntax.ts';

const STRAYS = /([\udc80-\udcff]+)/u;
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** How long the character is whose first byte this is; 0: it is none. */
const lengthBy = (first: number): number => {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
};

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

export function textOfBytes(bytes: Uint8Array): string {
  const whole = decoded(bytes);
  if (whole !== undefined) return whole;
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const length = lengthBy(bytes[i]);
    const character = length === 0 ? undefined : decoded(bytes.subarray(i, i + length));
    text += character ?? String.fromCharCode(STRAY_BASE + bytes[i]);
    i += character === undefined ? 1 : length;
  }
  return text;
}

export function bytesOfText(text: string): Uint8Array {
  const encoder = new TextEncoder();
  if (text.isWellFormed()) return encoder.encode(text);
  const pieces = text
    .split(STRAYS)
    .map((piece, i) =>
      i % 2 === 0 ? encoder.encode(piece) : Uint8Array.from(piece, each => each.charCodeAt(0) - STRAY_BASE),
    );
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/** The same as just-bash has bytes: a character each. */
export const bytesText = (text: string): string => {
  let bytes = '';
  for (const byte of bytesOfText(text)) bytes += String.fromCharCode(byte);
  return bytes;
};
