/** What VMDK and VHD have in common: a disk in pieces, each of which gets its place in the file with the first write to it; what has none reads as zeros. */
import { ImmediateDevice } from '../blocks/index.ts';
import type { GrowingFile } from '../qcow2/index.ts';

/** An image that cannot be read or made: a sentence behind its name. */
export class ImageError extends Error {
  override name = 'ImageError';
}

export abstract class AllocatingDisk extends ImmediateDevice {
  protected readonly file: GrowingFile;
  protected abstract readonly pieceBytes: number;

  constructor(file: GrowingFile) {
    super({ readOnly: file.readOnly });
    this.file = file;
  }

  /** Where a piece is in the file; undefined: nowhere yet. */
  protected abstract placeOf(piece: number): number | undefined;
  /** Gives a piece a place in the file, which reads as zeros there. @throws DeviceFull: it has none then */
  protected abstract allocate(piece: number): number;

  private *parts(
    at: number,
    count: number,
  ): Generator<{ piece: number; within: number; from: number; length: number }> {
    if (at < 0 || at + count > this.bytes) throw new RangeError(`${count} bytes at ${at} of ${this.bytes}`);
    for (let from = 0; from < count; ) {
      const within = (at + from) % this.pieceBytes,
        length = Math.min(count - from, this.pieceBytes - within);
      yield { piece: Math.floor((at + from) / this.pieceBytes), within, from, length };
      from += length;
    }
  }

  read(at: number, into: Uint8Array): void {
    for (const { piece, within, from, length } of this.parts(at, into.length)) {
      const place = this.placeOf(piece),
        target = into.subarray(from, from + length);
      if (place === undefined) target.fill(0);
      else this.file.read(place + within, target);
    }
  }

  override write(at: number, bytes: Uint8Array): void {
    for (const { piece, within, from, length } of this.parts(at, bytes.length))
      this.file.write((this.placeOf(piece) ?? this.allocate(piece)) + within, bytes.subarray(from, from + length));
  }

  override flush(): void {
    this.file.flush();
  }
}
