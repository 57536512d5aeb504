/** A terminal, as commands see it that take it over. */

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
