/**
 * Linear addresses in words, and read from words. A number represents one as exits and processors tell it: up to 2^32 in code of 16 and 32 bits; in 64-bit
 * code with a sign, so that what is canonical is exact (ffffffff81000000h is -7f000000h).
 */

const DIGITS = 16,
  HALF = 2 ** 32,
  /** Bits 63 to 47 of a canonical address are alike (SDM vol. 1, 3.3.7.1). */
  CANONICAL_TOP = 2 ** 47;

/** In hexadecimal: 8 digits, or 16 in 64-bit code (`isLong`; default: where 8 do not hold it). For words of a stack, too. */
export function addressText(value: number, isLong = value < 0 || value >= HALF): string {
  const low = (value >>> 0).toString(16).padStart(DIGITS / 2, '0');
  return isLong ? `${(Math.floor(value / HALF) >>> 0).toString(16).padStart(DIGITS / 2, '0')}${low}` : low;
}

/** The address that somebody writes in hexadecimal, with or without 0x, as a number with a sign; undefined: it is longer than 16 digits, or not canonical. */
export function readAddress(text: string): number | undefined {
  const digits = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(text.trim())?.[1]?.padStart(DIGITS, '0');
  if (digits === undefined) return undefined;
  const address = (parseInt(digits.slice(0, DIGITS / 2), 16) | 0) * HALF + parseInt(digits.slice(DIGITS / 2), 16);
  return isCanonicalAddress(address) ? address : undefined;
}

/** Such a number lies in the part of the address space that 48 bits reach. */
export const isCanonicalAddress = (address: number): boolean => address >= -CANONICAL_TOP && address < CANONICAL_TOP;
