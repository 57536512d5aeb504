/** MSRs of 64 bits in arrays of words, low word first. */
import type { MsrValue } from '../../domain/guest-interface.ts';

export function getMsr(words: Uint32Array, i = 0): MsrValue {
  return [words[2 * i], words[2 * i + 1]];
}

export function setMsr(words: Uint32Array, low: number, high: number, i = 0): void {
  words[2 * i] = low;
  words[2 * i + 1] = high;
}

export const toBig = (low: number, high: number): bigint => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
export const fromBig = (value: bigint): MsrValue => [Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn)];
