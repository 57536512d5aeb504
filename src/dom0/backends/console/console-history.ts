/** The end of what a domain's console showed: for a viewer later, and for saved states. */

/** Between one and two of these are kept. */
const HALF_BYTES = 128 * 1024;

export class ConsoleHistory {
  private older = new Uint8Array(0);
  private recent = new Uint8Array(HALF_BYTES);
  private length = 0;

  add(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.length === HALF_BYTES) {
        this.older = this.recent;
        this.recent = new Uint8Array(HALF_BYTES);
        this.length = 0;
      }
      const piece = bytes.subarray(at, at + HALF_BYTES - this.length);
      this.recent.set(piece, this.length);
      this.length += piece.length;
      at += piece.length;
    }
  }

  get shown(): Uint8Array {
    const all = new Uint8Array(this.older.length + this.length);
    all.set(this.older);
    all.set(this.recent.subarray(0, this.length), this.older.length);
    return all;
  }
}
