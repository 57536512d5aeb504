/**
 * Messages from one worker to another, or to itself, that want no answer: a ring of bytes in machine memory with one writer and one reader. Each message begins at
 * a word, with its length and a tag before it. A full ring takes nothing more, so that nobody can make another hold more than the ring does; and the reader takes
 * its content for another's word. Who writes rings the other side afterwards, by whatever doorbell that listens to. What wants an answer goes through slots
 * (disks/block-queue.ts).
 */

/** Where a ring lies: words with the bytes written and read, free-running; its bytes, from a byte offset on, a power of two of them. */
export interface RingPlace {
  words: Int32Array;
  bytes: Uint8Array;
  written: number;
  read: number;
  data: number;
  size: number;
}

export const MESSAGE_HEAD_BYTES = 8;

const padded = (length: number): number => (length + 3) & ~3;

export class MessageRing {
  protected readonly words: Int32Array;
  private readonly bytes: Uint8Array;
  private readonly written: number;
  private readonly read: number;
  private readonly data: number;
  private readonly size: number;
  private readonly longest: number;
  /** Of the message that was taken last. */
  tag = 0;

  /** `longest`: bytes of the longest message. */
  constructor({ words, bytes, written, read, data, size }: RingPlace, longest = size - MESSAGE_HEAD_BYTES) {
    this.words = words;
    this.bytes = bytes;
    this.written = written;
    this.read = read;
    this.data = data;
    this.size = size;
    this.longest = longest;
  }

  private get used(): number {
    return (Atomics.load(this.words, this.written) - Atomics.load(this.words, this.read)) >>> 0;
  }

  get isEmpty(): boolean {
    return this.used === 0;
  }

  /** Whether the longest message finds room. */
  get hasRoom(): boolean {
    return this.used + MESSAGE_HEAD_BYTES + this.longest <= this.size;
  }

  /** Writer. False: there is no room, or the message is too long. */
  put(message: Uint8Array, tag: number): boolean {
    const { words, data, size } = this;
    const taken = MESSAGE_HEAD_BYTES + padded(message.length);
    if (message.length > this.longest || this.used + taken > size) return false;
    const mask = size - 1;
    const written = Atomics.load(words, this.written);
    words[(data + (written & mask)) >>> 2] = message.length;
    words[(data + ((written + 4) & mask)) >>> 2] = tag;
    const at = (written + MESSAGE_HEAD_BYTES) & mask;
    const first = Math.min(message.length, size - at);
    this.bytes.set(message.subarray(0, first), data + at);
    if (first < message.length) this.bytes.set(message.subarray(first), data);
    Atomics.store(words, this.written, (written + taken) | 0);
    return true;
  }

  /** Reader. The next message, in memory of its own; undefined: there is none. A ring that its writer left broken is emptied. */
  take(): Uint8Array | undefined {
    const { words, data, size, used } = this;
    if (used === 0) return undefined;
    const mask = size - 1;
    const read = Atomics.load(words, this.read);
    const length = words[(data + (read & mask)) >>> 2] >>> 0;
    const taken = MESSAGE_HEAD_BYTES + padded(length);
    if (length > this.longest || used > size || taken > used) {
      this.clear();
      return undefined;
    }
    this.tag = words[(data + ((read + 4) & mask)) >>> 2];
    const message = new Uint8Array(length);
    const at = (read + MESSAGE_HEAD_BYTES) & mask;
    const first = Math.min(length, size - at);
    message.set(this.bytes.subarray(data + at, data + at + first));
    if (first < length) message.set(this.bytes.subarray(data, data + length - first), first);
    Atomics.store(words, this.read, (read + taken) | 0);
    return message;
  }

  /** Reader. What is in it is lost. */
  clear(): void {
    Atomics.store(this.words, this.read, Atomics.load(this.words, this.written));
  }
}
