/** Codes that were handed in, next to those that should have been. */
import { CODE_LETTERS, type CodePart, LETTERS, plainCode, readCode, tagOf } from './code.ts';

/** What else a code may be of. */
export interface Known {
  /** Lessons by id, with their titles. */
  lessons: readonly { id: string; title: string }[];
  /** Seeds of the others, and their owners. */
  seeds: readonly { seed: string; who: string }[];
}

/** What is wrong with a code, as a sentence; undefined: it is right. */
export function whyWrong(typed: string, expected: string, known: Known): string | undefined {
  const letters = plainCode(typed),
    right = plainCode(expected);
  if (letters === right) return undefined;
  if (letters === '') return 'No code was handed in.';
  const given = readCode(typed);
  if (!given) return mistyped(letters, right);
  const expectedParts = readCode(expected)!,
    differs = (part: CodePart): boolean => given[part] !== expectedParts[part];
  if (differs('lesson')) {
    const other = known.lessons.find(({ id }) => tagOf(id) === given.lesson);
    return `It is a code of ${other ? `the lesson “${other.title}”` : 'another lesson'}.`;
  }
  if (differs('version'))
    return 'It is of another version of the lesson: its guests, steps or measurements were others. Have the lesson opened again from its link.';
  if (differs('seed')) {
    const who = known.seeds.find(({ seed }) => tagOf(seed) === given.seed)?.who;
    return `It has ${who ? `the numbers of ${who}` : 'the numbers of another seed, or of a name that was spelt otherwise'}.`;
  }
  return 'Lesson, version and seed are right, the measured numbers are not: something else was done before a measurement. Have the step reset and measured again.';
}

/** What was typed wrong: one letter more, less, other, or two that changed places. */
function mistyped(letters: string, right: string): string {
  const strange = [...letters].find(letter => !LETTERS.includes(letter));
  const at = [...right].findIndex((letter, i) => letters[i] !== letter),
    place = at < 0 ? right.length : at,
    rest = (text: string, from: number): string => text.slice(place + from);
  if (rest(letters, 1) === rest(right, 1) && letters.length === right.length)
    return `Letter ${place + 1} was typed wrong: ${letters[place]} is where ${right[place]} belongs.`;
  if (rest(letters, 0) === rest(right, 1)) return `Letter ${place + 1}, ${right[place]}, is missing.`;
  if (rest(letters, 1) === rest(right, 0)) return `Letter ${place + 1}, ${letters[place]}, is one too many.`;
  if (
    letters[place] === right[place + 1] &&
    letters[place + 1] === right[place] &&
    rest(letters, 2) === rest(right, 2) &&
    letters.length === right.length
  )
    return `Letters ${place + 1} and ${place + 2} changed places.`;
  if (strange) return `${strange} is in no code. Have it copied again.`;
  if (letters.length !== CODE_LETTERS)
    return `It has ${letters.length} letters, and a code has ${CODE_LETTERS}. Have it copied again.`;
  return 'Several letters were typed wrong: its check letter does not fit. Have it copied again.';
}
