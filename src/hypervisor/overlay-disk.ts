/** A disk whose medium is never written: what the guest changes is kept in memory, in blocks of 4 KiB. */
import type { Disk } from '../devices/ide/disk.ts';

/** Bytes behind a disk, read at once. */
export interface DiskSource {
  /** Bytes of the medium. */
  readonly bytes: number;
  /** Fills `into` from byte `at` on. False: it could not be read. */
  read(at: number, into: Uint8Array): boolean;
  /** Absent: writes go to the overlay. */
  write?(at: number, from: Uint8Array): boolean;
  flush?(): boolean;
}

const BLOCK_BYTES = 4096;

export class OverlayDisk implements Disk {
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly immediate = true;
  private readonly source: DiskSource;
  private readonly changed = new Map<number, Uint8Array>();

  constructor(source: DiskSource, { sectorBytes = 512, readOnly = false } = {}) {
    this.source = source;
    this.sectorBytes = sectorBytes;
    this.sectors = Math.floor(source.bytes / sectorBytes);
    this.readOnly = readOnly;
  }

  read(sector: number, into: Uint8Array[], done: (ok: boolean) => void): void {
    let at = sector * this.sectorBytes;
    let ok = true;
    for (const piece of into) {
      ok = this.readPiece(at, piece) && ok;
      at += piece.length;
    }
    done(ok);
  }

  private readPiece(at: number, piece: Uint8Array): boolean {
    if (!this.source.read(at, piece)) return false;
    if (this.changed.size === 0) return true;
    this.blocks(at, piece.length, (block, within, from, count) => {
      const bytes = this.changed.get(block);
      if (bytes) piece.set(bytes.subarray(within, within + count), from);
      return true;
    });
    return true;
  }

  write(sector: number, from: Uint8Array[], done: (ok: boolean) => void): void {
    let at = sector * this.sectorBytes;
    let ok = !this.readOnly;
    for (const piece of from) {
      ok = ok && this.writePiece(at, piece);
      at += piece.length;
    }
    done(ok);
  }

  private writePiece(at: number, piece: Uint8Array): boolean {
    if (this.source.write) return this.source.write(at, piece);
    return this.blocks(at, piece.length, (block, within, from, count) => {
      let bytes = this.changed.get(block);
      if (!bytes) {
        bytes = new Uint8Array(BLOCK_BYTES);
        const start = block * BLOCK_BYTES;
        if (!this.source.read(start, bytes.subarray(0, Math.min(BLOCK_BYTES, this.source.bytes - start)))) return false;
        this.changed.set(block, bytes);
      }
      bytes.set(piece.subarray(from, from + count), within);
      return true;
    });
  }

  private blocks(at: number, length: number, visit: (block: number, within: number, from: number, count: number) => boolean): boolean {
    for (let from = 0; from < length; ) {
      const block = Math.floor((at + from) / BLOCK_BYTES);
      const within = (at + from) % BLOCK_BYTES;
      const count = Math.min(length - from, BLOCK_BYTES - within);
      if (!visit(block, within, from, count)) return false;
      from += count;
    }
    return true;
  }

  flush(done: (ok: boolean) => void): void {
    done(this.source.flush?.() ?? true);
  }
}
