/** A guest's bytes in one stream. The hypervisor's console is of whole lines, as Xen's is; they come between those of others. */
const NEWLINE = 10;

export class Lines {
  private readonly output: (byte: number) => void;
  private atStart = true;
  private waiting: Uint8Array[] = [];

  constructor(output: (byte: number) => void) {
    this.output = output;
  }

  /** A byte of the guest's serial port or PV console. */
  readonly show = (byte: number): void => {
    this.output(byte);
    this.atStart = byte === NEWLINE;
    if (this.atStart) this.flush();
  };

  /** Whole lines of the hypervisor's console. */
  readonly showBetween = (lines: Uint8Array): void => {
    this.waiting.push(lines);
    if (this.atStart) this.flush();
  };

  private flush(): void {
    for (const lines of this.waiting.splice(0)) lines.forEach(byte => this.output(byte));
  }

  /** No line is waited for any more. */
  close(): void {
    if (this.waiting.length > 0 && !this.atStart) this.show(NEWLINE);
    this.flush();
  }
}
