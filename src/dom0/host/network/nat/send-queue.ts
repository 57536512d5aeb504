/** Bytes that were given to a connection and not acknowledged: read at any place, dropped from the front. */
export class SendQueue {
  private readonly pieces: Uint8Array[] = [];
  bytes = 0;

  /** They are the queue's from then on. */
  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.pieces.push(bytes);
    this.bytes += bytes.length;
  }

  /** A copy of `count` bytes from `offset` on, of as many as are there or fewer. */
  copy(offset: number, count: number): Uint8Array {
    const whole = new Uint8Array(count);
    let at = -offset;
    for (const piece of this.pieces) {
      if (at >= count) break;
      if (at + piece.length > 0) whole.set(piece.subarray(Math.max(0, -at), count - at), Math.max(0, at));
      at += piece.length;
    }
    return whole;
  }

  drop(count: number): void {
    this.bytes -= count;
    for (let left = count; left > 0; ) {
      const [first] = this.pieces;
      if (first.length > left) this.pieces[0] = first.subarray(left);
      else this.pieces.shift();
      left -= first.length;
    }
  }

  clear(): void {
    this.pieces.length = 0;
    this.bytes = 0;
  }
}
