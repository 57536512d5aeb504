/** Watches a stream of bytes for a text: Knuth, Morris and Pratt, so that no history is kept. */
export class Watcher {
  private readonly pattern: Uint8Array;
  /** For each prefix, the length of its longest proper prefix that is also its suffix. */
  private readonly border: Int32Array;
  private matched = 0;
  seen = false;

  constructor(text: string) {
    this.pattern = new TextEncoder().encode(text);
    this.border = new Int32Array(this.pattern.length + 1);
    for (let i = 1, length = 0; i < this.pattern.length; i++) {
      while (length > 0 && this.pattern[i] !== this.pattern[length]) length = this.border[length];
      if (this.pattern[i] === this.pattern[length]) length++;
      this.border[i + 1] = length;
    }
  }

  /** True when this byte completes the text. */
  put(byte: number): boolean {
    while (this.matched > 0 && this.pattern[this.matched] !== byte) this.matched = this.border[this.matched];
    if (this.pattern[this.matched] === byte) this.matched++;
    if (this.matched < this.pattern.length) return false;
    this.matched = this.border[this.matched];
    this.seen = true;
    return true;
  }
}
