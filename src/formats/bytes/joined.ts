/** Bytes behind each other, in a place of their own. */

export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export const concat = (...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> => joined(parts);
