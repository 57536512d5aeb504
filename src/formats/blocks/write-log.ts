/** Which parts of a device have yet to be copied: for a copy that is made while the device is written, as QEMU's drive-mirror makes one. */
import type { BlockRequest } from './block-device.ts';
import { lengthOf } from './extents.ts';

/** A write that has ended, and whose caller is not notified yet. */
interface Held {
  /** As many bytes are copied first. */
  after: number;
  end(): void;
}

export class WriteLog {
  /** Of the device. */
  readonly bytes: number;
  readonly chunkBytes: number;
  /** Chunks that have yet to be copied. */
  left = 0;
  /** Called whenever something was written. */
  whenMarked: () => void = () => {};
  private readonly marks: Uint8Array;
  private next = 0;
  private takenBytes = 0;
  private mostLeft = Infinity;
  private held: Held[] = [];

  constructor(bytes: number, chunkBytes: number) {
    this.bytes = bytes;
    this.chunkBytes = chunkBytes;
    this.marks = new Uint8Array(Math.ceil(bytes / chunkBytes));
  }

  get leftBytes(): number {
    return this.left * this.chunkBytes;
  }

  /** They have to be copied, again where they were. */
  mark(at: number, bytes: number): void {
    const end = Math.min(this.marks.length, Math.ceil((at + bytes) / this.chunkBytes));
    for (let chunk = Math.floor(at / this.chunkBytes); chunk < end; chunk++) {
      this.left += 1 - this.marks[chunk]!;
      this.marks[chunk] = 1;
    }
  }

  /**
   * A request of the device has ended, and its caller is to be notified. What was written counts from here on: a copy from before may have the old bytes, the
   * new ones, or some of each.
   */
  ended(request: BlockRequest, tell: () => void): void {
    if (request.op !== 'write' && request.op !== 'discard') return tell();
    const bytes = lengthOf(request);
    this.mark(request.at, bytes);
    this.whenMarked();
    if (request.waits || this.left <= this.mostLeft) tell();
    // A writer may write half of what is copied meanwhile: so the copy comes to its end.
    else this.held.push({ after: (this.held.at(-1)?.after ?? this.takenBytes) + 2 * bytes, end: tell });
  }

  /** From now on a writer waits where more than this many chunks have yet to be copied. */
  limit(chunks: number): void {
    this.mostLeft = chunks;
    this.letGo();
  }

  /** Bytes to be copied next, at most this many; undefined: there are none. From here on they count as copied. */
  take(mostBytes: number): { at: number; bytes: number } | undefined {
    const { marks, chunkBytes } = this;
    if (this.left === 0) return undefined;
    let chunk = marks.indexOf(1, this.next);
    if (chunk < 0) chunk = marks.indexOf(1);
    const first = chunk;
    for (; marks[chunk] === 1 && (chunk + 1 - first) * chunkBytes <= mostBytes; chunk++) marks[chunk] = 0;
    this.left -= chunk - first;
    this.next = chunk;
    const at = first * chunkBytes;
    return { at, bytes: Math.min(chunk * chunkBytes, this.bytes) - at };
  }

  /** This many bytes that were taken have been copied. */
  copied(bytes: number): void {
    this.takenBytes += bytes;
    this.letGo();
  }

  /** Nobody copies any more. */
  end(): void {
    this.limit(Infinity);
  }

  private letGo(): void {
    const goes = ({ after }: Held): boolean => this.left <= this.mostLeft || after <= this.takenBytes;
    const ended = this.held.filter(goes);
    this.held = this.held.filter(each => !ended.includes(each));
    for (const { end } of ended) end();
  }
}
