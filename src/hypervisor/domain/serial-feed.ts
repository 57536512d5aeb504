/** Bytes typed at COM1: kept until the guest waits for some, since what comes earlier is lost when it opens the port. */

interface SerialPort {
  serialListening(port: number): boolean;
  /** Returns how many bytes were taken. */
  serialInput(port: number, bytes: Uint8Array): number;
}

export class SerialFeed {
  private readonly port: SerialPort;
  /** Bytes that the UART has not got yet. */
  private backlog: Uint8Array[] = [];

  constructor(port: SerialPort) {
    this.port = port;
  }

  add(bytes: Uint8Array): void {
    this.backlog.push(bytes);
    this.feed();
  }

  /** Bytes that wait for the guest to read. */
  get waiting(): number {
    return this.backlog.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  /** True if the UART took something. */
  feed(): boolean {
    let fed = false;
    while (this.backlog.length > 0 && this.port.serialListening(0)) {
      const bytes = this.backlog[0];
      const taken = this.port.serialInput(0, bytes);
      fed ||= taken > 0;
      if (taken < bytes.length) {
        this.backlog[0] = bytes.subarray(taken);
        break;
      }
      this.backlog.shift();
    }
    return fed;
  }

  /** As it is now, for the same domain again. */
  save(): readonly Uint8Array[] {
    return [...this.backlog];
  }

  restore(backlog: readonly Uint8Array[]): void {
    this.backlog = [...backlog];
  }

  drop(): void {
    this.backlog = [];
  }
}
