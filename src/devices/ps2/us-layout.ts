/** Characters as key strokes of a US keyboard (`KeyboardEvent.code`): for pasted text, touch keyboards and viewers of a screen, which send no codes. */

export interface Stroke {
  code: string;
  shift: boolean;
}

/** Keys that write something, with what each of them writes alone and with shift. */
const ROWS: readonly (readonly [codes: string, alone: string, shifted: string])[] = [
  ['Backquote Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7', '`1234567', '~!@#$%^&'],
  ['Digit8 Digit9 Digit0 Minus Equal BracketLeft BracketRight', '890-=[]', '*()_+{}'],
  ['Backslash Semicolon Quote Comma Period Slash', "\\;',./", '|:"<>?'],
  ['Space Enter Enter Tab Backspace', ' \n\r\t\b', ''],
  ...[...'abcdefghijklmnopqrstuvwxyz'].map(
    letter => [`Key${letter.toUpperCase()}`, letter, letter.toUpperCase()] as const,
  ),
];

const STROKES = new Map<string, Stroke>(
  ROWS.flatMap(([codes, alone, shifted]) => {
    const keys = codes.split(' ');
    const strokes = (characters: string, shift: boolean): [string, Stroke][] =>
      [...characters].map((character, i) => [character, { code: keys[i]!, shift }]);
    return [...strokes(alone, false), ...strokes(shifted, true)];
  }),
);

/** The key of a character; undefined for one that a US keyboard does not have. */
export const strokeOf = (character: string): Stroke | undefined => STROKES.get(character);
