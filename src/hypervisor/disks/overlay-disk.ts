/**
 * A disk whose medium is never written: what the guest changes is kept in memory, in blocks of 4 KiB. A last sector that the medium has only the beginning of
 * ends in zeros.
 */
import type { Disk, Place } from '../../devices/ide/index.ts';
import { IO_HOP, passes } from '../tracing/io-trace.ts';
import { fingerprint } from './fingerprint.ts';
import type { DiskSource } from './disk-source.ts';

export const OVERLAY_BLOCK_BYTES = 4096;
const BLOCK_BYTES = OVERLAY_BLOCK_BYTES;
/** A block that is not as the medium has it. */
export interface DiskChange {
  block: number;
  bytes: Uint8Array;
}

export class OverlayDisk implements Disk {
  readonly sectorBytes: number;
  readonly sectors: number;
  readonly readOnly: boolean;
  readonly immediate = true;
  /** What people call the medium. */
  readonly label: string;
  private readonly source: DiskSource;
  private readonly changed = new Map<number, Uint8Array>();

  constructor(source: DiskSource, { sectorBytes = 512, readOnly = false, label = '' } = {}) {
    this.source = source;
    this.label = label;
    this.sectorBytes = sectorBytes;
    this.sectors = Math.ceil(source.bytes / sectorBytes);
    this.readOnly = readOnly;
  }

  read(sector: number, into: Uint8Array[], done: (ok: boolean) => void): void {
    let at = sector * this.sectorBytes;
    this.follow(at);
    let ok = true;
    for (const piece of into) {
      ok = this.readPiece(at, piece) && ok;
      at += piece.length;
    }
    done(ok);
  }

  private follow(at: number): void {
    passes(IO_HOP.IMAGE, Math.floor(at / 512), this.changed.has(Math.floor(at / BLOCK_BYTES)) ? 1 : 0);
  }

  /** Where a sector lies: in the image, and in memory where the guest has written it. */
  place(sector: number): Place[] {
    const at = sector * this.sectorBytes;
    const block = Math.floor(at / BLOCK_BYTES);
    return [
      { layer: `image ${this.label}`, at },
      ...(this.changed.has(block)
        ? [{ layer: 'overlay in memory', at: at % BLOCK_BYTES, unit: { name: 'block', number: block } }]
        : (this.source.place?.(at) ?? [])),
    ];
  }

  private readPiece(at: number, piece: Uint8Array): boolean {
    const there = Math.max(0, Math.min(piece.length, this.source.bytes - at));
    if (!this.source.read(at, piece.subarray(0, there))) return false;
    piece.fill(0, there);
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
    this.follow(at);
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

  private blocks(
    at: number,
    length: number,
    visit: (block: number, within: number, from: number, count: number) => boolean,
  ): boolean {
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

  /** Whole blocks read as the medium has them, and need no memory any more. */
  discard(sector: number, sectors: number, done: (ok: boolean) => void): void {
    const end = Math.floor(((sector + sectors) * this.sectorBytes) / BLOCK_BYTES);
    const first = Math.ceil((sector * this.sectorBytes) / BLOCK_BYTES);
    if (end - first <= this.changed.size) for (let block = first; block < end; block++) this.changed.delete(block);
    else for (const block of this.changed.keys()) if (block >= first && block < end) this.changed.delete(block);
    done(!this.readOnly);
  }

  // Saved states.

  fingerprint(): number {
    return fingerprint(this.source);
  }

  /** What the guest has changed and the medium does not hold, in the order of blocks. */
  *changes(): Generator<DiskChange> {
    for (const block of [...this.changed.keys()].sort((a, b) => a - b))
      yield { block, bytes: this.changed.get(block) as Uint8Array };
  }

  /** Takes back what `changes` gave. Blocks past the end are ignored. */
  change({ block, bytes }: DiskChange): void {
    if (block * BLOCK_BYTES < this.source.bytes && bytes.length === BLOCK_BYTES) this.changed.set(block, bytes.slice());
  }
}
