/**
 * A set of texts that keeps 64 bits of each: hundreds of millions fit into memory. Two texts of one hash count as one: among n that is to be expected
 * n² / 2^65 times, for a hundred million less than once in three thousand runs.
 */
const FIRST_SLOTS = 2 ** 16;

export class HashSet {
  private low = new Int32Array(FIRST_SLOTS);
  private high = new Int32Array(FIRST_SLOTS);
  size = 0;

  /** True: it was not there. */
  add(text: string): boolean {
    // Two hashes of the kind of cyrb53, with different beginnings and multipliers; 0 is an empty slot.
    let [a, b] = [0xdeadbeef, 0x41c6ce57];
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      a = Math.imul(a ^ code, 2654435761);
      b = Math.imul(b ^ code, 1597334677);
    }
    a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
    b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
    if (!this.put(a, b === 0 ? 1 : b)) return false;
    if (++this.size * 2 > this.low.length) this.grow();
    return true;
  }

  private put(low: number, high: number): boolean {
    const mask = this.low.length - 1;
    let at = low & mask;
    for (; this.high[at] !== 0; at = (at + 1) & mask) if (this.high[at] === high && this.low[at] === low) return false;
    this.low[at] = low;
    this.high[at] = high;
    return true;
  }

  private grow(): void {
    const { low, high } = this;
    this.low = new Int32Array(2 * low.length);
    this.high = new Int32Array(2 * low.length);
    for (let at = 0; at < low.length; at++) if (high[at] !== 0) this.put(low[at], high[at]);
  }
}
