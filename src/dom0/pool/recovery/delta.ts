/**
 * What of some bytes is as it was in others: rsync's algorithm (Tridgell and Mackerras, TR-CS-96-05), with both at hand, so that bytes are compared where it has
 * strong checksums. Of a guest's state but for its memory little changes between two checkpoints: what it wrote to its disks, and not where that lies.
 */

/** This many bytes in a row are found again. */
const CHUNK = 512;
/** Of rsync's weak checksum, both halves. */
const HALF = 0xffff;

/** Bytes of the previous state, or new ones. */
export type DeltaPart = { from: number; bytes: number } | Uint8Array;

/** Sum, and sum of sums, over the last CHUNK bytes. */
class Rolling {
  private a = 0;
  private b = 0;

  begin(bytes: Uint8Array, at: number): void {
    this.a = this.b = 0;
    for (let i = 0; i < CHUNK; i++) {
      this.a += bytes[at + i]!;
      this.b += (CHUNK - i) * bytes[at + i]!;
    }
  }

  roll(leaves: number, comes: number): void {
    this.a += comes - leaves;
    this.b += this.a - CHUNK * leaves;
  }

  get value(): number {
    return ((this.a & HALF) | (this.b << 16)) >>> 0;
  }
}

export class Delta {
  private readonly before: Uint8Array;
  /** By their checksums: where the previous state's chunks lie; the first of equal ones. */
  private readonly chunks = new Map<number, number>();

  constructor(before: Uint8Array) {
    this.before = before;
    const rolling = new Rolling();
    for (let at = 0; at + CHUNK <= before.length; at += CHUNK) {
      rolling.begin(before, at);
      if (!this.chunks.has(rolling.value)) this.chunks.set(rolling.value, at);
    }
  }

  /** In order. `expected`: where in before it would lie, were nothing new. */
  *of(next: Uint8Array, expected = 0): Generator<DeltaPart> {
    const { before } = this;
    const rolling = new Rolling();
    let literal = 0,
      isRolling = false;
    for (let at = 0; at + CHUNK <= next.length; ) {
      let from = this.isSame(expected, next, at) ? expected : -1;
      if (from < 0) {
        if (isRolling) rolling.roll(next[at - 1]!, next[at + CHUNK - 1]!);
        else rolling.begin(next, at);
        isRolling = true;
        const found = this.chunks.get(rolling.value);
        if (found !== undefined && this.isSame(found, next, at)) from = found;
      }
      if (from < 0) {
        at++;
        expected++;
        continue;
      }
      if (at > literal) yield next.subarray(literal, at);
      let bytes = CHUNK;
      while (from + bytes < before.length && at + bytes < next.length && before[from + bytes] === next[at + bytes])
        bytes++;
      yield { from, bytes };
      at += bytes;
      literal = at;
      expected = from + bytes;
      isRolling = false;
    }
    if (literal < next.length) yield next.subarray(literal);
  }

  private isSame(from: number, next: Uint8Array, at: number): boolean {
    const { before } = this;
    if (from + CHUNK > before.length) return false;
    for (let i = 0; i < CHUNK; i++) if (before[from + i] !== next[at + i]) return false;
    return true;
  }
}
