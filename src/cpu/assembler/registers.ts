/** Registers by name, as the NASM manual and the SDM (vol. 2, table 3-1) spell them. */

export type Bank = 'byte' | 'word' | 'dword' | 'segment' | 'control' | 'debug' | 'st' | 'mm' | 'xmm';

export interface Register {
  name: string;
  bank: Bank;
  /** In encodings. */
  number: number;
}

const numbered = (name: string): string[] => Array.from({ length: 8 }, (_, i) => `${name}${i}`);
const WORDS = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const BANKS: Record<Bank, readonly string[]> = {
  byte: ['al', 'cl', 'dl', 'bl', 'ah', 'ch', 'dh', 'bh'],
  word: WORDS,
  dword: WORDS.map(name => `e${name}`),
  segment: ['es', 'cs', 'ss', 'ds', 'fs', 'gs'],
  control: numbered('cr'),
  debug: numbered('dr'),
  st: numbered('st'),
  mm: numbered('mm'),
  xmm: numbered('xmm'),
};
const registers = new Map<string, Register>();
for (const [bank, names] of Object.entries(BANKS)) {
  for (const [number, name] of names.entries()) registers.set(name, { name, bank: bank as Bank, number });
}

export const registerOf = (name: string): Register | undefined => registers.get(name.toLowerCase());

/** Bits of a general register. */
export const BITS: Partial<Record<Bank, 8 | 16 | 32>> = { byte: 8, word: 16, dword: 32 };
