/**
 * What a student hands in: 12 letters that say which lesson was taken, in which version, with which seed, and what was measured; the last one is a check
 * letter. Students with the same seed and the same version get the same code. Letters are those of Crockford's base 32 (crockford.com/base32.html): O is read
 * as 0, I and L as 1, and case, spaces and hyphens do not matter.
 */
import { crc32 } from '../formats/unpack/index.ts';
import type { Lesson } from './form.ts';

export const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
/** Letters of each part; the check letter is behind them. */
const PARTS = [
  ['lesson', 2],
  ['version', 2],
  ['seed', 2],
  ['result', 5],
] as const;
const SUMMED = 11;
export const CODE_LETTERS = SUMMED + 1;

export type CodePart = (typeof PARTS)[number][0];

/** Exact numbers of a lesson, in the order of their measurement. */
export type Exact = readonly (readonly [name: string, value: number])[];

export const checkSum = (text: string): number => crc32(new TextEncoder().encode(text));

const lettersOf = (text: string, count: number): string => {
  let sum = checkSum(text),
    letters = '';
  for (let i = 0; i < count; i++) {
    letters += LETTERS[sum % LETTERS.length]!;
    sum = Math.floor(sum / LETTERS.length);
  }
  return letters;
};

/** Weights by place: it changes where one letter is another, and where two change places. Modulo a prime, so that it holds for all but 0 against Z. */
function checkLetter(letters: string): string {
  let sum = 0;
  for (let i = 0; i < SUMMED; i++) sum += (i + 2) * LETTERS.indexOf(letters[i]!);
  return LETTERS[sum % 31]!;
}

const grouped = (letters: string): string => letters.match(/.{1,4}/g)?.join('-') ?? '';

/** Two letters of a lesson's id, its version, or a seed, as they are in codes. */
export const tagOf = (text: string): string => lettersOf(text, 2);

/** Which version of a lesson numbers belong to: other words alone make no other one. */
export const versionOf = ({ version }: Pick<Lesson, 'version'>): string => tagOf(version);

export function handInCode({ id, version, seed }: Pick<Lesson, 'id' | 'version' | 'seed'>, exact: Exact): string {
  const of: Record<CodePart, string> = { lesson: id, version, seed, result: JSON.stringify([id, seed, exact]) },
    letters = PARTS.map(([part, count]) => lettersOf(of[part], count)).join('');
  return grouped(letters + checkLetter(letters));
}

/** As somebody typed it, in the letters of a code; what is none of them stays. */
export const plainCode = (typed: string): string =>
  typed
    .toUpperCase()
    .replace(/[\s–—-]+/g, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1');

/** The parts of a code; undefined: its letters are no code's, or its check letter is another one. */
export function readCode(typed: string): Record<CodePart, string> | undefined {
  const letters = plainCode(typed);
  if (letters.length !== CODE_LETTERS || [...letters].some(letter => !LETTERS.includes(letter))) return undefined;
  if (checkLetter(letters) !== letters[SUMMED]) return undefined;
  let at = 0;
  return Object.fromEntries(PARTS.map(([part, count]) => [part, letters.slice(at, (at += count))])) as Record<
    CodePart,
    string
  >;
}

/** The seed of a student: that of the class, with the name, however it is capitalized and spaced. Without a name it is the class's own. */
export function seedOf(seed: string, name: string): string {
  const plain = name.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase();
  return plain === '' ? seed : `${seed}/${plain}`;
}
