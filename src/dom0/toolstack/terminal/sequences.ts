/** Control sequences of programs that draw on a whole screen. Source: ECMA-48; those with a question mark are xterm's own (ctlseqs). */

/** The screen next to that of the shell, and back to it. */
export const ALTERNATE_SCREEN = '\x1b[?1049h',
  NORMAL_SCREEN = '\x1b[?1049l';
export const HIDE_CURSOR = '\x1b[?25l',
  SHOW_CURSOR = '\x1b[?25h';
/** The cursor goes to the upper left corner. */
export const HOME = '\x1b[H';
/** Erase from the cursor on. */
export const TO_END_OF_LINE = '\x1b[K',
  TO_END = '\x1b[J';
/** How letters look from here on. */
export const REVERSE = '\x1b[7m',
  PLAIN = '\x1b[0m';
