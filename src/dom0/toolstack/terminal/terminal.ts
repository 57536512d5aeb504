/** A terminal, as commands see it that take it over, and what may be written to one. */

/**
 * Text that a guest or a foreign file may have chosen (names, values of the store), with its control characters as C writes them (\x1b): a terminal would obey
 * them. Lines and tabs stay.
 */
export const visible = (text: string): string =>
  text.replace(/[^\P{Cc}\n\t]/gu, character => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);

/** Columns from one tabulator to the next. */
const TAB = 8;

/** A line with its tabs as the spaces that a terminal shows for them. */
export function untabbed(line: string): string {
  let shown = '';
  for (const character of line) shown += character === '\t' ? ' '.repeat(TAB - (shown.length % TAB)) : character;
  return shown;
}

/** The terminal of a session, for a program that owns it. */
export interface Terminal {
  /** Text with control sequences; lines end with CR LF. */
  write(text: string): void;
  readonly columns: number;
  readonly rows: number;
}

/** What a program that owns the terminal sees until it ends. */
export interface Owned extends Terminal {
  /** What is typed comes to `listener`, as it came. */
  listen(listener: (typed: string) => void): void;
  /** Aborted when the terminal goes. */
  readonly signal: AbortSignal;
}
