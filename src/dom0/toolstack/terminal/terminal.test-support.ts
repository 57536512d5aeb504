/** A terminal for tests of programs that own one: the test types, and reads what was written. */
import type { Owned } from './terminal.ts';

interface TypedTerminal {
  owned: Owned;
  /** Types keys, as they come from a terminal. */
  type(keys: string): void;
  /** All that was written since this was asked last. */
  shown(): string;
  /** All that was written. */
  text(): string;
}

export function typedTerminal(columns: number, rows: number): TypedTerminal {
  let text = '',
    seen = 0,
    listener = (_typed: string): void => {};
  return {
    owned: {
      columns,
      rows,
      write: more => void (text += more),
      listen: to => void (listener = to),
      signal: new AbortController().signal,
    },
    type: keys => listener(keys),
    shown: () => {
      const more = text.slice(seen);
      seen = text.length;
      return more;
    },
    text: () => text,
  };
}
