/** What is typed is judged after this time without another key. */
const QUIET_MS = 250;

/** Does something once nothing was typed for a moment: only the last thing that it was given. */
export class Typing {
  private timer: ReturnType<typeof setTimeout> | undefined;

  whenQuiet(judge: () => void): void {
    this.stop();
    this.timer = setTimeout(judge, QUIET_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
  }
}

/** Puts the cursor of a field with these lines to a place; both from 1 on. */
export function putCursor(
  field: HTMLTextAreaElement | null,
  lines: readonly string[],
  line: number,
  column: number,
): void {
  const to = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + column - 1;
  field?.focus();
  field?.setSelectionRange(to, to);
}
