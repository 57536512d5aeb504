/** Numbers in packed files, and whether all their bytes are there. */
import { DecodeError } from './output.ts';

/** A number of up to eight bytes, lowest first; exact below 2^53. */
export function littleEndian(input: Uint8Array, offset: number, bytes: number): number {
  let value = 0;
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + input[offset + i];
  return value;
}

export const word = (input: Uint8Array, offset: number): number => littleEndian(input, offset, 4);

/** @throws DecodeError where the input ends within these bytes of `what` */
export function need(input: Uint8Array, offset: number, bytes: number, what: string): void {
  if (offset + bytes > input.length) throw new DecodeError(`truncated: inside ${what}`, input.length);
}
