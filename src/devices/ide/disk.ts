/** What lies behind a drive. The host's side: it may answer later; a drive never waits inside a register access. */

/** One step on the way of a byte to where it is kept: in this layer it is at this byte. */
export interface Place {
  /** 'volume vg0/web', 'disk sda', 'file disk.data' … */
  layer: string;
  /** Byte within the layer; undefined: it has no place there yet, and reads as zeros. */
  at?: number;
  /** The layer's unit that it lies in, where it has units. */
  unit?: { name: string; number: number };
}

export interface Disk {
  /** Bytes of a sector: 512, or 2048 for a CD. */
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly readOnly: boolean;
  /** `done` is always called before `read`, `write` and `flush` return: transfers may go straight to guest memory. */
  readonly immediate?: boolean;
  /** Fills the pieces, in order, from sector `sector` on; their lengths sum to whole sectors. `done(false)`: the medium could not be read. */
  read(sector: number, into: Uint8Array[], done: (ok: boolean) => void): void;
  write(sector: number, from: Uint8Array[], done: (ok: boolean) => void): void;
  /** Everything written before is durable when `done` comes. */
  flush(done: (ok: boolean) => void): void;
  /** What is in these sectors is needed no more: they read as anything until they are written. Absent: the medium can make nothing of that. */
  discard?(sector: number, sectors: number, done: (ok: boolean) => void): void;
  /**
   * The guest looks whether what it asked for is done: a medium that is open in another worker may wait a moment for its answer, and calls `done` then before
   * this returns. Absent: there is nobody to wait for.
   */
  settle?(): void;
  /** Where the first byte of a sector lies, from the medium down; absent: the medium cannot say. */
  place?(sector: number): Place[];
}

/** Bytes in memory as a disk: for tests and small images. The array is the disk: writes change it. */
export class MemoryDisk implements Disk {
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly immediate = true;
  readonly bytes: Uint8Array;

  /** A last sector that is not whole reads as zeros past its end. */
  constructor(bytes: Uint8Array, { sectorBytes = 512, readOnly = false } = {}) {
    this.bytes = bytes;
    this.sectorBytes = sectorBytes;
    this.sectors = Math.ceil(bytes.length / sectorBytes);
    this.readOnly = readOnly;
  }

  read(sector: number, into: Uint8Array[], done: (ok: boolean) => void): void {
    let at = sector * this.sectorBytes;
    for (const piece of into) {
      const part = this.bytes.subarray(at, at + piece.length);
      piece.set(part);
      if (part.length < piece.length) piece.fill(0, part.length);
      at += piece.length;
    }
    done(true);
  }

  write(sector: number, from: Uint8Array[], done: (ok: boolean) => void): void {
    let at = sector * this.sectorBytes;
    for (const piece of from) {
      this.bytes.set(
        at + piece.length <= this.bytes.length ? piece : piece.subarray(0, Math.max(0, this.bytes.length - at)),
        at,
      );
      at += piece.length;
    }
    done(true);
  }

  flush(done: (ok: boolean) => void): void {
    done(true);
  }
}
