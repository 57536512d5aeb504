/** Bytes one behind the other, high ones of a number first. */
export class ByteSink {
  private bytes = new Uint8Array(4096);
  length = 0;

  u8(value: number): this {
    // First the room: it may be in another array.
    const at = this.room(1);
    this.bytes[at] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value);
  }

  put(bytes: Uint8Array): this {
    const at = this.room(bytes.length);
    this.bytes.set(bytes, at);
    return this;
  }

  /** Text of Latin-1, as the protocol has it. */
  text(text: string): this {
    for (let i = 0; i < text.length; i++) this.u8(text.charCodeAt(i) < 256 ? text.charCodeAt(i) : 0x3f);
    return this;
  }

  /** Room for this many bytes to be filled in by `fill`. */
  filled(count: number, fill: (into: Uint8Array, at: number) => void): this {
    const at = this.room(count);
    fill(this.bytes, at);
    return this;
  }

  taken(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }

  private room(count: number): number {
    const at = this.length;
    this.length += count;
    if (this.length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.length, 2 * this.bytes.length));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    return at;
  }
}
