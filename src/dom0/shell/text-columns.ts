/** How many columns of a terminal a text takes. Source: Unicode Standard Annex 11 (East Asian Width), as xterm applies it. */

/** Wide and full-width ranges. */
const WIDE: readonly [number, number][] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];
const COLOURS = /\x1b\[[0-9;]*m/g;

/** Columns of `text`, colour sequences not counted. */
export function textColumns(text: string): number {
  // Most are, and some are long.
  if (/^[ -~]*$/.test(text)) return text.length;
  let columns = 0;
  for (const character of text.replace(COLOURS, '')) {
    const code = character.codePointAt(0)!;
    if (/\p{M}/u.test(character)) continue;
    columns += WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
  }
  return columns;
}
