/** Lines that real xl writes where libxl refuses something: they name the place in its source, and not what to do. */
const OF_LIBXL = /^libxl: error: |^failed to free memory for the domain$/;

/** A report of several lines as a person reads it: what happened and what to do first, and behind it what libxl says. */
export function usefulFirst(text: string): string {
  const lines = text.split('\n'),
    useful = lines.filter(line => !OF_LIBXL.test(line));
  return [...useful, ...lines.filter(line => OF_LIBXL.test(line))].join('\n');
}

/** The sentence of whatever was thrown. */
export const sentence = (error: unknown): string => usefulFirst(error instanceof Error ? error.message : String(error));
