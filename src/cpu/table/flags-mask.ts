/** Which arithmetic flags an instruction leaves undefined: the mask under which the tests compare. */
import type { Decoded, Row } from './row.ts';

const BIT: Record<string, number> = { C: 1, P: 4, A: 0x10, Z: 0x40, S: 0x80, T: 0x100, I: 0x200, D: 0x400, O: 0x800 };

/** EFLAGS bits of flag letters. */
export function flagBits(letters: string): number {
  let bits = 0;
  for (const letter of letters) bits |= BIT[letter];
  return bits;
}

/**
 * EFLAGS bits that this instruction leaves undefined. `count` is needed by shifts by CL only (the value of CL, not masked);
 * without it whatever some count could leave undefined is in the mask.
 */
export function undefinedFlags(row: Row, decoded: Decoded, count?: number): number {
  if (row.undefined === undefined) return 0;
  const terms = row.undefined.split(' ');
  if (!row.undefined.includes(':')) return flagBits(terms[0]);
  const width = row.operands[0].endsWith('b') ? 8 : decoded.operandSize;
  const raw = row.operands.includes('Ib') ? decoded.immediate : count;
  const masked = raw === undefined ? undefined : raw & (width === 64 ? 63 : 31);
  if (masked === 0) return 0;
  let bits = 0;
  for (const term of terms) {
    const [condition, letters] = term.includes(':') ? term.split(':') : ['', term];
    if (masked === undefined || holds(condition, masked, width)) bits |= flagBits(letters);
  }
  return bits;
}

function holds(condition: string, count: number, width: number): boolean {
  switch (condition) {
    case '':
      return true;
    case 'count!=1':
      return count !== 1;
    case 'count>width':
      return count > width;
    case 'count>=width':
      return count >= width;
    default:
      throw new Error(`The instruction table names an unknown condition: ${condition}`);
  }
}
