/** Numbers in the sentences of verdicts. */

/** Three digits at most where there is a point: 0.0312, 4.13, 51.1, 1034. */
export function short(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return String(Number(value.toFixed(Math.min(digits, 4))));
}

/** How many times as much one is as the other, as in “15 times”. */
export const times = (more: number, less: number): string =>
  less === 0 ? (more === 0 ? 'equally many' : 'many times') : `${short(more / less)} times`;

export const percent = (part: number): string => `${short(100 * part)} %`;

/** “a, b and c”. */
export const listed = (words: readonly string[]): string =>
  words.length < 2 ? (words[0] ?? 'none') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
