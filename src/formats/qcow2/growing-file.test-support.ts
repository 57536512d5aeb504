/** A file in memory that becomes longer, with all that was written to it in its order. */
import { ImmediateDevice, DeviceFull } from '../blocks/index.ts';
import type { GrowingFile } from './growing-file.ts';

export class MemoryFile extends ImmediateDevice implements GrowingFile {
  data: Uint8Array;
  /** Since the beginning; a flush ends an epoch. */
  readonly written: { at: number; bytes: Uint8Array; epoch: number }[] = [];
  epoch = 0;
  /** It has no room for more. */
  mostBytes = Number.POSITIVE_INFINITY;

  constructor(data: Uint8Array = new Uint8Array()) {
    super();
    this.data = data;
  }

  get bytes(): number {
    return this.data.length;
  }

  grow(bytes: number): void {
    if (bytes <= this.bytes) return;
    if (bytes > this.mostBytes) throw new DeviceFull('There is no room.');
    const longer = new Uint8Array(bytes);
    longer.set(this.data);
    this.data = longer;
  }

  read(at: number, into: Uint8Array): void {
    if (at + into.length > this.bytes) throw new RangeError(`${into.length} bytes at ${at} of ${this.bytes}`);
    into.set(this.data.subarray(at, at + into.length));
  }

  override write(at: number, from: Uint8Array): void {
    if (at + from.length > this.bytes) throw new RangeError(`${from.length} bytes at ${at} of ${this.bytes}`);
    if (at % 512 !== 0 || from.length % 512 !== 0)
      throw new RangeError(`${from.length} bytes at ${at} are no whole sectors`);
    this.written.push({ at, bytes: from.slice(), epoch: this.epoch });
    this.data.set(from, at);
  }

  override flush(): void {
    this.epoch++;
  }
}
