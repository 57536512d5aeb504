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
