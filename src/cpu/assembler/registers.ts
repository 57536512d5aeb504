/** Registers by name, as the NASM manual and the SDM (vol. 2, table 3-1) spell them. */

export type Bank = 'byte' | 'word' | 'dword' | 'qword' | 'segment' | 'control' | 'debug' | 'st' | 'mm' | 'xmm';

export interface Register {
  name: string;
  bank: Bank;
  /** In encodings; from 8 on a bit of it is in the REX prefix. */
  number: number;
  /** 64-bit code alone has it. */
  long: boolean;
  /** It has this meaning with a REX prefix alone, or without one (SDM vol. 2, table 3-1). */
  rex?: 'needed' | 'excluded';
}

const numbered = (name: string, from: number, to: number, size = ''): string[] =>
  Array.from({ length: to - from }, (_, i) => `${name}${from + i}${size}`);
const WORDS = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const WITH_REX = ['spl', 'bpl', 'sil', 'dil'],
  WITHOUT_REX = ['ah', 'ch', 'dh', 'bh'];
const BANKS: Record<Bank, readonly string[]> = {
  byte: ['al', 'cl', 'dl', 'bl', ...WITH_REX, ...numbered('r', 8, 16, 'b')],
  word: [...WORDS, ...numbered('r', 8, 16, 'w')],
  dword: [...WORDS.map(name => `e${name}`), ...numbered('r', 8, 16, 'd')],
  qword: [...WORDS.map(name => `r${name}`), ...numbered('r', 8, 16)],
  segment: ['es', 'cs', 'ss', 'ds', 'fs', 'gs'],
  control: numbered('cr', 0, 16),
  debug: numbered('dr', 0, 16),
  st: numbered('st', 0, 8),
  mm: numbered('mm', 0, 8),
  xmm: numbered('xmm', 0, 16),
};
const registers = new Map<string, Register>();
for (const [bank, names] of Object.entries(BANKS)) {
  for (const [number, name] of names.entries()) {
    const needed = WITH_REX.includes(name);
    const long = number >= 8 || bank === 'qword' || needed;
    registers.set(name, { name, bank: bank as Bank, number, long, ...(needed && { rex: 'needed' }) });
  }
}
for (const [i, name] of WITHOUT_REX.entries())
  registers.set(name, { name, bank: 'byte', number: 4 + i, long: false, rex: 'excluded' });

export const registerOf = (name: string): Register | undefined => registers.get(name.toLowerCase());

/** Bits of a general register. */
export const BITS: Partial<Record<Bank, 8 | 16 | 32 | 64>> = { byte: 8, word: 16, dword: 32, qword: 64 };

/** What another name is asked for where code has no such register. */
export const needsLong = (name: string): string => `${name} is a register of 64-bit code: write bits 64 above it`;
